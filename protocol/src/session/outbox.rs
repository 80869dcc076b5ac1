//! What waits to become durable, and what waits for that. One batch is in flight; what comes meanwhile is the next (L8).

use std::collections::VecDeque;

use crate::branch::Rewinds;
use crate::error::Error;
use crate::ids::RequestId;
use crate::message::{ContextReply, NextContext, Notice, Reply};
use crate::position::LogPos;
use crate::record::Record;

use super::Command;

#[derive(Debug)]
pub(super) struct Outbox {
    durable: LogPos,
    in_flight: Option<LogPos>,
    pending: Vec<Record>,
    /// The bytes of memory that the pending records take beside what the view holds too.
    pending_bytes: usize,
    end: LogPos,
    waiting: VecDeque<(LogPos, Deferred)>,
}

/// Something that may be said only once a position is durable (L2).
#[derive(Debug)]
pub(super) enum Deferred {
    Reply(RequestId, Reply),
    /// A reply to entries and a context, of which the entries come before this position.
    NextContext(RequestId, LogPos, NextContext),
    Notice(Notice),
    /// Have the fold made anew from the log, which ends here.
    Refold(Rewinds),
    Stop,
}

impl Outbox {
    pub(super) fn new(durable: LogPos) -> Self {
        Self {
            durable,
            in_flight: None,
            pending: Vec::new(),
            pending_bytes: 0,
            end: durable,
            waiting: VecDeque::new(),
        }
    }

    /// Whether no batch is under way. What may be pending then is owed to the past alone and goes with the first event:
    /// a pass that it left unfinished, changed marks. Whoever reads the session anew finds it again.
    pub(super) fn is_settled(&self) -> bool {
        self.in_flight.is_none()
    }

    pub(super) fn push(&mut self, record: Record) {
        self.pending_bytes += record.weight();
        self.pending.push(record);
        self.end = self.end.advance(1);
    }

    /// Says something once everything recorded so far is durable; at once when it is already.
    pub(super) fn defer(&mut self, deferred: Deferred) {
        self.waiting.push_back((self.end, deferred));
    }

    /// The next batch, if none is in flight, and everything that may be said now.
    pub(super) fn flush(&mut self, commands: &mut Vec<Command>) {
        if self.in_flight.is_none() && !self.pending.is_empty() {
            let head = self.durable;
            let records = std::mem::take(&mut self.pending);
            self.pending_bytes = 0;
            self.in_flight = Some(head.advance(records.len()));
            commands.push(Command::Write { head, records });
        }
        while let Some((after, _)) = self.waiting.front() {
            if *after > self.durable {
                break;
            }
            let (_, deferred) = self.waiting.pop_front().expect("the loop has just seen it");
            commands.push(match deferred {
                Deferred::Reply(request, reply) => Command::Reply { request, reply: Ok(reply) },
                Deferred::NextContext(request, _, next) => {
                    Command::Reply { request, reply: Ok(Reply::NextContext(next)) }
                }
                Deferred::Notice(notice) => Command::Notify(notice),
                Deferred::Refold(rewinds) => Command::Refold { rewinds, end: self.durable },
                Deferred::Stop => Command::Stop,
            });
        }
    }

    /// Where the log ends, with what is recorded and not durable.
    pub(super) fn end(&self) -> LogPos {
        self.end
    }

    /// Everything before this position is durable.
    pub(super) fn durable_position(&self) -> LogPos {
        self.durable
    }

    /// The bytes of memory that it takes: the records that are not under way yet. Their messages, and the blocks of
    /// contexts that wait, are the view's.
    pub(super) fn weight(&self) -> usize {
        self.pending_bytes + self.waiting.len() * size_of::<(LogPos, Deferred)>()
    }

    /// Whether a context waits. What it shows takes memory as long as it does, wherever else it is held.
    pub(super) fn holds_context(&self) -> bool {
        let is_context = |deferred: &Deferred| {
            let reply = match deferred {
                Deferred::Reply(_, Reply::Context(reply)) => Some(reply),
                Deferred::NextContext(_, _, next) => next.context.as_ref().ok(),
                _ => None,
            };
            matches!(reply, Some(ContextReply::Ready(_)))
        };
        self.waiting.iter().any(|(_, deferred)| is_context(deferred))
    }

    /// The batch in flight is durable.
    pub(super) fn durable(&mut self, position: LogPos) {
        self.durable = self.durable.max(position);
        if self.in_flight.is_some_and(|end| end <= position) {
            self.in_flight = None;
        }
    }

    /// Gives up everything that waits. What stood in the failed batch gets `in_flight`, what had not been sent `unsent`.
    pub(super) fn fail(&mut self, in_flight: &Error, unsent: &Error, commands: &mut Vec<Command>) {
        let sent = self.in_flight.take().unwrap_or(self.durable);
        self.pending.clear();
        self.pending_bytes = 0;
        for (after, deferred) in self.waiting.drain(..) {
            let error_of = |first| if first <= sent { in_flight } else { unsent }.clone();
            let (request, reply) = match deferred {
                Deferred::Reply(request, _) => (request, Err(error_of(after))),
                // Its entries may be durable, or have been sent, before the context was recorded.
                Deferred::NextContext(request, appended, mut next) if appended <= self.durable => {
                    next.context = next.context.and_then(|_| Err(error_of(after)));
                    (request, Ok(Reply::NextContext(next)))
                }
                Deferred::NextContext(request, appended, _) => (request, Err(error_of(appended))),
                Deferred::Notice(_) | Deferred::Refold(_) | Deferred::Stop => continue,
            };
            commands.push(Command::Reply { request, reply });
        }
    }
}

#[cfg(test)]
impl Outbox {
    /// What [`Outbox::weight`] says, by walking what is pending.
    pub(super) fn weight_counted(&self) -> usize {
        let pending: usize = self.pending.iter().map(Record::weight).sum();
        pending + self.waiting.len() * size_of::<(LogPos, Deferred)>()
    }
}
