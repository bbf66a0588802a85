//! Mentions in the text of comments: written as `@[usr…]`, `@[e-mail]` or `@[ugp…]`, kept and answered by id.

use serde_json::{Map, Value, json};

use crate::{enterprise::Group, world::User};

/// Who can be mentioned.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    User(&'a User),
    Group(&'a Group),
}

impl<'a> Known<'a> {
    fn id(self) -> &'a str {
        match self {
            Self::User(user) => &user.id,
            Self::Group(group) => &group.id,
        }
    }

    fn told(self) -> Value {
        match self {
            Self::User(user) => {
                let shown = user.name.as_ref().unwrap_or(&user.email);
                json!({"id": user.id, "type": "user", "displayName": shown, "email": user.email})
            }
            Self::Group(group) => json!({"id": group.id, "type": "userGroup", "displayName": group.name}),
        }
    }
}

/// The text with everybody who is known by id. Whoever is not known stays as written, and is not mentioned.
pub fn by_id<'a>(text: &str, find: impl Fn(&str) -> Option<Known<'a>>) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        let id = find(name).map_or(name, Known::id);
        kept.extend([before, "@[", id, "]"]);
        rest = after;
    }
    kept + rest
}

/// Who is mentioned in a text that [`by_id`] made: by id, as Airtable answers it.
pub fn mentioned<'a>(text: &str, find: impl Fn(&str) -> Option<Known<'a>>) -> Map<String, Value> {
    let mut mentioned = Map::new();
    let mut rest = text;
    while let Some((_, name, after)) = next(rest) {
        if let Some(known) = find(name) {
            mentioned.insert(known.id().to_owned(), known.told());
        }
        rest = after;
    }
    mentioned
}

/// What stands before the first mention, the name in it, and what stands after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, opened) = text.split_once("@[")?;
    let (name, after) = opened.split_once(']')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> User {
        User { id: "usrAda".to_owned(), email: "ada@example.com".to_owned(), name: None, colleagues: vec![] }
    }

    #[test]
    fn mentions_are_kept_by_id_and_strangers_as_written() {
        let ada = ada();
        let find = |name: &str| {
            [&ada].into_iter().find(|user| user.id == name || user.email == name).map(Known::User)
        };
        let text = by_id("@[ada@example.com] and @[usrAda], not @[usrNobody] or @[open", find);
        assert_eq!(text, "@[usrAda] and @[usrAda], not @[usrNobody] or @[open");
        let mentioned = mentioned(&text, find);
        assert_eq!(mentioned.keys().collect::<Vec<_>>(), ["usrAda"]);
        assert_eq!(mentioned["usrAda"]["displayName"], "ada@example.com");
    }
}
