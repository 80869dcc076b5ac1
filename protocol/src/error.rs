//! The error that callers see: few kinds, each documented by what the caller should do next.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::entry::Format;
use crate::ids::SessionId;

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request can never succeed as it stands: correct it.
    Invalid,
    /// An input is over a cap (S4): make it smaller.
    TooLarge,
    /// The same entry id was appended with other content (L3), or a session of the same name is another one: choose
    /// another name or keep the first content.
    Conflict,
    /// What was asked for is not there.
    NotFound,
    /// Surely not stored: send the same request again later.
    Retry,
    /// May or may not be stored (L6): send the byte-identical request again; ids make that safe.
    Unknown,
    /// The session or the whole house is closed: open it again before going on.
    Closed,
    /// Another process or a newer owner has the store or the session: this one must stop.
    Locked,
    /// Stored bytes are damaged or of a foreign or newer format: nothing was changed; restore or inspect.
    Corrupt,
    /// The store cannot be read or written (disk full, permission, I/O): mend it and reopen.
    Storage,
    /// A defect of Highwater: report it.
    Internal,
}

impl Kind {
    /// The kind's name as it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::TooLarge => "too large",
            Self::Conflict => "conflict",
            Self::NotFound => "not found",
            Self::Retry => "retry",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::Locked => "locked",
            Self::Corrupt => "corrupt",
            Self::Storage => "storage",
            Self::Internal => "internal",
        }
    }
}

/// An error with its kind, one sentence on what happened and where, and what caused it.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` says what happened and where.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// A session cannot be opened in another format than it was created with.
    pub fn other_format(session: &SessionId, known: Format, asked: Format) -> Self {
        let (known, asked) = (known.name(), asked.name());
        let message = format!("session {session} renders {known}, it cannot be opened as {asked}");
        Self::new(Kind::Invalid, message)
    }

    /// The same error with its cause attached.
    #[must_use]
    pub fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What the caller should do next.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What happened, without the cause. Not an interface: the words may change.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
