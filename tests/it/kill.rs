//! A process killed in the middle of its appends: everything that it acknowledged is there, once, in order (L1, L2).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use highwater::history::Order;
use highwater_protocol::{Seq, SeqRange};
use highwater_storage::RedbStore;
use highwater_tests::generate;
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment};

const ROUNDS: u64 = 10;

/// Runs the child until it has acknowledged this many entries, and kills it. Tells the last number that it said,
/// including what it had said by the time of its death.
fn killed_after(dir: &Path, acknowledged: u64) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kill_child"))
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let said = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut last = 0;
    let mut left = acknowledged;
    for line in said.split(b'\n') {
        let line = String::from_utf8(line.expect("readable")).expect("numbers");
        // Death may cut the last number short; a part of it was not told.
        let number: u64 = line.parse().unwrap_or(last);
        assert!(number >= last, "the child counts upwards");
        last = number;
        left = left.saturating_sub(1);
        if left == 0 {
            child.kill().expect("it can be killed");
            break;
        }
    }
    let status = child.wait().expect("it ended");
    assert!(!status.success(), "it was killed, it did not end by itself: {status}");
    assert_eq!(left, 0, "it lived until it was killed");
    last
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_once_and_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut seed = 0x5eed_u64;
    let mut stored = 0;
    for round in 0..ROUNDS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let acknowledged = killed_after(dir.path(), 1 + (seed >> 33) % 40);
        assert!(acknowledged > stored, "round {round}: it goes on where the store ends");
        stored = check(dir.path(), acknowledged).await;
    }
}

/// Opens the store again and requires everything that was acknowledged; tells how much is there.
async fn check(dir: &Path, acknowledged: u64) -> u64 {
    let store: RedbStore = world::redb(dir);
    let house = world::house(store, Environment::Threaded, world::gist(0)).await;
    let mut host = Host::open(&house, "killed", world::automatic()).await;
    let head = host.session.status().await.expect("it answers").head.0;
    assert!(head >= acknowledged, "{acknowledged} entries were acknowledged, {head} are there");
    assert!(head <= acknowledged + 45, "{head} are there, {acknowledged} were acknowledged");
    host.entries = (1..=head).map(generate::numbered).collect();
    host.require_whole_history().await;
    let range = SeqRange::inclusive(Seq(head), Seq(head));
    let last =
        host.session.history().page(range, Order::OldestFirst, 1).await.expect("it is readable");
    assert_eq!(last.entries[0].1.id().as_str(), format!("n{head}"));
    host.context().await;
    let next = host.give(vec![generate::numbered(head + 1)]).await;
    assert_eq!((next[0].seq, next[0].known), (Seq(head + 1), false), "it goes on");
    let retried = host.session.append(vec![generate::numbered(1)]).await.expect("stored");
    assert!(retried[0].known && retried[0].seq == Seq(1));
    house.close().await.expect("it closes");
    head + 1
}
