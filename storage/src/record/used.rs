//! What was used for a call: as estimated, and as the provider reported it.

use highwater_protocol::tokens::Usage;
use highwater_protocol::{CallNumber, Record, Timestamp, TokenCount};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct UsedV1<'a> {
    at_ms: i64,
    call: u64,
    model: &'a str,
    estimated: u64,
    input: u64,
    cached: u64,
    output: u64,
}

impl<'a> UsedV1<'a> {
    pub(super) fn new(
        at: Timestamp,
        call: CallNumber,
        model: &'a str,
        estimated: TokenCount,
        usage: Usage,
    ) -> Self {
        let Usage { input, cached, output } = usage;
        Self {
            at_ms: at.0,
            call: call.0,
            model,
            estimated: estimated.0,
            input: input.0,
            cached: cached.0,
            output: output.0,
        }
    }

    pub(super) fn record(self) -> Record {
        Record::Used {
            at: Timestamp(self.at_ms),
            call: CallNumber(self.call),
            model: self.model.into(),
            estimated: TokenCount(self.estimated),
            usage: Usage {
                input: TokenCount(self.input),
                cached: TokenCount(self.cached),
                output: TokenCount(self.output),
            },
        }
    }
}
