//! Which paths lead to the gateway's base, and which requests only read. Pure; paths stay encoded.

use std::borrow::Cow;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `/v0/meta/whoami`
    Whoami,
    /// `/v0/meta/bases`
    Bases,
    /// Anything in the gateway's base.
    Base,
    /// Another base, a workspace, an enterprise account.
    Elsewhere,
    /// Nothing that Airtable serves.
    Nowhere,
}

/// The path with its leading slashes collapsed: some clients send `//v0/…`.
pub fn clean(path: &str) -> &str {
    let superfluous = path.bytes().take_while(|byte| *byte == b'/').count().saturating_sub(1);
    path.get(superfluous..).unwrap_or(path)
}

/// Path and query as one, as a request line has them.
pub fn with_query(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| [path, "?", query].concat())
}

/// A text as one segment of a path.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The table, by its name or id, whose records a path below `/v0/{base}` is about; none where it names none, as that of an
/// upload.
pub fn table(target: &str) -> Option<Cow<'_, str>> {
    let path = target.split('?').next().unwrap_or_default();
    let mut segments = path.trim_end_matches('/').split('/').skip(2);
    let (base, table) = (segments.next()?, segments.next()?);
    let is_of_records = base.starts_with("app") && segments.nth(1) != Some("uploadAttachment");
    is_of_records.then(|| percent_decode_str(table).decode_utf8_lossy())
}

/// What `path` is about, for the gateway of `base`.
pub fn target(path: &str, base: &str) -> Target {
    let Some(rest) = path.strip_prefix("/v0/") else { return Target::Nowhere };
    let segments: Vec<&str> = rest.split('/').collect();
    if !segments.iter().all(|segment| stays_in_place(segment)) {
        return Target::Nowhere;
    }
    let of = |named: &str| if named == base { Target::Base } else { Target::Elsewhere };
    match segments.as_slice() {
        ["meta", "whoami"] | ["meta", "whoami", ""] => Target::Whoami,
        ["meta", "bases"] | ["meta", "bases", ""] => Target::Bases,
        ["meta", "bases", named, ..] | ["bases", named, ..] => of(named),
        ["meta", _, ..] => Target::Elsewhere,
        [named, table, ..] if named.starts_with("app") && !table.is_empty() => of(named),
        _ => Target::Nowhere,
    }
}

/// False for a segment that a URL parser, here or on the way, may resolve to another place than it names.
fn stays_in_place(segment: &str) -> bool {
    if segment.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
        return true;
    }
    let is_dropped = |letter: char| letter.is_ascii_control() || matches!(letter, '#' | '?');
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    !segment.contains('\\')
        && !segment.contains(is_dropped)
        && !decoded.split(['/', '\\']).any(|part| matches!(part, "." | ".."))
}

/// True for a request that changes nothing: a GET, or a list asked for by POST.
pub fn reads(method: &Method, path: &str) -> bool {
    let is_list = || {
        let mut segments = path.trim_end_matches('/').split('/').skip(2);
        let (base, _table, list) = (segments.next(), segments.next(), segments.next());
        base.is_some_and(|base| base.starts_with("app"))
            && list == Some("listRecords")
            && segments.next().is_none()
    };
    matches!(*method, Method::GET | Method::HEAD) || (*method == Method::POST && is_list())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "appAAAAAAAAAAAAAA";

    #[test]
    fn leading_slashes_are_collapsed_and_trailing_ones_kept() {
        assert_eq!(clean("//v0/app/T/"), "/v0/app/T/");
        assert_eq!(clean("/v0/app//T"), "/v0/app//T");
        assert_eq!(clean("///"), "/");
        assert_eq!(clean("/"), "/");
    }

    #[test]
    fn paths_lead_to_this_base_to_another_or_nowhere() {
        for (path, expected) in [
            ("/v0/meta/whoami", Target::Whoami),
            ("/v0/meta/bases", Target::Bases),
            ("/v0/meta/bases/appAAAAAAAAAAAAAA/tables", Target::Base),
            ("/v0/meta/bases/appBBBBBBBBBBBBBB/tables", Target::Elsewhere),
            ("/v0/meta/workspaces/wspAAAAAAAAAAAAAA", Target::Elsewhere),
            ("/v0/bases/appAAAAAAAAAAAAAA/webhooks", Target::Base),
            ("/v0/bases/appBBBBBBBBBBBBBB/webhooks", Target::Elsewhere),
            ("/v0/appAAAAAAAAAAAAAA/Ta%2Fble%20x/", Target::Base),
            ("/v0/appBBBBBBBBBBBBBB/T", Target::Elsewhere),
            ("/v0/appAAAAAAAAAAAAAA", Target::Nowhere),
            ("/v0/tblAAAAAAAAAAAAAA/T", Target::Nowhere),
            ("/v1/appAAAAAAAAAAAAAA/T", Target::Nowhere),
        ] {
            assert_eq!(target(path, BASE), expected, "{path}");
        }
    }

    #[test]
    fn no_path_climbs_out_of_the_base() {
        for path in [
            "/v0/appAAAAAAAAAAAAAA/../appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/%2e%2E/appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/T%2F..%2F..%2FappBBBBBBBBBBBBBB",
            "/v0/appAAAAAAAAAAAAAA/..\\appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/./T",
            "/v0/appAAAAAAAAAAAAAA/.\t./appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/.\r\n./appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/%2E./appBBBBBBBBBBBBBB/T",
            "/v0/appAAAAAAAAAAAAAA/T%5C..%5C..%5CappBBBBBBBBBBBBBB",
            "/v0/appAAAAAAAAAAAAAA/T#",
        ] {
            assert_eq!(target(path, BASE), Target::Nowhere, "{path}");
        }
    }

    #[test]
    fn the_path_of_records_names_their_table() {
        for (target, expected) in [
            ("/v0/appAAAAAAAAAAAAAA/Ta%2Fble/?x=/y/z", Some("Ta/ble")),
            ("/v0/appAAAAAAAAAAAAAA/T/rec1/comments", Some("T")),
            ("/v0/appAAAAAAAAAAAAAA/rec1/fld1/uploadAttachment", None),
            ("/v0/meta/bases/appAAAAAAAAAAAAAA/tables", None),
        ] {
            assert_eq!(table(target).as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn only_gets_and_lists_read() {
        assert!(reads(&Method::GET, "/v0/app/T"));
        assert!(reads(&Method::POST, "/v0/app/T/listRecords"));
        assert!(!reads(&Method::POST, "/v0/app/T"));
        assert!(!reads(&Method::POST, "/v0/app/T/rec/listRecords"));
        assert!(!reads(&Method::POST, "/v0/bases/app/listRecords"));
        assert!(!reads(&Method::DELETE, "/v0/app/T/listRecords"));
    }
}
