//! How urgent a request is: the header `Priority` of RFC 9218. Pure.

use http::HeaderMap;

/// What goes first. Each lower one still has its turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// `u=0` to `u=2`: what undoes something.
    Urgent,
    /// `u=3`, which is what a request without the header has, and `u=4`.
    Interactive,
    /// `u=5` to `u=7`.
    Bulk,
}

impl Urgency {
    /// The urgency that `headers` ask for. What is not valid is ignored, as the RFC says.
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all("priority").iter().filter_map(|value| value.to_str().ok());
        let members = values.flat_map(|value| value.split(','));
        match members.filter_map(urgency).next_back() {
            Some(0..=2) => Self::Urgent,
            Some(5..=7) => Self::Bulk,
            _ => Self::Interactive,
        }
    }
}

/// The number of a member `u=N` of the dictionary, which may have parameters.
fn urgency(member: &str) -> Option<u8> {
    let (name, value) = member.split(';').next()?.split_once('=')?;
    (name.trim() == "u").then(|| value.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_three_classes_and_what_is_not_valid_is_ignored() {
        for (value, expected) in [
            ("u=0", Urgency::Urgent),
            ("i, u=2", Urgency::Urgent),
            ("u=7;x=1, i", Urgency::Bulk),
            ("u=1, u=5", Urgency::Bulk),
            ("u=4", Urgency::Interactive),
            ("u=8", Urgency::Interactive),
            ("u=high", Urgency::Interactive),
            ("i", Urgency::Interactive),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("priority"),
                http::HeaderValue::from_static(value),
            )]);
            assert_eq!(Urgency::of(&headers), expected, "{value}");
        }
        assert_eq!(Urgency::of(&HeaderMap::new()), Urgency::Interactive);
    }
}
