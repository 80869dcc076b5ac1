//! A passage as a record of data in a prompt: JSON, so that no text of a transcript can end the record that it stands in
//! (S2). Media are named, not carried.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::entry::{PartKind, Role};
use crate::piece::{Passage, Source};
use crate::tokens::{self, TokenCount};

/// Longest name or id in a record, in characters: tools and calls of real models stay below.
const NAME_CHARS: usize = 64;

/// The bytes that a prefix grows by: each byte is measured once, and room is filled to about this much.
const GRAIN_BYTES: usize = 64;

/// What a record takes beside its text, about.
pub(super) const RECORD_BYTES: usize = 192;

/// One record of data.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Datum<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_count: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    never_answered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<Slice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// Which bytes of a long text a record holds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Slice {
    from_byte: usize,
    to_byte: usize,
    of_bytes: usize,
}

impl<'a> Datum<'a> {
    pub(super) fn of(passage: &Passage<'a>) -> Self {
        let text = passage.text;
        let slice = (text.len() < passage.whole).then(|| Slice {
            from_byte: passage.from,
            to_byte: passage.from + text.len(),
            of_bytes: passage.whole,
        });
        match passage.source {
            Source::Summary => {
                Self { kind: "earlier_summary", slice, text: Some(text), ..Self::default() }
            }
            Source::Part { seq, role, kind, unanswered } => Self {
                entry: Some(seq.to_string()),
                role: Some(role_name(role)),
                slice,
                never_answered: unanswered,
                ..Self::of_kind(kind, text)
            },
        }
    }

    /// The record but for its text.
    pub(super) fn without_text(self) -> Self {
        Self { arguments: None, text: None, ..self }
    }

    fn of_kind(kind: &PartKind, text: &'a str) -> Self {
        let text = Some(text);
        match kind {
            PartKind::Text { .. } => Self { kind: "text", text, ..Self::default() },
            PartKind::Reasoning { .. } => Self { kind: "reasoning", text, ..Self::default() },
            PartKind::ToolCall { id, name, .. } => Self {
                kind: "tool_call",
                tool: Some(named(name)),
                call: Some(named(id)),
                arguments: text,
                ..Self::default()
            },
            PartKind::ToolResult { call, is_error, media, .. } => Self {
                kind: "tool_result",
                call: Some(named(call)),
                failed: *is_error,
                media_count: Some(*media).filter(|count| *count > 0),
                text,
                ..Self::default()
            },
            PartKind::Media { label } => {
                Self { kind: "media", media: Some(named(label)), ..Self::default() }
            }
            PartKind::Opaque { label } => {
                Self { kind: "other", media: Some(named(label)), ..Self::default() }
            }
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Record => "record",
    }
}

/// A name or an id, shortened, without characters that would need many bytes to be escaped.
fn named(name: &str) -> String {
    let mut chars = name.chars();
    let shown = chars.by_ref().take(NAME_CHARS);
    let mut shown: String =
        shown.map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if chars.next().is_some() {
        shown.push_str("..");
    }
    shown
}

/// The size of a passage's record, with the comma behind it.
pub(crate) fn size(passage: &Passage<'_>) -> TokenCount {
    tokens::estimate(&encode_about(passage.text.len(), &Datum::of(passage))) + TokenCount(1)
}

/// How many bytes of a text fit `room` within a record; at least one character.
pub(crate) fn prefix_within(text: &str, room: TokenCount) -> usize {
    let (mut end, mut taken) = (0, TokenCount::ZERO);
    while end < text.len() {
        let next = text.floor_char_boundary(end + GRAIN_BYTES);
        // Where two grains meet, a run of blanks may come to cost a token that neither alone did.
        taken += tokens::estimate(&encode(&text[end..next])) + TokenCount(1);
        if taken > room && end > 0 {
            break;
        }
        end = next;
    }
    end
}

/// JSON in which no string holds `<|`, the mark that begins a vocabulary's control tokens: a tokenizer that reads them
/// in a message's text as well would let the data end the message.
pub(super) fn encode(value: &(impl Serialize + ?Sized)) -> String {
    encode_about(0, value)
}

/// The same where it is known about how long the texts in it are: then it seldom has to move as it grows.
pub(super) fn encode_about(bytes: usize, value: &(impl Serialize + ?Sized)) -> String {
    let mut json = Vec::with_capacity(bytes + bytes / 16 + RECORD_BYTES);
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, Fenced);
    value.serialize(&mut serializer).expect("strings and numbers are always JSON");
    String::from_utf8(json).expect("JSON is UTF-8")
}

struct Fenced;

impl Formatter for Fenced {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut written = 0;
        for at in memchr::memchr_iter(b'<', bytes).filter(|at| bytes.get(at + 1) == Some(&b'|')) {
            writer.write_all(&bytes[written..at])?;
            writer.write_all(b"\\u003c")?;
            written = at + 1;
        }
        writer.write_all(&bytes[written..])
    }
}
