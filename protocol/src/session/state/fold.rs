//! What each record does to the fold. Each function says why its record does not fit, if it does not.

use std::time::Duration;

use crate::budget::Budget;
use crate::caps;
use crate::entry::{Entry, Format};
use crate::error::{Error, Kind};
use crate::ids::{CallNumber, Digest, PassId};
use crate::pass::Outcome;
use crate::position::{LogPos, Seq};
use crate::record::{CallRef, EntryOf, Record, Replacement};
use crate::register::{Fact, Register};
use crate::resolution::Resolution;
use crate::splice;
use crate::time::Timestamp;
use crate::tokens::TokenCount;
use crate::view::View;

use super::{Known, State, id_key};

/// Folded in, or why the record does not fit.
type Folded = Result<(), Box<str>>;

fn misfit(why: &str) -> Folded {
    Err(why.into())
}

impl State {
    /// The last entry that survives of what is folded now: a later rewind goes back to it.
    fn limit(&self) -> Seq {
        self.rewinds.limit(self.log_end)
    }

    /// Whether what is done to the session now is still done after all rewinds that come later.
    fn survives(&self) -> bool {
        self.branch.tip() <= self.limit()
    }

    pub(super) fn open(&mut self, format: Format, budget: Budget) {
        match self.opened {
            None => self.view = View::new(format),
            Some((known, _)) if known != format => {
                self.view.switch(format);
                self.resets += 1;
            }
            Some(_) => {}
        }
        self.opened = Some((format, budget));
    }

    fn number(&mut self, seq: Seq, place: Seq, entry: &Entry) -> Folded {
        if seq != self.branch.head().next() {
            return misfit("its number is not the next");
        }
        let digest = entry.message().digest;
        let known = Known { seq, place, digest };
        self.know(entry, known, self.log_end)?;
        self.branch.grow();
        Ok(())
    }

    /// Keeps an id. That it is not taken is seen among those that are kept.
    fn know(&mut self, entry: &Entry, known: Known, at: LogPos) -> Folded {
        let key = id_key(entry.id());
        if at < self.indexed {
            self.elsewhere.note(&key);
            return Ok(());
        }
        match self.ids.insert(key, (known, at)) {
            Some(_) => misfit("its id is taken"),
            None => Ok(()),
        }
    }

    /// Notes the id of an entry that an anchor has left behind it.
    pub(in crate::session) fn note(&mut self, at: LogPos, record: &Record) -> Result<(), Error> {
        let Some(EntryOf { seq, place, entry, .. }) = record.entry() else {
            return Ok(());
        };
        let known = Known { seq, place, digest: entry.message().digest };
        self.know(entry, known, at).map_err(|why| {
            Error::new(Kind::Corrupt, format!("illegal record at {at}: entry {seq}: {why}"))
        })
    }

    pub(super) fn append(&mut self, seq: Seq, entry: &Entry) -> Folded {
        self.number(seq, seq, entry)?;
        if seq > self.limit() {
            self.view.skip(seq);
            return Ok(());
        }
        for orphan in self.view.append(seq, self.log_end, entry.message()) {
            self.register.answered_late(&orphan);
        }
        Ok(())
    }

    pub(super) fn edit(&mut self, seq: Seq, place: Seq, entry: &Entry) -> Folded {
        self.number(seq, place, entry)?;
        self.view.skip(seq);
        self.resets += 1;
        let at = self.log_end;
        if place <= self.limit() && self.view.edit(place, at, entry.message()).is_none() {
            return misfit("what it supersedes is not in the view, or hangs together with others");
        }
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        call: CallNumber,
        position: Seq,
        digest: &Digest,
        stand_ins: &[CallRef],
    ) -> Folded {
        if call != self.call.next() || position != self.branch.head() {
            return misfit("it is not the next answer");
        }
        self.call = call;
        if !self.survives() {
            // The view that it showed is not folded here: a report is taken, and teaches nothing.
            self.await_report(call, TokenCount::ZERO);
            return Ok(());
        }
        if *digest != self.view.digest() {
            return misfit("the view that it showed was another");
        }
        for call in stand_ins {
            let tool = self.view.group_of(call.seq).and_then(|group| group.call(call));
            let Some(tool) = tool.map(|call| call.tool.to_owned()) else {
                return misfit("a stand-in names no call");
            };
            self.register.stood_in(call, &tool);
        }
        match self.view.freeze(stand_ins) {
            Some(()) => {
                self.await_report(call, self.view.tokens());
                Ok(())
            }
            None => misfit("a stand-in names no open call"),
        }
    }

    pub(super) fn elide(&mut self, results: &[Seq], groups: &[Seq]) -> Folded {
        self.resets += 1;
        if self.survives() && self.view.elide(results, groups).is_none() {
            return misfit("it elides what is not in the view");
        }
        Ok(())
    }

    pub(super) fn start_pass(&mut self, at: Timestamp, pass: PassId) -> Folded {
        if pass != self.pass.next() || self.unfinished.is_some() {
            return misfit("another pass has not ended");
        }
        self.pass = pass;
        self.unfinished = Some((pass, at));
        Ok(())
    }

    pub(super) fn end_pass(
        &mut self,
        pass: PassId,
        outcome: &Outcome,
        spliced_at: Option<Timestamp>,
    ) -> Folded {
        let Some((_, started)) = self.unfinished.take_if(|(known, _)| *known == pass) else {
            return misfit("that pass is not in flight");
        };
        if let Some(at) = spliced_at {
            let took = u64::try_from(at.0.saturating_sub(started.0)).unwrap_or(0);
            self.durations.push_back(Duration::from_millis(took));
            if self.durations.len() > caps::DURATIONS_KEPT {
                self.durations.pop_front();
            }
        }
        self.outcomes.push_back((pass, outcome.clone()));
        if self.outcomes.len() > caps::OUTCOMES_KEPT {
            self.outcomes.pop_front();
        }
        Ok(())
    }

    /// A splice outlives a rewind that goes back to its cut or behind it. What it was checked against when it was made
    /// may be undone then; that it was checked stands in the log.
    pub(super) fn splice(
        &mut self,
        pass: PassId,
        cut: Seq,
        digest: &Digest,
        pieces: &[Replacement],
        facts: &[Fact],
    ) -> Folded {
        self.resets += 1;
        // Set free later than the entry that a rewind goes back to, what is pinned again stays as it is (V13).
        let is_late = !self.survives();
        if cut > self.limit() || is_late && self.view.covers_pinned(pieces) {
            return Ok(());
        }
        if !is_late && let Err(why) = splice::fits(&self.view, cut, digest, pieces) {
            return misfit(&why.to_string());
        }
        let removed = self.view.splice(pass, cut, self.log_end, pieces, facts);
        if is_late {
            // What is open again, since the rewind undid its end, is covered and still under way (V8).
            for (call, tool) in removed.open_calls() {
                self.register.stood_in(&call, tool);
            }
        }
        self.removed.push(removed);
        Ok(())
    }

    pub(super) fn pin(&mut self, seq: Seq, pinned: bool) -> Folded {
        if !self.survives() {
            // It may have been a reset when it was made, and their number never falls (P1).
            self.resets += u64::from(pinned);
            return Ok(());
        }
        match self.view.pin(seq, pinned) {
            Some(restored) => {
                self.resets += u64::from(restored);
                Ok(())
            }
            None => misfit("what it pins is not in the view"),
        }
    }

    pub(super) fn resolve(&mut self, call: &CallRef, resolution: &Resolution) -> Folded {
        if !self.survives() {
            return Ok(());
        }
        let shown = self.view.group_of(call.seq).and_then(|group| group.call(call));
        let tool =
            shown.map(|call| call.tool).or_else(|| self.register.tool(call)).map(str::to_owned);
        let Some(tool) = tool else {
            return misfit("it resolves no call that is known");
        };
        if shown.is_some() && self.view.resolve(call, resolution, self.log_end).is_none() {
            return misfit("the call has its result");
        }
        self.register.resolved(call, &tool, resolution.end(), resolution.detail());
        Ok(())
    }

    pub(super) fn rewind(&mut self, to: Seq) -> Folded {
        if !self.branch.is_live(to) {
            return misfit("the entry that it goes back to is not on the live branch");
        }
        self.branch.rewind(to);
        self.resets += 1;
        if !self.rewinds.knows(self.log_end) {
            self.rewinds.note(self.log_end, to);
            self.is_behind = true;
        }
        Ok(())
    }

    pub(super) fn track(&mut self, task: &str, text: Option<&str>) {
        if self.survives() {
            self.register.track(task, text);
        }
    }

    pub(super) fn clear(&mut self) {
        self.resets += 1;
        if self.survives() {
            self.view.clear();
            self.register = Register::default();
        }
    }

    /// A checkpoint changes nothing, but what it says must be so.
    pub(super) fn checkpoint(&self, seq: Seq, digest: &Digest) -> Folded {
        if seq != self.branch.head() {
            return misfit("it does not stand behind its entry");
        }
        if self.survives() && *digest != self.view.digest() {
            return misfit("the view that it marks was another");
        }
        Ok(())
    }
}
