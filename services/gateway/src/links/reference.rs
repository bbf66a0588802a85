//! What a URL of the gateway's names: one file of one attachment in one record. Pure.
//!
//! Not the field: its cells are looked through for the attachment, so that a field may get another name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Size;

/// Endings of file names stay legible; what only consists of dots would be a place in the path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');
const NO_NAME: &str = "file";

/// A file of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The id of its table, or its name where the id was not known.
    pub table: &'a str,
    pub record: &'a str,
    pub attachment: &'a str,
    pub size: Size,
    /// For people, and for who saves it.
    pub file_name: &'a str,
}

impl Reference<'_> {
    /// The same with a file name that can be part of a path.
    #[must_use]
    pub fn named(self) -> Self {
        let is_name = self.file_name.bytes().any(|byte| byte != b'.');
        Self { file_name: if is_name { self.file_name } else { NO_NAME }, ..self }
    }

    /// What the MAC is over.
    pub fn signed(&self, base: &str) -> String {
        format!("attachment 1 {base} {}", self.parts().join(" "))
    }

    /// The path below `/attachments/`.
    pub fn path(&self, mac: &str) -> String {
        let [table, record, attachment, size, file_name] = self.parts();
        format!("{table}/{record}/{attachment}/{size}/{mac}/{file_name}")
    }

    /// None has a space or a slash.
    fn parts(&self) -> [String; 5] {
        let name = self.size.name();
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let file_name = utf8_percent_encode(self.named().file_name, KEPT).to_string();
        [encoded(self.table), encoded(self.record), encoded(self.attachment), name.to_owned(), file_name]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(file_name: &str) -> Reference<'_> {
        Reference { table: "Ta/ble é", record: "rec1", attachment: "att1", size: Size::Small, file_name }
    }

    #[test]
    fn names_are_one_segment_each_and_keep_their_ending() {
        assert_eq!(reference("a b/c.png").path("mac"), "Ta%2Fble%20%C3%A9/rec1/att1/small/mac/a%20b%2Fc.png");
        for name in ["", ".", "..", "..."] {
            assert!(reference(name).path("mac").ends_with("/mac/file"), "{name}");
        }
    }

    #[test]
    fn whatever_differs_is_signed_otherwise() {
        let one = reference("a.png");
        let others = [
            Reference { table: "T", ..one },
            Reference { record: "rec2", ..one },
            Reference { attachment: "att2", ..one },
            Reference { size: Size::Full, ..one },
            reference("b.png"),
            Reference { record: "rec1 att1", attachment: "", ..one },
        ];
        for other in others {
            assert_ne!(other.signed("app1"), one.signed("app1"), "{other:?}");
        }
        assert_ne!(one.signed("app1"), one.signed("app2"));
    }
}
