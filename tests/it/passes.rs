//! Passes that go as they should: at the trigger, by wish, cancelled, closed, and what is told of them (V5, V6, V7, V11).

use std::time::Duration;

use highwater::history::Order;
use highwater::summarize::Scripted;
use highwater_protocol::message::{CompactReply, Notice};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Abandoned, Entry, EntryId, Format, Kind, Outcome, Seq, SeqRange, TokenCount,
};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

#[tokio::test(start_paused = true)]
async fn a_pass_starts_at_the_trigger_and_lands_the_view() {
    let (_house, mut host) = Host::alone(world::gist(5), world::automatic()).await;
    host.append("s: Be brief.").await;
    let mut notices = host.session.notices();
    let pass = host.chat_until_a_pass_starts().await;
    let before = host.session.status().await.expect("it answers");
    assert!(before.view > world::budget().trigger());
    assert!(before.view < world::budget().trigger() + TokenCount(200), "not long after it");
    assert_eq!(host.settled(pass).await, Outcome::Spliced);

    let context = host.context().await;
    assert_eq!(context.resets, 1);
    assert!(context.tokens <= world::budget().landing(), "{}", context.tokens);
    let body = context.body();
    assert!(body.contains("Be brief.") && body.contains("The gist of it."), "{body}");
    let covered = host.covered().await.expect("a summary stands");
    assert_eq!(covered.start, Seq(2), "the instructions are not covered");
    let spliced = drain(&mut notices).into_iter().find_map(|notice| match notice {
        Notice::Spliced { covers, before, after, shortfall, .. } => {
            Some((covers, before, after, shortfall))
        }
        _ => None,
    });
    assert_eq!(spliced, Some((covered, before.view, context.tokens, None)));
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn pass_after_pass_keeps_a_long_conversation_below_the_trigger() {
    let (_house, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    let mut notices = host.session.notices();
    for round in 0..30 {
        host.chat(&format!("round{round}"), 10, 50).await;
        if let Some(pass) = host.pass().await {
            assert_eq!(host.settled(pass).await, Outcome::Spliced);
        }
    }
    let ended = drain(&mut notices);
    let spliced = ended.iter().filter(|notice| matches!(notice, Notice::Spliced { .. })).count();
    assert!(spliced >= 8, "{spliced} passes over {} entries", host.entries.len());
    assert!(!ended.iter().any(|notice| matches!(notice, Notice::Elided { .. })));
    let context = host.context().await;
    assert_eq!(context.body().matches("[summary of entries").count(), 1, "one summary stands");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_inside_a_group_moves_the_cut_back() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.append("u1: one ~60\nu2: two ~60\na1 call c1 ls\nu3: typed ~60\nr1 c1: out ~60\nu4: end")
        .await;
    host.context().await;
    let mut notices = host.session.notices();
    for (mark, cut) in [(3, 2), (4, 2)] {
        host.compact(Some(Seq(mark))).await;
        let moved = drain(&mut notices).into_iter().find_map(|notice| match notice {
            Notice::PassStarted { moved_back, covers, .. } => Some((moved_back, covers)),
            _ => None,
        });
        let (moved, covers) = moved.expect("the start is told");
        let moved = moved.expect("the cut moved back");
        assert_eq!((moved.from, moved.to), (Seq(mark), Seq(cut)));
        assert_eq!(moved.why.to_string(), "it fell between a call and its result");
        assert_eq!(covers, SeqRange::inclusive(Seq(1), Seq(cut)));
        host.session.cancel().await.expect("it answers");
        drain(&mut notices);
    }
    let pass = host.compact(Some(Seq(4))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let body = host.context().await.body();
    assert!(body.contains("typed") && body.contains("tool_result"), "the group is whole: {body}");
}

#[tokio::test(start_paused = true)]
async fn an_open_call_holds_the_cut_before_it() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.append("u1: one ~60\na1 call c1 ls\nu2: typed ~60\nu3: end ~60").await;
    let pass = host.compact(Some(Seq(4))).await;
    host.append("r1 c1: out").await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(host.covered().await, Some(SeqRange::inclusive(Seq(1), Seq(1))));
    assert!(host.context().await.body().contains("tool_result"));
}

#[tokio::test(start_paused = true)]
async fn a_second_wish_is_answered_with_the_running_pass() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(4))).await;
    for up_to in [None, Some(Seq(5))] {
        let second = host.session.compact(up_to, None).await.expect("it answers");
        assert_eq!(second, CompactReply::AlreadyRunning(pass));
    }
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let next = host.compact(Some(Seq(5))).await;
    assert_eq!(next, pass.next(), "the wish that was refused took no number");
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_gains_nothing_starts_nothing() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    assert_eq!(
        host.session.compact(None, None).await.expect("it answers"),
        CompactReply::NothingToDo
    );
    host.append("s1: Be brief.\na1 call c1 ls\nu1: Hello. ~60").await;
    for up_to in [None, Some(Seq(1)), Some(Seq(3)), Some(Seq(99))] {
        let reply = host.session.compact(up_to, None).await.expect("it answers");
        assert_eq!(reply, CompactReply::NothingToDo, "up to {up_to:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_pass_is_abandoned_and_its_late_result_is_dropped() {
    let (house, mut host) = Host::alone(world::gist(3_000), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    let pass = host.compact(None).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world::compactions(&house).await, 1, "the call holds a permit");
    assert_eq!(host.session.cancel().await.expect("it answers"), Some(pass));
    assert_eq!(host.settled(pass).await, Outcome::Abandoned(Abandoned::Cancelled));
    assert_eq!(host.session.cancel().await.expect("it answers"), None, "nothing is left");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gate = world::gate(&house).await;
    assert_eq!((gate.held(), gate.waiting), Default::default());

    tokio::time::sleep(Duration::from_secs(10_000)).await;
    assert_eq!(host.blocks().await, before, "the late result changed nothing");
    assert_eq!(host.covered().await, None);
}

#[tokio::test(start_paused = true)]
async fn appends_beside_a_pass_never_change_its_outcome() {
    let (_house, mut host) = Host::alone(world::gist(100), world::by_wish()).await;
    host.chat("fill", 10, 60).await;
    let pass = host.compact(Some(Seq(8))).await;
    for round in 0..20 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        host.append(&format!("a{round}: fine ~5\na{round}c call c1 ls\nr{round} c1: out")).await;
        host.context().await;
        assert_eq!(host.pass().await, Some(pass));
    }
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.context().await;
    assert_eq!(host.covered().await, Some(SeqRange::inclusive(Seq(1), Seq(8))));
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn the_notices_tell_a_pass_in_its_order() {
    let summarizer = Scripted::new([world::says(1, "A part.")]).with_window(TokenCount(1_024));
    let (_house, mut host) = Host::alone(summarizer, world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let mut notices = host.session.notices();
    let pass = host.compact(Some(Seq(17))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let mut told = Vec::new();
    for notice in drain(&mut notices) {
        match notice {
            Notice::PassStarted { pass: started, .. } => {
                assert_eq!(started, pass);
                told.push("started".to_owned());
            }
            Notice::PassProgressed(status) => {
                told.push(format!("{} of {}", status.done, status.total));
            }
            Notice::Spliced { .. } => told.push("spliced".to_owned()),
            other => panic!("not of an ordinary pass: {other:?}"),
        }
    }
    assert_eq!(told, ["started", "0 of 4", "1 of 4", "2 of 4", "3 of 4", "4 of 4", "spliced"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_summary_covers_stays_readable_in_its_original_bytes() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    host.append("u1: odd   spacing ~60\na1 call c1 ls\nr1 c1: out ~60\nx1: {torn\nu2: end ~60")
        .await;
    host.chat("fill", 4, 60).await;
    let pass = host.compact(Some(Seq(7))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let covers = host.covered().await.expect("a summary stands");
    let page = host
        .session
        .history()
        .page(covers, Order::OldestFirst, usize::MAX)
        .await
        .expect("it is readable");
    assert_eq!(page.entries.len() as u64, covers.len());
    for (seq, entry) in page.entries {
        let appended = &host.entries[usize::try_from(seq.0 - 1).expect("a small number")];
        assert_eq!(entry.source(), appended.source());
    }
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_an_unknown_pass_is_not_found() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(None).await;
    let unknown = host.session.settled(pass.next()).await.expect_err("it never started");
    assert_eq!(unknown.kind(), Kind::NotFound);
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(host.settled(pass).await, Outcome::Spliced, "asking again is fine");
}

#[tokio::test(start_paused = true)]
async fn closing_abandons_the_pass_and_the_session_opens_again() {
    let (house, mut host) = Host::alone(world::gist(3_000), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    let pass = host.compact(None).await;
    let waits = tokio::spawn({
        let session = host.session.clone();
        async move { session.settled(pass).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    host.session.close().await.expect("it closes");
    let outcome = waits.await.expect("no panic").expect("the waiting caller is told");
    assert_eq!(outcome, Outcome::Abandoned(Abandoned::Closed));
    assert_eq!(host.blocks().await, before, "the next call opens it again, byte for byte");
    assert_eq!(world::compactions(&house).await, 0);
    assert_eq!(host.compact(None).await, pass.next());
    house.close().await.expect("the house closes over a running pass");
    let refused = host.session.status().await.expect_err("the house is closed");
    assert_eq!(refused.kind(), Kind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_automatic_passes_starts_none() {
    let config = SessionConfig { automatic: false, ..world::automatic() };
    let (_house, mut host) = Host::alone(world::gist(1), config).await;
    host.chat("fill", 40, 60).await;
    assert!(host.session.status().await.expect("it answers").view > world::budget().trigger());
    assert_eq!(host.pass().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_mark_at_a_message_that_may_go_on_is_told_as_moved_back() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.append("u1: one ~60\na1@m1: two ~60").await;
    let mut notices = host.session.notices();
    host.compact(Some(Seq(2))).await;
    let told = drain(&mut notices).into_iter().find_map(|notice| match notice {
        Notice::PassStarted { moved_back, covers, .. } => Some((moved_back, covers.last())),
        _ => None,
    });
    let (moved_back, last) = told.expect("the start is told");
    assert_eq!(last, Seq(1));
    assert!(moved_back.is_some(), "it covers less than was asked for");
}

#[tokio::test(start_paused = true)]
async fn instructions_that_call_a_tool_are_shown_once_with_their_result() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    let json =
        r#"{"role":"system","content":[{"type":"tool_use","id":"c1","name":"ls","input":{}}]}"#;
    let id = EntryId::parse("s1").expect("a legal id");
    let entry = Entry::from_json(id, Format::Anthropic, json).expect("it is read");
    host.give(vec![entry.into()]).await;
    host.append("r1 c1: out ~60\nu1: one ~60\nu2: two ~60\nu3: three ~60").await;
    host.context().await;
    let pass = host.compact(Some(Seq(4))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.context().await;
}
