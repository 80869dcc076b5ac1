//! One run: a seed, so many steps, and what came of it. Each life of the process is a runtime of its own, in paused time
//! on one thread; dropping it is the crash.

use std::fmt::Write;

use highwater_protocol::{LogPos, Timestamp};
use highwater_storage::Store;

use crate::agent::Agent;
use crate::ground::Disk;
use crate::life::{End, Life};
use highwater_tests::dice::Dice;

/// What was done beside the turns, and how often.
pub(crate) type Done = [(&'static str, u64); 7];

/// What a run has shown.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    /// One line for each step.
    pub(crate) trace: String,
    /// The promise that was broken, if one was.
    pub(crate) breach: Option<String>,
    /// What was done beside the turns, and how often.
    pub(crate) done: Done,
}

/// What outlives a process: the disk, the agents, and who watches them.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) disk: Disk,
    pub(crate) agents: Vec<Agent>,
    pub(crate) trace: String,
    pub(crate) step: u64,
    pub(crate) steps: u64,
    pub(crate) asked: u64,
    pub(crate) now: Timestamp,
    /// What has happened, so that nothing is silently never done.
    pub(crate) forks: u64,
    pub(crate) called_again: u64,
    pub(crate) activations: u64,
    pub(crate) passivations: u64,
    pub(crate) evictions: u64,
}

impl World {
    fn new(seed: u64, steps: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = dice.within(1, 4);
        let segment = [1, 2_000, 20_000][dice.index(3)];
        let agents = (0..count).map(|at| Agent::new(&format!("agent-{at}"), &mut dice)).collect();
        Self {
            dice,
            disk: Disk::with_segments_of(segment),
            agents,
            trace: String::new(),
            step: 0,
            steps,
            asked: 0,
            now: Timestamp(1_000_000),
            forks: 0,
            called_again: 0,
            activations: 0,
            passivations: 0,
            evictions: 0,
        }
    }

    fn done(&self) -> Done {
        let logs = self.agents.iter().filter_map(|agent| {
            let whole = self.disk.image().anchors(&agent.session, LogPos(u64::MAX));
            let sealed = self.disk.image().session(&agent.session).ok()?.indexed;
            Some((whole.map_or(0, |anchors| anchors.len() as u64), sealed.0))
        });
        let (anchors, sealed) = logs.fold((0, 0), |(a, s), (b, t)| (a + b, s + t));
        [
            ("forks", self.forks),
            ("past calls", self.called_again),
            ("activations", self.activations),
            ("passivations", self.passivations),
            ("evictions", self.evictions),
            ("anchors", anchors),
            ("records sealed", sealed),
        ]
    }

    pub(crate) fn is_over(&self) -> bool {
        self.step >= self.steps
    }
}

/// Plays a seed.
pub(crate) fn play(seed: u64, steps: u64) -> Report {
    let mut world = World::new(seed, steps);
    let mut breach = None;
    while breach.is_none() && !world.is_over() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
        let end = runtime.block_on(async { Life::begin(&mut world).await?.live().await });
        drop(runtime);
        world.agents.iter_mut().for_each(|agent| agent.oracle.crash());
        match end {
            Ok(End::Crashed) => world.trace.push_str("      -- the process is gone --\n"),
            Ok(End::Closed) => world.trace.push_str("      -- the house is closed --\n"),
            Ok(End::Over) => {}
            Err(why) => breach = Some(why),
        }
    }
    let done = world.done();
    Report { seed, steps, trace: world.trace, breach, done }
}

/// What was done, for people.
pub(crate) fn told(done: &Done) -> String {
    done.map(|(what, count)| format!("{count} {what}")).join(", ")
}

/// The command that plays a seed again.
pub(crate) fn command(seed: u64, steps: u64) -> String {
    format!("cargo run --release -p highwater-tests --bin sim -- --seed {seed} --steps {steps}")
}

impl Report {
    /// What is printed of a run that broke a promise: the end of its trace, the promise, and how to see it again.
    pub(crate) fn failure(&self) -> Option<String> {
        let breach = self.breach.as_ref()?;
        let lines: Vec<&str> = self.trace.lines().collect();
        let mut text = String::new();
        for line in &lines[lines.len().saturating_sub(30)..] {
            writeln!(text, "{line}").expect("a string takes everything");
        }
        write!(
            text,
            "seed {}: {breach}\nrepeat with: {}\n",
            self.seed,
            command(self.seed, self.steps)
        )
        .expect("a string takes everything");
        Some(text)
    }
}
