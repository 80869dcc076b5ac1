//! The fold as plain data and back: taking an anchor, and restoring the state that it describes.

use std::collections::BTreeMap;

use crate::anchor::{Anchor, Texts};
use crate::branch::{Branch, Rewinds};
use crate::caps;
use crate::error::{Error, Kind};
use crate::position::LogPos;
use crate::record::Record;
use crate::register::Register;
use crate::view::View;

use super::State;
use super::elsewhere::Elsewhere;
use super::usage::Reports;

impl State {
    /// The fold so far as plain data. `None` when nothing is folded yet, while the fold is behind its own log, and when
    /// it leaves out what a rewind further on undoes: an anchor knows of no rewind behind it.
    pub fn anchor(&self) -> Option<Anchor> {
        let (format, budget) = self.opened?;
        let foreseen = self.rewinds.lowest_from(self.log_end);
        if self.is_behind || foreseen.is_some_and(|to| to <= self.branch.tip()) {
            return None;
        }
        Some(Anchor {
            at: self.log_end,
            format,
            budget,
            head: self.branch.head(),
            dead: self.branch.dead().to_vec(),
            rewinds: self.rewinds.before(self.log_end).to_vec(),
            call: self.call,
            pass: self.pass,
            unfinished: self.unfinished,
            outcomes: self.outcomes.iter().cloned().collect(),
            durations: self.durations.iter().copied().collect(),
            resets: self.resets,
            under_way: self.register.under_way(),
            tasks: self.register.open_tasks(),
            reports: self.reports.anchor(),
            view: self.view.anchor(),
        })
    }
}

impl Anchor {
    /// The state that the anchor describes, as a fold that knows `rewinds` has it, from the records at
    /// [`Anchor::positions`]. It knows no ids: those of entries before [`Anchor::at`] are looked for elsewhere, or noted
    /// by [`crate::session::Replay`].
    ///
    /// [`Kind::Corrupt`] when the anchor does not fit itself, those records, or the rewinds. Then it is to be dropped,
    /// and the log to be read from an older one, or from its beginning.
    pub fn restore(&self, records: &[(LogPos, Record)], rewinds: &Rewinds) -> Result<State, Error> {
        self.restored(records, rewinds).map_err(|why| {
            let message = format!("the anchor at {} is of no use: {why}", self.at);
            Error::new(Kind::Corrupt, message)
        })
    }

    fn restored(&self, records: &[(LogPos, Record)], rewinds: &Rewinds) -> Result<State, Box<str>> {
        if !self.holds_for(rewinds) {
            return Err("the log goes back to before it".into());
        }
        let positions = self.positions();
        let found = records.iter().map(|(at, _)| *at);
        if !found.eq(positions.iter().copied()) || positions.last() >= Some(&self.at) {
            return Err("the records are not those that it names".into());
        }
        let too_long = self.outcomes.len() > caps::OUTCOMES_KEPT
            || self.durations.len() > caps::DURATIONS_KEPT
            || self.under_way.len() > caps::MAX_CALLS_UNDER_WAY;
        if too_long {
            return Err("it remembers more than is kept".into());
        }
        let counts = [self.head.0, self.call.0, self.pass.0, self.resets];
        if counts.iter().any(|count| *count > self.at.0) {
            return Err("it counts more than its log has records".into());
        }
        let branch = Branch::restored(self.head, &self.dead).ok_or("its branch is torn")?;
        let own = Rewinds::restored(&self.rewinds, self.at).ok_or("its rewinds do not rise")?;
        let rewinds = if rewinds.known() > self.at { rewinds.clone() } else { own };
        let reports =
            Reports::restored(&self.reports).ok_or("it has more reports than are kept")?;
        let view = View::restored(self.format, self.head, &self.view, &Texts::of(records))?;
        Ok(State {
            opened: Some((self.format, self.budget)),
            view,
            branch,
            rewinds,
            is_behind: false,
            register: Register::restored(&self.under_way, &self.tasks),
            ids: BTreeMap::new(),
            indexed: LogPos::default(),
            elsewhere: Elsewhere::Any,
            call: self.call,
            pass: self.pass,
            unfinished: self.unfinished,
            outcomes: self.outcomes.iter().cloned().collect(),
            durations: self.durations.iter().copied().collect(),
            resets: self.resets,
            removed: Vec::new(),
            reports,
            log_end: self.at,
        })
    }
}

#[cfg(test)]
impl State {
    /// From now on any id may be known elsewhere, as far as it knows.
    pub(in crate::session) fn recognizes_no_ids(&mut self) {
        self.elsewhere = Elsewhere::Any;
    }

    /// All of the fold but what has no effect.
    pub(in crate::session) fn compared(&self) -> String {
        let Self { opened, view, branch, rewinds, is_behind, register, ids, .. } = self;
        let Self { call, pass, unfinished, outcomes, durations, resets, log_end, .. } = self;
        let Self { reports, .. } = self;
        let (rewinds, view) = (rewinds.before(*log_end), view.compared());
        let what_is_held =
            format!("{opened:?} {branch:?} {rewinds:?} {is_behind} {register:#?} {ids:?}");
        let counted = format!(
            "{call:?} {pass:?} {unfinished:?} {outcomes:?} {durations:?} {resets} {log_end} {reports:?}"
        );
        format!("{what_is_held}\n{counted}\n{view}")
    }
}
