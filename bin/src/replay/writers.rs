//! Who writes the summaries of a replay: a simulated model, or those that the settings name.

use std::io::Write;
use std::time::Duration;

use highwater::Builder;
use highwater::summarize::Prompted;
use highwater_protocol::{Error, Kind};

use super::paced::Paced;
use super::watched::{Watch, Watched};
use crate::args;
use crate::config::{Environment, Loaded, Models};

/// Whoever is to write.
pub(super) enum Writers {
    /// As slow as this, quoting from the transcript.
    Simulated(Duration),
    /// Asked in their order.
    Real(Models),
}

impl Writers {
    /// Those that the options name. Reads settings and keys, and blocks meanwhile. What somebody should know of those
    /// settings goes to standard error, unless it is to be quiet.
    pub(super) fn of(
        options: &args::Summaries,
        pace: Duration,
        quiet: bool,
    ) -> anyhow::Result<Self> {
        if options.providers.is_empty() {
            if options.config.is_named() {
                let why = "--config is read for --provider, which is missing: name a provider of that file";
                return Err(Error::new(Kind::Invalid, why).into());
            }
            return Ok(Self::Simulated(pace));
        }
        let environment = Environment::of_process();
        let loaded = Loaded::read(&options.config, &environment)?;
        let asked = loaded.settings.asked(&options.providers)?;
        let models = loaded.settings.models(&asked)?;
        if !quiet {
            for warning in loaded.warnings(&asked, &environment) {
                // Whoever closed the other end does not want to read it.
                drop(writeln!(std::io::stderr(), "highwater: warning: {warning}"));
            }
        }
        Ok(Self::Real(models))
    }

    /// Lets them write in a house, and watches them.
    pub(super) fn install(self, mut builder: Builder) -> (Builder, Vec<Watch>) {
        let Models { accounts, models } = match self {
            Self::Simulated(latency) => {
                let paced = Watched::new(Paced::new(latency));
                let watch = paced.watch();
                return (builder.summarizer(paced), vec![watch]);
            }
            Self::Real(models) => models,
        };
        for (name, (limits, own)) in accounts {
            builder = builder.provider(&name, limits, own);
        }
        let mut watches: Vec<Watch> = Vec::new();
        for model in models {
            let writer = Watched::new(Prompted::new(model));
            let first = watches.is_empty();
            watches.push(writer.watch());
            builder = if first { builder.summarizer(writer) } else { builder.fallback(writer) };
        }
        (builder, watches)
    }
}
