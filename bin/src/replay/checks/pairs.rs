//! Whether rendered blocks hold each call together with its result, read from their JSON alone.

use highwater_protocol::{Block, Format, Role};
use serde_json::Value;

/// The first call without its result right behind it, or result without its call.
pub(crate) fn breach(blocks: &[Block], format: Format) -> Option<String> {
    let mut waiting: Vec<String> = Vec::new();
    for block in blocks {
        let Ok(value) = serde_json::from_str::<Value>(&block.json) else {
            return Some(format!("a block is not JSON: {:.80}", block.json));
        };
        let answered = answers(&value, format);
        if let Some(call) = answered {
            match waiting.iter().position(|waits| *waits == call) {
                Some(at) => drop(waiting.remove(at)),
                None => return Some(format!("a result of {call:?} stands behind no call")),
            }
            continue;
        }
        let goes_on = format == Format::Anthropic && block.role == Role::Assistant;
        if !waiting.is_empty() && !goes_on {
            return Some(format!("a call {:?} is followed by something else", waiting[0]));
        }
        waiting.extend(calls(&value, format));
    }
    waiting.first().map(|call| format!("a call {call:?} has no result"))
}

fn calls(block: &Value, format: Format) -> Vec<String> {
    let id = |call: &Value| call["id"].as_str().unwrap_or_default().to_owned();
    match format {
        Format::Anthropic if block["type"] == "tool_use" => vec![id(block)],
        Format::Anthropic => Vec::new(),
        Format::OpenAiChat => block["tool_calls"]
            .as_array()
            .map(|calls| calls.iter().map(id).collect())
            .unwrap_or_default(),
    }
}

fn answers(block: &Value, format: Format) -> Option<String> {
    let (is_result, call) = match format {
        Format::Anthropic => (block["type"] == "tool_result", &block["tool_use_id"]),
        Format::OpenAiChat => (block["role"] == "tool", &block["tool_call_id"]),
    };
    is_result.then(|| call.as_str().unwrap_or_default().to_owned())
}
