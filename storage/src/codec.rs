//! The frame around every stored value, and the only module that names bincode. Layout: docs/format.md.
//! A frame is one byte of format version, one byte of kind, eight bytes of checksum, and the payload.

use std::ops::Range;

use bincode::Options;
use highwater_protocol::caps;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::StoreError;

/// The version of the frame and of every payload in it. Persisted.
const FORMAT_VERSION: u8 = 1;

/// The largest frame: an entry at its cap, with room for what stands around it.
pub(crate) const MAX_FRAME_BYTES: usize = caps::MAX_ENTRY_BYTES + (1 << 20);

const CHECKSUM_BYTES: usize = 8;
const HEADER_BYTES: usize = 2 + CHECKSUM_BYTES;
/// The length of a head, where bytes stand behind it.
const HEAD_LENGTH_BYTES: usize = 4;

/// Why stored bytes cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Shorter than the header of a frame.
    #[error("{0} bytes are too few for a stored value")]
    Truncated(usize),
    /// Written by another version, or the byte is damaged.
    #[error("format version {0} is not known to this program, which reads version 1")]
    Version(u8),
    /// The payload is not what was written.
    #[error("the checksum does not match")]
    Checksum,
    /// A kind that this version does not know, or not the expected one.
    #[error("kind {0} is not known here")]
    Kind(u8),
    /// A persisted ordinal that this version does not know.
    #[error("{what} {code} is not known")]
    Code {
        /// What the ordinal stands for.
        what: &'static str,
        /// Its value.
        code: u8,
    },
    /// The checksum matches, but the payload does not have the shape of its kind.
    #[error("the payload is malformed: {0}")]
    Payload(String),
    /// The payload is well formed, but its values are not legal.
    #[error("{0}")]
    Value(String),
    /// The bytes behind a head are not those that it vouches for.
    #[error("the bytes are not those that were stored")]
    Body,
    /// What was packed cannot be unpacked.
    #[error("it cannot be unpacked: {0}")]
    Packed(String),
    /// A payload that is stored once for all its entries cannot be read.
    #[error("the payload {0} cannot be read: {1}")]
    Blob(highwater_protocol::Digest, String),
}

impl From<highwater_protocol::Error> for DecodeError {
    fn from(error: highwater_protocol::Error) -> Self {
        Self::Value(error.to_string())
    }
}

/// A frame that was written.
pub(crate) struct Encoded {
    /// Where it stands in the buffer.
    pub(crate) frame: Range<usize>,
    /// What tells its content: the hash that its checksum is a part of. What stands behind the head of a frame counts
    /// through the digests in the head.
    pub(crate) hash: [u8; 32],
}

/// Appends the frame of `value` to `out`. [`StoreError::Invalid`] over the size limit.
pub(crate) fn encode<T: Serialize>(
    kind: u8,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Encoded, StoreError> {
    let start = begin(kind, value, 0, out)?;
    serialize(value, out);
    Ok(seal(kind, start, out.len(), out))
}

/// Appends a frame whose head vouches for bytes behind it by their digests, so that no byte of them is hashed again:
/// only the head stands under the checksum. [`StoreError::Invalid`] over the size limit.
pub(crate) fn encode_around<'b, T: Serialize>(
    kind: u8,
    head: &T,
    body: impl Iterator<Item = &'b [u8]> + Clone,
    out: &mut Vec<u8>,
) -> Result<Encoded, StoreError> {
    let body_bytes: usize = body.clone().map(<[u8]>::len).sum();
    let start = begin(kind, head, HEAD_LENGTH_BYTES + body_bytes, out)?;
    let head_at = out.len() + HEAD_LENGTH_BYTES;
    out.extend_from_slice(&[0; HEAD_LENGTH_BYTES]);
    serialize(head, out);
    let head_bytes = u32::try_from(out.len() - head_at).expect("below the size limit");
    out[head_at - HEAD_LENGTH_BYTES..head_at].copy_from_slice(&head_bytes.to_le_bytes());
    let encoded = seal(kind, start, out.len(), out);
    body.for_each(|bytes| out.extend_from_slice(bytes));
    Ok(Encoded { frame: start..out.len(), ..encoded })
}

/// Makes room for a frame and writes what stands before the payload; says where the frame starts.
fn begin<T: Serialize>(
    kind: u8,
    value: &T,
    more: usize,
    out: &mut Vec<u8>,
) -> Result<usize, StoreError> {
    let payload_bytes = options()
        .serialized_size(value)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .and_then(|bytes| bytes.checked_add(more))
        .filter(|bytes| *bytes <= MAX_FRAME_BYTES - HEADER_BYTES)
        .ok_or_else(|| {
            StoreError::Invalid(format!("a record is larger than {MAX_FRAME_BYTES} bytes"))
        })?;
    let start = out.len();
    out.reserve(HEADER_BYTES + payload_bytes);
    out.extend_from_slice(&[FORMAT_VERSION, kind]);
    out.extend_from_slice(&[0; CHECKSUM_BYTES]);
    Ok(start)
}

fn serialize<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    options()
        .serialize_into(out, value)
        .expect("its size was just computed, and writing to a Vec cannot fail");
}

/// Puts the checksum over everything from behind the header to `end` into the header.
fn seal(kind: u8, start: usize, end: usize, out: &mut [u8]) -> Encoded {
    let payload = start + HEADER_BYTES;
    let hash = hash(kind, &out[payload..end]);
    out[payload - CHECKSUM_BYTES..payload].copy_from_slice(&hash[..CHECKSUM_BYTES]);
    Encoded { frame: start..end, hash }
}

/// A frame whose version and checksum were found right.
pub(crate) struct Frame<'a> {
    /// What the payload is.
    pub(crate) kind: u8,
    payload: &'a [u8],
    /// What stands behind the head, in the kinds that have one; it is not covered by the checksum.
    pub(crate) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Opens a frame and verifies it.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, stored, payload) = Self::split(bytes)?;
        Self::verified(kind, stored, payload, &[])
    }

    /// Opens a frame of [`encode_around`] and verifies its head.
    pub(crate) fn open_around(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, stored, behind) = Self::split(bytes)?;
        let torn = DecodeError::Truncated(bytes.len());
        let Some((length, rest)) = behind.split_first_chunk::<HEAD_LENGTH_BYTES>() else {
            return Err(torn);
        };
        let head_bytes = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let body = rest.get(head_bytes..).ok_or(torn)?;
        let covered = &behind[..HEAD_LENGTH_BYTES + head_bytes];
        let mut frame = Self::verified(kind, stored, covered, body)?;
        frame.payload = &rest[..head_bytes];
        Ok(frame)
    }

    /// The kind of a frame, before anything of it is verified.
    pub(crate) fn kind_of(bytes: &[u8]) -> Option<u8> {
        bytes.get(1).copied()
    }

    fn split(bytes: &'a [u8]) -> Result<(u8, &'a [u8], &'a [u8]), DecodeError> {
        let Some((&[version, kind, ref stored @ ..], payload)) =
            bytes.split_first_chunk::<HEADER_BYTES>()
        else {
            return Err(DecodeError::Truncated(bytes.len()));
        };
        if version != FORMAT_VERSION {
            return Err(DecodeError::Version(version));
        }
        Ok((kind, stored, payload))
    }

    fn verified(
        kind: u8,
        stored: &[u8],
        covered: &'a [u8],
        body: &'a [u8],
    ) -> Result<Self, DecodeError> {
        if *stored != hash(kind, covered)[..CHECKSUM_BYTES] {
            return Err(DecodeError::Checksum);
        }
        Ok(Self { kind, payload: covered, body })
    }

    /// Reads the payload. Every byte of it must be used.
    pub(crate) fn payload<T: Deserialize<'a>>(&self) -> Result<T, DecodeError> {
        options().deserialize(self.payload).map_err(|error| DecodeError::Payload(error.to_string()))
    }
}

/// Reads a frame that must be of one kind.
pub(crate) fn decode<'a, T: Deserialize<'a>>(kind: u8, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let frame = Frame::open(bytes)?;
    if frame.kind != kind {
        return Err(DecodeError::Kind(frame.kind));
    }
    frame.payload()
}

/// Covers the version and the kind too, so that no flipped bit of a frame goes unnoticed.
fn hash(kind: u8, covered: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[FORMAT_VERSION, kind]);
    hasher.update(covered);
    *hasher.finalize().as_bytes()
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_little_endian()
        .reject_trailing_bytes()
        .with_limit((MAX_FRAME_BYTES - HEADER_BYTES) as u64)
}

/// Bytes that are written and read in one piece; serde treats a plain slice as a sequence of single values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Bytes<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("borrowed bytes")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_bytes(Borrow)
    }
}

#[cfg(test)]
mod tests;
