//! The simulated provider: real slots and rates, answers that take as long as real ones, refusals and failures by
//! chance.
//!
//! ```text
//! turns, passes --+--> account                           in this process
//!                 +--> remote: model client --HTTP--> serve --> account      in one of its own
//! ```

mod account;
mod occupancy;
mod process;
mod remote;
pub(super) mod serve;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use highwater::model::{Answer, Exchange, Heard, ModelError, Request};
use highwater_protocol::Context;
use highwater_protocol::accept::Finish;
use highwater_protocol::limit::{Amounts, ClassKind, Seen};
use serde::{Deserialize, Serialize};

use super::scenario::Allowed;
use super::speech::Speech;
use account::Account;
use occupancy::Occupancy;
use remote::Remote;

pub(super) use occupancy::Waiting;
pub(super) use wanted::Wanted;

/// A limit is reached (429), or it is said so by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    /// How long to wait at least.
    pub(super) retry_after: Duration,
}

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A limit is reached.
    Limited(Limited),
    /// It failed (500), or could not be reached.
    Failed,
    /// It says that the call is wrong, or answers what is no answer. Calling again would not help.
    Wrong(String),
}

/// What it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Calls that came.
    pub(super) calls: u64,
    /// Calls refused because a slot or a rate was used up (429): whoever knows the limits gets none.
    pub(super) refused_by_limits: u64,
    /// Calls refused by chance (429).
    pub(super) refused_by_chance: u64,
    /// Calls that failed by chance (500).
    pub(super) failed: u64,
    /// The most calls at once.
    pub(super) peak_in_flight: u64,
    /// The time during which turns or passes waited for permits.
    pub(super) waiting_us: u64,
    /// The share of the slots in use that were for whoever waited: all of them while turns did, those that are not
    /// reserved and those that turns had while passes alone did. Absent when
    /// somebody waited for less than a second in sum.
    pub(super) utilisation_while_waiting: Option<f64>,
    /// The share of all slots that were in use, from the first call on.
    pub(super) utilisation: f64,
}

/// The provider, as those see it who call it. Over HTTP, a slot is in use from sending a request to the end of its
/// answer.
#[derive(Debug)]
pub(super) struct Provider {
    occupancy: Arc<Occupancy>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In this process.
    Here(Arc<Account>),
    /// In one of its own.
    Elsewhere(Box<Remote>),
}

impl Provider {
    /// One that allows this, in a process of its own if it is to be reached over HTTP. Blocks until that is there.
    pub(super) fn start(allowed: Allowed, seed: u64) -> anyhow::Result<Self> {
        let place = if allowed.over_http {
            Place::Elsewhere(Box::new(Remote::start(allowed, seed)?))
        } else {
            Place::Here(Arc::new(Account::new(allowed, seed, Duration::ZERO)))
        };
        Ok(Self { occupancy: Arc::new(Occupancy::new(allowed)), place })
    }

    /// Until what this returns is dropped, somebody waits for a permit.
    pub(super) fn waits(&self, class: ClassKind) -> Waiting {
        self.occupancy.waits(class)
    }

    /// The call of a turn, with the context that the model is shown.
    pub(super) async fn turn(
        &self,
        wanted: &Wanted,
        context: Option<&Context>,
    ) -> Result<(), Refusal> {
        match &self.place {
            Place::Here(account) => self.call(account, ClassKind::Turn, wanted).await,
            Place::Elsewhere(remote) => {
                let _calling = self.occupancy.calls(ClassKind::Turn);
                remote.turn(wanted, context).await
            }
        }
    }

    /// The call of a pass.
    pub(super) async fn pass(
        &self,
        wanted: &Wanted,
        speech: &Speech,
        request: &Request,
        heard: &Heard,
    ) -> Exchange {
        match &self.place {
            Place::Here(account) => {
                let called = self.call(account, ClassKind::Compaction, wanted).await;
                heard.note();
                let outcome = called.map(|()| answer(wanted, speech)).map_err(ModelError::from);
                Exchange { outcome, seen: Seen::default(), seen_at: None }
            }
            Place::Elsewhere(remote) => {
                let _calling = self.occupancy.calls(ClassKind::Compaction);
                remote.pass(wanted, request, heard).await
            }
        }
    }

    /// Waits until its process has ended before its time; for ever when it has none.
    pub(super) async fn died(&self) -> anyhow::Error {
        match &self.place {
            Place::Here(_) => std::future::pending().await,
            Place::Elsewhere(remote) => remote.died().await,
        }
    }

    /// Ends its process, if it has one, and tells what it saw.
    pub(super) async fn end(&self) -> anyhow::Result<Tally> {
        let tally = match &self.place {
            Place::Here(account) => account.tally(),
            Place::Elsewhere(remote) => remote.end().await?,
        };
        Ok(self.occupancy.within(tally))
    }

    async fn call(
        &self,
        account: &Arc<Account>,
        class: ClassKind,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        let admitted = account.admit(wanted.tokens()).map_err(Refusal::Limited)?;
        let _calling = self.occupancy.calls(class);
        tokio::time::sleep(admitted.lasts(wanted.takes())).await;
        if admitted.fails { Err(Refusal::Failed) } else { Ok(()) }
    }
}

fn answer(wanted: &Wanted, speech: &Speech) -> Answer {
    Answer {
        text: wanted.said(speech),
        reasoning: String::new(),
        tool_calls: Vec::new(),
        finish: Finish::Complete,
        word: String::new(),
        usage: Some(Amounts::new(wanted.input_tokens, wanted.output_tokens)),
        message: String::new(),
    }
}

impl From<Refusal> for ModelError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Limited(Limited { retry_after }) => Self::RateLimited {
                retry_after: Some(retry_after),
                message: "the simulated provider refuses".to_owned(),
            },
            Refusal::Failed => {
                let message = "the simulated provider failed".to_owned();
                Self::Transient { retry_after: None, message }
            }
            Refusal::Wrong(why) => Self::Refused(why),
        }
    }
}

impl From<ModelError> for Refusal {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::RateLimited { retry_after, .. } => {
                Self::Limited(Limited { retry_after: retry_after.unwrap_or_default() })
            }
            ModelError::Transient { .. } => Self::Failed,
            other => Self::Wrong(other.to_string()),
        }
    }
}
