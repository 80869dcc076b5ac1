//! What the extractive summarizer collects: sections of short items, read from entries or from an earlier summary, and
//! written back within a cap. Deterministic.

mod sections;
mod sentences;

use highwater_protocol::piece::{Passage, Source};
use highwater_protocol::{PartKind, Role, Seq, TokenCount, tokens};

use sections::{Section, Sections};
use sentences::{clip, lines_with, paths, ranked, sentences};

/// Longest item, in characters: a line that a person reads without effort.
const ITEM_CHARS: usize = 280;
/// How much of a tool's answer is looked at, from its start and from its end.
const RESULT_BYTES: usize = 4096;
/// How much of a text or of a call's arguments is looked at: more would hold up the thread that the work runs on.
const TEXT_BYTES: usize = 64 << 10;
/// Paths that are kept of one call.
const PATHS: usize = 32;
/// Sentences of the model that are kept for each chunk, before the cap.
const RANKED: usize = 12;

const DECISIONS: &[&str] = &[
    "decided",
    "decision",
    "we will",
    "we'll",
    "i'll use",
    "let's use",
    "going with",
    "instead of",
    "chose",
    "the plan",
    "root cause",
    "fixed",
    "because",
];
const CONSTRAINTS: &[&str] =
    &["never", "always", "must", "do not", "don't", "only", "make sure", "not allowed"];
const FAILURES: &[&str] = &["error", "failed", "panic", "exception", "traceback", "denied"];

/// Collected items by section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extract {
    sections: Sections,
}

impl Extract {
    /// Collects from passages, earlier summaries among them.
    pub(super) fn of(passages: &[Passage<'_>]) -> Self {
        let mut extract = Self::default();
        let mut said = String::new();
        for passage in passages {
            match passage.source {
                Source::Summary => extract.merge(Self::parse(passage.text)),
                Source::Part { seq, role, kind, unanswered } => {
                    if unanswered && let PartKind::ToolCall { name, .. } = kind {
                        let call = format!("{seq} {name} {}", head(passage.text, RESULT_BYTES));
                        extract.add(Section::Unanswered, &call);
                    }
                    extract.part(seq, role, kind, passage.text, &mut said);
                }
            }
        }
        for sentence in ranked(&said, RANKED) {
            extract.add(Section::Notes, sentence);
        }
        extract
    }

    /// Reads a summary back. One that was written by somebody else is kept line by line.
    fn parse(text: &str) -> Self {
        Self { sections: Sections::parse(text, ITEM_CHARS) }
    }

    /// Adds what a later part collected.
    pub(super) fn merge(&mut self, later: Self) {
        self.sections.merge(later.sections);
    }

    /// Writes the sections within `cap`.
    pub(super) fn render(&self, cap: TokenCount) -> String {
        self.sections.render(cap, tokens::estimate)
    }

    fn add(&mut self, section: Section, text: &str) {
        self.sections.add(section, &clip(text, ITEM_CHARS));
    }

    fn part(&mut self, seq: Seq, role: Role, kind: &PartKind, text: &str, said: &mut String) {
        match (kind, role) {
            (PartKind::Text { .. }, Role::Assistant) => {
                self.model_says(head(text, TEXT_BYTES), said);
            }
            (PartKind::Text { .. }, _) => self.user_says(seq, head(text, TEXT_BYTES)),
            (PartKind::ToolCall { name, .. }, _) => {
                self.add(Section::Tools, name);
                for path in paths(head(text, TEXT_BYTES)).take(PATHS) {
                    self.add(Section::Files, path);
                }
            }
            (PartKind::ToolResult { is_error, .. }, _) => self.tool_says(seq, text, *is_error),
            (PartKind::Media { label } | PartKind::Opaque { label }, _) => {
                self.add(Section::Media, &format!("{seq} {label}"));
            }
            (PartKind::Reasoning { .. }, _) => {}
        }
    }

    fn user_says(&mut self, seq: Seq, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let first = text.trim().replace(['\n', '\r'], " ");
        self.add(Section::Asked, &format!("{seq} {first}"));
        for sentence in sentences(text).filter(|sentence| mentions(sentence, CONSTRAINTS)).take(6) {
            self.add(Section::Constraints, sentence);
        }
    }

    fn model_says(&mut self, text: &str, said: &mut String) {
        for sentence in sentences(text).filter(|sentence| mentions(sentence, DECISIONS)).take(3) {
            self.add(Section::Decisions, sentence);
        }
        said.push_str(text);
        said.push('\n');
    }

    fn tool_says(&mut self, seq: Seq, text: &str, is_error: bool) {
        let start = head(text, RESULT_BYTES);
        let tail = &text[text.ceil_char_boundary(text.len().saturating_sub(RESULT_BYTES))..];
        let first = start.lines().find(|line| !line.trim().is_empty());
        if let Some(line) = first.filter(|_| is_error) {
            self.add(Section::Errors, &format!("{seq} {}", line.trim()));
            return;
        }
        let looked_at = if text.len() > 2 * RESULT_BYTES { tail } else { text };
        for line in lines_with(looked_at, FAILURES).take(2) {
            self.add(Section::Errors, &format!("{seq} {line}"));
        }
    }
}

fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn mentions(text: &str, words: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}
