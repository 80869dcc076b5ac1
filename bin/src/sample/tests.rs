//! The sample keeps what it is bundled for: its size, its shape, and its planned oddities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::transcript;

fn lines() -> Vec<Value> {
    let bytes = transcript();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.ends_with("}\n"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn blocks<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = (usize, &'a Value)> {
    lines.iter().enumerate().flat_map(move |(at, line)| {
        let content = line["message"]["content"].as_array();
        content
            .into_iter()
            .flatten()
            .filter(move |block| block["type"] == kind)
            .map(move |block| (at, block))
    })
}

#[test]
fn the_same_bytes_come_each_time() {
    assert_eq!(transcript(), transcript());
}

#[test]
fn the_size_is_what_a_first_look_needs() {
    let lines = lines();
    let bytes = transcript().len();
    assert!((500..=700).contains(&lines.len()), "{} lines", lines.len());
    assert!((550_000..=900_000).contains(&bytes), "{bytes} bytes");
    let ids = lines.iter().filter(|line| line["type"] == "assistant");
    let ids: BTreeSet<&str> = ids.filter_map(|line| line["message"]["id"].as_str()).collect();
    assert!((140..=170).contains(&ids.len()), "{} turns", ids.len());
    let large = blocks(&lines, "tool_result")
        .filter(|(_, block)| block["content"].as_str().unwrap().len() > 20_000);
    assert!(large.count() >= 4);
    assert!(blocks(&lines, "thinking").all(|(_, block)| block["signature"].is_string()));
    assert!(blocks(&lines, "thinking").count() > 20);
    for kind in ["progress", "system", "summary", "file-history-snapshot"] {
        assert!(lines.iter().any(|line| line["type"] == kind), "no {kind}");
    }
}

#[test]
fn every_line_hangs_below_the_one_before() {
    let mut parent = Value::Null;
    let mut seen = BTreeSet::new();
    let mut clock = String::new();
    for line in lines() {
        let Some(uuid) = line["uuid"].as_str() else {
            continue;
        };
        assert_eq!(line["parentUuid"], parent);
        assert!(seen.insert(uuid.to_owned()), "{uuid} twice");
        let now = line["timestamp"].as_str().unwrap();
        assert!(clock.as_str() < now && now < "2026-03-04", "{clock} {now}");
        clock = now.to_owned();
        parent = line["uuid"].clone();
    }
}

#[test]
fn calls_and_results_pair_except_for_one_interruption_and_one_reused_id() {
    let lines = lines();
    let mut calls: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, block) in blocks(&lines, "tool_use") {
        calls.entry(block["id"].as_str().unwrap()).or_default().push(at);
    }
    let mut results: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, block) in blocks(&lines, "tool_result") {
        let id = block["tool_use_id"].as_str().unwrap();
        results.entry(id).or_default().push(at);
    }
    let unanswered = calls.keys().filter(|id| !results.contains_key(*id));
    assert_eq!(unanswered.count(), 1);
    let reused: Vec<&Vec<usize>> = calls.values().filter(|at| at.len() > 1).collect();
    assert_eq!(reused.len(), 1);
    assert!(reused[0][1] - reused[0][0] > 300, "{reused:?}");
    for (id, at) in &results {
        let called = &calls[id];
        assert_eq!(at.len(), called.len(), "{id}");
        assert!(called.iter().zip(at).all(|(call, result)| call < result));
    }
}

#[test]
fn parallel_calls_interleave_with_their_results() {
    let lines = lines();
    let mut spans: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for (at, _) in blocks(&lines, "tool_use") {
        let id = lines[at]["message"]["id"].as_str().unwrap();
        let span = spans.entry(id).or_insert((at, at, 0));
        span.1 = at;
        span.2 += 1;
    }
    let parallel: Vec<_> = spans.values().filter(|(_, _, calls)| *calls > 1).collect();
    assert!(parallel.len() > 20);
    assert!(parallel.iter().any(|(_, _, calls)| *calls == 5));
    for (first, last, _) in parallel {
        let inside = &lines[*first..*last];
        assert!(inside.iter().any(|line| line["type"] == "user"), "{first}");
    }
}
