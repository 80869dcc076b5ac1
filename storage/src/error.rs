//! What can go wrong at the door.

use highwater_protocol::{LogPos, SessionId};

/// An error of the store; each variant says what is known about the data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Surely not stored; the same batches may be sent again, after reopening if the store then refuses writers.
    #[error("the store is busy and stored nothing: {0}")]
    Busy(String),
    /// May or may not be stored; only a byte-identical batch may be sent again, after reopening (L6).
    #[error("the commit failed and may or may not be stored: {0}; reopen the store")]
    Unknown(String),
    /// Another process has the store open.
    #[error("the store {path} is open in another process")]
    Locked {
        /// Where the store is.
        path: String,
    },
    /// The file is not a store, or one of a newer version.
    #[error("{path} is not a Highwater store that this version can open: {why}")]
    Foreign {
        /// Where it is.
        path: String,
        /// What was found.
        why: String,
    },
    /// The session is not known.
    #[error("the store knows no session {0}")]
    NoSession(SessionId),
    /// A stored record is damaged or missing, and with it all up to `until`, where reading on is possible. When both are
    /// the beginning, it is no record but a row that says where the session stands.
    #[error(
        "{session}: the record at {at} is damaged: {why}; what stands before and behind it can be read"
    )]
    Damaged {
        /// The session.
        session: SessionId,
        /// Where in its log.
        at: LogPos,
        /// The first position behind what is damaged.
        until: LogPos,
        /// What was found.
        why: String,
    },
    /// A record or batch cannot be stored as it stands.
    #[error("cannot be stored: {0}")]
    Invalid(String),
    /// The store cannot be read or opened, or refuses writers until it is reopened (L6). Nothing was stored.
    #[error("{what}: {why}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        why: String,
    },
}
