//! Blocking work done on the spot: no thread, no waiting, the order of the calls.

use super::{Executor, Job};

/// Runs all work where it is asked for. For simulators and tests under paused time, over a store in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

impl Executor for Inline {
    fn write(&self, job: Job) {
        job();
    }

    fn read(&self, job: Job) {
        job();
    }

    fn finish(&self) {}
}
