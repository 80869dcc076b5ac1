//! The provider in a process of its own, called through Highwater's client of Anthropic's protocol: the one whose
//! format agents' sessions have, so that turns send their contexts as they are.

use highwater::model::{
    ApiKey, Client, Endpoint, Exchange, Heard, HttpClient, Messages, Protocol, Request,
};
use highwater_protocol::{Context, TokenCount};
use serde_json::{Map, Value};

use super::super::scenario::Allowed;
use super::process::Process;
use super::{Refusal, Tally, Wanted};

/// The parameter of a request that says what is wanted.
pub(super) const WANTED: &str = "simulated";

/// The process, and clients of it. Connections belong to the threads that called first: those of the house are not to
/// work for turns.
#[derive(Debug)]
pub(super) struct Remote {
    process: Process,
    turns: HttpClient,
    passes: HttpClient,
}

impl Remote {
    /// Starts the process. Blocks until it listens.
    pub(super) fn start(allowed: Allowed, seed: u64) -> anyhow::Result<Self> {
        let process = Process::start(allowed, seed)?;
        let (turns, passes) = (client(process.url())?, client(process.url())?);
        Ok(Self { process, turns, passes })
    }

    /// The call of a turn.
    pub(super) async fn turn(
        &self,
        wanted: &Wanted,
        context: Option<&Context>,
    ) -> Result<(), Refusal> {
        let body = context.map(Context::body).unwrap_or_default();
        let request = Request {
            messages: Messages::Body(body),
            max_output: TokenCount(wanted.output_tokens),
            input: Some(TokenCount(wanted.input_tokens)),
            cached: TokenCount::default(),
            parameters: parameters(wanted),
        };
        self.turns.check(&request)?;
        let exchange = self.turns.exchange(&request, &mut |_| {}, &Heard::new()).await;
        exchange.outcome.and_then(|answer| answer.whole().map(drop)).map_err(Refusal::from)
    }

    /// The call of a pass, whose request the client has checked.
    pub(super) async fn pass(&self, wanted: &Wanted, request: &Request, heard: &Heard) -> Exchange {
        let request = Request { parameters: parameters(wanted), ..request.clone() };
        self.passes.exchange(&request, &mut |_| {}, heard).await
    }

    /// Waits until the process has ended, and says how.
    pub(super) async fn died(&self) -> anyhow::Error {
        self.process.died().await
    }

    /// Ends the process, and tells what it saw.
    pub(super) async fn end(&self) -> anyhow::Result<Tally> {
        self.process.end().await
    }
}

fn client(url: &str) -> anyhow::Result<HttpClient> {
    let mut endpoint = Endpoint::new(Protocol::AnthropicMessages, url, "simulated");
    // It stands for one: the provider looks at none.
    endpoint.key = Some(ApiKey::new("simulated")?);
    Ok(HttpClient::new(endpoint)?)
}

fn parameters(wanted: &Wanted) -> Map<String, Value> {
    let wanted = serde_json::to_value(wanted).expect("numbers always become JSON");
    Map::from_iter([(WANTED.to_owned(), wanted)])
}
