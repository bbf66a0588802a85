//! The gateway's own offsets: in Airtable's shape, and enough to go on after a restart. Pure.
//!
//! `itr…` holds in 83 bits how many records came before, a number that tells iterations apart, and a check that binds
//! both and the record to the question; `rec…` is the last record that was given.

use airtable::id::Kind;

use super::question::{Key, digest};

const POSITION_BITS: u32 = 20;
const ITERATION_BITS: u32 = 31;
/// Bases hold half as many; where there are more, the position is a lower bound.
const LAST_POSITION: u32 = (1 << POSITION_BITS) - 1;

/// Where a page begins: behind a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// How many records come before, that one included.
    pub position: u32,
    /// Tells apart iterations that asked the same.
    pub iteration: u32,
    /// The last record given.
    pub record: String,
}

impl Offset {
    /// The number of a new iteration.
    pub fn new_iteration(entropy: u32) -> u32 {
        entropy >> (u32::BITS - ITERATION_BITS)
    }

    /// As a client gets it, for the pages of one question.
    pub fn text(&self, question: &Key) -> String {
        let position = self.position.min(LAST_POSITION);
        let number = u128::from(self.check(question)) << (POSITION_BITS + ITERATION_BITS)
            | u128::from(self.iteration) << POSITION_BITS
            | u128::from(position);
        format!("{}/{}", Kind::Iterator.id(number), self.record)
    }

    /// From what a client sends with `question`; none for what was not given to it for that.
    pub fn read(text: &str, question: &Key) -> Option<Self> {
        let (iterator, record) = text.split_once('/')?;
        let number = Kind::Iterator.number(iterator)?;
        let field = |shift: u32, bits: u32| u32::try_from((number >> shift) & ((1 << bits) - 1)).ok();
        let offset = Self {
            position: field(0, POSITION_BITS)?,
            iteration: field(POSITION_BITS, ITERATION_BITS)?,
            record: record.to_owned(),
        };
        (offset.text(question) == text).then_some(offset)
    }

    fn check(&self, question: &Key) -> u32 {
        let position = self.position.min(LAST_POSITION).to_be_bytes();
        let parts = [question.as_slice(), &position, &self.iteration.to_be_bytes(), self.record.as_bytes()];
        let [a, b, c, d, ..] = digest(parts);
        u32::from_be_bytes([a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_offset_is_read_with_its_own_question_only(
            position in 0..=LAST_POSITION, entropy: u32, question: Key, other: Key, at in 3..17_usize, letter in "[A-Za-z0-9]"
        ) {
            let record = Kind::Record.id(entropy.into());
            let offset = Offset { position, iteration: Offset::new_iteration(entropy), record };
            let text = offset.text(&question);
            prop_assert!(Kind::Iterator.names(text.split('/').next().unwrap()));
            prop_assert_eq!(Offset::read(&text, &question), Some(offset));
            prop_assume!(question != other);
            prop_assert_eq!(Offset::read(&text, &other), None);
            let mut forged = text.clone();
            forged.replace_range(at..=at, &letter);
            prop_assert!(forged == text || Offset::read(&forged, &question).is_none());
        }
    }

    #[test]
    fn what_is_no_offset_is_none() {
        for text in ["", "nonsense", "itr/rec", "itr00000000000000/rec00000000000000"] {
            assert_eq!(Offset::read(text, &[0; 32]), None, "{text}");
        }
    }
}
