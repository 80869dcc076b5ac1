//! Playing entries as an agent's host would: append each one; before each turn of the model ask for the context, take a
//! permit, and wait as long as a model would.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use highwater::{Gate, HOUSE, PermitRequest, SessionHandle};
use highwater_protocol::limit::{self, Amounts, Class, Ending, Key};
use highwater_protocol::message::{CompactReply, ContextReply, OpenCalls};
use highwater_protocol::{Budget, Entry, Role, Seq};

use super::checks::Checker;
use super::passes::Passes;
use super::reader::{self, Oddities, Read};
use super::recorder::Recorder;
use crate::input::Transcript;
use crate::progress::{Progress, Standing};
use crate::report::Report;
use crate::signals::Interrupts;

/// One agent's host.
pub(super) struct Host {
    session: SessionHandle,
    gate: Gate,
    turn: Duration,
    /// With marks: passes run inside the turn, when the view has passed the trigger.
    blocking: Option<Budget>,
    started: Instant,
    passes: Passes,
    recorder: Recorder,
    checker: Checker,
    /// Entries that the store knew when the play began; they are appended again and played no turns for.
    known: Seq,
    last_message: Option<Box<str>>,
    bytes: u64,
}

/// What a play leaves behind.
pub(super) struct Played {
    host: Host,
    warnings: Oddities,
    interrupted: bool,
}

impl Played {
    /// Fills in what the play saw; tells whether it was interrupted.
    pub(super) fn fill(self, report: &mut Report) -> bool {
        let host = self.host;
        report.elapsed_ms = u64::try_from(host.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.resets = host.passes.elisions();
        report.checks = host.checker.into_report();
        if !self.interrupted {
            report.checks.breaches.extend(host.passes.breaches());
        }
        report.passes = host.passes.into_report();
        report.warnings = self
            .warnings
            .into_iter()
            .map(|(kind, count, first)| crate::report::Warning {
                kind: kind.to_owned(),
                count,
                first,
            })
            .collect();
        host.recorder.fill(report);
        report.resumed_entries = report.entries.min(host.known.0);
        self.interrupted
    }
}

impl Host {
    pub(super) fn new(
        session: SessionHandle,
        gate: Gate,
        budget: Budget,
        turn: Duration,
        blocking: Option<Budget>,
    ) -> Self {
        let started = Instant::now();
        let passes = Passes::new(session.notices(), started);
        Self {
            session,
            gate,
            turn,
            blocking,
            started,
            passes,
            recorder: Recorder::default(),
            checker: Checker::new(budget),
            known: Seq::ZERO,
            last_message: None,
            bytes: 0,
        }
    }

    /// Plays the whole transcript, or until Ctrl-C. What was acknowledged by then stays stored.
    pub(super) async fn play(
        mut self,
        transcript: Transcript,
        progress: &Progress,
    ) -> anyhow::Result<Played> {
        let interrupts = Interrupts::heard()?;
        let played = tokio::select! {
            biased;
            () = interrupts.come() => None,
            played = self.play_all(transcript, progress) => Some(played?),
        };
        self.passes.drain();
        let interrupted = played.is_none();
        Ok(Played { host: self, warnings: played.unwrap_or_default(), interrupted })
    }

    async fn play_all(
        &mut self,
        transcript: Transcript,
        progress: &Progress,
    ) -> anyhow::Result<Oddities> {
        self.known = self.session.status().await?.head;
        let mut reader = reader::start(transcript);
        tracing::info!(session = %self.session.session(), known = self.known.0, "replay begins");
        loop {
            match reader.recv().await.context("the reader ended early")? {
                Read::Entries(entries) => {
                    for entry in entries {
                        self.entry(entry).await?;
                        progress.show(self.bytes, &self.standing());
                    }
                }
                Read::End(warnings) => {
                    self.land().await?;
                    progress.show(self.bytes, &self.standing());
                    return Ok(warnings);
                }
                Read::Failed(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the pass in flight, and any that follows it, so that their outcomes are in the report.
    async fn land(&mut self) -> anyhow::Result<()> {
        while let Some(pass) = self.session.status().await?.pass {
            self.session.settled(pass.pass).await?;
        }
        self.passes.landed().await;
        Ok(())
    }

    async fn entry(&mut self, entry: Entry) -> anyhow::Result<()> {
        let seq = self.recorder.entries().next();
        if seq > self.known && self.begins_turn(&entry) {
            self.serve_turn().await?;
        }
        if entry.message().role == Role::Assistant {
            self.last_message.clone_from(&entry.message().message_id);
        }
        let message = Arc::clone(entry.message());
        self.bytes += entry.source().len() as u64;
        self.passes.drain();
        let overlaps = self.passes.in_flight();
        let asked = Instant::now();
        let receipts = self.session.append(vec![Arc::new(entry)]).await.with_context(|| {
            let session = self.session.session();
            format!("entry {seq} of the transcript does not go into session {session}")
        })?;
        let took = asked.elapsed();
        self.passes.drain();
        let stored = receipts.first().context("an append of one entry has one receipt")?;
        if stored.seq != seq {
            let session = self.session.session();
            bail!(
                "entry {seq} of the transcript is entry {} of session {session}: the session holds another \
                 transcript; choose another --session or --store",
                stored.seq
            );
        }
        self.recorder.entry(message.is_visible(), message.tokens());
        if !stored.known {
            self.recorder.appended(took, overlaps || self.passes.in_flight());
        }
        self.checker.appended(seq, &message);
        Ok(())
    }

    /// A turn of the model begins where it speaks and does not go on with the message before.
    fn begins_turn(&self, entry: &Entry) -> bool {
        let message = entry.message();
        let goes_on = message.message_id.is_some() && message.message_id == self.last_message;
        message.role == Role::Assistant && !goes_on
    }

    async fn serve_turn(&mut self) -> anyhow::Result<()> {
        let at = self.started.elapsed();
        let waited = self.compact_inside().await?;
        self.passes.drain();
        let overlaps = self.passes.in_flight();
        let asked = Instant::now();
        let answer = self.session.context(OpenCalls::StandIn).await?;
        let took = asked.elapsed();
        self.passes.drain();
        let during = overlaps || self.passes.in_flight();
        let context = match answer {
            ContextReply::Ready(context) => context,
            ContextReply::TooLarge(parts) => {
                self.recorder.refused(&parts);
                return Ok(());
            }
            ContextReply::CallsOpen(calls) => {
                bail!("a context with stand-ins was refused because of {} open calls", calls.len())
            }
        };
        let view = context.tokens;
        self.checker.answered(&context);
        drop(context);
        let asked = Instant::now();
        let amounts = Amounts::new(view.0, 0);
        let call = PermitRequest::new(Key::of(HOUSE), Class::Turn, amounts);
        let permit = self.gate.acquire(call).await?;
        let permit_wait = asked.elapsed();
        tokio::time::sleep(self.turn).await;
        permit.finish(limit::Report::of(Ending::Answered));
        self.recorder.turn(at, view, took, waited, permit_wait, during);
        self.passes.turn_served(during);
        Ok(())
    }

    /// What most systems do: when the view is too large, the turn stands still until it is summarized.
    async fn compact_inside(&mut self) -> anyhow::Result<Duration> {
        let Some(budget) = self.blocking else {
            return Ok(Duration::ZERO);
        };
        if self.session.status().await?.view <= budget.trigger() {
            return Ok(Duration::ZERO);
        }
        let asked = Instant::now();
        if let CompactReply::Started(pass) = self.session.compact(None, None).await? {
            self.session.settled(pass).await?;
            return Ok(asked.elapsed());
        }
        Ok(Duration::ZERO)
    }

    fn standing(&self) -> Standing {
        Standing {
            entries: self.recorder.entries().0,
            turns: self.recorder.turns(),
            turns_during_passes: self.recorder.turns_during_passes(),
            view_tokens: self.recorder.view_tokens(),
            passes: self.passes.ended(),
            in_flight: self.passes.progress(),
        }
    }
}
