//! Breadth first over all states: each is reached by making its moves again from the start, since a session cannot be
//! copied. The first breach that is found therefore has the fewest moves.

use std::collections::BTreeSet;

use crate::alphabet::Move;
use crate::rules::{self, Judge};
use crate::scenario::Scenario;
use crate::world::{Breach, World};

/// What an exploration has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// States that differ in anything that a later move or a check can depend on.
    pub(crate) states: usize,
    /// Moves that were made out of them, all that were possible.
    pub(crate) transitions: usize,
    /// Logs that were folded and judged, each prefix on its own.
    pub(crate) logs: usize,
    /// Moves from the start to the farthest state.
    pub(crate) depth: usize,
}

/// A state, as the move that led to it first.
struct Node {
    parent: usize,
    by: Move,
}

/// All states of a scenario.
pub(crate) struct Search<'a> {
    scenario: &'a Scenario,
    /// All states but the first, in the order in which they were found; numbered from 1.
    nodes: Vec<Node>,
    known: BTreeSet<[u8; 32]>,
    judge: Judge,
    counts: Counts,
}

/// Explores a scenario: what was seen, and the ends that its passes came to. The shortest way to a breach if there is one.
pub(crate) fn explore(scenario: &Scenario) -> Result<(Counts, BTreeSet<String>), Breach> {
    let (known, judge) = (BTreeSet::new(), Judge::default());
    let mut search =
        Search { scenario, nodes: Vec::new(), known, judge, counts: Counts::default() };
    let start = World::new(scenario)?;
    search.known.insert(start.key(&start.core()).0);
    search.judge.hold(&start)?;
    let mut next = 0;
    while next <= search.nodes.len() {
        search.expand(next)?;
        next += 1;
    }
    let (states, logs) = (search.known.len(), search.judge.logs());
    Ok((Counts { states, logs, ..search.counts }, search.judge.into_ends()))
}

impl<'a> Search<'a> {
    /// Makes every move that can be made in a state.
    fn expand(&mut self, at: usize) -> Result<(), Breach> {
        let path = self.path(at);
        self.counts.depth = self.counts.depth.max(path.len());
        let here = self.reached(&path)?;
        let (core, moves) = (here.core(), here.moves());
        let mut here = Some(here);
        for by in moves {
            let world = here.take().map_or_else(|| self.reached(&path), Ok)?;
            let is_new = self.make(world, &core, by);
            if is_new.map_err(|breach| told(&path, by, &breach))? {
                self.nodes.push(Node { parent: at, by });
            }
            self.counts.transitions += 1;
        }
        Ok(())
    }

    /// Makes a move; whether it leads to a new state.
    fn make(&mut self, mut world: World<'a>, from: &str, by: Move) -> Result<bool, Breach> {
        let is_late = world.is_late(by);
        let before = is_late.then(|| format!("{:?}", world.session));
        let seen = world.take(by)?;
        if let Some(before) = before {
            let is_ignored = seen.commands == 0 && before == format!("{:?}", world.session);
            // Nothing has changed, so it may come again, at any later time.
            return if is_ignored {
                Ok(false)
            } else {
                Err(format!("V7: {by:?} is late and counts"))
            };
        }
        rules::is_told_truly(&seen, &world.log)?;
        let core = world.core();
        // What a host asks in vain costs nothing, so that the bound is one of what has an effect.
        let is_vain = matches!(by, Move::Ask(_)) && core == from;
        let is_new = !is_vain && self.known.insert(world.key(&core).0);
        if is_new {
            self.judge.hold(&world)?;
        }
        Ok(is_new)
    }

    fn path(&self, mut at: usize) -> Vec<Move> {
        let mut path = Vec::new();
        while at > 0 {
            let node = &self.nodes[at - 1];
            path.push(node.by);
            at = node.parent;
        }
        path.reverse();
        path
    }

    fn reached(&self, path: &[Move]) -> Result<World<'a>, Breach> {
        let mut world = World::new(self.scenario)?;
        for next in path {
            world.take(*next)?;
        }
        Ok(world)
    }
}

fn told(path: &[Move], last: Move, breach: &str) -> Breach {
    let moves: Vec<String> = path.iter().chain([&last]).map(|next| format!("  {next:?}")).collect();
    format!("{breach}\nafter\n{}", moves.join("\n"))
}
