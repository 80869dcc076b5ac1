//! `highwater config`, and reading the configuration:
//! ```text
//! file (place, toml_text) --+
//! environment over it ------+--> layers merged (layer, defaults) --> examine --> resolve --> Settings
//! presets, defaults below --+         every value with its place       all mistakes at once
//! ```

mod check;
mod defaults;
mod environment;
mod examine;
mod example;
mod layer;
mod mistake;
mod models;
mod parameters;
mod place;
mod plain;
mod presets;
mod resolve;
mod schema;
mod settings;
mod show;
mod suggest;
mod texts;
mod toml_text;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::output::print;
pub(crate) use environment::Environment;
use layer::Table;
pub(crate) use mistake::ConfigError;
pub(crate) use models::Models;
pub(crate) use plain::Sections;
use settings::{Settings, Summarizer};

/// What `config` takes.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Look for mistakes, and whether the keys are there
    #[command(after_help = "\
Examples:
  highwater config check
  highwater config check --config team.toml --strict
  highwater config check --json | jq .mistakes

Exit code 2 when something is wrong, with every mistake, its place and what to write instead. A missing key is a
warning. Nothing is sent anywhere, and no key is printed.")]
    Check(check::Check),
    /// Print what holds, and where each setting is from
    #[command(after_help = "\
Examples:
  highwater config show
  HIGHWATER__PROVIDERS__ANTHROPIC__SLOTS=4 highwater config show
  highwater config show --json | jq '.settings[] | select(.from == \"environment\")'

Prints the file, the environment over it, and presets and defaults below, as TOML with the places as comments.
Headers that look like credentials are printed as ***.")]
    Show(show::Show),
    /// Print an example file with every field, its unit and its default
    #[command(after_help = "\
Example:
  highwater config example > highwater.toml")]
    Example,
}

/// Which file is read.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration [default: `$HIGHWATER_CONFIG`, `./highwater.toml`, or `highwater/highwater.toml` in
    /// `$XDG_CONFIG_HOME` or `~/.config`]
    #[arg(id = "config", long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigFile {
    /// Whether the command line names one.
    pub(crate) fn is_named(&self) -> bool {
        self.file.is_some()
    }
}

impl Config {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Check(options) => options.run(),
            Self::Show(options) => options.run(),
            Self::Example => {
                print(example::text().trim_end())?;
                Ok(Exit::Fine)
            }
        }
    }
}

/// A configuration without mistakes.
pub(crate) struct Loaded {
    /// The file, if there is one.
    file: Option<String>,
    /// All settings with their places.
    table: Table,
    /// The same as the program uses them.
    pub(crate) settings: Settings,
}

impl Loaded {
    /// Reads the file and the environment. Everything that is wrong is told at once.
    pub(crate) fn read(file: &ConfigFile, environment: &Environment) -> Result<Self, ConfigError> {
        let found = place::find(file.file.as_deref(), environment)?;
        let name = found.as_ref().map(|found| found.path.display().to_string());
        let beside = found.as_ref().and_then(|found| found.path.parent()).unwrap_or(Path::new(""));
        let text = found.as_ref().map_or("", |found| &found.text);
        let (table, settings) = read_text(text, beside, environment)
            .map_err(|mistakes| ConfigError::new(named(name.as_deref()), mistakes))?;
        Ok(Self { file: name, table, settings })
    }

    /// What somebody should know who asks these models, a sentence each.
    pub(crate) fn warnings(&self, models: &[Summarizer], environment: &Environment) -> Vec<String> {
        check::warnings::of_models(models, &self.settings, environment)
    }

    /// What stands for the file in sentences.
    fn name(&self) -> &str {
        named(self.file.as_deref())
    }
}

/// What stands for the file where there is none.
const NO_FILE: &str = "no configuration file";

fn named(file: Option<&str>) -> &str {
    file.unwrap_or(NO_FILE)
}

fn read_text(
    text: &str,
    beside: &Path,
    environment: &Environment,
) -> Result<(Table, Settings), Vec<mistake::Mistake>> {
    let file = toml_text::read(text)?;
    let mut mistakes = Vec::new();
    let variables = environment.layer(&file, &mut mistakes);
    let table = defaults::lay_under(layer::merge(&[file, variables]));
    examine::examine(&schema::ROOT, &table, "", &mut mistakes);
    let settings = resolve::resolve(&table, beside, &mut mistakes);
    if mistakes.is_empty() { Ok((table, settings)) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests;
