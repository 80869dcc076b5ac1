//! Blocking work on threads: one writer for all sessions, another for what nobody waits for, the runtime's blocking pool for
//! reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::{Executor, Job, said};

/// Two threads that write, and the runtime's blocking pool. Dropping it ends the threads after the work given before.
#[derive(Debug)]
pub struct Threaded {
    writers: Mutex<Option<Writers>>,
    runtime: tokio::runtime::Handle,
}

#[derive(Debug)]
struct Writers {
    in_order: Writer,
    beside: Writer,
}

#[derive(Debug)]
struct Writer {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Threaded {
    /// Starts the threads. To be called within a runtime.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let in_order = Writer::start("highwater-writer")?;
        let beside = Writer::start("highwater-beside")?;
        let writers = Mutex::new(Some(Writers { in_order, beside }));
        Ok(Self { writers, runtime: tokio::runtime::Handle::current() })
    }

    fn writers(&self) -> std::sync::MutexGuard<'_, Option<Writers>> {
        self.writers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Writer {
    fn start(name: &str) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&queue))?;
        Ok(Self { jobs, thread })
    }

    fn give(&self, job: Job) {
        if self.jobs.send(job).is_err() {
            tracing::error!("a writer thread is gone, a write was dropped");
        }
    }

    fn finish(self) {
        drop(self.jobs);
        // The last job may own the last handle: the writer cannot wait for itself, and ends by itself.
        if self.thread.thread().id() == std::thread::current().id() {
            return;
        }
        if self.thread.join().is_err() {
            tracing::error!("a writer thread panicked");
        }
    }
}

fn run(queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        // Whoever waits for it learns it by what it dropped; the writes of all others go on.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
            tracing::error!(why = said(panic.as_ref()), "a write panicked");
        }
    }
}

impl Executor for Threaded {
    fn write(&self, job: Job) {
        if let Some(writers) = &*self.writers() {
            writers.in_order.give(job);
        }
    }

    fn read(&self, job: Job) {
        drop(self.runtime.spawn_blocking(job));
    }

    fn write_beside(&self, job: Job) {
        if let Some(writers) = &*self.writers() {
            writers.beside.give(job);
        }
    }

    fn finish(&self) {
        let Some(Writers { in_order, beside }) = self.writers().take() else {
            return;
        };
        in_order.finish();
        beside.finish();
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.finish();
    }
}
