//! Which ids the store may know that the fold does not keep: of most new ids a few bytes of each old one say that it is
//! none of them, so that nobody has to look.

use std::collections::BTreeSet;

use crate::caps;

/// What a hash takes: about one and a half of its own size.
const HASH_BYTES: usize = 12;

/// Hashes of ids that are known elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Elsewhere {
    /// Of all of them: the fold has seen each entry since the log began.
    These(BTreeSet<u64>),
    /// Any id may be there: there are too many, or some were there before the fold began.
    Any,
}

impl Elsewhere {
    /// An id is not kept any more.
    pub(super) fn note(&mut self, key: &[u8; 16]) {
        if let Self::These(hashes) = self {
            hashes.insert(short(key));
            if hashes.len() > caps::IDS_RECOGNIZED {
                *self = Self::Any;
            }
        }
    }

    /// Whether an id may be one of them.
    pub(super) fn may_have(&self, key: &[u8; 16]) -> bool {
        match self {
            Self::These(hashes) => hashes.contains(&short(key)),
            Self::Any => true,
        }
    }

    /// The bytes of memory that they take.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::These(hashes) => hashes.len() * HASH_BYTES,
            Self::Any => 0,
        }
    }
}

fn short(key: &[u8; 16]) -> u64 {
    u64::from_le_bytes(*key.first_chunk().expect("it is a part of the key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> [u8; 16] {
        (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
    }

    #[test]
    fn an_id_is_looked_for_where_it_may_be_and_the_memory_is_bounded() {
        let mut known = Elsewhere::These(BTreeSet::new());
        assert!(!known.may_have(&key(1)));
        for number in 0..caps::IDS_RECOGNIZED {
            known.note(&key(number));
            known.note(&key(number));
        }
        assert!((0..caps::IDS_RECOGNIZED).all(|number| known.may_have(&key(number))));
        assert!(!known.may_have(&key(caps::IDS_RECOGNIZED)), "a new one");
        assert_eq!(known.weight(), caps::IDS_RECOGNIZED * HASH_BYTES);
        known.note(&key(caps::IDS_RECOGNIZED));
        assert!(known.may_have(&key(1 << 40)), "nobody can say any more");
        assert_eq!(known.weight(), 0);
    }
}
