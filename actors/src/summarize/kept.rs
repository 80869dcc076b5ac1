//! Finished summaries of chunks, kept by the content that they were made from, so that a pass that follows an abandoned
//! one pays only for what is new (V7). In memory only, bounded in bytes, one for each house.

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use highwater_protocol::Digest;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

/// What an entry costs beside its text: its key, and the cache's own record of it.
const ENTRY_BYTES: usize = 96;
/// What a chunk's summary is expected to take; the number of places is made after it.
const TYPICAL_BYTES: usize = 4 << 10;

/// Digests are spread evenly already, and what is evicted must not depend on the process.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Lifecycle = DefaultLifecycle<Digest, Arc<str>>;

/// Summaries by the digest of the prompt that they answer.
#[derive(Debug)]
pub(crate) struct KeptSummaries {
    cache: Cache<Digest, Arc<str>, Bytes, Hasher, Lifecycle>,
}

#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Weighter<Digest, Arc<str>> for Bytes {
    fn weight(&self, _key: &Digest, text: &Arc<str>) -> u64 {
        (text.len() + ENTRY_BYTES) as u64
    }
}

impl KeptSummaries {
    /// Keeps up to `bytes`; a summary that would fill it alone is not kept.
    pub(crate) fn new(bytes: usize) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity((bytes / TYPICAL_BYTES).max(1))
            .weight_capacity(bytes as u64)
            .build()
            .expect("both capacities are given");
        Self { cache: Cache::with_options(options, Bytes, Hasher::default(), Lifecycle::default()) }
    }

    pub(crate) fn get(&self, key: &Digest) -> Option<Arc<str>> {
        self.cache.get(key)
    }

    pub(crate) fn put(&self, key: Digest, text: Arc<str>) {
        self.cache.insert(key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_the_newest_is_found() {
        let kept = KeptSummaries::new(100_000);
        let key = |number: u32| Digest::of(&number.to_le_bytes());
        for number in 0..1_000 {
            kept.put(key(number), "x".repeat(900).into());
            assert!(kept.get(&key(number)).is_some(), "{number} was just kept");
        }
        let found = (0..1_000).filter(|number| kept.get(&key(*number)).is_some()).count();
        assert!((50..=100).contains(&found), "{found} summaries of 1 kB in 100 kB");
    }

    #[test]
    fn a_summary_that_is_larger_than_all_room_is_not_kept() {
        let kept = KeptSummaries::new(1_000);
        kept.put(Digest::ZERO, "x".repeat(2_000).into());
        assert!(kept.get(&Digest::ZERO).is_none());
    }
}
