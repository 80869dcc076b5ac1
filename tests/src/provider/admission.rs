//! A call that was admitted: it holds its slot until it ends, however it ends, and is corrected by what it took.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::limit::Amounts;

use super::Shared;
use super::account::Denied;
use super::asked::{Asked, Protocol};
use super::tally::{Outcome, Reason};

/// A call in flight. Dropped before it is finished, it was abandoned.
pub(super) struct Admission {
    shared: Arc<Shared>,
    number: u64,
    at: Duration,
    protocol: Protocol,
    key: String,
    model: String,
    charged: Amounts,
    /// Tokens of the answer so far.
    produced: u64,
    open: bool,
}

impl Admission {
    /// Asks the account for a slot and for what the call takes: its prompt, and the most that it may answer.
    pub(super) fn ask(shared: &Arc<Shared>, asked: &Asked) -> Result<Self, Denied> {
        let now = shared.elapsed();
        let charged = Amounts::new(asked.input_tokens, asked.max_tokens);
        let mut state = shared.state();
        let account = state.account(&shared.rules, &asked.key);
        if let Err(denied) = account.admit(now, &asked.model, charged) {
            if shared.rules.refused_count {
                account.count_refused(now, &asked.model);
            }
            state.tally.refuse(asked.number, now, Reason::Limit(denied.bound));
            return Err(denied);
        }
        state.tally.open(asked.number, charged);
        Ok(Self {
            shared: Arc::clone(shared),
            number: asked.number,
            at: now,
            protocol: asked.protocol,
            key: asked.key.clone(),
            model: asked.model.clone(),
            charged,
            produced: 0,
            open: true,
        })
    }

    /// So many more tokens were answered.
    pub(super) fn produce(&mut self, tokens: u64) {
        self.produced += tokens;
    }

    /// The call is over: the slot is free, and the counters are right. Only the first end counts.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let now = self.shared.elapsed();
        let took = Amounts::new(self.charged.input_tokens, self.produced);
        let keeps = self.shared.rules.settling.keeps(self.protocol);
        let counted = if keeps { self.charged } else { took };
        let mut state = self.shared.state();
        let account = state.account(&self.shared.rules, &self.key);
        account.release(now, self.at, &self.model, self.charged, counted);
        state.tally.close(self.number, now, took, outcome);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.finish(Outcome::Abandoned);
    }
}
