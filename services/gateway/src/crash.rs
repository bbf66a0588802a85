//! Where a test can kill the process: compiled in with the feature `failpoints` only.

/// The intent is durable, the request is not sent.
pub fn after_intent() {
    fail::fail_point!("gateway::after-intent", |_| std::process::abort());
}

/// The answer came, the outcome is not durable.
pub fn after_effect() {
    fail::fail_point!("gateway::after-effect", |_| std::process::abort());
}

/// The outcome is durable, the answer is not sent.
pub fn before_answer() {
    fail::fail_point!("gateway::before-answer", |_| std::process::abort());
}

/// True where a test wants to see that it notices a gateway without a ledger.
pub fn without_ledger() -> bool {
    fail::fail_point!("gateway::without-ledger", |_| true);
    false
}
