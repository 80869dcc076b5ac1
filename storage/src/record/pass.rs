//! A pass began, and a pass ended without a splice of its own record.

use highwater_protocol::{Abandoned, Digest, Outcome, PassId, Record, Refused, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::DecodeError;

#[derive(Serialize, Deserialize)]
pub(super) struct PassStartedV1 {
    at_ms: i64,
    pass: u64,
    cut: u64,
    digest: [u8; 32],
}

impl PassStartedV1 {
    pub(super) fn new(at: Timestamp, pass: PassId, cut: Seq, digest: Digest) -> Self {
        Self { at_ms: at.0, pass: pass.0, cut: cut.0, digest: digest.0 }
    }

    pub(super) fn record(self) -> Record {
        Record::PassStarted {
            at: Timestamp(self.at_ms),
            pass: PassId(self.pass),
            cut: Seq(self.cut),
            digest: Digest(self.digest),
        }
    }
}

/// The outcomes. Persisted: a number is never changed and never reused.
mod outcome {
    pub(super) const SPLICED: u8 = 1;
    pub(super) const NOTHING_TO_DO: u8 = 2;
    pub(super) const ALREADY_RUNNING: u8 = 3;
    pub(super) const ABANDONED: u8 = 4;
    pub(super) const REFUSED: u8 = 5;
    pub(super) const FAILED: u8 = 6;
}

#[derive(Serialize, Deserialize)]
pub(super) struct PassEndedV1<'a> {
    at_ms: i64,
    pass: u64,
    #[serde(borrow)]
    outcome: OutcomeV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutcomeV1<'a> {
    outcome: u8,
    /// Why it was abandoned or refused; zero for the other outcomes.
    reason: u8,
    /// Why it failed; empty for the other outcomes.
    failure: &'a str,
}

impl<'a> PassEndedV1<'a> {
    pub(super) fn new(at: Timestamp, pass: PassId, outcome: &'a Outcome) -> Self {
        Self { at_ms: at.0, pass: pass.0, outcome: OutcomeV1::new(outcome) }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let (at, pass) = (Timestamp(self.at_ms), PassId(self.pass));
        Ok(Record::PassEnded { at, pass, outcome: self.outcome.outcome()? })
    }
}

impl<'a> OutcomeV1<'a> {
    pub(super) fn new(outcome: &'a Outcome) -> Self {
        let (outcome, reason, failure) = match outcome {
            Outcome::Spliced => (outcome::SPLICED, 0, ""),
            Outcome::NothingToDo => (outcome::NOTHING_TO_DO, 0, ""),
            Outcome::AlreadyRunning => (outcome::ALREADY_RUNNING, 0, ""),
            Outcome::Abandoned(why) => (outcome::ABANDONED, why.code(), ""),
            Outcome::Refused(why) => (outcome::REFUSED, why.code(), ""),
            Outcome::Failed(why) => (outcome::FAILED, 0, &**why),
        };
        Self { outcome, reason, failure }
    }

    pub(super) fn outcome(self) -> Result<Outcome, DecodeError> {
        Ok(match (self.outcome, self.reason, self.failure) {
            (outcome::SPLICED, 0, "") => Outcome::Spliced,
            (outcome::NOTHING_TO_DO, 0, "") => Outcome::NothingToDo,
            (outcome::ALREADY_RUNNING, 0, "") => Outcome::AlreadyRunning,
            (outcome::ABANDONED, why, "") => Outcome::Abandoned(Abandoned::from_code(why)?),
            (outcome::REFUSED, why, "") => Outcome::Refused(Refused::from_code(why)?),
            (outcome::FAILED, 0, why) => Outcome::Failed(why.into()),
            (code, ..) => {
                return Err(DecodeError::Code { what: "outcome", code });
            }
        })
    }
}
