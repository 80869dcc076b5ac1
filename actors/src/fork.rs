//! Forking a session (L9): finding where its log is to be left, and having the store make the child.

use highwater_protocol::{Error, Kind, LogPos, Seq, SessionId};
use highwater_storage::{Fork, PageLimit, Store};
use tokio::sync::oneshot;

use crate::env::{guarded, reading};
use crate::error::of_store;
use crate::highwater::shut_down;
use crate::history;
use crate::house::House;

/// Makes `child` begin with the log of `parent`, up to and with its entry `at`, or all of it that is durable.
pub(crate) async fn fork(
    house: &House,
    parent: &SessionId,
    at: Option<Seq>,
    child: &SessionId,
) -> Result<(), Error> {
    if house.queue.is_closed() {
        return Err(shut_down());
    }
    let (reply, forked) = oneshot::channel();
    let (store, executor) = (house.store.clone(), house.executor.clone());
    let (parent, child) = (parent.clone(), child.clone());
    // Looked for beside the commits of all sessions: what stands before the place is durable, and stays as it is.
    house.executor.read(Box::new(move || {
        let at = match reading(|| place(&*store, &parent, at)) {
            Ok(at) => at,
            Err(error) => return drop(reply.send(Err(error))),
        };
        executor.write(Box::new(move || {
            let fork = Fork { parent, at, child };
            let made = guarded(|| store.fork(&fork)).map_err(|error| of_store(&error));
            // A caller that went away has its fork all the same, and may ask for it again.
            drop(reply.send(made.map(|_| ())));
        }));
    }));
    house.unless_closed(forked.await.map_err(|_| shut_down())?)
}

/// The position behind an entry, or the end of the log.
fn place(store: &dyn Store, session: &SessionId, at: Option<Seq>) -> Result<LogPos, Error> {
    let Some(seq) = at.filter(|seq| *seq > Seq::ZERO) else {
        let head = store.session(session).map_err(|error| of_store(&error))?.head;
        return Ok(if at.is_some() { LogPos(head.0.min(1)) } else { head });
    };
    let from = history::position(store, session, seq)?;
    let page = store.read(session, from, PageLimit { bytes: 1 }).map_err(|e| of_store(&e))?;
    match page.records.first() {
        Some((at, record)) if record.entry().is_some_and(|found| found.seq == seq) => {
            Ok(at.advance(1))
        }
        _ => {
            let message = format!("session {session} has no entry {seq} to be forked at");
            Err(Error::new(Kind::NotFound, message))
        }
    }
}
