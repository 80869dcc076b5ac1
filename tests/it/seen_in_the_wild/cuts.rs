//! Where passes cut: calls and results, mixed messages, the live turn, who speaks first. Every context is held against
//! the rules, which know of pairs only what a provider does.

use highwater::summarize::Extractive;
use highwater_protocol::message::{CompactReply, ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Format, Outcome, STAND_IN, Seq, Shown};
use highwater_tests::host::Host;
use highwater_tests::oracle::blocks_of_body;
use highwater_tests::world;
use serde_json::Value;

/// Calls in parallel and alone, far results, words beside a result and between calls, reused ids.
const TURNS: &str = "
    u1: one ~60
    t1@m1: think ~5
    a1@m1 call c1 ls, c2 cat
    r1 c2: second ~40
    u2: typed while it runs ~40
    r2 c1: first ~40
    a2 call c1 ls: the same id again ~40
    r3 c1: third ~40 + and my own words ~40
    a3@m3: I go on. ~40
    a4@m3 call c4 cat
    r4 c4: fourth ~40
    a5 call c5 ls, c6 ls
    r5 c5: fifth ~40
    r6 c6: sixth ~40
    a6: That was all. ~60
    u3: Thanks. ~60
    a7: Fine. ~60
    u4: Next. ~60";

async fn wished(host: &Host, up_to: u64) {
    match host.session.compact(Some(Seq(up_to)), None).await.expect("it answers") {
        CompactReply::Started(pass) => assert_eq!(host.settled(pass).await, Outcome::Spliced),
        CompactReply::NothingToDo => {}
        CompactReply::AlreadyRunning(pass) => panic!("{pass} should have ended"),
    }
}

#[tokio::test(start_paused = true)]
async fn chained_passes_at_any_marks_leave_no_call_and_no_result_alone() {
    let entries = TURNS.trim().lines().count() as u64;
    for mark in 1..=entries {
        let (_house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
        host.append(TURNS).await;
        host.context().await;
        for step in [0, 1, 3] {
            wished(&host, mark + step).await;
            host.context().await;
        }
        host.append("a8 call c9 ls\nr8 c9: ninth ~40").await;
        host.context().await;
        wished(&host, entries + 2).await;
        host.context().await;
        host.require_whole_history().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_behind_the_boundary_is_quoted_and_names_its_call() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let config = SessionConfig { format, ..world::by_wish() };
        let (_house, mut host) = Host::alone(world::gist(0), config).await;
        host.append("u1: Go. ~60\na1 call c1 slow").await;
        assert!(host.context().await.body().contains(STAND_IN), "it is shown as open");
        host.chat("fill", 10, 60).await;
        let pass = host.compact(Some(Seq(8))).await;
        assert_eq!(host.settled(pass).await, Outcome::Spliced);
        host.append("r1 c1: the late result").await;
        let blocks = blocks_of_body(format, &host.context().await.body());
        let (role, block) = blocks.last().expect("it is shown");
        assert_eq!(role, "user");
        assert!(block.contains("the late result") && block.contains("c1"), "{block}");
        assert!(!block.contains("tool_result") && !block.contains("tool_call_id"), "{block}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_result_and_words_is_covered_whole_or_not_at_all() {
    for mark in 1..=5 {
        let (_house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
        host.append("u1: Go. ~60\na1 call c1 ls\nr1 c1: out of it + And then stop. ~60\nu2: x ~60")
            .await;
        host.append("u3: y ~60\nu4: z ~60").await;
        wished(&host, mark).await;
        let body = host.context().await.body();
        let shown =
            [body.contains("tool_use"), body.contains("out of it"), body.contains("then stop")];
        assert_eq!(shown, [mark < 3; 3], "up to {mark}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_words_that_the_model_is_to_answer_are_never_covered_by_a_pass_that_starts_by_itself() {
    let (_house, mut host) = Host::alone(Extractive, world::automatic()).await;
    let mut resets = 0;
    for round in 0..40 {
        let words = 20 + round * 37 % 900;
        host.append(&format!("u{round}: question {round}. ~{words}")).await;
        while let Some(pass) = host.pass().await {
            assert_eq!(host.settled(pass).await, Outcome::Spliced);
        }
        let context = host.context().await;
        resets = context.resets;
        let last = context.segments.last().expect("a segment");
        assert_eq!(last.shown, Shown::Entries(vec![Seq(host.entries.len() as u64)]));
        assert!(last.blocks[0].json.contains(&format!("question {round}.")));
        host.append(&format!("a{round}: answer {round}. ~60")).await;
    }
    assert!(resets > 5, "{resets} passes");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_pinned_stays_through_a_turn_of_any_length() {
    let (_house, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    host.chat("before", 10, 60).await;
    let question = host.append("uq: The question of this long turn. ~60").await[0].seq;
    assert!(host.session.pin(question, true).await.expect("it is in the view"));
    for round in 0..60 {
        let turn = format!("a{round} call c{round} ls\nr{round} c{round}: out {round} ~60");
        host.append(&turn).await;
        let context = host.context().await;
        assert!(context.body().contains("The question of this long turn."), "round {round}");
    }
    assert!(host.covered().await.expect("passes were made").last() > question);
}

#[tokio::test(start_paused = true)]
async fn the_results_of_the_live_turn_stay_with_their_calls_while_passes_run() {
    let (_house, mut host) = Host::alone(world::gist(3), world::automatic()).await;
    host.append("u1: Read all of it. ~60").await;
    for round in 0..80 {
        host.append(&format!("a{round}@m{round} call x{round} cat, y{round} ls")).await;
        let open = host.ask(OpenCalls::Refuse).await;
        assert!(matches!(open, ContextReply::CallsOpen(calls) if calls.len() == 2));
        host.append(&format!("ry{round} y{round}: list ~30\nrx{round} x{round}: file ~60")).await;
        let context = host.context().await;
        let last = context.segments.last().expect("a segment");
        assert_eq!(last.blocks.len(), 4, "both calls and both results: {last:?}");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert!(host.covered().await.is_some());
}

/// The roles of a body's messages, one after another.
fn roles(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).expect("a body is JSON");
    let messages = body["messages"].as_array().expect("it has messages");
    messages.iter().map(|message| message["role"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn after_any_pass_the_user_speaks_first_and_the_speakers_take_turns() {
    let entries = TURNS.trim().lines().count() as u64;
    for mark in 0..=entries {
        let (_house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
        host.append("s1: Be brief.").await;
        host.append(TURNS).await;
        host.context().await;
        wished(&host, mark + 1).await;
        let body = host.context().await.body();
        let roles = roles(&body);
        assert_eq!(roles.first().map(String::as_str), Some("user"), "up to {mark}: {body}");
        assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "{roles:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_over_everything_leaves_a_message_and_not_instructions_alone() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let config = SessionConfig { format, ..world::by_wish() };
        let (_house, mut host) = Host::alone(world::gist(0), config).await;
        host.append("s1: Be brief.").await;
        host.chat("fill", 10, 60).await;
        wished(&host, 11).await;
        let body = host.context().await.body();
        let spoken: Vec<String> =
            roles(&body).into_iter().filter(|role| role != "system").collect();
        assert_eq!(spoken, ["user"], "{body}");
        assert!(body.contains("The gist of it."));
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_without_a_word_of_the_user_is_summarized_like_any_other() {
    let (_house, mut host) = Host::alone(Extractive, world::automatic()).await;
    for round in 0..60 {
        let turn =
            format!("a{round} call c{round} ls\nr{round} c{round}: found file {round}.txt ~40");
        host.append(&turn).await;
        host.context().await;
    }
    let body = host.context().await.body();
    assert!(body.contains("[summary of entries") && body.contains("Tools used"), "{body}");
    assert_eq!(roles(&body)[0], "user");
}
