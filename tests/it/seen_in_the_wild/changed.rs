//! What a pass covers changes below it, or the tail grows behind it.

use std::time::Duration;

use highwater_protocol::message::Notice;
use highwater_protocol::{Abandoned, Budget, Kind, Outcome, Seq, SeqRange, TokenCount};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

use super::asked::asked;

#[tokio::test(start_paused = true)]
async fn an_edit_below_the_first_pass_abandons_it_and_the_next_sees_what_stands_there_now() {
    let (summarizer, prompts) = asked(5, "The gist of it.");
    let (_house, mut host) = Host::alone(summarizer, world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(15))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(prompts.last().contains("message 2 of fill"), "the first pass was asked with it");
    host.edit(Seq(3), "uedited: What I meant to say. ~60").await.expect("it is in the view");
    assert_eq!(host.settled(pass).await, Outcome::Abandoned(Abandoned::Changed));
    let body = host.context().await.body();
    assert!(body.contains("What I meant to say.") && !body.contains("message 2 of fill"), "{body}");

    let next = host.compact(Some(Seq(15))).await;
    assert_eq!(host.settled(next).await, Outcome::Spliced);
    let asked = prompts.last();
    assert!(asked.contains("What I meant to say.") && !asked.contains("message 2 of fill"));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(host.context().await.body().contains("The gist of it."), "the late result is dropped");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_behind_the_mark_leaves_the_pass_alone() {
    let (_house, mut host) = Host::alone(world::gist(5), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(15))).await;
    host.edit(Seq(16), "uedited: What I meant to say.").await.expect("it is in the view");
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(host.covered().await, Some(SeqRange::inclusive(Seq(1), Seq(15))));
    assert!(host.context().await.body().contains("What I meant to say."));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_a_change_abandoned_is_made_up_for_at_once() {
    let (_house, mut host) = Host::alone(world::gist(5), world::automatic()).await;
    let pass = host.chat_until_a_pass_starts().await;
    host.edit(Seq(2), "uedited: What I meant to say. ~60").await.expect("it is in the view");
    assert_eq!(host.settled(pass).await, Outcome::Abandoned(Abandoned::Changed));
    assert_eq!(host.pass().await, Some(pass.next()), "the view is as large as it was");
    assert_eq!(host.settled(pass.next()).await, Outcome::Spliced);
    host.context().await;
}

#[tokio::test(start_paused = true)]
async fn editing_what_a_summary_covers_is_refused_with_what_to_do_instead() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let pass = host.compact(Some(Seq(15))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let before = host.blocks().await;
    let refused = host.edit(Seq(3), "uedited: Other words.").await.expect_err("it is covered");
    assert_eq!(refused.kind(), Kind::Invalid);
    let said = refused.message();
    assert!(said.contains("entry #3") && said.contains("rewind to before it"), "{said}");
    assert_eq!(host.blocks().await, before, "nothing of what was covered came back");
    assert!(host.rewind(Seq(2)).await, "the way that it names is open");
    host.append("usaid: Other words.").await;
    assert!(!host.context().await.body().contains("[summary of entries"));
}

/// The blocks of some entries, which no summary covers.
async fn blocks_behind(host: &mut Host, first: u64) -> Vec<String> {
    let context = host.context().await;
    let segments = context.segments.iter().filter(|segment| match &segment.shown {
        highwater_protocol::Shown::Entries(entries) => entries[0].0 >= first,
        _ => false,
    });
    segments.flat_map(|segment| &segment.blocks).map(|block| block.json.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rewind_into_what_a_later_pass_covered_brings_it_back_byte_for_byte() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    for round in 0..6 {
        let turn =
            format!("a{round}@m{round} call c{round} ls\nr{round} c{round}: out {round} ~60");
        host.append(&format!("u{round}: ask {round} ~60\nt{round}@m{round}: hm {round}\n{turn}"))
            .await;
        host.context().await;
    }
    let pass = host.compact(Some(Seq(8))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let raw = blocks_behind(&mut host, 9).await;
    let pass = host.compact(Some(Seq(20))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(host.covered().await, Some(SeqRange::inclusive(Seq(1), Seq(20))));

    assert!(host.rewind(Seq(16)).await, "the number means the same entry as before the passes");
    assert_eq!(host.covered().await, Some(SeqRange::inclusive(Seq(1), Seq(8))));
    let back = blocks_behind(&mut host, 9).await;
    assert_eq!(back, raw[..back.len()], "the entries behind the first summary, as they were");
    assert_eq!(back.len(), 8);
    assert!(host.rewind(Seq(4)).await);
    assert_eq!(host.covered().await, None, "and before any summary");
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_anew_knows_nothing_of_the_summary_that_covered_the_old_one() {
    let (summarizer, prompts) = asked(1, "They chose the red ferry.");
    let (_house, mut host) = Host::alone(summarizer, world::by_wish()).await;
    host.append("u1: Which ferry? ~60\na1: The red one. ~60\nu2: Fine. ~60\na2: Done. ~60").await;
    host.chat("fill", 6, 60).await;
    let pass = host.compact(Some(Seq(6))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert!(host.context().await.body().contains("red ferry"));
    assert!(host.rewind(Seq(1)).await);
    host.append("a1b: The blue one. ~60").await;
    host.chat("again", 8, 60).await;
    assert!(!host.context().await.body().contains("red"), "neither words nor summary");
    let pass = host.compact(Some(Seq(15))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert!(prompts.last().contains("The blue one."));
    assert!(!prompts.last().contains("The red one."), "no pass is asked with it");
    assert!(!prompts.last().contains("red ferry"), "nor with what was made of it");
}

#[tokio::test(start_paused = true)]
async fn a_tail_that_outgrew_the_saving_is_told_and_the_next_pass_starts_at_once() {
    let budget = Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(8_000));
    let config = highwater_protocol::session::SessionConfig {
        budget: budget.expect("rising marks"),
        ..world::automatic()
    };
    let (_house, mut host) = Host::alone(world::gist(30), config).await;
    let mut notices = host.session.notices();
    for round in 0..60 {
        host.chat(&format!("fill{round}"), 1, 60).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let told = drain(&mut notices);
    let first = told.iter().position(|notice| matches!(notice, Notice::Spliced { .. }));
    let first = first.expect("the first pass landed");
    let Notice::Spliced { after, shortfall, .. } = told[first] else { panic!("as found") };
    assert!(after > config.budget.trigger(), "the tail alone is above the trigger: {after}");
    let over = after.saturating_sub(config.budget.landing());
    assert_eq!(shortfall, Some(over), "how far it stayed above the landing mark is told");
    assert!(matches!(told[first + 1], Notice::PassStarted { .. }), "{:?}", told[first + 1]);
}
