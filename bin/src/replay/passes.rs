//! Following the session's notices: which passes ran, when, and how they ended.

use std::time::Instant;

use highwater::{Notices, Told};
use highwater_protocol::message::Notice;
use highwater_protocol::{Outcome, PassId, SeqRange};

use crate::report::{MovedBack, Pass};

/// The passes of one play.
pub(super) struct Passes {
    notices: Notices,
    started: Instant,
    seen: Vec<Pass>,
    in_flight: Option<(PassId, (u32, u32))>,
    ended: u64,
    turns: u64,
    elisions: u64,
    missed: u64,
}

impl Passes {
    pub(super) fn new(notices: Notices, started: Instant) -> Self {
        Self {
            notices,
            started,
            seen: Vec::new(),
            in_flight: None,
            ended: 0,
            turns: 0,
            elisions: 0,
            missed: 0,
        }
    }

    /// Takes in what has been told since.
    pub(super) fn drain(&mut self) {
        while let Some(told) = self.notices.try_next() {
            self.hear(told);
        }
    }

    /// Waits until the end of every pass that was told to have started is told, too.
    pub(super) async fn landed(&mut self) {
        self.drain();
        while self.in_flight() {
            let Some(told) = self.notices.next().await else { return };
            self.hear(told);
        }
    }

    /// What must not be once everything has ended: a pass without an outcome (V11), and notices that were missed.
    pub(super) fn breaches(&self) -> Vec<String> {
        let endless = self.seen.iter().filter(|pass| pass.outcome.is_empty());
        let endless = endless.map(|pass| format!("V11: pass {} has no outcome", pass.number));
        let missed = (self.missed > 0).then(|| format!("{} notices were missed", self.missed));
        endless.chain(missed).collect()
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Notice(notice) => self.take(notice),
            Told::Missed(count) => self.missed += count,
        }
    }

    /// Whether a pass is in flight, as far as was told.
    pub(super) fn in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Summarizer calls of the pass in flight: answered, and all.
    pub(super) fn progress(&self) -> Option<(u32, u32)> {
        self.in_flight.map(|(_, progress)| progress)
    }

    /// Passes that have ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// How often the view was elided at the hard mark.
    pub(super) fn elisions(&self) -> u64 {
        self.elisions
    }

    /// A turn was served, beside a pass or not.
    pub(super) fn turn_served(&mut self, during: bool) {
        self.turns += 1;
        if let Some(pass) = self.seen.last_mut().filter(|_| during) {
            pass.turns_served += 1;
        }
    }

    pub(super) fn into_report(self) -> Vec<Pass> {
        self.seen
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::PassStarted { pass, covers, moved_back, .. } => {
                let moved_back = moved_back.map(|moved| MovedBack {
                    entries: SeqRange::new(moved.to, moved.from).len(),
                    why: moved.why.to_string(),
                });
                self.in_flight = Some((pass, (0, 0)));
                self.seen.push(Pass {
                    number: pass.0,
                    started_ms: self.now_ms(),
                    first_turn: self.turns + 1,
                    covered_entries: covers.len(),
                    moved_back,
                    ..Pass::default()
                });
            }
            Notice::PassProgressed(status) => {
                self.in_flight = Some((status.pass, (status.done, status.total)));
            }
            Notice::Spliced { pass, author, before, after, .. } => {
                self.end(pass, &Outcome::Spliced, before.0, after.0);
                if let Some(seen) = self.seen.iter_mut().rfind(|seen| seen.number == pass.0) {
                    seen.author = author.into();
                }
            }
            Notice::PassEnded { pass, outcome } => self.end(pass, &outcome, 0, 0),
            Notice::Elided { .. } => self.elisions += 1,
            Notice::Overhead { .. }
            | Notice::Rewound { .. }
            | Notice::Edited { .. }
            | Notice::Cleared
            | Notice::Switched { .. }
            | Notice::Restored { .. }
            | Notice::Failed(_) => {}
        }
    }

    fn end(&mut self, pass: PassId, outcome: &Outcome, before_tokens: u64, after_tokens: u64) {
        self.in_flight = None;
        self.ended += 1;
        let ended_ms = self.now_ms();
        if let Some(pass) = self.seen.iter_mut().rfind(|seen| seen.number == pass.0) {
            pass.ended_ms = ended_ms;
            pass.outcome = outcome.to_string();
            (pass.before_tokens, pass.after_tokens) = (before_tokens, after_tokens);
        }
    }

    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }
}
