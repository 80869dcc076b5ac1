//! The live view on a terminal: how far the run is, what agents do, slots in use by class, passes, memory, and how long
//! calls take right now.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ground::Ground;
use super::pulse::Sample;
use super::scenario::{Scenario, Until};
use crate::report::words::{DASH, bytes, micros, thousands};

/// How wide the picture of slots is.
const SLOTS_WIDE: u64 = 24;

/// Some lines that are drawn over again; silent where nobody watches. Clones draw the same lines.
#[derive(Clone)]
pub(super) struct Live {
    bar: ProgressBar,
    until: Until,
    began: Instant,
}

impl Live {
    /// The view of a scenario, on standard error if that is a terminal.
    pub(super) fn new(scenario: &Scenario, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(8)
        };
        let length = match scenario.until {
            Until::Turns(turns) => turns * scenario.population(),
            Until::DurationSecs(seconds) => seconds,
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{bar:24.cyan/blue} {percent:>3}%  {msg}")
            .expect("the template is a constant and well formed");
        bar.set_style(style.progress_chars("\u{2588}\u{2592}\u{2591}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, until: scenario.until, began: Instant::now() }
    }

    /// So many of the sessions are written that are to be known.
    pub(super) fn prepared(&self, done: u64, all: u64) {
        self.bar.set_message(format!(
            "{} of {} known sessions written",
            thousands(done),
            thousands(all)
        ));
    }

    /// Moves on.
    pub(super) fn show(&self, ground: &Ground, sample: &Sample) {
        if self.bar.is_hidden() {
            return;
        }
        let counts = ground.metrics.counts();
        self.bar.set_position(match self.until {
            Until::Turns(_) => counts.turns,
            Until::DurationSecs(_) => self.began.elapsed().as_secs(),
        });
        let spliced = ground.metrics.passes().get("spliced").copied().unwrap_or(0);
        let agents = format!(
            "{} turns, {} entries, {} live sessions, {} passes in flight, {} spliced",
            thousands(counts.turns),
            thousands(counts.entries),
            thousands(sample.live_sessions),
            thousands(sample.passes_in_flight),
            thousands(spliced),
        );
        let (broken, _) = ground.metrics.breaches();
        let lines = [agents, slots(ground.scenario.provider.slots, sample), calls(sample, broken)];
        self.bar.set_message(lines.join("\n"));
    }

    /// Clears the lines.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `slots ###==....  6 turns, 2 passes of 12; 3 turns and 0 passes wait`, the first signs being turns.
fn slots(slots: u64, sample: &Sample) -> String {
    let wide = |held: u64| (held * SLOTS_WIDE).div_ceil(slots.max(1)).min(SLOTS_WIDE);
    let (turns, passes) = (wide(sample.turn_slots), wide(sample.compaction_slots));
    let passes = passes.min(SLOTS_WIDE - turns);
    let signs =
        [("\u{2588}", turns), ("\u{2592}", passes), ("\u{2591}", SLOTS_WIDE - turns - passes)];
    let picture = signs.map(|(sign, count)| sign.repeat(usize::try_from(count).unwrap_or(0)));
    format!(
        "{} slots: {} turns, {} passes of {}; waiting {} and {}",
        picture.concat(),
        thousands(sample.turn_slots),
        thousands(sample.compaction_slots),
        thousands(slots),
        thousands(sample.turns_waiting),
        thousands(sample.compactions_waiting),
    )
}

fn calls(sample: &Sample, broken: u64) -> String {
    let time = |us: u64| if us == 0 { DASH.to_owned() } else { micros(us) };
    format!(
        "99% of appends within {}, of contexts within {}; memory {}, of it sessions {}; {}",
        time(sample.append_p99_us),
        time(sample.context_p99_us),
        bytes(sample.process_bytes),
        bytes(sample.sessions_bytes),
        if broken == 0 { "no breach".to_owned() } else { format!("{broken} BREACHES") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_drawn_by_class_and_never_wider_than_their_picture() {
        for (turns, passes, expected) in [(0, 0, (0, 0)), (6, 6, (12, 12)), (1, 12, (2, 22))] {
            let sample =
                Sample { turn_slots: turns, compaction_slots: passes, ..Sample::default() };
            let line = slots(12, &sample);
            let drawn = |sign| line.chars().filter(|found| *found == sign).count();
            assert_eq!((drawn('\u{2588}'), drawn('\u{2592}')), expected, "{line}");
            assert_eq!(line.split(' ').next().map(|picture| picture.chars().count()), Some(24));
        }
    }
}
