//! Frames: what is found out about damaged ones, and their limits.

use super::*;

const KIND: u8 = 200;

fn frame(value: &(u64, Bytes<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(KIND, value, &mut out).unwrap();
    out
}

#[test]
fn every_flipped_bit_is_found() {
    let sound = frame(&(7, Bytes(b"some bytes")));
    assert_eq!(decode(KIND, &sound), Ok((7_u64, Bytes(b"some bytes"))));
    for bit in 0..sound.len() * 8 {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode::<(u64, Bytes<'_>)>(KIND, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_torn_frame_is_found() {
    let sound = frame(&(7, Bytes(b"some bytes")));
    for length in 0..sound.len() {
        assert!(decode::<(u64, Bytes<'_>)>(KIND, &sound[..length]).is_err(), "{length}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let mut newer = frame(&(7, Bytes(b"")));
    newer[0] = 2;
    assert_eq!(decode::<(u64, Bytes<'_>)>(KIND, &newer), Err(DecodeError::Version(2)));
    let other = frame(&(7, Bytes(b"")));
    assert_eq!(decode::<(u64, Bytes<'_>)>(KIND + 1, &other), Err(DecodeError::Kind(KIND)));
    assert_eq!(decode::<u64>(KIND, &[1, 2]), Err(DecodeError::Truncated(2)));
}

#[test]
fn payload_bytes_that_nobody_reads_are_refused() {
    let longer = frame(&(7, Bytes(b"")));
    let refused = decode::<u64>(KIND, &longer).unwrap_err();
    assert!(matches!(refused, DecodeError::Payload(_)), "{refused}");
}

#[test]
fn a_value_over_the_limit_is_invalid_and_leaves_the_buffer_alone() {
    let fits = vec![0; MAX_FRAME_BYTES - HEADER_BYTES - 8];
    let mut out = vec![1];
    let written = encode(KIND, &Bytes(&fits), &mut out).unwrap();
    assert_eq!(written.frame, 1..MAX_FRAME_BYTES + 1);
    let over = vec![0; fits.len() + 1];
    let mut out = vec![1];
    let refused = encode(KIND, &Bytes(&over), &mut out).err().unwrap();
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    assert_eq!(out, [1]);
}

fn around(head: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_around(KIND, &head, body.chunks(3), &mut out).unwrap();
    out
}

#[test]
fn a_head_is_verified_and_the_body_is_handed_on() {
    let stored = around(7, b"some bytes");
    let frame = Frame::open_around(&stored).unwrap();
    assert_eq!((frame.kind, frame.payload::<u64>(), frame.body), (KIND, Ok(7), &b"some bytes"[..]));
    let head_end = stored.len() - b"some bytes".len();
    for bit in 0..head_end * 8 {
        let mut damaged = stored.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let found = Frame::open_around(&damaged);
        assert!(found.is_err(), "bit {bit}");
    }
    for length in 0..head_end {
        assert!(Frame::open_around(&stored[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_body_over_the_limit_is_invalid_and_leaves_the_buffer_alone() {
    let over = vec![0; MAX_FRAME_BYTES];
    let mut out = vec![1];
    let refused = encode_around(KIND, &7_u64, over.chunks(1 << 20), &mut out).err().unwrap();
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    assert_eq!(out, [1]);
}
