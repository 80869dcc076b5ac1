//! The names of an export's files. They say whose, from where to where, and of which content; a session's own name, which
//! may hold anything, is in none of them.

use std::fmt::Write;

use highwater_protocol::{Digest, LogPos, SessionId};

/// What stands for a session in names: sixteen hex digits of the hash of its name.
pub(super) fn tag(session: &SessionId) -> String {
    Digest::of(session.as_str().as_bytes()).to_string()
}

/// What stands for a content in names: half of its hash.
fn mark(digest: &Digest) -> String {
    digest.0[..16].iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// The name of the part with a stretch of a session's log.
pub(super) fn of_part(session: &SessionId, first: LogPos, end: LogPos, content: &Digest) -> String {
    format!("{}-{:012}-{:012}-{}.part", tag(session), first.0, end.0, mark(content))
}

/// A manifest's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManifestName {
    /// Whose manifest it is.
    pub(super) tag: String,
    /// The end of the log that it goes up to.
    pub(super) end: LogPos,
    mark: String,
}

impl ManifestName {
    /// The name of the manifest of a session that goes up to `end` and has this content.
    pub(super) fn new(session: &SessionId, end: LogPos, content: &Digest) -> Self {
        Self { tag: tag(session), end, mark: mark(content) }
    }

    /// Reads a file's name; `None` when it is not one of a manifest.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (tag, rest) = name.strip_suffix(".manifest")?.split_once('-')?;
        let (end, mark) = rest.split_once('-')?;
        let end = LogPos(end.parse().ok()?);
        let parsed = Self { tag: tag.to_owned(), end, mark: mark.to_owned() };
        (parsed.text() == name && is_hex(tag, 16) && is_hex(mark, 32)).then_some(parsed)
    }

    /// Whether it is the name of this content.
    pub(super) fn is_of(&self, content: &Digest) -> bool {
        self.mark == mark(content)
    }

    /// The file's name.
    pub(super) fn text(&self) -> String {
        format!("{}-{:012}-{}.manifest", self.tag, self.end.0, self.mark)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifests_name_is_read_back_and_nothing_else_is_taken_for_one() {
        let session = SessionId::parse("../a/b \u{e9}").unwrap();
        let name = ManifestName::new(&session, LogPos(7), &Digest::of(b"x"));
        let text = name.text();
        assert_eq!(ManifestName::parse(&text), Some(name));
        let long = ManifestName::new(&session, LogPos(u64::MAX), &Digest::of(b"x"));
        assert_eq!(ManifestName::parse(&long.text()), Some(long));
        let other = text.replace("000000000007", "7");
        let upper = text.to_uppercase().replace("MANIFEST", "manifest");
        for wrong in [&other, &upper, &format!(".{text}"), &format!("{text}.new"), "../x.manifest"]
        {
            assert_eq!(ManifestName::parse(wrong), None, "{wrong}");
        }
    }
}
