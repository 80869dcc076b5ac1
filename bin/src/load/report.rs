//! What a run leaves behind: the model that the text and the JSON share. Units stand in the names.

use std::collections::BTreeMap;

use highwater::Gauges;
use highwater_protocol::limit::ProviderStatus;
use highwater_storage::Usage;
use serde::Serialize;

use super::arms;
use super::metrics::{Arms, Counts, Latency, View, WATCHED};
use super::provider::Tally;
use super::pulse::Sample;
use super::scenario::Scenario;
use super::share::Shared;
use super::withhold::Withheld;
use crate::report::words::real;

/// Everything that a run has to tell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// What was played.
    pub(super) scenario: Scenario,
    /// What everything was drawn from.
    pub(super) seed: u64,
    /// The digest of the numbers that agents' doings were drawn from.
    pub(super) behaviour: String,
    /// How long agents played.
    pub(super) elapsed_ms: u64,
    /// Whether somebody stopped it.
    pub(super) interrupted: bool,
    /// Whether agents began before that.
    pub(super) began: bool,
    /// What happened.
    pub(super) counts: Counts,
    /// How long everything took.
    pub(super) latency: Latency,
    /// The 99th percentile beside passes by that without one, from when calls were made.
    pub(super) p99_ratio: Ratios,
    /// Passes by outcome.
    pub(super) passes: BTreeMap<String, u64>,
    /// What the provider saw.
    pub(super) provider: Tally,
    /// What the gate did.
    pub(super) gate: GateFigures,
    /// Each turn beside the same turns at a provider of the reserved share alone; absent where nothing is reserved, or
    /// where the provider fails by chance.
    pub(super) shared: Option<Shared>,
    /// Calls of sessions while the provider answered no pass; absent where it always does.
    pub(super) withheld: Option<Withheld>,
    /// Agents with passes beside agents without, at equal view size; absent where all have passes.
    pub(super) arms: Option<arms::Compared>,
    /// What was held in memory.
    pub(super) memory: Memory,
    /// What the store did.
    pub(super) store: StoreFigures,
    /// Time on processors, of agents, provider and house together, but for a provider in a process of its own; absent where
    /// the system does not tell.
    pub(super) cpu_us: Option<u64>,
    /// Time on processors of the house alone; absent where the system does not tell.
    pub(super) house_cpu_us: Option<u64>,
    /// What there was before the process was killed, if it was.
    pub(super) killed: Option<Killed>,
    /// What was compared at the end.
    pub(super) compared: Compared,
    /// How many promises were broken.
    pub(super) broken: u64,
    /// The first of them, as sentences.
    pub(super) breaches: Vec<String>,
    /// How it stood all along.
    pub(super) samples: Vec<Sample>,
    /// The views of the first agents, over time.
    pub(super) views: [Vec<View>; WATCHED],
}

/// The two calls of a turn, beside passes and without.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Ratios {
    /// Of appends; absent unless both were measured.
    pub(super) append: Option<f64>,
    /// Of contexts.
    pub(super) context: Option<f64>,
    /// Of entries with a context.
    pub(super) next_context: Option<f64>,
}

/// What the gate tells of the account.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct GateFigures {
    /// Permits granted, by class.
    pub(super) granted: BTreeMap<&'static str, u64>,
    /// The longest wait for one, by class.
    pub(super) longest_wait_us: BTreeMap<&'static str, u64>,
    /// Refusals that it was told of.
    pub(super) rate_limited: u64,
    /// Failures that it was told of.
    pub(super) failed: u64,
    /// Wishes that it denied.
    pub(super) denied: u64,
}

/// Memory, and what the house did to hold no more.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Memory {
    /// The most that the process ever held; agents included, and the provider if it is in this process.
    pub(super) process_peak_bytes: u64,
    /// The most that live sessions were seen to hold.
    pub(super) sessions_peak_bytes: u64,
    /// What they may hold.
    pub(super) budget_bytes: u64,
    /// The most live sessions that were seen.
    pub(super) live_sessions_peak: u64,
    /// Sessions that were read from the store.
    pub(super) activations: u64,
    /// Sessions that were ended for want of use or room.
    pub(super) passivations: u64,
    /// How often a session gave up texts that it can read again.
    pub(super) evictions: u64,
    /// Pages, records and ids that were read from the store.
    pub(super) page_reads: u64,
}

/// What the store did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct StoreFigures {
    /// The file before.
    pub(super) before_bytes: u64,
    /// The file after.
    pub(super) after_bytes: u64,
    /// Commits.
    pub(super) commits: u64,
    /// Syncs of the disk.
    pub(super) syncs: u64,
    /// Records that were encoded.
    pub(super) encoded_bytes: u64,
    /// Payloads that were stored.
    pub(super) payload_bytes: u64,
}

/// What there was before the process was killed.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Killed {
    /// Sessions that it told of.
    pub(super) sessions: u64,
    /// Entries that it had acknowledged by then.
    pub(super) entries: u64,
    /// Sessions that agents went on with.
    pub(super) resumed: u64,
}

/// What was compared at the end.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Compared {
    /// Sessions.
    pub(super) sessions: u64,
    /// Their entries, those included that a fork shares.
    pub(super) entries: u64,
    /// Passes in their logs that no model wrote, or not all of it: what they put in is quoted.
    pub(super) quoted: u64,
}

impl Ratios {
    /// Of what was measured.
    pub(super) fn of(latency: &Latency) -> Self {
        let ratio = |arms: &Arms| {
            let (during, without) = (arms.during_pass, arms.without_pass);
            let measured = during.count > 0 && without.count > 0;
            measured.then(|| real(during.p99_us) / real(without.p99_us.max(1)))
        };
        Self {
            append: ratio(&latency.append_made),
            context: ratio(&latency.context_made),
            next_context: ratio(&latency.next_context_made),
        }
    }
}

impl From<&ProviderStatus> for GateFigures {
    fn from(status: &ProviderStatus) -> Self {
        let tally = status.tally;
        let us = |wait: std::time::Duration| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        Self {
            granted: tally.granted.iter().map(|(class, count)| (class.name(), count)).collect(),
            longest_wait_us: tally
                .longest_wait
                .iter()
                .map(|(class, wait)| (class.name(), us(wait)))
                .collect(),
            rate_limited: tally.rate_limited,
            failed: tally.failed,
            denied: tally.denied,
        }
    }
}

impl Memory {
    /// As the house and the samples tell it.
    pub(super) fn of(gauges: Gauges, process_peak_bytes: u64, samples: &[Sample]) -> Self {
        let most = |pick: fn(&Sample) -> u64| samples.iter().map(pick).max().unwrap_or(0);
        Self {
            process_peak_bytes,
            sessions_peak_bytes: most(|sample| sample.sessions_bytes),
            budget_bytes: gauges.budget_bytes,
            live_sessions_peak: most(|sample| sample.live_sessions),
            activations: gauges.activations,
            passivations: gauges.passivations,
            evictions: gauges.evictions,
            page_reads: gauges.page_reads,
        }
    }
}

impl StoreFigures {
    /// Between two looks at one open store.
    pub(super) fn between(before: Usage, after: Usage) -> Self {
        Self {
            before_bytes: before.bytes,
            after_bytes: after.bytes,
            commits: after.commits - before.commits,
            syncs: after.syncs - before.syncs,
            encoded_bytes: after.encoded_bytes - before.encoded_bytes,
            payload_bytes: after.payload_bytes - before.payload_bytes,
        }
    }
}

impl Report {
    /// Something that happened so often, for each second.
    pub(super) fn each_second(&self, count: u64) -> f64 {
        real(count) * 1_000.0 / real(self.elapsed_ms.max(1))
    }

    /// The report as indented JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and text always become JSON")
    }
}
