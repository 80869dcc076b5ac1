//! What happens between turns and beside them: rewinds, clears, forks, pauses, and children.

use std::time::Duration;

use anyhow::Context as _;
use highwater_protocol::{Seq, SessionId};
use tokio::time::Instant;

use super::super::ledger::Change;
use super::super::told::Told;
use super::{Agent, TurnEnd, config};

/// Turns of a fork, which shares its parent's history and soon ends.
pub(in super::super) const TURNS_OF_A_FORK: u64 = 3;

/// Turns of a child, for which its parent waits.
const TURNS_OF_A_CHILD: u64 = 1;

/// How far back a rewind goes at most, in turns.
const TURNS_REWOUND: u64 = 4;

impl Agent {
    /// What may happen between two turns.
    pub(super) async fn after_turn(&mut self) -> anyhow::Result<()> {
        let scenario = &self.world.ground.scenario;
        let (rewind, fork) = (scenario.rewind_per_mille, scenario.fork_per_mille);
        let (clear, idle) = (scenario.clear_per_mille, scenario.idle_per_mille);
        let idle_ms = scenario.idle_ms;
        if self.dice.per_mille(rewind) {
            self.rewind().await?;
        }
        if self.dice.per_mille(fork) {
            self.fork().await?;
        }
        if self.dice.per_mille(clear) {
            self.clear().await?;
        }
        if self.dice.per_mille(idle) {
            self.world.ground.metrics.count(|counts| counts.idles += 1);
            self.rest(Duration::from_millis(idle_ms)).await;
        }
        self.think().await;
        self.stays_small().await
    }

    /// Goes back some turns.
    async fn rewind(&mut self) -> anyhow::Result<()> {
        self.in_its_slice().await;
        let Some(most) = (self.turn_ends.len() as u64).checked_sub(1).filter(|most| *most > 0)
        else {
            return Ok(());
        };
        let back = usize::try_from(self.dice.within(1, most.min(TURNS_REWOUND) + 1))?;
        self.turn_ends.truncate(self.turn_ends.len() - back);
        let end = *self.turn_ends.last().context("one turn is left at least")?;
        self.rewind_to(end).await?;
        self.world.ground.metrics.count(|counts| counts.rewinds += 1);
        Ok(())
    }

    /// Goes back to the end of a turn, and takes note of it.
    pub(super) async fn rewind_to(&mut self, end: TurnEnd) -> anyhow::Result<()> {
        if self.asks(self.handle.rewind(Seq(end.seq))).await? {
            self.ledger.changed(Change::Rewound(end.seq));
            self.tell(|session| Told::Rewound(session, end.seq)).await;
        }
        self.branch.rewound(Seq(end.seq));
        (self.view_tokens, self.is_guessed) = (end.tokens, true);
        self.due = Instant::now();
        Ok(())
    }

    /// Leaves nothing but the instructions.
    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        self.in_its_slice().await;
        if self.asks(self.handle.clear()).await? {
            self.ledger.changed(Change::Cleared);
            self.branch.cleared();
            self.turn_ends.clear();
            self.view_tokens = 0;
            self.tell(Told::Cleared).await;
        }
        self.world.ground.metrics.count(|counts| counts.clears += 1);
        self.due = Instant::now();
        Ok(())
    }

    /// Has a fork go on beside it.
    async fn fork(&mut self) -> anyhow::Result<()> {
        self.in_its_slice().await;
        let name = SessionId::parse(&self.name_of("f"))?;
        self.asks(self.handle.fork(None, &name)).await?;
        self.tell(|session| Told::Forked(session, name.to_string())).await;
        let config = config(&self.world.ground, self.arm)?;
        let handle = self.world.house.open(name, config).await?;
        let (world, dice) = (self.world.clone(), self.dice.split());
        let mut fork = Self::over(world, handle, dice, config.budget, (TURNS_OF_A_FORK, self.arm));
        fork.ledger = self.ledger.forked();
        fork.branch.clone_from(&self.branch);
        fork.turn_ends.clone_from(&self.turn_ends);
        fork.named = self.named;
        fork.view_tokens = self.view_tokens;
        self.world.ground.metrics.count(|counts| counts.forks += 1);
        // The run ends once nobody is left who could listen.
        drop(self.world.forks.send(fork));
        self.due = Instant::now();
        Ok(())
    }

    /// Waits for a child's whole life.
    pub(super) async fn child(&mut self) -> anyhow::Result<()> {
        self.world.ground.metrics.count(|counts| counts.children += 1);
        let (name, dice) = (self.name_of("c"), self.dice.split());
        let begun =
            Box::pin(Self::begin(self.world.clone(), &name, dice, (TURNS_OF_A_CHILD, self.arm)));
        let left = Box::pin(begun.await?.play()).await?;
        self.left.extend(left);
        self.due = Instant::now();
        Ok(())
    }
}
