//! The stream of what a session tells unasked.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use highwater_protocol::caps;
use highwater_protocol::message::Notice;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::registry::Slot;

/// Where a session's notices go. The queue, which is allocated whole, exists from the first subscriber to the last: most
/// sessions of a large house have none.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
enum Queue {
    #[default]
    Unheard,
    Heard(broadcast::Sender<Notice>),
    Closed,
}

impl Announcer {
    /// Tells all subscribers.
    pub(crate) fn tell(&self, notice: Notice) {
        if let Queue::Heard(queue) = &*self.queue() {
            // Subscribers that have left are no loss.
            drop(queue.send(notice));
        }
    }

    /// Whatever is told from now on; nothing once it is closed.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        let mut queue = self.queue();
        if matches!(*queue, Queue::Unheard) {
            *queue = Queue::Heard(broadcast::Sender::new(caps::NOTICE_QUEUE));
        }
        match &*queue {
            Queue::Heard(sender) => sender.subscribe(),
            Queue::Unheard | Queue::Closed => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// A subscriber has left.
    fn left(&self) {
        let mut queue = self.queue();
        if matches!(&*queue, Queue::Heard(sender) if sender.receiver_count() == 0) {
            *queue = Queue::Unheard;
        }
    }

    #[cfg(test)]
    pub(crate) fn has_queue(&self) -> bool {
        matches!(&*self.queue(), Queue::Heard(_))
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        matches!(&*self.queue(), Queue::Heard(queue) if queue.receiver_count() > 0)
    }

    /// Nothing more will be told: subscribers come to an end.
    pub(crate) fn close(&self) {
        *self.queue() = Queue::Closed;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a session tells, in order. A reader that falls more than [`highwater_protocol::caps::NOTICE_QUEUE`] notices
/// behind loses the oldest; how many is told.
#[derive(Debug)]
pub struct Notices {
    receiver: broadcast::Receiver<Notice>,
    /// Dropped behind the receiver, so that the last one to leave sees that it is the last.
    _listener: Listener,
}

/// One who listens, until it is dropped.
#[derive(Debug)]
struct Listener(Weak<Slot>);

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(slot) = self.0.upgrade() {
            slot.notices().left();
        }
    }
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
    pub(crate) fn new(receiver: broadcast::Receiver<Notice>, of: Weak<Slot>) -> Self {
        Self { receiver, _listener: Listener(of) }
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
