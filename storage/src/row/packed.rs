//! Rows that hold packed bytes behind a small head: payloads, sealed stretches of a log, anchors.

use highwater_protocol::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::kind;
use crate::codec::{self, DecodeError, Frame};
use crate::packing;

/// A payload, under the hash of its bytes. Version 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BlobRow {
    /// When it was stored.
    pub(crate) at: Timestamp,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// A sealed stretch of a log: its records' frames, from the position in its key on. Version 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SegmentRow {
    /// The frames, each behind its length.
    pub(crate) frames: Vec<u8>,
    /// How many.
    pub(crate) count: u64,
}

/// An anchor's frame, packed. Version 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnchorRow(pub(crate) Vec<u8>);

#[derive(Serialize, Deserialize)]
struct BlobHead {
    at_ms: i64,
    length: u64,
    /// 0: the bytes themselves; 1: packed.
    packing: u8,
}

#[derive(Serialize, Deserialize)]
struct SegmentHead {
    count: u64,
    length: u64,
}

#[derive(Serialize, Deserialize)]
struct AnchorHead {
    length: u64,
}

impl BlobRow {
    /// The row of a payload. What cannot be packed to nine tenths, as images cannot, is stored as it is.
    pub(crate) fn encode(at: Timestamp, bytes: &[u8]) -> Vec<u8> {
        let packed = packing::pack(bytes);
        let is_worth_it = packed.len() < bytes.len() / 10 * 9;
        let body = if is_worth_it { &packed } else { bytes };
        let length = bytes.len() as u64;
        let head = BlobHead { at_ms: at.0, length, packing: u8::from(is_worth_it) };
        framed(kind::BLOB, &head, body)
    }

    /// Appends the bytes of a row's payload to `out`. They are not verified.
    pub(crate) fn unpack(row: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let (head, body) = opened::<BlobHead>(kind::BLOB, row)?;
        match head.packing {
            0 if body.len() as u64 == head.length => {
                out.extend_from_slice(body);
                Ok(())
            }
            0 => Err(DecodeError::Body),
            1 => packing::unpack(body, head.length, out),
            code => Err(DecodeError::Code { what: "packing", code }),
        }
    }

    /// Reads a row, and verifies that it holds the payload with this digest.
    pub(crate) fn decode(row: &[u8], digest: &Digest) -> Result<Self, DecodeError> {
        let (head, _) = opened::<BlobHead>(kind::BLOB, row)?;
        let mut bytes = Vec::new();
        Self::unpack(row, &mut bytes)?;
        if Digest::of(&bytes) != *digest {
            return Err(DecodeError::Body);
        }
        Ok(Self { at: Timestamp(head.at_ms), bytes })
    }

    /// When a row's payload was stored, without reading it.
    pub(crate) fn stored_at(row: &[u8]) -> Result<Timestamp, DecodeError> {
        Ok(Timestamp(opened::<BlobHead>(kind::BLOB, row)?.0.at_ms))
    }
}

impl SegmentRow {
    /// Adds a record's frame.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("a frame is far below 4 GiB");
        self.frames.extend_from_slice(&length.to_le_bytes());
        self.frames.extend_from_slice(frame);
        self.count += 1;
    }

    /// Nothing sealed yet.
    pub(crate) fn empty() -> Self {
        Self { frames: Vec::new(), count: 0 }
    }

    /// The row's frame. Its packed bytes are below the limit of one: a segment ends with the record that fills it.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let head = SegmentHead { count: self.count, length: self.frames.len() as u64 };
        framed(kind::SEGMENT, &head, &packing::pack(&self.frames))
    }

    /// Reads a row.
    pub(crate) fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let (head, body) = opened::<SegmentHead>(kind::SEGMENT, row)?;
        let mut frames = Vec::new();
        packing::unpack(body, head.length, &mut frames)?;
        let segment = Self { frames, count: head.count };
        let mut end = 0;
        for _ in 0..segment.count {
            end = segment.frame_at(end).ok_or(DecodeError::Body)?.end;
        }
        if end == segment.frames.len() { Ok(segment) } else { Err(DecodeError::Body) }
    }

    /// How many records a row holds, without unpacking it.
    pub(crate) fn count_of(row: &[u8]) -> Result<u64, DecodeError> {
        Ok(opened::<SegmentHead>(kind::SEGMENT, row)?.0.count)
    }

    /// The frames, in order.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let frame = self.frame_at(next)?;
            next = frame.end;
            Some(&self.frames[frame])
        })
    }

    /// Where the frame stands whose length is at an offset.
    pub(crate) fn frame_at(&self, offset: usize) -> Option<std::ops::Range<usize>> {
        let length = self.frames.get(offset..)?.first_chunk::<4>()?;
        let start = offset + 4;
        let end = start.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        (end <= self.frames.len()).then_some(start..end)
    }
}

impl AnchorRow {
    /// The row's frame.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let head = AnchorHead { length: self.0.len() as u64 };
        framed(kind::ANCHOR, &head, &packing::pack(&self.0))
    }

    /// Reads a row.
    pub(crate) fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let (head, body) = opened::<AnchorHead>(kind::ANCHOR, row)?;
        let mut anchor = Vec::new();
        packing::unpack(body, head.length, &mut anchor)?;
        Ok(Self(anchor))
    }
}

fn framed<T: Serialize>(kind: u8, head: &T, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec::encode_around(kind, head, [body].into_iter(), &mut out)
        .expect("what is packed is far below the limit");
    out
}

fn opened<'a, T: Deserialize<'a>>(kind: u8, row: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    let frame = Frame::open_around(row)?;
    if frame.kind != kind {
        return Err(DecodeError::Kind(frame.kind));
    }
    Ok((frame.payload()?, frame.body))
}
