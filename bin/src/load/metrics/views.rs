//! The views of a few agents over time, of which a bounded number is held.

use serde::Serialize;

/// Agents whose views are told over time.
pub(in super::super) const WATCHED: usize = 4;

/// Views of each of them that are held at most.
pub(super) const VIEWS: usize = 600;

/// What a view was, over time. Bounded: when there are too many, every other one is let go.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// In order.
    pub(super) seen: Vec<View>,
    skipped: u64,
    every: u64,
}

/// The view of a watched agent at one of its contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(in super::super) struct View {
    /// When, from the start of the run.
    pub(in super::super) at_ms: u64,
    /// Its size.
    pub(in super::super) tokens: u64,
}

impl Views {
    /// The next one.
    pub(super) fn take(&mut self, view: View) {
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        self.seen.push(view);
        if self.seen.len() >= VIEWS {
            let mut keep = false;
            self.seen.retain(|_| {
                keep = !keep;
                keep
            });
            self.every = self.every.max(1) * 2;
        }
    }
}
