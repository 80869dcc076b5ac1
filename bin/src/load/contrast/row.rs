//! A figure of two reports, and whether it became worse. What rests on little is shown, and decides nothing.

use crate::report::words::DASH;

/// What is this much larger became worse; less than that is the mood of the machine.
pub(super) const WORSE_BEYOND: f64 = 1.25;

/// So many times have to be measured on both sides: ten lie beyond a 99th percentile then. With fewer, a single one moves
/// it. That is the least that Amazon `CloudWatch` asks for, 10 / (1 - p); a median, a mean or a rate of so many is surer.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html>
const LEAST_SAMPLES: f64 = 1_000.0;

/// So long has somebody to wait on both sides, in sum.
const LEAST_WAITED_US: f64 = 1e6;

/// How a figure is written.
pub(super) type Told = fn(f64) -> String;

/// What a figure rests on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Basis {
    /// It counts what must not happen: each one more is worse.
    Breaches,
    /// It was measured, or is spread, over so many of these.
    Samples(&'static str),
    /// It was measured while somebody waited, so many microseconds.
    Waiting,
}

/// A figure of one report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) value: f64,
    /// How much it rests on.
    pub(super) rests_on: f64,
}

/// A figure of both reports.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) before: Option<Figure>,
    pub(super) after: Option<Figure>,
    pub(super) basis: Basis,
    pub(super) told: Told,
    /// Whether more of it is better.
    pub(super) more_is_better: bool,
    /// How many times larger it is when it became worse.
    pub(super) worse_beyond: f64,
}

impl Row {
    /// Whether a report says anything of it.
    pub(super) fn is_measured(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    pub(super) fn is_worse(&self) -> bool {
        let (Some(before), Some(after)) = (self.before, self.after) else { return false };
        match self.basis {
            Basis::Breaches => after.value > before.value,
            _ if self.rests_on_little() => false,
            _ if self.more_is_better => after.value * self.worse_beyond < before.value,
            _ => after.value > before.value * self.worse_beyond,
        }
    }

    /// Whether both reports have it, and one of them of too little to say whether it became worse.
    pub(super) fn rests_on_little(&self) -> bool {
        let (Some(before), Some(after)) = (self.before, self.after) else { return false };
        let least = match self.basis {
            Basis::Breaches => return false,
            Basis::Samples(_) => LEAST_SAMPLES,
            Basis::Waiting => LEAST_WAITED_US,
        };
        before.rests_on.min(after.rests_on) < least
    }

    pub(super) fn line(&self) -> String {
        let told = |figure: Option<Figure>| {
            figure.map_or(DASH.to_owned(), |figure| (self.told)(figure.value))
        };
        let change = self
            .ratio()
            .map_or(DASH.to_owned(), |ratio| format!("{:+.0} %", (ratio - 1.0) * 100.0));
        format!(
            "  {:<40}{:>12}{:>12}{change:>10}{}",
            self.name,
            told(self.before),
            told(self.after),
            self.mark()
        )
    }

    fn mark(&self) -> String {
        match self.basis {
            _ if self.is_worse() => "  worse".to_owned(),
            Basis::Samples(samples) if self.rests_on_little() => format!("  few {samples}"),
            Basis::Waiting if self.rests_on_little() => "  short waits".to_owned(),
            _ => String::new(),
        }
    }

    /// How many times as much it is now, of what was something before.
    fn ratio(&self) -> Option<f64> {
        let (before, after) = (self.before?.value, self.after?.value);
        (before > 0.0).then(|| after / before)
    }
}
