//! A whole store of format version 1, checked in: every later version must open it, read it, fold it and go on with it.
//! docs/format.md says when it may be made anew, which is never: only one that is not there is made.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater::examine;
use highwater::history;
use highwater_protocol::message::OpenCalls;
use highwater_protocol::tokens::Usage;
use highwater_protocol::{
    CallEnd, CallNumber, CallRef, Digest, Entry, EntryId, Format, Outcome, Record, Resolution, Seq,
    TokenCount,
};
use highwater_storage::{RedbOptions, RedbStore, Store};
use highwater_tests::host::Host;
use highwater_tests::stored::log;
use highwater_tests::world::{self, Environment, Shared};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../storage/tests/golden/store-v1")
}

/// What is read of a store through the public API, as text: whatever of it a later version reads differently shows.
fn told(store: &RedbStore) -> String {
    let mut text = String::new();
    for info in store.sessions(None, 99).expect("they are listed") {
        let session = &info.session;
        let (head, origin, indexed) = (info.head, info.origin, info.indexed);
        writeln!(text, "session {session}: {head}, own from {origin}, indexed below {indexed}")
            .expect("a text takes all");
        let anchors = store.anchors(session, head).expect("they are listed");
        writeln!(text, "anchors: {anchors:?}").expect("a text takes all");
        for (at, record) in log(store, session.as_str()).iter().enumerate() {
            let said = match record {
                Record::Appended { seq, entry, .. } | Record::Edited { seq, entry, .. } => {
                    format!(" {seq} {} {}", entry.id(), Digest::of(entry.source()))
                }
                _ => String::new(),
            };
            writeln!(text, "  {at} {}{said}", record.name()).expect("a text takes all");
        }
        for call in 1.. {
            let Ok(past) = history::call(store, session, CallNumber(call)) else {
                break;
            };
            let (body, view) = (Digest::of(past.context.body().as_bytes()), past.context.digest);
            let used = past.used.map_or(0, |used| used.usage.input.0);
            writeln!(text, "call {call}: view {view}, input {body}, used {used}")
                .expect("a text takes all");
        }
    }
    text
}

/// The store of the golden file, in a directory of its own.
fn unpacked() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let packed = std::fs::read(folder().join("highwater.redb.zst")).expect("it is checked in");
    let bytes = zstd::stream::decode_all(&*packed).expect("it was packed with zstd");
    std::fs::write(dir.path().join("highwater.redb"), bytes).expect("it is written");
    dir
}

fn large_image(n: usize) -> Arc<Entry> {
    let data = "iVBORw0KGgo".repeat(2_000);
    let image = format!(
        r#"{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}"#
    );
    let id = EntryId::parse(&format!("image-{n}")).expect("a legal id");
    Arc::new(Entry::from_json(id, Format::Anthropic, &image).expect("a legal message"))
}

/// Everything that can happen to a session, through the public handle.
async fn play(store: Arc<RedbStore>) {
    let house = world::house(Shared(store.clone()), Environment::Inline, world::gist(0)).await;
    let mut host = Host::open(&house, "parent", world::by_wish()).await;
    host.append("s: Be brief.\nu: Where is the ferry? ~100\na1 call c1 ls, c2 cat").await;
    host.context().await;
    host.append("r2 c1: at pier two ~30\nu3: well? ~80\nx: progress\na4 call c9 cat").await;
    let open = CallRef { seq: Seq(7), id: "c9".into() };
    let running = Resolution::new(CallEnd::RunningChild, "at work").expect("it is short");
    host.session.resolve(open, running).await.expect("it is resolved");
    host.session.track("ship", Some("by Friday")).await.expect("it is tracked");
    host.give(vec![large_image(1), large_image(2)]).await;
    host.append("r5 c9: a large file ~3500").await;
    let first = host.context().await;
    let (input, cached, output) = (TokenCount(5_000), TokenCount(4_000), TokenCount(70));
    let usage = Usage { input, cached, output };
    host.session.report_usage(first.call, "a-model", usage).await.expect("it is kept");
    host.session.pin(Seq(2), true).await.expect("it is pinned");
    for round in 0..4 {
        host.append(&format!("x90{round}: no model sees this ~30000")).await;
        host.chat(&format!("r{round}"), 24, 60).await;
        let pass = host.compact(None).await;
        assert_eq!(host.settled(pass).await, Outcome::Spliced);
        host.context().await;
    }
    host.session.checkpoint().await.expect("it is marked");
    host.session.fork(None, &world::named("child")).await.expect("it is forked");
    let last = Seq(host.entries.len() as u64);
    host.edit(last, "u999: said otherwise ~20").await.expect("it is edited");
    host.chat("s", 5, 40).await;
    assert!(host.rewind(Seq(last.0 + 3)).await);
    host.context().await;
    host.session.pin(Seq(2), false).await.expect("it is set free");
    host.session.track("ship", None).await.expect("it is done");
    let child = Host::open(&house, "child", world::by_wish()).await;
    child.session.context(OpenCalls::StandIn).await.expect("it answers");
    child.session.clear().await.expect("it is cleared");
    child.session.switch(world::budget(), Format::OpenAiChat).await.expect("it is switched");
    child.session.context(OpenCalls::StandIn).await.expect("it answers");
    child.session.checkpoint().await.expect("it is marked");
    house.close().await.expect("it closes");
    let parent = world::named("parent");
    while store
        .seal(&parent, store.session(&parent).expect("it is there").head)
        .expect("sealed")
        .more
    {}
}

/// Makes the golden file, if it is not there and that is wished.
async fn bless() {
    let packed = folder().join("highwater.redb.zst");
    if packed.exists() || std::env::var_os("HIGHWATER_BLESS").is_none_or(|value| value != "1") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(world::redb(dir.path()));
    play(store.clone()).await;
    let mut store = Arc::into_inner(store).expect("the house is closed");
    store.compact().expect("room is given back");
    std::fs::create_dir_all(folder()).expect("a directory");
    std::fs::write(folder().join("told.txt"), told(&store)).expect("it is written");
    drop(store);
    let bytes = std::fs::read(dir.path().join("highwater.redb")).expect("the store's file");
    let bytes = zstd::stream::encode_all(&*bytes, 19).expect("it is packed");
    std::fs::write(packed, bytes).expect("it is written");
}

#[tokio::test(start_paused = true)]
async fn a_store_of_format_version_1_is_read_as_ever_and_goes_on() {
    bless().await;
    let dir = unpacked();
    let before = highwater_tests::stored::files(dir.path());
    let store = RedbStore::open_to_read(dir.path(), RedbOptions::default()).expect("it opens");
    let expected = std::fs::read_to_string(folder().join("told.txt")).expect("it is checked in");
    let found = told(&store);
    let differs = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert_eq!(differs, None, "the first line that is read differently");
    assert_eq!(expected.lines().count(), found.lines().count());
    for name in ["parent", "child"] {
        let examined = examine::examine(&store, &world::named(name), |_| ()).expect("it is there");
        assert_eq!(examined.findings, [], "{name}");
        assert!(examined.anchors > 0 && examined.entries > 100, "{examined:?}");
    }
    assert_eq!(store.examine_rows().expect("it is read"), [""; 0]);
    let payloads = store.examine_payloads().expect("it is read");
    assert!(payloads.payloads > 0 && payloads.unreferenced == 0 && payloads.lost.is_empty());
    drop(store);
    assert!(highwater_tests::stored::files(dir.path()) == before, "it was only read");
    go_on(dir.path()).await;
}

/// Both sessions are opened, appended to, compacted, and opened once more.
async fn go_on(dir: &Path) {
    let store = Arc::new(world::redb(dir));
    let house = world::house(Shared(store.clone()), Environment::Inline, world::gist(0)).await;
    for (name, format) in [("parent", Format::Anthropic), ("child", Format::OpenAiChat)] {
        let config = highwater_protocol::session::SessionConfig { format, ..world::by_wish() };
        let host = Host::open(&house, name, config).await;
        let head = host.session.status().await.expect("it answers").head;
        let known = log(&*store, name).into_iter().find_map(|record| match record {
            Record::Appended { entry, seq, .. } => Some((entry, seq)),
            _ => None,
        });
        let (entry, seq) = known.expect("there are entries");
        let again = host.session.append(vec![entry]).await.expect("it is known");
        assert!(again[0].known && again[0].seq == seq, "{name}: {again:?}");
        let new = highwater_tests::notation::entries_in(format, "unew: and now? ~50");
        let receipts = host.session.append(new).await.expect("it is stored");
        assert!(!receipts[0].known && receipts[0].seq == head.next(), "{name}: {receipts:?}");
        host.session.context(OpenCalls::StandIn).await.expect("it answers");
    }
    house.close().await.expect("it closes");
    drop(store);
    let store = RedbStore::open_to_read(dir, RedbOptions::default()).expect("it opens");
    for name in ["parent", "child"] {
        let examined = examine::examine(&store, &world::named(name), |_| ()).expect("it is there");
        assert_eq!(examined.findings, [], "{name}");
    }
}
