//! One frame of the redo log: a number, a link to the frame before it, and the changes of a transaction.

/// What stands before the changes: the magic, the length of what follows the header, the number, and two links.
pub(super) const HEADER_BYTES: usize = 4 + 4 + 8 + 2 * LINK_BYTES;

/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;

const MAGIC: [u8; 4] = *b"HwRL";
const LINK_BYTES: usize = 16;

/// The hash of a frame and of the link before it: only one frame can follow another.
pub(super) type Link = [u8; LINK_BYTES];

/// A frame that was verified.
#[derive(Debug)]
pub(super) struct Frame<'b> {
    pub(super) number: u64,
    /// The link of the frame that it follows.
    pub(super) before: Link,
    /// Its own.
    pub(super) link: Link,
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

/// Makes a frame of bytes that have room for the header and the body behind it; tells its link.
pub(super) fn seal(bytes: &mut Vec<u8>, number: u64, before: &Link) -> Link {
    let link = link(number, before, &bytes[HEADER_BYTES..]);
    let length = u32::try_from(bytes.len() - HEADER_BYTES).expect("below the cap of a frame");
    let header = &mut bytes[..HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..16 + LINK_BYTES].copy_from_slice(before);
    header[16 + LINK_BYTES..].copy_from_slice(&link);
    bytes.resize(padded(bytes.len()), 0);
    link
}

/// The frame that begins these bytes, if one does.
pub(super) fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let (magic, bytes) = bytes.split_first_chunk::<4>()?;
    if *magic != MAGIC {
        return None;
    }
    let (length, bytes) = bytes.split_first_chunk()?;
    let (number, bytes) = bytes.split_first_chunk()?;
    let (before, bytes) = bytes.split_first_chunk()?;
    let (found, bytes) = bytes.split_first_chunk()?;
    let body = bytes.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let number = u64::from_le_bytes(*number);
    let link = link(number, before, body);
    (link == *found).then_some(Frame { number, before: *before, link, body })
}

fn link(number: u64, before: &Link, body: &[u8]) -> Link {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&number.to_le_bytes()).update(body);
    let hash = hasher.finalize();
    *hash.as_bytes().first_chunk().expect("a hash is longer than a link")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(number: u64, before: &Link, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend_from_slice(body);
        seal(&mut bytes, number, before);
        bytes
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_nothing_of_it_can_change() {
        let before = [7; LINK_BYTES];
        let mut bytes = framed(3, &before, b"thirteen byte");
        assert_eq!((bytes.len() % ALIGNMENT, HEADER_BYTES % ALIGNMENT), (0, 0));
        let whole = bytes.len();
        bytes.extend_from_slice(b"what stands behind");
        let frame = read(&bytes).unwrap();
        assert_eq!((frame.number, frame.before, frame.body), (3, before, &b"thirteen byte"[..]));
        assert_eq!(frame.bytes(), whole);
        for at in 0..HEADER_BYTES + 13 {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_none(), "byte {at}");
        }
        for length in 0..HEADER_BYTES + 13 {
            assert!(read(&bytes[..length]).is_none(), "{length} bytes of it");
        }
    }

    #[test]
    fn the_link_tells_what_a_frame_follows() {
        let bytes = framed(1, &[0; LINK_BYTES], b"same");
        let link = read(&bytes).unwrap().link;
        for (number, before) in [(2, [0; LINK_BYTES]), (1, [1; LINK_BYTES])] {
            assert_ne!(read(&framed(number, &before, b"same")).unwrap().link, link);
        }
    }
}
