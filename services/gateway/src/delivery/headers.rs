//! Which headers pass: those about the message, not about the connection, the two ends of a hop, or the host.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The headers of a client that Airtable gets.
pub fn asked(headers: &HeaderMap) -> HeaderMap {
    passing(headers, |_, _| true)
}

/// The headers of an answer that a client gets.
pub fn answered(headers: &HeaderMap) -> HeaderMap {
    passing(headers, |name, value| !(is_about_host(name) || name == header::VARY && is_about_cors(value)))
}

fn passing(headers: &HeaderMap, passes: impl Fn(&HeaderName, &HeaderValue) -> bool) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let stays = |name: &HeaderName| stays_here(name) || named.contains(name);
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, value)| !stays(name) && passes(name, value)) {
        kept.append(name, value.clone());
    }
    kept
}

/// What binds a browser to the host that said it, or tells of the way to that host: the client has another one before it.
fn is_about_host(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("access-control-")
        || matches!(
            name,
            "alt-svc"
                | "clear-site-data"
                | "expect-ct"
                | "nel"
                | "public-key-pins"
                | "public-key-pins-report-only"
                | "report-to"
                | "reporting-endpoints"
                | "server"
                | "set-cookie"
                | "strict-transport-security"
                | "via"
        )
}

/// Whether a value of `Vary` names nothing but what CORS asks by.
fn is_about_cors(vary: &HeaderValue) -> bool {
    const ASKED_BY: [&str; 3] = ["origin", "access-control-request-method", "access-control-request-headers"];
    let is_of_them = |name: &str| ASKED_BY.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
    vary.to_str().is_ok_and(|names| names.split(',').all(is_of_them))
}

/// Hop-by-hop headers, credentials, and what is between the client and this gateway only. `accept-encoding` is
/// among them since the gateway reads answers, and what would make another method of one that rights and ledger have seen.
fn stays_here(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-encoding"
            | "attachment-urls"
            | "authorization"
            | "baggage"
            | "connection"
            | "content-length"
            | "cookie"
            | "date"
            | "expect"
            | "forwarded"
            | "host"
            | "idempotency-key"
            | "idempotency-since"
            | "keep-alive"
            | "priority"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "request-timeout"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_hop_by_hop_headers_and_other_methods_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer client-key"),
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("cookie", "session"),
            ("x-http-method", "DELETE"),
            ("x-http-method-override", "DELETE"),
            ("x-method-override", "DELETE"),
            ("x-api-version", "0.1.0"),
            ("content-type", "application/json"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut left: Vec<_> = asked(&headers).keys().map(ToString::to_string).collect();
        left.sort();
        assert_eq!(left, ["content-type", "x-api-version"]);
    }

    #[test]
    fn vary_stays_here_where_it_names_only_what_cors_asks_by() {
        let mut headers = HeaderMap::new();
        for value in ["Origin, Access-Control-Request-Headers", "origin, accept-language", "*"] {
            headers.append(header::VARY, HeaderValue::from_static(value));
        }
        let left: Vec<_> = answered(&headers).get_all(header::VARY).iter().cloned().collect();
        assert_eq!(left, ["origin, accept-language", "*"]);
    }
}
