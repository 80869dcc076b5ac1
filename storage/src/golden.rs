//! The golden files: stored bytes of every kind, checked in, that every later version must read and write alike.
//! `HIGHWATER_BLESS=1` writes them anew; see docs/format.md for when that is allowed.

use std::path::PathBuf;
use std::{env, fs};

/// The directory of the golden files of this format version.
pub(crate) fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Checks that `encoded` is what the golden file holds, and returns what it holds.
pub(crate) fn check(name: &str, encoded: &[u8]) -> Vec<u8> {
    let path = dir().join(format!("{name}.bin"));
    if env::var_os("HIGHWATER_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, encoded).expect("the golden file can be written");
    }
    let stored = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(stored, encoded, "{name}: the stored bytes have changed");
    stored
}

/// The golden file of packed bytes, which are only ever read: they are made by `make` when the files are written anew.
pub(crate) fn sample(name: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = dir().join(format!("{name}.bin"));
    if env::var_os("HIGHWATER_BLESS").is_some_and(|value| value == "1") && !path.exists() {
        fs::write(&path, make()).expect("the golden file can be written");
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
