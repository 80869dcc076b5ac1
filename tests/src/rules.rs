//! V1, V2 and V10 of an answered context, checked naively from the context alone and from what was appended. Nothing of
//! the product's logic is used.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::{Context, Entry, Format, Shown, TokenCount};
use serde_json::Value;

use crate::branch::Branch;
use crate::oracle::blocks_of_body;

/// All rules; panics with the first breach. `branch` says which of the entries a model may see.
pub fn hold(
    context: &Context,
    entries: &[std::sync::Arc<Entry>],
    branch: &Branch,
    hard: TokenCount,
) {
    let breaches = [
        shown_once(context, entries, |seq| branch.shows(seq)),
        pairs_whole(context.format, &context.body()),
        (context.tokens > hard).then(|| format!("V10: {} is above the hard mark", context.tokens)),
    ];
    if let Some(breach) = breaches.into_iter().flatten().next() {
        panic!("context {}: {breach}\n{}", context.call.0, context.body());
    }
}

/// V1: each entry that a model may see is shown exactly once, and no other at all. `entries` are all that was appended,
/// in order; `is_live` says which of their numbers stand on the live branch.
pub fn shown_once(
    context: &Context,
    entries: &[std::sync::Arc<Entry>],
    is_live: impl Fn(u64) -> bool,
) -> Option<String> {
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    for segment in &context.segments {
        match &segment.shown {
            Shown::Entries(shown) | Shown::Elided(shown) => {
                for seq in shown {
                    *times.entry(seq.0).or_default() += 1;
                }
            }
            Shown::Summary(covers) => {
                // Its range spans what was rewound, cleared or superseded; it stands for the live ones in it.
                let seqs = covers.ranges().iter().flat_map(|range| range.start.0..range.end.0);
                for seq in seqs.filter(|seq| is_live(*seq)) {
                    *times.entry(seq).or_default() += 1;
                }
            }
            Shown::Register => {}
        }
    }
    let numbered = (1_u64..).zip(entries);
    let visible = numbered.filter(|(_, entry)| entry.message().is_visible());
    for (seq, entry) in visible {
        let times = times.get(&seq).copied().unwrap_or_default();
        let expected = u32::from(is_live(seq));
        if times != expected {
            let id = entry.id();
            return Some(format!("V1: entry {seq} ({id}) is shown {times} times, not {expected}"));
        }
    }
    None
}

/// V2 as a provider sees it: whoever calls is answered at once, completely, and nobody else is.
pub fn pairs_whole(format: Format, body: &str) -> Option<String> {
    let mut waiting: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut speaker = String::new();
    for (role, block) in blocks_of_body(format, body) {
        let block: Value = match serde_json::from_str(&block) {
            Ok(block) => block,
            Err(error) => return Some(format!("a block is not JSON: {error}: {block}")),
        };
        let goes_on = format == Format::Anthropic && role == "assistant" && role == speaker;
        if let Some(call) = answers(format, &block) {
            let Some(at) = waiting.iter().position(|waits| *waits == call) else {
                return Some(format!("V2: a result of {call:?} that nobody waits for"));
            };
            waiting.remove(at);
        } else if !(waiting.is_empty() || goes_on) {
            return Some(format!("V2: {:?} is not answered by what follows it", waiting[0]));
        }
        for call in calls(format, &block) {
            if call.is_empty() || !seen.insert(call.clone()) {
                return Some(format!("the call id {call:?} is empty, or used twice"));
            }
            waiting.push(call);
        }
        speaker = role;
    }
    waiting.first().map(|call| format!("V2: {call:?} is never answered"))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn answers(format: Format, block: &Value) -> Option<String> {
    match format {
        Format::Anthropic if block["type"] == "tool_result" => Some(text_of(&block["tool_use_id"])),
        Format::OpenAiChat if block["role"] == "tool" => Some(text_of(&block["tool_call_id"])),
        _ => None,
    }
}

fn calls(format: Format, block: &Value) -> Vec<String> {
    match format {
        Format::Anthropic if block["type"] == "tool_use" => vec![text_of(&block["id"])],
        Format::OpenAiChat => {
            let calls = block["tool_calls"].as_array();
            calls.into_iter().flatten().map(|call| text_of(&call["id"])).collect()
        }
        Format::Anthropic => Vec::new(),
    }
}
