//! The worker: what it did for each key, and how its ledger makes it answer.

use saga::Direction;

use crate::{
    scene::{Promise, Scene},
    words::{Answer, Call, Mood},
};

/// What the worker knows of one key, and what is true in the world.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// How often the action's effect exists.
    pub effects: u8,
    done: bool,
    refused: bool,
    closed: bool,
    /// Attempts of the action up to this one were refused for the time being.
    turned_away: u32,
}

impl Key {
    /// Whether the ledger alone decides the answer, so that the worker's mood does not matter.
    pub fn is_decided(self, call: Call, scene: &Scene) -> bool {
        self.remembered(call, scene).is_some()
    }

    /// Takes a call and answers it; true as well when an effect was taken back.
    pub fn take(&mut self, call: Call, mood: Mood, scene: &Scene) -> (Answer, bool) {
        if let Some(answer) = self.remembered(call, scene) {
            return (answer, false);
        }
        match (mood, call.direction) {
            (Mood::Busy, Direction::Do) => {
                self.turned_away = self.turned_away.max(call.attempt);
                (Answer::Busy, false)
            }
            (Mood::Busy, Direction::Undo) => (Answer::Busy, false),
            (Mood::Refusing, Direction::Do) => {
                self.refused = true;
                (Answer::Refused, false)
            }
            (Mood::Refusing, Direction::Undo) => (Answer::Refused, false),
            (Mood::Willing, Direction::Do) => {
                self.effects += 1;
                self.done = true;
                (Answer::Succeeded, false)
            }
            (Mood::Willing, Direction::Undo) => {
                let taken_back = self.effects > 0;
                self.effects = self.effects.saturating_sub(1);
                self.closed = true;
                (Answer::Succeeded, taken_back)
            }
        }
    }

    /// A person removes the effect and makes sure that it can't come any more.
    pub fn undo_by_hand(&mut self) {
        self.effects = 0;
        self.closed = true;
    }

    fn remembered(self, call: Call, scene: &Scene) -> Option<Answer> {
        match call.direction {
            Direction::Undo if self.closed && scene.keeps(Promise::Ledger) => Some(Answer::Succeeded),
            Direction::Undo => None,
            Direction::Do if self.closed && scene.keeps(Promise::Tombstones) => Some(Answer::Refused),
            Direction::Do if self.done && scene.keeps(Promise::Ledger) => Some(Answer::Succeeded),
            Direction::Do if self.refused && scene.keeps(Promise::FinalRefusals) => Some(Answer::Refused),
            Direction::Do => {
                let is_turned_away =
                    call.attempt <= self.turned_away && scene.keeps(Promise::BusyWithoutEffect);
                is_turned_away.then_some(Answer::Busy)
            }
        }
    }
}
