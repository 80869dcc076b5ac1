//! Sessions that the store knows before agents begin: each with a short history, written in large commits.

use std::sync::Arc;

use anyhow::bail;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Entry, LogPos, Record, Seq, SessionId, Timestamp};
use highwater_storage::{Appended, BatchId, Lease, SessionBatch, Store};

use super::agent::{self, resume};
use super::ground::Ground;
use super::speech;
use crate::sample::dice::Dice;

/// Sessions that are written in one commit.
const AT_ONCE: u64 = 500;

/// The longest text of a history.
const LONGEST_BYTES: u64 = 2_000;

/// Writes the sessions that are to be known and are not, and tells after each commit how many there are; some of them
/// if it is interrupted. Blocks.
pub(super) fn write(
    store: &dyn Store,
    ground: &Ground,
    mut told: impl FnMut(u64),
) -> anyhow::Result<()> {
    let (known, agents) = (ground.scenario.known, ground.scenario.population());
    for from in (0..known).step_by(usize::try_from(AT_ONCE)?) {
        if ground.interrupts.are_there() {
            break;
        }
        let numbers = from..known.min(from + AT_ONCE);
        let names = numbers.clone().map(|number| {
            SessionId::parse(&resume::name(number % agents, number / agents)).map_err(Into::into)
        });
        let names: Vec<SessionId> = names.collect::<anyhow::Result<_>>()?;
        let leases = store.open_sessions(&names)?;
        // One of an earlier run is known already.
        let new = leases.into_iter().zip(numbers).filter(|(lease, _)| lease.head == LogPos(0));
        let batches = new.map(|(lease, number)| batch(ground, lease, number));
        let batches: Vec<SessionBatch> = batches.collect::<anyhow::Result<_>>()?;
        for answer in store.append(&batches)? {
            let Appended::Stored(_) = answer else { bail!("somebody else writes to the store") };
        }
        told(known.min(from + AT_ONCE));
    }
    Ok(())
}

fn batch(ground: &Ground, lease: Lease, number: u64) -> anyhow::Result<SessionBatch> {
    // Apart from those of agents, whose numbers are small.
    let mut dice = ground.dice(u64::MAX - number);
    let at = Timestamp::default();
    let SessionConfig { format, budget, .. } = agent::config(ground, None)?;
    let appended = (1..).zip(history(ground, &mut dice)?);
    let appended = appended.map(|(seq, entry)| Record::Appended { at, seq: Seq(seq), entry });
    let records = [Record::Opened { at, format, budget }].into_iter().chain(appended).collect();
    let Lease { session, epoch, head, .. } = lease;
    Ok(SessionBatch { session, epoch, head, batch: BatchId(1), records })
}

/// Instructions, and turns of one question and one answer each.
fn history(ground: &Ground, dice: &mut Dice) -> anyhow::Result<Vec<Arc<Entry>>> {
    let scenario = &ground.scenario;
    let mut left = dice.within(scenario.history_least_bytes, scenario.history_most_bytes + 1);
    let mut entries = vec![speech::instructions(1, ground.speech.says(600, dice))?];
    while left > 0 {
        let number = entries.len() as u64 + 1;
        let bytes = left.min(LONGEST_BYTES);
        let (asked, answered) = (bytes / 4 + 1, bytes - bytes / 4);
        entries.push(speech::user(number, ground.speech.says(asked, dice))?);
        entries.push(speech::model(number + 1, ground.speech.says(answered, dice), &[])?);
        left -= bytes;
    }
    Ok(entries)
}
