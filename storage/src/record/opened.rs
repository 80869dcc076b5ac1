//! A session was opened: its format and its marks.

use highwater_protocol::{Budget, Format, Record, Timestamp, TokenCount};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::DecodeError;

#[derive(Serialize, Deserialize)]
pub(super) struct OpenedV1 {
    at_ms: i64,
    format: u8,
    trigger_tokens: u64,
    landing_tokens: u64,
    hard_tokens: u64,
}

impl OpenedV1 {
    pub(super) fn new(at: Timestamp, format: Format, budget: &Budget) -> Self {
        Self {
            at_ms: at.0,
            format: format.code(),
            trigger_tokens: budget.trigger().0,
            landing_tokens: budget.landing().0,
            hard_tokens: budget.hard().0,
        }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        let budget = Budget::new(
            TokenCount(self.trigger_tokens),
            TokenCount(self.landing_tokens),
            TokenCount(self.hard_tokens),
        )?;
        let format = Format::from_code(self.format)?;
        Ok(Record::Opened { at: Timestamp(self.at_ms), format, budget })
    }
}
