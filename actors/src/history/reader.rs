//! What a host reads a session's history with. It needs no live session: what cannot be folded can still be read.

use std::sync::Arc;

use highwater_protocol::{CallNumber, Entry, Error, Kind, Role, Seq, SeqRange, SessionId, caps};
use highwater_storage::Store;
use tokio::sync::oneshot;

use super::{HistoryPage, HistoryStream, Order, PastCall, Wanted, page};
use crate::env::reading;
use crate::highwater::shut_down;
use crate::house::House;

/// The durable history of one session. Cheap to clone. Reading is done beside everything else and holds up no turn; it
/// shows what was durable when the read began.
///
/// Every method fails with [`Kind::NotFound`] when the session is not known, [`Kind::Storage`] when the store cannot be
/// read, [`Kind::Retry`] when it takes longer than [`caps::READ_DEADLINE`], and [`Kind::Closed`] when the house is shutting
/// down. Dropping a future withdraws a reading that has not begun; one that has goes on to its end, and nobody hears of it.
#[derive(Clone)]
pub struct History {
    session: SessionId,
    house: House,
}

impl History {
    pub(crate) fn new(session: SessionId, house: House) -> Self {
        Self { session, house }
    }

    /// Whose history it is.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Entries of a range, from either end, about `limit_bytes` of source bytes; at least one if there is any. What is
    /// damaged is a gap in the page (L6).
    pub async fn page(
        &self,
        range: SeqRange,
        order: Order,
        limit_bytes: usize,
    ) -> Result<HistoryPage, Error> {
        self.read(move |store, session| page::read(store, session, range, order, limit_bytes)).await
    }

    /// The entries of a range one after another, holding no more than a page of about `page_bytes` at a time.
    pub fn stream(&self, range: SeqRange, order: Order, page_bytes: usize) -> HistoryStream {
        HistoryStream::new(self.clone(), range, order, page_bytes)
    }

    /// The last entry that somebody said.
    pub async fn last_of(&self, role: Role) -> Result<Option<(Seq, Arc<Entry>)>, Error> {
        self.read(move |store, session| page::find_last(store, session, Wanted::Role(role))).await
    }

    /// The last entry whose source calls it so: `assistant`, `progress`, ..
    pub async fn last_labelled(&self, label: &str) -> Result<Option<(Seq, Arc<Entry>)>, Error> {
        let label: Box<str> = label.into();
        let find = move |store: &dyn Store, session: &SessionId| {
            page::find_last(store, session, Wanted::Label(&label))
        };
        self.read(find).await
    }

    /// How many entries of a range are durable. Reads only the newest.
    pub async fn count(&self, range: SeqRange) -> Result<u64, Error> {
        self.read(move |store, session| page::count(store, session, range)).await
    }

    /// The context that a call was answered with, byte for byte (P8), also behind splices, rewinds and restarts, and what was
    /// reported for it. It costs what the log holds between the call and the last anchor before it, what its view showed, and
    /// finding the call, which takes longer in a log with long stretches that no call stands in. [`Kind::NotFound`] when
    /// there was no such call; [`Kind::Corrupt`] when the log before it cannot be folded.
    pub async fn call(&self, call: CallNumber) -> Result<PastCall, Error> {
        self.read(move |store, session| super::call(store, session, call)).await
    }

    /// Reads from the store where blocking work may run, within the deadline.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store, &SessionId) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.house.queue.is_closed() {
            return Err(shut_down());
        }
        let (reply, answer) = oneshot::channel();
        let (store, session) = (self.house.store.clone(), self.session.clone());
        self.house.executor.read(Box::new(move || {
            // A caller that went away, or whose deadline came, needs no answer.
            if !reply.is_closed() {
                drop(reply.send(reading(|| work(&*store, &session))));
            }
        }));
        if let Ok(answer) = tokio::time::timeout(caps::READ_DEADLINE, answer).await {
            return self.house.unless_closed(answer.map_err(|_| shut_down())?);
        }
        let (session, limit) = (&self.session, caps::READ_DEADLINE.as_secs());
        let why = format!("session {session}: the store was not read within {limit} s");
        Err(Error::new(Kind::Retry, why))
    }
}

#[cfg(test)]
mod tests;
