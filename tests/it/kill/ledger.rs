//! What a process acknowledged before it was killed, and whether the log that it left keeps all of it.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::{Context, Outcome, Record};
use highwater_tests::acks::{Ack, Deed, hash_of};
use highwater_tests::branch::Branch;
use highwater_tests::generate;
use highwater_tests::oracle::blocks_of;

/// What one session acknowledged in all its lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    appended: u64,
    spliced: BTreeSet<u64>,
    rewound: Vec<u64>,
    /// The call, the resets, the number of blocks and their hash of the last context.
    answered: Option<(u64, u64, usize, u64)>,
}

/// How much was acknowledged, and how much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) kills: u64,
    pub(super) appended: u64,
    pub(super) answered: u64,
    pub(super) spliced: u64,
    pub(super) rewound: u64,
    /// Passes that were under way when the process was killed.
    pub(super) unfinished: u64,
    /// Contexts that were held against the last one of the process before.
    pub(super) same_bytes: u64,
}

/// Reads what a process said. Its last line may be cut short: it was not told.
pub(super) fn read(said: &str, accounts: &mut BTreeMap<String, Account>, totals: &mut Totals) {
    let told = said.rfind('\n').map_or("", |end| &said[..end]);
    for line in told.lines() {
        let ack = Ack::parse(line).unwrap_or_else(|| panic!("no acknowledgement: {line:?}"));
        let account = accounts.entry(ack.session).or_default();
        match ack.deed {
            Deed::Appended(seq, id) => {
                assert_eq!((seq, id), (account.appended.max(seq), format!("n{seq}")));
                account.appended = seq;
                totals.appended += 1;
            }
            Deed::Answered { call, resets, blocks, hash } => {
                account.answered = Some((call, resets, blocks, hash));
                totals.answered += 1;
            }
            Deed::Spliced(pass) => {
                assert!(account.spliced.insert(pass), "pass {pass} was spliced once");
                totals.spliced += 1;
            }
            Deed::Rewound(to) => {
                account.rewound.push(to);
                totals.rewound += 1;
            }
        }
    }
}

/// What a log says.
pub(super) struct Found {
    pub(super) entries: u64,
    pub(super) branch: Branch,
    /// The pass that has no end.
    pub(super) unfinished: Option<u64>,
}

/// Requires that a log is a legal one, and that all that was acknowledged is in it, in order, once.
pub(super) fn keeps(account: &Account, log: &[Record]) -> Found {
    let (mut entries, mut branch) = (Vec::new(), Branch::default());
    let (mut spliced, mut rewound) = (BTreeSet::new(), Vec::new());
    let (mut calls, mut running) = (0, None);
    for record in log {
        match record {
            Record::Appended { seq, entry, .. } => {
                let number = entries.len() as u64 + 1;
                assert_eq!((seq.0, entry.id().as_str()), (number, format!("n{number}").as_str()));
                assert!(entry.source() == generate::numbered(number).source(), "entry {number}");
                entries.push(entry.clone());
            }
            Record::Answered { call, .. } => {
                calls += 1;
                assert_eq!(call.0, calls, "contexts are numbered");
            }
            Record::PassStarted { pass, cut, digest, .. } => {
                assert_eq!(running.replace((*pass, *cut, *digest)), None, "one pass at a time");
            }
            Record::Spliced { pass, cut, digest, pieces, .. } => {
                assert_eq!(running.take(), Some((*pass, *cut, *digest)), "a splice is of its pass");
                assert!(!pieces.is_empty() && spliced.insert(pass.0), "a splice is whole, and one");
            }
            Record::PassEnded { pass, .. } => {
                assert_eq!(running.take().map(|(pass, ..)| pass), Some(*pass), "it had begun");
            }
            Record::Rewound { to, .. } => {
                branch.knows(&entries);
                branch.rewound(to.0);
                rewound.push(to.0);
            }
            _ => {}
        }
    }
    branch.knows(&entries);
    let entries = entries.len() as u64;
    assert!(entries >= account.appended, "{entries} entries, {} told", account.appended);
    assert!(spliced.is_superset(&account.spliced), "{spliced:?}, told {:?}", account.spliced);
    assert!(calls >= account.answered.map_or(0, |(call, ..)| call), "every context is recorded");
    let mut left = rewound.iter();
    let all = account.rewound.iter().all(|told| left.any(|to| to == told));
    assert!(all, "rewinds {rewound:?}, told {:?}", account.rewound);
    Found { entries, branch, unfinished: running.map(|(pass, ..)| pass.0) }
}

/// Requires that the next context begins with the bytes of the last one that was acknowledged, unless a reset was
/// announced between (P1, P2). Whether they could be compared.
pub(super) fn goes_on(account: &Account, context: &Context) -> bool {
    let Some((call, resets, blocks, hash)) = account.answered else {
        return false;
    };
    assert!(context.call.0 > call, "the answers are numbered on");
    assert!(context.resets >= resets, "a reset is not forgotten");
    let now = blocks_of(context);
    let same = context.resets == resets;
    if same {
        assert!(now.len() >= blocks, "{} blocks, there were {blocks}", now.len());
        assert_eq!(hash_of(&now[..blocks]), hash, "context {call} has other bytes now");
    }
    same
}

/// Requires that a pass was recorded as abandoned by a restart.
pub(super) fn was_abandoned(log: &[Record], unfinished: u64) {
    let ended = log.iter().find_map(|record| match record {
        Record::PassEnded { pass, outcome, .. } if pass.0 == unfinished => Some(outcome.clone()),
        _ => None,
    });
    let restarted = Outcome::Abandoned(highwater_protocol::Abandoned::Restarted);
    assert_eq!(ended, Some(restarted), "pass {unfinished}");
}
