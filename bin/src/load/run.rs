//! `highwater load`: lets agents live in one house over a store in a directory, and compares what they remember with what
//! is stored.

mod house;
mod kill;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use highwater_protocol::{Error, Kind};
use tokio::sync::mpsc;

use super::agent::Left;
use super::behaviour::Behaviour;
use super::ground::Ground;
use super::live::Live;
use super::report::Report;
use super::scenario::{Scenario, Until};
use super::{compare, contrast, html, text};
use crate::config::Sections;
use crate::exit::Exit;
use crate::output::print;
use crate::replay::check_writable;
use crate::signals::Interrupts;
use house::{Ended, play};

/// What `load` takes when it runs.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Run {
    /// What is played: a scenario that comes with the program, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "smoke")]
    scenario: String,
    /// List the scenarios that come with the program
    #[arg(long)]
    list: bool,
    /// Agents at once, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    agents: Option<u64>,
    /// Let each agent play so many turns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    turns: Option<u64>,
    /// Let agents play for so many seconds, one session after another
    #[arg(long, value_name = "SECONDS", conflicts_with = "turns")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    duration: Option<u64>,
    /// What everything is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw what agents do from this file, as `load fit` prints it
    #[arg(long, value_name = "FILE")]
    behaviour: Option<PathBuf>,
    /// Keep the store in this directory (default: a temporary one that is removed at the end)
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Play the first half in a process that is killed in the midst of it; agents come back and go on
    #[arg(long)]
    kill: bool,
    /// Start the simulated provider as a server of its own, and call it over HTTP with Highwater's model client
    #[arg(long)]
    http: bool,
    /// Tell every acknowledgement on standard output, and nothing else
    #[arg(long, hide = true, conflicts_with_all = ["kill", "html", "json"])]
    tell: bool,
    /// Also write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Compare two reports of one scenario; fails when something became worse by more than a quarter, and rests on a
    /// thousand calls, passes, steps or entries at least, or when more promises were broken
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"], exclusive = true)]
    compare: Vec<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

impl Run {
    /// Runs the command.
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        if self.list {
            let lines: Vec<String> =
                Scenario::shipped().map(|(name, what)| format!("{name:<12}{what}")).collect();
            return print(&lines.join("\n")).map(|()| Exit::Fine);
        }
        if !self.compare.is_empty() {
            return contrast::run(&self.compare);
        }
        let (scenario, behaviour) = (self.scenario()?, self.behaviour()?);
        if self.html.is_some() && self.html == self.json {
            let why = "--html and --json name the same file: the page and the JSON are two reports";
            return Err(Error::new(Kind::Invalid, why).into());
        }
        check_writable(self.html.as_deref())?;
        check_writable(self.json.as_deref())?;
        let interrupts = Interrupts::heard()?;
        let temporary = match &self.store {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("a temporary store")?),
        };
        let dir = self.store.clone().or(temporary.as_ref().map(|dir| dir.path().to_owned()));
        let dir = dir.context("a store has a directory")?;
        if self.tell {
            let ground = Ground::new(scenario, behaviour, self.seed, interrupts)?;
            return crate::run(self.play_and_tell(ground, dir)).map(|()| Exit::Fine);
        }
        let report = if scenario.kill {
            let first = kill::first_half(self, &scenario, &dir, &interrupts);
            let before = crate::run(first)?.into_ledgers()?;
            let second = kill::second_half(scenario.clone());
            // Other draws than those of the first half.
            let seed = self.seed.wrapping_add(1);
            let ground = Ground::new(second, behaviour, seed, interrupts)?;
            // What was asked for is both halves.
            Report { scenario, ..crate::run(self.play_and_compare(ground, dir, before))? }
        } else {
            let ground = Ground::new(scenario, behaviour, self.seed, interrupts)?;
            crate::run(self.play_and_compare(ground, dir, Left::new()))?
        };
        // What was seen is told first: a file that cannot be written takes none of it away.
        print(&text::render(&report))?;
        let page = write(self.html.as_deref(), || html::page(&report));
        let json = write(self.json.as_deref(), || report.to_json());
        page.and(json)?;
        Ok(match (report.interrupted, report.broken) {
            (_, 1..) => Exit::Failed,
            (true, 0) => Exit::Interrupted,
            (false, 0) => Exit::Fine,
        })
    }

    /// The scenario with what was said instead.
    fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = Scenario::load(&self.scenario)?;
        if self.kill && scenario.known > 0 {
            let why = "this scenario has sessions that are known before agents begin, from which agents that come back \
                       could not tell their last ones: leave out --kill, or `known`";
            return Err(Error::new(Kind::Invalid, why).into());
        }
        scenario.kill |= self.kill;
        scenario.provider.over_http |= self.http;
        scenario.agents = self.agents.unwrap_or(scenario.agents);
        if let Some(turns) = self.turns {
            scenario.until = Until::Turns(turns);
        }
        if let Some(seconds) = self.duration {
            scenario.until = Until::DurationSecs(seconds);
        }
        Ok(scenario)
    }

    fn behaviour(&self) -> anyhow::Result<Behaviour> {
        let shipped = Behaviour::shipped()?;
        let Some(path) = &self.behaviour else { return Ok(shipped) };
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Sections::unreadable(&file, &format!("cannot be read: {error}")))?;
        Ok(Behaviour::read(&file, &text)?.over(shipped))
    }

    /// Plays, and compares all sessions with what agents remember, and with what was acknowledged before a kill.
    async fn play_and_compare(
        &self,
        ground: Ground,
        dir: PathBuf,
        before: Left,
    ) -> anyhow::Result<Report> {
        let (live, comes_back) = (Live::new(&ground.scenario, self.quiet), ground.scenario.kill);
        let played = play(&Arc::new(ground), &dir, (self.seed, comes_back), &live).await;
        live.finish();
        let Ended { mut report, ledgers } = played?;
        if let Some(killed) = &mut report.killed {
            killed.sessions = before.len() as u64;
            killed.entries = before.iter().map(|(_, ledger)| ledger.entries.len() as u64).sum();
        }
        let comparing = move || compare::store(&dir, &ledgers, &before);
        let compared = tokio::task::spawn_blocking(comparing).await??;
        report.compared = compared.seen;
        report.broken += compared.differences.len() as u64;
        report.breaches.extend(compared.differences);
        Ok(report)
    }

    /// Plays, and tells every acknowledgement as it comes.
    async fn play_and_tell(&self, ground: Ground, dir: PathBuf) -> anyhow::Result<()> {
        let (listener, told) = mpsc::channel(kill::UNTOLD);
        let telling = tokio::task::spawn_blocking(move || kill::tell(told));
        let live = Live::new(&ground.scenario, self.quiet);
        let ground = Arc::new(ground.telling(listener));
        play(&ground, &dir, (self.seed, false), &live).await?;
        drop(ground);
        telling.await?.context("what was acknowledged cannot be told")
    }
}

/// Writes a report where it was asked for.
fn write(file: Option<&Path>, report: impl FnOnce() -> String) -> anyhow::Result<()> {
    let Some(path) = file else { return Ok(()) };
    std::fs::write(path, report())
        .with_context(|| format!("{}: the report cannot be written", path.display()))
}
