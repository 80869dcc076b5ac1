//! Durable appends of 64 sessions at once, 1 KB each, against redb itself: the same batches in a bare loop, and one commit
//! for each append. All in one run, on one disk, in turns, so that every arm sees the same machine.
//!
//! Run: `cargo bench -p highwater-tests --bench appends`

#![expect(clippy::cast_precision_loss, reason = "ratios for people")]

use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use highwater::{Highwater, SessionHandle};
use highwater_protocol::{Entry, EntryId};
use highwater_storage::{
    Access, Capabilities, RedbOptions, RedbStore, Store, StoreError, Wrapping,
};
use highwater_tests::world;
use redb::{Database, Durability, TableDefinition};

const SESSIONS: u64 = 64;
/// Appends of each session in one round.
const APPENDS: u64 = 150;
const ROUNDS: u64 = 5;
const ROW_BYTES: usize = 1_000;
const ROWS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("rows");

/// A store that notes how many bytes of records each commit took, and how long.
struct Noting {
    store: RedbStore,
    commits: Arc<Mutex<Vec<(usize, Duration)>>>,
}

impl Wrapping for Noting {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if access != Access::Append {
            return work(&self.store);
        }
        let before = self.store.usage()?.encoded_bytes;
        let started = Instant::now();
        let done = work(&self.store)?;
        let took = started.elapsed();
        let bytes = self.store.usage()?.encoded_bytes - before;
        let bytes = usize::try_from(bytes).expect("a commit is small");
        self.commits.lock().expect("nobody panics").push((bytes, took));
        Ok(done)
    }
}

fn entry(session: u64, number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("{session}-{number}")).expect("a legal id");
    let mut text = String::with_capacity(ROW_BYTES);
    let mut seed = session * 1_000_003 + number;
    while text.len() < ROW_BYTES - 40 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(text, "{:x} ", seed >> 40).expect("a string takes everything");
    }
    Arc::new(Entry::user(id, &text).expect("a small entry"))
}

/// What one round of the house took, and what its commits held.
struct House {
    took: Duration,
    committing: Duration,
    batches: Vec<usize>,
    row_bytes: usize,
    syncs: u64,
}

async fn house(dir: &Path, round: u64) -> House {
    let store = RedbStore::open(dir, RedbOptions::default()).expect("a store");
    let commits = Arc::new(Mutex::new(Vec::new()));
    let noting = Arc::new(Noting { store, commits: Arc::clone(&commits) });
    let house =
        Highwater::builder(world::Shared(Arc::clone(&noting))).start().await.expect("a house");
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let name = world::named(&format!("s{number}"));
        sessions.push(house.open(name, world::by_wish()).await.expect("it opens"));
    }
    let entries: Vec<Vec<Arc<Entry>>> = (0..SESSIONS)
        .map(|session| (0..APPENDS).map(|n| entry(session, round * APPENDS + n)).collect())
        .collect();
    commits.lock().expect("nobody panics").clear();
    let syncs = noting.usage().expect("figures").syncs;
    let started = Instant::now();
    let tasks: Vec<_> = sessions
        .into_iter()
        .zip(entries)
        .map(|(session, entries)| tokio::spawn(append(session, entries)))
        .collect();
    for task in tasks {
        task.await.expect("no task fails");
    }
    let took = started.elapsed();
    let syncs = noting.usage().expect("figures").syncs - syncs;
    house.close().await.expect("it closes");
    let commits = std::mem::take(&mut *commits.lock().expect("nobody panics"));
    let (bytes, times): (Vec<usize>, Vec<Duration>) = commits.into_iter().unzip();
    let committing = times.iter().sum();
    // All records are of about one size, so that bytes tell how many there were.
    let appends = usize::try_from(SESSIONS * APPENDS).expect("a small number");
    let row_bytes = bytes.iter().sum::<usize>() / appends;
    let batches = bytes.iter().map(|bytes| (bytes + row_bytes / 2) / row_bytes).collect();
    House { took, committing, batches, row_bytes, syncs }
}

async fn append(session: SessionHandle, entries: Vec<Arc<Entry>>) {
    for entry in entries {
        session.append(vec![entry]).await.expect("it is stored");
    }
}

/// A bare loop over redb: as many rows in each commit as these say.
fn bare(
    dir: &Path,
    (batches, row_bytes): (&[usize], usize),
    quick_repair: bool,
    round: u64,
) -> Duration {
    let database = Database::builder()
        .set_cache_size(64 << 20)
        .create(dir.join("bare.redb"))
        .expect("a database");
    let row = vec![7_u8; row_bytes];
    let (mut next, started) = (0_u64, Instant::now());
    for rows in batches {
        let mut transaction = database.begin_write().expect("nobody else writes");
        transaction.set_durability(Durability::Immediate).expect("it can be");
        transaction.set_quick_repair(quick_repair);
        {
            let mut table = transaction.open_table(ROWS).expect("a table");
            for _ in 0..*rows {
                let key = (next % SESSIONS, round * 1_000_000 + next / SESSIONS);
                table.insert(key, row.as_slice()).expect("it is inserted");
                next += 1;
            }
        }
        transaction.commit().expect("it is committed");
    }
    started.elapsed()
}

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        path
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (mut ours, mut plain, mut quick, mut single) = <(f64, f64, f64, f64)>::default();
    let (mut appends, mut commits, mut syncs, mut committing) = (0_u64, 0_u64, 0_u64, 0.0);
    for round in 0..ROUNDS {
        let House { took, committing: busy, batches, row_bytes, syncs: synced } =
            runtime.block_on(house(&path("house"), round));
        ours += took.as_secs_f64();
        committing += busy.as_secs_f64();
        let rows: usize = batches.iter().sum();
        appends += SESSIONS * APPENDS;
        commits += batches.len() as u64;
        syncs += synced;
        plain += bare(&path("plain"), (&batches, row_bytes), false, round).as_secs_f64();
        quick += bare(&path("quick"), (&batches, row_bytes), true, round).as_secs_f64();
        // A tenth of the appends, each in a commit of its own.
        single += 10.0
            * bare(&path("single"), (&vec![1; rows / 10], row_bytes), false, round).as_secs_f64();
    }
    let rate = |took: f64| appends as f64 / took;
    println!(
        "{appends} appends of {ROW_BYTES} bytes, {SESSIONS} sessions at once, {commits} commits"
    );
    for (what, took) in [
        ("Highwater", ours),
        ("bare redb, the same batches, quick repair as Highwater has it", quick),
        ("bare redb, the same batches, as redb comes", plain),
        ("bare redb, one commit for each append", single),
    ] {
        println!("{:>9.0} appends/s  {what}", rate(took));
    }
    println!("a commit was under way {:.2} of Highwater's time", committing / ours);
    println!("against bare redb with quick repair: {:.2}", quick / ours);
    println!("against bare redb as it comes:       {:.2}", plain / ours);
    println!("against one commit for each append:  {:.1}", single / ours);
    println!("syncs for each append:               1/{:.1}", appends as f64 / syncs as f64);
}
