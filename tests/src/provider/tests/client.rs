//! A client by hand: it sends what it is told to, and keeps what came back byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::provider::{Protocol, Provider};

/// How long bytes are waited for: longer than any test has anything to wait for.
const PATIENCE: Duration = Duration::from_hours(48);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// Zero when the connection ended before a head was there.
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    /// Whether the body ended as HTTP says, and not with the connection.
    pub(super) whole: bool,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The events of a stream: name, and data as JSON where it is.
    pub(super) fn events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let events = text.split("\n\n").filter(|event| !event.is_empty());
        events
            .map(|event| {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let data = field("data: ").expect("an event has data");
                let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
                (field("event: ").unwrap_or_default().to_owned(), data)
            })
            .collect()
    }
}

/// A connection that is kept.
pub(super) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(super) async fn new(provider: &Provider) -> Self {
        let stream = TcpStream::connect(provider.address()).await.expect("it listens");
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("it reads");
    }

    /// Sends a call of a protocol.
    pub(super) async fn ask(&mut self, protocol: Protocol, body: &Value, headers: &str) {
        let version = "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n";
        let body = body.to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\n{version}{headers}content-length: {}\r\n\r\n{body}",
            protocol.path(),
            body.len()
        );
        self.send(request.as_bytes()).await;
    }

    /// Sends a call and reads its answer.
    pub(super) async fn call(&mut self, protocol: Protocol, body: &Value) -> Answer {
        self.ask(protocol, body, "").await;
        self.answer().await
    }

    /// More bytes; false at the end.
    pub(super) async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
        read.expect("something comes in two days").is_ok_and(|read| read > 0)
    }

    /// What was read and not yet taken.
    pub(super) fn read(&self) -> &[u8] {
        &self.read
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8(self.read[..end].to_vec()).expect("heads are UTF-8");
                self.read.drain(..end + 2);
                return Some(line);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, length: usize, into: &mut Vec<u8>) -> bool {
        while self.read.len() < length {
            if !self.more().await {
                into.append(&mut self.read);
                return false;
            }
        }
        into.extend(self.read.drain(..length));
        true
    }

    /// Reads an answer to its end, or to the connection's.
    pub(super) async fn answer(&mut self) -> Answer {
        let mut answer =
            Answer { status: 0, headers: BTreeMap::new(), body: Vec::new(), whole: false };
        let Some(first) = self.line().await else {
            return answer;
        };
        let status = first.split(' ').nth(1).expect("a status line has a status");
        answer.status = status.parse().expect("a status is a number");
        while let Some(line) = self.line().await {
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            answer.headers.insert(name.to_owned(), value.to_owned());
        }
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length is a number");
            answer.whole = self.take(length, &mut answer.body).await;
            return answer;
        }
        while let Some(size) = self.line().await {
            let size = usize::from_str_radix(&size, 16).expect("a chunk has its size");
            let whole = self.take(size, &mut answer.body).await;
            if !whole || self.line().await.is_none() || size == 0 {
                answer.whole = whole;
                break;
            }
        }
        answer
    }
}

/// A request of a protocol that may be answered with so many tokens.
pub(super) fn request(protocol: Protocol, max_tokens: u64, stream: bool) -> Value {
    let mut body = json!({"model": "m", "stream": stream});
    match protocol {
        Protocol::OpenAiResponses => {
            body["input"] = json!("How is it?");
            body["max_output_tokens"] = json!(max_tokens);
        }
        Protocol::OpenAiChat => {
            body["messages"] = json!([{"role": "user", "content": "How is it?"}]);
            body["max_completion_tokens"] = json!(max_tokens);
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
        }
        Protocol::AnthropicMessages => {
            body["messages"] = json!([{"role": "user", "content": "How is it?"}]);
            body["max_tokens"] = json!(max_tokens);
        }
    }
    body
}

/// One call over a connection of its own.
pub(super) async fn once(provider: &Provider, protocol: Protocol, stream: bool) -> Answer {
    Client::new(provider).await.call(protocol, &request(protocol, 100, stream)).await
}
