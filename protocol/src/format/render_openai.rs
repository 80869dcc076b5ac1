//! Rendering units as `OpenAI` chat messages, and blocks as a request's `messages`.

use std::borrow::Cow;

use super::json::{self, Fields};
use super::{not_carried, result_text};
use crate::block::{Answer, Block, Unit};
use crate::entry::{Format, Part, PartKind, Role};

pub(super) fn render(units: &[Unit<'_>]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for unit in units {
        match unit {
            Unit::Say { role, parts } => blocks.extend(say(*role, parts)),
            Unit::Result { call, answer } => blocks.push(result(call, answer)),
            Unit::Note { text } => blocks.extend(message(Role::User, &[Piece::Text(text)], &[])),
        }
    }
    blocks
}

/// A piece of a message's content.
enum Piece<'a> {
    Text(&'a str),
    Note(String),
    Verbatim(&'a str),
}

impl Piece<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Verbatim(text) => text,
            Self::Note(text) => text,
        }
    }

    fn to_json(&self) -> Cow<'_, str> {
        match self {
            Self::Verbatim(json) => Cow::Borrowed(json),
            Self::Text(_) | Self::Note(_) => {
                Cow::Owned(format!("{{\"type\":\"text\",\"text\":{}}}", json::quoted(self.text())))
            }
        }
    }
}

/// One message. A message that makes calls is the assistant's, whoever it came from: no other role may make them.
fn say(role: Role, parts: &[Cow<'_, Part>]) -> Option<Block> {
    let (mut pieces, mut calls) = (Vec::new(), Vec::new());
    for part in parts {
        match &part.kind {
            PartKind::Text { text } if !text.trim().is_empty() => {
                pieces.push(original(part).map_or(Piece::Text(text), Piece::Verbatim));
            }
            PartKind::Media { label } | PartKind::Opaque { label } => {
                let note = || Piece::Note(not_carried(label));
                pieces.push(original(part).map_or_else(note, Piece::Verbatim));
            }
            PartKind::ToolCall { id, name, arguments } => {
                let kept = original(part).filter(|json| is_legal_call(json)).map(Cow::Borrowed);
                calls.push(kept.unwrap_or_else(|| Cow::Owned(call_json(id, name, arguments))));
            }
            PartKind::Text { .. } | PartKind::Reasoning { .. } | PartKind::ToolResult { .. } => {}
        }
    }
    let role = if calls.is_empty() { role } else { Role::Assistant };
    message(role, &pieces, &calls)
}

fn original(part: &Part) -> Option<&str> {
    let original = part.original.as_ref()?;
    (original.format == Format::OpenAiChat).then_some(&*original.json)
}

/// Whether a call has the shape that the API takes; trajectories have others.
fn is_legal_call(raw: &str) -> bool {
    let Ok(call) = Fields::parse(raw) else {
        return false;
    };
    let Some(function) = call.object("function") else {
        return false;
    };
    call.text("id").is_some()
        && call.text("type").as_deref() == Some("function")
        && function.text("name").is_some()
        && function.text("arguments").is_some()
}

fn call_json(id: &str, name: &str, arguments: &str) -> String {
    let (id, name, arguments) = (json::quoted(id), json::quoted(name), json::quoted(arguments));
    format!(
        "{{\"id\":{id},\"type\":\"function\",\"function\":{{\"name\":{name},\"arguments\":{arguments}}}}}"
    )
}

/// A message of one role; `None` when it would say nothing.
fn message(role: Role, pieces: &[Piece<'_>], calls: &[Cow<'_, str>]) -> Option<Block> {
    let (role, name) = match role {
        Role::System => (Role::System, "system"),
        Role::Assistant => (Role::Assistant, "assistant"),
        Role::User | Role::Tool | Role::Record => (Role::User, "user"),
    };
    let content = content(pieces);
    if content.is_none() && calls.is_empty() {
        return None;
    }
    let content = content.as_deref().unwrap_or("null");
    let calls = match calls {
        [] => String::new(),
        calls => format!(",\"tool_calls\":[{}]", calls.join(",")),
    };
    let json = format!("{{\"role\":\"{name}\",\"content\":{content}{calls}}}");
    Some(Block { role, json: json.into() })
}

/// A list as soon as one piece brings its own bytes, else one string; `None` when there is nothing.
fn content(pieces: &[Piece<'_>]) -> Option<String> {
    if pieces.iter().any(|piece| matches!(piece, Piece::Verbatim(_))) {
        let items: Vec<_> = pieces.iter().map(Piece::to_json).collect();
        return Some(format!("[{}]", items.join(",")));
    }
    let texts: Vec<_> = pieces.iter().map(Piece::text).collect();
    let text = texts.join("\n\n");
    (!text.trim().is_empty()).then(|| json::quoted(&text))
}

fn result(call: &str, answer: &Answer<'_>) -> Block {
    let content = match answer {
        Answer::Text(text) => json::quoted(text),
        Answer::Given(part) => match (original(part), &part.kind) {
            (Some(list), PartKind::ToolResult { .. }) => list.to_owned(),
            (None, PartKind::ToolResult { text, media, .. }) => {
                json::quoted(&result_text(text, *media))
            }
            _ => json::quoted(""),
        },
    };
    let call = json::quoted(call);
    let json = format!("{{\"role\":\"tool\",\"tool_call_id\":{call},\"content\":{content}}}");
    Block { role: Role::Tool, json: json.into() }
}

pub(super) fn body<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> String {
    let messages: Vec<&str> = blocks.into_iter().map(|block| &*block.json).collect();
    format!("{{\"messages\":[{}]}}", messages.join(","))
}
