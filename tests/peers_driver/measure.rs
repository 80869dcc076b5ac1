//! What a driver measures: turns and summarizer calls with their times, calls at once, freezes of an unrelated task,
//! and the memory of the process.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::Notify;

/// What was seen so far.
pub(crate) struct Measure {
    started: Instant,
    seen: Mutex<Seen>,
    /// Told when a summarizer call begins.
    pub(crate) summarizing: Notify,
}

#[derive(Default)]
struct Seen {
    turns: Vec<[f64; 3]>,
    passes: Vec<[f64; 2]>,
    calls: u64,
    peak_calls: u64,
    freeze_ms: f64,
}

impl Measure {
    pub(crate) fn new() -> Self {
        let seen = Mutex::default();
        Self { started: Instant::now(), seen, summarizing: Notify::new() }
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }

    fn seen<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().expect("nobody panics"))
    }

    /// Sleeps until then.
    pub(crate) async fn until(&self, due: f64) {
        tokio::time::sleep(Duration::from_secs_f64((due - self.now()).max(0.0) / 1e3)).await;
    }

    /// A model that takes so long; answers how long it really took.
    pub(crate) async fn model_call(&self, takes_ms: u64) -> f64 {
        let started = self.now();
        tokio::time::sleep(Duration::from_millis(takes_ms)).await;
        self.now() - started
    }

    /// A summarizer's model that takes so long.
    pub(crate) async fn summary_call(&self, takes_ms: u64) {
        let started = self.now();
        self.seen(|seen| {
            seen.calls += 1;
            seen.peak_calls = seen.peak_calls.max(seen.calls);
        });
        self.summarizing.notify_waiters();
        tokio::time::sleep(Duration::from_millis(takes_ms)).await;
        let ended = self.now();
        self.seen(|seen| {
            seen.calls -= 1;
            seen.passes.push([started, ended]);
        });
    }

    /// A turn began then, and has ended; its model took so long.
    pub(crate) fn turn(&self, started: f64, model_ms: f64) {
        let ended = self.now();
        self.seen(|seen| seen.turns.push([started, ended, model_ms]));
    }

    /// An unrelated task that wants to run every so often, for ever.
    pub(crate) async fn heartbeat(&self, every_ms: u64) {
        loop {
            let started = self.now();
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            let late = self.now() - started - every_ms as f64;
            self.seen(|seen| seen.freeze_ms = seen.freeze_ms.max(late));
        }
    }

    /// Waits until no summarizer call is under way, nor has been for a while.
    pub(crate) async fn quiet(&self) {
        let mut idle = 0;
        while idle < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            idle = if self.seen(|seen| seen.calls) == 0 { idle + 1 } else { 0 };
        }
    }

    pub(crate) fn report(&self) -> Value {
        self.seen(|seen| {
            json!({
                "turns": seen.turns,
                "passes": seen.passes,
                "peak_calls": seen.peak_calls,
                "freeze_ms": seen.freeze_ms,
            })
        })
    }
}

/// What the system says that this process holds (`VmRSS`), or held at most (`VmHWM`), in MiB.
pub(crate) fn memory_mib(which: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with(which)).expect("it is told");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib / 1024.0
}

/// Seconds since 1970, as traces of system calls tell them.
pub(crate) fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs_f64()
}
