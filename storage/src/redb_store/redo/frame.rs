//! One frame of the redo log: a number, the changes of a transaction, and a hash of both.

use super::Salt;
use super::changes::MAX_BYTES;

/// What stands before the changes: a tag, their length, the number, and the hash.
pub(super) const HEADER_BYTES: usize = TAG_BYTES + 8 + 8 + HASH_BYTES;

/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;

/// A part of the salt: what is stored cannot know it, so that nothing in it is taken for a frame.
const TAG_BYTES: usize = 8;
const HASH_BYTES: usize = 16;

/// A frame that was verified.
#[derive(Debug)]
pub(super) struct Frame<'b> {
    pub(super) number: u64,
    pub(super) body: &'b [u8],
}

impl Frame<'_> {
    /// The bytes until the next frame.
    pub(super) fn bytes(&self) -> usize {
        padded(HEADER_BYTES + self.body.len())
    }
}

/// The bytes until the next frame, after one of so many.
pub(super) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// Makes a frame of bytes that have room for the header and the body behind it.
pub(super) fn seal(bytes: &mut Vec<u8>, salt: &Salt, number: u64) {
    let length = (bytes.len() - HEADER_BYTES) as u64;
    bytes.resize(padded(bytes.len()), 0);
    let hash = hash(salt, number, length, &bytes[HEADER_BYTES..]);
    let header = &mut bytes[..HEADER_BYTES];
    header[..8].copy_from_slice(&salt[..TAG_BYTES]);
    header[8..16].copy_from_slice(&length.to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header[24..].copy_from_slice(&hash);
}

/// The frame that begins these bytes, if one of a number from `least` on does.
pub(super) fn read<'b>(bytes: &'b [u8], salt: &Salt, least: u64) -> Option<Frame<'b>> {
    let (tag, bytes) = bytes.split_first_chunk::<TAG_BYTES>()?;
    if *tag != salt[..TAG_BYTES] {
        return None;
    }
    let (length, bytes) = bytes.split_first_chunk()?;
    let (number, bytes) = bytes.split_first_chunk()?;
    let (found, bytes) = bytes.split_first_chunk()?;
    let (length, number) = (u64::from_le_bytes(*length), u64::from_le_bytes(*number));
    let body_bytes = usize::try_from(length).ok().filter(|bytes| *bytes <= MAX_BYTES)?;
    let padded = bytes.get(..padded(body_bytes)).filter(|_| number >= least)?;
    let is_whole = hash(salt, number, length, padded) == *found;
    is_whole.then_some(Frame { number, body: &padded[..body_bytes] })
}

/// The hash covers the padding: a frame that is cut short anywhere is none.
fn hash(salt: &Salt, number: u64, length: u64, padded: &[u8]) -> [u8; HASH_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt).update(&number.to_le_bytes()).update(&length.to_le_bytes()).update(padded);
    *hasher.finalize().as_bytes().first_chunk().expect("it is a part of the hash")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = [5; 16];

    #[test]
    fn a_frame_is_read_as_it_was_written_and_nothing_of_it_can_change() {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend_from_slice(b"thirteen byte");
        seal(&mut bytes, &SALT, 3);
        assert_eq!((bytes.len() % ALIGNMENT, HEADER_BYTES % ALIGNMENT), (0, 0));
        let whole = bytes.len();
        bytes.extend_from_slice(b"what stands behind");
        let frame = read(&bytes, &SALT, 3).unwrap();
        assert_eq!((frame.number, frame.body), (3, &b"thirteen byte"[..]));
        assert_eq!(frame.bytes(), whole);
        assert!(read(&bytes, &SALT, 4).is_none(), "it is of before");
        // The tag alone would let it pass.
        let other = [&SALT[..8], &[6; 8]].concat().try_into().unwrap();
        assert!(read(&bytes, &other, 3).is_none(), "it is of another log");
        for at in 0..whole {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed, &SALT, 0).is_none(), "byte {at}");
            assert!(read(&bytes[..at], &SALT, 0).is_none(), "{at} bytes of it");
        }
    }
}
