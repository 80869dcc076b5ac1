//! What stands behind and beside a log: sealed stretches, forks, anchors, payloads.

use highwater_protocol::payload::MAX_PAYLOAD_BYTES;
use highwater_protocol::{Digest, LogPos, Record, Timestamp};
use highwater_storage::{Appended, Fork, Lease, MAX_FORK_DEPTH, Store, StoreError, Swept};

use crate::entries::{batch_of, entry, entry_id, grow, said, sealed, whole};
use crate::fixture::{append, batch, id, open, record};

pub(crate) fn sealing_does_not_show(store: &dyn Store) {
    let lease = open(store, "a");
    grow(store, &lease, 0..400, 1500);
    let before = whole(store, "a", 10_000);
    let expected: Vec<Record> = (0..400).map(|number| entry(number, 1500)).collect();
    assert_eq!(before, expected);
    let mut last = 0;
    for below in [0, 60, 200, 400, 400] {
        let end = sealed(store, "a", below);
        assert!(end >= last && end <= below.max(last), "{end} when {below} was asked for");
        last = end;
        for bytes in [0, 10_000, 300_000, usize::MAX] {
            assert_eq!(whole(store, "a", bytes), expected, "sealed below {end}");
        }
    }
    let end = sealed(store, "a", 400);
    assert!((300..=400).contains(&end), "what is too small to be packed stays as it is: {end}");
    assert_eq!(open(store, "a").indexed, LogPos(end));
    let lease = open(store, "a");
    grow(store, &lease, 400..500, 1500);
    assert_eq!(whole(store, "a", 10_000).len(), 500, "the log goes on behind what is sealed");
    let some = [0, 1, 99, 100, 250, 399, 499].map(LogPos);
    let read = store.read_at(&id("a"), &some).expect("they are read");
    let wanted: Vec<_> = some.iter().map(|at| (*at, entry(at.0, 1500))).collect();
    assert_eq!(read, wanted);
    assert!(store.read_at(&id("a"), &[LogPos(500)]).is_err(), "it is not there");
}

pub(crate) fn sealing_never_goes_behind_what_was_asked(store: &dyn Store) {
    let lease = open(store, "a");
    grow(store, &lease, 0..200, 1500);
    let end = sealed(store, "a", 100);
    assert!((50..=100).contains(&end), "whole stretches below the position: {end}");
    assert_eq!(sealed(store, "a", 50), end, "what is sealed stays sealed");
    let unknown = store.seal(&id("b"), LogPos(1)).expect_err("nobody opened it");
    assert!(matches!(unknown, StoreError::NoSession(_)), "{unknown}");
}

pub(crate) fn ids_are_found_where_their_entries_are_sealed(store: &dyn Store) {
    let lease = open(store, "a");
    grow(store, &lease, 0..200, 1500);
    let ids = ["e0", "e120", "nobody", "e7"].map(entry_id);
    assert_eq!(store.find(&id("a"), &ids).expect("an answer"), [None; 4]);
    let end = sealed(store, "a", 150);
    assert!(end > 120 && end <= 150);
    let found = store.find(&id("a"), &ids).expect("an answer");
    assert_eq!(found, [Some(LogPos(0)), Some(LogPos(120)), None, Some(LogPos(7))]);
    assert_eq!(store.find(&id("a"), &[entry_id("e199")]).expect("an answer"), [None]);
    open(store, "b");
    assert_eq!(store.find(&id("b"), &ids).expect("ids are a session's own"), [None; 4]);
}

fn fork(store: &dyn Store, parent: &str, at: u64, child: &str) -> Result<u64, StoreError> {
    let fork = Fork { parent: id(parent), at: LogPos(at), child: id(child) };
    store.fork(&fork).map(|info| info.head.0)
}

pub(crate) fn a_fork_begins_with_its_parents_log_and_shares_it(store: &dyn Store) {
    let parent = open(store, "parent");
    grow(store, &parent, 0..300, 1500);
    sealed(store, "parent", 150);
    let bytes = store.usage().expect("figures").bytes;
    assert_eq!(fork(store, "parent", 250, "child").expect("it is forked"), 250);
    let shared = store.usage().expect("figures").bytes;
    assert!(shared < bytes + 100_000, "{bytes} bytes before, {shared} behind the fork");
    let child = open(store, "child");
    assert_eq!((child.head, child.indexed), (LogPos(250), LogPos(250)));
    let all: Vec<Record> = (0..300).map(|number| entry(number, 1500)).collect();
    assert_eq!(whole(store, "child", 50_000), all[..250]);
    // Each goes its own way from there, and sealing one shows in neither.
    grow(store, &parent, 300..400, 1500);
    append(store, &batch(&child, 1, 250, &["the child's own"]));
    grow(store, &child, 251..450, 1500);
    sealed(store, "parent", 400);
    sealed(store, "child", 450);
    let of_child = whole(store, "child", 50_000);
    assert_eq!((of_child.len(), &of_child[250]), (450, &record("the child's own")));
    assert_eq!(of_child[..250], all[..250]);
    assert_eq!(whole(store, "parent", 50_000).len(), 400);
    let ids = ["e10", "e249", "e260", "e251"].map(entry_id);
    let found = store.find(&id("child"), &ids).expect("an answer");
    assert_eq!(found, [Some(10), Some(249), Some(260), Some(251)].map(|at| at.map(LogPos)));
    let infos = store.sessions(None, 9).expect("a list");
    assert_eq!(infos.iter().map(|info| info.origin.0).collect::<Vec<_>>(), [250, 0]);
}

pub(crate) fn ids_behind_the_fork_point_are_the_parents_alone(store: &dyn Store) {
    let parent = open(store, "parent");
    grow(store, &parent, 0..300, 1500);
    fork(store, "parent", 100, "child").expect("it is forked");
    sealed(store, "parent", 300);
    let ids = ["e99", "e100"].map(entry_id);
    assert_eq!(store.find(&id("child"), &ids).expect("an answer"), [Some(LogPos(99)), None]);
    assert_eq!(
        store.find(&id("parent"), &ids).expect("an answer"),
        [99, 100].map(|at| Some(LogPos(at)))
    );
}

pub(crate) fn a_fork_of_a_fork_reads_through_both(store: &dyn Store) {
    let parent = open(store, "1");
    grow(store, &parent, 0..120, 1500);
    fork(store, "1", 100, "2").expect("it is forked");
    grow(store, &open(store, "2"), 100..200, 1500);
    fork(store, "2", 150, "3").expect("a fork of a fork");
    fork(store, "2", 40, "4").expect("one that left before its parent began");
    grow(store, &open(store, "3"), 150..160, 1500);
    for name in ["1", "2", "3"] {
        sealed(store, name, 1000);
    }
    let all: Vec<Record> = (0..200).map(|number| entry(number, 1500)).collect();
    assert_eq!(whole(store, "3", 20_000), all[..160]);
    assert_eq!(whole(store, "4", 20_000), all[..40]);
    fork(store, "4", 0, "5").expect("one that shares nothing");
    assert_eq!(whole(store, "5", 20_000), []);
}

pub(crate) fn forks_that_are_not_legal_change_nothing(store: &dyn Store) {
    grow(store, &open(store, "a"), 0..3, 100);
    assert!(matches!(fork(store, "nobody", 0, "x"), Err(StoreError::NoSession(_))));
    open(store, "empty");
    for (parent, at, child) in [("a", 4, "x"), ("a", 1, "a"), ("empty", 0, "empty")] {
        let refused = fork(store, parent, at, child).expect_err("it is not legal");
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    }
    assert_eq!(store.sessions(None, 9).expect("a list").len(), 2);
    for _ in 0..2 {
        assert_eq!(fork(store, "empty", 0, "c").expect("nothing is shared, nothing written"), 0);
    }
    grow(store, &open(store, "c"), 0..1, 100);
    assert!(matches!(fork(store, "empty", 0, "c"), Err(StoreError::Invalid(_))));
    assert_eq!(fork(store, "a", 2, "b").expect("it is forked"), 2);
    assert_eq!(fork(store, "a", 2, "b").expect("the same fork once more"), 2);
    grow(store, &open(store, "b"), 2..4, 100);
    assert_eq!(fork(store, "a", 2, "b").expect("as it stands by now"), 4);
    assert!(matches!(fork(store, "a", 1, "b"), Err(StoreError::Invalid(_))));
}

pub(crate) fn forks_have_a_largest_depth(store: &dyn Store) {
    open(store, "0");
    let grown = |depth: usize| {
        let name = depth.to_string();
        let lease = open(store, &name);
        grow(store, &lease, depth as u64..depth as u64 + 1, 10);
        name
    };
    for depth in 0..MAX_FORK_DEPTH {
        let parent = grown(depth);
        fork(store, &parent, depth as u64 + 1, &(depth + 1).to_string()).expect("it is forked");
    }
    let deepest = grown(MAX_FORK_DEPTH);
    let refused = fork(store, &deepest, 1, "deeper").expect_err("it is too deep");
    assert!(refused.to_string().contains("forks deep"), "{refused}");
    let expected: Vec<Record> = (0..=MAX_FORK_DEPTH as u64).map(|n| entry(n, 10)).collect();
    assert_eq!(whole(store, &deepest, 1 << 20), expected);
}

pub(crate) fn anchors_are_kept_thinned_and_inherited(store: &dyn Store) {
    grow(store, &open(store, "a"), 0..100, 100);
    assert_eq!(store.anchor(&id("a"), LogPos(7)).expect("an answer"), None);
    for at in (10..=100).step_by(10) {
        store.put_anchor(&id("a"), LogPos(at), format!("fold {at}").as_bytes()).expect("stored");
    }
    let there = store.anchors(&id("a"), LogPos(100)).expect("a list");
    assert_eq!(there.first(), Some(&LogPos(100)), "the newest first");
    assert!(there.is_sorted_by(|one, next| one > next) && there.len() < 10, "{there:?}");
    for at in &there {
        let anchor = store.anchor(&id("a"), *at).expect("an answer");
        assert_eq!(anchor.as_deref(), Some(format!("fold {}", at.0).as_bytes()));
    }
    let before = store.anchors(&id("a"), LogPos(99)).expect("a list");
    assert_eq!(before, there[1..]);
    store.put_anchor(&id("a"), LogPos(100), b"another fold").expect("stored");
    assert_eq!(
        store.anchor(&id("a"), LogPos(100)).expect("an answer").as_deref(),
        Some(&b"another fold"[..])
    );
    // A fork folds from what its parent left before the fork point, and not from behind it.
    fork(store, "a", 95, "b").expect("it is forked");
    let inherited = store.anchors(&id("b"), LogPos(100)).expect("a list");
    assert_eq!(inherited, there[1..]);
    assert!(store.anchor(&id("b"), inherited[0]).expect("an answer").is_some());
    assert_eq!(store.anchor(&id("b"), LogPos(100)).expect("an answer"), None);
    fork(store, "a", 100, "c").expect("it is forked");
    assert_eq!(store.anchors(&id("c"), LogPos(100)).expect("a list")[0], LogPos(100));
    // So does one that folds all that it shares before it says anything.
    store.put_anchor(&id("b"), LogPos(95), b"all that is shared").expect("stored");
    assert_eq!(store.anchors(&id("b"), LogPos(95)).expect("a list")[0], LogPos(95));
    let own = store.anchor(&id("b"), LogPos(95)).expect("an answer");
    assert_eq!(own.as_deref(), Some(&b"all that is shared"[..]));
    assert_eq!(store.anchor(&id("a"), LogPos(95)).expect("an answer"), None);
}

pub(crate) fn equal_payloads_are_stored_once(store: &dyn Store) {
    let (a, b) = (open(store, "a"), open(store, "b"));
    let text = "a page that every session shows. ".repeat(2000);
    append(store, &batch_of(&a, 0, vec![said(0, &text), said(1, &text)]));
    let once = store.usage().expect("figures");
    assert_eq!(once.payload_bytes, text.len() as u64, "packed once");
    for number in 0..50 {
        append(store, &batch_of(&b, number, vec![said(number, &text)]));
    }
    let often = store.usage().expect("figures");
    assert_eq!(often.payload_bytes, once.payload_bytes);
    assert!(often.encoded_bytes < once.encoded_bytes + 50 * 500, "{often:?}");
    let expected: Vec<Record> = (0..50).map(|number| said(number, &text)).collect();
    assert_eq!(whole(store, "b", 10_000), expected);
}

pub(crate) fn a_sweep_removes_what_nothing_refers_to_and_is_old(store: &dyn Store) {
    let lease = open(store, "a");
    append(store, &batch_of(&lease, 0, vec![large(0, "a")]));
    let (kept, lost) = (large_text("b"), large_text("c"));
    let digests = store.put_blobs(&[kept.as_bytes(), lost.as_bytes()], Timestamp(50)).expect("put");
    assert_eq!(digests, [Digest::of(kept.as_bytes()), Digest::of(lost.as_bytes())]);
    let too_large = vec![0; MAX_PAYLOAD_BYTES + 1];
    let refused = store.put_blobs(&[&too_large], Timestamp(50)).expect_err("it is too large");
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    assert_eq!(store.sweep_blobs(Timestamp(50)).expect("swept"), Swept::default(), "too young");
    append(store, &batch_of(&lease, 1, vec![said(1, &kept)]));
    grow(store, &lease, 2..200, 1500);
    assert!(sealed(store, "a", 200) > 2, "one reference is in a sealed stretch");
    let swept = store.sweep_blobs(Timestamp(i64::MAX)).expect("swept");
    assert_eq!(swept.blobs, 1);
    assert_eq!(store.sweep_blobs(Timestamp(i64::MAX)).expect("swept"), Swept::default());
    let expected = [large(0, "a"), said(1, &kept)];
    assert_eq!(whole(store, "a", 10_000)[..2], expected);
    append(store, &batch_of(&lease, 200, vec![said(200, &lost)]));
    assert_eq!(whole(store, "a", 10_000)[200], said(200, &lost), "it is stored anew");
}

pub(crate) fn a_sweep_spares_what_forks_share(store: &dyn Store) {
    let shown = |name: &str, len: u64, told: &[(u64, &str)]| {
        let mut expected: Vec<Record> = (0..len).map(|number| entry(number, 1500)).collect();
        for (at, letter) in told {
            expected[usize::try_from(*at).expect("a short log")] = large(*at, letter);
        }
        assert!(whole(store, name, 100_000) == expected, "{name} is another than it was");
    };
    let say = |lease: &Lease, at: u64, letter: &str| {
        let appended = append(store, &batch_of(lease, at, vec![large(at, letter)]));
        assert_eq!(appended, Appended::Stored(LogPos(at + 1)));
    };
    let lost = large_text("x");
    let swept = || {
        store.put_blobs(&[lost.as_bytes()], Timestamp(1)).expect("put");
        let swept = store.sweep_blobs(Timestamp(i64::MAX)).expect("swept");
        assert_eq!(swept.blobs, 1, "what nothing refers to, and no more");
    };
    // One payload in what will be sealed, one in the shared rows behind that, one behind the fork point.
    let parent = open(store, "1");
    say(&parent, 0, "a");
    grow(store, &parent, 1..200, 1500);
    say(&parent, 200, "b");
    fork(store, "1", 201, "2").expect("it is forked");
    say(&parent, 201, "c");
    let child = open(store, "2");
    say(&child, 201, "d");
    grow(store, &child, 202..400, 1500);
    say(&child, 400, "e");
    fork(store, "2", 401, "3").expect("a fork of a fork");
    fork(store, "2", 100, "4").expect("one that left before its parent began");
    let all = || {
        shown("1", 202, &[(0, "a"), (200, "b"), (201, "c")]);
        shown("2", 401, &[(0, "a"), (200, "b"), (201, "d"), (400, "e")]);
        shown("3", 401, &[(0, "a"), (200, "b"), (201, "d"), (400, "e")]);
        shown("4", 100, &[(0, "a")]);
    };
    swept();
    all();
    assert!((1..=200).contains(&sealed(store, "1", 200)), "one of the shared ones is sealed");
    assert!((202..=400).contains(&sealed(store, "2", 400)), "and one of the fork's own");
    swept();
    all();
    // Both go on, and what they shared is sealed on either side.
    grow(store, &parent, 202..300, 1500);
    grow(store, &open(store, "3"), 401..500, 1500);
    for name in ["1", "2", "3", "4"] {
        sealed(store, name, 1_000);
    }
    swept();
    shown("1", 300, &[(0, "a"), (200, "b"), (201, "c")]);
    shown("3", 500, &[(0, "a"), (200, "b"), (201, "d"), (400, "e")]);
    shown("4", 100, &[(0, "a")]);
}

fn large_text(letter: &str) -> String {
    letter.repeat(5_000)
}

/// An entry whose text is kept apart as a payload.
fn large(number: u64, letter: &str) -> Record {
    said(number, &large_text(letter))
}
