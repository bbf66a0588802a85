//! The hosts that Airtable keeps content on. Nothing else is fetched: an answer may hold any URL that somebody wrote.

use std::str::FromStr;

use reqwest::Url;

/// One host, or all below a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    scheme: &'static str,
    /// Whether it is the names below that are meant, and not this one.
    is_parent: bool,
    name: String,
    port: Option<u16>,
}

/// All hosts that are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.strip_prefix("http://") {
            Some(rest) => ("http", rest),
            None => ("https", text.strip_prefix("https://").unwrap_or(text)),
        };
        let (is_parent, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let wrong = || {
            "expected a host such as *.airtableusercontent.com or http://127.0.0.1:8090, with the port where its URLs name one".to_owned()
        };
        // A name as URLs have it: lower case, without what would mean something else in one.
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| wrong())?;
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
        let is_host = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_wild = name.contains('*') || (is_parent && !name.contains('.'));
        let has_gap = name.starts_with('.') || name.contains("..");
        if !is_host || rest.ends_with('/') || is_wild || has_gap || has_user(&url) {
            return Err(wrong());
        }
        Ok(Self { scheme, is_parent, name: name.to_owned(), port: url.port() })
    }
}

impl Hosts {
    /// These hosts.
    pub fn new(hosts: Vec<Host>) -> Self {
        Self(hosts)
    }

    /// The URL in `text`, where it is at one of these hosts.
    pub fn url(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        (self.0.iter().any(|host| host.has(&url)) && !has_user(&url)).then_some(url)
    }
}

impl Host {
    fn has(&self, url: &Url) -> bool {
        let is_below = |name: &str| {
            name.strip_suffix(&self.name).is_some_and(|left| left.len() > 1 && left.ends_with('.'))
        };
        let is_named = |name: &str| if self.is_parent { is_below(name) } else { name == self.name };
        url.scheme() == self.scheme && url.port() == self.port && url.host_str().is_some_and(is_named)
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &[&str], url: &str) -> bool {
        Hosts::new(hosts.iter().map(|host| host.parse().unwrap()).collect()).url(url).is_some()
    }

    #[test]
    fn only_airtables_hosts_over_tls_are_good() {
        let allows = |url: &str| allows(&["*.airtableusercontent.com"], url);
        assert!(allows("https://v5.airtableusercontent.com/v3/u/1/x.png?y"));
        assert!(allows("https://V5.AirtableUserContent.com/x"));
        for url in [
            "http://v5.airtableusercontent.com/x",
            "https://v5.airtableusercontent.com:8443/x",
            "https://airtableusercontent.com/x",
            "https://.airtableusercontent.com/x",
            "https://evilairtableusercontent.com/x",
            "https://v5.airtableusercontent.com.evil.example/x",
            "https://v5.airtableusercontent.com@169.254.169.254/x",
            "https://user:password@v5.airtableusercontent.com/x",
            "https://169.254.169.254/latest/meta-data",
            "https://evil.example/?v5.airtableusercontent.com",
            "https://evil.example/#.airtableusercontent.com",
            "https://evil.example\\.airtableusercontent.com/",
            "file:///etc/passwd",
            "//v5.airtableusercontent.com/x",
            "v5.airtableusercontent.com",
            "",
        ] {
            assert!(!allows(url), "{url}");
        }
    }

    #[test]
    fn a_host_may_be_named_with_its_port_and_without_tls() {
        let hosts = ["http://127.0.0.1:8090", "https://content.example:444", "http://[::1]:1"];
        for url in ["http://127.0.0.1:8090/a", "https://content.example:444/a", "http://[::1]:1/"] {
            assert!(allows(&hosts, url), "{url}");
        }
        for url in [
            "http://127.0.0.1:8091/a",
            "http://127.0.0.1/",
            "https://content.example/",
            "https://127.0.0.1:8090/",
        ] {
            assert!(!allows(&hosts, url), "{url}");
        }
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "*.com",
            "a.*.com",
            "foo..bar",
            ".com",
            "ftp://a.com",
            "a.com/",
            "a.com/b",
            "a.com?b",
            "a@b.com",
            "http://",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
