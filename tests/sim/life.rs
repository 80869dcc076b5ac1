//! One life of the process: a house over the disk, agents that ask it for things at once, and the faults in between.

mod hear;

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater::history::Order;
use highwater::{Highwater, Notices, SessionHandle};
use highwater_protocol::limit::Limits;
use highwater_protocol::message::{Reply, Request};
use highwater_protocol::{Error, Timestamp, TokenCount};
use tokio::time::Instant;

use crate::agent::Move;
use crate::forks;
use crate::ground::{Bench, Fault, Trap, locked};
use crate::oracle::Breach;
use crate::run::World;
use crate::scribe::Scribe;
use crate::words;
use hear::Answer;
pub(crate) use hear::read;

/// Agents that a world has at most: each fork is one more.
const MOST_AGENTS: usize = 7;

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Crashed,
    Closed,
    Over,
}

pub(crate) struct Life<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) house: Highwater,
    bench: Bench,
    trap: Trap,
    pub(crate) handles: Vec<(SessionHandle, Notices)>,
    answers: Arc<Mutex<Vec<Answer>>>,
    /// Whatever a session does is durable at once, and nothing is under way but passes.
    is_calm: bool,
    is_slow: bool,
    line: String,
}

impl<'a> Life<'a> {
    /// Starts a house over what the last life has left, and opens all sessions.
    pub(crate) async fn begin(world: &'a mut World) -> Result<Self, Breach> {
        world.disk.mend();
        let bench = Bench::default();
        let trap = Trap::starting_at(world.now, &bench);
        let windows = [600, 1_500, 1 << 40];
        let window = TokenCount(windows[world.dice.index(windows.len())]);
        let scribe = Scribe::new(world.dice.split(), window);
        let slots = if world.dice.percent(50) { 2 } else { 4 };
        let builder = Highwater::builder(world.disk.clone()).summarizer(scribe);
        let builder = builder
            .limits(Limits::slots(slots).reserve(25))
            .seed(world.dice.draw())
            .executor(bench.clone())
            // What is asked for is answered in the step in which the disk lets it be: no step waits for time to pass.
            .commit_every(Duration::ZERO)
            .clock(trap.clone());
        let idle = [1_000, 60_000, 1 << 40][world.dice.index(3)];
        let room = [0, 40_000, 1 << 30][world.dice.index(3)];
        let builder = builder.passivate_after(Duration::from_millis(idle)).resident_bytes(room);
        let (bytes, records) = [(1, 1), (3_000, 64), (1 << 20, 400)][world.dice.index(3)];
        let house = builder
            .anchor_every(bytes, records)
            .start()
            .await
            .map_err(|error| format!("no house: {error}"))?;
        let mut handles = Vec::new();
        for agent in &mut world.agents {
            let config = agent.settings(&mut world.dice);
            let opened = house.open(agent.session.clone(), config).await;
            let handle = opened
                .map_err(|error| format!("L4: {} does not open again: {error}", agent.session))?;
            let notices = handle.notices();
            handles.push((handle, notices));
        }
        let (answers, line) = (Arc::default(), String::new());
        Ok(Self {
            world,
            house,
            bench,
            trap,
            handles,
            answers,
            is_calm: true,
            is_slow: false,
            line,
        })
    }

    /// Notes what the house has done so far, at the end of a life.
    fn tally(&mut self) {
        let gauges = self.house.gauges();
        self.world.activations += gauges.activations;
        self.world.passivations += gauges.passivations;
        self.world.evictions += gauges.evictions;
    }

    /// Lives until a crash, a clean end, or the last step.
    pub(crate) async fn live(mut self) -> Result<End, Breach> {
        loop {
            if self.world.is_over() {
                return self.close(End::Over).await;
            }
            self.world.step += 1;
            let end = self.step().await;
            self.print();
            match end? {
                None => {}
                Some(End::Crashed) => {
                    self.tally();
                    return Ok(End::Crashed);
                }
                Some(end) => return self.close(end).await,
            }
        }
    }

    fn print(&mut self) {
        let (step, ms, line) = (self.world.step, self.world.now.0 - 1_000_000, &self.line);
        writeln!(self.world.trace, "{step:>5} {ms:>9}ms {line}")
            .expect("a string takes everything");
        self.line.clear();
    }

    pub(crate) fn say(&mut self, what: &str) {
        if !self.line.is_empty() {
            self.line.push_str("; ");
        }
        self.line.push_str(what);
    }

    async fn step(&mut self) -> Result<Option<End>, Breach> {
        if self.is_calm && self.world.dice.percent(1) && self.world.agents.len() < MOST_AGENTS {
            forks::fork(self).await?;
        }
        self.tamper();
        let count = if self.world.dice.percent(90) { 1 } else { self.world.dice.within(2, 5) };
        for _ in 0..count {
            self.act();
        }
        if self.world.dice.below(1_000) < 6 {
            return self.crash().await.map(Some);
        }
        if self.world.dice.below(1_000) < 3 {
            return Ok(Some(End::Closed));
        }
        let is_settled = !self.world.dice.percent(8);
        self.work();
        if is_settled {
            self.settle().await;
        } else {
            for _ in 0..self.world.dice.below(12) {
                tokio::task::yield_now().await;
            }
        }
        self.trap.disarm();
        let is_calm = is_settled && self.bench.is_prompt() && self.world.disk.is_sound();
        self.hear(self.is_calm && is_calm)?;
        self.is_calm = is_calm;
        if is_calm { self.rest().map(|()| None) } else { Ok(None) }
    }

    /// Everything that can go on goes on, and a little time passes.
    async fn settle(&mut self) {
        let ms = match self.world.dice.below(40) {
            0 => self.world.dice.below(400_000),
            1..4 => self.world.dice.below(5_000),
            _ => 1,
        };
        tokio::time::sleep(Duration::from_millis(ms.max(1))).await;
    }

    /// Plans faults, and mends what is broken.
    fn tamper(&mut self) {
        const FAULTS: [Fault; 12] = [
            Fault::AppendBusy,
            Fault::AppendUnknownStored,
            Fault::AppendUnknownLost,
            Fault::AppendPanicsBefore,
            Fault::AppendPanicsBehind,
            Fault::OpenBusy,
            Fault::OpenPanics,
            Fault::ReadFails,
            Fault::ReadPanics,
            Fault::WriteBusy,
            Fault::WritePanicsBefore,
            Fault::WritePanicsBehind,
        ];
        let world = &mut *self.world;
        let mut said = String::new();
        if world.dice.percent(2) {
            let fault = FAULTS[world.dice.index(FAULTS.len())];
            world.disk.plan(fault);
            said = format!("planned: {fault:?}");
        } else if !world.disk.is_sound() && world.dice.percent(25) {
            world.disk.mend();
            "the disk is mended".clone_into(&mut said);
        } else if world.dice.percent(1) {
            self.trap.arm();
            self.is_calm = false;
            "the clock is armed".clone_into(&mut said);
        } else if world.dice.percent(if self.is_slow { 15 } else { 3 }) {
            self.is_slow = !self.is_slow;
            self.bench.set_slow(self.is_slow);
            said = format!("the disk is {}", if self.is_slow { "slow" } else { "quick" });
        }
        self.is_calm &= world.disk.is_sound() && !self.is_slow;
        if !said.is_empty() {
            self.say(&said);
        }
    }

    /// Does some of the work that is held back.
    fn work(&mut self) {
        let waiting = self.bench.waiting();
        if waiting == 0 {
            return;
        }
        let count = if self.is_slow { self.world.dice.index(waiting + 1) } else { usize::MAX };
        for _ in 0..count {
            let waiting = self.bench.waiting();
            if waiting == 0 || !self.bench.run(self.world.dice.index(waiting)) {
                break;
            }
        }
    }

    /// One agent asks for something.
    fn act(&mut self) {
        let world = &mut *self.world;
        let at = world.dice.index(world.agents.len());
        let agent = &mut world.agents[at];
        let next = agent.next(&mut world.dice);
        world.asked += 1;
        let (number, handle) = (world.asked, self.handles[at].0.clone());
        let (answers, asked) = (Arc::clone(&self.answers), Instant::now());
        let said = format!("{at}? #{number} {}", words::of_move(&next));
        match next {
            Move::Ask(request) => {
                agent.oracle.asks(number, request.clone(), self.is_calm);
                drop(tokio::spawn(async move {
                    let reply = ask(&handle, request).await;
                    let is_at_once = Instant::now() == asked;
                    let answer = Answer::Reply { agent: at, number, is_at_once, reply };
                    locked(&answers).push(answer);
                }));
            }
            Move::Call(call) => {
                let then = agent.then(Some(call), self.is_calm);
                drop(tokio::spawn(async move {
                    let said = handle.call(call).await;
                    locked(&answers).push(Answer::Call { agent: at, number, call, said, then });
                }));
            }
            Move::Read(range, limit) => {
                let then = agent.then(None, self.is_calm);
                drop(tokio::spawn(async move {
                    let page = handle.history().page(range, Order::OldestFirst, limit).await;
                    locked(&answers).push(Answer::Page { agent: at, number, range, page, then });
                }));
            }
        }
        self.say(&said);
    }

    /// Nothing is under way: everything is answered and told.
    fn rest(&mut self) -> Result<(), Breach> {
        for agent in &mut self.world.agents {
            if let Some(ask) = agent.oracle.unanswered().next() {
                let name = ask.request.name();
                return Err(format!(
                    "V10: {name} #{} of {} is not answered",
                    ask.number, agent.session
                ));
            }
            agent.oracle.told_all()?;
        }
        // A session that works on something holds what it needs for it.
        let (gauges, busy) =
            (self.house.gauges(), self.world.agents.iter().any(|a| a.oracle.is_busy()));
        if gauges.resident_bytes > gauges.budget_bytes && !busy {
            return Err(format!("L5: nothing is under way, and the sessions hold {gauges:?}"));
        }
        Ok(())
    }

    /// The process ends where it stands. Of the work that was held back some has reached the disk.
    async fn crash(&mut self) -> Result<End, Breach> {
        self.say("crash");
        self.trap.disarm();
        for _ in 0..self.world.dice.below(40) {
            tokio::task::yield_now().await;
        }
        for _ in 0..self.world.dice.index(self.bench.waiting() + 1) {
            self.bench.run(0);
        }
        self.hear(false)?;
        Ok(End::Crashed)
    }

    /// Ends the house in an orderly way.
    async fn close(mut self, end: End) -> Result<End, Breach> {
        self.tally();
        self.world.disk.mend();
        self.trap.disarm();
        self.bench.set_slow(false);
        while self.bench.run(0) {}
        self.world.agents.iter_mut().for_each(|agent| agent.oracle.closing(true));
        let closing = self.house.clone().close();
        let closed = tokio::time::timeout(Duration::from_hours(1), closing).await;
        match closed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(format!("V7: the house does not close: {error}")),
            Err(_) => return Err("V7: the house does not close".to_owned()),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.hear(false)?;
        for agent in &mut self.world.agents {
            if let Some(ask) = agent.oracle.unanswered().next() {
                return Err(format!(
                    "L6: {} #{} is lost in an orderly end",
                    ask.request.name(),
                    ask.number
                ));
            }
        }
        self.world.now = Timestamp(self.world.now.0 + 1);
        Ok(end)
    }
}

async fn ask(handle: &SessionHandle, request: Request) -> Result<Reply, Error> {
    match request {
        Request::Append { entries } => handle.append(entries).await.map(Reply::Appended),
        Request::Context { open_calls } => handle.context(open_calls).await.map(Reply::Context),
        Request::NextContext { entries, open_calls } => {
            handle.next_context(entries, open_calls).await.map(Reply::NextContext)
        }
        Request::Compact { up_to, focus } => {
            handle.compact(up_to, focus.as_deref()).await.map(Reply::Compact)
        }
        Request::Settled { pass } => handle.settled(pass).await.map(Reply::Settled),
        Request::Cancel => handle.cancel().await.map(Reply::Cancelled),
        Request::Rewind { to } => handle.rewind(to).await.map(Reply::Changed),
        Request::Edit { place, entry } => handle.edit(place, entry).await.map(Reply::Edited),
        Request::Clear => handle.clear().await.map(Reply::Changed),
        Request::Switch { budget, format } => {
            handle.switch(budget, format).await.map(Reply::Changed)
        }
        Request::Pin { seq, pinned } => handle.pin(seq, pinned).await.map(Reply::Changed),
        Request::Resolve { call, resolution } => {
            handle.resolve(call, resolution).await.map(Reply::Changed)
        }
        Request::Track { task, text } => {
            handle.track(&task, text.as_deref()).await.map(Reply::Changed)
        }
        Request::ReportUsage { call, model, usage } => {
            handle.report_usage(call, &model, usage).await.map(Reply::Changed)
        }
        Request::Checkpoint => handle.checkpoint().await.map(Reply::Checkpoint),
        Request::Status => handle.status().await.map(Reply::Status),
        Request::Close => handle.close().await.map(|()| Reply::Closed),
    }
}
