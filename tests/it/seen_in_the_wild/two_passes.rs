//! Two passes, or two that want one: by wish and by itself, an old one and a new one, two owners.

use std::time::Duration;

use highwater::summarize::Scripted;
use highwater_protocol::message::{CompactReply, Notice};
use highwater_protocol::{Abandoned, Outcome, PassId, Seq};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn wishes_beside_automatic_passes_name_the_one_that_runs_and_start_no_other() {
    let (_house, mut host) = Host::alone(world::gist(7), world::automatic()).await;
    let mut notices = host.session.notices();
    let mut told = 0;
    for round in 0..120 {
        host.chat(&format!("fill{round}"), 1, 60).await;
        let runs = host.pass().await;
        match host.session.compact(None, None).await.expect("it answers") {
            CompactReply::AlreadyRunning(pass) => {
                assert_eq!(Some(pass), runs);
                told += 1;
            }
            CompactReply::Started(_) | CompactReply::NothingToDo => assert_eq!(runs, None),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(told > 20, "{told}");
    let mut running = None;
    for notice in drain(&mut notices) {
        match notice {
            Notice::PassStarted { pass, .. } => {
                assert_eq!(running.replace(pass), None, "{pass} began beside another");
            }
            Notice::Spliced { pass, .. } => assert_eq!(running.take(), Some(pass)),
            Notice::PassEnded { pass, outcome } => panic!("{pass}: {outcome}"),
            _ => {}
        }
    }
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_old_pass_never_ends_the_one_behind_it() {
    let script =
        Scripted::new([world::says(10, "The old words."), world::says(20, "The new words.")]);
    let (_house, mut host) = Host::alone(script, world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let old = host.compact(Some(Seq(12))).await;
    tokio::time::sleep(Duration::from_millis(9_999)).await;
    assert_eq!(host.session.cancel().await.expect("it answers"), Some(old));
    let new = host.compact(Some(Seq(15))).await;
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(host.pass().await, Some(new), "what the old one had on its way has passed by");
    assert_eq!(host.settled(new).await, Outcome::Spliced);
    assert_eq!(started.elapsed(), Duration::from_secs(20));
    assert_eq!(host.settled(old).await, Outcome::Abandoned(Abandoned::Cancelled));
    let body = host.context().await.body();
    assert!(body.contains("The new words.") && !body.contains("The old words."), "{body}");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_pass_blocks_nobody_and_not_the_pass() {
    let (_house, mut host) = Host::alone(world::gist(30), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(None).await;
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let session = host.session.clone();
            tokio::spawn(async move { session.settled(pass).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    host.append("ubeside: And now?").await;
    host.context().await;
    let again = host.session.compact(None, None).await.expect("it answers");
    assert_eq!(again, CompactReply::AlreadyRunning(pass));
    assert_eq!(asked.elapsed(), Duration::ZERO);
    for waits in waiting {
        assert_eq!(waits.await.expect("no panic").expect("it is told"), Outcome::Spliced);
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_an_owner_finished_while_another_took_over_is_said_again_to_the_new_one() {
    let store = std::sync::Arc::new(highwater_storage::MemoryStore::new());
    let shared = || world::Shared(std::sync::Arc::clone(&store));
    let inline = world::Environment::Inline;
    let first = world::house(shared(), inline, world::gist(30)).await;
    let mut host = Host::open(&first, "s", world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    host.compact(None).await;
    let second = world::house(shared(), inline, world::gist(1)).await;
    let mut new = Host::open(&second, "s", world::by_wish()).await;
    let turn = "adone call c1 ls\nrdone c1: out\naend: It is done.";
    let entries = highwater_tests::notation::entries(turn);
    host.session.append(entries).await.expect_err("it is not the owner any more");

    new.entries.append(&mut host.entries);
    let receipts = new.append(turn).await;
    assert_eq!(receipts[0].seq, Seq(21), "nothing of the refused turn was stored");
    assert!(new.context().await.body().contains("It is done."));
    assert_eq!(new.compact(None).await, PassId(2));
    assert_eq!(new.settled(PassId(2)).await, Outcome::Spliced);
    assert_eq!(new.settled(PassId(1)).await, Outcome::Abandoned(Abandoned::Restarted));
    new.require_whole_history().await;
}
