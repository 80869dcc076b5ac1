//! A log read naively: what must be visible, what hangs together, what is covered. Written from the promises, with
//! nothing of the product's fold.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::session::State;
use highwater_protocol::{Digest, Entry, Record, Role};

use crate::world::Breach;

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Open,
    Answered(u64),
    /// Shown without a result.
    StoodIn,
    /// Resolved by the host.
    Resolved,
}

/// An entry that is visible, verbatim or through a summary.
#[derive(Clone, Debug)]
struct Standing {
    content: Digest,
    is_instruction: bool,
    is_pinned: bool,
    call: Option<Call>,
    /// The log position of the splice whose summary stands for it, and which of its summaries.
    summary: Option<(usize, usize)>,
}

/// What a log says is visible, by place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    entries: BTreeMap<u64, Standing>,
}

impl Reading {
    /// Reads a whole log.
    pub(crate) fn of(log: &[Record]) -> Result<Self, Breach> {
        let lasts = lasts(log);
        let mut reading = Self::default();
        for (at, record) in log.iter().enumerate() {
            let reach = reach(record, lasts[at]);
            let is_undone = log[at..]
                .iter()
                .any(|later| matches!(later, Record::Rewound { to, .. } if reach > to.0));
            if !is_undone {
                reading.read(at, record, at + 1 == log.len())?;
            }
        }
        Ok(reading)
    }

    fn read(&mut self, at: usize, record: &Record, is_last: bool) -> Result<(), Breach> {
        match record {
            Record::Appended { seq, entry, .. } => self.append(seq.0, entry),
            Record::Edited { place, entry, .. } => {
                let known = self.entries.get_mut(&place.0).filter(|entry| entry.summary.is_none());
                known.ok_or("an edit of what is not shown")?.content = entry.message().digest;
            }
            Record::Answered { stand_ins, .. } => {
                let named: BTreeSet<u64> = stand_ins.iter().map(|call| call.seq.0).collect();
                let open: BTreeSet<u64> = self.open().collect();
                if named != open {
                    return Err(format!("V8: stand-ins for {named:?}, open are {open:?}"));
                }
                for seq in open {
                    self.close(seq, Call::StoodIn);
                }
            }
            Record::Resolved { call, .. } if self.open().any(|seq| seq == call.seq.0) => {
                self.close(call.seq.0, Call::Resolved);
            }
            Record::Pinned { seq, pinned, .. } => {
                let known = self.entries.get_mut(&seq.0).filter(|entry| entry.summary.is_none());
                known.ok_or("a pin of what is not shown")?.is_pinned = *pinned;
            }
            Record::Cleared { .. } => self.entries.retain(|_, entry| entry.is_instruction),
            Record::Spliced { cut, pieces, .. } => {
                let before = self.clone();
                for (seq, entry) in &mut self.entries {
                    let covers = |covers: &highwater_protocol::SeqSpans| {
                        covers
                            .ranges()
                            .iter()
                            .any(|range| range.start.0 <= *seq && *seq < range.end.0)
                    };
                    let by: Vec<usize> =
                        (0..pieces.len()).filter(|piece| covers(&pieces[*piece].covers)).collect();
                    if by.len() > 1 || (!by.is_empty() && *seq > cut.0) {
                        return Err(format!("V1: entry {seq} is covered twice or behind the cut"));
                    }
                    entry.summary = by.first().map(|piece| (at, *piece)).or(entry.summary);
                }
                // What it was checked against may be undone later; that it was checked stands in the log.
                if is_last {
                    self.spliced_well(&before)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn append(&mut self, seq: u64, entry: &Entry) {
        let message = entry.message();
        let calls = message.calls().next().is_some();
        if message.results().next().is_some()
            && let Some(call) = self.open().last()
        {
            self.close(call, Call::Answered(seq));
        }
        let standing = Standing {
            content: message.digest,
            is_instruction: message.role == Role::System,
            is_pinned: false,
            call: calls.then_some(Call::Open),
            summary: None,
        };
        self.entries.insert(seq, standing);
    }

    /// Calls that wait for a result. All have the same id: a result belongs to the last.
    fn open(&self) -> impl Iterator<Item = u64> {
        let is_open = |entry: &Standing| entry.call == Some(Call::Open) && entry.summary.is_none();
        self.entries.iter().filter(move |(_, entry)| is_open(entry)).map(|(seq, _)| *seq)
    }

    fn close(&mut self, seq: u64, call: Call) {
        if let Some(entry) = self.entries.get_mut(&seq) {
            entry.call = Some(call);
        }
    }

    /// What the entries up to a cut say, and what a host has said of them: what a summary of them is made from (V3).
    pub(crate) fn up_to(&self, cut: u64) -> Vec<(u64, Digest, bool, bool)> {
        let told = |(seq, entry): (&u64, &Standing)| {
            (*seq, entry.content, entry.is_pinned, entry.call == Some(Call::Resolved))
        };
        self.entries.range(..=cut).map(told).collect()
    }

    /// Whether a cut cannot be here: a call before it is open, or has its result behind it (V2).
    pub(crate) fn is_torn_at(&self, cut: u64) -> bool {
        let spans = |group: &Vec<u64>| group[0] <= cut && group.iter().any(|seq| *seq > cut);
        self.open().any(|call| call <= cut) || self.groups().iter().any(spans)
    }

    /// Entries that hang together: a call with its result, anything else alone.
    fn groups(&self) -> Vec<Vec<u64>> {
        let result = |entry: &Standing| match entry.call {
            Some(Call::Answered(result)) => Some(result),
            _ => None,
        };
        let results: BTreeSet<u64> = self.entries.values().filter_map(result).collect();
        let firsts = self.entries.iter().filter(|(seq, _)| !results.contains(seq));
        firsts.map(|(seq, entry)| std::iter::once(*seq).chain(result(entry)).collect()).collect()
    }

    /// V1, V2 and V13 of a splice that has just been made.
    fn spliced_well(&self, before: &Self) -> Result<(), Breach> {
        let mut are_new = false;
        for (seq, entry) in &self.entries {
            let known = &before.entries[seq];
            if entry.summary == known.summary {
                continue;
            }
            are_new |= known.summary.is_none();
            if entry.is_instruction || known.call == Some(Call::Open) {
                return Err(format!("V2: entry {seq} is covered"));
            }
            let siblings = before
                .entries
                .iter()
                .filter(|(_, other)| known.summary.is_some() && other.summary == known.summary);
            if siblings.clone().any(|(other, _)| self.entries[other].summary != entry.summary) {
                return Err(format!("V1: the summary of entry {seq} is replaced in part"));
            }
        }
        for group in self.groups() {
            let of = |seq: &u64| self.entries.get(seq).map(|entry| entry.summary);
            let is_pinned =
                group.iter().any(|seq| self.entries.get(seq).is_some_and(|e| e.is_pinned));
            if group.iter().any(|seq| of(seq) != of(&group[0])) {
                return Err(format!("V2: the group {group:?} is torn"));
            }
            if is_pinned && of(&group[0]).flatten().is_some() {
                return Err(format!("V13: the group {group:?} is pinned and covered"));
            }
        }
        if are_new { Ok(()) } else { Err("V11: a splice covers nothing new".to_owned()) }
    }

    /// V1 and V2 of a view: each visible entry stands exactly once, says what it should, beside what it belongs to.
    pub(crate) fn is_shown_by(&self, state: &State) -> Result<(), Breach> {
        let view = state.view();
        let shown: Vec<Vec<(u64, Digest)>> = view
            .groups()
            .map(|group| group.members().iter().map(|m| (m.seq.0, m.digest())).collect())
            .collect();
        let verbatim = self.groups().into_iter().filter_map(|group| {
            let entries = group.iter().filter_map(|seq| Some((*seq, self.entries.get(seq)?)));
            let of: Vec<(u64, Digest)> = entries
                .filter(|(_, entry)| entry.summary.is_none())
                .map(|(seq, entry)| (seq, entry.content))
                .collect();
            (!of.is_empty()).then_some(of)
        });
        let expected: Vec<_> = verbatim.collect();
        if shown != expected {
            return Err(format!("V1: shown are {shown:?}, expected {expected:?}"));
        }
        let mut told = BTreeMap::new();
        for (seq, entry) in &self.entries {
            if let Some(summary) = entry.summary {
                told.entry(summary).or_insert_with(Vec::new).push(*seq);
            }
        }
        let mut expected: Vec<Vec<u64>> = told.into_values().collect();
        expected.sort();
        let visible = |covers: &highwater_protocol::SeqSpans| {
            let within = |seq: &&u64| covers.contains(highwater_protocol::Seq(**seq));
            self.entries.keys().filter(within).copied().collect::<Vec<u64>>()
        };
        let shown: Vec<Vec<u64>> = view.summaries().map(visible).collect();
        if shown != expected {
            return Err(format!("V1: summaries stand for {shown:?}, expected {expected:?}"));
        }
        let covered = expected.first().zip(expected.iter().map(|s| s[s.len() - 1]).max());
        let covered = covered.map(|(first, last)| (first[0], last));
        let range = view.covered().map(|range| (range.start.0, range.last().0));
        let fits = match (covered, range) {
            (Some((first, last)), Some((start, end))) => start <= first && last <= end,
            (None, None) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("V1: covered is {range:?}, expected {covered:?}")) }
    }
}

/// The last live number before each record.
fn lasts(log: &[Record]) -> Vec<u64> {
    let mut live = vec![0];
    let mut lasts = Vec::new();
    for record in log {
        lasts.push(live[live.len() - 1]);
        match record {
            Record::Appended { seq, .. } | Record::Edited { seq, .. } => live.push(seq.0),
            Record::Rewound { to, .. } => live.retain(|seq| *seq <= to.0),
            _ => {}
        }
    }
    lasts
}

/// The entry that a rewind must keep for the record to stand.
fn reach(record: &Record, last: u64) -> u64 {
    match record {
        Record::Appended { seq, .. } => seq.0,
        Record::Edited { place, .. } => place.0,
        Record::Spliced { cut, .. } => cut.0,
        _ => last,
    }
}
