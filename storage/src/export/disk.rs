//! The directory of an export: files that appear whole or not at all, and are read only when they are plain files.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::ExportError;
use crate::directory;

/// What an export does to a directory. A trait, so that a test can stop it behind each step.
pub(super) trait Disk {
    /// Makes the directory and those above it, as far as they are not there.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Writes a file that must not be there yet, and syncs it.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Puts a file in the place of another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file that was not finished.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes renames in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The real one.
pub(super) struct Files;

impl Disk for Files {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        directory::make(dir)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        directory::sync(dir)
    }
}

/// How many names are tried for a file in the making: others have theirs, and a crash leaves some behind.
const NAMES_TRIED: usize = 1_000;

/// Tells the files in the making of one process apart.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Puts a file in place under the name of its content, unless it is there already. Tells whether it was written.
pub(super) fn publish(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<bool, ExportError> {
    if let Some(found) = look(dir, name)? {
        require_plain(dir, name, &found)?;
        let length = bytes.len() as u64;
        if found.len() == length && read(dir, name, length).is_ok_and(|known| known == bytes) {
            return Ok(false);
        }
    }
    for _ in 0..NAMES_TRIED {
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = dir.join(format!(".{name}.{}.{number}", std::process::id()));
        let written = disk.write_new(&unfinished, bytes);
        match written.and_then(|()| disk.rename(&unfinished, &dir.join(name))) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                // It counts for nothing, and the error that is told is why it is there.
                drop(disk.remove(&unfinished));
                return Err(ExportError::io(&dir.join(name), &error));
            }
        }
    }
    Err(ExportError::refused(dir, name, "no free name was found to write it under"))
}

/// Reads a plain file of a directory, which is at most `cap` bytes long. A link is not followed.
pub(super) fn read(dir: &Path, name: &str, cap: u64) -> Result<Vec<u8>, ExportError> {
    let found = look(dir, name)?;
    let found = found.ok_or_else(|| ExportError::refused(dir, name, "the file is missing"))?;
    require_plain(dir, name, &found)?;
    if found.len() > cap {
        let why = format!("it is {} bytes long, expected are at most {cap}", found.len());
        return Err(ExportError::refused(dir, name, why));
    }
    let file = open(dir, name, &found)?;
    let mut bytes = Vec::new();
    let read = file.take(cap).read_to_end(&mut bytes);
    read.map_err(|error| ExportError::io(&dir.join(name), &error))?;
    Ok(bytes)
}

/// Opens what was looked at, and nothing that was put in its place since.
fn open(dir: &Path, name: &str, looked_at: &Metadata) -> Result<File, ExportError> {
    let path = dir.join(name);
    let unreadable = |error: io::Error| ExportError::io(&path, &error);
    let file = File::open(&path).map_err(unreadable)?;
    if is_same(looked_at, &file.metadata().map_err(unreadable)?) {
        Ok(file)
    } else {
        Err(ExportError::refused(dir, name, "it was replaced while it was opened"))
    }
}

/// What a name of the directory is, links not followed; `None` when there is nothing.
fn look(dir: &Path, name: &str) -> Result<Option<Metadata>, ExportError> {
    let path = dir.join(name);
    match fs::symlink_metadata(&path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ExportError::io(&path, &error)),
    }
}

fn require_plain(dir: &Path, name: &str, found: &Metadata) -> Result<(), ExportError> {
    let kind = found.file_type();
    let why = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_symlink() => "it is a symbolic link, which is not followed",
        () if kind.is_dir() => "it is a directory",
        () => "it is not a plain file",
    };
    Err(ExportError::refused(dir, name, why))
}

/// Whether the file that was opened is the one that was looked at, and not what a link put in its place leads to.
#[cfg(unix)]
fn is_same(looked_at: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (looked_at.dev(), looked_at.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_takes_the_place_of_a_file_while_it_is_opened_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (part, secret) = (dir.path().join("part"), dir.path().join("secret"));
        fs::write(&part, "a part").unwrap();
        fs::write(&secret, "a secret").unwrap();
        let found = look(dir.path(), "part").unwrap().unwrap();
        require_plain(dir.path(), "part", &found).unwrap();
        open(dir.path(), "part", &found).unwrap();
        fs::remove_file(&part).unwrap();
        std::os::unix::fs::symlink(&secret, &part).unwrap();
        let refused = open(dir.path(), "part", &found).unwrap_err().to_string();
        assert!(refused.contains("replaced"), "{refused}");
    }
}
