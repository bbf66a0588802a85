//! The answer to a request as it comes in, in room that it has.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::{
    headers,
    upstream::{Trip, describe},
};
use crate::{
    answer::Answer,
    answers::{Answers, SMALL, Share, Taken},
};

/// Largest answer taken, in bytes: a page of 100 records with many long texts.
pub const LARGEST_ANSWER: usize = 64 << 20;
/// An answer that does not say how large it is has room for so much to begin with,
const AT_FIRST: usize = 16 << 10;
/// and where it is larger than [`SMALL`], for all that is free, and for so much at least.
const LIKELY: usize = 8 << 20;

/// What is done with an answer, and so, how much room it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Of a read: once more in memory while URLs or offsets in it are replaced.
    PassOn,
    /// Of a read: values are made of it, which take several times its size.
    Decode,
    /// Of a write: it has happened, so that its answer is taken in whatever there is.
    TellOfWrite,
}

impl Purpose {
    /// The room for an answer of `size` bytes.
    pub fn room(self, size: usize) -> usize {
        if size <= SMALL { size } else { size.saturating_mul(self.times()) }
    }

    /// The largest answer that may have this much room.
    pub fn size(self, room: usize) -> usize {
        LARGEST_ANSWER.min(room / self.times()).max(SMALL.min(room))
    }

    fn times(self) -> usize {
        match self {
            Self::PassOn | Self::TellOfWrite => 2,
            Self::Decode => 8,
        }
    }

    /// The largest answer that is taken in where reads may have this much room.
    fn largest(self, room: usize) -> usize {
        if self == Self::TellOfWrite { LARGEST_ANSWER } else { self.size(room) }
    }
}

/// Why there is no answer.
enum Missing {
    /// It is larger than this.
    TooLarge(usize),
    NoRoom,
    Broken(hyper::Error),
}

impl From<hyper::Error> for Missing {
    fn from(error: hyper::Error) -> Self {
        Self::Broken(error)
    }
}

/// What became of a request that `response` answers. What Airtable refuses is said in a few words: for these there is always room.
pub async fn receive(response: http::Response<Incoming>, answers: &Answers, purpose: Purpose) -> Trip {
    let status = response.status();
    let purpose = if status.is_success() { purpose } else { Purpose::TellOfWrite };
    let headers = headers::answered(response.headers());
    match whole(response.into_body(), answers, purpose).await {
        Ok((body, room)) => Trip::Answered(Answer { status, headers, body, room }),
        Err(Missing::TooLarge(most)) => Trip::Answered(too_large(most)),
        Err(Missing::NoRoom) => Trip::Dropped,
        Err(Missing::Broken(error)) => Trip::Lost(describe(&error)),
    }
}

/// A body, not copied where it came in one piece, and its room.
async fn whole(
    mut incoming: Incoming,
    answers: &Answers,
    purpose: Purpose,
) -> Result<(Bytes, Share), Missing> {
    if incoming.is_end_stream() {
        return Ok((Bytes::new(), Share::default()));
    }
    let largest = purpose.largest(answers.largest());
    let mut size = announced(&incoming).unwrap_or(AT_FIRST);
    if size > largest {
        return Err(Missing::TooLarge(largest));
    }
    let mut room = first(answers, purpose, size).await.ok_or(Missing::NoRoom)?;
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame?.into_data() else { continue };
        let length = body.len() + chunk.len();
        if length > largest {
            return Err(Missing::TooLarge(largest));
        }
        if length > size {
            grow(&mut room, answers, purpose, length, largest).await.ok_or(Missing::NoRoom)?;
            size = purpose.size(room.bytes());
        }
        if body.is_empty() && incoming.is_end_stream() {
            return Ok((chunk, room.into()));
        }
        // All of its room at once: what is not written to takes no memory, and each move of the body would.
        body.reserve_exact(size - body.len());
        body.extend_from_slice(&chunk);
    }
    body.shrink_to_fit();
    Ok((body.into(), room.into()))
}

/// How many bytes it has, where it says so.
fn announced(incoming: &Incoming) -> Option<usize> {
    incoming.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX))
}

async fn first(answers: &Answers, purpose: Purpose, size: usize) -> Option<Taken> {
    match purpose {
        Purpose::TellOfWrite => Some(answers.insist(purpose.room(size))),
        Purpose::PassOn | Purpose::Decode => answers.reserve(purpose.room(size)).await,
    }
}

/// Room for `length` bytes at least of a body that did not say how large it is.
async fn grow(
    room: &mut Taken,
    answers: &Answers,
    purpose: Purpose,
    length: usize,
    largest: usize,
) -> Option<()> {
    let wanted = purpose.room(length.saturating_mul(2).min(largest));
    if purpose == Purpose::TellOfWrite {
        room.fit(wanted);
    } else if room.bytes() <= SMALL {
        let (least, most) = (purpose.room(LIKELY.clamp(length, largest)), purpose.room(largest));
        let has = room.bytes();
        room.join(answers.reserve_up_to(least - has, most - has).await?);
    } else if !room.grow(wanted).await {
        return None;
    }
    Some(())
}

fn too_large(most: usize) -> Answer {
    let message = format!("Airtable's answer is larger than {most} bytes: ask for fewer records or fields");
    Answer::error(StatusCode::INSUFFICIENT_STORAGE, "GATEWAY_ANSWER_TOO_LARGE", &message)
}
