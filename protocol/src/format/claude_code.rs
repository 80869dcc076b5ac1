//! Claude Code sessions: one line of the session's file.

use std::borrow::Cow;

use super::json::{self, Fields};
use super::{anthropic, record};
use crate::entry::{Message, Part, Role};
use crate::error::{Error, Kind};
use crate::ids::Digest;

#[cfg(test)]
mod tests;

/// The labels of lines that are known to be carried only. Anything else is carried too, and counted as unknown.
pub(super) const CARRIED: &[&str] = &[
    "agent-name",
    "api-error",
    "attachment",
    "custom-title",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "sidechain",
    "summary",
    "system",
];

/// Reads one line. Whatever is an object is carried; only what was part of the conversation with the model is shown.
pub(super) fn read(json: &[u8], digest: Digest) -> Result<Message, Error> {
    let line = json::object(json)?;
    let label = line.text("type").unwrap_or(Cow::Borrowed("no type"));
    if line.flag("isSidechain") {
        return Ok(record("sidechain", digest));
    }
    if line.flag("isApiErrorMessage") {
        return Ok(record("api-error", digest));
    }
    let Some((role, message_id, parts)) = conversation(&line, &label)? else {
        return Ok(record(&label, digest));
    };
    Ok(Message { role, message_id, label: label.into(), parts, digest })
}

type Conversation = (Role, Option<Box<str>>, Vec<Part>);

/// The message of a user or assistant line; `None` when there is none that can be read.
fn conversation(line: &Fields<'_>, label: &str) -> Result<Option<Conversation>, Error> {
    if !matches!(label, "user" | "assistant") {
        return Ok(None);
    }
    let Some(message) = line.object("message") else {
        return Ok(None);
    };
    let Some(role) = anthropic::role(&message) else {
        return Ok(None);
    };
    let parts = match anthropic::parts(&message) {
        Ok(parts) => parts,
        Err(error) if error.kind() == Kind::TooLarge => return Err(error),
        Err(_) => return Ok(None),
    };
    let message_id = message.text("id").filter(|_| role == Role::Assistant);
    Ok(Some((role, message_id.map(Into::into), parts)))
}

/// Whether an object is a line of a Claude Code session, judged by its fields.
pub(super) fn is_line(fields: &Fields<'_>) -> bool {
    let marked = ["uuid", "sessionId", "leafUuid", "messageId"];
    match fields.text("type").as_deref() {
        Some("user" | "assistant") if fields.object("message").is_some() => true,
        Some(_) => marked.iter().any(|name| fields.has(name)),
        None => false,
    }
}
