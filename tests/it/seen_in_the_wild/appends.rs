//! Input that comes while a pass starts, runs and ends: nothing is lost, doubled, reordered or taken for something else.

use std::time::Duration;

use highwater_protocol::message::{CompactReply, Notice};
use highwater_protocol::{Kind, Outcome, Seq};
use highwater_tests::host::{Host, drain};
use highwater_tests::oracle::blocks_of;
use highwater_tests::{notation, world};

const SECOND: Duration = Duration::from_secs(1);

/// Where each text stands in the blocks; panics unless each is there once.
fn places(blocks: &[(String, String)], texts: &[String]) -> Vec<usize> {
    let place = |text: &String| {
        let all = blocks.iter().enumerate().filter(|(_, (_, block))| block.contains(text));
        let all: Vec<usize> = all.map(|(at, _)| at).collect();
        assert_eq!(all.len(), 1, "{text:?} stands at {all:?}");
        all[0]
    };
    texts.iter().map(place).collect()
}

#[tokio::test(start_paused = true)]
async fn input_at_the_start_beside_and_at_the_end_of_a_pass_is_shown_once_and_in_its_order() {
    let (_house, mut host) = Host::alone(world::gist(10), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let session = host.session.clone();
    let first = notation::entries("u0: input 0.");
    let (started, stored) =
        tokio::join!(session.compact(None, None), session.append(first.clone()));
    let CompactReply::Started(pass) = started.expect("it answers") else { panic!("it starts") };
    stored.expect("it is stored");
    host.entries.extend(first);
    for number in 1..=10 {
        tokio::time::sleep(SECOND).await;
        host.append(&format!("u{number}: input {number}.")).await;
    }
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.append("u11: input 11.").await;
    let texts: Vec<String> = (0..=11).map(|number| format!("input {number}.")).collect();
    let places = places(&host.blocks().await, &texts);
    assert!(places.is_sorted(), "{places:?}");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn input_that_was_handled_is_not_new_when_it_is_sent_again() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(15))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let before = host.blocks().await;
    for (number, seq) in [(3, 4), (18, 19)] {
        let line = format!("ufill-{number}: message {number} of fill ~60");
        let receipts = host.append(&line).await;
        assert_eq!((receipts[0].seq, receipts[0].known), (Seq(seq), true), "covered or not");
    }
    assert_eq!(host.blocks().await, before, "nothing is said twice");
}

#[tokio::test(start_paused = true)]
async fn a_stale_partial_of_a_covered_message_is_a_conflict_and_shows_nothing() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.append("u1: What is the plan?\na1@m1: The whole answer of the model. ~90").await;
    host.chat("fill", 10, 60).await;
    let pass = host.compact(Some(Seq(8))).await;
    for moment in ["beside the pass", "behind it"] {
        let partial = notation::entries("a1@m1: The whole ans");
        let refused = host.session.append(partial).await.expect_err("it is known otherwise");
        assert_eq!(refused.kind(), Kind::Conflict, "{moment}");
        host.settled(pass).await;
    }
    assert!(!host.context().await.body().contains("The whole ans"), "it is in the summary");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn words_that_stream_in_beside_a_pass_are_not_taken_for_its_summary() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(15))).await;
    for number in 0..10 {
        host.append(&format!("a{number}@m1: streamed {number}.")).await;
        tokio::time::sleep(SECOND / 2).await;
    }
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let blocks = host.blocks().await;
    assert!(blocks[0].1.contains("The gist of it.") && !blocks[0].1.contains("streamed"));
    let texts: Vec<String> = (0..10).map(|number| format!("streamed {number}.")).collect();
    assert!(places(&blocks, &texts).is_sorted());
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_pass_starts_is_behind_its_mark() {
    let (_house, mut host) = Host::alone(world::gist(10), world::automatic()).await;
    let mut notices = host.session.notices();
    let mut starts = Vec::new();
    for number in 0..60 {
        // The second is asked for before the first is answered: a mark read late would lie behind it.
        let line = |letter| format!("u{letter}{number}: asked {number} ~60");
        let (one, other) = (notation::entries(&line('x')), notation::entries(&line('y')));
        let session = host.session.clone();
        let (stored, also) =
            tokio::join!(session.append(one.clone()), session.append(other.clone()));
        let seq = stored.expect("it is stored")[0].seq;
        also.expect("it is stored");
        host.entries.extend([one, other].concat());
        for notice in drain(&mut notices) {
            if let Notice::PassStarted { covers, .. } = notice {
                assert!(covers.last() < seq, "{covers:?} with {seq} just said");
                starts.push(covers);
            }
        }
        host.context().await;
        tokio::time::sleep(SECOND).await;
    }
    assert!(starts.len() >= 3, "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_typed_beside_a_pass_neither_ends_it_nor_waits_for_it() {
    let (_house, mut host) = Host::alone(world::gist(30), world::automatic()).await;
    let pass = host.chat_until_a_pass_starts().await;
    let asked = tokio::time::Instant::now();
    host.append("utyped: Stop, I meant the other ferry.").await;
    let context = host.context().await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
    let last = blocks_of(&context).pop().expect("a block");
    assert!(last.1.contains("the other ferry"), "the model sees it at once: {last:?}");
    assert_eq!(host.pass().await, Some(pass));
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert!(host.context().await.body().contains("the other ferry"));
}
