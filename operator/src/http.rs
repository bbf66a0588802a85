//! Calls to gateways and workers: one client, bounded in time and in what is read.

use std::time::Duration;

use reqwest::{Client, Response, redirect::Policy};

/// How long a service may take to say whether it is ready: one that stays silent must not hold up the passes of others.
pub const PROBE: Duration = Duration::from_secs(3);

/// The HTTP client: bounded in time, never following a redirect with a token.
///
/// # Errors
/// When TLS can't be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .redirect(Policy::none())
        .pool_max_idle_per_host(64)
        .build()
}

/// Why a body was not read whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than its reader wants.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection ended first.
    #[error("the answer broke off: {}", plain(.0))]
    Broken(#[from] reqwest::Error),
}

/// The body, of at most `most` bytes: whoever answers may be anybody's.
///
/// # Errors
/// When it is larger, or breaks off.
pub async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error of the client by its innermost cause, without the URL.
pub fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &'static str) -> Response {
        ::http::Response::new(body).into()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound() {
        assert_eq!(body(response("four"), 4).await.unwrap(), b"four");
        assert!(matches!(body(response("fiver"), 4).await, Err(BodyError::TooLarge(4))));
    }
}
