//! Live progress on a terminal: how far the transcript is, the view against its marks, the passes; and how far any
//! other long step is.

use std::time::Duration;

use highwater::Gate;
use highwater_protocol::Budget;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::report::Provider;

/// How often the gate is asked how it stands.
const GATE_EVERY: Duration = Duration::from_millis(250);

/// What the line shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// Entries played.
    pub(crate) entries: u64,
    /// Turns served.
    pub(crate) turns: u64,
    /// Turns served while a pass ran.
    pub(crate) turns_during_passes: u64,
    /// The view's size in tokens.
    pub(crate) view_tokens: u64,
    /// Passes that have ended.
    pub(crate) passes: u64,
    /// The pass in flight: summarizer calls that have answered, and all.
    pub(crate) in_flight: Option<(u32, u32)>,
}

/// A progress line; silent where nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    budget: Budget,
}

impl Progress {
    /// Progress over `bytes` of a file, on standard error if that is a terminal.
    pub(crate) fn new(bytes: u64, budget: Budget, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(8)
        };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        let style =
            ProgressStyle::with_template("{bar:24.cyan/blue} {percent:>3}%  {wide_msg}\n{prefix}")
                .expect("the template is a constant and well formed");
        bar.set_style(style.progress_chars("\u{2588}\u{2592}\u{2591}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, budget }
    }

    /// Moves on.
    pub(crate) fn show(&self, bytes: u64, standing: &Standing) {
        self.bar.set_position(bytes);
        self.bar.set_message(self.line(standing));
    }

    /// Shows how the gate stands, until what this returns is dropped.
    pub(crate) fn watch(&self, gate: Gate) -> JoinSet<()> {
        let mut watching = JoinSet::new();
        if !self.bar.is_hidden() {
            let bar = self.bar.clone();
            watching.spawn(async move {
                let mut ticks = interval(GATE_EVERY);
                // The gate answers until the house closes.
                while let Ok(status) = gate.status().await {
                    let lines = status.iter().map(|status| Provider::from(status).line());
                    bar.set_prefix(format!("gate: {}", lines.collect::<Vec<_>>().join(" | ")));
                    ticks.tick().await;
                }
            });
        }
        watching
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, standing: &Standing) -> String {
        let thousands = |tokens: u64| format!("{}.{}k", tokens / 1000, tokens % 1000 / 100);
        let passes = match standing.in_flight {
            None => format!("{} passes", standing.passes),
            Some((done, total)) => {
                format!("pass {} in flight {done}/{total}", standing.passes + 1)
            }
        };
        format!(
            "{} entries, {} turns ({} beside a pass), view {} (land {}, trigger {}, hard {}), {passes}",
            standing.entries,
            standing.turns,
            standing.turns_during_passes,
            thousands(standing.view_tokens),
            thousands(self.budget.landing().0),
            thousands(self.budget.trigger().0),
            thousands(self.budget.hard().0),
        )
    }
}

/// A line that says how far a long step is; silent where nobody watches.
pub(crate) struct Steps(ProgressBar);

impl Steps {
    /// A step that does this, on standard error if that is a terminal.
    pub(crate) fn new(what: &'static str, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(8)
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style =
            ProgressStyle::with_template("{msg} {bar:24.cyan/blue} {percent:>3}%  {pos} of {len}")
                .expect("the template is a constant and well formed");
        bar.set_style(style.progress_chars("\u{2588}\u{2592}\u{2591}"));
        bar.set_message(what);
        Self(bar)
    }

    /// Moves on.
    pub(crate) fn show(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
