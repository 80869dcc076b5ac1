//! The hard mark (V10): without any summary contexts fit all the same, by announced elision; and near the mark a pass
//! whose model never answers lands without it.

use std::time::Duration;

use highwater::history::Order;
use highwater::summarize::{Scripted, Step};
use highwater_protocol::message::Notice;
use highwater_protocol::{Outcome, Seq, SeqRange, Shown};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

fn elisions(notices: &[Notice]) -> Vec<(usize, usize, u64)> {
    let told = notices.iter().filter_map(|notice| match notice {
        Notice::Elided { results, groups, after, .. } => Some((*results, *groups, after.0)),
        _ => None,
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn huge_results_without_any_summary_never_exceed_the_mark() {
    let (_house, mut host) = Host::alone(Scripted::new([Step::Hang]), world::by_wish()).await;
    let mut notices = host.session.notices();
    host.append("s: Be brief.\nu0: What is in the files?").await;
    let mut resets = 0;
    for round in 0..12 {
        let turn = format!("a{round} call c{round} cat\nr{round} c{round}: file {round} ~1500");
        host.append(&turn).await;
        let context = host.context().await;
        let elided = elisions(&drain(&mut notices));
        assert_eq!(context.resets - resets, elided.len() as u64, "each reset is announced");
        resets = context.resets;
        for (results, groups, after) in elided {
            assert!(results + groups > 0);
            assert_eq!(after, context.tokens.0);
            assert!(after <= world::budget().landing().0, "elided down to the landing mark");
        }
        let body = context.body();
        assert!(body.contains("What is in the files?"), "the last words of the user: {body}");
        assert!(body.contains("Be brief."), "the instructions: {body}");
    }
    assert!(resets >= 3, "the mark was reached again and again: {resets}");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_names_the_entry_that_holds_the_whole() {
    let (_house, mut host) = Host::alone(Scripted::new([Step::Hang]), world::automatic()).await;
    host.append("u1: Go.\na1 call c1 cat\nr1 c1: the beginning ~5000").await;
    let body = host.context().await.body();
    assert!(body.contains("kept whole as entry #3"), "{body}");
    assert!(body.contains("the beginning"), "it begins as the result does: {body}");
    let range = SeqRange::inclusive(Seq(3), Seq(3));
    let page = host
        .session
        .history()
        .page(range, Order::OldestFirst, usize::MAX)
        .await
        .expect("it is readable");
    assert_eq!(page.entries[0].1.source(), host.entries[2].source());
}

#[tokio::test(start_paused = true)]
async fn when_results_are_not_enough_the_oldest_groups_go_and_the_last_words_stay() {
    let (_house, mut host) = Host::alone(Scripted::new([Step::Hang]), world::by_wish()).await;
    let mut elided = 0;
    for round in 0..60 {
        host.append(&format!("u{round}: question {round} ~80\na{round}: answer {round} ~20")).await;
        let context = host.context().await;
        assert!(context.body().contains(&format!("question {round} ")), "the last words stay");
        let shown = context.segments.iter();
        elided = shown.filter(|segment| matches!(segment.shown, Shown::Elided(_))).count();
    }
    assert!(elided > 0, "groups were elided");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_pass_after_an_elision_covers_what_was_elided() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    for round in 0..4 {
        let turn = format!("a{round} call c{round} cat\nr{round} c{round}: file {round} ~1500");
        host.append(&format!("u{round}: more\n{turn}")).await;
        host.context().await;
    }
    let pass = host.compact(Some(Seq(9))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn near_the_mark_a_pass_whose_model_hangs_lands_without_it() {
    let (_house, mut host) = Host::alone(Scripted::new([Step::Hang]), world::automatic()).await;
    let mut notices = host.session.notices();
    let started = tokio::time::Instant::now();
    for round in 0..200 {
        host.append(&format!("u{round}: question {round} ~40\na{round}: answer {round} ~20")).await;
        host.context().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = drain(&mut notices);
    let spliced = told.iter().filter(|notice| matches!(notice, Notice::Spliced { .. })).count();
    assert!(spliced >= 2, "{spliced} passes landed");
    assert!(elisions(&told).is_empty(), "each of them before the view had to be elided");
    assert!(started.elapsed() < world::automatic().pass_deadline / 2, "long before any deadline");
}
