//! The process dies, or the disk fails, behind any step of an export: what was committed is what is restored.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;

use super::fixture::{Logged, log, restored};
use crate::MemoryStore;
use crate::export::disk::{Disk, Files};

/// A disk that does some steps and then no more. The step at which it stops is torn.
struct StopsAfter {
    left: Cell<usize>,
    done: RefCell<Vec<String>>,
}

impl StopsAfter {
    fn new(steps: usize) -> Self {
        Self { left: Cell::new(steps), done: RefCell::default() }
    }

    fn step(&self, what: String) -> io::Result<()> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("the process is dead"));
        }
        self.left.set(left - 1);
        self.done.borrow_mut().push(what);
        Ok(())
    }
}

fn kind_of(path: &Path) -> String {
    path.extension().map_or(String::new(), |kind| kind.to_string_lossy().into_owned())
}

impl Disk for StopsAfter {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.step("make".to_owned())?;
        Files.make_dir(dir)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(dead) = self.step("write".to_owned()) {
            Files.write_new(path, &bytes[..bytes.len() / 2])?;
            return Err(dead);
        }
        Files.write_new(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(format!("rename {}", kind_of(to)))?;
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove".to_owned())?;
        Files.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step("sync".to_owned())?;
        Files.sync_dir(dir)
    }
}

#[test]
fn a_crash_behind_any_step_leaves_what_was_committed() {
    let logged = Logged::new("s", 4);
    let mut crashes = 0;
    loop {
        let dir = tempfile::tempdir().unwrap();
        logged.export(1, dir.path()).unwrap();
        let disk = StopsAfter::new(crashes);
        let outcome = logged.export_with(&disk, 3, None, dir.path());
        let committed = disk.done.borrow().contains(&"rename manifest".to_owned());
        let store = MemoryStore::new();
        restored(dir.path(), &store).unwrap();
        let newest = if committed { 3 } else { 1 };
        assert_eq!(log(&store, &logged.session), logged.up_to(newest), "behind step {crashes}");
        logged.export(3, dir.path()).unwrap();
        restored(dir.path(), &store).unwrap();
        assert_eq!(log(&store, &logged.session), logged.up_to(3), "behind step {crashes}");
        if outcome.is_ok() {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 10, "{crashes} crashes");
}

#[test]
fn the_directory_is_synced_between_the_last_part_and_the_manifest_and_behind_it() {
    let (logged, dir) = (Logged::new("s", 1), tempfile::tempdir().unwrap());
    let disk = StopsAfter::new(usize::MAX);
    logged.export_with(&disk, 0, None, dir.path()).unwrap();
    let done = disk.done.borrow();
    let end = ["rename part", "sync", "write", "rename manifest", "sync"];
    assert_eq!(done[done.len() - 5..], end, "{done:?}");
}

#[test]
fn a_full_disk_leaves_no_file_in_the_making() {
    struct Full;
    impl Disk for Full {
        fn make_dir(&self, dir: &Path) -> io::Result<()> {
            Files.make_dir(dir)
        }
        fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
            Files.write_new(path, &bytes[..bytes.len() / 2])?;
            Err(io::ErrorKind::StorageFull.into())
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            Files.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            Files.remove(path)
        }
        fn sync_dir(&self, dir: &Path) -> io::Result<()> {
            Files.sync_dir(dir)
        }
    }
    let (logged, dir) = (Logged::new("s", 1), tempfile::tempdir().unwrap());
    let error = logged.export_with(&Full, 0, None, dir.path()).unwrap_err().to_string();
    assert!(error.contains(".part") && error.contains("no storage space"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
