//! What moves through the model: calls, answers, and the moves themselves.

use std::fmt;

use saga::{Direction, Repair, Report};

/// One call: the place of the step in the plan, direction, attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub step: usize,
    pub direction: Direction,
    pub attempt: u32,
}

/// A call on its way to the worker. Without a sender nobody hears the answer any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    pub call: Call,
    pub from: Option<usize>,
}

/// An answer on its way back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reply {
    pub call: Call,
    pub to: usize,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    Succeeded,
    Refused,
    Busy,
    /// No answer of the worker's: the driver could not send the call.
    NotSent,
}

impl Answer {
    /// What it means, where `alone` is true when nobody else may have sent the call.
    pub fn report(self, alone: bool) -> Report {
        let (reason, message) = (String::new(), String::new());
        match self {
            Self::Succeeded => Report::Succeeded { outputs: None },
            Self::Refused => Report::Refused { reason, message },
            Self::NotSent if !alone => Report::Unknown { reason, message },
            Self::Busy | Self::NotSent => Report::Busy { reason, message, retry_after: None },
        }
    }
}

/// What the worker makes of a call that its ledger does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Willing,
    Refusing,
    Busy,
}

/// One move of the model.
#[derive(Clone, Copy)]
pub enum Move {
    /// A request reaches the worker; `kept` leaves a copy on its way.
    Deliver {
        request: Request,
        mood: Mood,
        kept: bool,
    },
    /// An answer reaches its driver; `kept` leaves a copy on its way.
    Hear {
        reply: Reply,
        kept: bool,
    },
    /// An answer reaches its driver, which calls before it writes, and crashes between the two.
    HearHastily {
        reply: Reply,
    },
    /// A driver can't reach the worker, and knows that it did not send this call.
    Unreachable {
        driver: usize,
        call: Call,
    },
    /// A driver no longer waits for an answer, although request or answer may still be on their way.
    GiveUp {
        driver: usize,
        call: Call,
    },
    /// Time passes until the first driver wakes.
    Pass,
    /// A driver reads the journal and goes on from there.
    Look {
        driver: usize,
    },
    /// A driver dies and starts again from the journal.
    Crash {
        driver: usize,
    },
    Cancel,
    Suspend,
    Resume,
    Repair {
        step: usize,
        verb: Repair,
    },
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.direction {
            Direction::Do => "do",
            Direction::Undo => "undo",
        };
        let step = ["a", "b", "c", "d"].get(self.step).unwrap_or(&"?");
        write!(formatter, "{verb} {step} (attempt {})", self.attempt)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copy = |kept: &bool| if *kept { ", a copy stays on its way" } else { "" };
        match self {
            Self::Deliver { request, mood, kept } => {
                write!(formatter, "{} reaches the worker, which is {mood:?}{}", request.call, copy(kept))
            }
            Self::Hear { reply: Reply { call, to, answer }, kept } => {
                write!(formatter, "driver {to} hears {answer:?} of {call}{}", copy(kept))
            }
            Self::HearHastily { reply: Reply { call, to, answer } } => {
                write!(
                    formatter,
                    "driver {to} hears {answer:?} of {call}, calls, and crashes before it writes"
                )
            }
            Self::Unreachable { driver, call } => {
                write!(formatter, "driver {driver} can't reach the worker for {call}")
            }
            Self::GiveUp { driver, call } => write!(formatter, "driver {driver} gives up waiting for {call}"),
            Self::Pass => write!(formatter, "time passes"),
            Self::Look { driver } => write!(formatter, "driver {driver} goes on from the journal"),
            Self::Crash { driver } => write!(formatter, "driver {driver} crashes and restarts"),
            Self::Cancel => write!(formatter, "somebody cancels"),
            Self::Suspend => write!(formatter, "somebody suspends"),
            Self::Resume => write!(formatter, "somebody resumes"),
            Self::Repair { step, verb } => write!(formatter, "somebody repairs step {step}: {verb:?}"),
        }
    }
}
