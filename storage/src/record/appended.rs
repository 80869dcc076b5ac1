//! An entry was appended: its original bytes, and what is needed to read the message from them again.

use std::sync::Arc;

use highwater_protocol::{Dialect, Entry, EntryId, Record, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::{Bytes, DecodeError};

#[derive(Serialize, Deserialize)]
pub(super) struct AppendedV1<'a> {
    at_ms: i64,
    seq: u64,
    id: &'a str,
    dialect: u8,
    json_start: u64,
    json_end: u64,
    #[serde(borrow)]
    source: Bytes<'a>,
}

impl<'a> AppendedV1<'a> {
    pub(super) fn new(at: Timestamp, seq: Seq, entry: &'a Entry) -> Self {
        let json = entry.json();
        Self {
            at_ms: at.0,
            seq: seq.0,
            id: entry.id().as_str(),
            dialect: entry.dialect().code(),
            json_start: json.start as u64,
            json_end: json.end as u64,
            source: Bytes(entry.source()),
        }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let offset = |at: u64| {
            usize::try_from(at)
                .map_err(|_| DecodeError::Payload(format!("offset {at} is too large")))
        };
        let json = offset(self.json_start)?..offset(self.json_end)?;
        let entry = Entry::read(
            EntryId::parse(self.id)?,
            Dialect::from_code(self.dialect)?,
            self.source.0.into(),
            json,
        )?;
        Ok(Record::Appended {
            at: Timestamp(self.at_ms),
            seq: Seq(self.seq),
            entry: Arc::new(entry),
        })
    }
}
