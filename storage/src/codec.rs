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
}

impl From<highwater_protocol::Error> for DecodeError {
    fn from(error: highwater_protocol::Error) -> Self {
        Self::Value(error.to_string())
    }
}

/// Appends the frame of `value` to `out` and says where it stands. [`StoreError::Invalid`] over the size limit.
pub(crate) fn encode<T: Serialize>(
    kind: u8,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Range<usize>, StoreError> {
    let payload_bytes = options()
        .serialized_size(value)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| {
            StoreError::Invalid(format!("a record is larger than {MAX_FRAME_BYTES} bytes"))
        })?;
    let start = out.len();
    out.reserve(HEADER_BYTES + payload_bytes);
    out.extend_from_slice(&[FORMAT_VERSION, kind]);
    out.extend_from_slice(&[0; CHECKSUM_BYTES]);
    let payload = out.len();
    options()
        .serialize_into(&mut *out, value)
        .expect("its size was just computed, and writing to a Vec cannot fail");
    let checksum = checksum(kind, &out[payload..]);
    out[payload - CHECKSUM_BYTES..payload].copy_from_slice(&checksum);
    Ok(start..out.len())
}

/// A frame whose version and checksum were found right.
pub(crate) struct Frame<'a> {
    /// What the payload is.
    pub(crate) kind: u8,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Opens a frame and verifies it.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((&[version, kind, ref stored @ ..], payload)) =
            bytes.split_first_chunk::<HEADER_BYTES>()
        else {
            return Err(DecodeError::Truncated(bytes.len()));
        };
        if version != FORMAT_VERSION {
            return Err(DecodeError::Version(version));
        }
        if *stored != checksum(kind, payload) {
            return Err(DecodeError::Checksum);
        }
        Ok(Self { kind, payload })
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
fn checksum(kind: u8, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[FORMAT_VERSION, kind]);
    hasher.update(payload);
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash is 32 bytes long")
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
mod tests {
    use super::*;

    const KIND: u8 = 200;

    fn frame(value: &(u64, Bytes<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        encode(KIND, value, &mut out).unwrap();
        out
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let sound = frame(&(7, Bytes(b"some bytes")));
        assert_eq!(decode(KIND, &sound), Ok((7_u64, Bytes(b"some bytes"))));
        for bit in 0..sound.len() * 8 {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<(u64, Bytes<'_>)>(KIND, &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_torn_frame_is_found() {
        let sound = frame(&(7, Bytes(b"some bytes")));
        for length in 0..sound.len() {
            assert!(decode::<(u64, Bytes<'_>)>(KIND, &sound[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut newer = frame(&(7, Bytes(b"")));
        newer[0] = 2;
        assert_eq!(decode::<(u64, Bytes<'_>)>(KIND, &newer), Err(DecodeError::Version(2)));
        let other = frame(&(7, Bytes(b"")));
        assert_eq!(decode::<(u64, Bytes<'_>)>(KIND + 1, &other), Err(DecodeError::Kind(KIND)));
        assert_eq!(decode::<u64>(KIND, &[1, 2]), Err(DecodeError::Truncated(2)));
    }

    #[test]
    fn payload_bytes_that_nobody_reads_are_refused() {
        let longer = frame(&(7, Bytes(b"")));
        let refused = decode::<u64>(KIND, &longer).unwrap_err();
        assert!(matches!(refused, DecodeError::Payload(_)), "{refused}");
    }

    #[test]
    fn a_value_over_the_limit_is_invalid_and_leaves_the_buffer_alone() {
        let fits = vec![0; MAX_FRAME_BYTES - HEADER_BYTES - 8];
        let mut out = vec![1];
        assert_eq!(encode(KIND, &Bytes(&fits), &mut out).unwrap(), 1..MAX_FRAME_BYTES + 1);
        let over = vec![0; fits.len() + 1];
        let mut out = vec![1];
        let refused = encode(KIND, &Bytes(&over), &mut out).unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
        assert_eq!(out, [1]);
    }
}
