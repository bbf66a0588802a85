//! A ledger takes little memory, however large its file grows. In a process of its own, since it measures the process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use jiff::Timestamp;
use ledger::{Begin, Ledger};
use serde_json::json;

const MIB: u64 = 1 << 20;

/// Bytes of memory that are the process's own, and not pages of files.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

async fn fill(ledger: &Ledger, number: usize) {
    let key = format!("{number:08}");
    match ledger.begin(&key, "work", json!("x".repeat(16 << 10)), None, Timestamp::now()).await.unwrap() {
        Begin::Fresh(_) => (),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_large_file_is_not_kept_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ledger = Ledger::open(Some(&path), Timestamp::now()).unwrap();
    let before = memory();
    for batch in 0..40 {
        futures::future::join_all((0..100).map(|number| fill(&ledger, batch * 100 + number))).await;
    }
    let bytes = ledger.size().await.unwrap().bytes.unwrap();
    let grown = memory().saturating_sub(before);
    assert!(bytes > 60 * MIB, "{bytes}");
    assert!(grown < 40 * MIB, "{} MiB for a file of {} MiB", grown / MIB, bytes / MIB);
}
