//! What all files of an export begin with: a mark that tells them from other files, and a frame as in a store.

use crate::codec::DecodeError;

/// The first bytes of every file of an export. Persisted.
pub(super) const MAGIC: &[u8; 16] = b"highwater export";

/// The kinds of files. Persisted: a number is never reused. Records have numbers below 128, rows those from there on.
pub(super) mod kind {
    pub(in crate::export) const PART: u8 = 192;
    pub(in crate::export) const MANIFEST: u8 = 193;
}

/// The frame behind the mark.
pub(super) fn frame(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let is_not = || DecodeError::Value("it is not a file of an export".to_owned());
    bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(is_not)
}
