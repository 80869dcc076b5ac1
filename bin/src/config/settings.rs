//! The settings as the program uses them: checked, with presets and defaults in place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater::model::{OutputLimit, Protocol};
use highwater_protocol::limit::Limits;
use highwater_protocol::retry::Backoff;
use serde_json::{Map, Value};

use super::environment::Environment;

/// All of it. Not to be printed, since headers may be secrets.
pub(crate) struct Settings {
    /// Accounts, by the names that the user gave them.
    pub(crate) providers: BTreeMap<String, Provider>,
    /// Who summarizes, in this order; behind the last one stands the extractive summarizer.
    pub(crate) summarizers: Vec<Summarizer>,
    /// How failed calls are tried again.
    pub(crate) retry: Backoff,
}

/// An account at a provider, or a server.
pub(crate) struct Provider {
    pub(crate) protocol: Protocol,
    pub(crate) base_url: String,
    pub(crate) key: KeySource,
    /// Further headers of each request. Their texts may be secrets.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether answers are taken as they are written.
    pub(crate) stream: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) output_limit: OutputLimit,
    /// Further fields of each request. Their texts may be secrets.
    pub(crate) parameters: Map<String, Value>,
    /// Shared by all calls of the account.
    pub(crate) limits: Limits,
    /// The window of models that do not say their own.
    pub(crate) window_tokens: Option<u64>,
    pub(crate) models: BTreeMap<String, ModelSettings>,
}

/// What is known of one model of an account.
pub(crate) struct ModelSettings {
    /// Further fields of each request, the provider's among them.
    pub(crate) parameters: Map<String, Value>,
    pub(crate) window_tokens: Option<u64>,
    /// Hold beside the account's, where there are any.
    pub(crate) limits: Option<Limits>,
}

/// A model that summarizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summarizer {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) window_tokens: u64,
}

impl Summarizer {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.provider, &self.model) == (&other.provider, &other.model)
    }
}

/// Where a key is. Never the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// None is sent.
    Nowhere,
    /// The value of an environment variable.
    Variable(String),
    /// What a file holds.
    File(PathBuf),
}

/// Whether a key is where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    NotNeeded,
    Present,
    /// Why not.
    Missing(String),
}

impl KeySource {
    /// The place, for people.
    pub(crate) fn place(&self) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Variable(name) => Some(format!("${name}")),
            Self::File(path) => Some(path.display().to_string()),
        }
    }

    /// Looks whether something is there, without reading it.
    pub(crate) fn state(&self, environment: &Environment) -> KeyState {
        match self {
            Self::Nowhere => KeyState::NotNeeded,
            Self::Variable(name) if environment.get(name).is_some() => KeyState::Present,
            Self::Variable(_) => {
                KeyState::Missing("the environment variable is not set".to_owned())
            }
            Self::File(path) => state_of(path).unwrap_or_else(|error| {
                KeyState::Missing(format!("the file cannot be read: {error}"))
            }),
        }
    }
}

fn state_of(path: &Path) -> std::io::Result<KeyState> {
    // Looked at before it is opened: opening a pipe waits for who writes into it.
    let found = std::fs::metadata(path)?;
    let missing = |why: &str| Ok(KeyState::Missing(why.to_owned()));
    if !found.is_file() {
        return missing("it is not a plain file");
    }
    if found.len() == 0 {
        return missing("the file is empty");
    }
    std::fs::File::open(path).map(|_| KeyState::Present)
}
