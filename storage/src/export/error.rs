//! What can go wrong with an export.

use std::io;
use std::path::{Path, PathBuf};

use highwater_protocol::SessionId;

use crate::error::StoreError;

/// Why a session was not exported or restored. Unless it says otherwise, nothing was changed that counts: files of an
/// export that was not committed are no part of any, and nothing is written to a store before all files were verified.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed. A restore that was under way goes on when it is asked for again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of an export is missing, damaged, or not what it should be.
    #[error("{}: {why}", file.display())]
    Refused {
        /// Which file.
        file: PathBuf,
        /// What was found.
        why: String,
    },
    /// The directory cannot be read or written. What was committed before is as it was.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// There is no such checkpoint, or none at all.
    #[error("{0}")]
    NoCheckpoint(String),
    /// The directory holds an export of a session of the same name that was another one, or went another way.
    #[error(
        "{}: it marks something that is not in the log of session {session}; export into another directory, or say which \
         checkpoint to go on from", file.display()
    )]
    OtherHistory {
        /// The manifest.
        file: PathBuf,
        /// The session.
        session: SessionId,
    },
    /// The store has a session of that name with other content. Nothing was changed.
    #[error("session {session} is in the store already: {why}; restore under another name")]
    Occupied {
        /// The session.
        session: SessionId,
        /// How it differs.
        why: String,
    },
}

impl ExportError {
    pub(super) fn refused(dir: &Path, name: &str, why: impl Into<String>) -> Self {
        Self::Refused { file: dir.join(name), why: why.into() }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), why: error.to_string() }
    }
}
