//! What the world learns after a step: what became durable, what was answered, and what was told.

use std::fmt::Write;

use highwater::Told;
use highwater::history::{HistoryPage, PastCall};
use highwater_protocol::message::{ContextReply, NextContext, Notice, Reply};
use highwater_protocol::{CallNumber, Context, Error, SeqRange};
use highwater_storage::{PageLimit, Store};
use highwater_tests::rules;

use super::Life;
use crate::agent::Agent;
use crate::ground::{Disk, locked};
use crate::looking::Then;
use crate::oracle::Breach;
use crate::words;

/// An answer on its way to the agent, outside the store.
pub(super) enum Answer {
    Reply {
        agent: usize,
        number: u64,
        is_at_once: bool,
        reply: Result<Reply, Error>,
    },
    Call {
        agent: usize,
        number: u64,
        call: CallNumber,
        said: Result<PastCall, Error>,
        then: Then,
    },
    Page {
        agent: usize,
        number: u64,
        range: SeqRange,
        page: Result<HistoryPage, Error>,
        then: Then,
    },
}

impl Life<'_> {
    /// Takes in what became durable, then what was answered and told.
    pub(super) fn hear(&mut self, is_calm: bool) -> Result<(), Breach> {
        self.world.now = highwater::env::Clock::now(&self.trap);
        // An actor that has died may have been read anew within this step: what it left unfinished is explained by that.
        let told: Vec<Vec<Told>> = self
            .handles
            .iter_mut()
            .map(|(_, notices)| std::iter::from_fn(|| notices.try_next()).collect())
            .collect();
        for (agent, told) in self.world.agents.iter_mut().zip(&told) {
            let has_died =
                |told: &Told| matches!(told, Told::Missed(_) | Told::Notice(Notice::Failed(_)));
            if told.iter().any(has_died) {
                agent.oracle.lost_its_actor();
            }
            read(&self.world.disk, agent)?;
        }
        let answers = std::mem::take(&mut *locked(&self.answers));
        for answer in answers {
            let held = match answer {
                Answer::Reply { agent, number, is_at_once, reply } => {
                    self.say(&format!("{agent}! #{number} {}", words::of_reply(&reply)));
                    self.replied(agent, number, is_calm && !is_at_once, is_calm, &reply)
                }
                Answer::Call { agent, number, call, said, then } => {
                    let told = if said.is_ok() { "shown again" } else { "not shown" };
                    self.say(&format!("{agent}! #{number} call {} {told}", call.0));
                    self.world.called_again += u64::from(said.is_ok());
                    self.world.agents[agent].recalls(call, said, then, is_calm)
                }
                Answer::Page { agent, number, range, page, then } => {
                    self.say(&format!("{agent}! #{number} {}", words::of_page(&page)));
                    self.world.agents[agent].reads(range, &page, then, is_calm)
                }
            };
            held?;
        }
        for (at, told) in told.into_iter().enumerate() {
            for told in told {
                self.told(at, &told)?;
            }
        }
        Ok(())
    }

    fn replied(
        &mut self,
        agent: usize,
        number: u64,
        is_late: bool,
        is_calm: bool,
        reply: &Result<Reply, Error>,
    ) -> Result<(), Breach> {
        let agent = &mut self.world.agents[agent];
        if let Some(context) = shown(reply) {
            agent.seen.insert(context.call, context.blocks().cloned().collect());
        }
        agent.oracle.hears(number, reply, is_calm)?;
        whole(reply)?;
        if is_late
            && matches!(reply, Ok(Reply::Appended(_) | Reply::Context(_) | Reply::NextContext(..)))
        {
            return Err(format!("V10: #{number} had to wait"));
        }
        Ok(())
    }

    fn told(&mut self, agent: usize, told: &Told) -> Result<(), Breach> {
        let oracle = &mut self.world.agents[agent].oracle;
        match told {
            Told::Notice(notice) => {
                if let Some(said) = words::of_notice(notice) {
                    write!(self.line, "; {agent}: {said}").expect("a string takes everything");
                }
                oracle.told(notice)
            }
            Told::Missed(_) => {
                oracle.lost_its_actor();
                Ok(())
            }
        }
    }
}

/// Hands everything that is durable by now to the oracle.
pub(crate) fn read(disk: &Disk, agent: &mut Agent) -> Result<(), Breach> {
    loop {
        let limit = PageLimit { bytes: 1 << 20 };
        let page = disk.image().read(&agent.session, agent.oracle.next(), limit);
        let page = page.map_err(|error| format!("L2: the image cannot be read: {error}"))?;
        for (_, record) in &page.records {
            agent.oracle.take(record)?;
        }
        if page.next.is_none() {
            return agent.oracle.taken();
        }
    }
}

/// The context that a reply shows, if it shows one.
fn shown(reply: &Result<Reply, Error>) -> Option<&Context> {
    match reply {
        Ok(
            Reply::Context(ContextReply::Ready(context))
            | Reply::NextContext(NextContext { context: Ok(ContextReply::Ready(context)), .. }),
        ) => Some(context),
        _ => None,
    }
}

/// V2 of an answered context, as its provider sees it.
fn whole(reply: &Result<Reply, Error>) -> Result<(), Breach> {
    let Some(context) = shown(reply) else { return Ok(()) };
    rules::pairs_whole(context.format, &context.body()).map_or(Ok(()), Err)
}
