//! Files that are missing, damaged, swapped or not plain: each is refused by its name before anything is written.

use std::fs;
use std::path::Path;

use highwater_protocol::LogPos;

use super::fixture::{Logged, ending, files, name_of, require_refused};
use crate::export::{ExportError, Source, restore};
use crate::{MemoryStore, export};

/// An export of two checkpoints, in several parts.
fn exported() -> tempfile::TempDir {
    let (logged, dir) = (Logged::new("s", 2), tempfile::tempdir().unwrap());
    logged.export(0, dir.path()).unwrap();
    logged.export(1, dir.path()).unwrap();
    assert!(ending(dir.path(), ".part").len() >= 4);
    assert_eq!(ending(dir.path(), ".manifest").len(), 2);
    dir
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let dir = exported();
    for path in files(dir.path()) {
        let bytes = fs::read(&path).unwrap();
        let head = 0..80.min(bytes.len());
        for at in head.chain((80..bytes.len()).step_by(29)).chain([bytes.len() - 1]) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, flipped).unwrap();
            require_refused(dir.path(), &[&name_of(&path)]);
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_torn_or_lengthened_file_is_found() {
    let dir = exported();
    for path in files(dir.path()) {
        let bytes = fs::read(&path).unwrap();
        for length in [0, 1, 16, 40, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            require_refused(dir.path(), &[&name_of(&path)]);
        }
        fs::write(&path, [&*bytes, b"x"].concat()).unwrap();
        require_refused(dir.path(), &[&name_of(&path)]);
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_missing_part_or_older_manifest_is_named() {
    let dir = exported();
    let newest = ending(dir.path(), ".manifest").pop().unwrap();
    for path in files(dir.path()).into_iter().filter(|path| *path != newest) {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        require_refused(dir.path(), &[&name_of(&path), "missing"]);
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_file(newest).unwrap();
    let store = MemoryStore::new();
    let source = Source { dir: dir.path(), session: None, checkpoint: Some(LogPos(7)) };
    let refused = restore(&source, &store, None, &mut |_, _| {});
    assert!(matches!(refused, Err(ExportError::NoCheckpoint(_))), "{refused:?}");
}

#[test]
fn a_file_in_the_place_of_another_is_told_from_it() {
    let dir = exported();
    let (parts, manifests) = (ending(dir.path(), ".part"), ending(dir.path(), ".manifest"));
    let swap = |one: &Path, other: &Path| {
        let bytes = (fs::read(one).unwrap(), fs::read(other).unwrap());
        fs::write(one, bytes.1).unwrap();
        fs::write(other, bytes.0).unwrap();
    };
    for (one, other) in [(&parts[0], &parts[1]), (&manifests[0], &manifests[1])] {
        swap(one, other);
        let named = if one == &parts[0] { one } else { other };
        require_refused(dir.path(), &[&name_of(named)]);
        swap(one, other);
    }
    let foreign = tempfile::tempdir().unwrap();
    Logged::of("another one", 40, 2).export(1, foreign.path()).unwrap();
    let bytes = fs::read(&parts[0]).unwrap();
    fs::copy(&ending(foreign.path(), ".part")[0], &parts[0]).unwrap();
    require_refused(dir.path(), &[&name_of(&parts[0]), "another session, another one"]);
    fs::write(&parts[0], bytes).unwrap();
    let alien = &ending(foreign.path(), ".manifest")[0];
    fs::copy(alien, &manifests[1]).unwrap();
    require_refused(dir.path(), &[&name_of(&manifests[1])]);
    // Also under a name that is right for its content.
    let (own, other) = (name_of(&manifests[1]), name_of(alien));
    fs::remove_file(&manifests[1]).unwrap();
    let disguised = format!("{}{}", &own[..16], &other[16..]);
    fs::copy(alien, dir.path().join(&disguised)).unwrap();
    require_refused(dir.path(), &[&disguised, "another session, another one"]);
}

#[test]
fn a_manifest_under_another_name_is_told_from_what_the_name_says() {
    let dir = exported();
    let manifests = ending(dir.path(), ".manifest");
    let name = name_of(&manifests[1]);
    let (end, mark) = (&name[17..29], &name[30..62]);
    assert_eq!(end, "000000000008");
    for (other, word) in [
        (name.replace(mark, &mark.chars().rev().collect::<String>()), "damaged"),
        (name.replace(end, "000000000009"), "the checkpoint at log position 7"),
    ] {
        fs::rename(&manifests[1], dir.path().join(&other)).unwrap();
        require_refused(dir.path(), &[&other, word]);
        fs::rename(dir.path().join(&other), &manifests[1]).unwrap();
    }
}

#[test]
fn a_gigantic_file_is_not_read() {
    let dir = exported();
    for path in [&ending(dir.path(), ".part")[0], &ending(dir.path(), ".manifest")[1]] {
        let bytes = fs::read(path).unwrap();
        fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
        require_refused(dir.path(), &[&name_of(path), "1099511627776 bytes long"]);
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn two_histories_that_end_at_the_same_place_are_not_taken_for_one() {
    let (dir, other) = (exported(), tempfile::tempdir().unwrap());
    let logged = Logged::of("s", 60, 2);
    logged.export(1, other.path()).unwrap();
    for path in files(other.path()) {
        fs::copy(&path, dir.path().join(name_of(&path))).unwrap();
    }
    require_refused(dir.path(), &[".manifest", "another history"]);
    let store = MemoryStore::new();
    let source = Source { dir: dir.path(), session: None, checkpoint: Some(LogPos(3)) };
    restore(&source, &store, None, &mut |_, _| {}).unwrap();
}

#[test]
fn a_link_or_a_directory_is_not_followed() {
    let (dir, elsewhere) = (exported(), tempfile::tempdir().unwrap());
    for path in files(dir.path()) {
        let target = elsewhere.path().join(name_of(&path));
        fs::rename(&path, &target).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        require_refused(dir.path(), &[&name_of(&path), "symbolic link"]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        require_refused(dir.path(), &[&name_of(&path), "directory"]);
        fs::remove_dir(&path).unwrap();
        fs::rename(&target, &path).unwrap();
    }
}

#[test]
fn an_export_writes_through_no_link() {
    let (logged, dir) = (Logged::new("s", 1), tempfile::tempdir().unwrap());
    logged.export(0, dir.path()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = elsewhere.path().join("kept");
    fs::write(&kept, "mine").unwrap();
    let part = &ending(dir.path(), ".part")[0];
    for path in [&ending(dir.path(), ".manifest")[0], part] {
        fs::remove_file(path).unwrap();
    }
    std::os::unix::fs::symlink(&kept, part).unwrap();
    let refused = logged.export(0, dir.path()).unwrap_err().to_string();
    assert!(refused.contains(&name_of(part)) && refused.contains("symbolic link"), "{refused}");
    assert_eq!(fs::read(&kept).unwrap(), b"mine");
}

#[test]
fn a_damaged_part_in_the_way_is_mended_by_the_next_export() {
    let (logged, dir) = (Logged::new("s", 1), tempfile::tempdir().unwrap());
    logged.export(0, dir.path()).unwrap();
    fs::remove_file(&ending(dir.path(), ".manifest")[0]).unwrap();
    fs::write(&ending(dir.path(), ".part")[0], "torn").unwrap();
    assert_eq!(logged.export(0, dir.path()).unwrap().files, 2, "the part and the manifest");
    super::fixture::restored(dir.path(), &MemoryStore::new()).unwrap();
}

#[test]
fn what_is_no_export_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "hello").unwrap();
    require_refused(dir.path(), &["there is no export"]);
    require_refused(&dir.path().join("nowhere"), &["nowhere"]);
    let logged = Logged::new("s", 1);
    let (at, file) = (logged.checkpoints[0].position, dir.path().join("notes.txt"));
    let refused = export::export(&logged.store, &logged.session, at, None, &file, &mut |_, _| {});
    assert!(matches!(refused, Err(ExportError::Io { .. })), "{refused:?}");
    assert_eq!(fs::read(&file).unwrap(), b"hello");
}
