//! The phases of the workload, played through awaken's runtime and its file store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Stage;
use crate::measure::{Measure, memory_mib, wall_clock};

/// Plays one phase.
pub(crate) async fn play(phase: &str, work: &Value, dir: &Path) -> Value {
    let measure = Arc::new(Measure::new());
    let settings = &work[if phase == "syncs" { "appends" } else { phase }];
    // Runs of many threads at once fail over the file store, which is made for development: the crowd is in memory.
    let dir = (phase != "crowd").then_some(dir);
    let stage = Arc::new(Stage::new(work, settings, &measure, dir));
    let before = memory_mib("VmRSS:");
    let mut found = match phase {
        "steady" | "leisure" => alone(&stage, work, settings, &measure).await,
        "crowd" => crowd(&stage, settings, &measure).await,
        "losses" => losses(&stage, settings, &measure).await,
        "appends" => appends(&stage, settings).await,
        "syncs" => syncs(&stage, settings).await,
        other => panic!("no such phase: {other}"),
    };
    found["rss_before"] = json!(before);
    found["rss_after"] = json!(memory_mib("VmRSS:"));
    found["rss_peak"] = json!(memory_mib("VmHWM:"));
    found
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Texts that a name makes a session's own.
fn named(name: &str, texts: &[Value]) -> Vec<String> {
    texts.iter().map(|text| format!("{name} {}", text.as_str().expect("a text"))).collect()
}

async fn alone(stage: &Stage, work: &Value, phase: &Value, measure: &Arc<Measure>) -> Value {
    let (beats, every_ms) = (Arc::clone(measure), number(&work["heartbeat_ms"]));
    let heart = tokio::spawn(async move { beats.heartbeat(every_ms).await });
    for said in list(&phase["turns"]) {
        stage.turn("alone", said, measure.now(), measure).await;
        tokio::time::sleep(Duration::from_millis(number(&phase["think_ms"]))).await;
    }
    heart.abort();
    measure.report()
}

async fn crowd(stage: &Arc<Stage>, phase: &Value, measure: &Arc<Measure>) -> Value {
    let sessions: Vec<String> =
        (0..number(&phase["sessions"])).map(|at| format!("s{at}")).collect();
    for session in &sessions {
        stage.open(session, &named(session, list(&phase["filled"]))).await;
    }
    let (started, phase) = (measure.now(), Arc::new(phase.clone()));
    let play = |session: String| {
        let (stage, phase, measure) = (stage.clone(), phase.clone(), measure.clone());
        tokio::spawn(async move {
            let mut due = started;
            for said in list(&phase["turns"]) {
                measure.until(due).await;
                stage.turn(&session, said, due, &measure).await;
                due = measure.now() + number(&phase["think_ms"]) as f64;
            }
        })
    };
    for played in sessions.into_iter().map(play).collect::<Vec<_>>() {
        played.await.expect("it has played");
    }
    let wall = measure.now() - started;
    measure.quiet().await;
    let mut found = measure.report();
    found["turns_wall_ms"] = json!(wall);
    found
}

/// Entries that are appended while a turn runs and, where the session is full, while a compaction is under way. A thread
/// has no handle but its name, so that a second one is the first.
async fn losses(stage: &Stage, phase: &Value, measure: &Arc<Measure>) -> Value {
    let mut found = json!({ "stored": {}, "view": {}, "wait_ms": {} });
    for arm in ["same", "other", "control_same", "control_other"] {
        let full = !arm.starts_with("control");
        let filled = list(&phase["filled"]);
        let count = if full { filled.len() } else { number(&phase["few"]) as usize };
        stage.open(arm, &named(arm, &filled[..count])).await;
        let summarizing = measure.summarizing.notified();
        let append = async {
            if full {
                let waited = tokio::time::timeout(Duration::from_secs(5), summarizing).await;
                waited.expect("a compaction begins");
            }
            let (mut due, mut longest) = (measure.now(), 0_f64);
            for text in list(&phase["appended"]) {
                due += 20.0;
                measure.until(due).await;
                stage.append(arm, text.as_str().expect("a text")).await;
                longest = longest.max(measure.now() - due);
                due = measure.now();
            }
            longest
        };
        let turn = stage.turn(arm, &phase["turn"], measure.now(), measure);
        let ((), longest) = tokio::join!(turn, append);
        measure.quiet().await;
        let stored = stage.stored(arm).await;
        found["view"][arm] = json!(stored);
        found["stored"][arm] = json!(stored);
        found["wait_ms"][arm] = json!(longest);
    }
    found
}

/// Appends one after another to a thread until the time is over; how many.
async fn append_until(stage: Arc<Stage>, thread: String, said: String, until: Instant) -> u64 {
    let mut count = 0;
    while Instant::now() < until {
        stage.append(&thread, &format!("{count} {said}")).await;
        count += 1;
    }
    count
}

async fn appends(stage: &Arc<Stage>, phase: &Value) -> Value {
    let said = phase["text"].as_str().expect("a text");
    let mut rates = Vec::new();
    for writers in [1, number(&phase["writers"])] {
        let started = Instant::now();
        let until = started + Duration::from_secs(number(&phase["seconds"]));
        let write = |writer: u64| {
            let thread = format!("w{writers}-{writer}");
            tokio::spawn(append_until(Arc::clone(stage), thread, said.to_owned(), until))
        };
        let mut count = 0;
        for writer in (0..writers).map(write).collect::<Vec<_>>() {
            count += writer.await.expect("it has written");
        }
        rates.push(count as f64 / started.elapsed().as_secs_f64());
    }
    json!({ "sequential": rates[0], "concurrent": rates[1] })
}

async fn syncs(stage: &Stage, phase: &Value) -> Value {
    let (count, from) = (number(&phase["counted"]), wall_clock());
    for at in 0..count {
        stage.append("counted", &format!("{at} {}", phase["text"].as_str().expect("a text"))).await;
    }
    json!({ "appends": count, "from": from, "to": wall_clock(), "stated": "JSON files, synced with their folder" })
}
