//! Each fault of a script happens once, at its call, and nowhere else.

use highwater_protocol::{LogPos, Outcome, PassId, Record, SessionId, Timestamp};

use super::*;
use crate::memory::MemoryStore;
use crate::store::{Appended, BatchId, Epoch, PageLimit, SessionBatch};

fn session() -> SessionId {
    SessionId::parse("one").unwrap()
}

fn batch(head: u64) -> SessionBatch {
    let outcome = Outcome::NothingToDo;
    SessionBatch {
        session: session(),
        epoch: Epoch(1),
        head: LogPos(head),
        batch: BatchId(head + 1),
        records: vec![Record::PassEnded { at: Timestamp(0), pass: PassId(1), outcome }],
    }
}

fn length(store: &FaultyStore) -> usize {
    store.read(&session(), LogPos(0), PageLimit { bytes: 1 << 20 }).unwrap().records.len()
}

/// Runs an append into a fault, and says how many records are stored then and whether writers are refused.
fn check(fault: Fault, expected: fn(&StoreError) -> bool, stored: usize, poisoned: bool) {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), [fault]);
    store.open_session(&session()).unwrap();
    store.append(&[batch(0)]).unwrap();
    let failed = store.append(&[batch(1)]).unwrap_err();
    assert!(expected(&failed), "{failed:?}");
    assert_eq!(length(&store), stored);
    if poisoned {
        for refused in
            [store.append(&[batch(1)]).unwrap_err(), store.open_session(&session()).unwrap_err()]
        {
            assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
        }
        assert_eq!(length(&store), stored);
        store.reopen();
    }
    assert_eq!(store.append(&[batch(1)]).unwrap(), [Appended::Stored(LogPos(2))]);
    assert_eq!(length(&store), 2);
}

#[test]
fn a_failed_append_does_what_the_script_says() {
    let busy: fn(&StoreError) -> bool = |error| matches!(error, StoreError::Busy(_));
    let unknown: fn(&StoreError) -> bool = |error| matches!(error, StoreError::Unknown(_));
    check(Fault::AppendBusy { nth: 2 }, busy, 1, false);
    check(Fault::AppendUnknownStored { nth: 2 }, unknown, 2, true);
    check(Fault::AppendUnknownLost { nth: 2 }, unknown, 1, true);
}

#[test]
fn openings_and_reads_fail_once() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), [Fault::OpenBusy { nth: 1 }]);
    let failed = store.open_session(&session()).unwrap_err();
    assert!(matches!(failed, StoreError::Busy(_)), "{failed:?}");
    assert_eq!(store.open_session(&session()).unwrap().epoch, Epoch(1));
    store.inject(Fault::ReadFails { nth: 2 });
    assert_eq!(length(&store), 0);
    let failed = store.read(&session(), LogPos(0), PageLimit { bytes: 1 }).unwrap_err();
    assert!(matches!(failed, StoreError::Io { .. }), "{failed:?}");
    assert_eq!(length(&store), 0);
}
