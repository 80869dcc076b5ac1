//! A disk in memory with the two files of a store: it writes down what was done to it, and fails where it is told to. Its
//! clones are the same disk.

use std::sync::{Arc, Mutex, MutexGuard};
use std::{fmt, io};

use redb::StorageBackend;

/// The bytes of the files: the store, and its redo log.
pub(crate) type Image = [Vec<u8>; 2];

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Store,
    Redo,
}

/// What was done to a disk, and what its user had been told by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Write {
        part: Part,
        offset: usize,
        data: Vec<u8>,
    },
    SetLen(Part, usize),
    Sync(Part),
    /// So many steps of the workload were answered.
    Answered(usize),
}

/// What a disk may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Write,
    Sync,
    SetLen,
    Read,
}

/// A failure to come: the `nth` deed of this kind from now on, counted from 1, fails with this error of the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) deed: Deed,
    pub(crate) nth: usize,
    pub(crate) errno: i32,
    /// Whether all later deeds of the kind fail as well, until the disk is mended.
    pub(crate) lasts: bool,
}

#[derive(Debug, Default)]
struct State {
    image: Image,
    trace: Vec<Op>,
    fault: Option<Fault>,
    fired: bool,
}

/// What somebody else does while a deed is done to the file of the store.
type Interruption = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    interruption: Arc<Mutex<Option<(usize, Interruption)>>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Disk").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Disk {
    /// A disk with these bytes, all of them durable.
    pub(crate) fn of(image: Image) -> Self {
        let state = Arc::new(Mutex::new(State { image, ..State::default() }));
        Self { state, interruption: Arc::default() }
    }

    /// Does something before the `nth` write to the store's file or sync of it from now on, counted from 1.
    pub(crate) fn interrupt_at(&self, nth: usize, does: impl FnOnce() + Send + 'static) {
        *self.interruption.lock().expect("no panic while it is held") = Some((nth, Box::new(does)));
    }

    /// Forgets what was to be done. Whether it was still to be done.
    pub(crate) fn go_on(&self) -> bool {
        self.interruption.lock().expect("no panic while it is held").take().is_some()
    }

    fn interrupted(&self, part: Part) {
        let mut waiting = self.interruption.lock().expect("no panic while it is held");
        if let Some((nth, _)) = waiting.as_mut().filter(|_| part == Part::Store) {
            *nth -= 1;
        }
        let due = waiting.take_if(|(nth, _)| *nth == 0);
        drop(waiting);
        if let Some((_, does)) = due {
            does();
        }
    }

    /// One of its files.
    pub(crate) fn file(&self, part: Part) -> DiskFile {
        DiskFile { disk: self.clone(), part }
    }

    /// Notes that so many steps were answered.
    pub(crate) fn answered(&self, steps: usize) {
        self.state().trace.push(Op::Answered(steps));
    }

    /// What was done so far. It is forgotten here.
    pub(crate) fn take_trace(&self) -> Vec<Op> {
        std::mem::take(&mut self.state().trace)
    }

    pub(crate) fn image(&self) -> Image {
        self.state().image.clone()
    }

    pub(crate) fn break_at(&self, fault: Fault) {
        let mut state = self.state();
        (state.fault, state.fired) = (Some(fault), false);
    }

    /// Mends the disk, and tells whether it had failed.
    pub(crate) fn mend(&self) -> bool {
        let mut state = self.state();
        state.fault = None;
        std::mem::take(&mut state.fired)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    fn tried(&self, deed: Deed) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if let Some(fault) =
            state.fault.as_mut().filter(|fault| fault.deed == deed && fault.nth > 0)
        {
            fault.nth -= 1;
            if fault.nth == 0 {
                let errno = fault.errno;
                if fault.lasts {
                    fault.nth = 1;
                }
                state.fired = true;
                return Err(io::Error::from_raw_os_error(errno));
            }
        }
        Ok(state)
    }
}

/// A file of a disk.
#[derive(Clone, Debug)]
pub(crate) struct DiskFile {
    disk: Disk,
    part: Part,
}

/// Does a deed to an image. A write reaches no further than the image is long: its end was not durable.
pub(crate) fn apply(image: &mut Image, op: &Op) {
    match op {
        Op::Write { part, offset, data } => {
            let image = &mut image[*part as usize];
            let end = image.len().min(offset + data.len());
            if let Some(place) = image.get_mut(*offset..end) {
                place.copy_from_slice(&data[..place.len()]);
            }
        }
        Op::SetLen(part, len) => image[*part as usize].resize(*len, 0),
        Op::Sync(_) | Op::Answered(_) => {}
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("the disk is small")
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().image[self.part as usize].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.tried(Deed::Read)?;
        let end = index(offset).saturating_add(out.len());
        let place = state.image[self.part as usize].get(index(offset)..end);
        out.copy_from_slice(place.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let op = Op::SetLen(self.part, index(len));
        let mut state = self.disk.tried(Deed::SetLen)?;
        apply(&mut state.image, &op);
        state.trace.push(op);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.interrupted(self.part);
        self.disk.tried(Deed::Sync)?.trace.push(Op::Sync(self.part));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let op = Op::Write { part: self.part, offset: index(offset), data: data.to_vec() };
        self.disk.interrupted(self.part);
        let mut state = self.disk.tried(Deed::Write)?;
        let length = state.image[self.part as usize].len();
        assert!(index(offset) + data.len() <= length, "a store writes within its files");
        apply(&mut state.image, &op);
        state.trace.push(op);
        Ok(())
    }
}
