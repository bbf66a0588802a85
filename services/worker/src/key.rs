//! The key of a step, and the names under which the ledgers know it.

/// `{saga uid}/{step name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    step: String,
}

impl Key {
    /// A key from the path; none where a part is not a name of Kubernetes: letters, digits, `-`, `.`, `_`, up to 100.
    pub fn new(uid: &str, step: &str) -> Option<Self> {
        let is_name = |part: &str| {
            (1..=100).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        };
        (is_name(uid) && is_name(step)).then(|| Self { step: format!("{uid}/{step}") })
    }

    /// The step itself.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Its action.
    pub fn action(&self) -> String {
        format!("{}/do", self.step)
    }

    /// The undo of its action.
    pub fn undo(&self) -> String {
        format!("{}/undo", self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_names() {
        let key = Key::new("6f1c", "create-deal").unwrap();
        assert_eq!(
            (key.action().as_str(), key.undo().as_str()),
            ("6f1c/create-deal/do", "6f1c/create-deal/undo")
        );
        for (uid, step) in [("", "a"), ("a", ""), ("a/b", "c"), ("a", "b c"), ("a", &"x".repeat(101))] {
            assert_eq!(Key::new(uid, step), None, "{uid} {step}");
        }
    }
}
