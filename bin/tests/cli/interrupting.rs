//! Load tests that somebody ends before their time, at each of their stages: what was played is compared and told, and nothing
//! stays behind.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::children::{child_of, ended, has_ended, send, until};
use crate::world::{Ran, World};

/// Starts a run whose temporary store is made below `tmp`.
fn start(world: &World, words: &[&str]) -> Child {
    std::fs::create_dir(world.path("tmp")).expect("a new directory");
    let mut command = world.command(words);
    command.env("TMPDIR", world.path("tmp"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// The temporary store of a run.
fn store(world: &World) -> Option<PathBuf> {
    let mut made = std::fs::read_dir(world.path("tmp")).expect("it is there").flatten();
    made.find(|made| made.path().join("highwater.redb").exists()).map(|made| made.path())
}

/// Has a run begin, and ends it by a signal.
fn interrupted(world: &World, words: &[&str], signal: &str) -> serde_json::Value {
    let run = start(world, words);
    until("the run has a store", || store(world).is_some());
    send(signal, &run.id().to_string());
    let ran = Ran::from(ended(run));
    assert_eq!(ran.code, Some(130), "{}{}", ran.out, ran.err);
    for told in ["Nothing was lost, doubled or reordered", "The run was interrupted"] {
        assert!(ran.out.contains(told), "{}", ran.out);
    }
    assert_eq!(left_in(&world.path("tmp")), 0, "its store is left behind");
    let report = std::fs::read_to_string(world.path("r.json")).expect("it was written");
    serde_json::from_str(&report).expect("it is JSON")
}

fn left_in(dir: &Path) -> usize {
    std::fs::read_dir(dir).expect("it is there").count()
}

#[test]
fn a_run_that_is_ended_by_either_signal_tells_what_was_played() {
    for signal in ["-INT", "-TERM"] {
        let words = ["load", "--duration", "600", "--json", "r.json", "-q"];
        let report = interrupted(&World::new(), &words, signal);
        assert_eq!(report["interrupted"], true);
    }
}

#[test]
fn the_half_before_a_kill_can_be_ended() {
    let words = ["load", "--kill", "--duration", "600", "--json", "r.json", "-q"];
    let report = interrupted(&World::new(), &words, "-TERM");
    assert_eq!((&report["interrupted"], &report["broken"]), (&true.into(), &0.into()));
    assert_eq!((&report["killed"]["resumed"], &report["began"]), (&0.into(), &false.into()));
    assert_eq!(report["scenario"]["until"]["duration_secs"], 600, "{}", report["scenario"]);
}

#[test]
fn a_run_can_be_ended_while_known_sessions_are_written() {
    let world = World::new();
    let text = "[agents]\ncount = 1\nturns = 1\nwindow_tokens = 8000\nknown = 1000000\n\
                history_least_bytes = 100\nhistory_most_bytes = 200\n[provider]\nslots = 2\n";
    world.file("known.toml", text);
    let words = ["load", "--scenario", "known.toml", "--json", "r.json", "-q"];
    let report = interrupted(&world, &words, "-INT");
    assert_eq!(report["interrupted"], true);
}

#[test]
fn the_half_before_a_kill_ends_with_whoever_listens_to_it() {
    let world = World::new();
    let mut run = start(&world, &["load", "--kill", "--duration", "600", "-q"]);
    until("the run has a store", || store(&world).is_some());
    let child = child_of(&run, &store(&world).expect("it is there"));
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    until("the half ends with its run", || has_ended(&child));
}

#[test]
fn a_file_that_cannot_be_written_takes_nothing_of_what_was_seen() {
    let world = World::new();
    let ran = world.run(&["load", "--turns", "1", "--json", "/dev/full", "--html", "r.html", "-q"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("Nothing was lost, doubled or reordered"), "{}", ran.out);
    assert!(ran.err.contains("/dev/full: the report cannot be written"), "{}", ran.err);
    assert!(world.path("r.html").exists(), "the page was written all the same");
    let words = ["load", "--json", "r.x", "--html", "r.x", "-q"];
    world.run(&words).failed(2, &["name the same file"]);
}
