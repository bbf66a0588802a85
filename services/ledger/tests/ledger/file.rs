//! The ledger's file: files that are not what they should be, and callers that stop waiting.
use std::path::PathBuf;

use ledger::{Error, Ledger, Look};
use serde_json::json;

use crate::setup::{begin, fresh, interrupted, now, state};

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    (folder, path)
}

#[tokio::test]
async fn a_settled_key_is_settled_for_whoever_asks_next_even_if_the_settler_stops_waiting() {
    let ledger = Ledger::open(None, now()).unwrap();
    let claim = fresh(begin(&ledger, "k").await);
    let mut finishing = Box::pin(claim.finish(json!(1), now()));
    let _asked_for = futures::poll!(&mut finishing);
    drop(finishing);
    assert_eq!(state(&begin(&ledger, "k").await), ("done", Some(json!(1))));
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_its_claim() {
    let ledger = Ledger::open(None, now()).unwrap();
    let mut beginning = Box::pin(begin(&ledger, "k"));
    drop(futures::poll!(&mut beginning));
    drop(beginning);
    ledger.look("k").await.unwrap();
    drop(interrupted(begin(&ledger, "k").await));
}

#[tokio::test]
async fn the_size_is_told() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    drop(begin(&ledger, "k").await);
    let size = ledger.size().await.unwrap();
    assert_eq!((size.keys, size.bytes), (1, Some(std::fs::metadata(&path).unwrap().len())));
    assert_eq!(Ledger::open(None, now()).unwrap().size().await.unwrap().bytes, None);
}

#[tokio::test]
async fn a_file_in_use_is_refused() {
    let (_folder, path) = file();
    let _first = Ledger::open(Some(&path), now()).unwrap();
    let error = Ledger::open(Some(&path), now()).unwrap_err();
    assert!(matches!(&error, Error::InUse { file } if *file == path.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_named_and_left_alone() {
    let (_folder, path) = file();
    std::fs::write(&path, vec![b'x'; 20_000]).unwrap();
    let error = Ledger::open(Some(&path), now()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 20_000]);
}

#[tokio::test]
async fn a_missing_folder_is_said() {
    let error = Ledger::open(Some("/nowhere/ledger.redb".as_ref()), now()).unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_file_cut_short_is_damaged_and_never_an_empty_ledger() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    fresh(begin(&ledger, "k").await).finish(json!(1), now()).await.unwrap();
    drop(ledger);
    let whole = std::fs::read(&path).unwrap();
    for length in [100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        match Ledger::open(Some(&path), now()) {
            Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{length}: {error:?}"),
            Ok(ledger) => assert_eq!(ledger.look("k").await.unwrap(), Look::Done(json!(1)), "{length}"),
        }
    }
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_one_that_is_there_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(Ledger::open(Some(&path), jiff::Timestamp::now()).unwrap());
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    drop(Ledger::open(Some(&path), jiff::Timestamp::now()).unwrap());
    assert_eq!(mode(), 0o640);
}
