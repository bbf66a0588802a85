//! Query strings as JSON objects, with every notation of lists that clients use.

use serde_json::{Map, Value};

/// Reads a query string: `a=1` is a text, `a[]=1`, `a[0]=1` and a repeated `a=1` make lists, `a[0][b]=1` nests.
///
/// Percent-encoding and `+` are decoded. Keys that are misshapen keep their brackets.
pub fn object(query: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match path(&key) {
            Some((name, steps)) => insert(&mut object, name, &steps, value.into_owned()),
            None => insert(&mut object, &key, &[], value.into_owned()),
        }
    }
    object
}

/// The items of a list in whichever notation it came: an array, an object by number, or one item alone.
pub fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        Value::Object(by_number) if by_number.keys().all(|key| key.parse::<u32>().is_ok()) => {
            let mut items: Vec<_> = by_number.iter().collect();
            items.sort_by_key(|(key, _)| key.parse::<u32>().unwrap_or(u32::MAX));
            items.into_iter().map(|(_, item)| item).collect()
        }
        item => vec![item],
    }
}

/// The texts of a list in whichever notation it came; `None` where an item is no text.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    items(value).into_iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// `sort[0][field]` is `sort` and `["0", "field"]`; at most two steps mean something to Airtable.
fn path(key: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = key.split_once('[')?;
    let steps: Vec<_> = rest.strip_suffix(']')?.split("][").collect();
    let plain = |step: &&str| !step.contains(['[', ']']);
    (!name.is_empty() && steps.len() <= 2 && steps.iter().all(plain)).then_some((name, steps))
}

fn insert(object: &mut Map<String, Value>, name: &str, steps: &[&str], value: String) {
    match steps {
        [] => match object.entry(name).or_insert(Value::Null) {
            slot @ Value::Null => *slot = Value::String(value),
            Value::Array(items) => items.push(Value::String(value)),
            slot => *slot = Value::Array(vec![slot.take(), Value::String(value)]),
        },
        [""] => {
            let slot = object.entry(name).or_insert_with(|| Value::Array(vec![]));
            match slot {
                Value::Array(items) => items.push(Value::String(value)),
                slot => *slot = Value::Array(vec![slot.take(), Value::String(value)]),
            }
        }
        [step, rest @ ..] => {
            let slot = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = slot {
                insert(inner, step, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn three_notations_of_a_list_mean_the_same() {
        for query in ["fields[]=a&fields[]=b+c", "fields=a&fields=b%20c", "fields[1]=b+c&fields%5B0%5D=a"] {
            assert_eq!(texts(&object(query)["fields"]).unwrap(), ["a", "b c"], "{query}");
        }
        assert_eq!(texts(&object("fields=a")["fields"]).unwrap(), ["a"]);
    }

    #[test]
    fn sort_nests_by_number() {
        let object = object("sort[1][field]=b&sort[0][field]=a&sort[0][direction]=desc");
        assert_eq!(
            items(&object["sort"]),
            [&json!({"field": "a", "direction": "desc"}), &json!({"field": "b"})]
        );
    }

    #[test]
    fn strange_keys_do_no_harm() {
        assert_eq!(object("a[[=1&[]=2&b[0][1][2]=3&a=x&a[0]=y").len(), 4);
    }
}
