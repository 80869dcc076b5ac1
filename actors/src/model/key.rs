//! The key of a provider: read once, wiped when it is dropped, and never printed (S3).

use std::fmt;
use std::io::Read;
use std::path::Path;

use highwater_protocol::caps::MAX_KEY_BYTES;
use highwater_protocol::{Error, Kind};
use zeroize::{Zeroize, Zeroizing};

/// A provider's key. It prints as `***`, and its memory is wiped when it is dropped; the copy that goes into a request
/// is marked as sensitive and lives as long as that request.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// A key, without the blanks around it. [`Kind::Invalid`] when nothing is left, or when it cannot stand in a
    /// header: those are the visible signs of ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        Self::from(Zeroizing::new(text.into()), "the key")
    }

    /// The key in an environment variable. [`Kind::Invalid`] when it is not set, empty, or no key.
    pub fn from_env(name: &str) -> Result<Self, Error> {
        let Some(value) = std::env::var_os(name) else {
            let why = format!("the environment variable {name} is not set: set it to the key");
            return Err(Error::new(Kind::Invalid, why));
        };
        let what = format!("the key in the environment variable {name}");
        let text = value.into_string().map_err(|_| no_header(&what))?;
        Self::from(Zeroizing::new(text), &what)
    }

    /// The key in a file, which holds nothing else. [`Kind::Invalid`] when it cannot be read, is empty, or holds no
    /// key. Blocks while the file is read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let unreadable = |error| {
            let why = format!("the key file {} cannot be read", path.display());
            Error::new(Kind::Invalid, why).because(error)
        };
        let what = format!("the key in the file {}", path.display());
        // Room for all that is read, so that no copy is left behind where the text had to grow.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_BYTES + 2));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| no_header(&what))?;
        Self::from(Zeroizing::new(text.to_owned()), &what)
    }

    fn from(mut text: Zeroizing<String>, what: &str) -> Result<Self, Error> {
        if text.len() > MAX_KEY_BYTES {
            let why = format!("{what} is longer than {MAX_KEY_BYTES} bytes: is it a key?");
            return Err(Error::new(Kind::Invalid, why));
        }
        let key = Zeroizing::new(text.trim().to_owned());
        text.zeroize();
        if key.is_empty() {
            return Err(Error::new(Kind::Invalid, format!("{what} is empty")));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(no_header(what));
        }
        Ok(Self(key))
    }

    /// The key itself: for the header that carries it, and for finding it where it must not stand.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

fn no_header(what: &str) -> Error {
    let why = "holds signs that no header can carry: a key is one word of visible ASCII signs";
    Error::new(Kind::Invalid, format!("{what} {why}"))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: Result<ApiKey, Error>, expected: &str) {
        let error = key.expect_err("no key");
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("sk-"), "{error:?}");
    }

    #[test]
    fn a_key_is_trimmed_and_never_printed() {
        let key = ApiKey::new(" sk-secret\n").unwrap();
        assert_eq!(key.0.as_str(), "sk-secret");
        assert_eq!(format!("{key} {key:?} {:?}", Some(&key)), "*** *** Some(***)");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_told() {
        refused(ApiKey::new(" \n"), "is empty");
        refused(ApiKey::new("sk-one\nsk-two"), "no header can carry");
        refused(ApiKey::new("sk-\u{e9}"), "no header can carry");
        refused(ApiKey::new("sk-".repeat(MAX_KEY_BYTES)), "longer than");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        refused(ApiKey::from_env("HIGHWATER_NO_SUCH_KEY"), "HIGHWATER_NO_SUCH_KEY is not set");
        // Cargo sets it for the tests that it runs.
        assert_eq!(ApiKey::from_env("CARGO_PKG_NAME").unwrap().0.as_str(), "highwater");
    }

    #[test]
    fn a_file_holds_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let key = ApiKey::from_file(write("key", b"sk-secret\n")).unwrap();
        assert_eq!(key.0.as_str(), "sk-secret");
        refused(ApiKey::from_file(folder.path().join("none")), "none cannot be read");
        refused(ApiKey::from_file(write("empty", b"\n")), "empty is empty");
        refused(ApiKey::from_file(write("bytes", b"sk-\xff")), "no header can carry");
        refused(ApiKey::from_file(write("long", &vec![b'k'; MAX_KEY_BYTES + 9])), "longer than");
    }
}
