//! Reading sessions back from the store, and holding them against what their agents remember.

use std::collections::BTreeSet;
use std::path::Path;

use highwater::summarize::{Extractive, Summarizer as _};
use highwater_protocol::{Digest, LogPos, Record, SessionId, caps};
use highwater_storage::{PageLimit, RedbOptions, RedbStore, Store};

use super::agent::Left;
use super::ledger::Ledger;
use super::report;

/// Differences that are told one by one; a broken build would otherwise fill the report with the same sentence.
const TOLD: usize = 20;

/// What a comparison came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// What was compared.
    pub(super) seen: report::Compared,
    /// The views that passes were spliced into with words that no model wrote: a fork shares them with its parent.
    quoted: BTreeSet<Digest>,
    /// The first difference of each session, as a sentence.
    pub(super) differences: Vec<String>,
}

/// Opens a store and compares sessions in it with their ledgers: all of a session with one of `whole`, and its beginning with
/// one of `before`, which was acknowledged before a process died. Blocks.
pub(super) fn store(dir: &Path, whole: &Left, before: &Left) -> anyhow::Result<Compared> {
    let store = RedbStore::open(dir, RedbOptions { create: false, ..RedbOptions::default() })?;
    let mut compared = Compared::default();
    // Agents that went on behind the death know all of their sessions.
    let went_on: BTreeSet<&SessionId> = whole.iter().map(|(session, _)| session).collect();
    all(&store, before, Ledger::lost_from, |session| !went_on.contains(session), &mut compared);
    all(&store, whole, Ledger::difference, |_| true, &mut compared);
    compared.seen.quoted = compared.quoted.len() as u64;
    Ok(compared)
}

fn all(
    store: &dyn Store,
    ledgers: &Left,
    difference: fn(&Ledger, &Ledger) -> Option<String>,
    counts: impl Fn(&SessionId) -> bool,
    compared: &mut Compared,
) {
    for (session, told) in ledgers {
        if counts(session) {
            compared.seen.sessions += 1;
            compared.seen.entries += told.entries.len() as u64;
        }
        let difference = match stored(store, session, &mut compared.quoted) {
            Ok(stored) => difference(told, &stored),
            Err(error) => Some(format!("L6: {error:#}")),
        };
        if let Some(difference) = difference.filter(|_| compared.differences.len() < TOLD) {
            compared.differences.push(format!("session {session}: {difference}"));
        }
    }
}

/// What the log of a session says, in the words of a ledger; notes the passes in it that quote.
fn stored(
    store: &dyn Store,
    session: &SessionId,
    quoted: &mut BTreeSet<Digest>,
) -> anyhow::Result<Ledger> {
    let mut ledger = Ledger::default();
    walk(store, session, |record| {
        ledger.takes(record);
        if let Record::Spliced { digest, pieces, .. } = record {
            let mut authors = pieces.iter().flat_map(|piece| piece.summary.author.split('+'));
            if authors.any(|author| author == Extractive.name()) {
                quoted.insert(*digest);
            }
        }
    })?;
    Ok(ledger)
}

/// Hands over every record of a session, in order.
pub(super) fn walk(
    store: &dyn Store,
    session: &SessionId,
    mut each: impl FnMut(&Record),
) -> anyhow::Result<()> {
    let mut next = Some(LogPos::default());
    while let Some(from) = next {
        let page = store.read(session, from, PageLimit { bytes: caps::PAGE_BYTES })?;
        page.records.iter().for_each(|(_, record)| each(record));
        next = page.next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use highwater::Highwater;
    use highwater_protocol::session::SessionConfig;
    use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount};
    use std::sync::Arc;

    use super::super::ledger::Change;
    use super::*;

    /// A house with one session in a directory, and its ledger.
    async fn written(dir: &Path) -> (SessionId, Ledger) {
        let house = Highwater::builder(RedbStore::open(dir, RedbOptions::default()).expect("new"));
        let house = house.start().await.expect("the default limits");
        let budget = Budget::of_window(TokenCount(8_000)).expect("legal marks");
        let session = SessionId::parse("a").expect("a name");
        let config = SessionConfig::new(budget, Format::Anthropic);
        let handle = house.open(session.clone(), config).await.expect("it opens");
        let mut ledger = Ledger::default();
        for number in 1..=6 {
            let id = EntryId::parse(&format!("e{number}")).expect("an id");
            let entry = Arc::new(Entry::user(id, &format!("message {number}")).expect("small"));
            ledger.entries.push(Ledger::digest(&entry));
            handle.append(vec![entry]).await.expect("it is stored");
        }
        handle.rewind(highwater_protocol::Seq(4)).await.expect("it is on the branch");
        ledger.changed(Change::Rewound(4));
        house.close().await.expect("it closes");
        (session, ledger)
    }

    #[tokio::test]
    async fn a_store_that_keeps_everything_agrees_and_a_falsified_record_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (session, told) = written(dir.path()).await;
        let compare = |ledger: Ledger, session: SessionId| {
            store(dir.path(), &vec![(session, ledger)], &Vec::new())
                .expect("the store opens")
                .differences
        };
        assert_eq!(compare(told.clone(), session.clone()), [""; 0]);

        let mut falsified = told.clone();
        falsified.entries[2] ^= 1;
        assert_eq!(compare(falsified, session.clone()), ["session a: X1: entry 3 has other bytes"]);
        let mut falsified = told.clone();
        falsified.entries.swap(1, 3);
        let found = compare(falsified, session.clone());
        assert_eq!(found, ["session a: L1: entry 2 is stored behind its place"]);
        let mut falsified = told.clone();
        falsified.changes.clear();
        assert!(compare(falsified, session.clone())[0].starts_with("session a: V14: change 1"));
        let other = SessionId::parse("b").expect("a name");
        let found = compare(told.clone(), other);
        assert!(found[0].starts_with("session b: L6: "), "it is not there");

        // What is known from before a death and from behind it is one session.
        let mut before = told.clone();
        before.entries.truncate(2);
        before.changes.clear();
        let (whole, before) = (vec![(session.clone(), told)], vec![(session, before)]);
        let seen = |whole: &Left, before: &Left| {
            let compared = store(dir.path(), whole, before).expect("the store opens");
            assert_eq!(compared.differences, [""; 0]);
            (compared.seen.sessions, compared.seen.entries)
        };
        assert_eq!(seen(&whole, &before), (1, 6));
        assert_eq!(seen(&Vec::new(), &before), (1, 2));
    }
}
