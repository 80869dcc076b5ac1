//! Compressing what is stored in bulk, and the only module that names zstd. Packed bytes carry zstd's own checksum, so
//! that damage is found before anything of it is used.

use std::cell::RefCell;

use zstd::bulk::Compressor;

use crate::codec::{DecodeError, MAX_FRAME_BYTES};

/// zstd's fast default: level 3 packs transcripts four to six times, at some hundreds of MB a second. Higher levels
/// gain a tenth and cost a multiple.
const LEVEL: i32 = 3;

thread_local! {
    /// Each thread that packs keeps what zstd needs for it: a MiB or two that would be allocated and cleared each time.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(compressor());
}

fn compressor() -> Compressor<'static> {
    let mut compressor = Compressor::new(LEVEL).expect("the level is one of zstd's");
    compressor.include_checksum(true).expect("zstd knows this parameter");
    compressor
}

/// Appends the packed form of `bytes` to nothing and returns it.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(bytes.len()));
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor
            .compress_to_buffer(bytes, &mut packed)
            .expect("the buffer holds the bound of its input");
    });
    packed.shrink_to_fit();
    packed
}

/// What is packed is at most so long: twice the largest frame, since a segment ends with the record that fills it.
const MAX_UNPACKED_BYTES: usize = 2 * MAX_FRAME_BYTES;

/// Appends what `packed` unpacks to, which must be `length` bytes.
pub(crate) fn unpack(packed: &[u8], length: u64, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_UNPACKED_BYTES {
        return Err(DecodeError::Payload(format!("its length, {length} bytes, is not legal")));
    }
    let start = out.len();
    let unpacked = zstd::bulk::decompress(packed, length);
    let unpacked = unpacked.map_err(|error| DecodeError::Packed(error.to_string()))?;
    out.extend_from_slice(&unpacked);
    if out.len() - start == length { Ok(()) } else { Err(DecodeError::Body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_every_flipped_bit_is_found() {
        let bytes = b"the same again and again ".repeat(40);
        let packed = pack(&bytes);
        assert!(packed.len() * 8 < bytes.len());
        let mut out = vec![7];
        let length = bytes.len() as u64;
        unpack(&packed, length, &mut out).unwrap();
        assert_eq!((out[0], &out[1..]), (7, &*bytes));
        for bit in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let found = unpack(&damaged, length, &mut Vec::new());
            // The unused bits of zstd's header say nothing.
            let mut out = Vec::new();
            assert!(
                found.is_err() || unpack(&damaged, length, &mut out).is_ok() && out == bytes,
                "bit {bit}"
            );
        }
    }

    #[test]
    fn another_length_is_refused() {
        let packed = pack(b"some bytes");
        for length in [0, 9, 11, u64::MAX] {
            assert!(unpack(&packed, length, &mut Vec::new()).is_err(), "{length}");
        }
    }
}
