//! The fold of a session's log. Live path and recovery apply the same records to it (L4).

mod anchored;
mod elsewhere;
mod fold;
mod usage;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::branch::{Branch, Rewinds};
use crate::budget::Budget;
use crate::entry::Format;
use crate::error::{Error, Kind};
use crate::ids::{CallNumber, Digest, EntryId, PassId};
use crate::pass::Outcome;
use crate::position::{LogPos, Seq};
use crate::record::{CallRef, Record};
use crate::register::{Fact, Register};
use crate::segment::Context;
use crate::time::Timestamp;
use crate::tokens::TokenCount;
use crate::view::{Removed, View};
use elsewhere::Elsewhere;

/// What the log says.
///
/// A rewind is not undone record by record: the fold is made anew without what it undoes. Knowing all rewinds of a log,
/// a fold leaves out what one of them goes back behind, and has at each of them just what that one restores (V14).
#[derive(Clone, Debug)]
pub struct State {
    opened: Option<(Format, Budget)>,
    view: View,
    branch: Branch,
    rewinds: Rewinds,
    /// The log rewinds further than this fold knew of.
    is_behind: bool,
    register: Register,
    /// Those of entries whose records stand at `indexed` or behind it; where the others stand is known elsewhere.
    ids: BTreeMap<[u8; 16], (Known, LogPos)>,
    indexed: LogPos,
    elsewhere: Elsewhere,
    call: CallNumber,
    pass: PassId,
    unfinished: Option<(PassId, Timestamp)>,
    outcomes: VecDeque<(PassId, Outcome)>,
    /// How long the last passes took that were spliced.
    durations: VecDeque<Duration>,
    resets: u64,
    reports: usage::Reports,
    removed: Vec<Removed>,
    log_end: LogPos,
}

/// An entry whose id is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub seq: Seq,
    /// Where it stands: its own number, or that of the entry that it superseded.
    pub place: Seq,
    /// The digest of its content.
    pub digest: Digest,
}

impl Default for State {
    fn default() -> Self {
        Self::knowing(Rewinds::default())
    }
}

impl State {
    /// The fold of nothing, for a log with these rewinds.
    pub fn knowing(rewinds: Rewinds) -> Self {
        Self {
            opened: None,
            view: View::new(Format::Anthropic),
            branch: Branch::default(),
            rewinds,
            is_behind: false,
            register: Register::default(),
            ids: BTreeMap::new(),
            indexed: LogPos::default(),
            elsewhere: Elsewhere::These(BTreeSet::new()),
            call: CallNumber::default(),
            pass: PassId::default(),
            unfinished: None,
            outcomes: VecDeque::new(),
            durations: VecDeque::new(),
            resets: 0,
            reports: usage::Reports::default(),
            removed: Vec::new(),
            log_end: LogPos::default(),
        }
    }

    /// What was taken out of the view since this was asked last, to be freed where nobody waits for it.
    pub fn take_removed(&mut self) -> Vec<Removed> {
        std::mem::take(&mut self.removed)
    }

    /// The view.
    pub fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn view_mut(&mut self) -> &mut View {
        &mut self.view
    }

    /// The rewinds of the log so far.
    pub fn rewinds(&self) -> &Rewinds {
        &self.rewinds
    }

    /// The rewinds of the log so far, and that there are no others.
    pub(super) fn known_rewinds(&self) -> Rewinds {
        let mut rewinds = self.rewinds.clone();
        rewinds.know(self.log_end);
        rewinds
    }

    /// Whether the log rewinds further than this fold knew of, so that it has to be made anew with
    /// [`State::knowing`] all [`State::rewinds`].
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// A rewind stands further on in the log.
    pub(super) fn foresee(&mut self, at: LogPos, to: Seq) {
        self.rewinds.note(at, to);
    }

    /// The last entry of the live branch.
    pub fn tip(&self) -> Seq {
        self.branch.tip()
    }

    /// Whether an entry is on the live branch: no rewind took it off.
    pub fn is_live(&self, seq: Seq) -> bool {
        self.branch.is_live(seq)
    }

    /// How many announced resets there were: splices, elisions, rewinds, edits, clears, other formats, restored pins.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    pub(super) fn register(&self) -> &Register {
        &self.register
    }

    /// What is under way, as the next splice would write it down: within half of what summaries may take.
    pub fn facts(&self) -> Vec<Fact> {
        let cap =
            self.opened.map_or(TokenCount::ZERO, |(_, budget)| self.marks(budget).summary_cap());
        self.register.facts(TokenCount(cap.0 / 2))
    }

    /// The format and the marks that the session was last opened with; `None` before the first record.
    pub fn opened(&self) -> Option<(Format, Budget)> {
        self.opened
    }

    /// The number of the last answered context.
    pub fn last_call(&self) -> CallNumber {
        self.call
    }

    /// The context that was answered last, given the stand-ins of its record. What it shows is what it showed then as
    /// long as nothing is folded in behind that record (P8).
    ///
    /// `None` when a text that it takes has left memory, which none does of a state that was just folded.
    pub(crate) fn last_context(&mut self, stand_ins: &[CallRef]) -> Option<Context> {
        Some(Context {
            call: self.call,
            position: self.view.head(),
            digest: self.view.digest(),
            resets: self.resets,
            format: self.view.format(),
            segments: self.view.segments()?,
            stand_ins: stand_ins.to_vec(),
            tokens: self.view.tokens(),
        })
    }

    /// The last pass that was started.
    pub fn last_pass(&self) -> PassId {
        self.pass
    }

    /// The pass that was started and has not ended.
    pub fn unfinished_pass(&self) -> Option<PassId> {
        self.unfinished.map(|(pass, _)| pass)
    }

    /// How one of the last [`crate::caps::OUTCOMES_KEPT`] passes ended.
    pub fn outcome(&self, pass: PassId) -> Option<&Outcome> {
        self.outcomes.iter().find(|(known, _)| *known == pass).map(|(_, outcome)| outcome)
    }

    /// How the last pass ended.
    pub fn last_outcome(&self) -> Option<&Outcome> {
        self.outcomes.back().map(|(_, outcome)| outcome)
    }

    /// The longest of the last [`crate::caps::DURATIONS_KEPT`] passes that were spliced.
    pub fn longest_pass(&self) -> Option<Duration> {
        self.durations.iter().max().copied()
    }

    /// Where the log ends.
    pub fn log_end(&self) -> LogPos {
        self.log_end
    }

    /// The entry of an id, if its record stands at [`State::indexed`] or behind it.
    pub fn find(&self, id: &EntryId) -> Option<Known> {
        self.ids.get(&id_key(id)).map(|(known, _)| *known)
    }

    /// The ids of entries whose records stand before this position are not kept here. That the id of a new entry is not
    /// taken is checked among those that are kept.
    pub fn indexed(&self) -> LogPos {
        self.indexed
    }

    /// Forgets the ids of entries whose records stand before a position: where those stand is known elsewhere.
    pub(super) fn forget_ids(&mut self, below: LogPos) {
        self.indexed = self.indexed.max(below);
        self.ids.retain(|key, (_, at)| {
            let stays = *at >= below;
            if !stays {
                self.elsewhere.note(key);
            }
            stays
        });
    }

    /// Whether it has to be asked elsewhere if an id is known.
    pub(super) fn lacks(&self, id: &EntryId) -> bool {
        let key = id_key(id);
        !self.ids.contains_key(&key) && self.elsewhere.may_have(&key)
    }

    /// The bytes of memory that the fold takes: the view, the ids that are kept, and what else is remembered of the log.
    pub(super) fn weight(&self) -> usize {
        let failed = |outcome: &Outcome| match outcome {
            Outcome::Failed(why) => why.len(),
            _ => 0,
        };
        let outcomes = self.outcomes.iter();
        let outcomes = outcomes.map(|it| size_of_val(it) + failed(&it.1)).sum::<usize>();
        let ids = self.ids.len() * ID_BYTES + self.elsewhere.weight();
        let branch = self.branch.weight() + self.rewinds.weight();
        self.view.weight() + ids + branch + outcomes + self.register.weight()
    }

    /// Lets texts of the oldest groups go until so many bytes are free. Only what stands before `durable` does.
    pub(super) fn evict(&mut self, bytes: usize, durable: LogPos) {
        self.view.evict(bytes, durable);
    }

    /// Folds in the next record. [`Kind::Corrupt`] names the record and the state when the two do not fit; the state is
    /// then not to be used any more.
    pub fn apply(&mut self, record: &Record) -> Result<(), Error> {
        if self.opened.is_none() && !matches!(record, Record::Opened { .. }) {
            return Err(self.illegal(record, "the session was never opened"));
        }
        let folded = match record {
            Record::Opened { format, budget, .. } => {
                self.open(*format, *budget);
                Ok(())
            }
            Record::Appended { seq, entry, .. } => self.append(*seq, entry),
            Record::Edited { seq, place, entry, .. } => self.edit(*seq, *place, entry),
            Record::Answered { call, position, digest, stand_ins, .. } => {
                self.answer(*call, *position, digest, stand_ins)
            }
            Record::Elided { results, groups, .. } => self.elide(results, groups),
            Record::PassStarted { at, pass, .. } => self.start_pass(*at, *pass),
            Record::Spliced { at, pass, cut, digest, pieces, facts } => self
                .end_pass(*pass, &Outcome::Spliced, Some(*at))
                .and_then(|()| self.splice(*pass, *cut, digest, pieces, facts)),
            Record::PassEnded { pass, outcome, .. } => self.end_pass(*pass, outcome, None),
            Record::Pinned { seq, pinned, .. } => self.pin(*seq, *pinned),
            Record::Resolved { call, resolution, .. } => self.resolve(call, resolution),
            Record::Tracked { task, text, .. } => {
                self.track(task, text.as_deref());
                Ok(())
            }
            Record::Rewound { to, .. } => self.rewind(*to),
            Record::Cleared { .. } => {
                self.clear();
                Ok(())
            }
            Record::Used { call, model, estimated, usage, .. } => {
                self.used(*call, model, *estimated, usage.input)
            }
            Record::Checkpointed { seq, digest, .. } => self.checkpoint(*seq, digest),
        };
        folded.map_err(|why| self.illegal(record, &why))?;
        self.log_end = self.log_end.advance(1);
        Ok(())
    }

    fn illegal(&self, record: &Record, why: &str) -> Error {
        let (name, at, head, pass) = (record.name(), self.log_end, self.view.head(), self.pass);
        let message = format!(
            "illegal record at {at}: {name:?} does not fit a session at entry {head}, {pass}: {why}"
        );
        Error::new(Kind::Corrupt, message)
    }
}

/// What an id takes in memory: its hash, what is known of it, and the room that a tree leaves free.
const ID_BYTES: usize = 2 * (16 + size_of::<(Known, LogPos)>());

/// Ids are kept as hashes: resident memory for each entry ever appended must not depend on how long its id is.
fn id_key(id: &EntryId) -> [u8; 16] {
    let digest = Digest::of(id.as_str().as_bytes()).0;
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

#[cfg(test)]
impl State {
    /// What [`State::weight`] says, with the view counted anew.
    pub(super) fn weight_counted(&self) -> usize {
        self.weight() - self.view.weight() + self.view.weight_counted()
    }
}
