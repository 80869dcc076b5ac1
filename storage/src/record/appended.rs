//! An entry was appended, or superseded another: its original bytes, and what is needed to read the message from them
//! again. The head holds the entry's digest, which vouches for the bytes behind it: they are hashed when the entry is
//! made and when it is read, and at no other time. Payloads are left out where they are stored once for all entries.

use std::ops::Range;
use std::sync::Arc;

use highwater_protocol::{
    Content, Dialect, Digest, Entry, EntryId, Payload, Record, Seq, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use super::{Payloads, kind};
use crate::codec::{self, Bytes, DecodeError, Encoded, Frame};
use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
pub(super) struct AppendedV2<'a> {
    at_ms: i64,
    seq: u64,
    #[serde(borrow)]
    entry: EntryV2<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EditedV2<'a> {
    at_ms: i64,
    seq: u64,
    place: u64,
    #[serde(borrow)]
    entry: EntryV2<'a>,
}

#[derive(Serialize, Deserialize)]
struct EntryV2<'a> {
    id: &'a str,
    dialect: u8,
    /// What stands before and behind the record in its source: line ends and separators.
    #[serde(borrow)]
    before: Bytes<'a>,
    #[serde(borrow)]
    after: Bytes<'a>,
    length: u64,
    digest: [u8; 32],
    payloads: Vec<PayloadV2>,
}

/// A stretch of the record that is stored by itself.
#[derive(Serialize, Deserialize)]
struct PayloadV2 {
    start: u64,
    end: u64,
    digest: [u8; 32],
}

/// Where an entry's payloads are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// By themselves, once for all entries that hold them.
    Apart,
    /// In the entry: for bytes that leave the store.
    Within,
}

impl<'a> EntryV2<'a> {
    fn new(entry: &'a Entry, keeping: Keeping) -> Self {
        let (json, source) = (entry.json(), entry.source());
        let payloads = apart(entry, keeping).iter().map(|payload| PayloadV2 {
            start: payload.range.start as u64,
            end: payload.range.end as u64,
            digest: payload.digest.0,
        });
        Self {
            id: entry.id().as_str(),
            dialect: entry.dialect().code(),
            before: Bytes(&source[..json.start]),
            after: Bytes(&source[json.end..]),
            length: json.len() as u64,
            digest: entry.message().digest.0,
            payloads: payloads.collect(),
        }
    }

    fn payloads(&self) -> Result<Vec<Payload>, DecodeError> {
        let mut end = 0;
        let mut payloads = Vec::with_capacity(self.payloads.len());
        for payload in &self.payloads {
            let range = offset(payload.start)?..offset(payload.end)?;
            if range.start < end || range.end < range.start || payload.end > self.length {
                return Err(DecodeError::Payload("its payloads are not in order".into()));
            }
            end = range.end;
            payloads.push(Payload { range, digest: Digest(payload.digest) });
        }
        Ok(payloads)
    }

    /// Puts the source together again and reads the entry from it.
    fn entry(self, body: &[u8], apart: &dyn Payloads) -> Result<Arc<Entry>, DecodeError> {
        let payloads = self.payloads()?;
        let length = offset(self.length)?;
        let stored: usize = payloads.iter().map(|payload| payload.range.len()).sum();
        if length > codec::MAX_FRAME_BYTES || body.len() != length - stored {
            return Err(DecodeError::Payload(format!("{} bytes follow its head", body.len())));
        }
        let (before, after) = (self.before.0, self.after.0);
        let mut source = Vec::with_capacity(before.len() + length + after.len());
        source.extend_from_slice(before);
        let json = before.len()..before.len() + length;
        let (mut literals, mut behind) = (body, payloads.iter());
        for literal in Content::literals(&payloads, length) {
            let (bytes, rest) = literals.split_at(literal.len());
            literals = rest;
            source.extend_from_slice(bytes);
            if let Some(payload) = behind.next() {
                let end = source.len() + payload.range.len();
                apart.read(&payload.digest, &mut source)?;
                if source.len() != end {
                    return Err(DecodeError::Body);
                }
            }
        }
        source.extend_from_slice(after);
        let (id, dialect) = (EntryId::parse(self.id)?, Dialect::from_code(self.dialect)?);
        let entry = Entry::read(id, dialect, source.into(), json)?;
        if entry.message().digest.0 != self.digest {
            return Err(DecodeError::Body);
        }
        Ok(Arc::new(entry))
    }
}

/// Appends the frame of an appended entry.
pub(super) fn encode_appended(
    (at, seq, entry): (Timestamp, Seq, &Entry),
    keeping: Keeping,
    out: &mut Vec<u8>,
) -> Result<Encoded, StoreError> {
    let head = AppendedV2 { at_ms: at.0, seq: seq.0, entry: EntryV2::new(entry, keeping) };
    codec::encode_around(kind::APPENDED, &head, literals(entry, keeping), out)
}

/// Appends the frame of an entry that superseded the one at `place`.
pub(super) fn encode_edited(
    (at, seq, place, entry): (Timestamp, Seq, Seq, &Entry),
    keeping: Keeping,
    out: &mut Vec<u8>,
) -> Result<Encoded, StoreError> {
    let entry_head = EntryV2::new(entry, keeping);
    let head = EditedV2 { at_ms: at.0, seq: seq.0, place: place.0, entry: entry_head };
    codec::encode_around(kind::EDITED, &head, literals(entry, keeping), out)
}

pub(super) fn decode_appended(
    frame: &Frame<'_>,
    apart: &dyn Payloads,
) -> Result<Record, DecodeError> {
    let AppendedV2 { at_ms, seq, entry } = frame.payload()?;
    let entry = entry.entry(frame.body, apart)?;
    Ok(Record::Appended { at: Timestamp(at_ms), seq: Seq(seq), entry })
}

pub(super) fn decode_edited(
    frame: &Frame<'_>,
    apart: &dyn Payloads,
) -> Result<Record, DecodeError> {
    let EditedV2 { at_ms, seq, place, entry } = frame.payload()?;
    let entry = entry.entry(frame.body, apart)?;
    Ok(Record::Edited { at: Timestamp(at_ms), seq: Seq(seq), place: Seq(place), entry })
}

/// What the head of an entry's record says, without its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntryHead {
    /// The entry's id.
    pub(crate) id: EntryId,
    /// The digests of the payloads that it refers to.
    pub(crate) payloads: Vec<Digest>,
}

/// The head of an entry's record; `None` for records that hold no entry, which are verified whole.
pub(crate) fn entry_head(bytes: &[u8]) -> Result<Option<EntryHead>, DecodeError> {
    let entry = match Frame::kind_of(bytes) {
        Some(kind::APPENDED) => Frame::open_around(bytes)?.payload::<AppendedV2<'_>>()?.entry,
        Some(kind::EDITED) => Frame::open_around(bytes)?.payload::<EditedV2<'_>>()?.entry,
        _ => return super::decode_plain(&Frame::open(bytes)?).map(|_| None),
    };
    let payloads = entry.payloads.iter().map(|payload| Digest(payload.digest)).collect();
    Ok(Some(EntryHead { id: EntryId::parse(entry.id)?, payloads }))
}

fn apart(entry: &Entry, keeping: Keeping) -> &[Payload] {
    match keeping {
        Keeping::Apart => entry.payloads(),
        Keeping::Within => &[],
    }
}

fn literals(entry: &Entry, keeping: Keeping) -> impl Iterator<Item = &[u8]> + Clone {
    let record: &[u8] = &entry.source()[entry.json()];
    let ranges: Vec<Range<usize>> =
        Content::literals(apart(entry, keeping), record.len()).collect();
    ranges.into_iter().map(move |literal| &record[literal])
}

fn offset(at: u64) -> Result<usize, DecodeError> {
    usize::try_from(at).map_err(|_| DecodeError::Payload(format!("offset {at} is too large")))
}
