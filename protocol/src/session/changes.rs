//! What a host may change about a session besides saying more: rewind, edit, clear, another model, pins, resolutions, tasks.
//! Each is checked here, so that the fold never meets a record that does not fit.

use std::sync::Arc;

use crate::budget::Budget;
use crate::caps;
use crate::entry::{Entry, Format};
use crate::error::{Error, Kind};
use crate::group::CallShown;
use crate::message::{Notice, Receipt, Reply, Request};
use crate::pass::Abandoned;
use crate::position::Seq;
use crate::record::{CallRef, Record};
use crate::resolution::{CallEnd, Resolution};
use crate::time::Timestamp;
use crate::tokens::TokenCount;

use super::outbox::Deferred;
use super::waiting::Held;
use super::{Command, Known, Session, SessionConfig};

impl Session {
    /// Carries out a request that changes the session.
    pub(super) fn change(
        &mut self,
        now: Timestamp,
        request: Request,
        commands: &mut Vec<Command>,
    ) -> Result<Reply, Error> {
        let changed = match request {
            Request::Rewind { to } => self.rewind(now, to, commands)?,
            Request::Edit { place, entry } => {
                return self.edit(now, place, &entry, commands).map(Reply::Edited);
            }
            Request::Clear => self.clear(now, commands),
            Request::Switch { budget, format } => self.switch(now, budget, format),
            Request::Pin { seq, pinned } => self.pin(now, seq, pinned, commands)?,
            Request::Resolve { call, resolution } => {
                self.resolve(now, call, resolution, commands)?
            }
            Request::Track { task, text } => self.track(now, task, text)?,
            Request::ReportUsage { call, model, usage } => {
                self.report_usage(now, call, model, usage)?
            }
            other => {
                let why = format!("was asked for {}, which is no change", other.name());
                return Err(self.refusal(Kind::Internal, &why));
            }
        };
        Ok(Reply::Changed(changed))
    }

    /// Takes everything behind `to` off the live branch. The fold is made anew once that is durable.
    pub(super) fn rewind(
        &mut self,
        now: Timestamp,
        to: Seq,
        commands: &mut Vec<Command>,
    ) -> Result<bool, Error> {
        let tip = self.state.tip();
        if !self.state.is_live(to) {
            let why = format!(
                "cannot be rewound to {to}: the live branch ends at {tip} and does not hold it"
            );
            return Err(self.refusal(Kind::Invalid, &why));
        }
        if to == tip {
            return Ok(false);
        }
        if self.running.as_ref().is_some_and(|running| running.cut.covers().last() > to) {
            self.abandon(now, Abandoned::Rewound, commands);
        }
        self.record(Record::Rewound { at: now, to });
        self.outbox.defer(Deferred::Refold(self.state.known_rewinds()));
        self.outbox.defer(Deferred::Notice(Notice::Rewound { to }));
        self.held = Some(Held::for_fold());
        self.start_afresh();
        Ok(true)
    }

    pub(super) fn edit(
        &mut self,
        now: Timestamp,
        place: Seq,
        entry: &Arc<Entry>,
        commands: &mut Vec<Command>,
    ) -> Result<Receipt, Error> {
        let id = entry.id().clone();
        let content = entry.message().digest;
        if let Some(known) = self.known(&id) {
            let Known { seq, place: stands_at, digest } = known;
            if digest == content && stands_at == place && seq != place {
                return Ok(Receipt { id, seq, known: true, live: self.state.is_live(place) });
            }
            let why =
                format!("{id} is entry {seq} already, with other content or in another place");
            return Err(self.refusal(Kind::Conflict, &why));
        }
        let standing = self.state.view().group_of(place).and_then(|group| group.said(place));
        let Some(standing) = standing else {
            let why = format!(
                "has no entry {place} in its view: what is covered by a summary, rewound, cleared or \
                never shown cannot be edited; rewind to before it and say it anew"
            );
            return Err(self.refusal(Kind::Invalid, &why));
        };
        if !standing.has_ties_of(entry.message()) {
            let why = format!(
                "entry {place} can only be superseded by one of the same speaker, message id, calls and \
                results: others hang together with it; rewind to before it instead"
            );
            return Err(self.refusal(Kind::Invalid, &why));
        }
        let seq = self.state.view().head().next();
        self.record(Record::Edited { at: now, seq, place, entry: Arc::clone(entry) });
        self.outbox.defer(Deferred::Notice(Notice::Edited { place, seq }));
        self.give_up_if_changed(now, commands);
        Ok(Receipt { id, seq, known: false, live: true })
    }

    pub(super) fn clear(&mut self, now: Timestamp, commands: &mut Vec<Command>) -> bool {
        let view = self.state.view();
        let is_empty = view.compactable_groups().next().is_none()
            && view.covered().is_none()
            && self.state.facts().is_empty();
        if is_empty {
            return false;
        }
        self.abandon(now, Abandoned::Cleared, commands);
        self.record(Record::Cleared { at: now });
        self.outbox.defer(Deferred::Notice(Notice::Cleared));
        self.start_afresh();
        true
    }

    pub(super) fn switch(&mut self, now: Timestamp, budget: Budget, format: Format) -> bool {
        let was = (self.config.format, self.config.budget);
        if was == (format, budget) {
            return false;
        }
        self.config = SessionConfig { budget, format, ..self.config };
        self.record(Record::Opened { at: now, format, budget });
        if was.0 != format {
            self.outbox.defer(Deferred::Notice(Notice::Switched { format }));
        }
        self.start_afresh();
        true
    }

    pub(super) fn pin(
        &mut self,
        now: Timestamp,
        seq: Seq,
        pinned: bool,
        commands: &mut Vec<Command>,
    ) -> Result<bool, Error> {
        let Some(group) = self.state.view().group_of(seq) else {
            let why = format!(
                "has no entry {seq} in its view: what is covered by a summary, rewound, cleared or never \
                shown cannot be pinned; rewind to before it and say it anew"
            );
            return Err(self.refusal(Kind::Invalid, &why));
        };
        if group.has_pin(seq) == pinned {
            return Ok(false);
        }
        let resets = self.state.resets();
        self.record(Record::Pinned { at: now, seq, pinned });
        if self.state.resets() > resets {
            self.outbox.defer(Deferred::Notice(Notice::Restored { seq }));
        }
        self.give_up_if_changed(now, commands);
        Ok(true)
    }

    pub(super) fn resolve(
        &mut self,
        now: Timestamp,
        call: CallRef,
        resolution: Resolution,
        commands: &mut Vec<Command>,
    ) -> Result<bool, Error> {
        let (seq, id) = (call.seq, &call.id);
        let (view, register) = (self.state.view(), self.state.register());
        let group = view.group_of(seq);
        let stands_so = group.is_some_and(|group| group.is_resolved_so(&call, &resolution))
            || register.stands_so(&call, &resolution);
        if stands_so {
            return Ok(false);
        }
        let is_shown = group.is_none_or(|group| group.first() <= view.frozen());
        match group.and_then(|group| group.call(&call)).map(|call| call.shown) {
            Some(CallShown::Open) => {}
            Some(CallShown::Answered) => {
                let why = format!("has the result of the call {id:?} of entry {seq}");
                return Err(self.refusal(Kind::Invalid, &why));
            }
            Some(CallShown::Without(Some(CallEnd::Abandoned)))
                if is_shown && resolution.end() == CallEnd::Abandoned =>
            {
                return Ok(false);
            }
            None if register.tool(&call).is_none() => {
                let why = format!("has no call {id:?} of entry {seq} that is open or under way");
                return Err(self.refusal(Kind::NotFound, &why));
            }
            Some(CallShown::Without(_)) | None => {
                if is_shown && matches!(resolution.end(), CallEnd::Result | CallEnd::Failed) {
                    let why = format!(
                        "has shown the call {id:?} of entry {seq} without its result, and what was shown is final; \
                         append what came as an entry, it will be quoted"
                    );
                    return Err(self.refusal(Kind::Invalid, &why));
                }
            }
        }
        self.record(Record::Resolved { at: now, call, resolution });
        self.give_up_if_changed(now, commands);
        Ok(true)
    }

    pub(super) fn track(
        &mut self,
        now: Timestamp,
        task: Box<str>,
        text: Option<Box<str>>,
    ) -> Result<bool, Error> {
        let longest = task.len().max(text.as_ref().map_or(0, |text| text.len()));
        let register = self.state.register();
        if task.is_empty() || longest > caps::MAX_TASK_BYTES {
            let why = format!(
                "takes task names and texts of 1 to {} bytes, this has {longest}",
                caps::MAX_TASK_BYTES
            );
            return Err(self.refusal(Kind::TooLarge, &why));
        }
        if register.task(&task) == text.as_deref() {
            return Ok(false);
        }
        if register.task(&task).is_none() && register.tasks() >= caps::MAX_TASKS {
            let why = format!("tracks {} tasks, which is the cap; end one first", caps::MAX_TASKS);
            return Err(self.refusal(Kind::TooLarge, &why));
        }
        self.record(Record::Tracked { at: now, task, text });
        Ok(true)
    }

    /// A pass whose cover has changed can only be refused: it is given up at once, and the next may start (V3, V7).
    pub(super) fn give_up_if_changed(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        let view = self.state.view();
        let is_stale = self.running.as_ref().is_some_and(|running| {
            let cut = running.cut.covers().last();
            view.digest_at(cut) != running.cut.digest() || !view.is_boundary(cut)
        });
        if is_stale {
            self.abandon(now, Abandoned::Changed, commands);
            self.retry_above = TokenCount::ZERO;
        }
    }

    /// What was learnt from the sizes of another view does not hold any more.
    fn start_afresh(&mut self) {
        self.retry_above = TokenCount::ZERO;
        self.overhead_told = false;
    }

    pub(super) fn refusal(&self, kind: Kind, why: &str) -> Error {
        Error::new(kind, format!("session {} {why}", self.id))
    }
}
