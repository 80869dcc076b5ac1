//! Does anything that a turn or a restart does depend on how long a session is? A context of a session of 100,000 entries
//! against one of 1,000, in turns; and opening a store of 1,000,000 entries against one of 10,000 until its first context
//! is there, after a clean close. Each is one session, so that nothing but its length differs.
//!
//! Run: `cargo bench -p highwater-tests --bench growth`

use std::path::Path;
use std::time::{Duration, Instant};

use highwater::Highwater;
use highwater_storage::{RedbOptions, RedbStore};
use highwater_tests::{grown, world};

const CALLS: u64 = 500;
const OPENINGS: usize = 15;

async fn house(dir: &Path) -> Highwater {
    let store = RedbStore::open(dir, RedbOptions::default()).expect("a store");
    Highwater::builder(store).start().await.expect("a house")
}

fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// Contexts of both sessions in turns, each behind an append; the entries of both views are as many.
async fn contexts(dir: &Path) {
    let house = house(dir).await;
    let long = house.open(world::named("long"), grown::config()).await.expect("it opens");
    let short = house.open(world::named("short"), grown::config()).await.expect("it opens");
    grown::grow(&long, 100_000).await;
    grown::grow(&short, 1_000).await;
    for session in [&long, &short] {
        grown::land(session).await;
    }
    let (mut of_long, mut of_short) = (Vec::new(), Vec::new());
    for call in 0..CALLS {
        for (session, samples) in [(&long, &mut of_long), (&short, &mut of_short)] {
            session.append(vec![grown::entry(1_000_000 + call)]).await.expect("stored");
            let started = Instant::now();
            grown::context(session).await;
            samples.push(started.elapsed());
        }
    }
    let sizes = (
        long.status().await.expect("an answer").view.0,
        short.status().await.expect("an answer").view.0,
    );
    let (of_long, of_short) = (median(&mut of_long), median(&mut of_short));
    println!("context(), median of {CALLS}, views of {} and {} tokens", sizes.0, sizes.1);
    println!("  100,000 entries {of_long:>10.1?}");
    println!("    1,000 entries {of_short:>10.1?}");
    println!("  ratio {:.2}", of_long.as_secs_f64() / of_short.as_secs_f64());
    house.close().await.expect("it closes");
}

/// Opens the store in a directory and answers one context; tells how long that took.
async fn first_context(dir: &Path) -> Duration {
    let started = Instant::now();
    let house = house(dir).await;
    let session = house.open(world::named("s"), grown::config()).await.expect("it opens");
    grown::context(&session).await;
    let took = started.elapsed();
    house.close().await.expect("it closes");
    took
}

async fn openings(root: &Path) {
    let sizes: [u64; 2] = [1_000_000, 10_000];
    for entries in sizes {
        let dir = root.join(entries.to_string());
        let house = house(&dir).await;
        let session = house.open(world::named("s"), grown::config()).await.expect("it opens");
        grown::grow(&session, entries).await;
        house.close().await.expect("it closes");
    }
    let mut clean = [Vec::new(), Vec::new()];
    for _ in 0..OPENINGS {
        for (entries, samples) in sizes.iter().zip(&mut clean) {
            samples.push(first_context(&root.join(entries.to_string())).await);
        }
    }
    let [large, small] = clean.each_mut().map(|samples| median(samples));
    println!("open and first context after a clean close, median of {OPENINGS}");
    println!("  1,000,000 entries {large:>10.1?}");
    println!("     10,000 entries {small:>10.1?}");
    println!("  ratio {:.2}", large.as_secs_f64() / small.as_secs_f64());
}

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(contexts(&dir.path().join("contexts")));
    runtime.block_on(openings(dir.path()));
}
