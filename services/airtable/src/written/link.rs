//! Records that a link field is to lead to.

use serde_json::Value;

use super::comma_separated;
use crate::{Error, id::Kind};

/// A record to link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// By its id.
    Id(String),
    /// By the text of its primary field; it is made where there is none. Only with typecast.
    Primary(String),
}

/// A list of ids, or of objects with an `id`; with typecast also of texts, or a text of them with commas between. Each
/// record once.
pub fn links(value: &Value, typecast: bool) -> Result<Vec<Link>, Error> {
    let texts = match value {
        Value::Array(items) => {
            let text = |item: &Value| item.as_str().or_else(|| item.get("id")?.as_str()).map(str::to_owned);
            items.iter().map(|item| text(item).ok_or(Error::NotRecordIds)).collect::<Result<_, _>>()?
        }
        Value::String(text) if typecast => comma_separated(text),
        _ => return Err(Error::NotRecordIds),
    };
    let mut links: Vec<Link> = Vec::new();
    for text in texts {
        let link = if typecast && !Kind::Record.names(&text) { Link::Primary(text) } else { Link::Id(text) };
        if !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(links)
}
