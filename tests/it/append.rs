//! Appending: dense numbers, idempotence, conflicts, caps, and sessions that do not mix (L1, L3, S4).

use std::sync::Arc;

use highwater_protocol::message::{ContextReply, NextContext, OpenCalls, Receipt};
use highwater_protocol::{Context, Entry, EntryId, Format, Kind, Seq, caps};
use highwater_storage::{MemoryStore, Shared, Store};
use highwater_tests::host::Host;
use highwater_tests::world::Environment;
use highwater_tests::{notation, world};

fn numbers(receipts: &[Receipt]) -> Vec<(u64, bool)> {
    receipts.iter().map(|receipt| (receipt.seq.0, receipt.known)).collect()
}

async fn refused(host: &Host, entries: Vec<Arc<Entry>>) -> Kind {
    host.session.append(entries).await.expect_err("the append is refused").kind()
}

#[tokio::test(start_paused = true)]
async fn numbers_are_dense_from_one_in_the_order_of_the_appends() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    let first = host.append("s: Be brief.\nu: Hello.\nx: a record").await;
    assert_eq!(numbers(&first), [(1, false), (2, false), (3, false)]);
    let second = host.append("a9: Hello.\nu9: Well?").await;
    assert_eq!(numbers(&second), [(4, false), (5, false)]);
    let ids: Vec<&str> = second.iter().map(|receipt| receipt.id.as_str()).collect();
    assert_eq!(ids, ["a9", "u9"]);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_answered_with_the_first_numbers() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: one\nu2: two").await;
    let retried = host.append("u1: one\nu2: two\nu3: three").await;
    assert_eq!(numbers(&retried), [(1, true), (2, true), (3, false)]);
    let twice_in_one = host.append("u4: four\nu4: four").await;
    assert_eq!(numbers(&twice_in_one), [(4, false), (4, true)]);
    host.context().await;
    let after_context = host.append("u3: three").await;
    assert_eq!(numbers(&after_context), [(3, true)]);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_known_id_with_other_content_is_a_conflict_and_nothing_is_stored() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: one\nu2: two").await;
    let digest = host.context().await.digest;
    for mixed in ["u3: three\nu1: another one", "u3: three\nu4: four\nu3: drei"] {
        assert_eq!(refused(&host, notation::entries(mixed)).await, Kind::Conflict);
    }
    assert_eq!(host.context().await.digest, digest, "the view is as it was");
    let stored = host.append("u3: another three").await;
    assert_eq!(numbers(&stored), [(3, false)], "u3 of the refused appends left nothing");
    host.require_whole_history().await;
}

/// The receipts, and the context.
async fn next(host: &Host, text: &str) -> Result<(Vec<Receipt>, Context), Kind> {
    let asked = host.session.next_context(notation::entries(text), OpenCalls::Refuse).await;
    let NextContext { receipts, context } = asked.map_err(|error| error.kind())?;
    let Ok(ContextReply::Ready(context)) = context else { panic!("{context:?}") };
    Ok((receipts, context))
}

#[tokio::test(start_paused = true)]
async fn entries_with_the_wish_for_a_context_are_one_commit_and_show_what_two_calls_show() {
    let store = Arc::new(MemoryStore::new());
    let shared = Shared(Arc::clone(&store));
    let house = world::house(shared, Environment::Inline, world::gist(1)).await;
    let mut one = Host::open(&house, "one", world::automatic()).await;
    let mut two = Host::open(&house, "two", world::automatic()).await;
    for host in [&mut one, &mut two] {
        host.append("s: Be brief.").await;
    }
    let commits = || store.usage().expect("figures").commits;
    let before = commits();
    let (receipts, first) = next(&one, "u1: one\nu2: two").await.expect("a context");
    assert_eq!(commits(), before + 1);
    assert_eq!(numbers(&receipts), [(2, false), (3, false)]);
    two.append("u1: one\nu2: two").await;
    let shown = two.context().await;
    assert_eq!((first.body(), first.digest), (shown.body(), shown.digest), "P1");
    let (again, second) = next(&one, "u1: one\nu2: two").await.expect("the same is no conflict");
    assert_eq!(numbers(&again), [(2, true), (3, true)]);
    assert_eq!((second.body(), second.call), (first.body(), first.call.next()), "P1");
    assert_eq!(next(&one, "u3: three\nu1: uno").await.map(drop), Err(Kind::Conflict));
    let third = one.context().await;
    assert_eq!((third.body(), third.call), (first.body(), second.call.next()), "none was recorded");
    let past = one.session.call(first.call).await.expect("it is recorded").context;
    assert_eq!(past.body(), first.body(), "P8");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_a_cap_is_refused_whole() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    let many: Vec<String> =
        (0..=caps::MAX_APPEND_ENTRIES).map(|number| format!("u{number}x: no")).collect();
    let many = many.join("\n");
    assert_eq!(refused(&host, notation::entries(&many)).await, Kind::TooLarge);
    assert_eq!(host.session.status().await.expect("it answers").head, Seq::ZERO);
    host.append("u1: small enough").await;

    let id = || EntryId::parse("large").expect("a legal id");
    let large = "x".repeat(caps::MAX_ENTRY_BYTES);
    let json = format!("{{\"role\":\"user\",\"content\":\"{large}\"}}");
    let refused = Entry::from_json(id(), Format::Anthropic, &json).expect_err("over the cap");
    assert_eq!(refused.kind(), Kind::TooLarge);
    let refused = Entry::opaque(id(), format!("{large}x").as_bytes().into());
    assert_eq!(refused.expect_err("over the cap").kind(), Kind::TooLarge);
    assert!(EntryId::parse(&"x".repeat(caps::MAX_ID_BYTES + 1)).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_entry_at_its_cap_is_stored_and_read_back() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    let id = EntryId::parse("largest").expect("a legal id");
    let source = vec![b'x'; caps::MAX_ENTRY_BYTES];
    let largest = Entry::opaque(id, source.into()).expect("just at the cap");
    host.give(vec![Arc::new(largest)]).await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn an_append_of_nothing_changes_nothing() {
    let (_house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    assert!(host.append("").await.is_empty());
    assert_eq!(host.session.status().await.expect("it answers").head, Seq::ZERO);
}

#[tokio::test(start_paused = true)]
async fn two_sessions_with_the_same_ids_do_not_mix() {
    let house = world::in_memory(world::gist(1)).await;
    let mut one = Host::open(&house, "one", world::automatic()).await;
    let mut other = Host::open(&house, "other", world::automatic()).await;
    for round in 0..5 {
        let ours = one.append(&format!("u{round}r: ours {round}\na{round}r: yes")).await;
        let theirs = other.append(&format!("u{round}r: theirs {round}")).await;
        assert_eq!(numbers(&ours), [(round * 2 + 1, false), (round * 2 + 2, false)]);
        assert_eq!(numbers(&theirs), [(round + 1, false)]);
        let (ours, theirs) = (one.context().await.body(), other.context().await.body());
        assert!(ours.contains("ours") && !ours.contains("theirs"), "{ours}");
        assert!(theirs.contains("theirs") && !theirs.contains("ours"), "{theirs}");
    }
    one.require_whole_history().await;
    other.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_handle_are_one_session() {
    let (house, mut host) = Host::alone(world::gist(1), world::automatic()).await;
    host.append("u1: one").await;
    let clone = house.open(world::named("s"), world::automatic()).await.expect("it opens");
    let receipts = clone.append(notation::entries("u1: one\nu2: two")).await.expect("stored");
    assert_eq!(numbers(&receipts), [(1, true), (2, false)]);
}

#[tokio::test]
async fn concurrent_appends_of_many_callers_get_each_number_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = world::redb(dir.path());
    let house = world::house(store, world::Environment::Threaded, world::gist(0)).await;
    let host = Host::open(&house, "s", world::automatic()).await;
    let appends = (0..40).map(|caller| {
        let session = host.session.clone();
        tokio::spawn(async move {
            let entries = notation::entries(&format!("u{caller}a: one\nu{caller}b: two"));
            session.append(entries).await.expect("stored")
        })
    });
    let mut given = Vec::new();
    for append in appends.collect::<Vec<_>>() {
        let receipts = append.await.expect("no caller panics");
        assert_eq!(receipts[1].seq, receipts[0].seq.next(), "one append is not torn");
        given.extend(receipts.into_iter().map(|receipt| receipt.seq.0));
    }
    given.sort_unstable();
    assert_eq!(given, (1..=80).collect::<Vec<u64>>());
    house.close().await.expect("it closes");
}
