//! What agents measure: histograms of constant size, counts, and the first breaches. Each time is recorded from the moment
//! at which the call was due, so that a harness that falls behind hides nothing (no coordinated omission), and once more
//! from the moment at which it was made.

#[cfg(test)]
mod tests;
mod views;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use highwater_protocol::{PassId, SessionId};
use serde::Serialize;
use tokio::time::Instant;

use crate::report::words;
use views::Views;
pub(super) use views::{View, WATCHED};

/// An hour: nothing that is measured takes longer and matters.
const LONGEST_US: u64 = 3_600_000_000;

/// Breaches that are told one by one.
const TOLD: usize = 20;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    /// Handing over entries, until they are durable.
    Append,
    /// Asking for a context.
    Context,
    /// Handing over entries and asking for the context behind them, at once.
    NextContext,
}

/// What of it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    /// From when it was due; beside a pass of the session or not.
    Due(Call, bool),
    /// From when it was made.
    Made(Call, bool),
    TurnPermit,
    SummaryPermit,
    Pass,
    Splice,
}

/// Counts of what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Sessions that were opened: agents, children and forks.
    pub(super) sessions: u64,
    /// Turns that were played.
    pub(super) turns: u64,
    /// Steps of the model in them.
    pub(super) steps: u64,
    /// Entries that were acknowledged.
    pub(super) entries: u64,
    /// Their bytes.
    pub(super) entry_bytes: u64,
    /// Those of the session in which most was said.
    pub(super) largest_session_bytes: u64,
    /// Contexts that were answered and checked.
    pub(super) contexts: u64,
    /// The largest of them.
    pub(super) largest_view_tokens: u64,
    /// Contexts that could not be made to fit.
    pub(super) too_large: u64,
    /// Children that were spawned.
    pub(super) children: u64,
    /// Rewinds.
    pub(super) rewinds: u64,
    /// Forks.
    pub(super) forks: u64,
    /// Clears.
    pub(super) clears: u64,
    /// Idle periods.
    pub(super) idles: u64,
    /// Calls of turns that were made again.
    pub(super) retries: u64,
}

/// Quantiles of one thing that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Spread {
    /// How many times were measured.
    pub(super) count: u64,
    /// Half of them were at most this long.
    pub(super) p50_us: u64,
    /// 99 of 100 were at most this long.
    pub(super) p99_us: u64,
    /// 999 of 1,000 were at most this long.
    pub(super) p999_us: u64,
    /// The longest.
    pub(super) max_us: u64,
}

impl Spread {
    /// One of its times in words; a dash where nothing was measured.
    pub(super) fn told(self, us: u64) -> String {
        if self.count == 0 { words::DASH.to_owned() } else { words::micros(us) }
    }
}

/// One kind of call, by whether a pass of its session was in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Arms {
    /// While a pass was in flight.
    pub(super) during_pass: Spread,
    /// While none was.
    pub(super) without_pass: Spread,
}

/// All times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Latency {
    /// Appends, from when they were due.
    pub(super) append: Arms,
    /// Contexts, from when they were due.
    pub(super) context: Arms,
    /// Entries that were handed over with the wish for a context, from when they were due until there was the context.
    pub(super) next_context: Arms,
    /// Appends, from when they were made.
    pub(super) append_made: Arms,
    /// Contexts, from when they were made.
    pub(super) context_made: Arms,
    /// Entries with the wish for a context, from when they were made.
    pub(super) next_context_made: Arms,
    /// How long turns waited for permits, from when they were due.
    pub(super) turn_permit: Spread,
    /// How long summarizer calls waited for permits.
    pub(super) compaction_permit: Spread,
    /// How long passes took, from when their session told of them.
    pub(super) pass: Spread,
    /// How long it took from the last answer of a model until the splice was durable and heard of.
    pub(super) splice: Spread,
}

/// Everything that agents measure.
#[derive(Debug)]
pub(super) struct Metrics {
    began: Instant,
    measured: Mutex<Measured>,
}

#[derive(Debug, Default)]
struct Measured {
    times: BTreeMap<Of, Histogram<u64>>,
    counts: Counts,
    turns_ended: u64,
    passes: BTreeMap<String, u64>,
    breaches: Vec<String>,
    broken: u64,
    passes_in_flight: u64,
    /// When a model answered last for the pass of a session.
    summarized: BTreeMap<SessionId, (PassId, Instant)>,
    /// Calls since the last look, from when they were due.
    lately: BTreeMap<Call, Histogram<u64>>,
    views: [Views; WATCHED],
}

/// What was measured since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lately {
    /// 99 of 100 appends were at most this long; zero when there were none.
    pub(super) append_p99_us: u64,
    /// 99 of 100 contexts were at most this long, those with entries included; zero when there were none.
    pub(super) context_p99_us: u64,
    /// Passes in flight.
    pub(super) passes_in_flight: u64,
}

impl Metrics {
    /// Of a run that begins now.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), measured: Mutex::default() }
    }

    /// A call was answered.
    pub(super) fn answered(&self, call: Call, due: Instant, made: Instant, during_pass: bool) {
        let (from_due, from_made) = (due.elapsed(), made.elapsed());
        let mut measured = self.measured();
        measured.took(Of::Due(call, during_pass), from_due);
        measured.took(Of::Made(call, during_pass), from_made);
        let shown = if call == Call::NextContext { Call::Context } else { call };
        let lately = measured.lately.entry(shown).or_insert_with(|| histogram(2));
        lately.saturating_record(micros(from_due));
    }

    /// A turn got a permit, or waited for one in vain.
    pub(super) fn turn_permitted(&self, waited: Duration) {
        self.measured().took(Of::TurnPermit, waited);
    }

    /// A summarizer's call got its first permit, or waited for it in vain.
    pub(super) fn summary_permitted(&self, waited: Duration) {
        self.measured().took(Of::SummaryPermit, waited);
    }

    /// A pass has begun.
    pub(super) fn pass_began(&self) {
        self.measured().passes_in_flight += 1;
    }

    /// A pass that had begun has ended.
    pub(super) fn pass_ended(&self, outcome: &str, took: Duration) {
        let mut measured = self.measured();
        measured.passes_in_flight = measured.passes_in_flight.saturating_sub(1);
        measured.took(Of::Pass, took);
        *measured.passes.entry(outcome.to_owned()).or_default() += 1;
    }

    /// A model is asked for a pass: what it answered before was not the last.
    pub(super) fn summary_asked(&self, session: &SessionId) {
        self.measured().summarized.remove(session);
    }

    /// A model has answered for a pass.
    pub(super) fn summarized(&self, session: &SessionId, pass: PassId) {
        self.measured().summarized.insert(session.clone(), (pass, Instant::now()));
    }

    /// A pass has settled.
    pub(super) fn settled(&self, session: &SessionId, pass: PassId, spliced: bool) {
        let mut measured = self.measured();
        let answered = measured.summarized.remove(session).filter(|(of, _)| *of == pass && spliced);
        if let Some((_, answered)) = answered {
            measured.took(Of::Splice, answered.elapsed());
        }
    }

    /// Passes that are in flight.
    pub(super) fn passes_in_flight(&self) -> u64 {
        self.measured().passes_in_flight
    }

    /// A watched agent was shown a view of this size.
    pub(super) fn saw_view(&self, agent: usize, tokens: u64) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(views) = self.measured().views.get_mut(agent) {
            views.take(View { at_ms, tokens });
        }
    }

    /// The views of watched agents so far.
    pub(super) fn views(&self) -> [Vec<View>; WATCHED] {
        let measured = self.measured();
        std::array::from_fn(|agent| measured.views[agent].seen.clone())
    }

    /// What was measured since this was asked last.
    pub(super) fn lately(&self) -> Lately {
        let mut measured = self.measured();
        let mut p99 = |call| {
            let Some(times) = measured.lately.get_mut(&call) else { return 0 };
            let p99_us = times.value_at_quantile(0.99);
            times.reset();
            p99_us
        };
        let (append_p99_us, context_p99_us) = (p99(Call::Append), p99(Call::Context));
        Lately { append_p99_us, context_p99_us, passes_in_flight: measured.passes_in_flight }
    }

    /// Something happened.
    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.measured().counts);
    }

    /// A turn of an agent or of a fork has ended, with what followed it.
    pub(super) fn turn_ended(&self) {
        self.measured().turns_ended += 1;
    }

    /// Turns of agents and forks that have ended; those of children are part of these.
    pub(super) fn turns_ended(&self) -> u64 {
        self.measured().turns_ended
    }

    /// A promise was broken.
    pub(super) fn broken(&self, breaches: impl IntoIterator<Item = String>) {
        let mut measured = self.measured();
        for breach in breaches {
            measured.broken += 1;
            if measured.breaches.len() < TOLD {
                measured.breaches.push(breach);
            }
        }
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> Counts {
        self.measured().counts
    }

    /// Passes so far, by outcome.
    pub(super) fn passes(&self) -> BTreeMap<String, u64> {
        self.measured().passes.clone()
    }

    /// How many promises were broken, and the first of them.
    pub(super) fn breaches(&self) -> (u64, Vec<String>) {
        let measured = self.measured();
        (measured.broken, measured.breaches.clone())
    }

    /// The times so far.
    pub(super) fn latency(&self) -> Latency {
        let measured = self.measured();
        let spread = |of| measured.times.get(&of).map(Spread::of).unwrap_or_default();
        let arms = |of: fn(Call, bool) -> Of, call| Arms {
            during_pass: spread(of(call, true)),
            without_pass: spread(of(call, false)),
        };
        Latency {
            append: arms(Of::Due, Call::Append),
            context: arms(Of::Due, Call::Context),
            next_context: arms(Of::Due, Call::NextContext),
            append_made: arms(Of::Made, Call::Append),
            context_made: arms(Of::Made, Call::Context),
            next_context_made: arms(Of::Made, Call::NextContext),
            turn_permit: spread(Of::TurnPermit),
            compaction_permit: spread(Of::SummaryPermit),
            pass: spread(Of::Pass),
            splice: spread(Of::Splice),
        }
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    fn took(&mut self, of: Of, time: Duration) {
        let times = self.times.entry(of).or_insert_with(|| histogram(3));
        times.saturating_record(micros(time));
    }
}

/// A histogram of microseconds that keeps so many digits.
pub(super) fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, digits).expect("legal bounds, few digits")
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST_US).max(1)
}

impl Spread {
    fn of(times: &Histogram<u64>) -> Self {
        Self {
            count: times.len(),
            p50_us: times.value_at_quantile(0.5),
            p99_us: times.value_at_quantile(0.99),
            p999_us: times.value_at_quantile(0.999),
            max_us: times.max(),
        }
    }
}
