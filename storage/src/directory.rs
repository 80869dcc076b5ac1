//! Directories that are durable: a name is there after a power loss once the directory that holds it was synced.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes a directory and those above it, as far as they are not there, each durable in the one above.
pub(crate) fn make(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    // The parent of a bare relative name is the empty path.
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make(parent)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made?,
    }
    sync(parent)
}

/// Makes the names in a directory durable. Only Unix lets a directory be synced.
pub(crate) fn sync(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_made_once_and_a_file_is_in_the_way() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("a/b/../c");
        make(&deep).unwrap();
        make(&deep).unwrap();
        assert!(top.path().join("a/c").is_dir() && top.path().join("a/b").is_dir());
        fs::write(top.path().join("file"), "").unwrap();
        make(&top.path().join("file")).expect_err("it is a file");
        make(&top.path().join("file/below")).expect_err("it is a file");
    }
}
