//! Closing and opening again: the next context has the same bytes (P2), and what the past left open is settled.

use std::path::Path;

use highwater::Highwater;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Abandoned, Format, Kind, LogPos, Outcome, PassId, Record, Seq};
use highwater_storage::{PageLimit, Store};
use highwater_tests::host::Host;
use highwater_tests::oracle::RenderedBlock;
use highwater_tests::world::{self, Environment};

async fn house_in(dir: &Path) -> Highwater {
    world::house(world::redb(dir), Environment::Threaded, world::gist(0)).await
}

/// The turns of a script: what is appended before each context. Passes and elisions happen on the way.
fn turns() -> Vec<String> {
    let mut turns = vec!["s: Be brief.\nu: Where does the ferry leave? ~100".to_owned()];
    for turn in 0..24 {
        turns.push(match turn % 6 {
            0 => format!("t{turn}@m{turn}: think\na{turn}@m{turn} call c1 ls, c2 cat"),
            1 => format!("r{turn} c1: too late ~30\nu{turn}: well? ~80"),
            2 => format!("a{turn} call c1 ls\nr{turn} c1: out ~150"),
            3 => format!("x{turn}: a record\nu{turn}: go on ~100"),
            4 if turn > 12 => format!("a{turn} call c9 cat\nr{turn} c9: a large file ~4200"),
            4 => format!("a{turn} call c9 cat\nr{turn} c9: a small file ~20 + and my words"),
            _ => format!("r{turn} c99: nobody asked ~30\na{turn}: fine ~60"),
        });
    }
    turns
}

/// Plays the script over one directory; opens everything again between turns if asked to.
async fn plays(reopen: bool) -> Vec<Vec<RenderedBlock>> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut house = house_in(dir.path()).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    let mut contexts = Vec::new();
    for (number, turn) in turns().into_iter().enumerate() {
        host.append(&turn).await;
        if number % 8 == 7 {
            let pass = host.compact(Some(Seq(host.entries.len() as u64 - 4))).await;
            assert_eq!(host.settled(pass).await, Outcome::Spliced);
        }
        if reopen {
            let away = host.leave();
            house.close().await.expect("it closes");
            house = house_in(dir.path()).await;
            host = away.enter(&house).await;
        }
        contexts.push(host.blocks().await);
    }
    assert!(host.session.status().await.expect("it answers").resets > 3, "splices and elisions");
    host.require_whole_history().await;
    contexts
}

#[tokio::test]
async fn opening_again_between_any_two_turns_changes_no_byte() {
    let in_one_go = plays(false).await;
    let reopened = plays(true).await;
    assert_eq!(in_one_go.len(), reopened.len());
    for (turn, (one, other)) in in_one_go.iter().zip(&reopened).enumerate() {
        assert_eq!(one, other, "turn {turn}");
    }
}

#[tokio::test]
async fn an_unfinished_pass_is_abandoned_in_the_log_and_a_new_one_can_start() {
    let store = std::sync::Arc::new(highwater_storage::MemoryStore::new());
    let shared = || world::Shared(std::sync::Arc::clone(&store));
    let hangs = highwater::summarize::Scripted::new([highwater::summarize::Step::Hang]);
    let first = world::house(shared(), Environment::Inline, hangs).await;
    let mut host = Host::open(&first, "s", world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    let pass = host.compact(None).await;
    assert_eq!(pass, PassId(1));

    // The first house is not closed: it is gone for the second, as a process that was killed is.
    let second = world::house(shared(), Environment::Inline, world::gist(0)).await;
    host.move_to(&second).await;
    assert_eq!(host.pass().await, None);
    assert_eq!(host.blocks().await, before);
    let next = host.compact(None).await;
    assert_eq!(next, PassId(2));
    assert_eq!(host.settled(next).await, Outcome::Spliced);

    let page = store.read(&world::named("s"), LogPos(0), PageLimit { bytes: usize::MAX });
    let ended =
        page.expect("the log is readable").records.into_iter().find_map(
            |(_, record)| match record {
                Record::PassEnded { pass, outcome, .. } => Some((pass, outcome)),
                _ => None,
            },
        );
    assert_eq!(ended, Some((pass, Outcome::Abandoned(Abandoned::Restarted))));
}

#[tokio::test]
async fn the_owner_before_is_locked_out() {
    let store = std::sync::Arc::new(highwater_storage::MemoryStore::new());
    let shared = || world::Shared(std::sync::Arc::clone(&store));
    let first = world::house(shared(), Environment::Inline, world::gist(0)).await;
    let mut old = Host::open(&first, "s", world::automatic()).await;
    old.append("u1: one").await;
    let second = world::house(shared(), Environment::Inline, world::gist(0)).await;
    let mut new = Host::open(&second, "s", world::automatic()).await;
    let append = highwater_tests::notation::entries("u2: of the old owner");
    let refused = old.session.append(append).await.expect_err("it is fenced");
    assert_eq!(refused.kind(), Kind::Locked);
    new.append("u1: one").await;
    let receipts = new.append("u2: of the new owner").await;
    assert_eq!((receipts[0].seq, receipts[0].known), (Seq(2), false), "nothing was stored");
}

#[tokio::test]
async fn a_session_cannot_be_opened_in_another_format() {
    let store = std::sync::Arc::new(highwater_storage::MemoryStore::new());
    let shared = || world::Shared(std::sync::Arc::clone(&store));
    let house = world::house(shared(), Environment::Inline, world::gist(0)).await;
    let mut host = Host::open(&house, "s", world::automatic()).await;
    host.append("u1: one").await;
    house.close().await.expect("it closes");
    let house = world::house(shared(), Environment::Inline, world::gist(0)).await;
    let config = SessionConfig { format: Format::OpenAiChat, ..world::automatic() };
    let refused = house.open(world::named("s"), config).await.map(drop).expect_err("it differs");
    assert_eq!(refused.kind(), Kind::Invalid);
    host.move_to(&house).await;
    assert_eq!(host.blocks().await.len(), 1, "it opens in its own");
}
