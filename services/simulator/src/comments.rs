//! Comments on records.

use std::{collections::BTreeMap, sync::Arc};

use airtable::{Error, id::Kind, list, query, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    call::CommentsCall,
    directory::Directory,
    mentions::{self, Known},
    records::Input,
    transaction::{Change, Operation},
    world::{Base, User, new_id},
};

/// The comments of a base by record id, oldest first. A copy shares them until some are changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Comments(Arc<BTreeMap<String, Arc<Vec<Comment>>>>);

/// A comment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comment {
    id: String,
    author: User,
    /// Mentions are `@[usr…]`.
    text: String,
    created_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_updated_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_comment_id: Option<String>,
    /// The API has no call that makes one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<Reaction>,
}

/// What somebody feels about a comment, as the API answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reaction {
    emoji: Emoji,
    reacting_user: ReactingUser,
}

/// Code points in hexadecimal, with `-` between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Emoji {
    unicode_character: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReactingUser {
    user_id: String,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Comments {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many comments a record has.
    pub fn count(&self, record: &str) -> usize {
        self.of(record).len()
    }

    /// Drops the comments on records that are deleted by these changes.
    pub fn forget(&mut self, changes: &[Change]) {
        let deleted = changes.iter().filter(|change| change.operation == Operation::Delete);
        for change in deleted {
            if self.0.contains_key(&change.record) {
                Arc::make_mut(&mut self.0).remove(&change.record);
            }
        }
    }

    fn of(&self, record: &str) -> &[Comment] {
        self.0.get(record).map_or(&[], |comments| comments)
    }

    fn change(&mut self, record: &str, change: impl FnOnce(&mut Vec<Comment>)) {
        let all = Arc::make_mut(&mut self.0);
        change(Arc::make_mut(all.entry(record.to_owned()).or_default()));
        all.retain(|_, comments| !comments.is_empty());
    }
}

/// The comments on a record, newest first, page by page. The offset of a page is the id of its first comment.
pub fn list(
    base: &Base,
    directory: Directory<'_>,
    table: &str,
    record: &str,
    input: &Input<'_>,
) -> Result<Value, Error> {
    check_record(base, table, record).map_err(|_| Error::ModelNotFound)?;
    let parameters = query::object(input.query);
    let size = list::page_size(&parameters)?;
    let comments: Vec<&Comment> = base.comments.of(record).iter().rev().collect();
    let start = match parameters.get("offset").and_then(Value::as_str).filter(|offset| !offset.is_empty()) {
        None => 0,
        Some(offset) => comments
            .iter()
            .position(|comment| comment.id == offset)
            .ok_or_else(|| Error::InvalidOffset(offset.to_owned()))?,
    };
    let page = comments.iter().skip(start).take(size);
    let answers: Vec<Value> = page.map(|comment| answer(base, directory, record, comment)).collect();
    let next = comments.get(start + size).map(|comment| &comment.id);
    Ok(json!({"comments": answers, "offset": next}))
}

/// Creates, changes or deletes a comment; each only its author's own.
pub fn write(
    base: &mut Base,
    directory: Directory<'_>,
    table: &str,
    record: &str,
    call: &CommentsCall,
    input: &Input<'_>,
) -> Result<Value, Error> {
    check_record(base, table, record)?;
    let id = match call {
        CommentsCall::Create => {
            let comment = new(base, directory, record, input)?;
            let id = comment.id.clone();
            base.comments.change(record, |all| all.push(comment));
            id
        }
        CommentsCall::Delete { comment } => {
            own(base, directory.user, record, comment)?;
            base.comments.change(record, |all| all.retain(|known| known.id != *comment));
            return Ok(json!({"id": comment, "deleted": true}));
        }
        CommentsCall::Update { comment } => {
            own(base, directory.user, record, comment)?;
            let text = text(base, directory, record, &input.object()?)?;
            base.comments.change(record, |all| {
                for known in all.iter_mut().filter(|known| known.id == *comment) {
                    known.text.clone_from(&text);
                    known.last_updated_time = Some(input.now);
                }
            });
            comment.clone()
        }
        CommentsCall::List => return list(base, directory, table, record, input),
    };
    let written = find(base, record, &id)?;
    Ok(answer(base, directory, record, written))
}

fn check_record(base: &Base, table: &str, record: &str) -> Result<(), Error> {
    let table = base.table(table).ok_or(Error::ModelNotFound)?;
    let known = table.row(record).is_some() || base.table_of(record).is_some();
    if known { Ok(()) } else { Err(Error::ModelIdNotFound("Record")) }
}

fn find<'a>(base: &'a Base, record: &str, id: &str) -> Result<&'a Comment, Error> {
    let found = base.comments.of(record).iter().find(|comment| comment.id == id);
    found.ok_or(Error::ModelIdNotFound("Comment"))
}

fn own(base: &Base, user: &User, record: &str, id: &str) -> Result<(), Error> {
    let is_own = find(base, record, id)?.author.id == user.id;
    if is_own { Ok(()) } else { Err(Error::InvalidPermissions) }
}

fn new(base: &Base, directory: Directory<'_>, record: &str, input: &Input<'_>) -> Result<Comment, Error> {
    let body = input.object()?;
    let parent = match body.get("parentCommentId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(find(base, record, id)?.id.clone()),
        Some(_) => return Err(Error::InvalidRequest),
    };
    Ok(Comment {
        id: new_id(Kind::Comment),
        author: directory.user.clone(),
        text: text(base, directory, record, &body)?,
        created_time: input.now,
        last_updated_time: None,
        parent_comment_id: parent,
        reactions: Vec::new(),
    })
}

fn text(
    base: &Base,
    directory: Directory<'_>,
    record: &str,
    body: &Map<String, Value>,
) -> Result<String, Error> {
    let given = body.get("text").ok_or(Error::MissingFields("text"))?;
    let text = given.as_str().filter(|text| !text.trim().is_empty()).ok_or(Error::InvalidRequest)?;
    Ok(mentions::by_id(text, |name| known(base, directory, record, name)))
}

/// Who can be mentioned: people and groups of the directory, and who has commented on the record.
fn known<'a>(base: &'a Base, directory: Directory<'a>, record: &str, name: &str) -> Option<Known<'a>> {
    let authors = base.comments.of(record).iter().map(|comment| &comment.author);
    let mut people = directory.user.people().chain(authors);
    let person = people.find(|known| known.id == name || known.email.eq_ignore_ascii_case(name));
    person.map(Known::User).or_else(|| directory.account.group(name).map(Known::Group))
}

fn answer(base: &Base, directory: Directory<'_>, record: &str, comment: &Comment) -> Value {
    let mentioned = mentions::mentioned(&comment.text, |name| known(base, directory, record, name));
    let always = [
        ("id", json!(comment.id)),
        ("author", comment.author.cell()),
        ("text", json!(comment.text)),
        ("createdTime", json!(time::write(comment.created_time))),
        ("lastUpdatedTime", json!(comment.last_updated_time.map(time::write))),
    ];
    let sometimes = [
        ("mentioned", (!mentioned.is_empty()).then_some(Value::Object(mentioned))),
        ("parentCommentId", comment.parent_comment_id.clone().map(Value::String)),
        ("reactions", (!comment.reactions.is_empty()).then(|| json!(comment.reactions))),
    ];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(sometimes).map(|(name, value)| (name.to_owned(), value)).collect()
}
