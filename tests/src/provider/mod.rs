//! A simulated provider: a real HTTP/1.1 server on loopback that speaks Anthropic Messages, `OpenAI` Chat Completions and
//! `OpenAI` Responses, streamed and not, holds its clients to real slots and rates, keeps a tally, and misbehaves as told.
//!
//! How to write a test against it, in paused time, stands at [`Provider`].

mod account;
mod admission;
mod anthropic;
mod asked;
mod clock;
mod events;
mod exchange;
mod headers;
mod http;
mod latency;
mod limits;
mod openai_chat;
mod openai_responses;
mod plan;
mod refusal;
mod refuse;
mod reply;
mod rules;
mod script;
mod tally;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::dice::Dice;

use account::Account;
use headers::Header;
use http::Connection;

pub use account::{Bound, Denied};
pub use asked::{Asked, CLASS_HEADER, Protocol};
pub use headers::{Headers, RetryAfter};
pub use latency::{Latency, Spread};
pub use limits::{Allowance, Counting, Limits};
pub use reply::{Said, plain_text};
pub use rules::{Rules, Settling, Text};
pub use script::{Fault, Refusal, Script, WrongUsage};
pub use tally::{Call, Outcome, Reason, Tally};

/// A running provider. It ends, with every connection, when this is dropped.
///
/// ```text
/// #[tokio::test(start_paused = true)]
/// async fn calls_of_a_careful_client_meet_no_limit() {
///     let rules = Rules {
///         limits: Limits::none().slots(1).per_minute(Quantity::Requests, 60),
///         latency: Latency::constant(Duration::from_secs(2), Duration::from_millis(20)),
///         script: Script::well().call(3, Fault::Refused(Refusal::Overloaded)),
///         text: Rules::says(|asked| format!("{} tokens were asked", asked.input_tokens)),
///         ..Rules::default()
///     };
///     let provider = Provider::start(rules).await;
///     // .. clients that are given provider.url() ..
///     assert_eq!(provider.tally().limited_since(Duration::ZERO), 0);
/// }
/// ```
///
/// What to watch out for in paused time:
///
/// - Before the clock moves to the next timer, tokio looks at the sockets, and lets it stand if that wakes anybody: bytes
///   over loopback arrive in no time, and no timeout is jumped to. (Tokio 1.54 does so. In older ones each hop over a
///   socket moved the clock to the next timer, whichever that was.)
/// - All has to run on the test's thread, clients too, for the clock moves while another thread works. Name hosts by
///   number, as [`Provider::url`] does.
/// - Tokio rounds timers up to a millisecond. A wait of less costs one.
/// - A client that closes its sending half alone counts as gone: its call is abandoned, and its slot is free.
/// - Dates in headers follow the provider's elapsed time, from [`Rules::started_s`]: a client that compares them with the
///   machine's clock instead of the `date` header is told another pause.
pub struct Provider {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Provider {
    /// Starts a provider on a free port.
    pub async fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = State { script: rules.script.clone(), ..State::default() };
        let shared = Shared { rules, started: Instant::now(), state: Mutex::new(state) };
        let shared = Arc::new(shared);
        let accepting = tokio::spawn(accept(Arc::clone(&shared), listener)).abort_handle();
        Self { shared, address, accepting }
    }

    /// Its base, `http://127.0.0.1:PORT`; the paths of the protocols begin with `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time since its start: what the tally's times are in.
    pub fn elapsed(&self) -> Duration {
        self.shared.elapsed()
    }

    /// What it saw so far.
    pub fn tally(&self) -> Tally {
        self.shared.state().tally.clone()
    }

    /// From now on, another script. Numbers and times go on.
    pub fn play(&self, script: Script) {
        self.shared.state().script = script;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes connections. Ended, it takes those it serves with it.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut serving = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("there is room for another connection");
        while serving.try_join_next().is_some() {}
        if let Ok(connection) = Connection::new(stream) {
            shared.state().tally.connections += 1;
            serving.spawn(exchange::serve(Arc::clone(&shared), connection));
        }
    }
}

#[derive(Default)]
struct State {
    script: Script,
    accounts: BTreeMap<String, Account>,
    tally: Tally,
}

impl State {
    /// The account of a key; each is one of its own, with the same limits.
    fn account(&mut self, rules: &Rules, key: &str) -> &mut Account {
        let new = || Account::new(&rules.limits, &rules.models, rules.counting);
        self.accounts.entry(key.to_owned()).or_insert_with(new)
    }
}

/// What all connections share.
struct Shared {
    rules: Rules,
    started: Instant,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn since_1970(&self) -> Duration {
        Duration::from_secs(self.rules.started_s) + self.elapsed()
    }

    fn date(&self) -> Header {
        ("date".to_owned(), clock::http_date(self.since_1970()))
    }

    fn retry_after(&self, wait: Duration) -> Option<Header> {
        self.rules.retry_after.header(wait, self.since_1970())
    }

    fn rate_headers(&self, asked: &Asked) -> Vec<Header> {
        let mut state = self.state();
        let account = state.account(&self.rules, &asked.key);
        let standings = account.standings(self.elapsed(), &asked.model);
        self.rules.headers.of(asked.protocol, &standings, self.since_1970())
    }

    /// Notes what was asked, and says what goes wrong with it.
    fn understood(&self, asked: &Asked, dice: &mut Dice) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.script.fault(asked.number, asked.at, dice).cloned();
        state.tally.understand(asked, fault.clone());
        fault
    }
}
