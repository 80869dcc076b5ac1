//! `OpenAI` Chat Completions: an answer as one completion, and as a stream of chunks. Reasoning is told as
//! `reasoning_content`, as servers do that tell it.

use serde_json::{Value, json};

use super::events::Event;
use super::reply::{Block, Finish, Kind, Reply};

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::MaxTokens => "length",
        Finish::Tools => "tool_calls",
        Finish::Word(word) => word,
    }
}

fn usage(reply: &Reply) -> Value {
    reply.usage.map_or(Value::Null, |usage| {
        json!({
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        })
    })
}

fn tool(block: &Block) -> Option<Value> {
    let Kind::Tool { id, name } = &block.kind else {
        return None;
    };
    let function = json!({"name": name, "arguments": block.text()});
    Some(json!({"id": format!("call_{id}"), "type": "function", "function": function}))
}

/// The answer as one completion.
pub(super) fn whole(reply: &Reply) -> Value {
    let text = reply.all(&Kind::Text);
    let tools: Vec<Value> = reply.blocks.iter().filter_map(tool).collect();
    let content = if text.is_empty() && !tools.is_empty() { Value::Null } else { json!(text) };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    let reasoning = reply.all(&Kind::Reasoning);
    if !reasoning.is_empty() {
        message["reasoning_content"] = json!(reasoning);
    }
    if !tools.is_empty() {
        message["tool_calls"] = Value::Array(tools);
    }
    let mut whole = json!({
        "id": format!("chatcmpl-{}", reply.id),
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply.finish),
        }],
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    });
    if reply.usage.is_some() {
        whole["usage"] = usage(reply);
    }
    whole
}

fn chunk(reply: &Reply, choices: &Value, usage: Option<Value>) -> Event {
    let mut chunk = json!({
        "id": format!("chatcmpl-{}", reply.id),
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
        "choices": choices,
    });
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    Event::data(&chunk)
}

/// The answer as chunks, with the usage in the last if it was asked for, and `[DONE]`.
pub(super) fn events(reply: &Reply) -> Vec<Event> {
    let tells = reply.include_usage && reply.usage.is_some();
    let choice = |delta: Value, finish: Option<&str>| {
        let choice =
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        chunk(reply, &choice, tells.then_some(Value::Null))
    };
    let mut events =
        vec![choice(json!({"role": "assistant", "content": "", "refusal": null}), None)];
    let mut tools = 0;
    for block in &reply.blocks {
        if let Kind::Tool { id, name } = &block.kind {
            let function = json!({"name": name, "arguments": ""});
            let call = json!({
                "index": tools, "id": format!("call_{id}"), "type": "function", "function": function,
            });
            events.push(choice(json!({"tool_calls": [call]}), None));
            tools += 1;
        }
        for (text, tokens) in &block.pieces {
            let delta = match block.kind {
                Kind::Reasoning => json!({"reasoning_content": text}),
                Kind::Text => json!({"content": text}),
                Kind::Tool { .. } => {
                    let function = json!({"arguments": text});
                    json!({"tool_calls": [{"index": tools - 1, "function": function}]})
                }
            };
            events.push(choice(delta, None).tokens(*tokens));
        }
    }
    events.push(choice(json!({}), Some(finish_reason(reply.finish))).ending());
    if tells {
        events.push(chunk(reply, &json!([]), Some(usage(reply))).ending());
    }
    events.push(Event::done().ending());
    events
}
