//! What does quick repair cost and what is it worth? A process fills a file and is killed; another opens it. Once with
//! each commit storing the allocator's state, as the store does, once without, where redb walks the whole file; at two
//! sizes. Then commits in turns of both kinds, in the same file. Prints medians and their ratios; the last line is the
//! store itself.
//!
//! Run: `cargo bench -p highwater-storage --bench recovery`

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use highwater_protocol::{Outcome, PassId, Record, SessionId, Timestamp};
use highwater_storage::{BatchId, RedbOptions, RedbStore, SessionBatch, Store};
use redb::{Database, TableDefinition};

const LOG: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("log");
const SIZES_MB: [u64; 2] = [20, 500];
const ROW: [u8; 1_000] = [b'x'; 1_000];
/// Rows of a commit that fills the file.
const MANY: u64 = 4_000;
/// Times that a process is killed, and turns of commits of each kind.
const TIMES: usize = 7;
const COMMITS: u32 = 40;
const CACHE_BYTES: usize = 64 << 20;

fn main() {
    if let Ok(task) = std::env::var("RECOVERY_CHILD") {
        let words: Vec<&str> = task.splitn(3, ' ').collect();
        let megabytes = words[1].parse().expect("a number");
        return child(words[0], megabytes, Path::new(words[2]));
    }
    println!("medians of {TIMES}; a commit has 1 or 64 rows of {} bytes", ROW.len());
    for megabytes in SIZES_MB {
        let [walk, quick, store] = ["walk", "quick", "store"].map(|kind| measure(kind, megabytes));
        println!("\n{megabytes} MB of rows, file of {} MB", quick.file_mb);
        let ratio = walk.opened.as_secs_f64() / quick.opened.as_secs_f64();
        println!(
            "  open after a kill      walk {:>10.1?}  quick {:>10.1?}  ratio {ratio:.1}",
            walk.opened, quick.opened
        );
        println!("  the store after a kill {:>10.1?}", store.opened);
        for (rows, [walk, quick]) in quick.commits {
            let ratio = quick / walk;
            println!(
                "  commits/s, {rows:>2} rows     walk {walk:>10.0}  quick {quick:>10.0}  ratio {ratio:.2}"
            );
        }
    }
}

/// What was measured with one kind of commit at one size.
struct Measured {
    opened: Duration,
    file_mb: u64,
    /// Rows of a commit, and commits a second without and with quick repair.
    commits: Vec<(u64, [f64; 2])>,
}

fn measure(kind: &str, megabytes: u64) -> Measured {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("highwater.redb");
    let mut opened = Vec::new();
    for _ in 0..TIMES {
        kill_a_child(kind, megabytes, dir.path());
        let started = Instant::now();
        if kind == "store" {
            let store = RedbStore::open(dir.path(), options()).expect("it opens");
            opened.push(started.elapsed());
            drop(store);
        } else {
            let database = raw(&path);
            opened.push(started.elapsed());
            drop(database);
        }
    }
    opened.sort_unstable();
    let commits = if kind == "quick" { commits(&path) } else { Vec::new() };
    let file_mb = path.metadata().expect("it is there").len() >> 20;
    Measured { opened: opened[TIMES / 2], file_mb, commits }
}

fn options() -> RedbOptions {
    RedbOptions { cache_bytes: CACHE_BYTES, ..RedbOptions::default() }
}

fn raw(path: &Path) -> Database {
    Database::builder().set_cache_size(CACHE_BYTES).create(path).expect("it opens")
}

fn kill_a_child(kind: &str, megabytes: u64, dir: &Path) {
    let mut child = Command::new(std::env::current_exe().expect("it runs"))
        .env("RECOVERY_CHILD", format!("{kind} {megabytes} {}", dir.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut says = BufReader::new(child.stdout.take().expect("it is piped"));
    says.read_line(&mut line).expect("it says when it is done");
    assert_eq!(line, "done\n");
    child.kill().expect("it can be killed");
    child.wait().expect("it is dead");
}

/// Fills the file if it is new, commits once more, and waits with the file open until it is killed.
fn child(kind: &str, megabytes: u64, dir: &Path) {
    let rows = megabytes * 1_000;
    let done = || {
        println!("done");
        std::io::stdout().flush().expect("somebody listens");
        let _ = std::io::stdin().read(&mut [0]);
    };
    if kind == "store" {
        let store = RedbStore::open(dir, options()).expect("it opens");
        let lease = store.open_session(&SessionId::parse("s").expect("a name")).expect("it opens");
        let mut head = lease.head;
        while head.0 < rows + 1 {
            let many = if head.0 < rows { MANY } else { 1 };
            let records = (0..many).map(record).collect();
            let batch = BatchId(head.0 + 1);
            let batch = SessionBatch {
                session: lease.session.clone(),
                epoch: lease.epoch,
                head,
                batch,
                records,
            };
            store.append(&[batch]).expect("it is stored");
            head = head.advance(usize::try_from(many).expect("a small number"));
        }
        return done();
    }
    let database = raw(&dir.join("highwater.redb"));
    let quick = kind == "quick";
    let filled = commit(&database, u64::MAX, 1, quick);
    if filled {
        for number in 0..rows / MANY {
            commit(&database, number, MANY, quick);
        }
    }
    commit(&database, u64::MAX - 1, 1, quick);
    done();
}

fn record(number: u64) -> Record {
    let text = String::from_utf8(ROW.to_vec()).expect("text");
    Record::PassEnded {
        at: Timestamp(0),
        pass: PassId(number),
        outcome: Outcome::Failed(text.into()),
    }
}

/// Commits rows under a number; whether they are new.
fn commit(database: &Database, number: u64, rows: u64, quick: bool) -> bool {
    let mut transaction = database.begin_write().expect("nobody else writes");
    transaction.set_quick_repair(quick);
    let mut table = transaction.open_table(LOG).expect("it is there");
    let mut new = true;
    for row in 0..rows {
        new = table.insert((number, row), &ROW[..]).expect("it is written").is_none();
    }
    drop(table);
    transaction.commit().expect("it is stored");
    new
}

/// Commits a second of both kinds, taken in turns in one file.
fn commits(path: &Path) -> Vec<(u64, [f64; 2])> {
    let database = raw(path);
    let mut number = 1 << 40;
    let mut rates = Vec::new();
    for rows in [1, 64] {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..TIMES {
            for (kind, took) in took.iter_mut().enumerate() {
                let started = Instant::now();
                for _ in 0..COMMITS {
                    number += 1;
                    commit(&database, number, rows, kind == 1);
                }
                took.push(started.elapsed());
            }
        }
        let rate = took.map(|mut took| {
            took.sort_unstable();
            f64::from(COMMITS) / took[TIMES / 2].as_secs_f64()
        });
        rates.push((rows, rate));
    }
    rates
}
