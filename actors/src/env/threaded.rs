//! Blocking work on threads: one writer for all sessions, the runtime's blocking pool for reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::{Executor, Job, said};

/// One writer thread, and the runtime's blocking pool. Dropping it ends the thread after the work given before.
#[derive(Debug)]
pub struct Threaded {
    writer: Mutex<Option<Writer>>,
    runtime: tokio::runtime::Handle,
}

#[derive(Debug)]
struct Writer {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Threaded {
    /// Starts the writer thread. To be called within a runtime.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("highwater-writer".to_owned())
            .spawn(move || run(&queue))?;
        let writer = Mutex::new(Some(Writer { jobs, thread }));
        Ok(Self { writer, runtime: tokio::runtime::Handle::current() })
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        if let Some(writer) = &*self.writer()
            && writer.jobs.send(job).is_err()
        {
            tracing::error!("the writer thread is gone, a write was dropped");
        }
    }

    fn read(&self, job: Job) {
        drop(self.runtime.spawn_blocking(job));
    }

    fn finish(&self) {
        let Some(Writer { jobs, thread }) = self.writer().take() else {
            return;
        };
        drop(jobs);
        // The last job may own the last handle: the writer cannot wait for itself, and ends by itself.
        if thread.thread().id() == std::thread::current().id() {
            return;
        }
        if thread.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.finish();
    }
}
