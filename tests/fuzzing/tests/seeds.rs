//! Each target takes its seeds, among them all that once broke it.

use std::{fs, path::Path, process::Command};

#[test]
fn every_target_takes_its_seeds() {
    let programs = Path::new(env!("CARGO_BIN_EXE_formula")).parent().unwrap();
    let sources = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin")).unwrap();
    for source in sources {
        let name = source.unwrap().path().file_stem().unwrap().to_owned();
        let seeds = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/seeds")).join(&name);
        let seeds: Vec<_> = fs::read_dir(seeds).unwrap().map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "{name:?} has no seeds");
        let taken = Command::new(programs.join(&name)).args(seeds).output().unwrap();
        assert!(taken.status.success(), "{name:?}: {}", String::from_utf8_lossy(&taken.stderr));
    }
}
