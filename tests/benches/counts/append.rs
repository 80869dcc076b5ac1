//! What an append of 1 KB takes: reading the entry, deciding and folding, the store's commit, and all of it in a house.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use highwater_protocol::message::{Reply, Request};
use highwater_protocol::{Entry, EntryId, Format, Record, Seq};
use highwater_storage::{Appended, BatchId, SessionBatch, Store};
use highwater_tests::dice::Dice;
use highwater_tests::world;

use crate::callgrind::{TIMES, counted_from_here};
use crate::ground::{Desk, NOW, Running, name};

/// What a message of the API takes beside its text.
const TEXT_BYTES: usize = 1_000 - r#"{"role":"user","content":""}"#.len();

fn id(number: u64) -> EntryId {
    EntryId::parse(&format!("counted-{number}")).expect("a legal id")
}

/// A message of 1 KB that hardly gets smaller when it is packed.
fn json(number: u64) -> String {
    let (mut text, mut dice) = (String::new(), Dice::new(number));
    while text.len() < TEXT_BYTES {
        write!(text, "{:x} ", dice.draw() >> 40).expect("a string takes everything");
    }
    text.truncate(TEXT_BYTES);
    format!(r#"{{"role":"user","content":"{text}"}}"#)
}

fn entry(number: u64) -> Arc<Entry> {
    let entry = Entry::from_json(id(number), Format::Anthropic, &json(number));
    Arc::new(entry.expect("a legal message"))
}

/// The host makes an entry of what the API gave it.
pub(crate) fn read(_: &Path) {
    for number in 0..TIMES {
        let (id, json) = (id(number), json(number));
        let mut id = Some(id);
        let mut entry = None;
        counted_from_here(&mut || {
            let id = id.take().expect("it is called once");
            entry = Some(Entry::from_json(id, Format::Anthropic, &json));
        });
        assert!(entry.is_some_and(|entry| entry.is_ok()), "it is a legal message");
    }
}

/// The session decides: duplicates, numbers, links, digests, the fold, and the reply once it is durable.
pub(crate) fn decided(dir: &Path) {
    let mut desk = Desk::over(dir);
    for number in 0..TIMES {
        let mut request = Some(Request::Append { entries: vec![entry(number)] });
        let mut reply = None;
        counted_from_here(&mut || reply = request.take().map(|request| desk.ask(request)));
        assert!(matches!(reply, Some(Reply::Appended(_))), "{reply:?}");
    }
}

/// The store judges, encodes and commits a batch of one record.
pub(crate) fn committed(dir: &Path) {
    let store = world::redb(dir);
    let lease = store.open_session(&name()).expect("it opens");
    let mut head = lease.head;
    for number in 0..TIMES {
        let record =
            Record::Appended { at: NOW, seq: Seq(1_000_000 + number), entry: entry(number) };
        let batch = SessionBatch {
            session: name(),
            epoch: lease.epoch,
            head,
            batch: BatchId(1_000_000 + number),
            records: vec![record],
        };
        let mut answers = None;
        counted_from_here(&mut || answers = Some(store.append(std::slice::from_ref(&batch))));
        head = head.advance(1);
        let answers = answers.expect("it was called").expect("it is committed");
        assert_eq!(answers, [Appended::Stored(head)], "it is stored");
    }
}

/// The whole way: message, decision, journal, commit, reply.
pub(crate) fn in_a_house(dir: &Path) {
    let running = Running::over(dir);
    for number in 0..TIMES {
        let mut entries = Some(vec![entry(number)]);
        let mut receipts = None;
        counted_from_here(&mut || {
            let entries = entries.take().expect("it is called once");
            receipts = Some(running.wait(running.session.append(entries)));
        });
        let receipts = receipts.expect("it was called").expect("it is stored");
        assert!(receipts.iter().all(|receipt| !receipt.known), "{receipts:?}");
    }
    running.close();
}
