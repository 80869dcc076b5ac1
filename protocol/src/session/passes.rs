//! The life of a pass within a session: started by marks or by wish, ended by exactly one outcome (V6, V11).

use std::sync::Arc;
use std::time::Duration;

use crate::caps;
use crate::cut::{self, Cut};
use crate::error::{Error, Kind};
use crate::ids::{PassId, RequestId};
use crate::message::{CompactReply, Notice, PassStatus, Reply};
use crate::pass::{Abandoned, Outcome, Refused};
use crate::position::Seq;
use crate::record::{Record, Replacement};
use crate::splice::{self, Proposal};
use crate::summary::Summary;
use crate::time::Timestamp;
use crate::tokens::{self, TokenCount};
use crate::view::Away;

use super::outbox::Deferred;
use super::{Command, PassJob, Running, Session, SessionConfig};

/// By how much the view's fill must change before the compactor is told.
const PRESS_STEP_PERCENT: u8 = 5;

impl Session {
    /// Starts a pass by wish, up to `up_to` or to the mark that lands the view.
    pub(super) fn compact(
        &mut self,
        now: Timestamp,
        up_to: Option<Seq>,
        focus: Option<Box<str>>,
        commands: &mut Vec<Command>,
    ) -> Result<CompactReply, Error> {
        self.may_compact(focus.as_deref())?;
        if let Some(running) = &self.running {
            return Ok(CompactReply::AlreadyRunning(running.pass));
        }
        Ok(match self.plan(up_to) {
            Some(cut) => {
                let focus = focus.map(Into::into);
                CompactReply::Started(self.start(now, cut, focus, true, commands))
            }
            None => CompactReply::NothingToDo,
        })
    }

    /// Whether a wish for a pass is legal.
    pub(super) fn may_compact(&self, focus: Option<&str>) -> Result<(), Error> {
        let (found, cap) = (focus.map_or(0, str::len), caps::MAX_FOCUS_BYTES);
        if found > cap {
            let message =
                format!("session {}: a focus of {found} bytes, the cap is {cap}", self.id);
            return Err(Error::new(Kind::TooLarge, message));
        }
        Ok(())
    }

    fn plan(&self, up_to: Option<Seq>) -> Option<Cut> {
        let view = self.state.view();
        let mark = up_to.unwrap_or_else(|| cut::automatic_mark(view, &self.marks()));
        cut::plan(view, mark)
    }

    /// The texts that a pass by wish takes and that have left memory.
    pub(super) fn away_of_pass(&self, up_to: Option<Seq>) -> Away {
        if self.running.is_some() || self.state.view().is_whole() {
            return Away::new();
        }
        self.plan(up_to).map_or_else(Away::new, |cut| cut.away(self.state.view()))
    }

    /// Starts a pass if the view has passed the trigger and there is enough to gain (V9).
    pub(super) fn start_if_due(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        let budget = self.marks();
        let size = self.state.view().tokens();
        let due = self.config.automatic
            && self.running.is_none()
            && !self.closing
            && size > budget.trigger()
            && size > self.retry_above;
        if !due {
            return;
        }
        let fixed = self.state.view().fixed_tokens();
        if fixed + budget.summary_cap() >= budget.trigger() {
            if !self.overhead_told {
                self.overhead_told = true;
                let trigger = budget.trigger();
                let notice = Notice::Overhead { fixed, trigger };
                self.outbox.defer(Deferred::Notice(notice));
            }
            return;
        }
        match self.plan(None).filter(|cut| self.is_worth_it(cut)) {
            Some(cut) => {
                let away = cut.away(self.state.view());
                if away.is_empty() {
                    self.start(now, cut, None, false, commands);
                } else {
                    self.fetch_for_pass(away, commands);
                }
            }
            None => self.retry_above = size + budget.retry_growth(),
        }
    }

    fn is_worth_it(&self, cut: &Cut) -> bool {
        let summary = self.cap(cut);
        cut.tokens().saturating_sub(summary) >= self.marks().min_gain()
    }

    /// The most that the summaries of a cut may take: what the session's cap leaves beside those that stay, or half of
    /// what they replace (V12).
    fn cap(&self, cut: &Cut) -> TokenCount {
        let kept = cut::kept_summary_tokens(self.state.view(), cut);
        let cap = self.marks().summary_cap();
        cap.saturating_sub(kept).max(TokenCount(cap.0 / 4)).min(TokenCount(cut.tokens().0 / 2))
    }

    /// Three times the longest of the last passes, between the floor and the ceiling; the ceiling when there was none.
    /// The factor is what others run with who set a deadline by a session's own history.
    fn deadline(&self) -> Duration {
        let SessionConfig { pass_deadline: ceiling, pass_deadline_floor: floor, .. } = self.config;
        let usual = self.state.longest_pass().map_or(ceiling, |longest| longest.saturating_mul(3));
        usual.max(floor).min(ceiling)
    }

    fn start(
        &mut self,
        now: Timestamp,
        cut: Cut,
        focus: Option<Arc<str>>,
        by_wish: bool,
        commands: &mut Vec<Command>,
    ) -> PassId {
        let pass = self.state.last_pass().next();
        let (covers, digest) = (cut.covers(), cut.digest());
        let stretches = cut::stretches(self.state.view(), &cut, self.cap(&cut))
            .expect("texts that a pass takes were fetched before");
        let caps = stretches.iter().map(|stretch| stretch.cap).collect();
        let (deadline, fill) = (self.deadline(), self.fill());
        let job = PassJob { pass, stretches: stretches.into(), focus, deadline, fill, by_wish };
        self.record(Record::PassStarted { at: now, pass, cut: covers.last(), digest });
        commands.push(Command::StartPass(job));
        let (tokens, moved_back) = (cut.tokens(), cut.moved_back().copied());
        let notice = Notice::PassStarted { pass, covers, tokens, moved_back };
        self.outbox.defer(Deferred::Notice(notice));
        self.running = Some(Running { pass, cut, caps, fill, hurried: false, done: 0, total: 0 });
        pass
    }

    /// How full the view is, in percent of its hard mark.
    fn fill(&self) -> u8 {
        let (size, hard) = (self.state.view().tokens().0, self.marks().hard().0.max(1));
        u8::try_from(size.saturating_mul(100) / hard).unwrap_or(u8::MAX)
    }

    /// The fuller the view, the sooner the calls of the pass in flight get their permits (G3). Near the hard mark it waits
    /// for no model any more, so that it lands before the view has to be elided. Near is as far from it as the view must
    /// grow before a failed pass is tried again.
    pub(super) fn press(&mut self, commands: &mut Vec<Command>) {
        let (budget, fill) = (self.marks(), self.fill());
        let hurried = self.state.view().tokens() + budget.retry_growth() >= budget.hard();
        // One that is hurried asks no model any more: how full the view is does not matter to it.
        let Some(running) = self.running.as_mut().filter(|running| !running.hurried) else {
            return;
        };
        if hurried || fill.abs_diff(running.fill) >= PRESS_STEP_PERCENT {
            (running.fill, running.hurried) = (fill, hurried);
            commands.push(Command::PressPass { pass: running.pass, fill, hurried });
        }
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

    /// Summaries have come: spliced in, or refused with the reason and no other trace than the audit record (V4). Those
    /// of a pass that is not in flight any more are dropped (V7).
    pub(super) fn pass_done(&mut self, now: Timestamp, pass: PassId, summaries: Vec<Summary>) {
        let Some(running) = self.running.take_if(|running| running.pass == pass) else {
            return;
        };
        if let Err(why) = accepted(&running, &summaries) {
            return self.end(now, pass, &Outcome::Refused(why));
        }
        let author = Summary::authors(&summaries);
        let covers = running.cut.pieces().cloned();
        let pieces = covers.zip(summaries).map(|(covers, summary)| Replacement { covers, summary });
        let (pieces, facts) = (pieces.collect::<Vec<_>>(), self.state.facts());
        let (covers, digest) = (running.cut.covers(), running.cut.digest());
        let cut = covers.last();
        let proposal = Proposal { pass, cut, digest: &digest, pieces: &pieces, facts: &facts };
        match splice::check(self.state.view(), &self.marks(), &proposal) {
            Ok(effect) => {
                self.record(Record::Spliced { at: now, pass, cut, digest, pieces, facts });
                let after = self.state.view().tokens();
                let over = after.saturating_sub(self.marks().landing());
                let shortfall = (over > TokenCount::ZERO).then_some(over);
                let before = effect.before;
                let notice = Notice::Spliced { pass, covers, author, before, after, shortfall };
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
        self.retry_above = self.state.view().tokens() + self.marks().retry_growth();
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
            let waiting = self.waiting.entry(pass).or_default();
            if waiting.len() < caps::WAITING_FOR_A_PASS {
                return waiting.push(request);
            }
            let waiting = waiting.len();
            let why = format!("has {waiting} who wait for {pass} already: ask again later");
            let reply = Err(self.refusal(Kind::Retry, &why));
            return commands.push(Command::Reply { request, reply });
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

/// V12: one summary for each stretch, none over its cap.
fn accepted(running: &Running, summaries: &[Summary]) -> Result<(), Refused> {
    if summaries.len() != running.caps.len() {
        return Err(Refused::Empty);
    }
    let fits = |(summary, cap): (&Summary, &TokenCount)| tokens::estimate(&summary.text) <= *cap;
    if summaries.iter().zip(&running.caps).all(fits) { Ok(()) } else { Err(Refused::OverCap) }
}
