//! A store that takes too long: a reader waits until its deadline and no longer, and what is read too late is not read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, Kind, Seq, SeqRange, SessionId, TokenCount, caps};
use highwater_storage::MemoryStore;
use tokio::time::Instant;

use crate::Highwater;
use crate::env::{Executor, Job};

const ALL: SeqRange = SeqRange { start: Seq::FIRST, end: Seq(u64::MAX) };

/// Writes at once, and keeps reads back while there is a place for them.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Option<Vec<Job>>>>);

impl Slow {
    /// From now on reads are kept back, or those that were are carried out.
    fn keep_back(&self, is_slow: bool) {
        let kept =
            std::mem::replace(&mut *self.0.lock().expect("no reader dies"), is_slow.then(Vec::new));
        kept.into_iter().flatten().for_each(|job| job());
    }
}

impl Executor for Slow {
    fn write(&self, job: Job) {
        job();
    }

    fn read(&self, job: Job) {
        match &mut *self.0.lock().expect("no reader dies") {
            Some(kept) => kept.push(job),
            None => job(),
        }
    }

    fn finish(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_until_its_deadline_and_is_told_to_try_again() {
    let disk = Slow::default();
    let builder = Highwater::builder(MemoryStore::new()).executor(disk.clone());
    let house = builder.start().await.expect("a house");
    let session = SessionId::parse("s").expect("a legal name");
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    house.open(session.clone(), config).await.expect("a session");
    let history = house.history(session);
    assert_eq!(history.count(ALL).await.expect("an answer"), 0);

    disk.keep_back(true);
    let (asked, reads) = (Instant::now(), house.gauges().page_reads);
    let late = history.count(ALL).await.expect_err("nothing is read");
    assert_eq!(late.kind(), Kind::Retry, "{late}");
    let seconds = format!("not read within {} s", caps::READ_DEADLINE.as_secs());
    assert!(late.to_string().contains(&seconds), "{late}");
    assert_eq!(asked.elapsed(), caps::READ_DEADLINE);
    disk.keep_back(true);
    assert_eq!(house.gauges().page_reads, reads, "nobody waits for it any more");

    // One that comes at the last moment is in time.
    let in_time = async {
        tokio::time::sleep(caps::READ_DEADLINE.saturating_sub(Duration::from_millis(1))).await;
        disk.keep_back(false);
    };
    let (answer, ()) = tokio::join!(history.count(ALL), in_time);
    assert_eq!(answer.expect("an answer"), 0);
    assert!(house.gauges().page_reads > reads);
    assert_eq!(history.count(ALL).await.expect("an answer"), 0);
    house.close().await.expect("it closes");
}
