//! What comes back over HTTP, or doesn't: the body within bounds, `Retry-After`, and a connection that broke.

use std::{fmt::Write as _, time::Duration};

use reqwest::Response;

use crate::{contract::Problem, outcome::Failure};

/// For how long to wait where an answer does not say.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The body, as far as `largest` bytes; a longer one is an unknown end.
pub async fn body(mut answer: Response, largest: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > largest {
            let message = format!("the answer is larger than {largest} bytes");
            return Err(Failure::Unknown(Problem::new("AnswerTooLarge", message)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What comes of the body within `largest` bytes, and whether that is all of it.
pub async fn beginning(mut answer: Response, largest: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return (body, true),
            Ok(Some(chunk)) if body.len() + chunk.len() <= largest => body.extend_from_slice(&chunk),
            Ok(Some(_)) | Err(_) => return (body, false),
        }
    }
}

/// No answer: nothing was sent where there was no connection, else nobody knows.
pub fn lost(error: &reqwest::Error) -> Failure {
    let mut message = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a String can't fail.
        let _ = write!(message, "{}{error}", if message.is_empty() { "" } else { ": " });
        cause = error.source();
    }
    if error.is_connect() {
        Failure::Later(Problem::new("Unreachable", format!("no connection: {message}")), PAUSE)
    } else {
        Failure::Unknown(Problem::new("AnswerLost", format!("no answer: {message}")))
    }
}

/// `Retry-After` in seconds.
pub fn retry_after(answer: &Response) -> Duration {
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    header
        .and_then(|seconds| seconds.parse().ok())
        .map_or(PAUSE, |seconds: u64| Duration::from_secs(seconds.min(300)))
}
