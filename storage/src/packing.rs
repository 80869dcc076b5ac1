//! Compressing what is stored in bulk, and the only module that names zstd. Packed bytes carry zstd's own checksum, so
//! that damage is found before anything of it is used.

use crate::codec::DecodeError;

/// zstd's fast default: level 3 packs transcripts four to six times, at some hundreds of MB a second. Higher levels
/// gain a tenth and cost a multiple.
const LEVEL: i32 = 3;

/// Appends the packed form of `bytes` to nothing and returns it.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(bytes.len()));
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).expect("the level is one of zstd's");
    compressor.include_checksum(true).expect("zstd knows this parameter");
    compressor
        .compress_to_buffer(bytes, &mut packed)
        .expect("the buffer holds the bound of its input");
    packed.shrink_to_fit();
    packed
}

/// Appends what `packed` unpacks to, which must be `length` bytes.
pub(crate) fn unpack(packed: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
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
        unpack(&packed, bytes.len(), &mut out).unwrap();
        assert_eq!((out[0], &out[1..]), (7, &*bytes));
        for bit in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let found = unpack(&damaged, bytes.len(), &mut Vec::new());
            // The unused bits of zstd's header say nothing.
            let mut out = Vec::new();
            assert!(
                found.is_err() || unpack(&damaged, bytes.len(), &mut out).is_ok() && out == bytes,
                "bit {bit}"
            );
        }
    }

    #[test]
    fn another_length_is_refused() {
        let packed = pack(b"some bytes");
        for length in [0, 9, 11] {
            assert!(unpack(&packed, length, &mut Vec::new()).is_err(), "{length}");
        }
    }
}
