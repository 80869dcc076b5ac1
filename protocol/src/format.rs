//! Outside formats: reading their records into messages, and rendering units back into their blocks.
//!
//! Reading and rendering are pure. Stored bytes are read again at each recovery, and rendered bytes must not change
//! between two contexts (P1, P2), so what these functions answer for an input is frozen.

pub mod anthropic;
pub mod json;
pub mod transcript;

mod claude_code;
mod detect;
mod document;
mod foreign;
mod lines;
mod openai_chat;
mod recorder;
mod render_anthropic;
mod render_openai;
mod warnings;

#[cfg(test)]
mod tests;

use crate::block::{Block, Unit};
use crate::caps;
use crate::entry::{Dialect, Format, Message, Part, PartKind, Role};
use crate::error::{Error, Kind};
use crate::ids::Digest;
use crate::payload::Content;

/// Reads one record. A pure function of its arguments, for ever: stored bytes are read again at each recovery.
///
/// [`Kind::Invalid`] when the bytes are not of the dialect; [`Kind::TooLarge`] over [`caps::MAX_PARTS`] parts or at
/// [`caps::MAX_JSON_DEPTH`] levels of nesting. [`Dialect::Opaque`] takes any bytes.
pub fn read_message(dialect: Dialect, json: &[u8]) -> Result<Message, Error> {
    read_hashed(dialect, json, Content::of(json).digest)
}

/// Reads one record whose digest is known.
pub(crate) fn read_hashed(dialect: Dialect, json: &[u8], digest: Digest) -> Result<Message, Error> {
    match dialect {
        Dialect::Opaque => Ok(record("opaque", digest)),
        Dialect::Anthropic => anthropic::read(json, digest),
        Dialect::OpenAiChat => openai_chat::read(json, digest),
        Dialect::ClaudeCode => claude_code::read(json, digest),
    }
}

/// Renders units into blocks. A pure function of its arguments (P1, P2).
///
/// Parts keep their original bytes where these are of the same format; all others are written anew with a fixed field
/// order. Left out are blank texts, reasoning that the format cannot take, and results inside a
/// [`Unit::Say`]: a result has its place behind its call, and callers turn one without a call into a note (V8).
pub fn render(format: Format, units: &[Unit<'_>]) -> Vec<Block> {
    match format {
        Format::Anthropic => render_anthropic::render(units),
        Format::OpenAiChat => render_openai::render(units),
    }
}

/// The prompt part of a request that shows these blocks: `system` and `messages`. Neighbouring Anthropic blocks of one
/// role become one message; the blocks' own bytes stand in it unchanged.
pub fn body<'a>(format: Format, blocks: impl IntoIterator<Item = &'a Block>) -> String {
    match format {
        Format::Anthropic => render_anthropic::body(blocks),
        Format::OpenAiChat => render_openai::body(blocks),
    }
}

/// A call, or a result, under another id of the call. Its own bytes stay as they are but for that id.
pub(crate) fn with_call_id(part: &Part, id: &str) -> Part {
    let mut part = part.clone();
    let field = match &mut part.kind {
        PartKind::ToolCall { id: known, .. } => {
            *known = id.into();
            "id"
        }
        PartKind::ToolResult { call, .. } => {
            *call = id.into();
            "tool_use_id"
        }
        _ => return part,
    };
    if let Some(original) = &mut part.original
        && let Ok(fields) = json::Fields::parse(&original.json)
    {
        original.json = fields.with_text(field, id).into();
    }
    part
}

/// A message that no model sees.
fn record(label: &str, digest: Digest) -> Message {
    Message { role: Role::Record, message_id: None, label: label.into(), parts: Vec::new(), digest }
}

/// Refuses a message of more parts than the cap.
fn check_part_count(parts: &[Part]) -> Result<(), Error> {
    let (found, cap) = (parts.len(), caps::MAX_PARTS);
    if found > cap {
        let message = format!("the message has {found} parts, the cap is {cap}");
        return Err(Error::new(Kind::TooLarge, message));
    }
    Ok(())
}

/// What stands for a part whose bytes another format does not take.
fn not_carried(label: &str) -> String {
    format!("[{label}: not carried over from another format]")
}

/// The text of a result, with a note for media that its format does not take from another.
fn result_text(text: &str, media: u32) -> String {
    if media == 0 {
        return text.to_owned();
    }
    let note = not_carried(&format!("{media} media"));
    if text.is_empty() { note } else { format!("{text}\n{note}") }
}
