//! Real transcripts into a store: how fast they are imported, durable and with their tokens estimated; how often each byte
//! is hashed and encoded on the way; and what room the store takes against their bytes once it is sealed.
//!
//! Run: `taskset -c 0 cargo bench -p highwater-tests --bench transcripts [-- FOLDER]` for one core, or without `taskset`.
//! FOLDER defaults to `../shared/transcripts` beside the workspace. Files that no reader knows are taken line by line, as
//! records that no model sees.

#![expect(clippy::cast_precision_loss, reason = "ratios for people")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use highwater::Highwater;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount, caps};
use highwater_storage::{RedbOptions, RedbStore, Store};
use highwater_tests::{transcript, world};

/// Entries of one append.
const BATCH: usize = 2_000;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.parent().is_some_and(|parent| parent != folder_of_all(&path)) {
            found.push(path);
        }
    }
}

/// The folder itself holds a manifest and a README beside the folders of transcripts.
fn folder_of_all(path: &Path) -> PathBuf {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    if folder.join("MANIFEST.tsv").exists() { folder } else { PathBuf::new() }
}

fn entries(bytes: &[u8]) -> (Format, Vec<Entry>) {
    if let Ok(read) = transcript::read(bytes) {
        return read;
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let pieces = lines.flat_map(|line| line.chunks(caps::MAX_ENTRY_BYTES));
    let opaque = |(number, piece): (usize, &[u8])| {
        let id = EntryId::parse(&format!("line-{number}")).expect("a legal id");
        Entry::opaque(id, piece.into()).expect("it is below the cap")
    };
    (Format::Anthropic, pieces.enumerate().map(opaque).collect())
}

/// Reads and appends every file; tells how many bytes there were.
async fn import(house: &Highwater, files: &[PathBuf]) -> u64 {
    let budget = Budget::of_window(TokenCount(200_000)).expect("a legal window");
    let mut bytes = 0;
    for (number, path) in files.iter().enumerate() {
        let content = std::fs::read(path).expect("it is readable");
        bytes += content.len() as u64;
        let (format, entries) = entries(&content);
        // What is imported is not summarized while it comes.
        let config = SessionConfig { automatic: false, ..SessionConfig::new(budget, format) };
        let session = house.open(world::named(&format!("s{number}")), config).await;
        let session = session.expect("it opens");
        let entries: Vec<Arc<Entry>> = entries.into_iter().map(Arc::new).collect();
        for batch in entries.chunks(BATCH) {
            session.append(batch.to_vec()).await.expect("it is stored");
        }
    }
    bytes
}

fn main() {
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = asked.map_or_else(|| workspace.join("../shared/transcripts"), PathBuf::from);
    let mut found = Vec::new();
    files(&folder, &mut found);
    if found.is_empty() {
        println!("there are no transcripts in {}", folder.display());
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let store = RedbStore::open(dir.path(), RedbOptions::default()).expect("a store");
    let store = Arc::new(store);
    let hashed = highwater_protocol::Digest::hashed_bytes();
    let started = Instant::now();
    let bytes = runtime.block_on(async {
        let house = Highwater::builder(world::Shared(Arc::clone(&store))).start().await;
        let house = house.expect("a house");
        let bytes = import(&house, &found).await;
        house.close().await.expect("it closes");
        bytes
    });
    let took = started.elapsed();
    let hashed = highwater_protocol::Digest::hashed_bytes() - hashed;
    let usage = store.usage().expect("figures");
    drop(store);
    let mut store = RedbStore::open(dir.path(), RedbOptions::default()).expect("a store");
    for info in store.sessions(None, usize::MAX).expect("a list") {
        while store.seal(&info.session, info.head).expect("it is sealed").more {}
    }
    let (before, after) = store.compact().expect("it is compacted");
    let share = |part: u64| part as f64 / bytes as f64;
    println!("{} files of {:.1} MB", found.len(), bytes as f64 / 1e6);
    println!("imported, durable: {:.1} MB/s", bytes as f64 / 1e6 / took.as_secs_f64());
    println!(
        "hashed {:.3} times by content, encoded {:.3} times:",
        share(hashed),
        share(usage.encoded_bytes + usage.payload_bytes)
    );
    println!(
        "  {:.3} as records, {:.3} as payloads that were not there yet",
        share(usage.encoded_bytes),
        share(usage.payload_bytes)
    );
    println!("store: {:.3} of the bytes before sealing, {:.3} after", share(before), share(after));
}
