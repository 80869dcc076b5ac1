//! `highwater call`: the exact input of a past call, rendered again from the log.

use std::path::PathBuf;

use clap::Args;
use highwater::history;
use highwater_protocol::{CallNumber, SessionId};
use serde_json::json;
use serde_json::value::RawValue;

use super::open;
use crate::exit::Exit;

/// What `call` takes.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The directory of the store
    store: PathBuf,
    /// The session's name
    session: String,
    /// Which call, counted from 1
    number: u64,
    /// Print what is known of the call beside its input
    #[arg(long)]
    json: bool,
}

impl Call {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let store = open(&self.store)?;
        let session = SessionId::parse(&self.session)?;
        let context = history::call(&store, &session, CallNumber(self.number))?;
        let body = context.body();
        if self.json {
            let about = json!({
                "session": session.as_str(),
                "call": context.call.0,
                "position": context.position.0,
                "digest": context.digest.to_string(),
                "resets": context.resets,
                "format": context.format.name(),
                "tokens": context.tokens.0,
                "body": RawValue::from_string(body)?,
            });
            println!("{about}");
        } else {
            println!("{body}");
        }
        Ok(Exit::Fine)
    }
}
