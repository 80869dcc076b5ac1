//! Real transcripts into a store: how fast they are imported, durable and with their tokens estimated; how often each byte
//! is hashed and encoded on the way; and what room the store takes against their bytes once it is sealed.
//!
//! Run: `taskset -c 0 cargo bench -p highwater-tests --bench transcripts` for one core, or without `taskset`. The folder is
//! `HIGHWATER_TRANSCRIPTS`, or `shared/transcripts` beside the workspace. Files that no reader knows are taken line by
//! line, as records that no model sees; the import is timed without them first.

#![expect(clippy::cast_precision_loss, reason = "ratios for people")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater::Highwater;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Digest, Entry, EntryId, Format, TokenCount, caps};
use highwater_storage::{RedbOptions, RedbStore, Store};
use highwater_tests::{transcript, world};

/// Entries of one append.
const BATCH: usize = 2_000;

/// What an import of several files took.
#[derive(Default)]
struct Took {
    files: usize,
    bytes: u64,
    time: Duration,
    hashed_reading: u64,
    hashed_appending: u64,
}

impl Took {
    fn share(&self, bytes: u64) -> f64 {
        bytes as f64 / self.bytes as f64
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {} files of {:.1} MB, imported and durable at {:.1} MB/s; hashed {:.3} times as they were read, {:.3} \
             times as they were appended",
            self.files,
            self.bytes as f64 / 1e6,
            self.bytes as f64 / 1e6 / self.time.as_secs_f64(),
            self.share(self.hashed_reading),
            self.share(self.hashed_appending),
        );
    }
}

fn opaque(bytes: &[u8]) -> Vec<Entry> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let pieces = lines.flat_map(|line| line.chunks(caps::MAX_ENTRY_BYTES));
    let opaque = |(number, piece): (usize, &[u8])| {
        let id = EntryId::parse(&format!("line-{number}")).expect("a legal id");
        Entry::opaque(id, piece.into()).expect("it is below the cap")
    };
    pieces.enumerate().map(opaque).collect()
}

/// Reads and appends every file that `readable` is true of, or those that it is not.
async fn import(house: &Highwater, files: &[PathBuf], readable: bool) -> Took {
    let budget = Budget::of_window(TokenCount(200_000)).expect("a legal window");
    let mut took = Took::default();
    for (number, path) in files.iter().enumerate() {
        let content = std::fs::read(path).expect("it is readable");
        let (started, before) = (Instant::now(), Digest::hashed_bytes());
        let read = transcript::read(&content);
        if read.is_ok() != readable {
            continue;
        }
        let (format, entries) = read.unwrap_or_else(|_| (Format::Anthropic, opaque(&content)));
        let read = Digest::hashed_bytes();
        // What is imported is not summarized while it comes.
        let config = SessionConfig { automatic: false, ..SessionConfig::new(budget, format) };
        let session = house.open(world::named(&format!("s{number}")), config).await;
        let session = session.expect("it opens");
        let entries: Vec<Arc<Entry>> = entries.into_iter().map(Arc::new).collect();
        for batch in entries.chunks(BATCH) {
            session.append(batch.to_vec()).await.expect("it is stored");
        }
        took.time += started.elapsed();
        took.files += 1;
        took.bytes += content.len() as u64;
        took.hashed_reading += read - before;
        took.hashed_appending += Digest::hashed_bytes() - read;
    }
    took
}

fn main() {
    let folder = transcript::folder();
    let found = transcript::files(&folder);
    if found.is_empty() {
        println!("there are no transcripts in {}", folder.display());
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let store = RedbStore::open(dir.path(), RedbOptions::default()).expect("a store");
    let store = Arc::new(store);
    let took = runtime.block_on(async {
        let house = Highwater::builder(world::Shared(Arc::clone(&store))).start().await;
        let house = house.expect("a house");
        let took = [import(&house, &found, true).await, import(&house, &found, false).await];
        house.close().await.expect("it closes");
        took
    });
    took[0].print("readable");
    took[1].print("line by line");
    let bytes = took.iter().map(|took| took.bytes).sum::<u64>();
    let share = |part: u64| part as f64 / bytes as f64;
    let usage = store.usage().expect("figures");
    println!(
        "all: encoded {:.3} times, {:.3} as records and {:.3} as payloads that were not there yet",
        share(usage.encoded_bytes + usage.payload_bytes),
        share(usage.encoded_bytes),
        share(usage.payload_bytes)
    );
    drop(store);
    let mut store = RedbStore::open(dir.path(), RedbOptions::default()).expect("a store");
    for info in store.sessions(None, usize::MAX).expect("a list") {
        while store.seal(&info.session, info.head).expect("it is sealed").more {}
    }
    let (before, after) = store.compact().expect("it is compacted");
    println!("store: {:.3} of the bytes before sealing, {:.3} after", share(before), share(after));
}
