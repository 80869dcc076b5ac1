//! Replays into a store that stays: resumed, locked, foreign, and compared again later.

use highwater_storage::{RedbOptions, RedbStore};

use crate::world::{World, conversation};

#[test]
fn a_second_run_resumes_and_appends_nothing_twice() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(5, 9));
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
    let again = world.replay(&file, &["--store", "store", "--json"]);
    again.fine(&[]);
    let report = again.json();
    assert_eq!((&report["resumed_entries"], &report["entries"]), (&10.into(), &10.into()));
    world.file("t.jsonl", conversation(8, 9));
    let grown = world.replay(&file, &["--store", "store", "--json"]);
    grown.fine(&[]);
    assert_eq!(grown.json()["resumed_entries"], 10);
    assert_eq!(grown.json()["entries"], 16);
}

#[test]
fn another_transcript_does_not_go_into_the_same_session() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(5, 9));
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
    let other = world.file("other.jsonl", conversation(5, 12));
    world
        .replay(&other, &["--store", "store", "--session", "t"])
        .failed(1, &["session t", "other content"]);
    world.run(&["verify", "--store", "store", "t.jsonl"]).fine(&["lossless: yes"]);
    world
        .replay(&file, &["--store", "store", "--render", "openai-chat"])
        .failed(2, &["renders anthropic"]);
}

#[test]
fn verify_says_where_the_first_difference_is() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(5, 9));
    world.replay(&file, &["--store", "store"]).fine(&[]);
    let text = conversation(5, 9);
    world.file("t.jsonl", text.replacen("turn 1", "turn 9", 1));
    let changed = world.run(&["verify", "--store", "store", "t.jsonl"]);
    assert_eq!(changed.code, Some(1));
    assert!(changed.out.contains("lossless: no") && changed.out.contains("#3"), "{}", changed.out);
    world.file("t.jsonl", &text[..text.len() - 1]);
    let shorter = world.run(&["verify", "--store", "store", "--json", "t.jsonl"]);
    assert_eq!((shorter.code, &shorter.json()["lossless"]), (Some(1), &false.into()));
    world.run(&["verify", "--store", "nowhere", "t.jsonl"]).failed(1, &["nowhere", "no store"]);
    world
        .run(&["verify", "--store", "store", "--session", "x", "t.jsonl"])
        .failed(1, &["session x"]);
}

#[test]
fn a_store_that_another_process_has_open_is_said_to_be_locked() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(2, 9));
    let held = RedbStore::open(&world.path("store"), RedbOptions::default()).expect("a new store");
    world.replay(&file, &["--store", "store"]).failed(1, &["store", "another process"]);
    drop(held);
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
}

#[test]
fn what_is_not_a_store_is_refused_and_left_as_it_is() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(2, 9));
    let plain = world.file("plain", "just a file");
    world.replay(&file, &["--store", "plain"]).failed(1, &["plain"]);
    assert_eq!(std::fs::read(plain).expect("still there"), b"just a file");
    std::fs::create_dir(world.path("dir")).expect("a new directory");
    let foreign = world.file("dir/highwater.redb", "something else entirely");
    world.replay(&file, &["--store", "dir"]).failed(1, &["highwater.redb"]);
    assert_eq!(std::fs::read(foreign).expect("still there"), b"something else entirely");
}
