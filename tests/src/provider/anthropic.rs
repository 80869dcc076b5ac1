//! Anthropic Messages: an answer as one message, and as a stream of events.

use serde_json::{Value, json};

use super::events::Event;
use super::reply::{Block, Finish, Kind, Reply};

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::MaxTokens => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Word(word) => word,
    }
}

fn content(block: &Block) -> Value {
    match &block.kind {
        Kind::Reasoning => {
            json!({"type": "thinking", "thinking": block.text(), "signature": "c2lnbmVk"})
        }
        Kind::Text => json!({"type": "text", "text": block.text()}),
        Kind::Tool { id, name } => {
            let input: Value = serde_json::from_str(&block.text()).unwrap_or_else(|_| json!({}));
            json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": input})
        }
    }
}

/// The message, with its usage as it is at the start of a stream or at the end.
fn message(reply: &Reply, content: &Value, stop_reason: Option<&str>, output: u64) -> Value {
    let mut message = json!({
        "id": format!("msg_{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
    });
    if let Some(usage) = reply.usage {
        message["usage"] = json!({
            "input_tokens": usage.input,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output,
            "service_tier": "standard",
        });
    }
    message
}

/// The answer as one message.
pub(super) fn whole(reply: &Reply) -> Value {
    let content = reply.blocks.iter().map(content).collect();
    let output = reply.usage.map_or(0, |usage| usage.output);
    message(reply, &Value::Array(content), Some(stop_reason(reply.finish)), output)
}

/// The answer as events, with a `ping` after the first.
pub(super) fn events(reply: &Reply) -> Vec<Event> {
    let start = message(reply, &json!([]), None, 1);
    let mut events = vec![
        Event::named(&json!({"type": "message_start", "message": start})),
        Event::named(&json!({"type": "ping"})),
    ];
    for (index, block) in reply.blocks.iter().enumerate() {
        block_events(index, block, &mut events);
    }
    let mut end = json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(reply.finish), "stop_sequence": null},
    });
    if let Some(usage) = reply.usage {
        end["usage"] = json!({"output_tokens": usage.output});
    }
    events.push(Event::named(&end).ending());
    events.push(Event::named(&json!({"type": "message_stop"})).ending());
    events
}

fn block_events(index: usize, block: &Block, events: &mut Vec<Event>) {
    let start = match &block.kind {
        Kind::Reasoning => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Kind::Text => json!({"type": "text", "text": ""}),
        Kind::Tool { id, name } => {
            json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": {}})
        }
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": start});
    events.push(Event::named(&start));
    let delta = |delta: Value| {
        Event::named(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
    };
    for (text, tokens) in &block.pieces {
        let told = match block.kind {
            Kind::Reasoning => json!({"type": "thinking_delta", "thinking": text}),
            Kind::Text => json!({"type": "text_delta", "text": text}),
            Kind::Tool { .. } => json!({"type": "input_json_delta", "partial_json": text}),
        };
        events.push(delta(told).tokens(*tokens));
    }
    if block.kind == Kind::Reasoning {
        events.push(delta(json!({"type": "signature_delta", "signature": "c2lnbmVk"})));
    }
    events.push(Event::named(&json!({"type": "content_block_stop", "index": index})));
}
