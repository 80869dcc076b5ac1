//! A client of one model over HTTP: one exchange is one request, never repeated and never redirected.
//!
//! ```text
//! Request --wire::body--> POST --+--> status >= 300: beginning of the body --wire::Said--> ModelError
//!                                +--> event stream:  lines -> events --wire::Assemble--> Answer, told as it comes
//!                                +--> other body:    as a whole --wire::whole--> Answer
//! ```

mod address;
mod failures;
mod reading;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::StreamExt;
use highwater_protocol::caps::{MAX_REFUSAL_BYTES, MAX_WORD_BYTES};
use highwater_protocol::limit::{Seen, headers};
use highwater_protocol::{Error, Kind};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use reqwest::{Response, redirect, retry};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::wire::{self, Said, Step, Told};
use super::{Answer, Client, Endpoint, Exchange, Heard, Increment, ModelError, Protocol, Request};
use crate::env::{Clock, SystemClock};
use address::Address;
use failures::cause;
use reading::Cut;

/// Headers that say how a message is carried, which is not the endpoint's to choose.
const CARRYING: [&str; 9] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The version of Anthropic's protocol that is spoken here.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// How long the rest of a stream is waited for whose answer has ended: usage comes behind it, and so does the end of
/// the connection, unless they do not come at all.
const END_GRACE: Duration = Duration::from_secs(2);

/// A client of one model, by the protocol of its endpoint.
///
/// A stream that ends before the provider has said how the answer ended is [`ModelError::Transient`], also when the
/// connection was closed in order. Once it has said so, the answer is whole, whatever comes behind it or does not: some
/// servers leave the last event out, or the connection open. Two seconds are waited for what is left, such as the
/// usage.
///
/// A stopped answer is an answer: [`Answer::whole`] tells those apart that can be used as a text.
pub struct HttpClient {
    endpoint: Endpoint,
    address: Address,
    /// All headers but the one that carries the key.
    headers: HeaderMap,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl HttpClient {
    /// A client of an endpoint. Nothing is sent yet.
    ///
    /// [`Kind::Invalid`] when the base URL, a header, the model's name or a timeout cannot be used, or when this
    /// machine has no certificates to know providers by.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let address = Address::of(&endpoint)?;
        if endpoint.model.trim().is_empty() {
            return Err(Error::new(Kind::Invalid, "the model has no name"));
        }
        if endpoint.connect_timeout.is_zero() || endpoint.read_timeout.is_zero() {
            let why = "a timeout of zero lets no call through: give it seconds";
            return Err(Error::new(Kind::Invalid, why));
        }
        let headers = more_headers(&endpoint)?;
        wire::check_parameters(endpoint.protocol, &endpoint.parameters)
            .map_err(|why| Error::new(Kind::Invalid, why))?;
        let mut http = reqwest::Client::builder()
            .connect_timeout(endpoint.connect_timeout)
            .read_timeout(endpoint.read_timeout)
            // A key must not wander to another host.
            .redirect(redirect::Policy::none())
            .referer(false)
            // Each attempt needs a permit of its own, so that whoever has the permits repeats (G1).
            .retry(retry::never());
        if address.is_loopback() {
            http = http.no_proxy();
            if address.url.scheme() == "http" {
                // Nothing is encrypted there, so the certificates of this machine need not be read.
                http = http.tls_certs_only([]);
            }
        }
        let http = http.build().map_err(|error| {
            let cause = cause(&error.without_url());
            let why = format!("no HTTP client can be made: {cause}; are certificates installed?");
            Error::new(Kind::Invalid, why)
        })?;
        Ok(Self { endpoint, address, headers, http, clock: Arc::new(SystemClock) })
    }

    /// The same with another clock. It is asked when an answer has dates in its headers and no `Date` to compare them
    /// with.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Where the model is reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let Some(key) = &self.endpoint.key else {
            return headers;
        };
        let (name, value) = match self.endpoint.protocol {
            Protocol::AnthropicMessages => {
                (HeaderName::from_static("x-api-key"), Zeroizing::new(key.reveal().to_owned()))
            }
            Protocol::OpenAiChat | Protocol::OpenAiResponses if self.address.is_azure() => {
                (HeaderName::from_static("api-key"), Zeroizing::new(key.reveal().to_owned()))
            }
            Protocol::OpenAiChat | Protocol::OpenAiResponses => {
                (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", key.reveal())))
            }
        };
        let mut value = HeaderValue::from_str(&value).expect("a key is visible ASCII");
        value.set_sensitive(true);
        headers.entry(name).or_insert(value);
        headers
    }

    async fn post(&self, request: &Request) -> Result<Response, ModelError> {
        let limit = self.address.output_limit(self.endpoint.protocol, self.endpoint.output_limit);
        let body = wire::body(&self.endpoint, limit, request);
        let post = self.http.post(self.address.url.clone()).headers(self.headers()).body(body);
        post.send().await.map_err(|error| self.unreached(error))
    }

    /// Reads what came back.
    async fn read(
        &self,
        response: Response,
        told: Told<'_>,
        heard: &Heard,
    ) -> Result<Answer, ModelError> {
        let status = response.status().as_u16();
        let wait = self.retry_after(response.headers());
        if !response.status().is_success() {
            let body = reading::beginning(response, MAX_REFUSAL_BYTES, heard).await;
            let text = if body.is_cut { self.address.mask_cut(&body.text) } else { body.text };
            return Err(self.refusal(&Said::of_body(&text), status, wait));
        }
        if self.is_stream(response.headers()) {
            return self.assemble(response, wait, told, heard).await;
        }
        let body = reading::body(response, heard).await.map_err(|cut| self.cut(cut))?;
        let answer = wire::whole(self.endpoint.protocol, &body);
        let answer = answer.map_err(|fault| self.fault(&fault, status, wait))?;
        if self.endpoint.stream {
            wire::tell(&answer, told);
        }
        Ok(answer)
    }

    /// Servers that do not stream answer with a body; some that do say so by no type that is known.
    fn is_stream(&self, headers: &HeaderMap) -> bool {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let is_another = kind.contains("json") || kind.contains("html");
        kind.starts_with("text/event-stream") || self.endpoint.stream && !is_another
    }

    async fn assemble(
        &self,
        response: Response,
        wait: Option<Duration>,
        told: Told<'_>,
        heard: &Heard,
    ) -> Result<Answer, ModelError> {
        let status = response.status().as_u16();
        let held = AtomicUsize::new(0);
        let mut events = pin!(reading::lines(response, &held, heard).eventsource());
        let mut assembly = wire::assembly(self.endpoint.protocol);
        let fault = |fault| self.fault(&fault, status, wait);
        let mut ends_at = None;
        loop {
            let next = events.next();
            let next = match ends_at {
                None => next.await,
                Some(ends_at) => timeout_at(ends_at, next).await.unwrap_or(None),
            };
            let Some(event) = next else { break };
            held.store(0, Ordering::Relaxed);
            match event {
                Ok(event) => match assembly.take(&event.event, &event.data, told) {
                    Ok(Step::More) => {}
                    Ok(Step::End) => break,
                    // It may not be what the provider meant to say, but the answer is there.
                    Err(_) if ends_at.is_some() => break,
                    Err(wrong) => return Err(fault(wrong)),
                },
                Err(_) if ends_at.is_some() => break,
                Err(EventStreamError::Transport(cut)) => return Err(self.cut(cut)),
                Err(EventStreamError::Utf8(_)) => return Err(self.cut(Cut::NotText)),
                Err(EventStreamError::Parser(_)) => {
                    return Err(self.malformed("the stream is no stream of events"));
                }
            }
            if ends_at.is_none() && assembly.is_whole() {
                ends_at = Some(Instant::now() + END_GRACE);
            }
        }
        if !assembly.is_whole() {
            let why = "the stream ended before the answer did: try again";
            let message = self.address.says(why);
            return Err(ModelError::Transient { retry_after: wait, message });
        }
        assembly.finish().map_err(fault)
    }

    /// An answer whose word for its end can be shown: errors will have it in them.
    fn masked(&self, mut answer: Answer) -> Answer {
        answer.word = self.address.mask(&answer.word);
        answer.word.truncate(answer.word.floor_char_boundary(MAX_WORD_BYTES));
        answer
    }

    /// What the headers say of limits.
    fn seen(&self, map: &HeaderMap) -> Seen {
        headers::seen(pairs(map), Some(self.answered_at(map)))
    }

    fn retry_after(&self, map: &HeaderMap) -> Option<Duration> {
        headers::retry_after(pairs(map), Some(self.answered_at(map)))
    }

    /// When it was answered by the provider's clock, so that a clock that is wrong here does no harm.
    fn answered_at(&self, map: &HeaderMap) -> highwater_protocol::Timestamp {
        let date = map.get("date").and_then(|value| value.to_str().ok());
        date.and_then(headers::date).unwrap_or_else(|| self.clock.now())
    }
}

#[async_trait]
impl Client for HttpClient {
    /// `OpenAI` counts `max_tokens` when a request comes, and leaves it at that; Anthropic corrects it at the end.
    fn keeps_output(&self) -> bool {
        self.endpoint.protocol != Protocol::AnthropicMessages
    }

    fn check(&self, request: &Request) -> Result<(), ModelError> {
        wire::check(&self.endpoint, request)
            .map_err(|why| ModelError::Refused(self.address.says(why)))
    }

    async fn exchange(
        &self,
        request: &Request,
        told: &mut (dyn FnMut(Increment) + Send),
        heard: &Heard,
    ) -> Exchange {
        match self.post(request).await {
            Ok(response) => {
                heard.note();
                let (seen, seen_at) = (self.seen(response.headers()), Some(Instant::now()));
                let outcome = self.read(response, told, heard).await;
                Exchange { outcome: outcome.map(|answer| self.masked(answer)), seen, seen_at }
            }
            Err(error) => Exchange { outcome: Err(error), seen: Seen::default(), seen_at: None },
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpClient").field(&self.endpoint).finish()
    }
}

/// The headers of every request but the key's: those of the client, and those of the endpoint in their place.
fn more_headers(endpoint: &Endpoint) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Refusals are JSON, also of a stream.
    let accepted =
        if endpoint.stream { "text/event-stream, application/json" } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    let agent = concat!("highwater/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if endpoint.protocol == Protocol::AnthropicMessages {
        headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
    }
    for (name, value) in &endpoint.headers {
        // The value may be a credential: the name alone is told.
        let invalid = |what: &str| Error::new(Kind::Invalid, format!("the header {name:?} {what}"));
        let known = name.parse::<HeaderName>().map_err(|_| invalid("has no legal name"))?;
        if CARRYING.contains(&known.as_str()) {
            return Err(invalid("is written by the client: leave it out"));
        }
        let mut value = HeaderValue::from_str(value.trim())
            .map_err(|_| invalid("has a value that no header can carry"))?;
        value.set_sensitive(true);
        headers.insert(known, value);
    }
    Ok(headers)
}

fn pairs(map: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
