//! Checkpoints, exports and restores: the way out and back, two at once, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{Ran, World, conversation};

/// A world with a stored session `t`, which is exported with one checkpoint.
fn exported() -> World {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(5, 9));
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
    world.run(&["checkpoint", "store", "t"]).fine(&["checkpoint", "behind entry #10"]);
    world.run(&["export", "store", "t", "backup"]).fine(&["2 files", "is in backup"]);
    world
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("a directory").map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn a_restored_session_is_the_one_that_was_exported() {
    let world = exported();
    let again = world.run(&["export", "store", "t", "backup", "--json"]);
    again.fine(&[]);
    assert_eq!((&again.json()["files"], &again.json()["bytes"]), (&0.into(), &0.into()));
    world.run(&["restore", "backup", "--check"]).fine(&["session t can be restored"]);
    world.run(&["restore", "backup", "other"]).fine(&["session t stands at checkpoint"]);
    world.run(&["verify", "--store", "other", "t.jsonl"]).fine(&["lossless: yes"]);
    let done = world.run(&["restore", "backup", "other", "--json"]);
    assert_eq!(done.json()["written"], 0, "it is there already");
    world
        .run(&["restore", "backup", "other", "--into", "u", "--session", "t"])
        .fine(&["session u"]);
    world.run(&["verify", "--store", "other", "--session", "u", "t.jsonl"]).fine(&["yes"]);
}

#[test]
fn an_older_checkpoint_comes_back_and_the_newer_is_not_touched() {
    let world = exported();
    let first = world.run(&["checkpoint", "store", "t", "--json"]).json()["position"].to_string();
    world.run(&["export", "store", "t", "backup"]).fine(&[]);
    let file = world.file("t.jsonl", conversation(8, 9));
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
    world.run(&["checkpoint", "store", "t"]).fine(&["#16"]);
    world.run(&["export", "store", "t", "backup", "--since", &first]).fine(&["2 files"]);
    let old = world.run(&["restore", "backup", "old", "--checkpoint", &first, "--json"]);
    assert_eq!(old.json()["checkpoint"]["seq"], 10);
    world.run(&["restore", "backup", "new", "--checkpoint", "latest"]).fine(&[]);
    world.run(&["verify", "--store", "new", "t.jsonl"]).fine(&["lossless: yes"]);
    world.file("t.jsonl", conversation(5, 9));
    world.run(&["verify", "--store", "old", "t.jsonl"]).fine(&["lossless: yes"]);
    world
        .run(&["restore", "backup", "new", "--checkpoint", &first])
        .failed(1, &["session t", "ends at", "another name"]);
    world.run(&["restore", "backup", "old"]).fine(&["10 of them written now"]);
}

#[test]
fn what_is_damaged_or_missing_is_named_and_no_store_is_made_for_it() {
    let world = exported();
    for file in files(&world.path("backup")) {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let bytes = fs::read(&file).expect("a file");
        let mut flipped = bytes.clone();
        flipped[60] ^= 4;
        fs::write(&file, flipped).expect("it is written");
        world.run(&["restore", "backup", "fresh"]).failed(2, &[name, "damaged"]);
        fs::remove_file(&file).expect("it is removed");
        let gone = world.run(&["restore", "backup", "fresh"]);
        let is_part = file.extension().is_some_and(|kind| kind == "part");
        if is_part {
            gone.failed(2, &[name, "missing"]);
        } else {
            gone.failed(1, &["backup", "no export"]);
        }
        assert!(!world.path("fresh").exists(), "no store is made");
        fs::write(&file, bytes).expect("it is written");
    }
    world.run(&["restore", "nowhere", "fresh"]).failed(1, &["nowhere"]);
}

#[test]
fn what_cannot_be_exported_says_what_to_do() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(2, 9));
    world.replay(&file, &["--store", "store"]).fine(&[]);
    world
        .run(&["export", "store", "t", "backup"])
        .failed(1, &["no checkpoint", "highwater checkpoint store t"]);
    world.run(&["checkpoint", "store", "x"]).failed(1, &["session x"]);
    world.run(&["checkpoint", "nowhere", "t"]).failed(1, &["nowhere", "no store"]);
    world.run(&["checkpoint", "store", "t"]).fine(&[]);
    world.run(&["export", "store", "t", "backup", "--checkpoint", "0"]).failed(1, &["position 0"]);
    world.run(&["export", "store", "t", "t.jsonl"]).failed(1, &["t.jsonl"]);
    assert_eq!(world.run(&["restore", "backup"]).code, Some(2), "usage");
    assert_eq!(world.run(&["restore", "a", "b", "--checkpoint", "x"]).code, Some(2), "usage");
}

#[test]
fn two_processes_that_export_at_once_do_not_disturb_each_other() {
    let world = World::new();
    let mut turns = 2;
    let file = world.file("t.jsonl", conversation(turns, 200));
    world.replay(&file, &["--store", "store"]).fine(&[]);
    for _ in 0..4 {
        turns += 3;
        world.file("t.jsonl", conversation(turns, 200));
        world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
        world.run(&["checkpoint", "store", "t"]).fine(&[]);
        fs::create_dir_all(world.path("copy")).expect("a directory");
        fs::copy(world.path("store/highwater.redb"), world.path("copy/highwater.redb"))
            .expect("nobody has the store open");
        let both = ["store", "copy"].map(|store| {
            let mut command = world.command(&["export", store, "t", "backup"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("it starts")
        });
        for child in both {
            Ran::from(child.wait_with_output().expect("it ends")).fine(&["is in backup"]);
        }
        world.run(&["restore", "backup", "--check"]).fine(&["all verified"]);
    }
    world.run(&["restore", "backup", "other"]).fine(&[]);
    world.run(&["verify", "--store", "other", "t.jsonl"]).fine(&["lossless: yes"]);
}
