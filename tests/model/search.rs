//! Breadth first over all states: each is reached by making its moves again from the start, since a session cannot be
//! copied. The first breach that is found therefore has the fewest moves.

use std::collections::BTreeSet;

use crate::alphabet::Move;
use crate::rules::Judge;
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

struct Node {
    parent: usize,
    by: Move,
    depth: usize,
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

/// Explores a scenario; the shortest way to a breach if there is one.
pub(crate) fn explore(scenario: &Scenario) -> Result<Counts, Breach> {
    let (known, judge) = (BTreeSet::new(), Judge::default());
    let mut search =
        Search { scenario, nodes: Vec::new(), known, judge, counts: Counts::default() };
    let start = World::new(scenario)?;
    search.known.insert(start.key().0);
    search.judge.hold(&start, &crate::world::Seen::default())?;
    let mut next = 0;
    while next <= search.nodes.len() {
        search.expand(next)?;
        next += 1;
    }
    let (states, logs) = (search.known.len(), search.judge.logs());
    Ok(Counts { states, logs, ..search.counts })
}

impl<'a> Search<'a> {
    fn expand(&mut self, at: usize) -> Result<(), Breach> {
        let path = self.path(at);
        let here = self.reached(&path)?;
        let core = here.core();
        let mut next_world = Some(here);
        let moves = next_world.as_ref().map(World::moves).unwrap_or_default();
        for next in moves {
            let world = match next_world.take() {
                Some(world) => world,
                None => self.reached(&path)?,
            };
            let made = self.make(world, &core, next, path.len() + 1);
            let is_new = made.map_err(|breach| told(&path, next, &breach))?;
            self.counts.transitions += 1;
            if is_new {
                let depth = path.len() + 1;
                self.counts.depth = self.counts.depth.max(depth);
                self.nodes.push(Node { parent: at, by: next, depth });
            }
        }
        Ok(())
    }

    /// Makes a move; whether it leads to a new state.
    fn make(
        &mut self,
        mut world: World<'a>,
        core: &str,
        next: Move,
        _: usize,
    ) -> Result<bool, Breach> {
        let is_late = world.is_late(next);
        let before = is_late.then(|| format!("{:?}", world.session));
        let seen = world.take(next)?;
        if let Some(before) = before {
            let is_ignored = seen.commands == 0 && before == format!("{:?}", world.session);
            // Nothing has changed, so it may come again, at any later time.
            return if is_ignored {
                Ok(false)
            } else {
                Err(format!("V7: {next:?} is late and counts"))
            };
        }
        self.judge.hold(&world, &seen)?;
        // What a host asks in vain costs nothing, so that the bound is one of what has an effect.
        let is_vain = matches!(next, Move::Ask(_)) && world.core() == core;
        Ok(!is_vain && self.known.insert(world.key().0))
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
