//! What the house stands on: a store that fails when it is told to, a place for blocking work that may hold it back, and
//! a clock that kills the actor that asks for the time once it is armed.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highwater::env::{Clock, Executor, Job, RuntimeClock};
use highwater_protocol::Timestamp;
use highwater_storage::{Access, Capabilities, MemoryStore, Store, StoreError, Wrapping};

/// How every planned panic begins, so that only the others are shown.
pub(crate) const PLANTED: &str = "planted: ";

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the next call of a kind does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    AppendBusy,
    AppendUnknownStored,
    AppendUnknownLost,
    AppendPanicsBefore,
    AppendPanicsBehind,
    OpenBusy,
    OpenPanics,
    ReadFails,
    ReadPanics,
    WriteBusy,
    WritePanicsBefore,
    WritePanicsBehind,
}

/// The disk: what is in `image` survives a crash.
#[derive(Clone)]
pub(crate) struct Disk {
    image: Arc<MemoryStore>,
    state: Arc<Mutex<DiskState>>,
}

#[derive(Default)]
struct DiskState {
    faults: Vec<Fault>,
    poisoned: bool,
}

impl Disk {
    /// An empty disk that seals stretches of so many bytes.
    pub(crate) fn with_segments_of(bytes: usize) -> Self {
        Self { image: Arc::new(MemoryStore::with_segments_of(bytes)), state: Arc::default() }
    }

    /// What is durable now, read past all faults.
    pub(crate) fn image(&self) -> &MemoryStore {
        &self.image
    }

    pub(crate) fn plan(&self, fault: Fault) {
        locked(&self.state).faults.push(fault);
    }

    /// The operator mends the store: nothing is planned any more, and writers are let in again.
    pub(crate) fn mend(&self) {
        *locked(&self.state) = DiskState::default();
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        locked(&self.state).poisoned
    }

    pub(crate) fn is_sound(&self) -> bool {
        let state = locked(&self.state);
        state.faults.is_empty() && !state.poisoned
    }

    fn due(&self, kinds: &[Fault]) -> Option<Fault> {
        let mut state = locked(&self.state);
        let at = state.faults.iter().position(|fault| kinds.contains(fault))?;
        Some(state.faults.remove(at))
    }

    fn refuse_writers(&self) -> Result<(), StoreError> {
        if !self.is_poisoned() {
            return Ok(());
        }
        Err(StoreError::Io { what: "writers are refused".into(), why: "until it is mended".into() })
    }

    fn fail(&self, why: &str) -> StoreError {
        locked(&self.state).poisoned = true;
        StoreError::Unknown(why.into())
    }
}

impl Wrapping for Disk {
    fn capabilities(&self) -> Capabilities {
        self.image.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kinds: &[Fault] = match access {
            Access::Open => &[Fault::OpenBusy, Fault::OpenPanics],
            Access::Append => &[
                Fault::AppendBusy,
                Fault::AppendUnknownStored,
                Fault::AppendUnknownLost,
                Fault::AppendPanicsBefore,
                Fault::AppendPanicsBehind,
            ],
            Access::Read => &[Fault::ReadFails, Fault::ReadPanics],
            Access::Write => {
                &[Fault::WriteBusy, Fault::WritePanicsBefore, Fault::WritePanicsBehind]
            }
            Access::Look | Access::Behind => &[],
        };
        if matches!(access, Access::Open | Access::Append | Access::Write) {
            self.refuse_writers()?;
        }
        match self.due(kinds) {
            None => work(&*self.image),
            Some(Fault::OpenBusy | Fault::AppendBusy | Fault::WriteBusy) => {
                Err(StoreError::Busy("by plan".into()))
            }
            Some(Fault::AppendUnknownLost) => Err(self.fail("lost by plan")),
            Some(Fault::AppendUnknownStored) => {
                work(&*self.image)?;
                Err(self.fail("stored by plan"))
            }
            Some(Fault::AppendPanicsBehind | Fault::WritePanicsBehind) => {
                work(&*self.image)?;
                panic!("{PLANTED}the store behind a commit")
            }
            Some(Fault::ReadFails) => {
                Err(StoreError::Io { what: "cannot read".into(), why: "by plan".into() })
            }
            Some(fault) => panic!("{PLANTED}the store: {fault:?}"),
        }
    }
}

/// The place for blocking work: on the spot, or held back until the simulator runs it. Writes keep their order.
#[derive(Clone, Default)]
pub(crate) struct Bench {
    jobs: Arc<Mutex<Jobs>>,
    depth: Arc<AtomicU32>,
}

#[derive(Default)]
struct Jobs {
    is_slow: bool,
    queue: VecDeque<(bool, Job)>,
}

impl Bench {
    pub(crate) fn set_slow(&self, is_slow: bool) {
        locked(&self.jobs).is_slow = is_slow;
    }

    pub(crate) fn waiting(&self) -> usize {
        locked(&self.jobs).queue.len()
    }

    /// Whether work is done where it is asked for, and none waits.
    pub(crate) fn is_prompt(&self) -> bool {
        let jobs = locked(&self.jobs);
        !jobs.is_slow && jobs.queue.is_empty()
    }

    /// Runs the job at `place` of the queue, or for a write the first write. False when none waits.
    pub(crate) fn run(&self, place: usize) -> bool {
        let job = {
            let queue = &mut locked(&self.jobs).queue;
            let is_write = queue.get(place).is_some_and(|(is_write, _)| *is_write);
            let place = if is_write {
                queue.iter().position(|(is_write, _)| *is_write)
            } else {
                Some(place)
            };
            place.and_then(|place| queue.remove(place))
        };
        let Some((_, job)) = job else {
            return false;
        };
        self.carry_out(job);
        true
    }

    fn take(&self, is_write: bool, job: Job) {
        if self.is_prompt() {
            self.carry_out(job);
        } else {
            locked(&self.jobs).queue.push_back((is_write, job));
        }
    }

    /// As on a thread of its own: a panic ends the job and nothing else.
    fn carry_out(&self, job: Job) {
        self.depth.fetch_add(1, Ordering::Relaxed);
        drop(catch_unwind(AssertUnwindSafe(job)));
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Executor for Bench {
    fn write(&self, job: Job) {
        self.take(true, job);
    }

    fn read(&self, job: Job) {
        self.take(false, job);
    }

    fn finish(&self) {
        while self.run(0) {}
    }
}

/// The runtime's clock with a trap in it.
#[derive(Clone)]
pub(crate) struct Trap {
    clock: RuntimeClock,
    armed: Arc<AtomicBool>,
    depth: Arc<AtomicU32>,
}

impl Trap {
    /// Goes on from `origin`; blocking work on `bench` is never caught in it.
    pub(crate) fn starting_at(origin: Timestamp, bench: &Bench) -> Self {
        let (armed, depth) = (Arc::default(), Arc::clone(&bench.depth));
        Self { clock: RuntimeClock::starting_at(origin), armed, depth }
    }

    /// The next actor that asks for the time dies.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }
}

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        let is_actor = self.depth.load(Ordering::Relaxed) == 0;
        let is_caught = is_actor && self.armed.swap(false, Ordering::Relaxed);
        assert!(!is_caught, "{PLANTED}the clock");
        self.clock.now()
    }
}
