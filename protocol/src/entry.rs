//! An entry: one source record of a session, its original bytes, and the message read from them.

use std::ops::Range;
use std::sync::Arc;

use crate::caps;
use crate::error::{Error, Kind};
use crate::format;
use crate::ids::{Digest, EntryId};
use crate::payload::{Content, Payload};
use crate::tokens::{self, TokenCount};

/// The outside format that an entry's bytes are written in. Reading them is a pure function of the dialect and the
/// bytes, so only the bytes are stored; a changed reading needs a new dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Carried, never shown to a model: an envelope, a torn line, an unknown record.
    Opaque,
    /// One message of Anthropic's Messages API: `{"role": .., "content": ..}`.
    Anthropic,
    /// One message of OpenAI's chat completions, with the variations of agent trajectories.
    OpenAiChat,
    /// One line of a Claude Code session.
    ClaudeCode,
}

/// The format that a context is rendered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Anthropic Messages: content blocks, merged into messages by role.
    Anthropic,
    /// OpenAI chat completions: message objects.
    OpenAiChat,
}

impl Format {
    /// The format's name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAiChat => "openai-chat",
        }
    }
}

/// Who speaks in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Instructions of the host.
    System,
    /// The user, or results handed back by the host.
    User,
    /// The model.
    Assistant,
    /// A tool: an entry that only carries results.
    Tool,
    /// Nobody: a record that no model ever sees.
    Record,
}

/// The bytes of a part as some provider format writes them, reused when the context is rendered in that format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The format that the bytes belong to.
    pub format: Format,
    /// The JSON of the block.
    pub json: Arc<str>,
}

/// What a part of a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Text that is said.
    Text {
        /// The text.
        text: Box<str>,
    },
    /// Reasoning; its text may be empty where only a signature is left.
    Reasoning {
        /// The readable text, if any.
        text: Box<str>,
    },
    /// A tool is called.
    ToolCall {
        /// The call's id. Real models reuse ids within a session.
        id: Box<str>,
        /// The tool's name.
        name: Box<str>,
        /// The arguments as JSON.
        arguments: Box<str>,
    },
    /// A tool answers.
    ToolResult {
        /// The id of the call that is answered.
        call: Box<str>,
        /// The readable text of the answer.
        text: Box<str>,
        /// Whether the tool reported a failure.
        is_error: bool,
        /// How many images or documents the answer holds.
        media: u32,
    },
    /// An image, a document, a sound.
    Media {
        /// The block's own type name.
        label: Box<str>,
    },
    /// A block type that this version does not know; only its original bytes are.
    Opaque {
        /// The block's own type name.
        label: Box<str>,
    },
}

/// One part of a message: what it is, its original bytes where a format writes it as a block, and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the part is.
    pub kind: PartKind,
    /// Its bytes in the format that it came in.
    pub original: Option<Original>,
    /// Its estimated size.
    pub tokens: TokenCount,
}

impl Part {
    /// A part with its size estimated. Media are charged a flat price: their bytes say nothing about their tokens.
    pub fn new(kind: PartKind, original: Option<Original>) -> Self {
        let mut part = Self { kind, original, tokens: TokenCount::ZERO };
        part.tokens = part.tokens_by(tokens::estimate);
        part
    }

    /// Its size with its texts counted by `count`.
    pub fn tokens_by(&self, count: impl FnMut(&str) -> TokenCount) -> TokenCount {
        let media = TokenCount(tokens::MEDIA_TOKENS.0 * u64::from(self.media()));
        self.texts().map(count).sum::<TokenCount>() + media + tokens::BLOCK_OVERHEAD_TOKENS
    }

    /// The texts of it that a tokenizer counts, media excluded.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts: [&str; 3] = match &self.kind {
            PartKind::Text { text } | PartKind::Reasoning { text } => [text, "", ""],
            PartKind::ToolCall { id, name, arguments } => [id, name, arguments],
            PartKind::ToolResult { call, text, .. } => [call, text, ""],
            PartKind::Media { .. } => ["", "", ""],
            PartKind::Opaque { .. } => {
                [self.original.as_ref().map_or("", |original| &original.json), "", ""]
            }
        };
        texts.into_iter().filter(|text| !text.is_empty())
    }

    /// How many images, documents or sounds it holds.
    pub(crate) fn media(&self) -> u32 {
        match &self.kind {
            PartKind::ToolResult { media, .. } => *media,
            PartKind::Media { .. } => 1,
            _ => 0,
        }
    }

    /// Whether a tool answers in it.
    pub fn is_result(&self) -> bool {
        matches!(self.kind, PartKind::ToolResult { .. })
    }

    /// The size in bytes of what is shown of the part.
    pub fn bytes(&self) -> usize {
        if let Some(original) = &self.original {
            return original.json.len();
        }
        match &self.kind {
            PartKind::Text { text }
            | PartKind::Reasoning { text }
            | PartKind::ToolResult { text, .. } => text.len(),
            PartKind::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
            PartKind::Media { label } | PartKind::Opaque { label } => label.len(),
        }
    }
}

/// What an entry says: the part of it that a model may see, and what grouping needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The id that several entries share when they are one message.
    pub message_id: Option<Box<str>>,
    /// The source's own name for the kind of record: `assistant`, `progress`, ..
    pub label: Box<str>,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// The hash of the entry's JSON bytes, see [`Content`] (L3, V3).
    pub digest: Digest,
}

impl Message {
    /// Whether a model may see the entry.
    pub fn is_visible(&self) -> bool {
        self.role != Role::Record
    }

    /// The message's estimated size.
    pub fn tokens(&self) -> TokenCount {
        self.parts.iter().map(|part| part.tokens).sum()
    }

    /// The size in bytes of what is shown of the message.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Part::bytes).sum()
    }

    /// The ids and names of the tools that the message calls.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().filter_map(|part| match &part.kind {
            PartKind::ToolCall { id, name, .. } => Some((&**id, &**name)),
            _ => None,
        })
    }

    /// The ids of the calls that the message answers.
    pub fn results(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match &part.kind {
            PartKind::ToolResult { call, .. } => Some(&**call),
            _ => None,
        })
    }
}

/// One source record of a session. Cheap to clone; immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    dialect: Dialect,
    source: Arc<[u8]>,
    json: Range<usize>,
    payloads: Box<[Payload]>,
    message: Arc<Message>,
}

impl Entry {
    /// Reads one record. `source` are the original bytes, kept as they are; `json` is where the record itself stands
    /// in them, the rest being line ends and separators.
    ///
    /// [`Kind::TooLarge`] over [`caps::MAX_ENTRY_BYTES`]; [`Kind::Invalid`] when the bytes are not of the dialect.
    pub fn read(
        id: EntryId,
        dialect: Dialect,
        source: Arc<[u8]>,
        json: Range<usize>,
    ) -> Result<Self, Error> {
        Self::read_hashed(id, dialect, source, json, None)
    }

    /// Reads one record whose content may be known already.
    pub(crate) fn read_hashed(
        id: EntryId,
        dialect: Dialect,
        source: Arc<[u8]>,
        json: Range<usize>,
        content: Option<Content>,
    ) -> Result<Self, Error> {
        if source.len() > caps::MAX_ENTRY_BYTES {
            let (found, cap) = (source.len(), caps::MAX_ENTRY_BYTES);
            let message = format!("entry {id} is {found} bytes large, the cap is {cap}");
            return Err(Error::new(Kind::TooLarge, message));
        }
        let Some(record) = source.get(json.clone()) else {
            let message = format!("entry {id}: its record lies outside its bytes");
            return Err(Error::new(Kind::Invalid, message));
        };
        let Content { digest, payloads } = content.unwrap_or_else(|| Content::of(record));
        let message = Arc::new(format::read_hashed(dialect, record, digest)?);
        check_call_ids(&id, &message)?;
        Ok(Self { id, dialect, source, json, payloads, message })
    }

    /// A record that is carried and never shown to a model.
    pub fn opaque(id: EntryId, source: Arc<[u8]>) -> Result<Self, Error> {
        let json = 0..source.len();
        Self::read(id, Dialect::Opaque, source, json)
    }

    /// One message in a provider's format, as a host would send it to the provider.
    pub fn from_json(id: EntryId, format: Format, json: &str) -> Result<Self, Error> {
        let dialect = match format {
            Format::Anthropic => Dialect::Anthropic,
            Format::OpenAiChat => Dialect::OpenAiChat,
        };
        Self::read(id, dialect, json.as_bytes().into(), 0..json.len())
    }

    /// Text said by the user.
    pub fn user(id: EntryId, text: &str) -> Result<Self, Error> {
        Self::from_json(id, Format::Anthropic, &format::anthropic::text_message("user", text))
    }

    /// Text said by the model.
    pub fn assistant(id: EntryId, text: &str) -> Result<Self, Error> {
        Self::from_json(id, Format::Anthropic, &format::anthropic::text_message("assistant", text))
    }

    /// The entry's id.
    pub fn id(&self) -> &EntryId {
        &self.id
    }

    /// What its bytes are written in.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The original bytes, separators included.
    pub fn source(&self) -> &Arc<[u8]> {
        &self.source
    }

    /// Where the record itself stands in [`Entry::source`].
    pub fn json(&self) -> Range<usize> {
        self.json.clone()
    }

    /// The stretches of the record that are stored once, whatever entries hold them.
    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// What the entry says.
    pub fn message(&self) -> &Arc<Message> {
        &self.message
    }
}

fn check_call_ids(entry: &EntryId, message: &Message) -> Result<(), Error> {
    let ids = message.calls().map(|(id, _)| id).chain(message.results());
    let Some(longest) = ids.map(str::len).max().filter(|len| *len > caps::MAX_CALL_ID_BYTES) else {
        return Ok(());
    };
    let cap = caps::MAX_CALL_ID_BYTES;
    let message = format!("entry {entry} has a call id of {longest} bytes, the cap is {cap}");
    Err(Error::new(Kind::TooLarge, message))
}
