//! The live view on a terminal: how far the run is, what agents do, slots in use by class, passes, memory, and how long
//! calls take right now. Lines are as wide as the terminal at most: what matters most stands first in them.

use std::io::stderr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::agent::TURNS_OF_A_FORK;
use super::ground::Ground;
use super::pulse::Sample;
use super::scenario::{Scenario, Until};
use crate::report::words::{DASH, bytes, counted, micros, millis, real, thousands};

/// How wide the bar and the picture of slots are.
const PICTURE_WIDE: usize = 20;

/// What stands before the text of the first line: the bar, `100%` and gaps.
const BAR_WIDE: usize = PICTURE_WIDE + 7;

/// How wide a terminal is that does not say so.
const USUAL_COLUMNS: usize = 80;

/// How many steps the bar has.
const WHOLE: u64 = 1_000;

/// As far as it gets: when all turns are played, passes land, and only then the run is over.
const NEARLY: u64 = 990;

/// Some lines that are drawn over again; silent where nobody watches. Clones draw the same lines.
#[derive(Clone)]
pub(super) struct Live {
    bar: ProgressBar,
    until: Until,
    agents: u64,
}

impl Live {
    /// The view of a scenario, on standard error if that is a terminal.
    pub(super) fn new(scenario: &Scenario, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(8)
        };
        let bar = ProgressBar::with_draw_target(Some(WHOLE), target);
        let template = format!("{{bar:{PICTURE_WIDE}.cyan/blue}} {{percent:>3}}%  {{msg}}");
        let style = ProgressStyle::with_template(&template)
            .expect("the template is made of constants and well formed");
        bar.set_style(style.progress_chars("\u{2588}\u{2592}\u{2591}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, until: scenario.until, agents: scenario.population() }
    }

    /// So many of the sessions are written that are to be known.
    pub(super) fn prepared(&self, done: u64, all: u64) {
        self.bar.set_position(WHOLE * done / all.max(1));
        self.bar.set_message(fitted(&written(done, all), columns().saturating_sub(BAR_WIDE)));
    }

    /// Agents begin: what was prepared is no part of how far they are.
    pub(super) fn begin(&self) {
        self.bar.set_position(0);
        self.bar.set_message("");
    }

    /// Moves on.
    pub(super) fn show(&self, ground: &Ground, sample: &Sample) {
        if !self.bar.is_hidden() {
            self.draw(ground, sample, columns());
        }
    }

    fn draw(&self, ground: &Ground, sample: &Sample, columns: usize) {
        // Forks are counted behind the turns that led to them.
        let ended = ground.metrics.turns_ended();
        let counts = ground.metrics.counts();
        let way = Way::of(self.until, self.agents, sample.at_ms, (ended, counts.forks));
        let run = [
            counted(self.agents, "agent"),
            counted(counts.turns, "turn"),
            counted(counts.entries, "entry"),
            counted(sample.live_sessions, "live session"),
        ];
        let run: Vec<String> = way.time_left(sample.at_ms).into_iter().chain(run).collect();
        let spliced = ground.metrics.passes().get("spliced").copied().unwrap_or(0);
        let (broken, _) = ground.metrics.breaches();
        let lines = [
            fitted(&run, columns.saturating_sub(BAR_WIDE)),
            fitted(&passes(sample, spliced, broken), columns),
            fitted(&slots(ground.scenario.provider.slots, sample), columns),
            fitted(&calls(sample), columns),
        ];
        self.bar.set_position(way.steps().max(self.bar.position()));
        self.bar.set_message(lines.join("\n"));
    }

    /// Clears the lines.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How much of a run is over: turns, or milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    done: u64,
    all: u64,
    is_time: bool,
}

impl Way {
    /// The way of so many agents, so long after they began, by turns that have ended and forks that have come. Children
    /// are part of the turns that wait for them.
    fn of(until: Until, agents: u64, at_ms: u64, (ended, forks): (u64, u64)) -> Self {
        match until {
            Until::Turns(turns) => {
                let all = turns * agents + forks * TURNS_OF_A_FORK;
                Self { done: ended.min(all), all, is_time: false }
            }
            Until::DurationSecs(seconds) => {
                let all = seconds * 1_000;
                Self { done: at_ms.min(all), all, is_time: true }
            }
        }
    }

    /// Where the bar stands.
    fn steps(self) -> u64 {
        (WHOLE * self.done / self.all.max(1)).min(NEARLY)
    }

    /// `12 s left`, by how long it took so far; `None` when nothing is done by which that could be told.
    fn time_left(self, at_ms: u64) -> Option<String> {
        let left = self.all - self.done;
        let left_ms = match (left, self.done) {
            (0, _) => return Some("ending".to_owned()),
            (_, _) if self.is_time => real(left),
            (_, 0) => return None,
            (_, done) => real(at_ms) * real(left) / real(done),
        };
        Some(format!("{} left", millis((left_ms / 1e3).ceil().max(1.0) * 1e3)))
    }
}

/// As many of the parts, from the first one on, as a line of so many columns holds.
fn fitted(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    let mut wide = 0;
    for part in parts {
        let gap = if line.is_empty() { "" } else { ", " };
        wide += gap.len() + part.chars().count();
        if wide > columns {
            break;
        }
        line.push_str(gap);
        line.push_str(part);
    }
    line
}

/// How wide the terminal is now.
fn columns() -> usize {
    tcgetwinsize(stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(USUAL_COLUMNS)
}

/// `500 of 20,000 sessions`, `written first`
fn written(done: u64, all: u64) -> [String; 2] {
    [format!("{} of {}", thousands(done), counted(all, "session")), "written first".to_owned()]
}

/// `no breach`, `2 passes in flight`, `14 spliced`, `3 turns and 0 passes wait`
fn passes(sample: &Sample, spliced: u64, broken: u64) -> [String; 4] {
    [
        match broken {
            0 => "no breach".to_owned(),
            1 => "1 BREACH".to_owned(),
            _ => format!("{} BREACHES", thousands(broken)),
        },
        format!("{} in flight", counted(sample.passes_in_flight, "pass")),
        format!("{} spliced", thousands(spliced)),
        format!(
            "{} and {} wait",
            counted(sample.turns_waiting, "turn"),
            counted(sample.compactions_waiting, "pass")
        ),
    ]
}

/// `###==.... 6 turns and 2 passes in 12 slots`, the first signs being turns, and memory.
fn slots(slots: u64, sample: &Sample) -> [String; 3] {
    let all = PICTURE_WIDE as u64;
    let wide = |held: u64| (held * all).div_ceil(slots.max(1)).min(all);
    let (turns, passes) = (wide(sample.turn_slots), wide(sample.compaction_slots));
    let passes = passes.min(all - turns);
    let signs = [("\u{2588}", turns), ("\u{2592}", passes), ("\u{2591}", all - turns - passes)];
    let picture = signs.map(|(sign, count)| sign.repeat(usize::try_from(count).unwrap_or(0)));
    [
        format!(
            "{} {} and {} in {}",
            picture.concat(),
            counted(sample.turn_slots, "turn"),
            counted(sample.compaction_slots, "pass"),
            counted(slots, "slot"),
        ),
        format!("memory {}", bytes(sample.process_bytes)),
        format!("{} of it sessions", bytes(sample.sessions_bytes)),
    ]
}

/// `99% of appends within 340 us`, `of contexts within 1.9 ms`
fn calls(sample: &Sample) -> [String; 2] {
    let time = |us: u64| if us == 0 { DASH.to_owned() } else { micros(us) };
    [
        format!("99% of appends within {}", time(sample.append_p99_us)),
        format!("of contexts within {}", time(sample.context_p99_us)),
    ]
}

#[cfg(test)]
mod tests;
