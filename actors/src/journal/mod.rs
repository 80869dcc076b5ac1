//! The journal: all sessions' batches go to the store in group commits, one at a time (L2).
//!
//! ```text
//! session --Append--> journal --one commit of all that waits--> writer --> store
//! session <--Committed------- journal <--Written---------------+
//! ```
//!
//! While a commit is under way, what comes meanwhile is the next one: the longer a sync takes, the more it carries. Where
//! syncs are fast and many sessions come one by one, commits begin some milliseconds apart, so that each carries several:
//! a commit costs as much processor time as a dozen appends. Whoever was told and comes straight back waits for nothing.

mod messages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::slice;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use highwater_protocol::session::CommitFailure;
use highwater_protocol::{LogPos, caps};
use highwater_storage::{Appended, SessionBatch, Store, StoreError};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use crate::env::{Executor, guarded};
use crate::session::SessionMessage;
pub(crate) use messages::{Committed, JournalMessage};

pub(crate) struct JournalActor;

pub(crate) struct JournalArguments {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) executor: Arc<dyn Executor>,
    /// The least time between the beginnings of two commits, unless those who were told are back.
    pub(crate) commit_every: Duration,
}

pub(crate) struct JournalState {
    store: Arc<dyn Store>,
    executor: Arc<dyn Executor>,
    queue: VecDeque<(SessionBatch, ActorRef<SessionMessage>)>,
    /// Who waits for the commit under way, in the order of its batches.
    in_flight: Option<Vec<ActorRef<SessionMessage>>>,
    /// Who does not know yet what became of its batch.
    untold: VecDeque<(ActorRef<SessionMessage>, Committed)>,
    /// A commit is about to start, once enough have come, or those who are ready have had their turn.
    is_gathering: bool,
    /// The least time between two commits, and when the last one began.
    commit_every: Duration,
    began: Option<Instant>,
    /// It will be looked again when that time has passed.
    is_waiting: bool,
    /// Those of the last two commits who have not come back: the slower ones of the last but one are still coming.
    away: [BTreeSet<ActorId>; 2],
    /// How many have come while it ran, or have come back.
    back: usize,
    /// So many of them are enough.
    enough: usize,
}

/// How often the journal goes to the end of its own mailbox before it commits. Who was told that a commit has ended, and
/// has more to say, needs that many turns of the scheduler to be heard: caller, session, journal.
const GATHERING_TURNS: u8 = 1;

/// Of those who were told that a commit has ended, and those who came while it ran, so many eighths make the next one.
/// With all of them the disk would rest until the last one is heard. With those alone who came while it ran, commits
/// would carry half of them, at twice the syncs.
const ENOUGH_EIGHTHS: usize = 5;

/// So many batches go at once, whoever they are of: each of them has little of what a commit costs by itself.
const MANY: usize = 64;

/// So many are told at once what became of their batches. What they have more to say is heard before the others are told.
const TOLD_AT_ONCE: usize = 16;

impl Actor for JournalActor {
    type Msg = JournalMessage;
    type State = JournalState;
    type Arguments = JournalArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<JournalMessage>,
        JournalArguments { store, executor, commit_every }: JournalArguments,
    ) -> Result<JournalState, ActorProcessingErr> {
        Ok(JournalState {
            store,
            executor,
            queue: VecDeque::new(),
            in_flight: None,
            untold: VecDeque::new(),
            is_gathering: false,
            commit_every,
            began: None,
            is_waiting: false,
            away: Default::default(),
            back: 0,
            enough: 1,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<JournalMessage>,
        message: JournalMessage,
        state: &mut JournalState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            JournalMessage::Append { batch, session } => {
                let is_back = state.away.iter_mut().any(|away| away.remove(&session.get_id()));
                state.back += usize::from(is_back);
                state.queue.push_back((batch, session));
            }
            JournalMessage::Due => state.is_waiting = false,
            JournalMessage::Written { results } => {
                state.written(results);
                // The next commit comes first: telling takes longer than starting it.
                state.gather(&myself);
                state.tell(&myself);
                return Ok(());
            }
            JournalMessage::Tell => {
                state.tell(&myself);
                return Ok(());
            }
            JournalMessage::Gather { turns: 0 } => {
                state.is_gathering = false;
                state.commit(&myself);
                return Ok(());
            }
            JournalMessage::Gather { turns } => {
                let_others_run().await;
                ask_again(&myself, turns - 1);
                return Ok(());
            }
        }
        state.gather(&myself);
        Ok(())
    }
}

impl JournalState {
    /// Commits when enough are back; else when it is time, and those who are ready have come before.
    fn gather(&mut self, myself: &ActorRef<JournalMessage>) {
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        let passed = self.began.map_or(Duration::MAX, |began| began.elapsed());
        if self.back >= self.enough || self.queue.len() >= MANY {
            self.commit(myself);
        } else if self.is_gathering {
            // Those who are ready are coming.
        } else if passed >= self.commit_every {
            self.is_gathering = true;
            ask_again(myself, GATHERING_TURNS);
        } else if !self.is_waiting {
            self.is_waiting = true;
            myself.send_after(self.commit_every.saturating_sub(passed), || JournalMessage::Due);
        }
    }

    fn commit(&mut self, myself: &ActorRef<JournalMessage>) {
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        let count = self.queue.len().min(caps::MAX_GROUP_COMMIT_SESSIONS);
        let (batches, sessions): (Vec<_>, Vec<_>) = self.queue.drain(..count).unzip();
        self.in_flight = Some(sessions);
        self.began = Some(Instant::now());
        let (store, myself) = (Arc::clone(&self.store), myself.clone());
        // A write that waits keeps nobody from ending the executor.
        let beside = Arc::downgrade(&self.executor);
        self.executor.write(Box::new(move || {
            let results = append(&*store, &batches);
            // A journal that has ended has nobody left to tell; the sessions read the log again.
            drop(myself.cast(JournalMessage::Written { results }));
            if store.is_behind()
                && let Some(beside) = beside.upgrade()
            {
                beside.write_beside(Box::new(move || write_behind(&*store)));
            }
        }));
    }

    fn written(&mut self, results: Vec<Committed>) {
        let sessions = self.in_flight.take().expect("a commit ends once, after it was started");
        self.enough = ((sessions.len() + self.queue.len()) * ENOUGH_EIGHTHS).div_ceil(8);
        self.back = self.queue.len();
        self.away.rotate_right(1);
        self.away[0] = sessions.iter().map(|session| session.get_id()).collect();
        self.untold.extend(sessions.into_iter().zip(results));
    }

    /// Tells some what became of their batches, and the others a moment later: the first may be back with more by then.
    fn tell(&mut self, myself: &ActorRef<JournalMessage>) {
        let count = self.untold.len().min(TOLD_AT_ONCE);
        for (session, result) in self.untold.drain(..count) {
            // A session that has ended reads its log when it is opened again.
            drop(session.cast(SessionMessage::Committed(result)));
        }
        if !self.untold.is_empty() {
            // The actor is alive: it is handling a message.
            drop(myself.cast(JournalMessage::Tell));
        }
    }
}

/// Nobody waits for it: whoever writes next learns that it failed, and what was acknowledged is durable.
fn write_behind(store: &dyn Store) {
    if let Err(error) = guarded(|| store.write_behind()) {
        tracing::error!(%error, "journal.write_behind failed");
    }
}

/// Goes to the end of the scheduler's queue. Unlike tokio's own yielding it is no reason for a paused clock to go on.
async fn let_others_run() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Goes to the end of the mailbox once more.
fn ask_again(myself: &ActorRef<JournalMessage>, turns: u8) {
    // The actor is alive: it is handling a message.
    drop(myself.cast(JournalMessage::Gather { turns }));
}

/// Commits the batches together. When one of them cannot be stored by its own fault, each is committed alone, so that
/// no session fails for another's.
fn append(store: &dyn Store, batches: &[SessionBatch]) -> Vec<Committed> {
    match guarded(|| store.append(batches)) {
        Err(StoreError::Invalid(_) | StoreError::NoSession(_)) if batches.len() > 1 => {
            batches.iter().flat_map(|batch| append(store, slice::from_ref(batch))).collect()
        }
        result => outcomes(result, batches.len()),
    }
}

/// What a commit means to each session in it.
fn outcomes(result: Result<Vec<Appended>, StoreError>, sessions: usize) -> Vec<Committed> {
    let answers = match result {
        Ok(answers) => answers,
        Err(error) => {
            tracing::error!(%error, sessions, "journal.commit failed");
            let failure = match error {
                StoreError::Busy(_) => CommitFailure::NotStored,
                StoreError::Unknown(_) => CommitFailure::Unknown,
                _ => CommitFailure::Refused,
            };
            let why: Box<str> = error.to_string().into();
            return vec![Err((failure, why)); sessions];
        }
    };
    let answers = answers.into_iter().map(|answer| match answer {
        Appended::Stored(position) => Ok(position),
        Appended::Fenced { .. } => {
            Err((CommitFailure::Fenced, "a newer owner has opened the session".into()))
        }
        Appended::WrongHead { current } => Err((CommitFailure::NotStored, wrong_head(current))),
    });
    answers.collect()
}

fn wrong_head(current: LogPos) -> Box<str> {
    format!("the stored log ends at {current}, not where this session believed").into()
}
