//! Contexts: the prefix property over a whole conversation (P1), whole groups (V2), and open calls (V8).

use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, Role, STAND_IN, Seq, TokenCount};
use highwater_tests::host::Host;
use highwater_tests::oracle::{blocks_of, blocks_of_body};
use highwater_tests::world;

/// A conversation with everything in it; a blank line stands for an answered context.
const CONVERSATION: &str = "
    s: Be brief.
    u: Where does the ferry leave?

    t@m1: I should look.
    a@m1: I look it up.
    a@m1 call c1 ls, c2 cat
    r c2: second first
    r c1: pier two

    a call c3 slow, c4 ls
    r c4: four

    r c3: far too late
    u: And now?

    a call c1 ls: The same id again.
    u: I type while it runs.
    r c1: pier three
    x: a record of the host

    r c77: nobody called
    s: From here on in French.
    a@m2 call c5 ls: D'accord.
    r c5: pier quatre

    a: Quai quatre.
";

async fn plays(format: Format) -> (Vec<String>, Host) {
    plays_as(SessionConfig { format, ..world::by_wish() }).await
}

async fn plays_as(config: SessionConfig) -> (Vec<String>, Host) {
    let format = config.format;
    let (_house, mut host) = Host::alone(world::gist(1), config).await;
    let mut bodies = Vec::new();
    let mut number = 0;
    for part in CONVERSATION.trim().split("\n\n") {
        for line in part.lines().map(str::trim) {
            number += 1;
            let (kind, rest) = line.split_at(1);
            host.append(&format!("{kind}{number}{rest}")).await;
        }
        let context = host.context().await;
        bodies.push(context.body());
        assert_eq!(context.resets, 0);
        let bytes = |blocks: Vec<(String, String)>| -> Vec<String> {
            blocks.into_iter().map(|(_, bytes)| bytes).collect()
        };
        let of_body = bytes(blocks_of_body(format, &context.body()));
        assert_eq!(of_body, bytes(blocks_of(&context)), "the body has the blocks as they are");
    }
    (bodies, host)
}

#[tokio::test(start_paused = true)]
async fn each_context_begins_with_the_one_before_in_both_formats() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let (bodies, host) = plays(format).await;
        assert_eq!(host.contexts(), bodies.len() as u64);
        assert_eq!(bodies.len(), 7, "every context was held against the oracle and the rules");
        host.require_whole_history().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_result_after_a_stand_in_is_quoted() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let (bodies, _) = plays(format).await;
        assert_eq!(bodies[2].matches(STAND_IN).count(), 1, "c3 was open: {}", bodies[2]);
        let late = blocks_of_body(format, &bodies[3]);
        let late = late.iter().find(|(_, block)| block.contains("far too late"));
        let (role, block) = late.expect("the late result is shown");
        assert_eq!(role, "user");
        assert!(!block.contains("tool_result") && block.contains("c3"), "{block}");
        assert_eq!(bodies[3].matches(STAND_IN).count(), 1, "what was shown is final");
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphan_result_is_quoted() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let (bodies, _) = plays(format).await;
        let blocks = blocks_of_body(format, &bodies[5]);
        let orphan = blocks.iter().find(|(_, block)| block.contains("nobody called"));
        let (role, block) = orphan.expect("the orphan is shown");
        assert_eq!(role, "user");
        assert!(!block.contains("tool_result") && block.contains("c77"), "{block}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reused_call_id_is_answered_by_its_own_result() {
    let (bodies, _) = plays(Format::Anthropic).await;
    let blocks = blocks_of_body(Format::Anthropic, &bodies[4]);
    let place = |text: &str| {
        let at = blocks.iter().position(|(_, block)| block.contains(text));
        at.unwrap_or_else(|| panic!("{text:?} is not shown"))
    };
    assert_eq!(place("pier three"), place("The same id again.") + 2, "directly behind its call");
    assert!(place("I type while it runs.") > place("pier three"));
    assert!(place("pier two") < place("far too late"));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_several_entries_is_shown_as_one() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append(
        "u1: Go.
         t1@m1: First think.
         a1@m1 call c1 ls
         r1 c1: between
         a2@m1 call c2 cat
         u2: meanwhile
         r2 c2: behind",
    )
    .await;
    let context = host.context().await;
    let roles: Vec<Role> = context.blocks().map(|block| block.role).collect();
    let (user, model) = (Role::User, Role::Assistant);
    assert_eq!(roles, [user, model, model, model, user, user, user]);
    let group = &context.segments[1];
    assert_eq!(group.blocks.len(), 5, "thinking, two calls, two results: {group:?}");
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_mixed_message_follow_its_result() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: Go.\na1 call c1 ls\nr1 c1: out + And then stop.").await;
    let blocks = host.blocks().await;
    assert!(blocks[2].1.contains("tool_result") && blocks[2].1.contains("out"), "{blocks:?}");
    assert!(blocks[3].1.contains("And then stop."), "{blocks:?}");
    assert_eq!(blocks.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn refusing_open_calls_names_them_and_freezes_nothing() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: Go.\na1 call c1 ls, c2 cat\nr1 c2: two").await;
    let ContextReply::CallsOpen(open) = host.ask(OpenCalls::Refuse).await else {
        panic!("c1 is open");
    };
    let open: Vec<(Seq, &str)> = open.iter().map(|call| (call.seq, &*call.id)).collect();
    assert_eq!(open, [(Seq(2), "c1")]);
    host.append("r2 c1: one").await;
    let ContextReply::Ready(context) = host.ask(OpenCalls::Refuse).await else {
        panic!("no call is open");
    };
    assert_eq!(context.call.0, 1, "the refusal was no answer");
    let body = context.body();
    assert!(!body.contains(STAND_IN), "{body}");
    assert_eq!(body.matches("tool_result").count(), 2, "the result is a result: {body}");
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_is_announced_with_the_context_that_shows_it() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: Go.\na1 call c1 ls").await;
    let context = host.context().await;
    assert_eq!(context.stand_ins.len(), 1);
    assert_eq!((context.stand_ins[0].seq, &*context.stand_ins[0].id), (Seq(2), "c1"));
    assert!(host.context().await.stand_ins.is_empty(), "it is closed since");
    assert!(host.session.status().await.expect("it answers").open_calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_fit_is_refused_with_a_breakdown() {
    let budget = Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(2_100));
    let config = SessionConfig { budget: budget.expect("rising marks"), ..world::by_wish() };
    let (_house, mut host) = Host::alone(world::gist(1), config).await;
    host.append("s1: instructions ~500\nu1: an old one ~300\nu2: the last words ~3000").await;
    let ContextReply::TooLarge(parts) = host.ask(OpenCalls::StandIn).await else {
        panic!("the last words alone are too large");
    };
    assert_eq!(parts.hard, TokenCount(2_100));
    assert_eq!(parts.summary, TokenCount::ZERO);
    assert!((500..600).contains(&parts.instructions.0), "{parts:?}");
    assert!((3_000..3_100).contains(&parts.protected.0), "{parts:?}");
    let status = host.session.status().await.expect("it answers");
    assert_eq!((status.resets, status.head), (0, Seq(3)), "nothing has changed");
    host.append("u3: new last words").await;
    assert!(matches!(host.ask(OpenCalls::StandIn).await, ContextReply::Ready(_)));
}

#[tokio::test(start_paused = true)]
async fn records_are_kept_and_never_shown() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("x1: secret of the host\nu1: Hello.\nx2: another").await;
    let context = host.context().await;
    assert_eq!(context.position, Seq(3));
    assert_eq!(context.blocks().count(), 1);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_holds_no_text_in_memory_answers_the_same_contexts() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        let config = SessionConfig { format, resident_bytes: 0, ..world::by_wish() };
        assert_eq!(plays_as(config).await.0, plays(format).await.0, "L5, P1");
    }
}
