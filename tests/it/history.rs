//! Reading back what a session holds: pages from either end, gaps where the store is damaged, what is found without
//! reading everything.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater::Highwater;
use highwater::examine::settings;
use highwater::history::{self, History, HistoryPage, Item, Order, Wanted};
use highwater_protocol::{Kind, LogPos, Role, Seq, SeqRange};
use highwater_storage::{Access, Capabilities, PageLimit, RedbStore, Store, StoreError, Wrapping};
use highwater_tests::generate;
use highwater_tests::host::Host;
use highwater_tests::notation;
use highwater_tests::world::{self, Environment};
use redb::{Database, TableDefinition};

const ALL: SeqRange = SeqRange { start: Seq::FIRST, end: Seq(u64::MAX) };

/// A store that counts how often it is read.
struct Counted(RedbStore, AtomicU64);

impl Wrapping for Counted {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.1.fetch_add(u64::from(access == Access::Read), Ordering::Relaxed);
        work(&self.0)
    }
}

#[tokio::test]
async fn how_a_session_was_opened_is_found_without_reading_it() {
    let reads = async |entries| {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path(), entries).await;
        let store = Counted(world::redb(dir.path()), AtomicU64::new(0));
        let found = settings(&store, &world::named("s")).expect("it can be folded");
        let found = found.expect("it was opened");
        assert_eq!((found.budget, found.format), (world::budget(), world::by_wish().format));
        store.1.into_inner()
    };
    let (short, long) = (reads(100).await, reads(2_000).await);
    assert!(long <= short + 1, "{short} reads, and {long} of a long one");
}

/// A closed store with a session `s` of so many entries, each in a commit of its own, and a context behind every fifth.
async fn filled(dir: &Path, entries: u64) {
    let store: RedbStore = world::redb(dir);
    let house = world::house(store, Environment::Threaded, world::gist(0)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    for number in 1..=entries {
        host.give(vec![generate::numbered(number)]).await;
        if number.is_multiple_of(5) {
            host.context().await;
        }
    }
    house.close().await.expect("it closes");
}

/// Removes the records at these positions from the first session of a closed store.
fn remove(dir: &Path, positions: impl IntoIterator<Item = u64>) {
    let database = Database::open(dir.join("highwater.redb")).expect("a redb file");
    let transaction = database.begin_write().expect("nobody else writes");
    {
        let log: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");
        let mut log = transaction.open_table(log).expect("it is there");
        for position in positions {
            let key = [0_u64.to_be_bytes(), position.to_be_bytes()].concat();
            assert!(log.remove(&key[..]).expect("it can be removed").is_some(), "{position}");
        }
    }
    transaction.commit().expect("it is removed");
}

/// The whole of a range in pages of so many bytes: numbers, and the gaps between them.
fn whole(store: &RedbStore, order: Order, bytes: usize) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut numbers, mut gaps, mut rest) = (Vec::new(), Vec::new(), Some(ALL));
    while let Some(range) = rest {
        let page = history::read(store, &world::named("s"), range, order, bytes).expect("a page");
        numbers.extend(page.entries.iter().map(|(seq, _)| seq.0));
        gaps.extend(page.gaps.iter().map(|gap| (gap.entries.start.0, gap.entries.end.0)));
        rest = page.rest;
    }
    (numbers, gaps)
}

#[tokio::test]
async fn pages_from_either_end_hold_the_same_and_keep_their_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path(), 40).await;
    let store: RedbStore = world::redb(dir.path());
    let rising: Vec<u64> = (1..=40).collect();
    let falling: Vec<u64> = rising.iter().rev().copied().collect();
    for bytes in [1, 300, 1 << 20] {
        assert_eq!(whole(&store, Order::OldestFirst, bytes), (rising.clone(), vec![]));
        assert_eq!(whole(&store, Order::NewestFirst, bytes), (falling.clone(), vec![]));
    }
    let one_byte = |range, order| -> HistoryPage {
        history::read(&store, &world::named("s"), range, order, 1).expect("a page")
    };
    let range = SeqRange::new(Seq(7), Seq(12));
    let first = one_byte(range, Order::OldestFirst);
    assert_eq!(first.entries[0].0, Seq(7));
    assert_eq!(first.rest, Some(SeqRange::new(Seq(8), Seq(12))));
    let last = one_byte(range, Order::NewestFirst);
    assert_eq!((last.entries.len(), last.entries[0].0), (1, Seq(11)));
    assert_eq!(last.rest, Some(SeqRange::new(Seq(7), Seq(11))));
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for nothing in [SeqRange::new(Seq(9), Seq(9)), SeqRange::new(Seq(41), Seq(50))] {
            let page = one_byte(nothing, order);
            assert!(page.entries.is_empty() && page.gaps.is_empty() && page.rest.is_none());
        }
    }
    let unknown = history::read(&store, &world::named("x"), ALL, Order::OldestFirst, 1);
    assert_eq!(unknown.expect_err("nobody opened it").kind(), Kind::NotFound);
}

#[tokio::test]
async fn missing_entries_are_gaps_and_shift_no_number() {
    // Behind the first record stand entries 1 to 5, an answer, entries 6 to 10, an answer, ..
    for (lost, gaps) in [
        (vec![1], vec![(1, 2)]),
        (vec![4, 5], vec![(4, 6)]),
        (vec![5, 6, 7], vec![(5, 7)]),
        (vec![6], vec![]),
        (vec![3, 15], vec![(3, 4), (13, 14)]),
        (vec![22, 23, 24], vec![(19, 1 << 63)]),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path(), 20).await;
        remove(dir.path(), lost.iter().copied());
        let store: RedbStore = world::redb(dir.path());
        let is_lost = |number: u64| gaps.iter().any(|(from, to)| (*from..*to).contains(&number));
        let rising: Vec<u64> = (1..=20).filter(|number| !is_lost(*number)).collect();
        let falling: Vec<u64> = rising.iter().rev().copied().collect();
        // At the end of the log it is not known how many are lost: the gap goes on to the end of what was asked for.
        let open = |(from, to): &(u64, u64)| (*from, if *to == 1 << 63 { u64::MAX } else { *to });
        let expected: Vec<(u64, u64)> = gaps.iter().map(open).collect();
        for bytes in [1, 300, 1 << 20] {
            let found = whole(&store, Order::OldestFirst, bytes);
            assert_eq!(found, (rising.clone(), expected.clone()), "{lost:?}, {bytes} bytes");
            let found = whole(&store, Order::NewestFirst, bytes);
            let reversed = expected.iter().rev().copied().collect();
            assert_eq!(found, (falling.clone(), reversed), "{lost:?}, {bytes} bytes, backwards");
        }
    }
}

#[tokio::test]
async fn the_last_of_a_kind_and_the_count_are_found_from_the_end() {
    let house = world::in_memory(world::gist(0)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    let session = host.session.history();
    assert_eq!(session.count(ALL).await.expect("an answer"), 0);
    assert!(session.last_of(Role::User).await.expect("an answer").is_none());
    host.append("u1: one\na2: two\nu3: three\nu4: four").await;
    host.context().await;
    let last = |found: Option<(Seq, _)>| found.map(|(seq, _)| seq.0);
    assert_eq!(last(session.last_of(Role::Assistant).await.expect("an answer")), Some(2));
    assert_eq!(last(session.last_of(Role::User).await.expect("an answer")), Some(4));
    assert_eq!(last(session.last_labelled("assistant").await.expect("an answer")), Some(2));
    assert_eq!(last(session.last_labelled("progress").await.expect("an answer")), None);
    assert_eq!(session.count(ALL).await.expect("an answer"), 4);
    let some = SeqRange::new(Seq(3), Seq(9));
    assert_eq!(session.count(some).await.expect("an answer"), 2);
    assert_eq!(session.count(SeqRange::new(Seq(8), Seq(9))).await.expect("an answer"), 0);
    host.session.append(notation::entries("u5: five")).await.expect("stored");
    assert_eq!(session.count(ALL).await.expect("an answer"), 5);
}

/// A session in memory: an answer, and behind it so many entries of 20 KB.
async fn long(house: &Highwater, entries: u64) -> History {
    let mut host = Host::open(house, "s", world::by_wish()).await;
    host.append("a0: the only answer").await;
    for number in 1..=entries {
        host.give(vec![generate::long(number)]).await;
    }
    host.session.history()
}

#[tokio::test(start_paused = true)]
async fn what_stands_at_the_end_is_found_without_reading_the_rest() {
    let house = world::in_memory(world::gist(0)).await;
    let history = long(&house, 200).await;
    let reads = || house.gauges().page_reads;
    let before = reads();
    assert_eq!(history.count(ALL).await.expect("an answer"), 201);
    let counted = reads();
    assert!(counted - before <= 2, "{} pages are read to count", counted - before);
    let last = history.last_of(Role::User).await.expect("an answer").expect("it is there");
    let found = reads();
    assert_eq!(last.0, Seq(201));
    assert!(found - counted <= 2, "{} pages are read to find the last", found - counted);
    let first = history.last_of(Role::Assistant).await.expect("an answer").expect("it is there");
    assert_eq!(first.0, Seq::FIRST);
    assert!(reads() - found > 20, "all of it are {} pages", reads() - found);
}

#[tokio::test(start_paused = true)]
async fn a_stream_reads_a_page_when_the_last_one_is_used_up() {
    let house = world::in_memory(world::gist(0)).await;
    let history = long(&house, 200).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut stream = history.stream(ALL, order, 100_000);
        let mut reads = vec![house.gauges().page_reads];
        while stream.next().await.expect("it is readable").is_some() {
            reads.push(house.gauges().page_reads);
        }
        assert_eq!(reads.len(), 1 + 201);
        // Four or five entries are a page: to find its place and to read it takes a few reads.
        let most = reads.windows(20).map(|some| some[19] - some[0]).max().expect("many");
        let least = reads[1..].windows(20).map(|some| some[19] - some[0]).min().expect("many");
        assert!(least >= 3 && most <= 60, "{least} to {most} reads for twenty entries: {reads:?}");
    }
}

#[tokio::test]
async fn what_may_be_the_last_and_cannot_be_read_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path(), 20).await;
    let session = world::named("s");
    let store: RedbStore = world::redb(dir.path());
    let log = store.read(&session, LogPos(0), PageLimit { bytes: usize::MAX }).expect("readable");
    let of =
        |seq| log.records.iter().find(|(_, record)| record.entry().is_some_and(|e| e.seq == seq));
    let last = of(Seq(20)).expect("it is there").0;
    drop(store);
    remove(dir.path(), [last.0]);
    let store: RedbStore = world::redb(dir.path());
    for error in [
        history::find_last(&store, &session, Wanted::Any).expect_err("it may be what is lost"),
        history::count(&store, &session, ALL).expect_err("it may be one less"),
    ] {
        assert_eq!(error.kind(), Kind::Corrupt, "{error}");
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_tells_gaps_in_their_place_and_holds_a_page() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path(), 20).await;
    remove(dir.path(), [8]);
    let store: RedbStore = world::redb(dir.path());
    assert_eq!(
        history::find_last(&store, &world::named("s"), Wanted::Any)
            .expect("an answer")
            .map(|f| f.0),
        Some(Seq(20))
    );
    drop(store);
    let store: RedbStore = world::redb(dir.path());
    let house = world::house(store, Environment::Threaded, world::gist(0)).await;
    let other = house.open(world::named("other"), world::by_wish()).await.expect("it opens");
    // The damaged session cannot be folded; its history can be read all the same.
    let damaged = house.open(world::named("s"), world::by_wish()).await;
    assert_eq!(damaged.err().map(|error| error.kind()), Some(Kind::Corrupt));
    drop(other);
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut stream = house.history(world::named("s")).stream(ALL, order, 300);
        let mut seen = Vec::new();
        while let Some(item) = stream.next().await.expect("it is readable") {
            seen.push(match item {
                Item::Entry(seq, _) => seq.0,
                Item::Gap(gap) => 100 + gap.entries.start.0,
            });
        }
        if order == Order::NewestFirst {
            seen.reverse();
        }
        let expected: Vec<u64> = (1..=20).map(|n| if n == 7 { 107 } else { n }).collect();
        assert_eq!(seen, expected);
    }
    house.close().await.expect("it closes");
}
