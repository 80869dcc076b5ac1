//! An entry was appended, or superseded another: its original bytes, and what is needed to read the message from them
//! again.

use std::sync::Arc;

use highwater_protocol::{Dialect, Entry, EntryId, Record, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::{Bytes, DecodeError};

#[derive(Serialize, Deserialize)]
pub(super) struct AppendedV1<'a> {
    at_ms: i64,
    seq: u64,
    #[serde(borrow)]
    entry: EntryV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EditedV1<'a> {
    at_ms: i64,
    seq: u64,
    place: u64,
    #[serde(borrow)]
    entry: EntryV1<'a>,
}

#[derive(Serialize, Deserialize)]
struct EntryV1<'a> {
    id: &'a str,
    dialect: u8,
    json_start: u64,
    json_end: u64,
    #[serde(borrow)]
    source: Bytes<'a>,
}

impl<'a> AppendedV1<'a> {
    pub(super) fn new(at: Timestamp, seq: Seq, entry: &'a Entry) -> Self {
        Self { at_ms: at.0, seq: seq.0, entry: EntryV1::new(entry) }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let (at, seq, entry) = (Timestamp(self.at_ms), Seq(self.seq), self.entry.entry()?);
        Ok(Record::Appended { at, seq, entry })
    }
}

impl<'a> EditedV1<'a> {
    pub(super) fn new(at: Timestamp, seq: Seq, place: Seq, entry: &'a Entry) -> Self {
        Self { at_ms: at.0, seq: seq.0, place: place.0, entry: EntryV1::new(entry) }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let (at, seq, place) = (Timestamp(self.at_ms), Seq(self.seq), Seq(self.place));
        Ok(Record::Edited { at, seq, place, entry: self.entry.entry()? })
    }
}

impl<'a> EntryV1<'a> {
    fn new(entry: &'a Entry) -> Self {
        let json = entry.json();
        Self {
            id: entry.id().as_str(),
            dialect: entry.dialect().code(),
            json_start: json.start as u64,
            json_end: json.end as u64,
            source: Bytes(entry.source()),
        }
    }

    fn entry(self) -> Result<Arc<Entry>, DecodeError> {
        let offset = |at: u64| {
            usize::try_from(at)
                .map_err(|_| DecodeError::Payload(format!("offset {at} is too large")))
        };
        let json = offset(self.json_start)?..offset(self.json_end)?;
        let (id, dialect) = (EntryId::parse(self.id)?, Dialect::from_code(self.dialect)?);
        Ok(Arc::new(Entry::read(id, dialect, self.source.0.into(), json)?))
    }
}
