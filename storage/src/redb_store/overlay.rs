//! A file that is only looked at: redb writes to whatever it opens, if only how it was closed, and what it writes stays in
//! memory here. Also a file that was not closed can be read so, and one that may not be written.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

/// What is copied at once, in bytes: the size of redb's pages.
const BLOCK_BYTES: usize = 4 << 10;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// A backend and what was written over it. redb writes a few pages for the state of the whole file, so that memory is not
/// in proportion to the file.
#[derive(Debug)]
pub(super) struct Overlay<B> {
    below: B,
    above: Mutex<Above>,
}

#[derive(Debug)]
struct Above {
    /// Blocks by number that differ from those below.
    blocks: BTreeMap<u64, Box<[u8; BLOCK_BYTES]>>,
    length: u64,
    /// Up to here the bytes below count, where no block is above them.
    kept: u64,
}

impl<B: StorageBackend> Overlay<B> {
    /// Nothing is written over it yet.
    pub(super) fn new(below: B) -> io::Result<Self> {
        let length = below.len()?;
        let above = Above { blocks: BTreeMap::new(), length, kept: length };
        Ok(Self { below, above: Mutex::new(above) })
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes below, and zeros where there are none.
    fn read_below(&self, kept: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(kept.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (below, beyond) = out.split_at_mut(there.min(out.len()));
        beyond.fill(0);
        if below.is_empty() { Ok(()) } else { self.below.read(offset, below) }
    }
}

/// The parts of `length` bytes at an offset, block by block: the block's number, where in it, and where in the bytes.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK).expect("it is below the size of a block");
        let bytes = (BLOCK_BYTES - within).min(length - done);
        let part = (at / BLOCK, within, done..done + bytes);
        done += bytes;
        (bytes > 0).then_some(part)
    })
}

impl<B: StorageBackend> StorageBackend for Overlay<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.above().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > above.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_below(above.kept, offset, out)?;
        for (number, within, part) in parts(offset, out.len()) {
            if let Some(block) = above.blocks.get(&number) {
                let bytes = part.len();
                out[part].copy_from_slice(&block[within..within + bytes]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut above = self.above();
        above.length = len;
        above.kept = above.kept.min(len);
        drop(above.blocks.split_off(&len.div_ceil(BLOCK)));
        if let Some(last) = above.blocks.get_mut(&(len / BLOCK)) {
            // What is cut off comes back as zeros when it grows again.
            let within = usize::try_from(len % BLOCK).expect("it is below the size of a block");
            last[within..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        for (number, within, part) in parts(offset, data.len()) {
            if !above.blocks.contains_key(&number) {
                let mut block = Box::new([0; BLOCK_BYTES]);
                self.read_below(above.kept, number * BLOCK, &mut block[..])?;
                above.blocks.insert(number, block);
            }
            let block = above.blocks.get_mut(&number).expect("it was just put there");
            block[within..within + part.len()].copy_from_slice(&data[part]);
        }
        above.length = above.length.max(offset + data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    /// Keeps writers out and lets others look, whatever redb asks for: nothing is written.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_as_from_a_file_and_what_is_below_stays(
            steps in prop::collection::vec((0_u8..3, 0_u64..20_000, 0_usize..9_000), 1..20),
        ) {
            let below = InMemoryBackend::new();
            below.set_len(12_345).unwrap();
            let original: Vec<u8> = (0..12_345_u32).map(|at| at.to_le_bytes()[0] | 1).collect();
            below.write(0, &original).unwrap();
            let overlay = Overlay::new(below).unwrap();
            let mut model = original.clone();
            for (step, (what, offset, length)) in steps.into_iter().enumerate() {
                let at = usize::try_from(offset).unwrap();
                match what {
                    0 => {
                        overlay.set_len(offset).unwrap();
                        model.resize(at, 0);
                    }
                    1 if at + length <= model.len() => {
                        let data = vec![u8::try_from(step).unwrap(); length];
                        overlay.write(offset, &data).unwrap();
                        model[at..at + length].copy_from_slice(&data);
                    }
                    _ => {
                        let mut out = vec![0; length];
                        let is_there = at + length <= model.len();
                        prop_assert_eq!(overlay.read(offset, &mut out).is_ok(), is_there);
                        prop_assert!(!is_there || out == model[at..at + length]);
                    }
                }
                prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
            }
            let mut all = vec![0; model.len()];
            overlay.read(0, &mut all).unwrap();
            prop_assert!(all == model);
            let mut under = vec![0; original.len()];
            overlay.below.read(0, &mut under).unwrap();
            prop_assert!(under == original);
        }
    }
}
