//! Commands that are stopped in the midst of their work: the store is sound afterwards, and all of it is there.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use crate::inspecting::stored;
use crate::world::World;

const FILE: &str = "store/highwater.redb";
/// What Ctrl-C sends.
const SIGINT: i32 = 2;

/// A command that works on the store and then waits, with the store still open, for somebody to read its result: nobody
/// ever does, so it is always there to be stopped, and never ends by itself.
struct Waiting {
    child: Child,
    unread: UnixStream,
}

impl Waiting {
    fn start(world: &World, words: &[&str]) -> Self {
        let (unread, mut out) = UnixStream::pair().expect("a pair of sockets");
        out.set_nonblocking(true).expect("it is ours");
        for size in [4096, 1] {
            let full = loop {
                if let Err(full) = out.write(&vec![0; size]) {
                    break full;
                }
            };
            assert_eq!(full.kind(), ErrorKind::WouldBlock, "{full}");
        }
        out.set_nonblocking(false).expect("it is ours");
        let mut command = world.command(words);
        command.stdout(OwnedFd::from(out)).stderr(Stdio::null());
        Self { child: command.spawn().expect("it starts"), unread }
    }

    /// Waits until it has written to the store's file, whose header was this before.
    fn writes(&mut self, world: &World, before: &[u8]) {
        while header(world) == before {
            let ended = self.child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "it ended, and had written nothing");
        }
    }

    /// Stops it. It has not ended before, so that its number is still its own.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
        assert!(sent.success(), "{sent}");
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(SIGINT), "it was not stopped: {status}");
        drop(self.unread);
    }
}

/// The beginning of the store's file, which each commit changes.
fn header(world: &World) -> [u8; 512] {
    let mut header = [0; 512];
    let file = File::open(world.path(FILE)).expect("the store's file");
    file.take(512).read_exact(&mut header).expect("a header");
    header
}

/// Puts back what the store was.
fn restore(world: &World, whole: &[u8]) {
    fs::write(world.path(FILE), whole).expect("there is room for it");
}

#[test]
fn a_command_that_is_stopped_leaves_the_store_sound() {
    let world = stored();
    let whole = fs::read(world.path(FILE)).expect("the store's file");
    for looks in [0, 10, 100, 1_000, 10_000] {
        for name in ["maintain", "doctor", "stats"] {
            restore(&world, &whole);
            let before = header(&world);
            let mut waiting = Waiting::start(&world, &[name, "store"]);
            if name == "maintain" {
                waiting.writes(&world, &before);
            }
            for _ in 0..looks {
                header(&world);
            }
            waiting.stop();
            world.run(&["doctor", "store"]).fine(&["310 entries", "sound: yes"]);
            let is_changed = fs::read(world.path(FILE)).expect("the store's file") != whole;
            assert_eq!(is_changed, name == "maintain", "{name} behind {looks} looks");
            for file in ["small.jsonl", "large.jsonl"].iter().filter(|_| is_changed) {
                world.run(&["verify", "--store", "store", file]).fine(&["lossless: yes"]);
            }
        }
    }
}
