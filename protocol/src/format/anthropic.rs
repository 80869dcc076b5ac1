//! Anthropic's Messages API: reading `{"role": .., "content": ..}` and its content blocks.

use std::borrow::Cow;

use super::check_part_count;
use super::json::{self, Fields};
use crate::entry::{Format, Message, Original, Part, PartKind, Role};
use crate::error::{Error, Kind};
use crate::ids::Digest;

#[cfg(test)]
pub(super) mod tests;

/// A message that says one text.
pub fn text_message(role: &str, text: &str) -> String {
    format!("{{\"role\":{},\"content\":{}}}", json::quoted(role), json::quoted(text))
}

/// Reads one message as it would be sent to the provider.
pub(super) fn read(json: &[u8], digest: Digest) -> Result<Message, Error> {
    let fields = json::object(json)?;
    let Some(role) = role(&fields) else {
        let found = fields.text("role").unwrap_or(Cow::Borrowed("nothing"));
        let message = format!("the role is {found:?}, not user, assistant or system");
        return Err(Error::new(Kind::Invalid, message));
    };
    Ok(Message {
        role,
        message_id: fields.text("id").map(Into::into),
        label: fields.text("role").unwrap_or_default().into(),
        parts: parts(&fields)?,
        digest,
    })
}

/// The role that a message names, if it is one of the three.
pub(super) fn role(message: &Fields<'_>) -> Option<Role> {
    match &*message.text("role")? {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        "system" => Some(Role::System),
        _ => None,
    }
}

/// The parts of a message's content.
pub(super) fn parts(message: &Fields<'_>) -> Result<Vec<Part>, Error> {
    if let Some(text) = message.text("content") {
        return Ok(vec![said(text)]);
    }
    let Some(blocks) = message.list("content") else {
        let message = "the message's content is neither a string nor a list of blocks";
        return Err(Error::new(Kind::Invalid, message));
    };
    let parts = blocks.into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    check_part_count(&parts)?;
    Ok(parts)
}

fn said(text: Cow<'_, str>) -> Part {
    Part::new(PartKind::Text { text: text.into() }, None)
}

fn part(raw: &str) -> Result<Part, Error> {
    if let Some(text) = json::decode(raw) {
        return Ok(said(text));
    }
    let block = Fields::parse(raw).map_err(|error| {
        Error::new(Kind::Invalid, "a content block is not an object").because(error)
    })?;
    let original = Original { format: Format::Anthropic, json: raw.into() };
    Ok(Part::new(part_kind(&block), Some(original)))
}

fn part_kind(block: &Fields<'_>) -> PartKind {
    let field = |name| -> Box<str> { block.text(name).unwrap_or_default().into() };
    let label = block.text("type").unwrap_or(Cow::Borrowed("no type"));
    match &*label {
        "text" => match block.text("text") {
            Some(text) => PartKind::Text { text: text.into() },
            None => PartKind::Opaque { label: label.into() },
        },
        "thinking" => PartKind::Reasoning { text: field("thinking") },
        "redacted_thinking" => PartKind::Reasoning { text: Box::default() },
        "tool_use" => PartKind::ToolCall {
            id: field("id"),
            name: field("name"),
            arguments: block.raw("input").unwrap_or("{}").into(),
        },
        "tool_result" => {
            let (text, media) = result_content(block);
            PartKind::ToolResult {
                call: field("tool_use_id"),
                text: text.into(),
                is_error: block.flag("is_error"),
                media,
            }
        }
        "image" | "document" => PartKind::Media { label: label.into() },
        _ => PartKind::Opaque { label: label.into() },
    }
}

/// The readable text of a result and how many media it holds.
fn result_content<'a>(block: &Fields<'a>) -> (Cow<'a, str>, u32) {
    let Some(items) = block.list("content") else {
        let text = block.text("content");
        let raw = block.raw("content").unwrap_or_default();
        return (text.unwrap_or(Cow::Borrowed(raw)), 0);
    };
    let (mut texts, mut media) = (Vec::new(), 0_u32);
    for item in items {
        let Ok(fields) = Fields::parse(item) else {
            texts.extend(json::decode(item));
            continue;
        };
        match fields.text("type").as_deref() {
            Some("text") => texts.extend(fields.text("text")),
            Some("image" | "document") => media += 1,
            _ => {}
        }
    }
    (Cow::Owned(texts.join("\n")), media)
}
