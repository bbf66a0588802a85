//! Every query string is a list of parameters or is refused, and says the same as the body with the same entries.
#![cfg_attr(fuzzing, no_main)]

use airtable::{ListParameters, query};

fuzzing::target!(run);

fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let object = query::object(text);
    for value in object.values() {
        let items = query::items(value);
        assert!(
            query::texts(value).is_none_or(|texts| texts.len() == items.len()),
            "texts that are no items"
        );
    }
    let parameters = ListParameters::from_query(text);
    assert_eq!(ListParameters::from_body(&object, ""), parameters, "another list by POST");
    if let Ok(parameters) = parameters {
        assert!((1..=100).contains(&parameters.page_size), "a page of {}", parameters.page_size);
        assert_ne!(parameters.max_records, Some(0), "a list of nothing");
    }
}
