//! What a session waits for beside its commits: the fold made anew, where ids stand that it does not keep, texts that
//! have left memory. Whatever happens meanwhile is held, and happens then in the order in which it came.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::elide;
use crate::entry::Entry;
use crate::error::{Error, Kind};
use crate::ids::{EntryId, RequestId};
use crate::message::{OpenCalls, Receipt, Request};
use crate::position::LogPos;
use crate::time::Timestamp;
use crate::view::Away;

use super::{Command, Event, Known, Session, State};

/// Why events are held, and those events.
#[derive(Debug)]
pub(super) struct Held {
    awaited: Awaited,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Awaited {
    /// The fold made anew.
    Fold,
    /// Which of the ids that a request names are known.
    Ids(RequestId, Request),
    /// What these entries say; for this request, or for a pass that is due.
    Texts(Away, Option<(RequestId, Request)>),
    /// What these entries say, for a context whose entries were appended.
    NextTexts(Away, Next),
}

/// A context that is asked for behind entries that were appended with it.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) request: RequestId,
    pub(super) open_calls: OpenCalls,
    /// Of those entries.
    pub(super) receipts: Vec<Receipt>,
    /// Where the log ends behind them.
    pub(super) end: LogPos,
}

/// What has to be fetched before a request can be carried out.
enum Lack {
    Ids(Vec<EntryId>),
    Texts(Away),
}

/// What a store knew of the ids that the request names which is carried out now.
pub(super) type Found = BTreeMap<EntryId, Known>;

impl Held {
    /// Everything that is held until the fold is made anew.
    pub(super) fn for_fold() -> Self {
        Self { awaited: Awaited::Fold, events: VecDeque::new() }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The context that is asked for behind entries that were appended, if it waits for that.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        match std::mem::replace(&mut self.awaited, Awaited::Fold) {
            Awaited::NextTexts(_, next) => Some(next),
            other => {
                self.awaited = other;
                None
            }
        }
    }

    /// The requests that are not answered yet.
    pub(super) fn requests(self) -> impl Iterator<Item = RequestId> {
        let first = match self.awaited {
            Awaited::Ids(request, _)
            | Awaited::Texts(_, Some((request, _)))
            | Awaited::NextTexts(_, Next { request, .. }) => Some(request),
            Awaited::Fold | Awaited::Texts(_, None) => None,
        };
        let events = self.events.into_iter().filter_map(|event| match event {
            Event::Request { request, .. } => Some(request),
            _ => None,
        });
        first.into_iter().chain(events)
    }
}

impl Session {
    /// What the store is asked for before this request can be carried out; `None` when it can be now.
    pub(super) fn asks_for(
        &mut self,
        request: RequestId,
        body: Request,
        commands: &mut Vec<Command>,
    ) -> Option<Request> {
        let awaited = match self.lack(&body) {
            None => return Some(body),
            Some(Lack::Ids(ids)) => {
                commands.push(Command::Find { ids });
                Awaited::Ids(request, body)
            }
            Some(Lack::Texts(away)) => {
                commands.push(fetch(&away));
                Awaited::Texts(away, Some((request, body)))
            }
        };
        self.held = Some(Held { awaited, events: VecDeque::new() });
        None
    }

    /// The same for a context whose entries were appended.
    pub(super) fn asks_for_next(
        &mut self,
        next: Next,
        commands: &mut Vec<Command>,
    ) -> Option<Next> {
        let away = self.away_of_context(next.open_calls);
        if away.is_empty() {
            return Some(next);
        }
        commands.push(fetch(&away));
        let awaited = Awaited::NextTexts(away, next);
        self.held = Some(Held { awaited, events: VecDeque::new() });
        None
    }

    /// Has texts fetched for a pass that is due.
    pub(super) fn fetch_for_pass(&mut self, away: Away, commands: &mut Vec<Command>) {
        commands.push(fetch(&away));
        self.held = Some(Held { awaited: Awaited::Texts(away, None), events: VecDeque::new() });
    }

    fn lack(&self, body: &Request) -> Option<Lack> {
        let away = match body {
            Request::Append { entries } | Request::NextContext { entries, .. } => {
                return self.lacks_ids(entries).map(Lack::Ids);
            }
            Request::Edit { entry, .. } => {
                return self.lacks_ids(std::slice::from_ref(entry)).map(Lack::Ids);
            }
            Request::Context { open_calls } => self.away_of_context(*open_calls),
            Request::Compact { up_to, focus } if self.may_compact(focus.as_deref()).is_ok() => {
                self.away_of_pass(*up_to)
            }
            _ => return None,
        };
        (!away.is_empty()).then_some(Lack::Texts(away))
    }

    /// The ids of these entries that may be known to the store alone.
    fn lacks_ids(&self, entries: &[Arc<Entry>]) -> Option<Vec<EntryId>> {
        let over = entries.len() > crate::caps::MAX_APPEND_ENTRIES;
        if over || self.found.is_some() || self.state.indexed() == LogPos::default() {
            return None;
        }
        let ids = entries.iter().map(|entry| entry.id());
        let mut ids: Vec<EntryId> = ids.filter(|id| self.state.lacks(id)).cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then_some(ids)
    }

    /// The entry of an id: of those that are kept, or that the store was asked for.
    pub(super) fn known(&self, id: &EntryId) -> Option<Known> {
        let found = || self.found.as_ref().and_then(|found| found.get(id).copied());
        self.state.find(id).or_else(found)
    }

    fn away_of_context(&self, open_calls: OpenCalls) -> Away {
        let view = self.state.view();
        if view.is_whole() {
            return Away::new();
        }
        let stand_ins = view.open_calls();
        if open_calls == OpenCalls::Refuse && !stand_ins.is_empty() {
            return Away::new();
        }
        match elide::plan(view, &self.marks(), elide::stand_ins_tokens(stand_ins.len())) {
            Ok(elision) => view.away_of_context(&elision.unwrap_or_default().groups),
            Err(_) => Away::new(),
        }
    }

    /// Whether this event is what the session waits for. Then it goes on with what it wanted, and with what was held.
    pub(super) fn resume(&mut self, now: Timestamp, event: Event, commands: &mut Vec<Command>) {
        let Some(Held { awaited, events }) = self.held.take() else {
            return;
        };
        match (awaited, event) {
            (Awaited::Fold, Event::Refolded { state: Ok(state) }) => {
                self.replace(*state);
                // A pin or a resolution that the rewind undid may have stood in what the pass covers, or have held it
                // together.
                self.give_up_if_changed(now, commands);
            }
            (Awaited::Fold, Event::Refolded { state: Err(error) }) => {
                self.held = Some(Held { awaited: Awaited::Fold, events });
                let why = error.to_string();
                return self.give_up(&error, &Error::new(Kind::Retry, why), commands);
            }
            (Awaited::Ids(request, body), Event::Found { known: Ok(known) }) => {
                self.found = Some(known.into_iter().collect());
                self.request(now, request, body, commands);
                self.found = None;
            }
            (Awaited::Ids(request, _), Event::Found { known: Err(error) }) => {
                commands.push(Command::Reply { request, reply: Err(error) });
            }
            (Awaited::Texts(away, then), Event::Fetched { entries }) => {
                let taken = entries.and_then(|entries| self.take_back(&away, &entries));
                match (taken, then) {
                    (Ok(()), Some((request, body))) => self.request(now, request, body, commands),
                    (Ok(()), None) => {}
                    (Err(error), Some((request, _))) => {
                        commands.push(Command::Reply { request, reply: Err(error) });
                    }
                    // Nobody has asked for the pass: it is tried again once the view has grown.
                    (Err(_), None) => self.hold_back(),
                }
            }
            (Awaited::NextTexts(away, next), Event::Fetched { entries }) => {
                match entries.and_then(|entries| self.take_back(&away, &entries)) {
                    Ok(()) => self.next_context(now, next, commands),
                    Err(error) => self.answer_next(next, Err(error)),
                }
            }
            (awaited, _) => {
                self.held = Some(Held { awaited, events });
                return;
            }
        }
        for event in events {
            self.take(now, event, commands);
        }
    }

    /// The fold was made anew. The store knows as many ids as before.
    fn replace(&mut self, state: State) {
        let indexed = self.state.indexed();
        self.state = state;
        self.state.forget_ids(indexed);
    }

    /// Takes the texts in that were asked for. [`Kind::Corrupt`] when one is missing, or is not what was said.
    fn take_back(&mut self, away: &Away, entries: &[(LogPos, Arc<Entry>)]) -> Result<(), Error> {
        let entries: BTreeMap<LogPos, &Arc<Entry>> =
            entries.iter().map(|(at, entry)| (*at, entry)).collect();
        for (at, place) in away {
            let entry = entries.get(at);
            let taken =
                entry.is_some_and(|entry| self.state.view_mut().take_back(*place, entry.message()));
            if !taken {
                let (session, found) =
                    (&self.id, if entry.is_some() { "another text" } else { "no entry" });
                let message = format!(
                    "session {session}: {at} holds {found} in the place of entry {place}; check the store"
                );
                return Err(Error::new(Kind::Corrupt, message));
            }
        }
        Ok(())
    }

    /// Lets texts go while the session takes more memory than it may, or than it was asked to (L5): the oldest first, and
    /// none that is not durable. Not while it waits, since it may be about to use what it holds; nor while a context waits
    /// to be durable, since that holds its blocks all the same. What it was asked to is done then.
    pub(super) fn keep_within_what_is_asked(&mut self) {
        if self.held.is_some() || self.outbox.holds_context() {
            return;
        }
        let cap = self.config.resident_bytes;
        let bytes = self.relief.take().map_or(cap, |asked| asked.min(cap));
        let over = self.resident_bytes().saturating_sub(bytes);
        if over > 0 {
            let before = self.resident_bytes();
            self.state.evict(over, self.outbox.durable_position());
            self.evictions.0 += u64::from(self.resident_bytes() < before);
        }
    }
}

fn fetch(away: &Away) -> Command {
    Command::Fetch { positions: away.keys().copied().collect() }
}
