//! A call, by the entry that made it and its id, and how the host said that it stands.

use highwater_protocol::{CallEnd, CallRef, Record, Resolution, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::DecodeError;

#[derive(Serialize, Deserialize)]
pub(super) struct CallRefV1<'a> {
    seq: u64,
    id: &'a str,
}

impl<'a> CallRefV1<'a> {
    pub(super) fn new(call: &'a CallRef) -> Self {
        Self { seq: call.seq.0, id: &call.id }
    }

    pub(super) fn call(self) -> CallRef {
        CallRef { seq: Seq(self.seq), id: self.id.into() }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ResolvedV1<'a> {
    at_ms: i64,
    #[serde(borrow)]
    call: CallRefV1<'a>,
    end: u8,
    detail: &'a str,
}

impl<'a> ResolvedV1<'a> {
    pub(super) fn new(at: Timestamp, call: &'a CallRef, resolution: &'a Resolution) -> Self {
        let (end, detail) = (resolution.end().code(), resolution.detail());
        Self { at_ms: at.0, call: CallRefV1::new(call), end, detail }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let resolution = Resolution::new(CallEnd::from_code(self.end)?, self.detail)?;
        Ok(Record::Resolved { at: Timestamp(self.at_ms), call: self.call.call(), resolution })
    }
}
