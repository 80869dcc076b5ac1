//! An agent of two arms: it does nothing outside its slices, and where its session is not compacted it goes back to a
//! smaller view at the beginning of one, as if it had been.

use std::time::Duration;

use super::super::slices::{Arm, SETTLING};
use super::Agent;
use super::calls::Taken;

impl Agent {
    /// Waits for its slice, if it is not in it. What comes next is due some time after the slice has begun, since not all
    /// agents go on at the same moment.
    pub(super) async fn in_its_slice(&mut self) {
        let (Some(arm), ground) = (self.arm, self.world.ground.clone()) else { return };
        if ground.slices.plays(arm) || ground.is_stopped() {
            return;
        }
        self.wait_for_a_slice(arm).await;
    }

    async fn wait_for_a_slice(&mut self, arm: Arm) {
        let ground = self.world.ground.clone();
        tokio::select! {
            biased;
            () = ground.stopped() => {}
            () = ground.slices.next(arm) => {}
        }
        let within_ms = u64::try_from(SETTLING.as_millis()).unwrap_or(0) * 4 / 5;
        let until_ms = self.dice.within(0, within_ms);
        self.rest(Duration::from_millis(until_ms)).await;
    }

    /// Between two turns of a session without passes: at the beginning of a slice it goes back to a view as small as passes
    /// leave behind. One that has become too large for another turn waits for that.
    pub(super) async fn stays_small(&mut self) -> anyhow::Result<()> {
        let (Some(arm @ Arm::NoPasses), ground) = (self.arm, self.world.ground.clone()) else {
            return Ok(());
        };
        let (trigger, hard) = (self.budget.trigger().0, self.budget.hard().0);
        let is_full = self.view_tokens >= u64::midpoint(trigger, hard);
        if ground.is_stopped() || (ground.slices.plays(arm) && !is_full) {
            return Ok(());
        }
        self.wait_for_a_slice(arm).await;
        if self.view_tokens >= trigger && !ground.is_stopped() {
            self.back_to(self.budget.landing().0).await?;
        }
        Ok(())
    }

    /// Goes back to the last turn at whose end the view was no larger than that.
    async fn back_to(&mut self, tokens: u64) -> anyhow::Result<()> {
        let kept = self.turn_ends.iter().rposition(|end| end.tokens <= tokens);
        let Some(end) = kept.map(|at| self.turn_ends[at]) else { return self.clear().await };
        self.turn_ends.retain(|each| each.seq <= end.seq);
        self.rewind_to(end).await
    }

    /// The arm in whose figures a call stands that is made now, if it is of one. It stands there however long it takes.
    pub(super) fn counts(&self) -> Option<Arm> {
        self.arm.filter(|arm| self.world.ground.slices.counts(*arm, self.due))
    }

    /// A call was answered that counts for an arm.
    pub(super) fn measured(&self, Taken { call, time, arm }: Taken) {
        let (Some(arm), ground) = (arm, &self.world.ground) else { return };
        let view = (self.view_tokens, ground.scenario.window_tokens);
        ground.arms.took(arm, call, view, time);
    }

    /// Takes note of a pass that has landed: the view is no larger than where passes land.
    pub(super) async fn landed(&mut self) {
        if self.passes.in_flight() {
            return;
        }
        let before = self.ledger.spliced.len();
        self.passes.land(&mut self.ledger).await;
        if self.ledger.spliced.len() > before {
            self.view_tokens = self.view_tokens.min(self.budget.landing().0);
            self.is_guessed = true;
        }
    }
}
