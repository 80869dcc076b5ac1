//! Forks in the midst of everything: the child must begin with exactly what its parent had at the fork point, and is an
//! agent of its own from then on (L9).

use highwater_protocol::{LogPos, Seq, SessionId};
use highwater_storage::{PageLimit, Store};

use crate::ground::Fault;
use crate::life::{self, Life};
use crate::oracle::Breach;

/// Forks one session, now or at an entry. Now and then the store refuses first, and it is asked once more.
pub(crate) async fn fork(life: &mut Life<'_>) -> Result<(), Breach> {
    let world = &mut *life.world;
    let from = world.dice.index(world.agents.len());
    let head = world.agents[from].oracle.model().head();
    let at = world.dice.percent(60).then(|| Seq(world.dice.within(0, head)));
    let name = format!("fork-{}", world.forks);
    let child = SessionId::parse(&name).expect("a legal name");
    let faults = [Fault::WriteBusy, Fault::WritePanicsBefore, Fault::WritePanicsBehind];
    let fault = world.dice.percent(25).then(|| faults[world.dice.index(faults.len())]);
    let handle = life.handles[from].0.clone();
    if let Some(fault) = fault {
        world.disk.plan(fault);
        // It may have been made all the same; asked for by an entry, it is the same fork again.
        drop(handle.fork(Some(at.unwrap_or(Seq(head))), &child).await);
        world.disk.mend();
    }
    let at = if fault.is_some() { Some(at.unwrap_or(Seq(head))) } else { at };
    let made = handle.fork(at, &child).await;
    made.map_err(|error| format!("L9: {name} of agent {from} at {at:?} is refused: {error}"))?;

    let parent = &mut world.agents[from];
    life::read(&world.disk, parent)?;
    let image = world.disk.image();
    let info = image.session(&child).map_err(|error| format!("L9: {name} is gone: {error}"))?;
    let wanted = match at {
        Some(Seq::ZERO) => Some(parent.oracle.next().min(LogPos(1))),
        Some(seq) => parent.oracle.position(seq).map(|at| at.advance(1)),
        None => None,
    };
    if wanted.is_some_and(|wanted| wanted != info.head) {
        return Err(format!("L9: {name} at {at:?} ends at {}, not at {wanted:?}", info.head));
    }
    let mut agent = parent.forked(&name, info.head, &mut world.dice)?;
    let everything = PageLimit { bytes: usize::MAX };
    let page = image.read(&child, LogPos(0), everything);
    let page = page.map_err(|error| format!("L9: {name} cannot be read: {error}"))?;
    agent.oracle.shares(&page.records)?;

    let config = agent.settings(&mut world.dice);
    let opened = life.house.open(child, config).await;
    let opened = opened.map_err(|error| format!("L9: {name} does not open: {error}"))?;
    let notices = opened.notices();
    life.handles.push((opened, notices));
    world.agents.push(agent);
    world.forks += 1;
    life.say(&format!("{from} is forked at {} as {name}", info.head));
    Ok(())
}
