//! An agent: a session, what was acknowledged of it, and its life of turns, children, rewinds, forks and pauses.

mod between;
mod calls;
mod passes;
mod played;
pub(super) mod resume;
mod turn;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use highwater::{Highwater, SessionHandle};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, Error, Format, Kind, Seq, SessionId, TokenCount};
use highwater_storage::RedbStore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::behaviour::Measure;
use super::branch::Branch;
use super::checks::Checker;
use super::ground::Ground;
use super::ledger::Ledger;
use super::metrics::WATCHED;
use super::scenario::Until;
use super::slices::Arm;
use super::speech;
use super::told::Told;
use crate::sample::dice::Dice;
pub(super) use between::TURNS_OF_A_FORK;
use passes::Passes;
use resume::Resumed;

/// About as many as texts have for each token.
const BYTES_OF_A_TOKEN: u64 = 4;

/// What sessions leave behind: their names and records.
pub(super) type Left = Vec<(SessionId, Ledger)>;

/// What agents need to begin.
#[derive(Clone)]
pub(super) struct World {
    pub(super) ground: Arc<Ground>,
    pub(super) house: Highwater,
    /// Where sessions are read that agents come back to.
    pub(super) store: Arc<RedbStore>,
    /// Handles of sessions that agents have left: hosts keep them.
    pub(super) left: Arc<Mutex<Vec<SessionHandle>>>,
    /// Where forks go to begin a life of their own.
    pub(super) forks: UnboundedSender<Agent>,
}

/// One agent in one session.
pub(super) struct Agent {
    world: World,
    handle: SessionHandle,
    dice: Dice,
    ledger: Ledger,
    branch: Branch,
    checker: Checker,
    passes: Passes,
    /// The end of each turn on the live branch.
    turn_ends: Vec<TurnEnd>,
    turns_left: u64,
    /// About the size of the view: as it was shown last, and what was said since.
    view_tokens: u64,
    /// Whether that is no more than a guess, until the next context.
    is_guessed: bool,
    budget: Budget,
    /// Which arm it is of, if there are two.
    arm: Option<Arm>,
    /// What was said in the session.
    said_bytes: u64,
    /// Calls, children and forks so far: what names the next one.
    named: u64,
    /// When the next call is due.
    due: Instant,
    left: Left,
    /// Whether what is said to the model goes with the wish for the next context.
    is_brief: bool,
    /// What was said so, and not handed over yet.
    unsaid: Vec<Arc<Entry>>,
    /// Which of the agents whose views are told over time it is, if it is one of them.
    watched: Option<usize>,
}

/// Where a turn ended.
#[derive(Clone, Copy, Debug)]
struct TurnEnd {
    /// Its last entry.
    seq: u64,
    /// About the size of the view then.
    tokens: u64,
}

/// How sessions of an arm are run.
pub(super) fn config(ground: &Ground, arm: Option<Arm>) -> Result<SessionConfig, Error> {
    let budget = Budget::of_window(TokenCount(ground.scenario.window_tokens))?;
    let mut config = SessionConfig::new(budget, Format::Anthropic);
    config.automatic = arm != Some(Arm::NoPasses);
    Ok(config)
}

/// Plays one agent until the scenario is over: one session of its turns, or one after another until the time is up.
pub(super) async fn live(
    world: World,
    number: u64,
    mut resumed: Option<Resumed>,
) -> anyhow::Result<Left> {
    let ground = Arc::clone(&world.ground);
    let mut dice = ground.dice(number);
    let mut left = Left::new();
    let first = resumed.as_ref().map_or(0, |resumed| resumed.session);
    for session in first.. {
        if ground.is_stopped() {
            // One that was to begin later does not begin any more.
            break;
        }
        let turns = match ground.scenario.until {
            Until::Turns(turns) => turns,
            Until::DurationSecs(_) => {
                let turns = ground.behaviour.draw(Measure::TurnsPerSession, &mut dice);
                turns.max(ground.scenario.turns_at_least)
            }
        };
        let (world, dice, how) = (world.clone(), dice.split(), (turns.max(1), ground.arm(number)));
        let name = resume::name(number, session);
        if resumed.is_none() && session < ground.scenario.known_of(number) {
            let (store, name) = (Arc::clone(&world.store), SessionId::parse(&name)?);
            let read = move || resume::read(&*store, &name, session);
            resumed = Some(tokio::task::spawn_blocking(read).await??);
        }
        let mut agent = match resumed.take() {
            Some(resumed) => Agent::resume(world, resumed, dice, how).await?,
            None => Agent::begin(world, &name, dice, how).await?,
        };
        agent.watched = usize::try_from(number).ok().filter(|number| *number < WATCHED);
        left.extend(agent.play().await?);
        if ground.is_stopped() || matches!(ground.scenario.until, Until::Turns(_)) {
            break;
        }
    }
    Ok(left)
}

impl Agent {
    /// Opens a new session, which begins with its instructions.
    async fn begin(
        world: World,
        name: &str,
        dice: Dice,
        (turns, arm): (u64, Option<Arm>),
    ) -> anyhow::Result<Self> {
        let session = SessionId::parse(name)?;
        let config = config(&world.ground, arm)?;
        let handle = world.house.open(session, config).await?;
        if handle.status().await?.head > Seq::ZERO {
            let why =
                format!("the store holds session {name} of an earlier run: choose another --store");
            return Err(Error::new(Kind::Invalid, why).into());
        }
        let mut agent = Self::over(world, handle, dice, config.budget, (turns, arm));
        let instructions = agent.world.ground.speech.says(600, &mut agent.dice);
        agent.append(vec![speech::instructions(1, instructions)?]).await?;
        Ok(agent)
    }

    fn over(
        world: World,
        handle: SessionHandle,
        mut dice: Dice,
        budget: Budget,
        (turns, arm): (u64, Option<Arm>),
    ) -> Self {
        let ground = &world.ground;
        ground.metrics.count(|counts| counts.sessions += 1);
        let is_brief = dice.per_mille(ground.scenario.together_percent * 10);
        Self {
            world,
            handle,
            dice,
            ledger: Ledger::default(),
            branch: Branch::default(),
            checker: Checker::new(budget.hard()),
            passes: Passes::default(),
            turn_ends: Vec::new(),
            turns_left: turns,
            view_tokens: 0,
            is_guessed: true,
            budget,
            arm,
            said_bytes: 0,
            named: 0,
            due: Instant::now(),
            left: Left::new(),
            is_brief,
            unsaid: Vec::new(),
            watched: None,
        }
    }

    /// Plays its turns, and waits for its pass in flight; when the time is up, abandons it.
    pub(super) async fn play(mut self) -> anyhow::Result<Left> {
        while self.turns_left > 0 && !self.world.ground.is_stopped() {
            self.turns_left -= 1;
            self.turn().await?;
            self.tell(Told::Turn).await;
            self.after_turn().await?;
            // Behind a fork that it may have led to: what is to be played never seems to be over while more comes.
            if !resume::is_of_child(self.handle.session().as_str()) {
                self.world.ground.metrics.turn_ended();
            }
        }
        let ground = Arc::clone(&self.world.ground);
        tokio::select! {
            biased;
            () = self.passes.land(&mut self.ledger) => {}
            () = ground.stopped() => {}
        }
        // A session that has none is left alone: it may have to be read for being told.
        if self.passes.in_flight() {
            self.handle.cancel().await?;
        }
        self.passes.land(&mut self.ledger).await;
        self.left.push((self.handle.session().clone(), self.ledger));
        self.world.left.lock().unwrap_or_else(PoisonError::into_inner).push(self.handle);
        Ok(self.left)
    }

    /// Makes a call into the house.
    async fn asks<T>(&self, call: impl Future<Output = T>) -> T {
        self.world.ground.meter.call(call).await
    }

    /// The next name below its own.
    fn name_of(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{}{kind}{}", self.handle.session(), self.named)
    }

    /// Waits for the user.
    async fn think(&mut self) {
        let (ground, dice) = (&self.world.ground, &mut self.dice);
        let real_ms = ground.behaviour.draw(Measure::ThinkMs, dice);
        let ms = (real_ms / ground.scenario.think_speed).min(ground.scenario.think_at_most_ms);
        self.pause(ms).await;
    }

    /// Does nothing between two steps: for so long, or for as long as makes all agents together as fast as they are to be.
    async fn pause(&mut self, ms: u64) {
        let scenario = &self.world.ground.scenario;
        let mean_ms = (scenario.population() * 1_000).checked_div(scenario.steps_each_second);
        let ms = mean_ms.map_or(ms, |mean_ms| self.dice.within(mean_ms / 2, mean_ms * 3 / 2 + 1));
        self.rest(Duration::from_millis(ms)).await;
    }

    /// Does nothing for a time; what comes next is due at its end.
    async fn rest(&mut self, span: Duration) {
        self.due = Instant::now() + span;
        self.world.ground.rest_until(self.due).await;
        if self.world.ground.is_stopped() {
            self.due = Instant::now();
        }
    }

    /// Tells whoever listens what was acknowledged to this session.
    async fn tell(&self, told: impl FnOnce(String) -> Told) {
        let session = self.handle.session();
        self.world.ground.tell(|| told(session.to_string())).await;
    }
}
