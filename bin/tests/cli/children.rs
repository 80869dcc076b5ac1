//! Processes that a run of the program has started, as the system knows them.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// The process that a run has started, once there is a store in a directory, which is opened behind it.
pub(crate) fn child_of(run: &Child, store: &Path) -> PathBuf {
    until("the run has a store", || store.join("highwater.redb").exists());
    let processes = std::fs::read_dir("/proc").expect("it is there").flatten();
    let of_the_run = |process: &PathBuf| {
        let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, behind)| behind.split(' ').nth(1));
        parent == Some(&run.id().to_string())
    };
    processes.map(|process| process.path()).find(of_the_run).expect("it has started one")
}

/// What a run has said, which ends by itself, and long before it would without being asked to.
pub(crate) fn ended(mut run: Child) -> Output {
    let began = Instant::now();
    while run.try_wait().expect("it is ours").is_none() {
        if began.elapsed() > Duration::from_mins(1) {
            run.kill().expect("it runs");
            panic!("it was asked to end, and goes on for a minute");
        }
        std::thread::yield_now();
    }
    run.wait_with_output().expect("it has ended")
}

/// Waits until something holds. A test that would wait for ever fails.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(2), "{what}: not in two minutes");
        std::thread::yield_now();
    }
}

/// Whether a process is gone, or waits for nothing but somebody to hear of it.
pub(crate) fn has_ended(process: &Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, behind)| behind.starts_with('Z'))
}

/// Sends a signal to a process by its number.
pub(crate) fn send(signal: &str, number: &str) {
    let sent = Command::new("kill").args([signal, number]).status().expect("kill is there");
    assert!(sent.success(), "{sent}");
}

/// Kills a process.
pub(crate) fn kill(process: &Path) {
    let number = process.file_name().and_then(|name| name.to_str()).expect("it has one");
    send("-KILL", number);
}
