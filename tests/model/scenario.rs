//! What one exploration starts from and what may happen in it.

use std::sync::Arc;

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, Format, Record, TokenCount};

use crate::alphabet::{self, Ask, Move};
use crate::world::{self, World};

/// More entries than any scenario makes.
const ENTRIES: u64 = 16;

/// How often things may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Requests that have an effect.
    pub(crate) requests: usize,
    /// Crashes of the process.
    pub(crate) crashes: usize,
    /// Commits and folds that fail.
    pub(crate) failures: usize,
}

/// A start, an alphabet, and bounds.
pub(crate) struct Scenario {
    pub(crate) config: SessionConfig,
    /// What is stored when it begins.
    pub(crate) log: Vec<Record>,
    /// What hosts may ask.
    pub(crate) asks: Vec<Ask>,
    pub(crate) bounds: Bounds,
    entries: Vec<[Arc<Entry>; 3]>,
    first: u64,
}

impl Scenario {
    /// A session with instructions, to which a host has said `opening` and may say `asks`.
    pub(crate) fn new(
        config: SessionConfig,
        opening: &[Ask],
        asks: &[Ask],
        bounds: Bounds,
    ) -> Self {
        let of =
            |number| [Ask::Say, Ask::Call, Ask::Result].map(|ask| alphabet::entry(ask, number));
        let mut scenario = Self {
            config,
            log: world::beginning(config),
            asks: asks.to_vec(),
            bounds,
            entries: (0..ENTRIES).map(of).collect(),
            first: 0,
        };
        scenario.log = scenario.played(opening);
        scenario.first = opening.iter().filter(|ask| ask.makes_an_entry()).count() as u64;
        scenario
    }

    /// The log after these requests, each of them stored before the next.
    fn played(&self, opening: &[Ask]) -> Vec<Record> {
        let mut world = World::new(self).expect("the beginning opens");
        for ask in opening {
            world.take(Move::Ask(*ask)).expect("the opening is legal");
            while world.in_flight.is_some() {
                world.take(Move::Stored).expect("the opening is legal");
            }
        }
        world.log
    }

    /// The entry that a request appends; the same one whenever it is asked for.
    pub(crate) fn entry(&self, ask: Ask, number: u64) -> Arc<Entry> {
        let number = usize::try_from(self.first + number).expect("a small number");
        let [say, call, result] = &self.entries[number];
        Arc::clone(match ask {
            Ask::Call => call,
            Ask::Result => result,
            _ => say,
        })
    }
}

/// Marks in tokens, with or without passes that start by themselves. If with, texts leave memory as soon as they may (L5)
/// and are read again.
pub(crate) fn config(trigger: u64, automatic: bool) -> SessionConfig {
    let budget = Budget::new(TokenCount(trigger), TokenCount(512), TokenCount(8_000));
    let config = SessionConfig::new(budget.expect("rising marks"), Format::Anthropic);
    let resident_bytes = if automatic { 0 } else { config.resident_bytes };
    SessionConfig { automatic, resident_bytes, ..config }
}
