//! One turn: the user speaks, and the model answers in steps, each of which sees a context, takes a permit, and calls tools
//! or ends the turn.

use std::time::Duration;

use anyhow::bail;
use highwater::PermitRequest;
use highwater_protocol::Kind;
use highwater_protocol::limit::{Amounts, Class, ClassKind, Ending, Key, Report};
use tokio::time::Instant;

use super::super::behaviour::Measure;
use super::super::ground::ACCOUNT;
use super::super::provider::{Limited, Refusal, Wanted};
use super::super::speech;
use super::calls::View;
use super::{Agent, TurnEnd};

/// Calls of one step at most: what was seen of real models.
const CALLS_AT_MOST: u64 = 36;

/// How long a turn waits when the gate says that there is no permit now.
const NOT_NOW: Duration = Duration::from_millis(20);

impl Agent {
    /// Plays one turn.
    pub(super) async fn turn(&mut self) -> anyhow::Result<()> {
        self.world.ground.metrics.count(|counts| counts.turns += 1);
        // The last message of the user is never left out of a context: it must not fill one by itself.
        let most = self.world.ground.scenario.window_tokens;
        let said = self.drawn(Measure::UserTextBytes).min(most);
        let ground = self.world.ground.clone();
        let text = ground.speech.says(said, &mut self.dice);
        let user = ground.meter.work(|| speech::user(self.next_number(), text))?;
        self.says(vec![user]).await?;
        let steps = ground.behaviour.draw(Measure::StepsPerTurn, &mut self.dice).max(1);
        for step in 1..=steps {
            let is_last = step == steps || ground.is_stopped();
            if !self.step(is_last).await? || is_last {
                break;
            }
        }
        let seq = self.ledger.entries.len() as u64;
        self.turn_ends.push(TurnEnd { seq, tokens: self.view_tokens });
        Ok(())
    }

    /// One step of the model; false when there is no context for it, or no time.
    async fn step(&mut self, is_last: bool) -> anyhow::Result<bool> {
        let Some(view) = self.context().await? else {
            self.clear().await?;
            return Ok(false);
        };
        let ground = self.world.ground.clone();
        let text_bytes = self.drawn(Measure::ModelTextBytes);
        if !self.call_model(&view, text_bytes / 4 + 1).await? {
            return Ok(false);
        }
        let mut calls = Vec::new();
        if !is_last {
            let count = ground.behaviour.draw(Measure::CallsPerStep, &mut self.dice);
            for _ in 0..count.clamp(1, CALLS_AT_MOST) {
                self.named += 1;
                let bytes = self.drawn(Measure::ArgumentBytes);
                let arguments = ground.speech.says(bytes, &mut self.dice);
                calls.push((format!("call{}", self.named), arguments));
            }
        }
        let text = ground.speech.says(text_bytes, &mut self.dice);
        let number = self.next_number();
        let answer = ground.meter.work(|| speech::model(number, text, &calls))?;
        self.append(vec![answer]).await?;
        ground.metrics.count(|counts| counts.steps += 1);
        if calls.is_empty() {
            return Ok(true);
        }
        if self.dice.per_mille(ground.scenario.child_per_mille) {
            self.child().await?;
        }
        self.pause(ground.scenario.tool_ms).await;
        let mut results = Vec::with_capacity(calls.len());
        for (number, (call, _)) in (self.next_number()..).zip(&calls) {
            let bytes = self.drawn(Measure::ResultBytes);
            let text = ground.speech.says(bytes, &mut self.dice);
            results.push(ground.meter.work(|| speech::result(number, call, text))?);
        }
        self.says(results).await?;
        Ok(true)
    }

    /// Calls the model under a permit, until it answers; false when agents are asked to end before.
    async fn call_model(&mut self, view: &View, output_tokens: u64) -> anyhow::Result<bool> {
        let ground = self.world.ground.clone();
        let takes = ground.scenario.provider.paced(self.drawn_ms());
        let amounts = Amounts::new(view.tokens.0, output_tokens);
        let wanted = Wanted::new(view.tokens.0, output_tokens, takes, self.named);
        let mut due = self.due;
        loop {
            let request = PermitRequest::new(Key::of(ACCOUNT), Class::Turn, amounts);
            let waiting = ground.provider.waits(ClassKind::Turn);
            let permit = self.asks(self.world.house.gate().acquire(request)).await;
            drop(waiting);
            // One that ended without a permit is a wait as well.
            ground.metrics.turn_permitted(due.elapsed());
            let permit = match permit {
                Ok(permit) => permit,
                Err(error) if error.kind() == Kind::Retry => {
                    ground.metrics.count(|counts| counts.retries += 1);
                    if ground.is_stopped() {
                        return Ok(false);
                    }
                    tokio::time::sleep(NOT_NOW).await;
                    due = Instant::now();
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let called = Instant::now();
            let answer = tokio::select! {
                biased;
                () = ground.stopped() => return Ok(false),
                answer = ground.provider.turn(&wanted, view.sent.as_ref()) => answer,
            };
            let ending = match answer {
                Ok(()) => {
                    permit.finish(Report::answered(amounts));
                    // An answer over HTTP is there when it was read, and not before.
                    self.due = if view.sent.is_some() { Instant::now() } else { called + takes };
                    return Ok(true);
                }
                Err(Refusal::Limited(Limited { retry_after })) => {
                    Ending::RateLimited { retry_after: Some(retry_after) }
                }
                Err(Refusal::Failed) => Ending::Failed,
                Err(Refusal::Wrong(why)) => bail!("the provider answered no turn: {why}"),
            };
            permit.finish(Report::of(ending));
            ground.metrics.count(|counts| counts.retries += 1);
            due = Instant::now();
        }
    }

    /// A size, within what the scenario allows.
    fn drawn(&mut self, measure: Measure) -> u64 {
        let ground = &self.world.ground;
        let bytes = ground.behaviour.draw(measure, &mut self.dice) * ground.scenario.size_times;
        bytes.min(ground.scenario.largest_bytes)
    }

    fn drawn_ms(&mut self) -> u64 {
        self.world.ground.behaviour.draw(Measure::ModelMs, &mut self.dice)
    }

    /// The number of the next entry.
    fn next_number(&self) -> u64 {
        self.ledger.entries.len() as u64 + 1
    }
}
