//! The processor time of the house alone. It lives on threads of its own, whose time the kernel tells; what its callers
//! spend within calls into it is added, and what the simulated provider spends on its threads is taken off.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::pin;
use tokio::runtime::{Builder, Handle, Runtime};

use super::machine;

/// What the names of the house's threads begin with.
const OF_THE_HOUSE: &str = "highwater-";

/// Longer than any run: the time of a thread is known as long as it lives.
const THREADS_LIVE: Duration = Duration::from_hours(24);

/// Where time of the house is spent that its threads do not tell, and the reverse.
#[derive(Debug, Default)]
pub(super) struct Meter {
    calls_ns: AtomicU64,
    provider_ns: AtomicU64,
}

impl Meter {
    /// A call into the house, made on a thread of somebody else.
    pub(super) async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        metered(&self.calls_ns, call).await
    }

    /// Work of the house that does not wait, done on a thread of somebody else.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        timed(&self.calls_ns, work)
    }

    /// Something of the provider's, done on a thread of the house.
    pub(super) async fn provider<T>(&self, call: impl Future<Output = T>) -> T {
        metered(&self.provider_ns, call).await
    }

    /// The processor time of the house so far; `None` where the system does not tell.
    pub(super) fn house_us(&self) -> Option<u64> {
        let threads_ns = machine::threads_cpu_ns(OF_THE_HOUSE)?;
        let calls_ns = self.calls_ns.load(Ordering::Relaxed);
        let all_ns = threads_ns.saturating_add(calls_ns);
        Some(all_ns.saturating_sub(self.provider_ns.load(Ordering::Relaxed)) / 1_000)
    }
}

/// The threads of a house whose time is to be known. Dropping them waits for none of them.
#[derive(Debug)]
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts them. Half as many run its actors as there are processors: the agents are on the others, and the more of
    /// them share little work, the more of it is waking each other.
    pub(super) fn start() -> std::io::Result<Self> {
        let name = format!("{OF_THE_HOUSE}house");
        let workers = available_parallelism().map_or(1, |all| all.get().div_ceil(2));
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(workers).thread_name(name);
        let builder = builder.thread_keep_alive(THREADS_LIVE).enable_all();
        Ok(Self(Some(builder.build()?)))
    }

    /// Where the house is to be started.
    pub(super) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("they end when this is dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Adds what a future takes of its thread each time it is polled.
async fn metered<T>(sum_ns: &AtomicU64, future: impl Future<Output = T>) -> T {
    pin!(future);
    poll_fn(|context| timed(sum_ns, || future.as_mut().poll(context))).await
}

fn timed<T>(sum_ns: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let before = thread_ns();
    let done = work();
    sum_ns.fetch_add(thread_ns().saturating_sub(before), Ordering::Relaxed);
    done
}

/// What this thread has spent on processors.
fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works until this thread has spent so much.
    fn work(span_ns: u64) {
        let until = thread_ns() + span_ns;
        while thread_ns() < until {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn what_a_house_does_counts_and_what_is_done_for_it_does_not() {
        const MS: u64 = 1_000_000;
        let (meter, threads) = (Meter::default(), Threads::start().expect("threads"));
        let house = threads.handle();
        let before = meter.house_us().expect("Linux tells");
        house.block_on(async {
            let on_its_own = tokio::spawn(async { work(40 * MS) });
            on_its_own.await.expect("it only works");
        });
        let alone = meter.house_us().expect("Linux tells") - before;
        // What a thread that runs has spent is known to the kernel's tick.
        assert!(alone > 30_000, "{alone}");
        house.block_on(meter.call(async { work(30 * MS) }));
        let with_call = meter.house_us().expect("Linux tells") - before;
        assert!(with_call > alone + 20_000, "{with_call} and {alone}");
        house.block_on(meter.provider(async { work(30 * MS) }));
        let without = meter.house_us().expect("Linux tells") - before;
        assert!(without < with_call - 20_000, "{without} of {with_call}");
    }
}
