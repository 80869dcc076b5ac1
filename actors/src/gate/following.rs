//! The stream of calls that have ended, for whoever follows an account: to bill, to watch, to check what the gate promises.

use highwater_protocol::caps;
use highwater_protocol::limit::{Arbiter, Served};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Where an account's ended calls go. The queue, which is allocated whole, exists from the first follower on.
#[derive(Debug, Default)]
pub(super) struct Followers(Option<broadcast::Sender<Served>>);

impl Followers {
    pub(super) fn join(&mut self, arbiter: &mut Arbiter) -> Calls {
        // Those who follow already hear what ended before somebody else came.
        self.tell(arbiter);
        let queue = self.0.get_or_insert_with(|| broadcast::Sender::new(caps::CALLS_QUEUE));
        let receiver = queue.subscribe();
        arbiter.served(true);
        Calls { receiver }
    }

    /// Tells what has ended since; nothing is noted where nobody follows.
    pub(super) fn tell(&mut self, arbiter: &mut Arbiter) {
        let Some(queue) = &self.0 else { return };
        let followed = queue.receiver_count() > 0;
        for served in arbiter.served(followed) {
            // The last one may leave at this moment.
            drop(queue.send(served));
        }
        if !followed {
            self.0 = None;
        }
    }
}

/// Calls of one account, in the order in which they ended. A reader that falls more than
/// [`highwater_protocol::caps::CALLS_QUEUE`] calls behind loses the oldest; how many is told.
#[derive(Debug)]
pub struct Calls {
    receiver: broadcast::Receiver<Served>,
}

/// One call, or how many were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A call that has ended.
    Call(Served),
    /// This many calls were dropped because nobody read them.
    Missed(u64),
}

impl Calls {
    /// Waits for the next call that ends; `None` when the gate has closed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Followed> {
        match self.receiver.recv().await {
            Ok(served) => Some(Followed::Call(served)),
            Err(RecvError::Lagged(missed)) => Some(Followed::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next call if one has ended already.
    pub fn try_next(&mut self) -> Option<Followed> {
        match self.receiver.try_recv() {
            Ok(served) => Some(Followed::Call(served)),
            Err(TryRecvError::Lagged(missed)) => Some(Followed::Missed(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}
