//! Typed ids. A name is validated once, when it is parsed; afterwards holding one is proof that it is legal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::caps;
use crate::error::{Error, Kind};

/// The name of a session, chosen by the host. 1 to [`caps::MAX_ID_BYTES`] bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Checks a name. [`Kind::Invalid`] when it is empty, over the cap, or has control characters.
    pub fn parse(name: &str) -> Result<Self, Error> {
        checked("session id", name).map(Self)
    }

    /// The name as the host wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an entry, unique within its session (L3). Appending the same id twice is idempotent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// Checks an id. [`Kind::Invalid`] when it is empty, over the cap, or has control characters.
    pub fn parse(id: &str) -> Result<Self, Error> {
        checked("entry id", id).map(Self)
    }

    /// The id as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of a record that brings none: a hash chained over its predecessors, so that equal
    /// records at different places differ and a replay of the same file gives the same ids (L3).
    pub fn chained(previous: &Digest, content: &Digest) -> (Self, Digest) {
        let link = Digest::of_parts(&[b"highwater entry id", &previous.0, &content.0]);
        let mut short = [0; 16];
        short.copy_from_slice(&link.0[..16]);
        let id = format!("hw-{:032x}", u128::from_be_bytes(short));
        (Self(id.into()), link)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked(what: &str, text: &str) -> Result<Arc<str>, Error> {
    if text.is_empty() {
        return Err(Error::new(Kind::Invalid, format!("{what} is empty")));
    }
    if text.len() > caps::MAX_ID_BYTES {
        let found = text.len();
        let cap = caps::MAX_ID_BYTES;
        return Err(Error::new(
            Kind::Invalid,
            format!("{what} is {found} bytes long, the cap is {cap}"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::new(
            Kind::Invalid,
            format!("{what} {text:?} contains control characters"),
        ));
    }
    Ok(text.into())
}

/// A pass of a session, numbered from 1 in the order of their starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassId(pub u64);

impl PassId {
    /// The pass after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pass {}", self.0)
    }
}

/// An answered context of a session (P8), numbered from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub u64);

impl CallNumber {
    /// The call after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Ties a reply to its request. Given by the shell, opaque to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Decides nothing; see [`Digest::hashed_bytes`].
static HASHED_BYTES: AtomicU64 = AtomicU64::new(0);

/// A BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The start of every chain.
    pub const ZERO: Self = Self([0; 32]);

    /// How many bytes this process has hashed by content: a figure for benchmarks.
    pub fn hashed_bytes() -> u64 {
        HASHED_BYTES.load(Ordering::Relaxed)
    }

    /// Bytes were hashed by content.
    pub(crate) fn note_hashed(bytes: usize) {
        HASHED_BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::note_hashed(bytes.len());
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash of some bytes keyed with another digest.
    pub fn keyed(key: &Self, bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(&key.0, bytes).as_bytes())
    }

    /// The hash of several parts, each preceded by its length, so that no two lists collide.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            Self::note_hashed(part.len());
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..8] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
