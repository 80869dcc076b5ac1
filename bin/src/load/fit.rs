//! `highwater load fit`: reads transcripts and tells how large, how many and how slow everything in them is. Numbers only;
//! no text of a transcript leaves it.

mod reading;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use highwater_protocol::Kind;
use serde_json::{Map, Value};

use super::behaviour::Behaviour;
use super::distribution::SHARES;
use crate::exit::Exit;
use crate::input::{InputError, Source, Transcript};
use crate::output::print;
use reading::Samples;

/// What `load fit` takes.
#[derive(Debug, Args)]
pub(crate) struct Fit {
    /// A folder of transcripts; folders in it are looked into as well
    dir: PathBuf,
    /// Print JSON instead of TOML
    #[arg(long)]
    json: bool,
}

impl Fit {
    /// Runs the command.
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let fitted = fit(&self.dir)?;
        for why in &fitted.skipped {
            // Whoever closed the other end does not want to read it.
            drop(writeln!(std::io::stderr(), "skipped {why}"));
        }
        if fitted.transcripts == 0 {
            let why = format!("{}: holds no transcript that can be read", self.dir.display());
            return Err(highwater_protocol::Error::new(Kind::Invalid, why).into());
        }
        let (transcripts, behaviour) = (fitted.transcripts, fitted.samples.into_behaviour());
        if self.json {
            return print(&to_json(transcripts, &behaviour)).map(|()| Exit::Fine);
        }
        let toml = behaviour.to_toml();
        print(&format!("# Fitted to {transcripts} transcripts.\n{}", toml.trim_end()))?;
        Ok(Exit::Fine)
    }
}

/// What was found in a folder.
struct Fitted {
    transcripts: u64,
    samples: Samples,
    skipped: Vec<InputError>,
}

fn fit(dir: &Path) -> anyhow::Result<Fitted> {
    let mut fitted = Fitted { transcripts: 0, samples: Samples::default(), skipped: Vec::new() };
    for file in files(dir)? {
        let mut samples = Samples::default();
        match read(&file, &mut samples) {
            Ok(()) => {
                fitted.transcripts += 1;
                fitted.samples.add(samples);
            }
            Err(error) => fitted.skipped.push(error),
        }
    }
    Ok(fitted)
}

fn read(file: &Path, samples: &mut Samples) -> Result<(), InputError> {
    let mut transcript = Transcript::open(Source::File(file.to_owned()))?;
    let mut session = reading::Session::default();
    loop {
        let entries = transcript.next()?;
        if entries.is_empty() {
            session.end(samples);
            return Ok(());
        }
        for entry in &entries {
            session.entry(entry, samples);
        }
    }
}

/// All files below a folder, in the order of their names. Links are not followed.
fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        let unusable = |error: std::io::Error| {
            let why = format!("{} cannot be listed: {error}", folder.display());
            highwater_protocol::Error::new(Kind::Invalid, why)
        };
        for found in std::fs::read_dir(&folder).map_err(unusable)? {
            let found = found.context("a folder's entry")?;
            let kind = found.file_type().context("the kind of a file")?;
            if kind.is_dir() {
                folders.push(found.path());
            } else if kind.is_file() {
                files.push(found.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn to_json(transcripts: u64, behaviour: &Behaviour) -> String {
    let mut all = Map::new();
    all.insert("transcripts".to_owned(), transcripts.into());
    for (name, distribution) in behaviour.named() {
        let mut one = Map::new();
        one.insert("samples".to_owned(), distribution.samples.into());
        for ((key, _), quantile) in SHARES.iter().zip(distribution.quantiles) {
            one.insert((*key).to_owned(), quantile.into());
        }
        all.insert(name.to_owned(), one.into());
    }
    serde_json::to_string_pretty(&Value::from(all)).expect("numbers always become JSON")
}
