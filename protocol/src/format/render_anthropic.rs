//! Rendering units as Anthropic content blocks, and blocks as a request's `system` and `messages`.

use std::sync::Arc;

use super::json::{self, Fields};
use super::{not_carried, result_text};
use crate::block::{Answer, Block, Unit};
use crate::entry::{Format, Part, PartKind, Role};

pub(super) fn render(units: &[Unit<'_>]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for unit in units {
        match unit {
            Unit::Say { role, parts } => {
                blocks.extend(parts.iter().filter_map(|part| say(*role, part)));
            }
            Unit::Result { call, answer } => {
                blocks.push(Block { role: Role::User, json: result(call, answer) });
            }
            Unit::Note { text } => {
                blocks.extend(text_block(text).map(|json| Block { role: Role::User, json }));
            }
        }
    }
    blocks
}

/// One part as a block. The provider takes calls from the assistant alone, and nothing but text as system.
fn say(role: Role, part: &Part) -> Option<Block> {
    let role = match (role, &part.kind) {
        (Role::System, _) => Role::System,
        (Role::Assistant, _) | (_, PartKind::ToolCall { .. }) => Role::Assistant,
        (Role::User | Role::Tool | Role::Record, _) => Role::User,
    };
    let original = original(part);
    let json = match &part.kind {
        PartKind::Text { text } if !text.trim().is_empty() => {
            original.or_else(|| text_block(text))?
        }
        PartKind::Text { .. } | PartKind::ToolResult { .. } => return None,
        PartKind::Reasoning { .. } => original.filter(|json| is_signed(json))?,
        PartKind::ToolCall { name, .. } if role == Role::System => text_block(&not_carried(name))?,
        PartKind::ToolCall { id, name, arguments } => {
            original.unwrap_or_else(|| call_block(id, name, arguments))
        }
        PartKind::Media { label } | PartKind::Opaque { label } => {
            let kept = original.filter(|_| role != Role::System);
            kept.or_else(|| text_block(&not_carried(label)))?
        }
    };
    Some(Block { role, json })
}

fn original(part: &Part) -> Option<Arc<str>> {
    let original = part.original.as_ref()?;
    (original.format == Format::Anthropic).then(|| Arc::clone(&original.json))
}

/// The provider refuses reasoning that does not carry its signature, or its encrypted data.
fn is_signed(json: &str) -> bool {
    Fields::parse(json).is_ok_and(|block| {
        ["signature", "data"].iter().any(|name| block.text(name).is_some_and(|it| !it.is_empty()))
    })
}

/// A text block, unless the text is blank: the provider refuses those.
fn text_block(text: &str) -> Option<Arc<str>> {
    let json = || format!("{{\"type\":\"text\",\"text\":{}}}", json::quoted(text)).into();
    (!text.trim().is_empty()).then(json)
}

fn call_block(id: &str, name: &str, arguments: &str) -> Arc<str> {
    let input = if json::is_object(arguments) {
        arguments.to_owned()
    } else {
        format!("{{\"input\":{}}}", json::quoted(arguments))
    };
    let (id, name) = (json::quoted(id), json::quoted(name));
    format!("{{\"type\":\"tool_use\",\"id\":{id},\"name\":{name},\"input\":{input}}}").into()
}

fn result(call: &str, answer: &Answer<'_>) -> Arc<str> {
    let part = match answer {
        Answer::Text(text) => return result_block(call, text, false),
        Answer::Given(part) => part,
    };
    let PartKind::ToolResult { call: answered, text, is_error, media } = &part.kind else {
        return result_block(call, "", false);
    };
    match original(part) {
        Some(json) if **answered == *call => json,
        _ => result_block(call, &result_text(text, *media), *is_error),
    }
}

fn result_block(call: &str, text: &str, is_error: bool) -> Arc<str> {
    let (call, text) = (json::quoted(call), json::quoted(text));
    let error = if is_error { ",\"is_error\":true" } else { "" };
    format!("{{\"type\":\"tool_result\",\"tool_use_id\":{call},\"content\":{text}{error}}}").into()
}

/// Instructions that lead the blocks go into `system`. Later ones stay where they are, in the user's role: moved to the
/// front they would change every byte behind them (P1).
pub(super) fn body<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> String {
    let (mut system, mut messages) = (String::new(), String::new());
    let mut speaking = None;
    for block in blocks {
        let name = match block.role {
            Role::System if speaking.is_none() => {
                system.push_str(if system.is_empty() { "" } else { "," });
                system.push_str(&block.json);
                continue;
            }
            Role::Assistant => "assistant",
            Role::System | Role::User | Role::Tool | Role::Record => "user",
        };
        if speaking == Some(name) {
            messages.push(',');
        } else {
            messages.push_str(if speaking.is_some() { "]}," } else { "" });
            messages.push_str("{\"role\":\"");
            messages.push_str(name);
            messages.push_str("\",\"content\":[");
            speaking = Some(name);
        }
        messages.push_str(&block.json);
    }
    if speaking.is_some() {
        messages.push_str("]}");
    }
    if system.is_empty() {
        return format!("{{\"messages\":[{messages}]}}");
    }
    format!("{{\"system\":[{system}],\"messages\":[{messages}]}}")
}
