//! The life of a pass within a session: started by marks or by wish, ended by exactly one outcome (V6, V11).

use crate::caps;
use crate::cut::{self, Cut};
use crate::error::{Error, Kind};
use crate::ids::{PassId, RequestId};
use crate::message::{CompactReply, Notice, PassStatus, Reply};
use crate::pass::{Abandoned, Outcome, Refused};
use crate::position::Seq;
use crate::record::Record;
use crate::splice;
use crate::summary::Summary;
use crate::time::Timestamp;
use crate::tokens::TokenCount;

use super::outbox::Deferred;
use super::{Command, PassJob, Running, Session};

impl Session {
    /// Starts a pass by wish, up to `up_to` or to the mark that lands the view.
    pub(super) fn compact(
        &mut self,
        now: Timestamp,
        up_to: Option<Seq>,
        commands: &mut Vec<Command>,
    ) -> CompactReply {
        if let Some(running) = &self.running {
            return CompactReply::AlreadyRunning(running.pass);
        }
        let view = self.state.view();
        let mark = up_to.unwrap_or_else(|| cut::automatic_mark(view, &self.config.budget));
        match cut::plan(view, mark) {
            Some(cut) => CompactReply::Started(self.start(now, cut, commands)),
            None => CompactReply::NothingToDo,
        }
    }

    /// Starts a pass if the view has passed the trigger and there is enough to gain (V9).
    pub(super) fn start_if_due(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        let budget = self.config.budget;
        let size = self.state.view().tokens();
        let due = self.config.automatic
            && self.running.is_none()
            && !self.closing
            && size > budget.trigger()
            && size > self.retry_above;
        if !due {
            return;
        }
        let instructions = self.state.view().instruction_tokens();
        if instructions + budget.summary_cap() >= budget.trigger() {
            if !self.overhead_told {
                self.overhead_told = true;
                let trigger = budget.trigger();
                let notice = Notice::Overhead { instructions, trigger };
                self.outbox.defer(Deferred::Notice(notice));
            }
            return;
        }
        let view = self.state.view();
        let planned = cut::plan(view, cut::automatic_mark(view, &budget));
        match planned.filter(|cut| self.is_worth_it(cut)) {
            Some(cut) => {
                self.start(now, cut, commands);
            }
            None => self.retry_above = size + budget.retry_growth(),
        }
    }

    fn is_worth_it(&self, cut: &Cut) -> bool {
        let summary = self.cap(cut);
        cut.tokens().saturating_sub(summary) >= self.config.budget.min_gain()
    }

    /// The most that the summary of a cut may take: the session's cap, or half of what it replaces (V12).
    fn cap(&self, cut: &Cut) -> TokenCount {
        self.config.budget.summary_cap().min(TokenCount(cut.tokens().0 / 2))
    }

    fn start(&mut self, now: Timestamp, cut: Cut, commands: &mut Vec<Command>) -> PassId {
        let pass = self.state.last_pass().next();
        let (covers, digest) = (cut.covers(), cut.digest());
        let view = self.state.view();
        let job = PassJob {
            pass,
            stretches: cut::stretches(view, &cut, self.cap(&cut)).into(),
            focus: None,
            deadline: self.config.pass_deadline,
        };
        self.record(Record::PassStarted { at: now, pass, cut: covers.last(), digest });
        commands.push(Command::StartPass(job));
        let (tokens, moved_back) = (cut.tokens(), cut.moved_back().copied());
        let notice = Notice::PassStarted { pass, covers, tokens, moved_back };
        self.outbox.defer(Deferred::Notice(notice));
        self.running = Some(Running { pass, cut, done: 0, total: 0 });
        pass
    }

    pub(super) fn pass_progressed(&mut self, pass: PassId, done: u32, total: u32) {
        let Some(running) = self.running.as_mut().filter(|running| running.pass == pass) else {
            return;
        };
        (running.done, running.total) = (done, total);
        let covers = running.cut.covers();
        let status = PassStatus { pass, covers, done, total };
        self.outbox.defer(Deferred::Notice(Notice::PassProgressed(status)));
    }

    /// A summary has come: spliced in, or refused with its reason and no other trace than the audit record (V4). One
    /// that comes for a pass that is not in flight any more is dropped (V7).
    pub(super) fn pass_done(&mut self, now: Timestamp, pass: PassId, summaries: Vec<Summary>) {
        let Some(running) = self.running.take_if(|running| running.pass == pass) else {
            return;
        };
        let Some(summary) = summaries.into_iter().next() else {
            return self.end(now, pass, &Outcome::Refused(Refused::Empty));
        };
        let found = summary.text.len();
        if found > caps::MAX_SUMMARY_BYTES {
            let why = format!("a summary of {found} bytes, the cap is {}", caps::MAX_SUMMARY_BYTES);
            return self.end(now, pass, &Outcome::Failed(why.into()));
        }
        let (covers, digest) = (running.cut.covers(), running.cut.digest());
        match splice::check(self.state.view(), &self.config.budget, pass, covers, &digest, &summary)
        {
            Ok(effect) => {
                self.record(Record::Spliced { at: now, pass, covers, digest, summary });
                let after = self.state.view().tokens();
                let over = after.saturating_sub(self.config.budget.landing());
                let shortfall = (over > TokenCount::ZERO).then_some(over);
                let before = effect.before;
                let notice = Notice::Spliced { pass, covers, before, after, shortfall };
                self.settle(pass, &Outcome::Spliced, notice);
                self.retry_above = TokenCount::ZERO;
            }
            Err(why) => self.end(now, pass, &Outcome::Refused(why)),
        }
    }

    pub(super) fn pass_failed(&mut self, now: Timestamp, pass: PassId, why: &str) {
        if self.running.take_if(|running| running.pass == pass).is_some() {
            let end = why.floor_char_boundary(caps::MAX_REASON_BYTES);
            self.end(now, pass, &Outcome::Failed(why[..end].into()));
        }
    }

    /// Gives up the pass in flight, if there is one.
    pub(super) fn abandon(
        &mut self,
        now: Timestamp,
        why: Abandoned,
        commands: &mut Vec<Command>,
    ) -> Option<PassId> {
        let pass = self.running.take()?.pass;
        commands.push(Command::KillPass(pass));
        self.end(now, pass, &Outcome::Abandoned(why));
        Some(pass)
    }

    /// Ends a pass without a splice; another is tried once the view has grown by the stated amount (V9).
    pub(super) fn end(&mut self, now: Timestamp, pass: PassId, outcome: &Outcome) {
        self.record(Record::PassEnded { at: now, pass, outcome: outcome.clone() });
        self.hold_back();
        let notice = Notice::PassEnded { pass, outcome: outcome.clone() };
        self.settle(pass, outcome, notice);
    }

    /// No automatic pass before the view has grown by the stated amount.
    pub(super) fn hold_back(&mut self) {
        self.retry_above = self.state.view().tokens() + self.config.budget.retry_growth();
    }

    fn settle(&mut self, pass: PassId, outcome: &Outcome, notice: Notice) {
        self.outbox.defer(Deferred::Notice(notice));
        for request in self.waiting.remove(&pass).into_iter().flatten() {
            self.outbox.defer(Deferred::Reply(request, Reply::Settled(outcome.clone())));
        }
    }

    /// Answers how a pass ended, now or when it has.
    pub(super) fn await_settled(
        &mut self,
        request: RequestId,
        pass: PassId,
        commands: &mut Vec<Command>,
    ) {
        if self.running.as_ref().is_some_and(|running| running.pass == pass) {
            self.waiting.entry(pass).or_default().push(request);
            return;
        }
        if let Some(outcome) = self.state.outcome(pass) {
            self.outbox.defer(Deferred::Reply(request, Reply::Settled(outcome.clone())));
            return;
        }
        let message = format!("session {}: the outcome of {pass} is not kept", self.id);
        let reply = Err(Error::new(Kind::NotFound, message));
        commands.push(Command::Reply { request, reply });
    }
}
