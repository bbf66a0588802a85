//! Points where a test kills the process or switches a promise off; nothing of them is in a normal build.

/// Which way a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The action.
    Do,
    /// Its undo.
    Undo,
}

impl Direction {
    /// As a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// Aborts the process where the fail point `worker::{point}:{do|undo}` says `return`.
pub fn die_at(point: &str, direction: Direction) {
    if cfg!(feature = "failpoints") {
        let name = format!("worker::{point}:{}", direction.name());
        kill(&name);
    }
}

#[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "the macro is empty then"))]
fn kill(name: &str) {
    fail::fail_point!(name, |_| std::process::abort());
}

/// True under a fail point: every `PUT` runs, which the tests must notice.
pub fn without_ledger() -> bool {
    fail::fail_point!("worker::without-ledger", |_| true);
    false
}

/// True under a fail point: an undo leaves no tombstone, which the tests must notice.
pub fn without_tombstones() -> bool {
    fail::fail_point!("worker::without-tombstones", |_| true);
    false
}

/// True under a fail point: a call of an older epoch is let in, which the tests must notice.
pub fn without_fence() -> bool {
    fail::fail_point!("worker::without-fence", |_| true);
    false
}
