//! What a replay leaves behind: the model that the terminal, the JSON and the HTML report share.
//! Everything here is plain data, filled in by the replay; what can be derived is a method.

mod chart;
pub(crate) mod html;
mod models;
mod quantiles;
pub(crate) mod style;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod verdict;
pub(crate) mod words;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use models::{Provider, Summarizer};
pub(crate) use quantiles::{Latency, Quantiles, Samples};

/// Whether turns go on while a pass runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Passes run beside the turns, which never wait for one.
    #[default]
    Beside,
    /// Turns stand still until a pass has ended, as most hosts do it; for comparison.
    Blocking,
}

impl Mode {
    /// The mode in a few words.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Beside => "compacting beside the turns",
            Self::Blocking => "turns wait for compaction",
        }
    }
}

/// How the replay was played.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Settings {
    /// How long the simulated model takes for one turn.
    pub(crate) turn_ms: u64,
    /// How long the simulated model takes for one summary; absent when real models write them.
    pub(crate) summary_ms: Option<u64>,
    /// How many times faster than these times the replay ran.
    pub(crate) speed: f64,
    /// How many model calls may run at once.
    pub(crate) slots: u32,
}

/// The three marks between which the view is kept.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in names")]
pub(crate) struct Marks {
    /// The size at which a pass starts.
    pub(crate) trigger_tokens: u64,
    /// The size at which a pass must land.
    pub(crate) landing_tokens: u64,
    /// The size that no answered context exceeds.
    pub(crate) hard_tokens: u64,
}

impl Marks {
    /// The marks by name, from the highest down.
    pub(crate) fn named(self) -> [(&'static str, u64); 3] {
        [
            ("hard", self.hard_tokens),
            ("trigger", self.trigger_tokens),
            ("landing", self.landing_tokens),
        ]
    }
}

/// One assistant turn: the entries before it, the context that it asked for, and what that cost.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Turn {
    /// Counted from 1.
    pub(crate) number: u64,
    /// When the turn began, from the start of the replay.
    pub(crate) at_ms: f64,
    /// Entries appended before this turn's context.
    pub(crate) entries: u64,
    /// The size of the answered context.
    pub(crate) view_tokens: u64,
    /// The size of the transcript so far, had nothing been compacted.
    pub(crate) whole_tokens: u64,
    /// The longest append of this turn.
    pub(crate) append_us: u64,
    /// How long the context took.
    pub(crate) context_us: u64,
    /// In blocking mode, how long the turn stood still for a pass; otherwise 0.
    pub(crate) waited_us: u64,
    /// How long the turn waited for a model slot.
    pub(crate) permit_us: u64,
    /// Whether a pass was running when the turn was served.
    pub(crate) during_pass: bool,
}

impl Turn {
    /// The longest that any call of this turn kept its caller waiting.
    pub(crate) fn longest_wait_us(&self) -> u64 {
        self.append_us.max(self.context_us).max(self.waited_us)
    }
}

/// Why a pass covers less than the high-water mark allowed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MovedBack {
    /// By how many entries the cut moved back.
    pub(crate) entries: u64,
    /// What it had to keep whole.
    pub(crate) why: String,
}

/// One compaction pass.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Pass {
    /// Counted from 1.
    pub(crate) number: u64,
    /// When it started, from the start of the replay.
    pub(crate) started_ms: f64,
    /// When it ended, from the start of the replay.
    pub(crate) ended_ms: f64,
    /// The turn during or before which it started.
    pub(crate) first_turn: u64,
    /// Turns that were served while it ran.
    pub(crate) turns_served: u64,
    /// Its one outcome, such as `spliced` or `refused: too little gained`.
    pub(crate) outcome: String,
    /// Who wrote its summary; empty when there is none.
    pub(crate) author: String,
    /// Entries that its summary stands for.
    pub(crate) covered_entries: u64,
    /// The size of the view before the splice.
    pub(crate) before_tokens: u64,
    /// The size of the view after the splice.
    pub(crate) after_tokens: u64,
    /// Set if the cut could not stand at the high-water mark.
    pub(crate) moved_back: Option<MovedBack>,
}

impl Pass {
    /// The outcome without its reason: `refused` for `refused: too little gained`.
    pub(crate) fn kind(&self) -> &str {
        self.outcome.split(':').next().map_or("", str::trim)
    }
}

/// What was checked on every answered context.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Checks {
    /// How many contexts were checked.
    pub(crate) contexts: u64,
    /// Each promise that one of them broke, as a sentence.
    pub(crate) breaches: Vec<String>,
}

/// Whether the original bytes came back out of the store.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Lossless {
    /// Whether every byte came back.
    pub(crate) ok: bool,
    /// Records compared.
    pub(crate) records: u64,
    /// Bytes compared.
    pub(crate) bytes: u64,
    /// What was compared, or where the first difference is.
    pub(crate) detail: String,
}

/// One kind of oddity in the transcript. It was carried along and is not an error.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Warning {
    /// What kind of oddity.
    pub(crate) kind: String,
    /// How often it was seen.
    pub(crate) count: u64,
    /// Where it was seen first.
    pub(crate) first: String,
}

/// Turns that got no context because it cannot be made to fit the window.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Refused {
    /// How many.
    pub(crate) turns: u64,
    /// Where the first was, and what takes its room.
    pub(crate) first: String,
}

/// Everything that a replay has to tell.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The transcript that was played.
    pub(crate) file: String,
    /// The transcript's format.
    pub(crate) format: String,
    /// The session's id.
    pub(crate) session: String,
    /// Whether turns went on during passes.
    pub(crate) mode: Mode,
    /// How the replay was played.
    pub(crate) settings: Settings,
    /// The marks that the view was kept between.
    pub(crate) marks: Marks,
    /// Entries in the transcript.
    pub(crate) entries: u64,
    /// Those of them that a model sees; the others are the host's bookkeeping.
    pub(crate) visible_entries: u64,
    /// The size of the transcript.
    pub(crate) raw_bytes: u64,
    /// The size of the store afterwards.
    pub(crate) store_bytes: u64,
    /// How long the replay ran.
    pub(crate) elapsed_ms: u64,
    /// The turns in order.
    pub(crate) turns: Vec<Turn>,
    /// Turns that could not be served.
    pub(crate) refused: Option<Refused>,
    /// The passes in order.
    pub(crate) passes: Vec<Pass>,
    /// How often a context had to elide because the view stood at the hard mark.
    pub(crate) resets: u64,
    /// How long append and context took, during passes and outside of them.
    pub(crate) latency: Latency,
    /// How long turns waited for a model slot.
    pub(crate) permit_waits: Quantiles,
    /// Who was asked for summaries, in this order.
    pub(crate) summarizers: Vec<Summarizer>,
    /// The accounts at the gate, as they stood at the end.
    pub(crate) providers: Vec<Provider>,
    /// What was checked on every answered context.
    pub(crate) checks: Checks,
    /// Whether the original bytes came back; absent if that was not asked for.
    pub(crate) lossless: Option<Lossless>,
    /// Oddities of the transcript.
    pub(crate) warnings: Vec<Warning>,
    /// Entries that were already stored when the replay began.
    pub(crate) resumed_entries: u64,
}

impl Report {
    /// How many passes ended in each kind of outcome.
    pub(crate) fn passes_by_outcome(&self) -> BTreeMap<&str, u64> {
        count(self.passes.iter().map(Pass::kind))
    }

    /// How many passes were spliced, by who wrote the summary.
    pub(crate) fn passes_by_author(&self) -> BTreeMap<&str, u64> {
        count(
            self.passes.iter().map(|pass| pass.author.as_str()).filter(|author| !author.is_empty()),
        )
    }

    /// How many passes had their cut moved back, by the reason.
    pub(crate) fn moved_back_by_reason(&self) -> BTreeMap<&str, u64> {
        count(
            self.passes
                .iter()
                .filter_map(|pass| pass.moved_back.as_ref().map(|moved| moved.why.as_str())),
        )
    }

    /// How many turns were served while a pass ran.
    pub(crate) fn turns_during_passes(&self) -> usize {
        self.turns.iter().filter(|turn| turn.during_pass).count()
    }

    /// The longest that any append, context or standstill kept its caller waiting.
    pub(crate) fn longest_wait_us(&self) -> u64 {
        let turns = self.turns.iter().map(Turn::longest_wait_us).max();
        turns.unwrap_or(0).max(self.latency.longest_us())
    }

    /// The turn with the largest answered context.
    pub(crate) fn largest_view(&self) -> Option<&Turn> {
        self.turns.iter().max_by_key(|turn| turn.view_tokens)
    }

    /// The size that the transcript had in the end, had nothing been compacted.
    pub(crate) fn whole_tokens(&self) -> u64 {
        self.turns.iter().map(|turn| turn.whole_tokens).max().unwrap_or(0)
    }

    /// The report as indented JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and text always become JSON")
    }
}

fn count<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u64> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}
