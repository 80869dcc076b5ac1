//! `OpenAI` Responses: an answer as one response, and as a stream of numbered events.

use serde_json::{Value, json};

use super::events::Event;
use super::reply::{Block, Finish, Kind, Reply};

/// The response with what it has so far.
fn response(reply: &Reply, status: &str, output: &Value) -> Value {
    let details = match reply.finish {
        Finish::MaxTokens if status == "incomplete" => json!({"reason": "max_output_tokens"}),
        Finish::Word(word) if status == "incomplete" => json!({"reason": word}),
        _ => Value::Null,
    };
    let mut response = json!({
        "id": format!("resp_{}", reply.id),
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "error": null,
        "incomplete_details": details,
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": true,
        "store": false,
        "usage": null,
    });
    if let Some(usage) = reply.usage
        && status != "in_progress"
    {
        response["usage"] = json!({
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input + usage.output,
        });
    }
    response
}

fn status(finish: Finish) -> &'static str {
    match finish {
        Finish::MaxTokens | Finish::Word(_) => "incomplete",
        Finish::Stop | Finish::Tools => "completed",
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn item_id(reply: &Reply, index: usize, block: &Block) -> String {
    let prefix = match block.kind {
        Kind::Reasoning => "rs",
        Kind::Text => "msg",
        Kind::Tool { .. } => "fc",
    };
    format!("{prefix}_{}{index:02}", reply.id)
}

/// An item of the output, begun or done.
fn item(id: &str, block: &Block, done: bool) -> Value {
    let status = if done { "completed" } else { "in_progress" };
    let text = if done { block.text() } else { String::new() };
    match &block.kind {
        Kind::Reasoning => {
            let summary = if done { json!([summary(&text)]) } else { json!([]) };
            json!({"id": id, "type": "reasoning", "summary": summary})
        }
        Kind::Text => {
            let content = if done { json!([part(&text)]) } else { json!([]) };
            json!({
                "id": id, "type": "message", "status": status, "role": "assistant", "content": content,
            })
        }
        Kind::Tool { id: call, name } => json!({
            "id": id, "type": "function_call", "status": status, "call_id": format!("call_{call}"),
            "name": name, "arguments": text,
        }),
    }
}

fn output(reply: &Reply) -> Value {
    let blocks = reply.blocks.iter().enumerate();
    blocks.map(|(index, block)| item(&item_id(reply, index, block), block, true)).collect()
}

/// The answer as one response.
pub(super) fn whole(reply: &Reply) -> Value {
    response(reply, status(reply.finish), &output(reply))
}

/// Events, numbered as they are told.
struct Telling {
    events: Vec<Event>,
}

impl Telling {
    fn tell(&mut self, mut data: Value, tokens: u64) {
        data["sequence_number"] = json!(self.events.len());
        self.events.push(Event::named(&data).tokens(tokens));
    }
}

/// The answer as events; the last has all of it again.
pub(super) fn events(reply: &Reply) -> Vec<Event> {
    let mut telling = Telling { events: Vec::new() };
    let begun = response(reply, "in_progress", &json!([]));
    telling.tell(json!({"type": "response.created", "response": begun}), 0);
    telling.tell(json!({"type": "response.in_progress", "response": begun}), 0);
    for (index, block) in reply.blocks.iter().enumerate() {
        item_events(&item_id(reply, index, block), index, block, &mut telling);
    }
    let status = status(reply.finish);
    let response = response(reply, status, &output(reply));
    telling.tell(json!({"type": format!("response.{status}"), "response": response}), 0);
    let last = telling.events.pop().expect("it was just told");
    telling.events.push(last.ending());
    telling.events
}

fn item_events(id: &str, index: usize, block: &Block, telling: &mut Telling) {
    let begun = item(id, block, false);
    let added = json!({"type": "response.output_item.added", "output_index": index, "item": begun});
    telling.tell(added, 0);
    let place = |kind: &str| {
        let mut data =
            json!({"type": format!("response.{kind}"), "item_id": id, "output_index": index});
        match block.kind {
            Kind::Reasoning => data["summary_index"] = json!(0),
            Kind::Text => data["content_index"] = json!(0),
            Kind::Tool { .. } => {}
        }
        data
    };
    let with = |mut data: Value, name: &str, value: Value| {
        data[name] = value;
        data
    };
    let (part_kind, told, name) = match block.kind {
        Kind::Reasoning => (Some("reasoning_summary_part"), "reasoning_summary_text", "text"),
        Kind::Text => (Some("content_part"), "output_text", "text"),
        Kind::Tool { .. } => (None, "function_call_arguments", "arguments"),
    };
    let shape = |text: &str| if block.kind == Kind::Text { part(text) } else { summary(text) };
    if let Some(kind) = part_kind {
        telling.tell(with(place(&format!("{kind}.added")), "part", shape("")), 0);
    }
    for (text, tokens) in &block.pieces {
        telling.tell(with(place(&format!("{told}.delta")), "delta", json!(text)), *tokens);
    }
    let text = block.text();
    telling.tell(with(place(&format!("{told}.done")), name, json!(text)), 0);
    if let Some(kind) = part_kind {
        telling.tell(with(place(&format!("{kind}.done")), "part", shape(&text)), 0);
    }
    let done = item(id, block, true);
    telling
        .tell(json!({"type": "response.output_item.done", "output_index": index, "item": done}), 0);
}
