//! One suite over every store (L8): each function is a promise of the door, run against each store in turn.

mod behind;
mod entries;
mod fixture;

use std::collections::BTreeMap;
use std::sync::Arc;

use behind::{
    a_fork_begins_with_its_parents_log_and_shares_it, a_fork_of_a_fork_reads_through_both,
    a_sweep_removes_what_nothing_refers_to_and_is_old, a_sweep_spares_what_forks_share,
    anchors_are_kept_thinned_and_inherited, equal_payloads_are_stored_once,
    forks_have_a_largest_depth, forks_that_are_not_legal_change_nothing,
    ids_are_found_where_their_entries_are_sealed, ids_behind_the_fork_point_are_the_parents_alone,
    sealing_does_not_show, sealing_never_goes_behind_what_was_asked,
};
use fixture::{ALL, append, batch, id, log, open, record};
use highwater_protocol::LogPos;
use highwater_storage::{
    Appended, Epoch, FaultyStore, Fork, MemoryStore, PageLimit, RedbOptions, RedbStore,
    SessionBatch, Store, StoreError,
};

/// Makes a test of each promise and each store.
macro_rules! suite {
    ($($promise:ident),+ $(,)?) => {
        mod memory { $(#[test] fn $promise() { super::$promise(&super::MemoryStore::new()); })+ }
        mod faulty_without_faults { $(#[test] fn $promise() {
            let inner = super::Arc::new(super::MemoryStore::new());
            super::$promise(&super::FaultyStore::new(inner, []));
        })+ }
        mod redb { $(#[test] fn $promise() {
            let dir = tempfile::tempdir().expect("a directory");
            let store = super::RedbStore::open(dir.path(), super::RedbOptions::default());
            super::$promise(&store.expect("a new store"));
        })+ }
    };
}

suite! {
    opening_creates_and_raises_the_epoch,
    sessions_are_opened_together_in_one_commit,
    what_was_appended_is_read_in_order,
    one_commit_stores_some_and_fences_others,
    a_wrong_head_changes_nothing,
    a_retry_is_answered_and_not_stored_twice,
    a_retry_of_a_new_owner_is_answered_too,
    a_new_owner_numbers_its_batches_anew,
    a_batch_id_with_other_content_is_invalid,
    batches_that_are_not_legal_store_nothing,
    an_unknown_session_is_an_error,
    an_unknown_session_stops_the_whole_append,
    pages_keep_their_limit,
    reading_at_and_behind_the_end_is_empty,
    sessions_are_listed_in_pages,
    large_records_come_back,
    usage_counts_commits_and_bytes,
    sealing_does_not_show,
    sealing_never_goes_behind_what_was_asked,
    ids_are_found_where_their_entries_are_sealed,
    a_fork_begins_with_its_parents_log_and_shares_it,
    ids_behind_the_fork_point_are_the_parents_alone,
    a_fork_of_a_fork_reads_through_both,
    forks_that_are_not_legal_change_nothing,
    forks_have_a_largest_depth,
    anchors_are_kept_thinned_and_inherited,
    equal_payloads_are_stored_once,
    a_sweep_removes_what_nothing_refers_to_and_is_old,
    a_sweep_spares_what_forks_share,
}

fn opening_creates_and_raises_the_epoch(store: &dyn Store) {
    let first = open(store, "a");
    assert_eq!((first.epoch, first.head), (Epoch(1), LogPos(0)));
    append(store, &batch(&first, 1, 0, &["x", "y"]));
    let second = open(store, "a");
    assert_eq!((second.epoch, second.head), (Epoch(2), LogPos(2)));
    assert_eq!(open(store, "b").epoch, Epoch(1));
}

fn sessions_are_opened_together_in_one_commit(store: &dyn Store) {
    append(store, &batch(&open(store, "a"), 1, 0, &["x"]));
    let commits = store.usage().expect("it is known").commits;
    let leases = store.open_sessions(&["b", "a", "c", "a"].map(id)).expect("they open");
    assert_eq!(store.usage().expect("it is known").commits, commits + 1);
    let told = leases.iter().map(|lease| (lease.session.as_str(), lease.epoch.0, lease.head.0));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [("b", 1, 0), ("a", 2, 1), ("c", 1, 0), ("a", 3, 1)]);
    assert!(store.open_sessions(&[]).expect("nothing is to be done").is_empty());
}

fn what_was_appended_is_read_in_order(store: &dyn Store) {
    let lease = open(store, "a");
    assert_eq!(append(store, &batch(&lease, 1, 0, &["x", "y"])), Appended::Stored(LogPos(2)));
    assert_eq!(append(store, &batch(&lease, 2, 2, &["z"])), Appended::Stored(LogPos(3)));
    assert_eq!(log(store, "a"), [record("x"), record("y"), record("z")]);
}

fn one_commit_stores_some_and_fences_others(store: &dyn Store) {
    let (old, b, c) = (open(store, "a"), open(store, "b"), open(store, "c"));
    open(store, "a");
    let batches = [
        batch(&b, 1, 0, &["b1"]),
        batch(&old, 1, 0, &["a1"]),
        batch(&c, 1, 7, &["c7"]),
        batch(&open(store, "d"), 1, 0, &["d1", "d2"]),
    ];
    let answers = store.append(&batches).expect("the append is answered");
    let expected = [
        Appended::Stored(LogPos(1)),
        Appended::Fenced { current: Epoch(2) },
        Appended::WrongHead { current: LogPos(0) },
        Appended::Stored(LogPos(2)),
    ];
    assert_eq!(answers, expected);
    let lengths: Vec<_> = ["a", "b", "c", "d"].map(|name| log(store, name).len()).into();
    assert_eq!(lengths, [0, 1, 0, 2]);
}

fn a_wrong_head_changes_nothing(store: &dyn Store) {
    let lease = open(store, "a");
    append(store, &batch(&lease, 1, 0, &["x"]));
    for head in [0, 2] {
        let answer = append(store, &batch(&lease, 2, head, &["y"]));
        assert_eq!(answer, Appended::WrongHead { current: LogPos(1) });
    }
    assert_eq!(log(store, "a"), [record("x")]);
}

fn a_retry_is_answered_and_not_stored_twice(store: &dyn Store) {
    let lease = open(store, "a");
    let once = batch(&lease, 1, 0, &["x", "y"]);
    for _ in 0..3 {
        assert_eq!(append(store, &once), Appended::Stored(LogPos(2)));
    }
    assert_eq!(log(store, "a").len(), 2);
    append(store, &batch(&lease, 2, 2, &["z"]));
    assert_eq!(append(store, &once), Appended::WrongHead { current: LogPos(3) });
}

fn a_retry_of_a_new_owner_is_answered_too(store: &dyn Store) {
    let first = open(store, "a");
    let once = batch(&first, 1, 0, &["x"]);
    append(store, &once);
    let second = open(store, "a");
    assert_eq!(append(store, &once), Appended::Fenced { current: second.epoch });
    let again = SessionBatch { epoch: second.epoch, ..once };
    assert_eq!(append(store, &again), Appended::Stored(LogPos(1)));
    assert_eq!(log(store, "a").len(), 1);
}

fn a_new_owner_numbers_its_batches_anew(store: &dyn Store) {
    append(store, &batch(&open(store, "a"), 1, 0, &["x"]));
    let second = open(store, "a");
    // The same id and the same records, one position further on: another batch.
    assert_eq!(append(store, &batch(&second, 1, 1, &["x"])), Appended::Stored(LogPos(2)));
    assert_eq!(log(store, "a").len(), 2);
}

fn a_batch_id_with_other_content_is_invalid(store: &dyn Store) {
    let lease = open(store, "a");
    append(store, &batch(&lease, 1, 0, &["x"]));
    for other in [batch(&lease, 1, 0, &["y"]), batch(&lease, 1, 1, &["x"])] {
        let refused = store.append(&[other]).expect_err("an id is used once");
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    }
    assert_eq!(log(store, "a"), [record("x")]);
}

fn batches_that_are_not_legal_store_nothing(store: &dyn Store) {
    let (a, b) = (open(store, "a"), open(store, "b"));
    let sound = batch(&a, 1, 0, &["x"]);
    let large = "x".repeat(store.capabilities().max_record_bytes);
    let of_the_future = SessionBatch { epoch: Epoch(9), ..batch(&b, 1, 0, &["x"]) };
    let parent = id("a");
    store.fork(&Fork { parent, at: LogPos(0), child: id("c") }).expect("it is forked");
    let unowned = SessionBatch {
        session: id("c"),
        epoch: Epoch(0),
        ..batch(&b, 1, 0, &["nobody opened it"])
    };
    for (what, wrong) in [
        ("empty", batch(&b, 1, 0, &[])),
        ("too large", batch(&b, 1, 0, &["x", &large])),
        ("the same session twice", batch(&a, 2, 1, &["y"])),
        ("an epoch that nobody was given", of_the_future),
        ("no epoch at all", unowned),
    ] {
        let refused = store.append(&[sound.clone(), wrong]).expect_err(what);
        assert!(matches!(refused, StoreError::Invalid(_)), "{what}: {refused}");
        assert_eq!((log(store, "a").len(), log(store, "b").len()), (0, 0), "{what}");
    }
    assert_eq!(store.append(&[]).expect("nothing to do"), []);
    assert_eq!(append(store, &sound), Appended::Stored(LogPos(1)));
}

fn an_unknown_session_is_an_error(store: &dyn Store) {
    open(store, "a");
    let unknown = store.read(&id("b"), LogPos(0), ALL).expect_err("nobody opened it");
    assert!(matches!(unknown, StoreError::NoSession(session) if session == id("b")));
}

fn an_unknown_session_stops_the_whole_append(store: &dyn Store) {
    let known = batch(&open(store, "a"), 1, 0, &["x"]);
    let unknown = SessionBatch { session: id("b"), ..known.clone() };
    let refused = store.append(&[known, unknown]).expect_err("nobody opened it");
    assert!(matches!(refused, StoreError::NoSession(session) if session == id("b")));
    assert_eq!(log(store, "a").len(), 0);
}

fn pages_keep_their_limit(store: &dyn Store) {
    let lease = open(store, "a");
    let text = "x".repeat(1000);
    append(store, &batch(&lease, 1, 0, &[text.as_str(); 10]));
    let check = |from: u64, bytes: usize, records: usize, next: Option<u64>| {
        let page = store.read(&id("a"), LogPos(from), PageLimit { bytes }).expect("a page");
        let found = (page.records.len(), page.next.map(|at| at.0));
        assert_eq!(found, (records, next), "from {from}, {bytes} bytes");
        assert_eq!(page.records[0].0, LogPos(from));
    };
    check(0, 0, 1, Some(1));
    check(9, 1, 1, None);
    check(0, 3500, 3, Some(3));
    check(8, 3500, 2, None);
    check(0, 1 << 20, 10, None);
}

fn reading_at_and_behind_the_end_is_empty(store: &dyn Store) {
    let lease = open(store, "a");
    let other = open(store, "b");
    append(store, &batch(&other, 1, 0, &["not of a"; 5]));
    for (head, from) in [(0, 0), (0, 3), (1, 1), (1, 2)] {
        if head == 1 && from == 1 {
            append(store, &batch(&lease, 1, 0, &["x"]));
        }
        let page = store.read(&id("a"), LogPos(from), ALL).expect("a page");
        assert_eq!((page.records.len(), page.next), (0, None), "head {head}, from {from}");
    }
}

fn sessions_are_listed_in_pages(store: &dyn Store) {
    assert_eq!(store.sessions(None, 9).expect("a list"), []);
    let names = ["b", "a", "\u{e9}", "ab", "c"];
    let opened: BTreeMap<_, _> =
        names.iter().map(|name| (id(name), open(store, name).epoch)).collect();
    append(store, &batch(&open(store, "ab"), 1, 0, &["x"]));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.sessions(after.as_ref(), 2).expect("a page");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.session.clone());
        listed.extend(page);
    }
    assert!(listed.iter().map(|info| &info.session).eq(opened.keys()));
    let appended = listed.iter().find(|info| info.session == id("ab")).expect("it is listed");
    assert_eq!((appended.epoch, appended.head), (Epoch(2), LogPos(1)));
    let behind_a_name_that_is_not_there = store.sessions(Some(&id("aa")), 1).expect("a page");
    assert_eq!(behind_a_name_that_is_not_there[0].session, id("ab"));
    assert_eq!(store.sessions(None, 0).expect("a page"), []);
}

fn large_records_come_back(store: &dyn Store) {
    let lease = open(store, "a");
    let large = "0123456789abcdef".repeat(1 << 16);
    append(store, &batch(&lease, 1, 0, &[&large, "small", &large]));
    assert_eq!(log(store, "a"), [record(&large), record("small"), record(&large)]);
}

fn usage_counts_commits_and_bytes(store: &dyn Store) {
    let before = store.usage().expect("figures");
    let lease = open(store, "a");
    append(store, &batch(&lease, 1, 0, &[&"x".repeat(4 << 20)]));
    append(store, &batch(&lease, 2, 9, &["a wrong head needs no commit"]));
    let after = store.usage().expect("figures");
    assert_eq!(after.commits - before.commits, 2);
    assert!(after.bytes > before.bytes, "{before:?}, then {after:?}");
}
