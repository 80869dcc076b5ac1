//! What a context must show by the naive model, and holding an answered one against it (V1, V13, V14, P1).

use std::collections::BTreeSet;

use highwater_protocol::{Block, Context, PartKind, Segment, Seq, Shown, TokenCount};

use super::Breach;
use super::fold::{CallState, Fold};

/// What one segment must show.
#[derive(Clone, Debug)]
struct Wanted {
    shown: Shown,
    /// Marks and words that must stand in its blocks.
    required: BTreeSet<String>,
    /// Marks that may stand there; no other may.
    allowed: BTreeSet<String>,
}

/// What a context must be.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    wanted: Vec<Wanted>,
    hard: TokenCount,
    /// How many records before it have changed what was shown before.
    resets: u64,
}

/// A context that was received, for the next one to be held against.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    wanted_resets: u64,
    resets: u64,
    blocks: Vec<Block>,
}

impl Expected {
    pub(crate) fn of(fold: &Fold, hard: TokenCount, resets: u64) -> Self {
        let mut wanted: Vec<(u64, Wanted)> =
            fold.groups().into_iter().map(|group| (group, of_group(fold, group))).collect();
        let last = fold.summaries.last().map(|covers| covers.first().0);
        for covers in &fold.summaries {
            wanted.push((covers.first().0, quiet(Shown::Summary(covers.clone()))));
        }
        wanted.sort_by_key(|(start, _)| *start);
        let told = last.filter(|_| fold.has_register);
        if let Some(at) = told.and_then(|last| wanted.iter().position(|(start, _)| *start == last))
        {
            wanted.insert(at + 1, (wanted[at].0, quiet(Shown::Register)));
        }
        Self { wanted: wanted.into_iter().map(|(_, wanted)| wanted).collect(), hard, resets }
    }

    /// Holds an answered context against this and against the one received before it.
    pub(crate) fn hold(&self, context: &Context, last: Option<&Last>) -> Result<Last, Breach> {
        let shown: Vec<&Shown> = context.segments.iter().map(|segment| &segment.shown).collect();
        let wanted: Vec<&Shown> = self.wanted.iter().map(|wanted| &wanted.shown).collect();
        if shown != wanted {
            return Err(format!("V1: the context shows {shown:?}, the log says {wanted:?}"));
        }
        for (wanted, segment) in self.wanted.iter().zip(&context.segments) {
            wanted.hold(segment)?;
        }
        if context.tokens > self.hard {
            return Err(format!(
                "V10: {} in a context, the hard mark is {}",
                context.tokens, self.hard
            ));
        }
        let blocks: Vec<Block> = context.blocks().cloned().collect();
        if let Some(last) = last {
            self.hold_bytes(context.resets, &blocks, last)?;
        }
        Ok(Last { wanted_resets: self.resets, resets: context.resets, blocks })
    }

    fn hold_bytes(&self, resets: u64, blocks: &[Block], last: &Last) -> Result<(), Breach> {
        let changed = self.resets != last.wanted_resets;
        let is_in_order = if changed { resets > last.resets } else { resets == last.resets };
        if !is_in_order {
            return Err(format!(
                "P1: {} resets are told behind {}, the log has {} more",
                resets,
                last.resets,
                self.resets - last.wanted_resets
            ));
        }
        let differs =
            last.blocks.iter().enumerate().find(|(at, was)| blocks.get(*at) != Some(*was));
        match differs.filter(|_| !changed) {
            Some((at, was)) => {
                Err(format!("P1: block {at} was {was:?}, it is {:?}", blocks.get(at)))
            }
            None => Ok(()),
        }
    }
}

fn quiet(shown: Shown) -> Wanted {
    Wanted { shown, required: BTreeSet::new(), allowed: BTreeSet::new() }
}

fn of_group(fold: &Fold, group: u64) -> Wanted {
    let entries: Vec<Seq> = fold.members(group).map(|(seq, _)| Seq(seq)).collect();
    if fold.members(group).any(|(_, place)| place.is_elided) {
        return quiet(Shown::Elided(entries));
    }
    let (mut required, mut allowed) = (BTreeSet::new(), BTreeSet::new());
    for (_, place) in fold.members(group) {
        for part in &place.entry.message().parts {
            let (text, is_sure) = match &part.kind {
                PartKind::Text { text } => (text, true),
                PartKind::ToolResult { text, .. } => (text, !place.results_elided),
                PartKind::Reasoning { text } => (text, false),
                _ => continue,
            };
            allowed.extend(marks(text));
            required.extend(marks(text).into_iter().filter(|_| is_sure));
        }
    }
    for call in fold.calls.iter().filter(|call| entries.contains(&call.at.seq)) {
        match &call.state {
            CallState::StoodIn => {
                required.insert("no result was recorded for this call".to_owned());
            }
            CallState::Resolved(resolution) => {
                required.insert(resolution.detail().to_string());
            }
            CallState::Open | CallState::Answered => {}
        }
    }
    Wanted { shown: Shown::Entries(entries), required, allowed }
}

impl Wanted {
    fn hold(&self, segment: &Segment) -> Result<(), Breach> {
        let Shown::Entries(entries) = &self.shown else { return Ok(()) };
        let said: String = segment.blocks.iter().map(|block| &*block.json).collect();
        if let Some(missing) = self.required.iter().find(|word| !said.contains(word.as_str())) {
            return Err(format!("V1: {missing:?} is missing where {entries:?} are shown: {said}"));
        }
        let strange = marks(&said).into_iter().find(|mark| !self.allowed.contains(mark));
        match strange {
            Some(mark) => Err(format!("V14: {mark} stands where {entries:?} are shown: {said}")),
            None => Ok(()),
        }
    }
}

/// The marks in a text.
fn marks(text: &str) -> Vec<String> {
    let ends = text.split("mark").skip(1).filter_map(|rest| rest.split_once(';'));
    let numbers = ends.map(|(number, _)| number);
    let numbers = numbers.filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()));
    numbers.map(|number| format!("mark{number};")).collect()
}
