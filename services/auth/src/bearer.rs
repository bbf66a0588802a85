//! The bearer token of a request.

use http::{HeaderMap, header::AUTHORIZATION};

/// Longest token looked at, in bytes: a ServiceAccount's token has about 1,000, Airtable's about 82.
const LONGEST: usize = 16 * 1024;

/// The token of `Authorization: Bearer <token>`; none where the header is missing, doubled or of another scheme.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= LONGEST).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc "])), Some("abc"));
    }

    #[test]
    fn another_scheme_an_empty_token_or_two_headers_are_no_token() {
        for values in [&["Basic abc"][..], &["Bearer "], &["Bearer"], &[], &["Bearer a", "Bearer b"]] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }
}
