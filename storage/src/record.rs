//! How each record is stored: one fixed struct per kind and version, converted from and to the protocol's vocabulary.
//! A stored struct never changes; a new shape is a new struct beside it. The golden files hold each to its bytes.

mod anchor;
mod answered;
mod appended;
mod call;
mod changed;
mod code;
mod elided;
mod opened;
mod pass;
mod spliced;
mod used;

use highwater_protocol::{Digest, Record};

use crate::codec::{self, DecodeError, Encoded, Frame};
use crate::error::StoreError;

pub use anchor::{decode_anchor, encode_anchor};
use answered::AnsweredV1;
use call::ResolvedV1;
use changed::{CheckpointedV1, ClearedV1, PinnedV1, RewoundV1, TrackedV1};
use elided::ElidedV1;
use opened::OpenedV1;
use pass::{PassEndedV1, PassStartedV1};
use spliced::SplicedV1;
use used::UsedV1;

pub(crate) use appended::{Keeping, entry_head};

/// The kinds of records. Persisted: a number is never reused. Rows have numbers from 128 on.
mod kind {
    pub(super) const OPENED: u8 = 1;
    pub(super) const ANSWERED: u8 = 3;
    pub(super) const ELIDED: u8 = 4;
    pub(super) const PASS_STARTED: u8 = 5;
    pub(super) const SPLICED: u8 = 6;
    pub(super) const PASS_ENDED: u8 = 7;
    pub(super) const PINNED: u8 = 9;
    pub(super) const RESOLVED: u8 = 10;
    pub(super) const TRACKED: u8 = 11;
    pub(super) const REWOUND: u8 = 12;
    pub(super) const CLEARED: u8 = 13;
    pub(super) const USED: u8 = 14;
    pub(super) const APPENDED: u8 = 16;
    pub(super) const EDITED: u8 = 17;
    pub(super) const CHECKPOINTED: u8 = 18;
}

/// Where the payloads are that are stored once for all entries that hold them.
pub(crate) trait Payloads {
    /// Appends the bytes of a payload to `out`. Whoever reads an entry verifies them with its digest.
    fn read(&self, digest: &Digest, out: &mut Vec<u8>) -> Result<(), DecodeError>;
}

/// Appends a record's frame to `out`.
pub(crate) fn encode(
    record: &Record,
    keeping: Keeping,
    out: &mut Vec<u8>,
) -> Result<Encoded, StoreError> {
    match record {
        Record::Opened { at, format, budget } => {
            codec::encode(kind::OPENED, &OpenedV1::new(*at, *format, budget), out)
        }
        Record::Appended { at, seq, entry } => {
            appended::encode_appended((*at, *seq, entry), keeping, out)
        }
        Record::Answered { at, call, position, digest, stand_ins } => {
            let stored = AnsweredV1::new(*at, *call, *position, *digest, stand_ins);
            codec::encode(kind::ANSWERED, &stored, out)
        }
        Record::Elided { at, results, groups } => {
            codec::encode(kind::ELIDED, &ElidedV1::new(*at, results, groups), out)
        }
        Record::PassStarted { at, pass, cut, digest } => {
            let stored = PassStartedV1::new(*at, *pass, *cut, *digest);
            codec::encode(kind::PASS_STARTED, &stored, out)
        }
        Record::Spliced { at, pass, cut, digest, pieces, facts } => {
            let stored = SplicedV1::new(*at, *pass, *cut, *digest, pieces, facts);
            codec::encode(kind::SPLICED, &stored, out)
        }
        Record::PassEnded { at, pass, outcome } => {
            codec::encode(kind::PASS_ENDED, &PassEndedV1::new(*at, *pass, outcome), out)
        }
        Record::Edited { at, seq, place, entry } => {
            appended::encode_edited((*at, *seq, *place, entry), keeping, out)
        }
        Record::Pinned { at, seq, pinned } => {
            codec::encode(kind::PINNED, &PinnedV1::new(*at, *seq, *pinned), out)
        }
        Record::Resolved { at, call, resolution } => {
            codec::encode(kind::RESOLVED, &ResolvedV1::new(*at, call, resolution), out)
        }
        Record::Tracked { at, task, text } => {
            codec::encode(kind::TRACKED, &TrackedV1::new(*at, task, text.as_deref()), out)
        }
        Record::Rewound { at, to } => codec::encode(kind::REWOUND, &RewoundV1::new(*at, *to), out),
        Record::Cleared { at } => codec::encode(kind::CLEARED, &ClearedV1::new(*at), out),
        Record::Used { at, call, model, estimated, usage } => {
            let stored = UsedV1::new(*at, *call, model, *estimated, *usage);
            codec::encode(kind::USED, &stored, out)
        }
        Record::Checkpointed { at, seq, digest } => {
            codec::encode(kind::CHECKPOINTED, &CheckpointedV1::new(*at, *seq, *digest), out)
        }
    }
}

/// Reads a record's frame.
pub(crate) fn decode(bytes: &[u8], apart: &dyn Payloads) -> Result<Record, DecodeError> {
    match Frame::kind_of(bytes) {
        Some(kind::APPENDED) => appended::decode_appended(&Frame::open_around(bytes)?, apart),
        Some(kind::EDITED) => appended::decode_edited(&Frame::open_around(bytes)?, apart),
        _ => decode_plain(&Frame::open(bytes)?),
    }
}

/// Reads a frame that stands wholly under its checksum.
fn decode_plain(frame: &Frame<'_>) -> Result<Record, DecodeError> {
    match frame.kind {
        kind::OPENED => frame.payload::<OpenedV1>()?.record(),
        kind::ANSWERED => Ok(frame.payload::<AnsweredV1<'_>>()?.record()),
        kind::ELIDED => Ok(frame.payload::<ElidedV1>()?.record()),
        kind::PASS_STARTED => Ok(frame.payload::<PassStartedV1>()?.record()),
        kind::SPLICED => frame.payload::<SplicedV1<'_>>()?.record(),
        kind::PINNED => Ok(frame.payload::<PinnedV1>()?.record()),
        kind::RESOLVED => frame.payload::<ResolvedV1<'_>>()?.record(),
        kind::TRACKED => Ok(frame.payload::<TrackedV1<'_>>()?.record()),
        kind::REWOUND => Ok(frame.payload::<RewoundV1>()?.record()),
        kind::CLEARED => Ok(frame.payload::<ClearedV1>()?.record()),
        kind::USED => Ok(frame.payload::<UsedV1<'_>>()?.record()),
        kind::CHECKPOINTED => Ok(frame.payload::<CheckpointedV1>()?.record()),
        kind::PASS_ENDED => frame.payload::<PassEndedV1<'_>>()?.record(),
        unknown => Err(DecodeError::Kind(unknown)),
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
