//! Fuzz targets: each is one file in `src/bin`, with its seeds in `seeds/NAME`. `tests/fuzz` runs them.
//!
//! libFuzzer with coverage on the stable compiler: its flags are stable, only the sanitizers are not, and there is no unsafe
//! code here for them to watch. Without these flags a target is a program that feeds itself the files it is given, which
//! is how `cargo test` makes sure that what once broke stays repaired.

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// The program of a target: `fuzzing::target!(function)`, where `function` takes bytes and panics at what must not be.
#[macro_export]
macro_rules! target {
    ($function:path) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $function(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay($function)
        }
    };
}

/// Feeds the files that the command line names to a target.
///
/// # Errors
/// When one can't be read.
pub fn replay(target: fn(&[u8])) -> std::io::Result<()> {
    std::env::args_os().skip(1).try_for_each(|path| {
        target(&std::fs::read(path)?);
        Ok(())
    })
}
