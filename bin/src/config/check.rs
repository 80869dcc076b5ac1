//! `highwater config check`: whether the configuration is right, in short, and whether the keys are there.

pub(super) mod report;
pub(super) mod warnings;

use clap::Args;
use serde_json::json;

use super::environment::Environment;
use super::mistake::{ConfigError, Mistake};
use super::{ConfigFile, Loaded, NO_FILE};
use crate::exit::Exit;
use crate::output::print;

/// What `check` takes.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// Take warnings, such as a missing key, for mistakes
    #[arg(long)]
    strict: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let environment = Environment::of_process();
        match self.examine(&environment) {
            Ok((loaded, warnings)) => {
                print(&if self.json {
                    report::json(&loaded, &warnings, &environment).to_string()
                } else {
                    report::text(&loaded, &warnings, &environment)
                })?;
                Ok(Exit::Fine)
            }
            Err(error) => {
                if self.json {
                    print(&mistakes(&error).to_string())?;
                }
                Err(error.into())
            }
        }
    }

    fn examine(&self, environment: &Environment) -> Result<(Loaded, Vec<String>), ConfigError> {
        let loaded = Loaded::read(&self.file, environment)?;
        let warnings = warnings::of(&loaded.settings, environment);
        if self.strict && !warnings.is_empty() {
            let mistakes = warnings.into_iter().map(|warning| Mistake::new(None, warning));
            return Err(ConfigError::new(loaded.name(), mistakes.collect()));
        }
        Ok((loaded, warnings))
    }
}

fn mistakes(error: &ConfigError) -> serde_json::Value {
    let each = error
        .mistakes
        .iter()
        .map(|mistake| json!({ "place": mistake.place(&error.file), "message": mistake.message }));
    let file = (error.file != NO_FILE).then_some(&error.file);
    json!({ "ok": false, "file": file, "mistakes": each.collect::<Vec<_>>() })
}
