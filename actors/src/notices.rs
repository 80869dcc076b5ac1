//! The stream of what a session tells unasked.

use highwater_protocol::message::Notice;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// What a session tells, in order. A reader that falls more than [`highwater_protocol::caps::NOTICE_QUEUE`] notices
/// behind loses the oldest; how many is told.
#[derive(Debug)]
pub struct Notices {
    receiver: broadcast::Receiver<Notice>,
}

/// One notice, or how many were lost.
#[derive(Clone, Debug)]
pub enum Told {
    /// What happened.
    Notice(Notice),
    /// This many notices were dropped because nobody read them.
    Missed(u64),
}

impl Notices {
    pub(crate) fn new(receiver: broadcast::Receiver<Notice>) -> Self {
        Self { receiver }
    }

    /// Waits for the next notice; `None` when the house has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Told> {
        match self.receiver.recv().await {
            Ok(notice) => Some(Told::Notice(notice)),
            Err(RecvError::Lagged(missed)) => Some(Told::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next notice if there is one already.
    pub fn try_next(&mut self) -> Option<Told> {
        match self.receiver.try_recv() {
            Ok(notice) => Some(Told::Notice(notice)),
            Err(TryRecvError::Lagged(missed)) => Some(Told::Missed(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}
