//! How the run stands, looked at again and again: memory, live sessions, slots in use and who waits. Holds a bounded number
//! of samples: when there are too many, every other one is let go and they come half as often.

use std::time::{Duration, Instant};

use highwater::Highwater;
use highwater_protocol::limit::ClassKind;
use serde::Serialize;

use super::ground::{ACCOUNT, Ground};
use super::live::Live;
use super::machine;

/// The most samples that are held.
const MOST: usize = 1_200;

/// How often samples are taken at first.
const EVERY: Duration = Duration::from_millis(100);

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sample {
    /// When, from the start of the run.
    pub(super) at_ms: u64,
    /// Memory of the whole process.
    pub(super) process_bytes: u64,
    /// What live sessions hold of it.
    pub(super) sessions_bytes: u64,
    /// Sessions with a live actor.
    pub(super) live_sessions: u64,
    /// Slots that turns hold.
    pub(super) turn_slots: u64,
    /// Slots that passes hold.
    pub(super) compaction_slots: u64,
    /// Turns that wait for a permit.
    pub(super) turns_waiting: u64,
    /// Summarizer calls that wait for one.
    pub(super) compactions_waiting: u64,
    /// Passes in flight.
    pub(super) passes_in_flight: u64,
    /// 99 of 100 appends since the last sample were at most this long; zero when there were none.
    pub(super) append_p99_us: u64,
    /// 99 of 100 contexts since the last sample were at most this long, those with entries included; zero when there were
    /// none.
    pub(super) context_p99_us: u64,
}

impl Sample {
    /// This one, for another one as well that is let go: the longer times of the two stay.
    fn with(self, other: Option<&Self>) -> Self {
        let other = other.copied().unwrap_or(self);
        Self {
            append_p99_us: self.append_p99_us.max(other.append_p99_us),
            context_p99_us: self.context_p99_us.max(other.context_p99_us),
            ..self
        }
    }
}

/// The samples so far.
#[derive(Debug)]
pub(super) struct Pulse {
    samples: Vec<Sample>,
    every: Duration,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { samples: Vec::new(), every: EVERY }
    }
}

impl Pulse {
    /// Looks again and again, until what calls it is dropped; what was seen stays.
    pub(super) async fn follow(&mut self, house: &Highwater, ground: &Ground, live: &Live) {
        let began = Instant::now();
        loop {
            let Ok(status) = house.gate().status_of(ACCOUNT).await else { return };
            let (held, gauges) = (status.held(), house.gauges());
            let waiting = |kind| status.waiting.of(kind) as u64;
            let lately = ground.metrics.lately();
            let sample = Sample {
                at_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                process_bytes: machine::memory_bytes().map_or(0, |(now, _)| now),
                sessions_bytes: gauges.resident_bytes,
                live_sessions: gauges.live_sessions,
                turn_slots: held.of(ClassKind::Turn).into(),
                compaction_slots: held.of(ClassKind::Compaction).into(),
                turns_waiting: waiting(ClassKind::Turn),
                compactions_waiting: waiting(ClassKind::Compaction),
                passes_in_flight: lately.passes_in_flight,
                append_p99_us: lately.append_p99_us,
                context_p99_us: lately.context_p99_us,
            };
            live.show(ground, &sample);
            self.take(sample);
            tokio::time::sleep(self.every).await;
        }
    }

    fn take(&mut self, sample: Sample) {
        self.samples.push(sample);
        if self.samples.len() >= MOST {
            let pairs = self.samples.chunks(2).map(|pair| pair[0].with(pair.last()));
            self.samples = pairs.collect();
            self.every *= 2;
        }
    }

    /// The samples, in order.
    pub(super) fn into_samples(self) -> Vec<Sample> {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_bounded_and_cover_the_whole_run() {
        let mut pulse = Pulse::default();
        for at_ms in 0..10_000 {
            let append_p99_us = if at_ms == 5_001 { 77 } else { 1 };
            pulse.take(Sample { at_ms, append_p99_us, ..Sample::default() });
        }
        assert!(pulse.samples.iter().any(|sample| sample.append_p99_us == 77), "the longest stays");
        assert!(pulse.samples.len() < MOST && pulse.every > EVERY);
        assert_eq!(pulse.samples[0].at_ms, 0);
        assert!(pulse.samples.last().expect("many").at_ms > 9_000);
    }
}
