//! HTTP/1.1 by hand, so that answers can be broken anywhere: requests are read with bounds, and while an answer is
//! waited for, the connection is watched for a client that goes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// Bytes of the next request that are taken while one is answered.
const MAX_AHEAD: usize = 64 * 1024;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A header by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Whether the client wants the connection closed.
    pub(super) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// What came over a connection.
pub(super) enum Incoming {
    /// A request.
    Request(Request),
    /// Something that is refused with this status, after which nothing more can be read.
    Wrong(u16),
    /// The client is gone.
    Gone,
}

/// A connection of a client.
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    async fn more(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.read).await
    }

    /// The next request.
    pub(super) async fn request(&mut self, max_body: usize) -> io::Result<Incoming> {
        let (mut request, head, length) = loop {
            match head(&self.read) {
                Ok(Some(head)) => break head,
                Ok(None) if self.read.len() > MAX_HEAD => return Ok(Incoming::Wrong(431)),
                Ok(None) if self.more().await? == 0 => return Ok(Incoming::Gone),
                Ok(None) => {}
                Err(status) => return Ok(Incoming::Wrong(status)),
            }
        };
        if length > max_body {
            return Ok(Incoming::Wrong(413));
        }
        while self.read.len() < head + length {
            if self.more().await? == 0 {
                return Ok(Incoming::Gone);
            }
        }
        request.body = self.read[head..head + length].to_vec();
        self.read.drain(..head + length);
        Ok(Incoming::Request(request))
    }

    /// Waits, and ends with an error when the client goes meanwhile.
    pub(super) async fn wait(&mut self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(time) => Ok(()),
            gone = self.departed() => Err(gone),
        }
    }

    /// Ends when the client goes. A client that closes its sending half alone counts as gone.
    pub(super) async fn departed(&mut self) -> io::Error {
        while self.read.len() < MAX_AHEAD {
            match self.more().await {
                Ok(0) => return io::ErrorKind::ConnectionAborted.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        std::future::pending().await
    }

    /// Sends bytes.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }
}

/// Reads the head of a request: what it says, its bytes, and those of its body. `None` when it is not all there.
fn head(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>, u16> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(431),
        Err(_) => return Err(400),
    };
    let named = parsed.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: named.collect(),
        body: Vec::new(),
    };
    if request.header("transfer-encoding").is_some() {
        return Err(411);
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| 400_u16)?;
    Ok(Some((request, head, length)))
}

/// The reason phrase of a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
