//! Rewinds, edits, clears, pins and another model through the public handle, over a real file, with restarts in between
//! and with a pass in flight. What each of them does to a view is tested with the state machine.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use highwater::history::Order;
use highwater::{Highwater, SessionHandle};
use highwater_protocol::message::CompactReply;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Abandoned, Budget, Context, Format, Kind, Outcome, PassId, Seq, SeqRange, Shown, TokenCount,
};
use highwater_tests::host::context;
use highwater_tests::notation;
use highwater_tests::oracle::blocks_of;
use highwater_tests::world::{self, Environment};

async fn open(house: &Highwater, config: SessionConfig) -> SessionHandle {
    house.open(world::named("s"), config).await.expect("the session opens")
}

async fn append(session: &SessionHandle, text: &str) {
    session.append(notation::entries(text)).await.expect("it is stored");
}

async fn chat(session: &SessionHandle, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        append(session, &format!("u{number}: message {number} ~40")).await;
    }
}

async fn compact(session: &SessionHandle, up_to: u64) -> PassId {
    match session.compact(Some(Seq(up_to)), None).await.expect("it answers") {
        CompactReply::Started(pass) => pass,
        other => panic!("no pass: {other:?}"),
    }
}

/// The places that a context shows, summaries as the last place that they stand for.
fn shown(context: &Context) -> Vec<(bool, u64)> {
    let places = context.segments.iter().flat_map(|segment| match &segment.shown {
        Shown::Entries(entries) | Shown::Elided(entries) => {
            entries.iter().map(|seq| (false, seq.0)).collect()
        }
        Shown::Summary(covers) => vec![(true, covers.last().0)],
        Shown::Register => Vec::new(),
    });
    places.collect()
}

#[tokio::test]
async fn every_change_survives_a_restart_byte_for_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut seen = Vec::new();
    for step in 0..9 {
        let house =
            world::house(world::redb(dir.path()), Environment::Threaded, world::gist(0)).await;
        let session = open(&house, world::by_wish()).await;
        if let Some(before) = seen.pop() {
            assert_eq!(blocks_of(&context(&session).await), before, "before step {step}");
        }
        match step {
            0 => chat(&session, 1..=12).await,
            1 => {
                let pass = compact(&session, 8).await;
                assert_eq!(session.settled(pass).await.expect("kept"), Outcome::Spliced);
            }
            2 => assert!(session.rewind(Seq(6)).await.expect("below the splice")),
            3 => {
                let better = notation::entries("u99: something better").remove(0);
                let receipt = session.edit(Seq(2), better).await.expect("it stands in the view");
                assert_eq!((receipt.seq, receipt.known), (Seq(13), false));
            }
            4 => assert!(session.pin(Seq(2), true).await.expect("it stands in the view")),
            5 => chat(&session, 20..=30).await,
            6 => {
                let pass = compact(&session, 22).await;
                assert_eq!(session.settled(pass).await.expect("kept"), Outcome::Spliced);
                let shown = shown(&context(&session).await);
                assert_eq!(shown[..3], [(false, 1), (false, 2), (true, 22)], "around the pin");
            }
            7 => assert!(session.clear().await.expect("there is something to clear")),
            _ => assert!(session.rewind(Seq(22)).await.expect("to before the clear")),
        }
        seen.push(blocks_of(&context(&session).await));
        house.close().await.expect("it closes");
    }
    let last = seen.pop().expect("the last context");
    assert!(last.iter().any(|(_, json)| json.contains("something better")), "the clear is undone");
}

#[tokio::test(start_paused = true)]
async fn a_rewind_meets_a_pass_at_every_point_of_its_life() {
    for after_ms in (100..=6_100).step_by(250) {
        let house = world::in_memory(world::gist(5)).await;
        let session = open(&house, world::by_wish()).await;
        chat(&session, 1..=12).await;
        let pass = compact(&session, 8).await;
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        assert!(session.rewind(Seq(5)).await.expect("it answers"));
        let outcome = session.settled(pass).await.expect("it is kept");
        let in_time = after_ms >= 5_000;
        let expected =
            if in_time { Outcome::Spliced } else { Outcome::Abandoned(Abandoned::Rewound) };
        assert_eq!(outcome, expected, "rewound after {after_ms} ms");
        chat(&session, 13..=14).await;
        let places: Vec<u64> = shown(&context(&session).await).iter().map(|(_, at)| *at).collect();
        assert_eq!(places, [1, 2, 3, 4, 5, 13, 14], "rewound after {after_ms} ms");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(
            context(&session).await.resets,
            if in_time { 2 } else { 1 },
            "nothing comes late"
        );
        let next = compact(&session, 13).await;
        assert_eq!(session.settled(next).await.expect("it is kept"), Outcome::Spliced);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_during_a_rewind_happens_behind_it() {
    let house = world::in_memory(world::gist(1)).await;
    let session = open(&house, world::by_wish()).await;
    chat(&session, 1..=6).await;
    let (rewound, appended, shows) = tokio::join!(
        session.rewind(Seq(3)),
        session.append(notation::entries("u7: behind it")),
        context(&session),
    );
    assert!(rewound.expect("it answers"));
    assert_eq!(appended.expect("it is stored")[0].seq, Seq(7));
    assert_eq!(shown(&shows), [(false, 1), (false, 2), (false, 3), (false, 7)]);
    let page = session
        .history()
        .page(SeqRange::inclusive(Seq(1), Seq(7)), Order::OldestFirst, usize::MAX)
        .await;
    assert_eq!(page.expect("it is readable").entries.len(), 7, "what was rewound stays readable");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_switched_goes_on_so_after_its_actor_has_ended() {
    let house = world::in_memory(world::gist(1)).await;
    let session = open(&house, world::by_wish()).await;
    chat(&session, 1..=3).await;
    let budget = Budget::of_window(TokenCount(8_000)).expect("a legal window");
    assert!(session.switch(budget, Format::OpenAiChat).await.expect("it answers"));
    session.close().await.expect("it closes");
    let reopened = context(&session).await;
    assert_eq!(reopened.format, Format::OpenAiChat);
    assert_eq!(session.status().await.expect("it answers").budget, budget);
    // Who does not wait for the answer has switched it all the same.
    {
        let switch = session.switch(world::budget(), Format::OpenAiChat);
        tokio::pin!(switch);
        let polled = std::future::poll_fn(|context| Poll::Ready(switch.as_mut().poll(context)));
        assert!(polled.await.is_pending(), "it is asked for, and not answered");
    }
    session.close().await.expect("it closes behind the switch");
    assert_eq!(session.status().await.expect("it answers").budget, world::budget());
    let other = house.open(world::named("s"), world::by_wish()).await.map(drop);
    assert_eq!(other.expect_err("it renders another format now").kind(), Kind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_long_run_of_calls_after_one_message_of_the_user_is_compacted() {
    let house = world::in_memory(world::gist(1)).await;
    let session = open(&house, world::automatic()).await;
    append(&session, "u0: Read all the files, and do not stop.").await;
    for round in 0..60 {
        append(
            &session,
            &format!("a{round} call c{round} cat\nr{round} c{round}: file {round} ~60"),
        )
        .await;
        let context = context(&session).await;
        assert!(context.tokens <= world::budget().hard());
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let covered = session.status().await.expect("it answers").covered.expect("a summary stands");
    assert!(covered.last() > Seq(60), "{covered}");
    assert_eq!(covered.start, Seq(1), "inside the one turn, the message of the user included");
}
