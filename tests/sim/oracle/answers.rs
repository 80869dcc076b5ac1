//! Requests from when they are asked to when they are answered, and what each answer must agree with (L1, L2, L3, L6, V8).

use std::collections::BTreeSet;

use highwater_protocol::message::{
    CompactReply, ContextReply, OpenCalls, Receipt, Reply, Request, Status,
};
use highwater_protocol::{Error, Kind, LogPos, Outcome, SeqRange};

use super::expect::Verdict;
use super::{Breach, Oracle};

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// No answer yet.
    Waiting,
    /// Done, with what was asked for durable.
    Done,
    /// It may or may not have happened.
    Unknown,
    /// It surely has not.
    Refused,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) number: u64,
    pub(crate) request: Request,
    pub(super) stand: Stand,
    /// The record that it led to.
    pub(super) recorded: Option<LogPos>,
    /// Whether nobody has asked for any of its entries before, or since.
    pub(super) is_fresh: bool,
    /// What the model said when it was asked, if nothing else was under way then.
    verdict: Option<Verdict>,
    is_alone: bool,
    /// Where the log ended when it was asked.
    since: LogPos,
}

/// Whether two requests ask for the same change.
pub(super) fn is_same(one: &Request, other: &Request) -> bool {
    match (one, other) {
        (Request::Rewind { to: one }, Request::Rewind { to: other }) => one == other,
        (Request::Clear, Request::Clear) => true,
        (Request::Edit { place, entry }, Request::Edit { place: at, entry: other }) => {
            place == at && entry == other
        }
        (Request::Switch { budget, format }, Request::Switch { budget: marks, format: other }) => {
            budget == marks && format == other
        }
        (Request::Pin { seq, pinned }, Request::Pin { seq: at, pinned: other }) => {
            seq == at && pinned == other
        }
        (
            Request::Resolve { call, resolution },
            Request::Resolve { call: at, resolution: other },
        ) => call == at && resolution == other,
        (
            Request::ReportUsage { call, model, usage },
            Request::ReportUsage { call: at, model: name, usage: other },
        ) => call == at && model == name && usage == other,
        (Request::Track { task, text }, Request::Track { task: name, text: other }) => {
            task == name && text == other
        }
        _ => false,
    }
}

impl Oracle {
    /// A request is sent. `is_calm`: whatever the session does is durable at once.
    pub(crate) fn asks(&mut self, number: u64, request: Request, is_calm: bool) {
        if let Request::Switch { budget, format } = &request {
            self.asked_settings.push((*format, *budget));
        }
        for ask in self.asks.iter_mut().filter(|ask| ask.stand == Stand::Waiting) {
            ask.is_alone = false;
        }
        let is_alone = is_calm
            && self.asks.iter().all(|ask| {
                ask.stand != Stand::Waiting || matches!(ask.request, Request::Settled { .. })
            });
        let entries = request.appends();
        let mut is_fresh = !entries.iter().any(|entry| self.has(entry));
        for ask in &mut self.asks {
            let shares = ask.request.appends().iter().any(|other| entries.contains(other));
            ask.is_fresh &= !shares;
            is_fresh &= !shares;
        }
        let verdict = self.verdict(&request);
        let (stand, recorded, since) = (Stand::Waiting, None, self.next());
        self.asks.push(Ask {
            number,
            request,
            stand,
            recorded,
            is_fresh,
            verdict,
            is_alone,
            since,
        });
    }

    /// Whether somebody waits for a request of this name, or may have had it.
    pub(super) fn was_asked(&self, name: &str) -> bool {
        let open =
            self.asks.iter().filter(|ask| matches!(ask.stand, Stand::Waiting | Stand::Unknown));
        open.into_iter().any(|ask| ask.request.name() == name)
    }

    /// Requests that have to be answered when nothing is under way.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &Ask> {
        let waiting = self.asks.iter().filter(|ask| ask.stand == Stand::Waiting);
        waiting.filter(|ask| !matches!(ask.request, Request::Settled { .. }))
    }

    /// Requests that may or may not have happened.
    pub(crate) fn unknown(&self) -> Vec<Request> {
        let unknown = self.asks.iter().filter(|ask| ask.stand == Stand::Unknown);
        unknown.map(|ask| ask.request.clone()).collect()
    }

    /// An answer has come, `is_calm` as in [`Oracle::asks`]. All that is durable was taken in before.
    pub(crate) fn hears(
        &mut self,
        number: u64,
        reply: &Result<Reply, Error>,
        is_calm: bool,
    ) -> Result<(), Breach> {
        let Some(at) = self.asks.iter().position(|ask| ask.number == number) else {
            return Err(format!("L6: #{number} is answered and was not asked"));
        };
        let mut ask = self.asks.remove(at);
        ask.is_alone &= is_calm;
        ask.stand = match reply {
            Ok(_) => Stand::Done,
            Err(error) if error.kind() == Kind::Unknown => Stand::Unknown,
            Err(_) => Stand::Refused,
        };
        let held = match reply {
            Ok(reply) => self.accepted(&mut ask, reply),
            Err(error) => self.refused(&mut ask, error),
        };
        let is_kept = ask.stand == Stand::Unknown
            && !matches!(ask.request, Request::Status | Request::Settled { .. });
        if is_kept {
            self.asks.push(ask);
            if self.asks.len() > 64 {
                self.forget_oldest();
            }
        }
        held
    }

    fn forget_oldest(&mut self) {
        if let Some(at) = self.asks.iter().position(|ask| ask.stand == Stand::Unknown) {
            self.asks.remove(at);
        }
    }

    fn refused(&mut self, ask: &mut Ask, error: &Error) -> Result<(), Breach> {
        if ask.stand == Stand::Unknown {
            return Ok(());
        }
        let name = ask.request.name();
        if ask.is_fresh && ask.request.appends().iter().any(|entry| self.has(entry)) {
            return Err(format!("L6: {name} was refused ({}) and is stored", error.kind().name()));
        }
        let may_be_anothers = matches!(ask.request, Request::Switch { .. });
        if ask.recorded.is_some() && !may_be_anothers && !self.hand_over(ask) {
            return Err(format!(
                "L6: {name} was refused ({}) and is recorded",
                error.kind().name()
            ));
        }
        let is_verdict = matches!(error.kind(), Kind::Invalid | Kind::NotFound | Kind::Conflict);
        let Some(verdict) = ask.verdict.filter(|_| ask.is_alone && is_verdict) else {
            return self.refused_otherwise(ask, error);
        };
        let wanted = Err(error.kind());
        if verdict == wanted || self.verdict(&ask.request) == Some(wanted) {
            return Ok(());
        }
        Err(format!("V14: {name} was refused: {error}; the model says {verdict:?}"))
    }

    fn refused_otherwise(&self, ask: &Ask, error: &Error) -> Result<(), Breach> {
        let explained = match (&ask.request, error.kind()) {
            (_, Kind::Retry | Kind::Closed | Kind::Storage) => true,
            (_, Kind::Locked | Kind::Corrupt | Kind::Internal | Kind::Unknown) => false,
            (
                Request::Append { entries } | Request::NextContext { entries, .. },
                Kind::Conflict,
            ) => entries.iter().any(|entry| {
                let known = self.ids.get(entry.id().as_str()).map(|(_, _, known)| known);
                known.is_some_and(|known| known.source() != entry.source())
                    || entries.iter().any(|other| other.id() == entry.id() && other != entry)
                    || !ask.is_alone
            }),
            (Request::Settled { .. }, Kind::NotFound) if ask.since != self.next() => true,
            (Request::Settled { pass }, Kind::NotFound) => {
                let kept = self.outcomes.len().saturating_sub(64) as u64;
                pass.0 <= kept || pass.0 > self.outcomes.len() as u64
            }
            (request, _) => {
                !ask.is_alone && ask.verdict.is_some() && !matches!(request, Request::Status)
            }
        };
        if explained {
            Ok(())
        } else {
            Err(format!("{} was refused for no reason: {error}", ask.request.name()))
        }
    }

    /// Of several that asked for the same, another may have had the record.
    fn hand_over(&mut self, ask: &mut Ask) -> bool {
        let other = self
            .asks
            .iter_mut()
            .find(|other| other.recorded.is_none() && is_same(&other.request, &ask.request));
        match other {
            Some(other) => {
                other.recorded = ask.recorded.take();
                true
            }
            None => false,
        }
    }

    fn take_over(&mut self, ask: &Ask) -> bool {
        let other = self.asks.iter_mut().find(|other| {
            other.recorded >= Some(ask.since) && is_same(&other.request, &ask.request)
        });
        other.and_then(|other| other.recorded.take()).is_some()
    }

    fn accepted(&mut self, ask: &mut Ask, reply: &Reply) -> Result<(), Breach> {
        match (&ask.request, reply) {
            (Request::Append { .. }, Reply::Appended(receipts)) => self.appended(ask, receipts),
            (Request::NextContext { open_calls, .. }, Reply::NextContext(next)) => {
                self.appended(ask, &next.receipts)?;
                match &next.context {
                    Ok(context) => self.saw(ask, *open_calls, context),
                    // The store panicked as a text was read, which is told so.
                    Err(error) if error.kind() == Kind::Unknown => Ok(()),
                    Err(error) => self.refused_otherwise(ask, error),
                }
            }
            (Request::Edit { .. }, Reply::Edited(receipt)) => {
                self.received(ask, receipt)?;
                self.changed(ask, !receipt.known)
            }
            (Request::Context { open_calls }, Reply::Context(context)) => {
                self.saw(ask, *open_calls, context)
            }
            (Request::Compact { .. }, Reply::Compact(reply)) => self.compacts(ask, *reply),
            (Request::Settled { pass }, Reply::Settled(outcome)) => self.settled(pass.0, outcome),
            (Request::Cancel, Reply::Cancelled(Some(pass))) => {
                self.settled(pass.0, &Outcome::Abandoned(highwater_protocol::Abandoned::Cancelled))
            }
            (Request::Status, Reply::Status(status))
                if ask.is_alone && ask.since == self.next() =>
            {
                self.stands(status)
            }
            (Request::Cancel, Reply::Cancelled(None))
            | (Request::Close, Reply::Closed)
            | (Request::Status, Reply::Status(_)) => Ok(()),
            (Request::Checkpoint, Reply::Checkpoint(mark)) => self.marked(ask.since, mark),
            (_, Reply::Changed(changed)) => self.changed(ask, *changed),
            (request, reply) => Err(format!("{} was answered with {reply:?}", request.name())),
        }
    }

    fn changed(&mut self, ask: &mut Ask, changed: bool) -> Result<(), Breach> {
        let name = ask.request.name();
        match (changed, ask.recorded) {
            (true, None) if !self.take_over(ask) => {
                Err(format!("L2: {name} was acknowledged and is not durable"))
            }
            (true, _) => Ok(()),
            (false, Some(_)) if name != "switch" && !self.hand_over(ask) => {
                Err(format!("L2: {name} changed nothing by its answer, and is recorded"))
            }
            (false, _) => {
                let now = self.verdict(&ask.request);
                if !ask.is_alone || ask.verdict == Some(Ok(false)) || now == Some(Ok(false)) {
                    return Ok(());
                }
                Err(format!("V14: {name} changed nothing, the model says {:?}", ask.verdict))
            }
        }
    }

    fn appended(&self, ask: &Ask, receipts: &[Receipt]) -> Result<(), Breach> {
        let ids: Vec<_> = ask.request.appends().iter().map(|entry| entry.id().clone()).collect();
        if ids.len() != receipts.len()
            || ids.iter().zip(receipts).any(|(id, receipt)| *id != receipt.id)
        {
            return Err(format!("L3: receipts {receipts:?} for {ids:?}"));
        }
        receipts.iter().try_for_each(|receipt| self.received(ask, receipt))
    }

    fn received(&self, ask: &Ask, receipt: &Receipt) -> Result<(), Breach> {
        let Some((seq, place, _)) = self.ids.get(receipt.id.as_str()) else {
            return Err(format!("L2: {} was acknowledged and is not durable", receipt.id));
        };
        if *seq != receipt.seq.0 {
            return Err(format!("L1: {} is #{seq}, the receipt says {}", receipt.id, receipt.seq));
        }
        let is_append = !ask.request.appends().is_empty();
        if ask.is_alone && is_append && self.fold.is_live(*place) != receipt.live {
            return Err(format!(
                "L3: {} is on the live branch: {} by its receipt",
                receipt.id, receipt.live
            ));
        }
        Ok(())
    }

    fn saw(
        &mut self,
        ask: &Ask,
        open_calls: OpenCalls,
        reply: &ContextReply,
    ) -> Result<(), Breach> {
        match reply {
            ContextReply::Ready(context) => {
                let Some(expected) = self.expected.remove(&context.call.0) else {
                    return Err(format!(
                        "L2: context {} was answered and is not durable",
                        context.call.0
                    ));
                };
                if self.opened.is_some_and(|(format, _)| format != context.format) && ask.is_alone {
                    return Err(format!("P3: a context in {:?}", context.format));
                }
                let before = self.received.range(..context.call.0).next_back();
                let last = expected.hold(context, before.map(|(_, last)| last))?;
                self.received.insert(context.call.0, last);
                self.reports.told_size(context.call, context.tokens);
                Ok(())
            }
            ContextReply::CallsOpen(calls) => {
                let found: BTreeSet<_> = calls.iter().cloned().collect();
                let open: BTreeSet<_> = self.fold.open_calls().into_iter().collect();
                let is_right = open_calls == OpenCalls::Refuse && !found.is_empty();
                if is_right && (found == open || !ask.is_alone) {
                    return Ok(());
                }
                Err(format!("V8: the open calls are told as {found:?}, the log says {open:?}"))
            }
            ContextReply::TooLarge(parts) => {
                let sum = parts.instructions + parts.summary + parts.protected + parts.elidable;
                if sum > parts.hard {
                    Ok(())
                } else {
                    Err(format!("V10: {sum} are too large: {parts:?}"))
                }
            }
        }
    }

    fn compacts(&self, ask: &Ask, reply: CompactReply) -> Result<(), Breach> {
        match reply {
            CompactReply::Started(pass) | CompactReply::AlreadyRunning(pass) => {
                let started = self.outcomes.len() as u64 + u64::from(self.flight.is_some());
                if pass.0 <= started {
                    Ok(())
                } else {
                    Err(format!("L2: {pass} was acknowledged and is not durable"))
                }
            }
            // One that the marks have started behind the wish is not meant.
            CompactReply::NothingToDo
                if ask.is_alone && self.flight.is_some() && !self.has_started_since(ask.since) =>
            {
                Err("V6: a pass is in flight, and the answer is nothing to do".to_owned())
            }
            CompactReply::NothingToDo => Ok(()),
        }
    }

    fn settled(&self, pass: u64, outcome: &Outcome) -> Result<(), Breach> {
        let known = usize::try_from(pass - 1).ok().and_then(|at| self.outcomes.get(at));
        if known == Some(outcome) {
            Ok(())
        } else {
            Err(format!("V11: pass {pass} is told as {outcome}, durable is {known:?}"))
        }
    }

    fn stands(&self, status: &Status) -> Result<(), Breach> {
        let fold = &self.fold;
        let mut open = status.open_calls.clone();
        open.sort();
        let covered = fold.summaries.first().map(|first| {
            let last = fold.summaries.iter().map(highwater_protocol::SeqSpans::last).max();
            SeqRange::inclusive(first.first(), last.unwrap_or(first.last()))
        });
        let found =
            (status.head.0, status.tip.0, open, status.covered, status.pass.map(|pass| pass.pass));
        let flight = self.flight.as_ref().map(|flight| flight.pass);
        let wanted = (fold.head(), fold.tip(), fold.open_calls(), covered, flight);
        if found != wanted {
            return Err(format!("V8: the status is {found:?}, the log says {wanted:?}"));
        }
        if self.opened.is_some_and(|(_, budget)| budget != status.budget) {
            return Err(format!("V9: the status has {:?}", status.budget));
        }
        Ok(())
    }
}
