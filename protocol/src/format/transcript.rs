//! Whole transcripts: bytes in, entries out. The files themselves are opened and read by somebody else.
//!
//! Every byte of a transcript ends up in exactly one entry's source, in order: putting the sources behind each other
//! gives the file back. [`detect`] says which of the two shapes a file has; line-based files then go through a
//! [`LineReader`], documents through [`read_document`].

use std::error::Error as StdError;
use std::fmt;

use crate::entry::{Dialect, Format};

pub use super::detect::detect;
pub use super::document::{DocumentRead, read_document};
pub use super::lines::LineReader;
pub use super::warnings::{Warning, Warnings};

/// How a transcript's records stand in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One record per line: can be read piece by piece.
    Lines,
    /// One JSON document: has to be held whole while it is read.
    Document,
}

/// What a transcript is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// How the records stand in the file.
    pub shape: Shape,
    /// What the records are written in.
    pub dialect: Dialect,
    /// The format in which contexts of this transcript are rendered without a change of bytes.
    pub render: Format,
    /// The format's name for reports.
    pub name: &'static str,
}

impl Detected {
    pub(super) const CLAUDE_CODE_LINES: Self = Self {
        shape: Shape::Lines,
        dialect: Dialect::ClaudeCode,
        render: Format::Anthropic,
        name: "Claude Code session",
    };
    pub(super) const CLAUDE_CODE_EXPORT: Self = Self {
        shape: Shape::Document,
        dialect: Dialect::ClaudeCode,
        render: Format::Anthropic,
        name: "Claude Code export",
    };
    pub(super) const ANTHROPIC: Self = Self {
        shape: Shape::Document,
        dialect: Dialect::Anthropic,
        render: Format::Anthropic,
        name: "Anthropic messages",
    };
    pub(super) const OPENAI_CHAT: Self = Self {
        shape: Shape::Document,
        dialect: Dialect::OpenAiChat,
        render: Format::OpenAiChat,
        name: "OpenAI chat messages",
    };
    /// A document of which only the head was seen.
    pub(super) const DOCUMENT: Self = Self {
        shape: Shape::Document,
        dialect: Dialect::Opaque,
        render: Format::OpenAiChat,
        name: "JSON document",
    };
}

/// A place in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, counted from 1.
    Line(u64),
    /// A line and a column in it, both counted from 1.
    LineColumn(u64, u64),
    /// A byte, counted from 0.
    Byte(u64),
    /// An element of a document's array of messages, counted from 1.
    Message(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::LineColumn(line, column) => write!(f, "line {line}, column {column}"),
            Self::Byte(offset) => write!(f, "byte {offset}"),
            Self::Message(number) => write!(f, "message {number}"),
        }
    }
}

/// Why a transcript cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where, if it is one place.
    pub at: Option<Place>,
    /// What is wrong, in one line.
    pub why: String,
}

impl Unreadable {
    pub(super) fn new(at: impl Into<Option<Place>>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(place) => write!(f, "{place}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl StdError for Unreadable {}
