//! Logs of entries, for the promises that are about what they hold: ids, payloads, many bytes.

use std::sync::Arc;

use highwater_protocol::{Entry, EntryId, Format, LogPos, Record, Seq, Timestamp};
use highwater_storage::{Appended, BatchId, Lease, PageLimit, SessionBatch, Store};

use crate::fixture::{append, id};

pub(crate) fn entry_id(name: &str) -> EntryId {
    EntryId::parse(name).expect("a legal id")
}

/// An entry that says so many bytes, which no other entry of another number says.
pub(crate) fn entry(number: u64, bytes: usize) -> Record {
    let words = (0_u64..).map(|word| format!("{:x} ", (number + 1) * 0x9e37_79b9 + word * word));
    let mut text = String::new();
    words
        .take_while(|word| {
            text.push_str(word);
            text.len() < bytes
        })
        .for_each(drop);
    text.truncate(bytes);
    said(number, &text)
}

/// An entry that says a text.
pub(crate) fn said(number: u64, text: &str) -> Record {
    let json = format!("{{\"role\":\"user\",\"content\":\"{text}\"}}");
    let id = entry_id(&format!("e{number}"));
    let entry = Entry::from_json(id, Format::Anthropic, &json).expect("a legal entry");
    Record::Appended { at: Timestamp(1), seq: Seq(number + 1), entry: Arc::new(entry) }
}

pub(crate) fn batch_of(lease: &Lease, head: u64, records: Vec<Record>) -> SessionBatch {
    SessionBatch {
        session: lease.session.clone(),
        epoch: lease.epoch,
        head: LogPos(head),
        batch: BatchId(head + 1),
        records,
    }
}

/// Appends entries with these numbers, one for each position.
pub(crate) fn grow(store: &dyn Store, lease: &Lease, numbers: std::ops::Range<u64>, bytes: usize) {
    let (head, end) = (numbers.start, numbers.end);
    let records = numbers.map(|number| entry(number, bytes)).collect();
    assert_eq!(append(store, &batch_of(lease, head, records)), Appended::Stored(LogPos(end)));
}

/// Seals a session until nothing more can be; tells below which position it is sealed.
pub(crate) fn sealed(store: &dyn Store, name: &str, below: u64) -> u64 {
    loop {
        let sealed = store.seal(&id(name), LogPos(below)).expect("it is sealed");
        if !sealed.more {
            return sealed.below.0;
        }
    }
}

/// All records of a session, read in pages of so many bytes, from either end; both must agree.
pub(crate) fn whole(store: &dyn Store, name: &str, bytes: usize) -> Vec<Record> {
    let limit = PageLimit { bytes };
    let (mut rising, mut next) = (Vec::new(), Some(LogPos(0)));
    while let Some(from) = next {
        let page = store.read(&id(name), from, limit).expect("a page");
        rising.extend(page.records);
        next = page.next;
    }
    let head = store.session(&id(name)).expect("it is known").head;
    let (mut falling, mut next) = (Vec::new(), Some(head));
    while let Some(before) = next {
        let page = store.read_back(&id(name), before, limit).expect("a page");
        falling.extend(page.records);
        next = page.next;
    }
    falling.reverse();
    assert_eq!(rising, falling, "{name}, in pages of {bytes} bytes");
    let positions: Vec<u64> = rising.iter().map(|(at, _)| at.0).collect();
    assert_eq!(positions, (0..head.0).collect::<Vec<_>>(), "{name}");
    rising.into_iter().map(|(_, record)| record).collect()
}
