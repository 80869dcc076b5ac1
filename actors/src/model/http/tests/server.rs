//! A scripted HTTP server on loopback: takes one request for each script, and answers with its bytes in its pieces.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What a connection ends with.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// It is closed in order.
    Close,
    /// It is reset.
    Reset,
    /// It stays open and silent until the client closes it.
    Silence,
}

/// Where the server is, and what it was sent: known once all scripts were played.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) requests: JoinHandle<Vec<String>>,
}

/// Answers one request after another, each on a connection of its own.
pub(super) async fn serve(scripts: Vec<(Vec<Vec<u8>>, End)>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let requests = tokio::spawn(async move {
        let mut requests = Vec::new();
        for (pieces, end) in scripts {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            requests.push(request(&mut stream).await);
            play(stream, pieces, end).await;
        }
        requests
    });
    Server { url, requests }
}

/// Reads a request: its head, and as many bytes behind it as the head says.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.expect("readable") == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

async fn play(mut stream: TcpStream, pieces: Vec<Vec<u8>>, end: End) {
    stream.set_nodelay(true).expect("an option of sockets");
    for piece in pieces {
        // The client may have heard enough and gone.
        if stream.write_all(&piece).await.is_err() {
            return;
        }
        // Time is paused: this passes when the client has read all that there is.
        sleep(Duration::from_millis(1)).await;
    }
    match end {
        End::Close => {}
        End::Reset => stream.set_zero_linger().expect("an option of sockets"),
        End::Silence => {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    }
}

/// An answer whose end is the end of the connection.
pub(super) fn answered(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}").into_bytes()
}

/// The same cut into pieces of so many bytes.
pub(super) fn pieces(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks(size).map(<[u8]>::to_vec).collect()
}
