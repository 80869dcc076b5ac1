//! What a process tells of each acknowledgement as it comes, a line each, so that another one knows of it when it is killed.

use std::collections::BTreeMap;
use std::fmt;

use highwater_protocol::{PassId, SessionId};

use super::agent::{Left, resume};
use super::ledger::{Change, Ledger};

/// Something that was acknowledged, by the session's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// An entry has this number and this digest.
    Appended(String, u64, u64),
    /// A context was answered.
    Answered(String),
    /// Everything behind this entry left.
    Rewound(String, u64),
    /// Everything but the instructions left.
    Cleared(String),
    /// A pass was spliced.
    Spliced(String, u64),
    /// A session has a fork of this name.
    Forked(String, String),
    /// A turn was played.
    Turn(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Appended(session, seq, digest) => write!(f, "appended {session} {seq} {digest}"),
            Self::Answered(session) => write!(f, "answered {session}"),
            Self::Rewound(session, to) => write!(f, "rewound {session} {to}"),
            Self::Cleared(session) => write!(f, "cleared {session}"),
            Self::Spliced(session, pass) => write!(f, "spliced {session} {pass}"),
            Self::Forked(session, fork) => write!(f, "forked {session} {fork}"),
            Self::Turn(session) => write!(f, "turn {session}"),
        }
    }
}

impl Told {
    /// Reads a whole line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words[..] {
            ["appended", session, seq, digest] => {
                Self::Appended(session.to_owned(), seq.parse().ok()?, digest.parse().ok()?)
            }
            ["answered", session] => Self::Answered(session.to_owned()),
            ["rewound", session, to] => Self::Rewound(session.to_owned(), to.parse().ok()?),
            ["cleared", session] => Self::Cleared(session.to_owned()),
            ["spliced", session, pass] => Self::Spliced(session.to_owned(), pass.parse().ok()?),
            ["forked", session, fork] => Self::Forked(session.to_owned(), fork.to_owned()),
            ["turn", session] => Self::Turn(session.to_owned()),
            _ => return None,
        })
    }
}

/// What was heard of a process.
#[derive(Debug, Default)]
pub(super) struct Heard {
    ledgers: BTreeMap<String, Ledger>,
    /// Turns that agents have played in their own sessions: how many forks and children there will be, nobody knows.
    pub(super) turns: u64,
}

impl Heard {
    /// The next line; false when it is none, as the last one of a process that was killed may be.
    pub(super) fn hear(&mut self, line: &str) -> bool {
        let Some(told) = Told::parse(line) else { return false };
        match told {
            Told::Appended(session, seq, digest) => {
                let entries = &mut self.of(session).entries;
                if seq != entries.len() as u64 + 1 {
                    return false;
                }
                entries.push(digest);
            }
            Told::Answered(session) => self.of(session).contexts += 1,
            Told::Rewound(session, to) => self.of(session).changed(Change::Rewound(to)),
            Told::Cleared(session) => self.of(session).changed(Change::Cleared),
            Told::Spliced(session, pass) => {
                self.of(session).spliced.insert(PassId(pass));
            }
            Told::Forked(session, fork) => {
                let ledger = self.of(session).forked();
                self.ledgers.insert(fork, ledger);
            }
            Told::Turn(session) => self.turns += u64::from(resume::is_of_agent(&session)),
        }
        true
    }

    fn of(&mut self, session: String) -> &mut Ledger {
        self.ledgers.entry(session).or_default()
    }

    /// The ledgers of all sessions.
    pub(super) fn into_ledgers(self) -> anyhow::Result<Left> {
        let named = self.ledgers.into_iter();
        named.map(|(name, ledger)| Ok((SessionId::parse(&name)?, ledger))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written_and_a_torn_one_is_none() {
        let all = [
            Told::Appended("a".to_owned(), 1, 77),
            Told::Answered("a".to_owned()),
            Told::Rewound("a".to_owned(), 1),
            Told::Cleared("a".to_owned()),
            Told::Spliced("a".to_owned(), 4),
            Told::Forked("a".to_owned(), "b".to_owned()),
            Told::Turn("a1s0".to_owned()),
            Told::Turn("a1s0f2".to_owned()),
            Told::Turn("a1s0c3".to_owned()),
        ];
        let mut heard = Heard::default();
        for told in all {
            assert_eq!(Told::parse(&told.to_string()), Some(told.clone()));
            assert!(heard.hear(&told.to_string()), "{told}");
        }
        for torn in ["appended a 2", "turn", "appended a 3 5", "appen", ""] {
            assert!(!heard.hear(torn), "{torn}");
        }
        assert_eq!(heard.turns, 1, "of an agent, not of its fork and its child");
        let ledgers = heard.into_ledgers().expect("legal names");
        let [(_, a), (_, b)] = &ledgers[..] else { panic!("{ledgers:?}") };
        assert_eq!((a.entries.as_slice(), a.contexts, a.spliced.len()), (&[77][..], 1, 1));
        assert_eq!(a.changes, [(1, Change::Rewound(1)), (1, Change::Cleared)]);
        assert_eq!((b.entries.as_slice(), b.contexts, b.spliced.len()), (&[77][..], 0, 0));
    }
}
