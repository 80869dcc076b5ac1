//! What the promises are made of: sessions, batches of short records, and a log read whole.

use highwater_protocol::{LogPos, Outcome, PassId, Record, SessionId, Timestamp};
use highwater_storage::{Appended, BatchId, Lease, PageLimit, SessionBatch, Store};

pub(crate) const ALL: PageLimit = PageLimit { bytes: usize::MAX };

pub(crate) fn id(name: &str) -> SessionId {
    SessionId::parse(name).expect("a legal name")
}

pub(crate) fn open(store: &dyn Store, name: &str) -> Lease {
    store.open_session(&id(name)).expect("the session opens")
}

pub(crate) fn record(text: &str) -> Record {
    let outcome = Outcome::Failed(text.into());
    Record::PassEnded { at: Timestamp(0), pass: PassId(1), outcome }
}

pub(crate) fn batch(lease: &Lease, number: u64, head: u64, texts: &[&str]) -> SessionBatch {
    SessionBatch {
        session: lease.session.clone(),
        epoch: lease.epoch,
        head: LogPos(head),
        batch: BatchId(number),
        records: texts.iter().copied().map(record).collect(),
    }
}

pub(crate) fn append(store: &dyn Store, batch: &SessionBatch) -> Appended {
    let mut answers = store.append(std::slice::from_ref(batch)).expect("the append is answered");
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(crate) fn log(store: &dyn Store, name: &str) -> Vec<Record> {
    let page = store.read(&id(name), LogPos(0), ALL).expect("the log is read");
    assert_eq!(page.next, None);
    let positions: Vec<_> = page.records.iter().map(|(at, _)| at.0).collect();
    assert_eq!(positions, (0..positions.len() as u64).collect::<Vec<_>>());
    page.records.into_iter().map(|(_, record)| record).collect()
}
