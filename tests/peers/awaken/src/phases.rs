//! The phases of the workload, played through awaken's runtime and its file store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Stage;
use crate::measure::{Measure, memory_mib, wall_clock};
use crate::talk::Talk;

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
    let mut talk = stage.open("alone", &[]).await;
    for said in list(&phase["turns"]) {
        stage.turn(&mut talk, said, measure.now(), measure).await;
        tokio::time::sleep(Duration::from_millis(number(&phase["think_ms"]))).await;
    }
    heart.abort();
    let found = measure.report();
    talk.end().await;
    found
}

async fn crowd(stage: &Arc<Stage>, phase: &Value, measure: &Arc<Measure>) -> Value {
    let mut sessions = Vec::new();
    for at in 0..number(&phase["sessions"]) {
        let name = format!("s{at}");
        sessions.push(stage.open(&name, &named(&name, list(&phase["filled"]))).await);
    }
    let (started, phase) = (measure.now(), Arc::new(phase.clone()));
    let play = |mut session: Talk| {
        let (stage, phase, measure) = (stage.clone(), phase.clone(), measure.clone());
        tokio::spawn(async move {
            let mut due = started;
            for said in list(&phase["turns"]) {
                measure.until(due).await;
                stage.turn(&mut session, said, due, &measure).await;
                due = measure.now() + number(&phase["think_ms"]) as f64;
            }
            session
        })
    };
    let mut talks = Vec::new();
    for played in sessions.into_iter().map(play).collect::<Vec<_>>() {
        talks.push(played.await.expect("it has played"));
    }
    let wall = measure.now() - started;
    measure.quiet().await;
    let mut found = measure.report();
    found["turns_wall_ms"] = json!(wall);
    for talk in talks {
        talk.end().await;
    }
    found
}

/// Entries that are appended while a turn runs and, where the session is full, while a compaction is under way. A
/// thread has no handle but its name, so that a second one is the first.
async fn losses(stage: &Stage, phase: &Value, measure: &Arc<Measure>) -> Value {
    let mut found = json!({ "stored": {}, "view": {}, "wait_ms": {} });
    for arm in ["same", "other", "control_same", "control_other"] {
        let full = !arm.starts_with("control");
        let filled = list(&phase["filled"]);
        let count = if full { filled.len() } else { number(&phase["few"]) as usize };
        let mut talk = stage.open(arm, &named(arm, &filled[..count])).await;
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
        let turn = stage.turn(&mut talk, &phase["turn"], measure.now(), measure);
        let ((), longest) = tokio::join!(turn, append);
        measure.quiet().await;
        found["view"][arm] = json!(stage.view(&mut talk).await);
        talk.end().await;
        found["stored"][arm] = json!(stage.stored(arm).await);
        found["wait_ms"][arm] = json!(longest);
    }
    found
}

/// Each writer appends to a thread of its own, one after another, until the time is over; how many a second that were
/// of all.
async fn write_for(stage: &Arc<Stage>, threads: &[String], said: &str, takes: Duration) -> f64 {
    let started = Instant::now();
    let write = |thread: &String| {
        let (stage, thread, said) = (Arc::clone(stage), thread.clone(), said.to_owned());
        tokio::spawn(async move {
            let mut count = 0_u64;
            while started.elapsed() < takes {
                stage.append(&thread, &format!("{count} {said}")).await;
                count += 1;
            }
            count
        })
    };
    let mut count = 0;
    for writer in threads.iter().map(write).collect::<Vec<_>>() {
        count += writer.await.expect("it has written");
    }
    count as f64 / started.elapsed().as_secs_f64()
}

fn threads(arm: &str, count: u64) -> Vec<String> {
    (0..count).map(|number| format!("{arm}-{number}")).collect()
}

async fn appends(stage: &Arc<Stage>, phase: &Value) -> Value {
    let (warm_up, said) = (number(&phase["warm_up_ms"]), phase["text"].as_str().expect("a text"));
    let takes = Duration::from_secs(number(&phase["seconds"]));
    let mut rates = json!({});
    for (arm, count) in [("one", 1), ("many", number(&phase["writers"]))] {
        // Others warm up: some stores are slower the longer a session is.
        let others = threads(&format!("before-{arm}"), count);
        write_for(stage, &others, said, Duration::from_millis(warm_up)).await;
        rates[arm] = json!(write_for(stage, &threads(arm, count), said, takes).await);
    }
    rates
}

/// Appends that are traced, by one writer and by many: how many, and when.
async fn syncs(stage: &Arc<Stage>, phase: &Value) -> Value {
    let mut found = json!({ "stated": "JSON files, synced with their folders" });
    let arms = [("one", 1, "counted"), ("many", number(&phase["writers"]), "counted_each")];
    for (arm, count, each) in arms {
        let each = number(&phase[each]);
        let write = |thread: String, times: u64| {
            let (stage, said) =
                (Arc::clone(stage), phase["text"].as_str().expect("a text").to_owned());
            tokio::spawn(async move {
                for at in 0..times {
                    stage.append(&thread, &format!("{at} {said}")).await;
                }
            })
        };
        for times in [1, each] {
            let from = wall_clock();
            let writers = threads(arm, count).into_iter().map(|thread| write(thread, times));
            for writer in writers.collect::<Vec<_>>() {
                writer.await.expect("it has written");
            }
            found[arm] = json!({ "appends": count * each, "from": from, "to": wall_clock() });
        }
    }
    found
}
