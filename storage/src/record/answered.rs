//! A context was answered: what it showed, by position and digest.

use highwater_protocol::{CallNumber, CallRef, Digest, Record, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::call::CallRefV1;

#[derive(Serialize, Deserialize)]
pub(super) struct AnsweredV1<'a> {
    at_ms: i64,
    call: u64,
    position: u64,
    digest: [u8; 32],
    #[serde(borrow)]
    stand_ins: Vec<CallRefV1<'a>>,
}

impl<'a> AnsweredV1<'a> {
    pub(super) fn new(
        at: Timestamp,
        call: CallNumber,
        position: Seq,
        digest: Digest,
        stand_ins: &'a [CallRef],
    ) -> Self {
        Self {
            at_ms: at.0,
            call: call.0,
            position: position.0,
            digest: digest.0,
            stand_ins: stand_ins.iter().map(CallRefV1::new).collect(),
        }
    }

    pub(super) fn record(self) -> Record {
        Record::Answered {
            at: Timestamp(self.at_ms),
            call: CallNumber(self.call),
            position: Seq(self.position),
            digest: Digest(self.digest),
            stand_ins: self.stand_ins.into_iter().map(CallRefV1::call).collect(),
        }
    }
}
