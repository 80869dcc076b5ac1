//! One step of a session: an event in, commands out. Refusals are replies, never errors of the step itself.

use std::sync::Arc;

use crate::caps;
use crate::elide;
use crate::entry::Entry;
use crate::error::{Error, Kind};
use crate::ids::RequestId;
use crate::message::{
    ContextReply, NextContext, Notice, OpenCalls, PassStatus, Receipt, Reply, Request, Status,
};
use crate::pass::Abandoned;
use crate::record::Record;
use crate::time::Timestamp;

use super::outbox::Deferred;
use super::waiting::{Held, Next};
use super::{Command, CommitFailure, Event, Known, Session};

impl Session {
    /// Takes one event and says what is to be done about it. Synchronous; its cost does not depend on how long the
    /// session is, only on its view.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Durable { position } => self.outbox.durable(position),
            Event::CommitFailed { failure, why } => {
                self.commit_failed(failure, &why, &mut commands);
                return commands;
            }
            event @ (Event::Refolded { .. } | Event::Found { .. } | Event::Fetched { .. }) => {
                self.resume(now, event, &mut commands);
            }
            event => self.take(now, event, &mut commands),
        }
        if self.held.is_none() {
            self.start_if_due(now, &mut commands);
            self.press(&mut commands);
        }
        self.outbox.flush(&mut commands);
        self.keep_within_what_is_asked();
        let removed = self.state.take_removed();
        if !removed.is_empty() {
            commands.push(Command::Discard(removed));
        }
        commands
    }

    /// Takes an event, or holds it as long as the session waits for another one.
    pub(super) fn take(&mut self, now: Timestamp, event: Event, commands: &mut Vec<Command>) {
        if let Some(held) = &mut self.held {
            held.push(event);
            return;
        }
        match event {
            Event::Request { request, body } => self.request(now, request, body, commands),
            Event::PassProgressed { pass, done, total } => self.pass_progressed(pass, done, total),
            Event::PassDone { pass, summaries } => self.pass_done(now, pass, summaries),
            Event::PassFailed { pass, why } => self.pass_failed(now, pass, &why),
            Event::PassOverdue { pass } => {
                if self.running.as_ref().is_some_and(|running| running.pass == pass) {
                    self.abandon(now, Abandoned::Overdue, commands);
                }
            }
            Event::Indexed { below } => {
                self.state.forget_ids(below.min(self.outbox.durable_position()));
            }
            Event::Relieve { to_bytes } => self.relief = Some(to_bytes),
            Event::Durable { .. }
            | Event::CommitFailed { .. }
            | Event::Refolded { .. }
            | Event::Found { .. }
            | Event::Fetched { .. } => {}
        }
    }

    pub(super) fn request(
        &mut self,
        now: Timestamp,
        request: RequestId,
        body: Request,
        commands: &mut Vec<Command>,
    ) {
        if self.closing {
            let message = format!("session {} is closing", self.id);
            let reply = Err(Error::new(Kind::Closed, message));
            commands.push(Command::Reply { request, reply });
            return;
        }
        let Some(body) = self.asks_for(request, body, commands) else {
            return;
        };
        match body {
            Request::Append { entries } => {
                let receipts = self.append(now, &entries);
                self.answer(request, receipts.map(Reply::Appended), commands);
            }
            Request::Context { open_calls } => {
                let reply = Reply::Context(self.context(now, open_calls));
                self.outbox.defer(Deferred::Reply(request, reply));
            }
            Request::NextContext { entries, open_calls } => match self.append(now, &entries) {
                Ok(receipts) => {
                    let end = self.outbox.end();
                    let next = Next { request, open_calls, receipts, end };
                    self.next_context(now, next, commands);
                }
                Err(error) => commands.push(Command::Reply { request, reply: Err(error) }),
            },
            Request::Compact { up_to, focus } => {
                let reply = self.compact(now, up_to, focus, commands).map(Reply::Compact);
                self.answer(request, reply, commands);
            }
            Request::Settled { pass } => self.await_settled(request, pass, commands),
            Request::Cancel => {
                let pass = self.abandon(now, Abandoned::Cancelled, commands);
                self.outbox.defer(Deferred::Reply(request, Reply::Cancelled(pass)));
            }
            Request::Checkpoint => {
                let reply = Reply::Checkpoint(self.checkpoint(now));
                self.outbox.defer(Deferred::Reply(request, reply));
            }
            Request::Status => {
                let reply = Ok(Reply::Status(self.status()));
                commands.push(Command::Reply { request, reply });
            }
            Request::Close => {
                self.abandon(now, Abandoned::Closed, commands);
                self.closing = true;
                self.outbox.defer(Deferred::Reply(request, Reply::Closed));
                self.outbox.defer(Deferred::Stop);
            }
            change => {
                let reply = self.change(now, change, commands);
                self.answer(request, reply, commands);
            }
        }
    }

    /// Answers once everything recorded so far is durable; a refusal at once.
    fn answer(
        &mut self,
        request: RequestId,
        reply: Result<Reply, Error>,
        commands: &mut Vec<Command>,
    ) {
        match reply {
            Ok(reply) => self.outbox.defer(Deferred::Reply(request, reply)),
            Err(error) => commands.push(Command::Reply { request, reply: Err(error) }),
        }
    }

    /// Appends all entries or none. An entry that is known with the same content keeps its number (L3).
    fn append(&mut self, now: Timestamp, entries: &[Arc<Entry>]) -> Result<Vec<Receipt>, Error> {
        if entries.len() > caps::MAX_APPEND_ENTRIES {
            let (found, cap) = (entries.len(), caps::MAX_APPEND_ENTRIES);
            let message = format!("{found} entries in one append, the cap is {cap}");
            return Err(Error::new(Kind::TooLarge, message));
        }
        let known = self.refuse_conflicts(entries)?;
        let mut receipts = Vec::with_capacity(entries.len());
        for (entry, known) in entries.iter().zip(known) {
            let id = entry.id().clone();
            // One that was not known may have come twice, if several have come.
            let may_repeat = entries.len() > 1;
            let known = known.or_else(|| may_repeat.then(|| self.known(&id)).flatten());
            if let Some(Known { seq, place, .. }) = known {
                let live = self.state.is_live(place);
                receipts.push(Receipt { id, seq, known: true, live });
                continue;
            }
            let seq = self.state.view().head().next();
            self.record(Record::Appended { at: now, seq, entry: Arc::clone(entry) });
            receipts.push(Receipt { id, seq, known: false, live: true });
        }
        Ok(receipts)
    }

    /// What is known of each; an error when one has the id of another with other content.
    fn refuse_conflicts(&self, entries: &[Arc<Entry>]) -> Result<Vec<Option<Known>>, Error> {
        let mut batch = std::collections::BTreeMap::new();
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            let content = entry.message().digest;
            let known = self.known(entry.id());
            all.push(known);
            let first = *batch.entry(entry.id()).or_insert(content);
            let place = match known {
                Some(Known { seq, digest, .. }) if digest != content => format!("entry {seq}"),
                _ if first != content => "an earlier entry of the same append".to_owned(),
                _ => continue,
            };
            let (id, session) = (entry.id(), &self.id);
            let message = format!("session {session}: {id} is {place} with other content");
            return Err(Error::new(Kind::Conflict, message));
        }
        Ok(all)
    }

    /// What the model shall see now. Elides first when the view exceeds the hard mark (V10).
    fn context(&mut self, now: Timestamp, open_calls: OpenCalls) -> ContextReply {
        let stand_ins = self.state.view().open_calls();
        if open_calls == OpenCalls::Refuse && !stand_ins.is_empty() {
            return ContextReply::CallsOpen(stand_ins);
        }
        let extra = elide::stand_ins_tokens(stand_ins.len());
        match elide::plan(self.state.view(), &self.marks(), extra) {
            Ok(None) => {}
            Ok(Some(elision)) => self.elide(now, elision),
            Err(breakdown) => return ContextReply::TooLarge(breakdown),
        }
        let view = self.state.view();
        let (position, digest) = (view.head(), view.digest());
        let call = self.state.last_call().next();
        let answered = stand_ins.clone();
        self.record(Record::Answered { at: now, call, position, digest, stand_ins: answered });
        let context = self.state.last_context(&stand_ins);
        ContextReply::Ready(context.expect("texts that it takes were fetched before"))
    }

    /// Answers what the model shall see behind entries that were just appended, once all of its texts are in memory.
    pub(super) fn next_context(&mut self, now: Timestamp, next: Next, commands: &mut Vec<Command>) {
        if let Some(next) = self.asks_for_next(next, commands) {
            let context = Ok(self.context(now, next.open_calls));
            self.answer_next(next, context);
        }
    }

    /// Answers once the entries are durable, and the context, if there is one.
    pub(super) fn answer_next(&mut self, next: Next, context: Result<ContextReply, Error>) {
        let Next { request, receipts, end, .. } = next;
        self.outbox.defer(Deferred::NextContext(request, end, NextContext { receipts, context }));
    }

    fn elide(&mut self, now: Timestamp, elision: elide::Elision) {
        let before = self.state.view().tokens();
        let (results, groups) = (elision.results.len(), elision.groups.len());
        self.record(Record::Elided { at: now, results: elision.results, groups: elision.groups });
        let after = self.state.view().tokens();
        // Growth counts from here: measured from before, the next pass could lie above the hard mark for ever.
        self.retry_above = self.retry_above.min(after + self.marks().retry_growth());
        let notice = Notice::Elided { results, groups, before, after };
        self.outbox.defer(Deferred::Notice(notice));
    }

    fn status(&self) -> Status {
        let view = self.state.view();
        Status {
            head: view.head(),
            tip: self.state.tip(),
            view: view.tokens(),
            corrected: self.state.corrected(view.tokens()),
            budget: self.config.budget,
            covered: view.covered(),
            pass: self.running.as_ref().map(|running| PassStatus {
                pass: running.pass,
                covers: running.cut.covers(),
                done: running.done,
                total: running.total,
            }),
            open_calls: view.open_calls(),
            resets: self.state.resets(),
        }
    }

    /// A failed commit acknowledges nothing (L6): everybody who waits is told, and the actor ends, so that the log is
    /// read again before anything else is answered.
    fn commit_failed(&mut self, failure: CommitFailure, why: &str, commands: &mut Vec<Command>) {
        let kind = match failure {
            CommitFailure::NotStored => Kind::Retry,
            CommitFailure::Refused => Kind::Storage,
            CommitFailure::Unknown => Kind::Unknown,
            CommitFailure::Fenced => Kind::Locked,
        };
        let error = Error::new(kind, format!("session {}: {why}", self.id));
        let unsent = if failure == CommitFailure::Unknown { Kind::Retry } else { kind };
        let unsent = Error::new(unsent, format!("session {}: not sent: {why}", self.id));
        self.give_up(&error, &unsent, commands);
    }

    /// Ends the actor, so that the log is read again: whoever waits for what was sent gets `sent`, all others `unsent`.
    pub(super) fn give_up(&mut self, sent: &Error, unsent: &Error, commands: &mut Vec<Command>) {
        let mut held = self.held.take();
        if let Some(next) = held.as_mut().and_then(Held::take_next) {
            // Its entries are as far as all that waits.
            self.answer_next(next, Err(unsent.clone()));
        }
        self.outbox.fail(sent, unsent, commands);
        commands.extend(self.running.take().map(|running| Command::KillPass(running.pass)));
        let held = held.into_iter().flat_map(Held::requests);
        let waiting = std::mem::take(&mut self.waiting).into_values().flatten();
        for request in waiting.chain(held) {
            commands.push(Command::Reply { request, reply: Err(unsent.clone()) });
        }
        commands.push(Command::Notify(Notice::Failed(sent.clone())));
        commands.push(Command::Stop);
        self.closing = true;
    }
}
