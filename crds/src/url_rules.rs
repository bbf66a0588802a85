//! How URLs in resources look, as CEL rules: as far as patterns can tell. What they let through that is none, the operator finds.

/// Whether `self` is a URL of HTTP without user, query and fragment.
pub fn is_url() -> String {
    let path = "(/[^?#[:space:]]*)?";
    format!("self.matches('^https?://{}{}{path}$')", host(), port())
}

/// Whether all of `self` are hosts: with `*.` before it, all below a name, and https unless `http://` is before it.
pub fn are_hosts() -> String {
    let below = format!("[*][.]({LABEL}[.])+{LAST_LABEL}");
    format!("self.all(host, host.matches('^(https?://)?({below}|{}){}$'))", host(), port())
}

const LABEL: &str = "[-_a-zA-Z0-9]+";
/// Has a letter: what ends in a number is an IPv4 address or nothing.
const LAST_LABEL: &str = "[-_a-zA-Z0-9]*[a-zA-Z][-_a-zA-Z0-9]*";

/// A name, an IPv4 address, or what may be an IPv6 address in brackets.
fn host() -> String {
    let byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    format!("(({LABEL}[.])*{LAST_LABEL}[.]?|({byte}[.]){{3}}{byte}|[[][0-9a-fA-F:.]+[]])")
}

/// 1 to 65535, if any.
fn port() -> &'static str {
    "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
}
