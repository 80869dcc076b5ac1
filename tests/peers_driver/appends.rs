//! Durable appends: how many a second, by one writer and by many, and those whose syncs are counted from outside.

use std::time::{Duration, Instant};

use highwater::SessionHandle;
use serde_json::{Value, json};

use crate::measure::wall_clock;
use crate::phases::{number, text};
use crate::{Stage, message};

async fn writers(stage: &Stage, arm: &str, count: u64) -> Vec<SessionHandle> {
    let mut writers = Vec::new();
    for number in 0..count {
        writers.push(stage.writer(&format!("{arm}-{number}")).await);
    }
    writers
}

/// One durable append. The part of the phase makes its id the session's own.
async fn append(writer: &SessionHandle, (part, at): (&str, u64), said: &str) {
    let entry = message(&format!("{part}{at}"), &format!("{at} {said}"), true);
    writer.append(vec![entry]).await.expect("it is stored");
}

/// Each writer appends, one after another, until the time is over; how many a second that were of all.
async fn write_for(writers: &[SessionHandle], said: &str, takes: Duration) -> f64 {
    let started = Instant::now();
    let write = |writer: &SessionHandle| {
        let (writer, said) = (writer.clone(), said.to_owned());
        tokio::spawn(async move {
            let mut count = 0_u64;
            while started.elapsed() < takes {
                append(&writer, ("e", count), &said).await;
                count += 1;
            }
            count
        })
    };
    let mut count = 0;
    for writer in writers.iter().map(write).collect::<Vec<_>>() {
        count += writer.await.expect("it has written");
    }
    count as f64 / started.elapsed().as_secs_f64()
}

pub(crate) async fn appends(stage: &Stage, phase: &Value) -> Value {
    let (warm_up, said) = (number(&phase["warm_up_ms"]), text(&phase["text"]));
    let takes = Duration::from_secs(number(&phase["seconds"]));
    let mut rates = json!({});
    for (arm, count) in [("one", 1), ("many", number(&phase["writers"]))] {
        // Others warm up: some stores are slower the longer a session is.
        let others = writers(stage, &format!("before-{arm}"), count).await;
        let writers = writers(stage, arm, count).await;
        write_for(&others, said, Duration::from_millis(warm_up)).await;
        rates[arm] = json!(write_for(&writers, said, takes).await);
    }
    rates
}

/// Appends that are traced, by one writer and by many: how many, and when.
pub(crate) async fn syncs(stage: &Stage, phase: &Value) -> Value {
    let mut found = json!({ "stated": "a redo log before redb, synced for each commit" });
    let arms = [("one", 1, "counted"), ("many", number(&phase["writers"]), "counted_each")];
    for (arm, count, each) in arms {
        let each = number(&phase[each]);
        let writers = writers(stage, arm, count).await;
        let write = |writer: &SessionHandle, part: &'static str, times: u64| {
            let (writer, said) = (writer.clone(), text(&phase["text"]).to_owned());
            tokio::spawn(async move {
                for at in 0..times {
                    append(&writer, (part, at), &said).await;
                }
            })
        };
        for (part, times) in [("before", 1), ("e", each)] {
            let from = wall_clock();
            let tasks: Vec<_> = writers.iter().map(|writer| write(writer, part, times)).collect();
            for task in tasks {
                task.await.expect("it has written");
            }
            found[arm] = json!({ "appends": count * each, "from": from, "to": wall_clock() });
        }
    }
    found
}
