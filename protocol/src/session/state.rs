//! The fold of a session's log. Live path and recovery apply the same records to it (L4).

use std::collections::{BTreeMap, VecDeque};

use crate::budget::Budget;
use crate::caps;
use crate::entry::{Entry, Format};
use crate::error::{Error, Kind};
use crate::ids::{CallNumber, Digest, EntryId, PassId};
use crate::pass::Outcome;
use crate::position::{LogPos, Seq};
use crate::record::Record;
use crate::splice;
use crate::view::View;

/// What the log says.
#[derive(Clone, Debug)]
pub struct State {
    opened: Option<(Format, Budget)>,
    view: View,
    ids: BTreeMap<[u8; 16], (Seq, Digest)>,
    call: CallNumber,
    pass: PassId,
    unfinished: Option<PassId>,
    outcomes: VecDeque<(PassId, Outcome)>,
    log_end: LogPos,
}

impl Default for State {
    fn default() -> Self {
        Self {
            opened: None,
            view: View::new(Format::Anthropic),
            ids: BTreeMap::new(),
            call: CallNumber::default(),
            pass: PassId::default(),
            unfinished: None,
            outcomes: VecDeque::new(),
            log_end: LogPos::default(),
        }
    }
}

impl State {
    /// The view.
    pub fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn view_mut(&mut self) -> &mut View {
        &mut self.view
    }

    /// The format and the marks that the session was last opened with; `None` before the first record.
    pub fn opened(&self) -> Option<(Format, Budget)> {
        self.opened
    }

    /// The number of the last answered context.
    pub fn last_call(&self) -> CallNumber {
        self.call
    }

    /// The last pass that was started.
    pub fn last_pass(&self) -> PassId {
        self.pass
    }

    /// The pass that was started and has not ended.
    pub fn unfinished_pass(&self) -> Option<PassId> {
        self.unfinished
    }

    /// How one of the last [`caps::OUTCOMES_KEPT`] passes ended.
    pub fn outcome(&self, pass: PassId) -> Option<&Outcome> {
        self.outcomes.iter().find(|(known, _)| *known == pass).map(|(_, outcome)| outcome)
    }

    /// How the last pass ended.
    pub fn last_outcome(&self) -> Option<&Outcome> {
        self.outcomes.back().map(|(_, outcome)| outcome)
    }

    /// Where the log ends.
    pub fn log_end(&self) -> LogPos {
        self.log_end
    }

    /// Where an entry id stands and what content it had.
    pub fn find(&self, id: &EntryId) -> Option<(Seq, Digest)> {
        self.ids.get(&id_key(id)).copied()
    }

    /// Folds in the next record. [`Kind::Corrupt`] names the record and the state when the two do not fit; the state is
    /// then not to be used any more.
    pub fn apply(&mut self, record: &Record) -> Result<(), Error> {
        if self.opened.is_none() && !matches!(record, Record::Opened { .. }) {
            return Err(self.illegal(record, "the session was never opened"));
        }
        match record {
            Record::Opened { format, budget, .. } => self.open(record, *format, *budget)?,
            Record::Appended { seq, entry, .. } => self.append(record, *seq, entry)?,
            Record::Answered { call, position, digest, stand_ins, .. } => {
                if *call != self.call.next() || *position != self.view.head() {
                    return Err(self.illegal(record, "it is not the next answer"));
                }
                if *digest != self.view.digest() {
                    return Err(self.illegal(record, "the view that it showed was another"));
                }
                self.call = *call;
                if self.view.freeze(stand_ins).is_none() {
                    return Err(self.illegal(record, "a stand-in names no open call"));
                }
            }
            Record::Elided { results, groups, .. } => {
                if self.view.elide(results, groups).is_none() {
                    return Err(self.illegal(record, "it elides what is not in the view"));
                }
            }
            Record::PassStarted { pass, .. } => {
                if *pass != self.pass.next() || self.unfinished.is_some() {
                    return Err(self.illegal(record, "another pass has not ended"));
                }
                self.pass = *pass;
                self.unfinished = Some(*pass);
            }
            Record::Spliced { pass, covers, digest, summary, .. } => {
                self.end_pass(record, *pass, &Outcome::Spliced)?;
                if let Err(why) = splice::fits(&self.view, *covers, digest) {
                    return Err(self.illegal(record, &why.to_string()));
                }
                self.view.splice(*pass, *covers, summary.clone());
            }
            Record::PassEnded { pass, outcome, .. } => self.end_pass(record, *pass, outcome)?,
        }
        self.log_end = self.log_end.advance(1);
        Ok(())
    }

    fn open(&mut self, record: &Record, format: Format, budget: Budget) -> Result<(), Error> {
        match self.opened {
            None => self.view = View::new(format),
            Some((known, _)) if known != format => {
                return Err(self.illegal(record, "the format of a session is fixed"));
            }
            Some(_) => {}
        }
        self.opened = Some((format, budget));
        Ok(())
    }

    fn append(&mut self, record: &Record, seq: Seq, entry: &Entry) -> Result<(), Error> {
        if seq != self.view.head().next() {
            return Err(self.illegal(record, "its number is not the next"));
        }
        let digest = entry.message().digest;
        if self.ids.insert(id_key(entry.id()), (seq, digest)).is_some() {
            return Err(self.illegal(record, "its id is taken"));
        }
        self.view.append(seq, entry.message());
        Ok(())
    }

    fn end_pass(&mut self, record: &Record, pass: PassId, outcome: &Outcome) -> Result<(), Error> {
        if self.unfinished != Some(pass) {
            return Err(self.illegal(record, "that pass is not in flight"));
        }
        self.unfinished = None;
        self.outcomes.push_back((pass, outcome.clone()));
        if self.outcomes.len() > caps::OUTCOMES_KEPT {
            self.outcomes.pop_front();
        }
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

/// Ids are kept as hashes: resident memory for each entry ever appended must not depend on how long its id is.
fn id_key(id: &EntryId) -> [u8; 16] {
    let digest = Digest::of(id.as_str().as_bytes()).0;
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}
