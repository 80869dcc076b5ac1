//! A part: a stretch of a session's log in one file, packed. It holds whatever its records refer to.

use highwater_protocol::{Digest, LogPos, Record};
use serde::{Deserialize, Serialize};

use super::file::{self, kind};
use crate::codec::{self, DecodeError, Frame, MAX_FRAME_BYTES};
use crate::error::StoreError;
use crate::packing;
use crate::record::{self, Keeping, Payloads};
use crate::row::SegmentRow;

/// A part is closed before it grows over this many bytes, unless one record alone is larger: what an export holds in
/// memory, and what is read again for one record.
pub(super) const PART_BYTES: usize = 1 << 20;

/// The largest file: what one frame may hold, and the mark before it.
pub(super) const MAX_FILE_BYTES: u64 = (MAX_FRAME_BYTES + file::MAGIC.len()) as u64;

#[derive(Serialize, Deserialize)]
struct HeadV1<'a> {
    session: &'a str,
    first: u64,
    count: u64,
    length: u64,
    digest: [u8; 32],
}

/// What a part's file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Whose log it is.
    pub(super) session: String,
    /// Its first position.
    pub(super) first: LogPos,
    /// The position behind its last.
    pub(super) end: LogPos,
}

/// A part in the making.
pub(super) struct Part {
    first: LogPos,
    records: SegmentRow,
}

impl Part {
    /// Nothing yet; the first record will be the one at `first`.
    pub(super) fn from(first: LogPos) -> Self {
        Self { first, records: SegmentRow::empty() }
    }

    /// The first position.
    pub(super) fn first(&self) -> LogPos {
        self.first
    }

    /// The position behind the last record.
    pub(super) fn end(&self) -> LogPos {
        LogPos(self.first.0 + self.records.count)
    }

    /// Adds the record at [`Part::end`]; gives the part back when it would grow over `cap` bytes with it.
    pub(super) fn push(&mut self, record: &Record, cap: usize) -> Result<Option<Self>, StoreError> {
        let mut frame = Vec::new();
        record::encode(record, Keeping::Within, &mut frame)?;
        let is_full = self.records.count > 0 && self.records.frames.len() + frame.len() > cap;
        let next = Self::from(self.end());
        let full = is_full.then(|| std::mem::replace(self, next));
        self.records.push(&frame);
        Ok(full)
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.records.count == 0
    }

    /// The file's bytes.
    pub(super) fn encoded(&self, session: &str) -> Vec<u8> {
        let frames = &self.records.frames;
        let head = HeadV1 {
            session,
            first: self.first.0,
            count: self.records.count,
            length: frames.len() as u64,
            digest: Digest::of(frames).0,
        };
        let mut out = file::MAGIC.to_vec();
        let packed = packing::pack(frames);
        codec::encode_around(kind::PART, &head, [&*packed].into_iter(), &mut out).expect(
            "one record is the most that a part holds above its size, and packed it is smaller",
        );
        out
    }
}

/// What a part's file says of itself; its records are not looked at.
pub(super) fn claim(bytes: &[u8]) -> Result<Claim, DecodeError> {
    let (HeadV1 { session, first, count, .. }, _) = opened(bytes)?;
    let end = LogPos(first.saturating_add(count));
    Ok(Claim { session: session.to_owned(), first: LogPos(first), end })
}

/// The head of a part's file, and what stands behind it.
fn opened(bytes: &[u8]) -> Result<(HeadV1<'_>, &[u8]), DecodeError> {
    let frame = Frame::open_around(file::frame(bytes)?)?;
    if frame.kind != kind::PART {
        return Err(DecodeError::Kind(frame.kind));
    }
    Ok((frame.payload()?, frame.body))
}

/// The records of a part's file.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let (head, body) = opened(bytes)?;
    let mut segment = SegmentRow { frames: Vec::new(), count: head.count };
    packing::unpack(body, head.length, &mut segment.frames)?;
    if Digest::of(&segment.frames).0 != head.digest {
        return Err(DecodeError::Body);
    }
    let records = segment.frames().map(|frame| record::decode(frame, &Nowhere));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    if records.len() as u64 == head.count { Ok(records) } else { Err(DecodeError::Body) }
}

/// A part holds all payloads of its records.
struct Nowhere;

impl Payloads for Nowhere {
    fn read(&self, digest: &Digest, _: &mut Vec<u8>) -> Result<(), DecodeError> {
        Err(DecodeError::Blob(*digest, "it is not in the part".to_owned()))
    }
}
