//! What the play measures: each append, each context, each turn.

use std::time::Duration;

use highwater_protocol::{Breakdown, Seq, TokenCount};

use crate::report::{Quantiles, Refused, Report, Samples, Turn};

/// Measurements of one play.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    entries: u64,
    visible: u64,
    whole: TokenCount,
    samples: Samples,
    permit_waits_us: Vec<u64>,
    turns: Vec<Turn>,
    during_passes: u64,
    /// Since the last turn: entries, and the longest append.
    since: (u64, u64),
    refused: Option<Refused>,
}

impl Recorder {
    /// The last entry that was appended.
    pub(super) fn entries(&self) -> Seq {
        Seq(self.entries)
    }

    /// Turns served.
    pub(super) fn turns(&self) -> u64 {
        self.turns.len() as u64
    }

    /// Turns served while a pass ran.
    pub(super) fn turns_during_passes(&self) -> u64 {
        self.during_passes
    }

    /// The size of the last answered context.
    pub(super) fn view_tokens(&self) -> u64 {
        self.turns.last().map_or(0, |turn| turn.view_tokens)
    }

    /// An entry was taken in, now or by an earlier run.
    pub(super) fn entry(&mut self, visible: bool, tokens: TokenCount) {
        self.entries += 1;
        self.visible += u64::from(visible);
        self.whole += tokens;
    }

    /// An append of a new entry was answered.
    pub(super) fn appended(&mut self, took: Duration, during: bool) {
        let took_us = micros(took);
        let (entries, longest) = self.since;
        self.since = (entries + 1, longest.max(took_us));
        let arm = if during {
            &mut self.samples.append_during_us
        } else {
            &mut self.samples.append_outside_us
        };
        arm.push(took_us);
    }

    /// A turn was served.
    pub(super) fn turn(
        &mut self,
        at: Duration,
        view: TokenCount,
        context: Duration,
        waited: Duration,
        permit: Duration,
        during_pass: bool,
    ) {
        let context_us = micros(context);
        let arm = if during_pass {
            &mut self.samples.context_during_us
        } else {
            &mut self.samples.context_outside_us
        };
        arm.push(context_us);
        self.permit_waits_us.push(micros(permit));
        self.during_passes += u64::from(during_pass);
        let (entries, append_us) = std::mem::take(&mut self.since);
        self.turns.push(Turn {
            number: self.turns() + 1,
            at_ms: at.as_secs_f64() * 1000.0,
            entries,
            view_tokens: view.0,
            whole_tokens: self.whole.0,
            append_us,
            context_us,
            waited_us: micros(waited),
            permit_us: micros(permit),
            during_pass,
        });
    }

    /// A turn could not be served: what may not be elided exceeds the hard mark by itself (V10).
    pub(super) fn refused(&mut self, parts: &Breakdown) {
        let before = self.entries;
        let refused = self.refused.get_or_insert_with(|| Refused {
            turns: 0,
            first: format!(
                "behind entry #{before}: instructions take {}, the summary {}, the last user message and open calls \
                 {}, the rest {} as placeholders, of {}; a larger --window serves it",
                parts.instructions.0,
                parts.summary.0,
                parts.protected.0,
                parts.elidable.0,
                parts.hard
            ),
        });
        refused.turns += 1;
    }

    /// Hands everything over.
    pub(super) fn fill(self, report: &mut Report) {
        report.entries = self.entries;
        report.visible_entries = self.visible;
        report.latency = self.samples.into();
        report.permit_waits = Quantiles::of(self.permit_waits_us);
        report.turns = self.turns;
        report.refused = self.refused;
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
