//! The phases of the workload, played by a host that embeds the library: append, ask for a context, call the model
//! under a permit, append what it said.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use highwater::history::Order;
use highwater::protocol::limit::{Amounts, Class, Key};
use highwater::protocol::message::{ContextReply, Notice, OpenCalls};
use highwater::protocol::{Seq, SeqRange};
use highwater::{HOUSE, Notices, PermitRequest, SessionHandle, Told};
use serde_json::{Value, json};

use crate::appends::{appends, syncs};
use crate::measure::{Measure, memory_mib};
use crate::{Stage, message, messages};

/// Plays one phase.
pub(crate) async fn play(phase: &str, work: &Value, dir: &Path) -> Value {
    let measure = Arc::new(Measure::new());
    let stage = Stage::new(work, &work[phase], &measure, dir).await;
    let before = memory_mib("VmRSS:");
    let mut found = match phase {
        "steady" | "leisure" => alone(&stage, work, &work[phase], &measure).await,
        "crowd" => crowd(stage, &work[phase], &measure).await,
        "losses" => losses(&stage, &work[phase], &measure).await,
        "appends" => appends(&stage, &work[phase]).await,
        "syncs" => syncs(&stage, &work["appends"]).await,
        other => panic!("no such phase: {other}"),
    };
    found["rss_before"] = json!(before);
    found["rss_after"] = json!(memory_mib("VmRSS:"));
    found["rss_peak"] = json!(memory_mib("VmHWM:"));
    found
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// One turn. The permit is of the gate that compaction calls pass too.
async fn turn(
    stage: &Stage,
    session: &SessionHandle,
    said: &Value,
    (name, gated, takes_ms): (&str, bool, u64),
    (measure, started): (&Measure, f64),
) {
    let question = message(&format!("{name}u"), text(&said["user"]), true);
    let next = session.next_context(vec![question], OpenCalls::Refuse).await.expect("it is stored");
    let Ok(ContextReply::Ready(context)) = next.context else {
        panic!("no context: {:?}", next.context)
    };
    assert!(!context.body().is_empty(), "this is what a model is sent");
    let permit = if gated {
        let wish = PermitRequest::new(Key::of(HOUSE), Class::Turn, Amounts::default());
        Some(stage.house.gate().acquire(wish).await.expect("a permit"))
    } else {
        None
    };
    let model_ms = measure.model_call(takes_ms).await;
    drop(permit);
    let answer = message(&format!("{name}a"), text(&said["assistant"]), false);
    session.append(vec![answer]).await.expect("it is stored");
    measure.turn(started, model_ms);
}

async fn alone(stage: &Stage, work: &Value, phase: &Value, measure: &Arc<Measure>) -> Value {
    let session = stage.open("alone").await;
    let notices = session.notices();
    let beats = Arc::clone(measure);
    let every_ms = number(&work["heartbeat_ms"]);
    let heart = tokio::spawn(async move { beats.heartbeat(every_ms).await });
    for (at, said) in list(&phase["turns"]).iter().enumerate() {
        let takes_ms = number(&phase["turn_ms"]);
        turn(stage, &session, said, (&format!("t{at}"), true, takes_ms), (measure, measure.now()))
            .await;
        tokio::time::sleep(Duration::from_millis(number(&phase["think_ms"]))).await;
    }
    heart.abort();
    let mut found = measure.report();
    found["notes"] = told(notices);
    found
}

/// How often each kind of notice came.
fn told(mut notices: Notices) -> Value {
    let mut counts = BTreeMap::<&str, u64>::new();
    while let Some(told) = notices.try_next() {
        let kind = match told {
            Told::Notice(Notice::Spliced { .. }) => "spliced",
            Told::Notice(Notice::Elided { .. }) => "elided",
            Told::Notice(Notice::PassEnded { .. }) => "ended otherwise",
            _ => continue,
        };
        *counts.entry(kind).or_default() += 1;
    }
    json!(counts)
}

/// Turns are not gated here, since no peer gates them: what is compared is what compaction sends to the provider.
async fn crowd(stage: Stage, phase: &Value, measure: &Arc<Measure>) -> Value {
    let (stage, phase) = (Arc::new(stage), Arc::new(phase.clone()));
    let mut sessions = Vec::new();
    for number in 0..number(&phase["sessions"]) {
        let name = format!("s{number}");
        let session = stage.open(&name).await;
        session.append(messages(&name, list(&phase["filled"]))).await.expect("it is stored");
        sessions.push(session);
    }
    let started = measure.now();
    let play = |session: SessionHandle| {
        let (stage, phase, measure) = (stage.clone(), phase.clone(), measure.clone());
        tokio::spawn(async move {
            let mut due = started;
            for (at, said) in list(&phase["turns"]).iter().enumerate() {
                measure.until(due).await;
                let how = (&*format!("t{at}"), false, number(&phase["turn_ms"]));
                turn(&stage, &session, said, how, (&measure, due)).await;
                due = measure.now() + number(&phase["think_ms"]) as f64;
            }
        })
    };
    let played: Vec<_> = sessions.into_iter().map(play).collect();
    for session in played {
        session.await.expect("it has played");
    }
    let turns_ms = measure.now() - started;
    measure.quiet().await;
    let mut found = measure.report();
    found["turns_wall_ms"] = json!(turns_ms);
    found
}

/// Entries that are appended while a turn runs and, where the session is full, while a pass is under way.
async fn losses(stage: &Stage, phase: &Value, measure: &Arc<Measure>) -> Value {
    let mut found = json!({ "stored": {}, "view": {}, "wait_ms": {} });
    for (arm, full, other) in [
        ("same", true, false),
        ("other", true, true),
        ("control_same", false, false),
        ("control_other", false, true),
    ] {
        let session = stage.open(arm).await;
        let second = if other { stage.open(arm).await } else { session.clone() };
        let filled = list(&phase["filled"]);
        let few = usize::try_from(number(&phase["few"])).expect("a small number");
        let summarizing = measure.summarizing.notified();
        session
            .append(messages(arm, if full { filled } else { &filled[..few] }))
            .await
            .expect("it is stored");
        let how = ("t", true, number(&phase["turn_ms"]));
        let turn = turn(stage, &session, &phase["turn"], how, (measure, measure.now()));
        let append = async {
            if full {
                summarizing.await;
            }
            let (mut due, mut longest) = (measure.now(), 0_f64);
            for (at, said) in list(&phase["appended"]).iter().enumerate() {
                // An append is due 20 ms after the one before; a process that stands still makes it late.
                due += 20.0;
                measure.until(due).await;
                let entry = message(&format!("x{at}"), text(said), true);
                second.append(vec![entry]).await.expect("it is stored");
                longest = longest.max(measure.now() - due);
                due = measure.now();
            }
            longest
        };
        let ((), longest) = tokio::join!(turn, append);
        measure.quiet().await;
        found["stored"][arm] = json!(stored(&session).await);
        found["view"][arm] = json!([view(&session).await]);
        found["wait_ms"][arm] = json!(longest);
    }
    found
}

/// What the model would be sent next.
async fn view(session: &SessionHandle) -> String {
    match session.context(OpenCalls::Refuse).await.expect("it answers") {
        ContextReply::Ready(context) => context.body(),
        other => panic!("no context: {other:?}"),
    }
}

/// The texts that the store has.
async fn stored(session: &SessionHandle) -> Vec<String> {
    let range = SeqRange::new(Seq::FIRST, Seq(u64::MAX));
    let page = session.history().page(range, Order::OldestFirst, 1 << 20).await;
    let page = page.expect("the history is readable");
    assert!(page.rest.is_none_or(|rest| rest.is_empty()), "one page holds all");
    let texts = page.entries.iter().flat_map(|(_, entry)| {
        let parts = entry.message().parts.iter();
        parts.flat_map(|part| part.texts().map(str::to_owned)).collect::<Vec<_>>()
    });
    texts.collect()
}
