//! `OpenAI` chat completions: reading one message object, with the variations of agent trajectories.

use std::borrow::Cow;

use super::json::{self, Fields};
use super::{check_part_count, record};
use crate::entry::{Format, Message, Original, Part, PartKind, Role};
use crate::error::Error;
use crate::ids::Digest;

#[cfg(test)]
mod tests;

/// Reads one message object. A message of a role that nobody knows is carried, not shown.
pub(super) fn read(json: &[u8], digest: Digest) -> Result<Message, Error> {
    let fields = json::object(json)?;
    let Some(label) = fields.text("role") else {
        return Ok(record("no role", digest));
    };
    let (role, parts) = match &*label {
        "system" | "developer" => (Role::System, spoken(&fields)),
        "user" => (Role::User, spoken(&fields)),
        "assistant" => (Role::Assistant, spoken(&fields)),
        "tool" => (Role::Tool, vec![result(&fields, answered_call(&fields))]),
        "function" => (Role::Tool, vec![result(&fields, Cow::Borrowed(""))]),
        _ => return Ok(record(&label, digest)),
    };
    check_part_count(&parts)?;
    Ok(Message { role, message_id: None, label: label.into(), parts, digest })
}

/// The parts in the order in which a model produces them: reasoning, content, calls.
fn spoken(message: &Fields<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let reasoning = message.text("reasoning").or_else(|| message.text("reasoning_content"));
    if let Some(text) = reasoning.filter(|text| !text.is_empty()) {
        parts.push(Part::new(PartKind::Reasoning { text: text.into() }, None));
    }
    if let Some(items) = message.list("content") {
        parts.extend(items.into_iter().map(content_part));
    } else if let Some(text) = message.text("content") {
        parts.push(Part::new(PartKind::Text { text: text.into() }, None));
    } else if let Some(raw) = message.raw("content") {
        parts.push(Part::new(PartKind::Opaque { label: "content".into() }, Some(original(raw))));
    }
    for raw in message.list("tool_calls").unwrap_or_default() {
        parts.push(Part::new(call_kind(raw), Some(original(raw))));
    }
    if let Some(raw) = message.raw("function_call") {
        parts.push(Part::new(call_kind(raw), None));
    }
    parts
}

fn original(raw: &str) -> Original {
    Original { format: Format::OpenAiChat, json: raw.into() }
}

fn content_part(raw: &str) -> Part {
    if let Some(text) = json::decode(raw) {
        return Part::new(PartKind::Text { text: text.into() }, None);
    }
    let fields = Fields::parse(raw).unwrap_or_default();
    let label = fields.text("type").unwrap_or(Cow::Borrowed("no type"));
    let kind = match (&*label, fields.text("text")) {
        ("text", Some(text)) => PartKind::Text { text: text.into() },
        (label, _) if is_media(label) => PartKind::Media { label: label.into() },
        (label, _) => PartKind::Opaque { label: label.into() },
    };
    Part::new(kind, Some(original(raw)))
}

fn is_media(label: &str) -> bool {
    matches!(label, "image_url" | "input_audio" | "file" | "image" | "document")
}

/// A call in any of its shapes: with a `function` object, or with name and arguments beside the id.
fn call_kind(raw: &str) -> PartKind {
    let call = Fields::parse(raw).unwrap_or_default();
    let function = call.object("function");
    let named = function.as_ref().unwrap_or(&call);
    let name = named.text("name").or_else(|| call.text("function"));
    let arguments = match (named.text("arguments"), named.raw("arguments")) {
        (Some(text), _) => text,
        (None, raw) => Cow::Borrowed(raw.unwrap_or("{}")),
    };
    PartKind::ToolCall {
        id: call.text("id").unwrap_or_default().into(),
        name: name.unwrap_or_default().into(),
        arguments: arguments.into(),
    }
}

fn answered_call<'a>(message: &Fields<'a>) -> Cow<'a, str> {
    let several = || json::decode(message.list("tool_call_ids")?.first()?);
    message.text("tool_call_id").or_else(several).unwrap_or_default()
}

fn result(message: &Fields<'_>, call: Cow<'_, str>) -> Part {
    let (mut media, mut kept) = (0_u32, None);
    let text = if let Some(items) = message.list("content") {
        let mut texts = Vec::new();
        for item in items {
            let fields = Fields::parse(item).unwrap_or_default();
            texts.extend(json::decode(item).or_else(|| fields.text("text")));
            media += u32::from(fields.text("type").is_some_and(|label| is_media(&label)));
        }
        kept = message.raw("content").filter(|_| media > 0).map(original);
        Cow::Owned(texts.join("\n"))
    } else {
        let raw = message.raw("content").unwrap_or_default();
        message.text("content").unwrap_or(Cow::Borrowed(raw))
    };
    let kind =
        PartKind::ToolResult { call: call.into(), text: text.into(), is_error: false, media };
    Part::new(kind, kept)
}
