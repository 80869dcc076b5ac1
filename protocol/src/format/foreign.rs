//! Transcripts of other programs that are recognised in order to say clearly that they are not read.

use super::json::Fields;

/// What a line's object looks like, if it is of a line-based format that is known but not read.
pub(super) fn line(fields: &Fields<'_>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| fields.has(name));
    let kind = fields.text("type");
    if has(&["timestamp", "type", "payload"]) {
        return Some("a Codex rollout");
    }
    if kind.as_deref() == Some("session") {
        return Some("a pi or OpenClaw session");
    }
    if kind.as_deref() == Some("message") && has(&["id", "message"]) {
        return Some("a pi or OpenClaw session without its first line");
    }
    if has(&["instance_id", "history"]) {
        return Some("OpenHands events");
    }
    if kind.is_none() && has(&["role"]) {
        return Some("one chat message per line (an array of messages is read)");
    }
    None
}

/// What a document's top level looks like, if it is of a format that is known but not read.
pub(super) fn document(fields: &Fields<'_>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| fields.has(name));
    if has(&["simulations"]) {
        return Some("tau2 results (several conversations in one file)");
    }
    if has(&["eval", "samples"]) {
        return Some("an inspect log");
    }
    if has(&["projectHash", "messages"]) {
        return Some("a Gemini CLI session");
    }
    if has(&["agent", "updated_at", "messages"]) {
        return Some("a Cline session");
    }
    line(fields).filter(|_| !has(&["messages"]))
}

/// What an array's first element looks like, if it is of a format that is known but not read.
pub(super) fn element(raw: &str) -> Option<&'static str> {
    if raw.starts_with('"') {
        return Some("a list of strings, such as Claude Code's stream-json output");
    }
    let fields = Fields::parse(raw).ok()?;
    let has = |names: &[&str]| names.iter().all(|name| fields.has(name));
    if has(&["info", "parts"]) {
        return Some("an OpenCode export");
    }
    if has(&["traj"]) || has(&["messages"]) {
        return Some("results with several conversations in one file");
    }
    if has(&["action"]) || has(&["observation"]) {
        return Some("OpenHands events");
    }
    if matches!(fields.text("type").as_deref(), Some("user" | "gemini" | "info")) {
        return Some("a Gemini CLI session");
    }
    line(&fields)
}

/// The sentence that refuses a format.
pub(super) fn refusal(found: &str) -> String {
    format!(
        "this looks like {found}; read are Claude Code sessions, and arrays of OpenAI chat or Anthropic messages"
    )
}
