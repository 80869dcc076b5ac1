//! Reading a transcript that is one JSON document: an array of messages, bare or inside an object.

use serde_json::value::RawValue;

use super::foreign;
use super::json::{self, Fields};
use super::recorder::Recorder;
use super::transcript::{Detected, Place, Unreadable};
use super::warnings::Warnings;
use crate::caps;
use crate::entry::Entry;

#[cfg(test)]
mod tests;

/// Where the messages stand in a document, the first of them that is an array counting.
const MESSAGE_FIELDS: [&str; 3] = ["messages", "history", "traj"];

/// A document's entries. Their sources behind each other are the document: what stands before the first message and
/// behind the last one is carried in entries of its own, a separator at the head of the message behind it.
#[derive(Clone, Debug)]
pub struct DocumentRead {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// What was odd.
    pub warnings: Warnings,
    /// What the document is written in.
    pub detected: Detected,
}

/// Reads a whole document.
///
/// An error names the place: not UTF-8, not one JSON value, nested too deep, over a cap, or no messages in it.
pub fn read_document(bytes: &[u8]) -> Result<DocumentRead, Unreadable> {
    if bytes.len() > caps::MAX_DOCUMENT_BYTES {
        let (found, cap) = (bytes.len(), caps::MAX_DOCUMENT_BYTES);
        let why = format!("the document is {found} bytes long, the cap is {cap}");
        return Err(Unreadable::new(None, why));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Unreadable::new(Place::Byte(error.valid_up_to() as u64), "not UTF-8 text")
    })?;
    if let Some(offset) = json::too_deep(text) {
        let why = format!("the document nests {} or more levels deep", caps::MAX_JSON_DEPTH);
        return Err(Unreadable::new(Place::Byte(offset as u64), why));
    }
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root: &RawValue = serde_json::from_str(unmarked).map_err(|error| syntax_error(&error))?;
    let (messages, detected) = messages(root.get())?;
    let (entries, warnings) = carve(text, &messages, detected)?;
    Ok(DocumentRead { entries, warnings, detected })
}

fn syntax_error(error: &serde_json::Error) -> Unreadable {
    let place = Place::LineColumn(error.line() as u64, error.column() as u64);
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    let wrong = if error.is_eof() { "the document is cut off" } else { "not a JSON document" };
    Unreadable::new(place, format!("{wrong}: {what}"))
}

/// The raw messages of a document and what they are written in.
fn messages(root: &str) -> Result<(Vec<&str>, Detected), Unreadable> {
    if let Some(messages) = json::list(root) {
        let detected = detect_messages(&messages)?;
        return Ok((messages, detected));
    }
    let refuse = |found: &str| Err(Unreadable::new(None, foreign::refusal(found)));
    let Ok(fields) = Fields::parse(root) else {
        return refuse("a single JSON value");
    };
    if let Some(lines) = fields.list("loglines") {
        return Ok((lines, Detected::CLAUDE_CODE_EXPORT));
    }
    if let Some(found) = foreign::document(&fields) {
        return refuse(found);
    }
    let Some(messages) = MESSAGE_FIELDS.iter().find_map(|name| fields.list(name)) else {
        return refuse("a JSON object without an array of messages");
    };
    let detected = detect_messages(&messages)?;
    Ok((messages, detected))
}

/// The first message decides that only one of the formats can have; texts alone are `OpenAI` chat.
fn detect_messages(messages: &[&str]) -> Result<Detected, Unreadable> {
    let mut has_roles = false;
    for raw in messages {
        let Ok(message) = Fields::parse(raw) else {
            continue;
        };
        has_roles |= message.text("role").is_some();
        if message.has("tool_calls") || message.text("role").as_deref() == Some("tool") {
            return Ok(Detected::OPENAI_CHAT);
        }
        if message.list("content").is_some_and(|blocks| blocks.into_iter().any(is_anthropic_block))
        {
            return Ok(Detected::ANTHROPIC);
        }
    }
    match messages.first() {
        Some(first) if !has_roles => {
            let found = foreign::element(first).unwrap_or("an array without chat messages");
            Err(Unreadable::new(Place::Message(1), foreign::refusal(found)))
        }
        _ => Ok(Detected::OPENAI_CHAT),
    }
}

fn is_anthropic_block(raw: &str) -> bool {
    let block = Fields::parse(raw).unwrap_or_default();
    match block.text("type").as_deref() {
        Some("tool_use" | "tool_result" | "thinking" | "redacted_thinking") => true,
        Some("image" | "document") => block.has("source"),
        _ => false,
    }
}

/// Cuts the document into entries around its messages, which were borrowed from it.
fn carve(
    text: &str,
    messages: &[&str],
    detected: Detected,
) -> Result<(Vec<Entry>, Warnings), Unreadable> {
    let mut recorder = Recorder::new();
    let mut entries = Vec::with_capacity(messages.len() + 2);
    let mut at = messages.first().map_or(text.len(), |first| json::offset_in(text, first));
    carry(&mut recorder, &mut entries, 0, &text[..at])?;
    for (number, message) in (1..).zip(messages) {
        let start = json::offset_in(text, message);
        let end = start + message.len();
        let place = Place::Message(number);
        let json = start - at..end - at;
        entries.push(recorder.record(detected.dialect, &text[at..end], json, place)?);
        at = end;
    }
    carry(&mut recorder, &mut entries, at, &text[at..])?;
    recorder.finish();
    Ok((entries, recorder.warnings().clone()))
}

/// Carries the text around the messages, which stands at `offset`, in pieces that entries can hold.
fn carry(
    recorder: &mut Recorder,
    entries: &mut Vec<Entry>,
    offset: usize,
    text: &str,
) -> Result<(), Unreadable> {
    for (number, piece) in text.as_bytes().chunks(caps::MAX_ENTRY_BYTES).enumerate() {
        let at = offset + number * caps::MAX_ENTRY_BYTES;
        entries.push(recorder.carry(piece, Place::Byte(at as u64))?);
    }
    Ok(())
}
