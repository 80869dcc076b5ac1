//! Coming back after the process has died: what a host reads of its own sessions in the store, and how it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use highwater_protocol::{Entry, Record, Role, SessionId};
use highwater_storage::Store;

use super::super::branch::Branch;
use super::super::compare::walk;
use super::super::ledger::Ledger;
use super::super::slices::Arm;
use super::super::speech;
use super::{Agent, BYTES_OF_A_TOKEN, TurnEnd, World, config};
use crate::sample::dice::Dice;

/// Sessions that are asked for at once.
const PAGE: usize = 1_000;

/// Names taken for each entry at most: its calls, a child and a fork.
const NAMES_OF_AN_ENTRY: u64 = 40;

/// The session of an agent.
pub(in super::super) fn name(agent: u64, session: u64) -> String {
    format!("a{agent}s{session}")
}

/// An agent's last session, as it stands in the store.
#[derive(Debug)]
pub(in super::super) struct Resumed {
    name: SessionId,
    /// Which of the agent's sessions it is.
    pub(super) session: u64,
    ledger: Ledger,
    branch: Branch,
    /// Calls whose results did not come, by the entry that made them.
    open: Vec<(u64, Box<str>)>,
    last: Option<Arc<Entry>>,
    turn_ends: Vec<TurnEnd>,
    said_bytes: u64,
}

/// The last session of each agent that the store knows, by the agent's number. Blocks.
pub(in super::super) fn all(store: &dyn Store) -> anyhow::Result<BTreeMap<u64, Resumed>> {
    let mut found: BTreeMap<u64, (u64, SessionId)> = BTreeMap::new();
    let mut after: Option<SessionId> = None;
    loop {
        let page = store.sessions(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.session.clone());
        for info in page {
            let Some((agent, session)) = numbers(info.session.as_str()) else { continue };
            let known = found.entry(agent).or_insert_with(|| (session, info.session.clone()));
            if session > known.0 {
                *known = (session, info.session);
            }
        }
    }
    let each = found.into_iter();
    each.map(|(agent, (session, name))| Ok((agent, read(store, &name, session)?))).collect()
}

/// The numbers of `a3s1`; none of the names of forks and children.
fn numbers(name: &str) -> Option<(u64, u64)> {
    let (agent, session) = name.strip_prefix('a')?.split_once('s')?;
    Some((agent.parse().ok()?, session.parse().ok()?))
}

/// Whether a session is an agent's own, by its name.
pub(in super::super) fn is_of_agent(name: &str) -> bool {
    numbers(name).is_some()
}

/// Whether it is a child's, for which another one waits in the midst of a turn.
pub(super) fn is_of_child(name: &str) -> bool {
    name.trim_end_matches(|sign: char| sign.is_ascii_digit()).ends_with('c')
}

/// A session as it stands in the store, which may be empty. Blocks.
pub(super) fn read(store: &dyn Store, name: &SessionId, session: u64) -> anyhow::Result<Resumed> {
    let mut resumed = Resumed {
        name: name.clone(),
        session,
        ledger: Ledger::default(),
        branch: Branch::default(),
        open: Vec::new(),
        last: None,
        turn_ends: Vec::new(),
        said_bytes: 0,
    };
    walk(store, name, |record| resumed.takes(record))?;
    Ok(resumed)
}

impl Resumed {
    fn takes(&mut self, record: &Record) {
        self.ledger.takes(record);
        match record {
            Record::Appended { seq, entry, .. } => {
                self.branch.appended(*seq);
                let message = entry.message();
                self.open.extend(message.calls().map(|(call, _)| (seq.0, call.into())));
                for answered in message.results() {
                    self.open.retain(|(_, call)| **call != *answered);
                }
                self.said_bytes += entry.source().len() as u64;
                if message.role == Role::Assistant && message.calls().next().is_none() {
                    let tokens = self.said_bytes / BYTES_OF_A_TOKEN;
                    self.turn_ends.push(TurnEnd { seq: seq.0, tokens });
                }
                self.last = Some(Arc::clone(entry));
            }
            Record::Rewound { to, .. } => {
                self.branch.rewound(*to);
                self.open.retain(|(seq, _)| *seq <= to.0);
                self.turn_ends.retain(|end| end.seq <= to.0);
            }
            Record::Cleared { .. } => {
                self.branch.cleared();
                self.open.clear();
                self.turn_ends.clear();
            }
            _ => {}
        }
    }
}

impl Agent {
    /// Goes on with a session: says its last entry once more, since nobody knows whether it was stored, and brings the
    /// results that are missing.
    pub(super) async fn resume(
        world: World,
        resumed: Resumed,
        dice: Dice,
        (turns, arm): (u64, Option<Arm>),
    ) -> anyhow::Result<Self> {
        let Resumed { name, ledger, branch, open, last, turn_ends, said_bytes, .. } = resumed;
        let config = config(&world.ground, arm)?;
        let handle = world.house.open(name, config).await?;
        if let Some(last) = last {
            let expected = ledger.entries.len() as u64;
            let receipts = handle.append(vec![last]).await?;
            if receipts.len() != 1 || !receipts[0].known || receipts[0].seq.0 != expected {
                bail!("L3: entry {expected} was said again and acknowledged as {receipts:?}");
            }
        }
        let mut agent = Self::over(world, handle, dice, config.budget, (turns, arm));
        agent.named = ledger.entries.len() as u64 * NAMES_OF_AN_ENTRY;
        (agent.ledger, agent.branch, agent.turn_ends) = (ledger, branch, turn_ends);
        (agent.said_bytes, agent.view_tokens) = (said_bytes, said_bytes / BYTES_OF_A_TOKEN);
        let numbers = agent.ledger.entries.len() as u64 + 1..;
        let results = numbers.zip(&open).map(|(number, (_, call))| {
            speech::result(number, call, "the host was restarted before the tool answered")
        });
        let results: Vec<Arc<Entry>> = results.collect::<Result<_, _>>()?;
        if !results.is_empty() {
            agent.append(results).await?;
        } else if agent.ledger.entries.is_empty() {
            let instructions = agent.world.ground.speech.says(600, &mut agent.dice);
            agent.append(vec![speech::instructions(1, instructions)?]).await?;
        }
        Ok(agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_agents_are_told_from_those_of_forks_and_children() {
        assert_eq!(numbers(&name(31, 4)), Some((31, 4)));
        for other in ["a31s4f7", "a31s4c2", "b1s1", "a1", "as1"] {
            assert_eq!(numbers(other), None, "{other}");
            assert!(!is_of_agent(other), "{other}");
        }
        assert!(is_of_agent(&name(31, 4)) && !is_of_child(&name(31, 4)));
        for (other, is_child) in
            [("a31s4f7", false), ("a31s4c2", true), ("a31s4c2f3", false), ("a31s4f7c12", true)]
        {
            assert_eq!(is_of_child(other), is_child, "{other}");
        }
    }
}
