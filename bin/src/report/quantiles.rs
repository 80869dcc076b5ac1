//! Quantiles of waiting times, split by whether a pass was running.

use serde::Serialize;

use super::words::size;

/// Waiting times as they were measured, in microseconds.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in names")]
pub(crate) struct Samples {
    /// Appends answered while a pass ran.
    pub(crate) append_during_us: Vec<u64>,
    /// Appends answered while no pass ran.
    pub(crate) append_outside_us: Vec<u64>,
    /// Contexts answered while a pass ran.
    pub(crate) context_during_us: Vec<u64>,
    /// Contexts answered while no pass ran.
    pub(crate) context_outside_us: Vec<u64>,
}

/// Nearest-rank quantiles: each is a time that was really measured. All zero if nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    /// How many times were measured.
    pub(crate) count: u64,
    /// Half of them were at most this long.
    pub(crate) p50_us: u64,
    /// 99 of 100 were at most this long.
    pub(crate) p99_us: u64,
    /// The longest.
    pub(crate) max_us: u64,
}

impl Quantiles {
    /// The quantiles of `samples_us`.
    pub(crate) fn of(mut samples_us: Vec<u64>) -> Self {
        samples_us.sort_unstable();
        let nearest = |percent: usize| {
            let rank = (samples_us.len() * percent).div_ceil(100);
            samples_us.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Self {
            count: size(samples_us.len()),
            p50_us: nearest(50),
            p99_us: nearest(99),
            max_us: nearest(100),
        }
    }
}

/// One kind of call, during passes and outside of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Arm {
    /// While a pass ran.
    pub(crate) during: Quantiles,
    /// While no pass ran.
    pub(crate) outside: Quantiles,
}

/// How long the two calls took that a turn is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    /// Handing over an entry, until it is durable.
    pub(crate) append: Arm,
    /// Asking for the context of a turn.
    pub(crate) context: Arm,
}

impl Latency {
    /// The arms by name.
    pub(crate) fn named(self) -> [(&'static str, Quantiles); 4] {
        [
            ("append, during a pass", self.append.during),
            ("append, otherwise", self.append.outside),
            ("context, during a pass", self.context.during),
            ("context, otherwise", self.context.outside),
        ]
    }

    /// The longest of all.
    pub(crate) fn longest_us(self) -> u64 {
        let longest = self.named().map(|(_, quantiles)| quantiles.max_us);
        longest.into_iter().max().unwrap_or(0)
    }
}

impl From<Samples> for Latency {
    fn from(samples: Samples) -> Self {
        Self {
            append: Arm {
                during: Quantiles::of(samples.append_during_us),
                outside: Quantiles::of(samples.append_outside_us),
            },
            context: Arm {
                during: Quantiles::of(samples.context_during_us),
                outside: Quantiles::of(samples.context_outside_us),
            },
        }
    }
}
