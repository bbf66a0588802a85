//! Ids: three letters that say what is named, then fourteen of `[A-Za-z0-9]`; seventeen characters in all.

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `att`, a file in a cell.
    Attachment,
    /// `app`, a base.
    Base,
    /// `sel`, a choice of a select field.
    Choice,
    /// `com`, a comment on a record.
    Comment,
    /// `ent`, an enterprise account.
    Enterprise,
    /// `fld`, a field of a table.
    Field,
    /// `itr`, an iteration over pages of records.
    Iterator,
    /// `rec`, a record.
    Record,
    /// `tbl`, a table.
    Table,
    /// `usr`, a user.
    User,
    /// `viw`, a view of a table.
    View,
    /// `ach`, a webhook.
    Webhook,
    /// `wsp`, a workspace.
    Workspace,
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TAIL: usize = 14;

impl Kind {
    /// The three letters that ids of this kind begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Attachment => "att",
            Self::Base => "app",
            Self::Choice => "sel",
            Self::Comment => "com",
            Self::Enterprise => "ent",
            Self::Field => "fld",
            Self::Iterator => "itr",
            Self::Record => "rec",
            Self::Table => "tbl",
            Self::User => "usr",
            Self::View => "viw",
            Self::Webhook => "ach",
            Self::Workspace => "wsp",
        }
    }

    /// Whether `text` has the shape of an id of this kind.
    pub fn names(self, text: &str) -> bool {
        text.strip_prefix(self.prefix())
            .is_some_and(|tail| tail.len() == TAIL && tail.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// The id of this kind that `entropy` stands for; the lowest 83 bits tell ids apart.
    pub fn id(self, entropy: u128) -> String {
        let mut rest = entropy;
        let mut id = self.prefix().to_owned();
        for _ in 0..TAIL {
            let digit = usize::try_from(rest % 62).unwrap_or_default();
            id.push(DIGITS.get(digit).copied().map_or('0', char::from));
            rest /= 62;
        }
        id
    }

    /// The number that [`Kind::id`] makes this id of; none for an id of another kind, or for no id.
    pub fn number(self, id: &str) -> Option<u128> {
        let tail = id.strip_prefix(self.prefix()).filter(|_| self.names(id))?;
        tail.bytes().rev().try_fold(0_u128, |number, byte| {
            let digit = DIGITS.iter().position(|digit| *digit == byte)?;
            Some(number * 62 + u128::try_from(digit).ok()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_id_is_recognised_as_its_kind_only() {
        let id = Kind::Record.id(u128::MAX);
        assert_eq!(id.len(), 17);
        assert!(Kind::Record.names(&id));
        assert!(!Kind::Table.names(&id));
    }

    #[test]
    fn the_number_of_a_made_id_comes_back() {
        let number = (1 << 83) - 12_345;
        assert_eq!(Kind::Iterator.number(&Kind::Iterator.id(number)), Some(number));
        assert_eq!(Kind::Record.number(&Kind::Iterator.id(number)), None);
        assert_eq!(Kind::Iterator.number("itr"), None);
    }

    #[test]
    fn neither_short_nor_strange_ids_are_recognised() {
        assert!(!Kind::Base.names("appShort"));
        assert!(!Kind::Base.names("app0123456789012_"));
        assert!(!Kind::Base.names("app012345678901é"));
    }
}
