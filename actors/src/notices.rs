//! The stream of what a session tells unasked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highwater_protocol::caps;
use highwater_protocol::message::Notice;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Where a session's notices go. The queue, which is allocated whole, exists from the first subscriber on: most sessions
/// of a large house have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcer {
    queue: Arc<Mutex<Queue>>,
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
    pub(crate) fn subscribe(&self) -> Notices {
        let mut queue = self.queue();
        if matches!(*queue, Queue::Unheard) {
            *queue = Queue::Heard(broadcast::Sender::new(caps::NOTICE_QUEUE));
        }
        let receiver = match &*queue {
            Queue::Heard(sender) => sender.subscribe(),
            Queue::Unheard | Queue::Closed => broadcast::Sender::new(1).subscribe(),
        };
        Notices { receiver }
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
