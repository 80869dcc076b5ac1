//! `highwater call`: the exact input of a past call, rendered again from the log.

use std::path::PathBuf;

use clap::Args;
use highwater::history::{self, PastCall};
use highwater_protocol::{CallNumber, SessionId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::open_to_read;
use crate::exit::Exit;
use crate::output::print;
use crate::report::words::hex;

/// What `call` takes.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The directory of the store
    store: PathBuf,
    /// The session's name
    session: String,
    /// Which call, counted from 1
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    number: u64,
    /// Print what is known of the call beside its input
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct About {
    session: String,
    call: u64,
    /// The last entry that it knew of.
    position: u64,
    digest: String,
    resets: u64,
    format: &'static str,
    /// As estimated.
    tokens: u64,
    used: Option<Used>,
    /// The input, byte for byte.
    body: Box<RawValue>,
}

/// What the provider reported.
#[derive(Serialize)]
struct Used {
    at_ms: i64,
    model: Box<str>,
    estimated_tokens: u64,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
}

impl Call {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let session = SessionId::parse(&self.session)?;
        let store = open_to_read(&self.store)?;
        let PastCall { context, used } = history::call(&store, &session, CallNumber(self.number))?;
        let body = context.body();
        if !self.json {
            print(&body)?;
            return Ok(Exit::Fine);
        }
        let about = About {
            session: session.to_string(),
            call: context.call.0,
            position: context.position.0,
            digest: hex(&context.digest),
            resets: context.resets,
            format: context.format.name(),
            tokens: context.tokens.0,
            used: used.map(|used| Used {
                at_ms: used.at.0,
                model: used.model,
                estimated_tokens: used.estimated.0,
                input_tokens: used.usage.input.0,
                cached_tokens: used.usage.cached.0,
                output_tokens: used.usage.output.0,
            }),
            body: RawValue::from_string(body)?,
        };
        print(&serde_json::to_string(&about)?)?;
        Ok(Exit::Fine)
    }
}
