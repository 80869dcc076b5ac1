//! The journal: all sessions' batches go to the store in group commits, one at a time (L2).
//!
//! ```text
//! session --Append--> journal --one commit of all that waits--> writer --> store
//! session <--Committed------- journal <--Written---------------+
//! ```
//!
//! While a commit is under way, what comes meanwhile is the next one: the longer a sync takes, the more it carries.

mod messages;

use std::collections::VecDeque;
use std::slice;
use std::sync::Arc;
use std::task::Poll;

use highwater_protocol::session::CommitFailure;
use highwater_protocol::{LogPos, caps};
use highwater_storage::{Appended, SessionBatch, Store, StoreError};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::env::{Executor, guarded};
use crate::session::SessionMessage;
pub(crate) use messages::{Committed, JournalMessage};

pub(crate) struct JournalActor;

pub(crate) struct JournalArguments {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) executor: Arc<dyn Executor>,
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
    /// So many batches are enough.
    enough: usize,
}

/// How often the journal goes to the end of its own mailbox before it commits. Who was told that a commit has ended, and
/// has more to say, needs that many turns of the scheduler to be heard: caller, session, journal.
const GATHERING_TURNS: u8 = 1;

/// Of those who were told that a commit has ended, and those who came while it ran, so many eighths make the next one.
/// With all of them the disk would rest until the last one is heard. With those alone who came while it ran, commits
/// would carry half of them, at twice the syncs.
const ENOUGH_EIGHTHS: usize = 5;

/// So many are told at once what became of their batches. What they have more to say is heard before the others are told.
const TOLD_AT_ONCE: usize = 16;

impl Actor for JournalActor {
    type Msg = JournalMessage;
    type State = JournalState;
    type Arguments = JournalArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<JournalMessage>,
        JournalArguments { store, executor }: JournalArguments,
    ) -> Result<JournalState, ActorProcessingErr> {
        Ok(JournalState {
            store,
            executor,
            queue: VecDeque::new(),
            in_flight: None,
            untold: VecDeque::new(),
            is_gathering: false,
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
            JournalMessage::Append { batch, session } => state.queue.push_back((batch, session)),
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
    /// Commits when enough have come; else lets those who are ready come before.
    fn gather(&mut self, myself: &ActorRef<JournalMessage>) {
        if self.queue.len() >= self.enough {
            self.commit(myself);
        } else if self.in_flight.is_none() && !self.queue.is_empty() && !self.is_gathering {
            self.is_gathering = true;
            ask_again(myself, GATHERING_TURNS);
        }
    }

    fn commit(&mut self, myself: &ActorRef<JournalMessage>) {
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        let count = self.queue.len().min(caps::MAX_GROUP_COMMIT_SESSIONS);
        let (batches, sessions): (Vec<_>, Vec<_>) = self.queue.drain(..count).unzip();
        self.in_flight = Some(sessions);
        let (store, myself) = (Arc::clone(&self.store), myself.clone());
        self.executor.write(Box::new(move || {
            let results = append(&*store, &batches);
            // A journal that has ended has nobody left to tell; the sessions read the log again.
            drop(myself.cast(JournalMessage::Written { results }));
        }));
    }

    fn written(&mut self, results: Vec<Committed>) {
        let sessions = self.in_flight.take().expect("a commit ends once, after it was started");
        self.enough = ((sessions.len() + self.queue.len()) * ENOUGH_EIGHTHS).div_ceil(8);
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

#[cfg(test)]
mod tests {
    use highwater_protocol::{Budget, Format, Record, SessionId, Timestamp, TokenCount};
    use highwater_storage::{BatchId, Epoch, MemoryStore};

    use super::*;

    fn batch(name: &str) -> SessionBatch {
        let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
        let record = Record::Opened { at: Timestamp(0), format: Format::Anthropic, budget };
        SessionBatch {
            session: SessionId::parse(name).expect("a legal name"),
            epoch: Epoch(1),
            head: LogPos(0),
            batch: BatchId(1),
            records: vec![record],
        }
    }

    #[test]
    fn no_session_fails_for_anothers_fault() {
        let store = MemoryStore::new();
        for name in ["a", "c"] {
            store.open_session(&SessionId::parse(name).expect("a legal name")).expect("opened");
        }
        let results = append(&store, &[batch("a"), batch("never opened"), batch("c")]);
        let stored: Vec<bool> = results.iter().map(Result::is_ok).collect();
        assert_eq!(stored, [true, false, true], "{results:?}");
    }
}
