//! `highwater load provide`: the provider in a process of its own, on a free port of loopback. It speaks as much of
//! Anthropic's protocol as its callers do, and ends when its standard input does: with whoever started it.

mod answer;

use std::convert::Infallible;
use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use highwater_protocol::caps::MAX_ENTRY_BYTES;
use highwater_protocol::format::json::Fields;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::super::speech::Speech;
use super::account::{Account, Admitted};
use super::process::Order;
use super::remote::WANTED;
use super::{Limited, Tally, Wanted};
use crate::signals::Interrupts;
use answer::Told;

/// How long it may take until a caller is known to have gone, and how much later than its permit a call may come: over
/// loopback, some milliseconds where the machine has too much to do.
const LEEWAY: Duration = Duration::from_millis(250);

/// How long after a connection that could not be taken the next one is looked for.
const NEXT_CALLER: Duration = Duration::from_millis(10);

/// What connections share.
struct Served {
    account: Arc<Account>,
    speech: Speech,
}

/// Serves until standard input ends, and then says what it saw.
pub(in crate::load) fn run() -> anyhow::Result<()> {
    let mut input = io::stdin().lock();
    let mut order = String::new();
    input.read_line(&mut order)?;
    drop(input);
    let order: Order = serde_json::from_str(&order).context("what the provider allows")?;
    let tally = crate::run(serve(order))?;
    // Whoever started it may be gone, and then wants to know nothing.
    drop(say(&serde_json::to_string(&tally)?));
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

async fn serve(order: Order) -> anyhow::Result<Tally> {
    // Being asked to end is for whoever started it: agents end in order, and call until then.
    Interrupts::heard()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a free port")?;
    say(&format!("http://{}", listener.local_addr()?))?;
    let account = Arc::new(Account::new(order.allowed, order.seed, LEEWAY));
    let served = Arc::new(Served { account, speech: Speech::new(order.seed) });
    let accepting = accept(&served, &listener);
    tokio::select! {
        biased;
        ended = input_ends() => ended?,
        accepted = accepting => accepted?,
    }
    Ok(served.account.tally())
}

/// Waits for the end of standard input, on a thread that nobody waits for.
async fn input_ends() -> anyhow::Result<()> {
    let (ends, ended) = oneshot::channel();
    std::thread::spawn(move || {
        // An input that cannot be read has ended as well.
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        // Nobody waits for it any more if the port failed.
        let _ = ends.send(());
    });
    Ok(ended.await?)
}

async fn accept(served: &Arc<Served>, listener: &TcpListener) -> anyhow::Result<()> {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // There are too many at this moment, or the caller has gone already.
            tokio::time::sleep(NEXT_CALLER).await;
            continue;
        };
        // One whose caller has gone ends by itself.
        stream.set_nodelay(true).ok();
        let served = Arc::clone(served);
        let service = service_fn(move |request| {
            let served = Arc::clone(&served);
            async move { Ok::<_, Infallible>(served.answer(request).await) }
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A connection ends in some way: callers go when they do not want their answers any more.
        tokio::spawn(async move { drop(serving.await) });
    }
}

impl Served {
    async fn answer(&self, request: Request<Incoming>) -> Response<Told> {
        let began = Instant::now();
        let wanted = match wanted(request).await {
            Ok(wanted) => wanted,
            Err(why) => return answer::refused(StatusCode::BAD_REQUEST, &why),
        };
        match self.admit(wanted.tokens()).await {
            Ok(admitted) if admitted.fails => {
                tokio::time::sleep_until(began + admitted.lasts(wanted.takes())).await;
                admitted.answered();
                answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
            Ok(admitted) => answer::streamed(admitted, began, &wanted, &wanted.said(&self.speech)),
            Err(limited) => answer::limited(limited),
        }
    }

    /// Takes a slot. Where all are taken, a caller may have gone of whom it is not known yet, and whose permit has
    /// another one by now: that is waited for. What is answered meanwhile does not count, since its permit was not free
    /// before.
    async fn admit(&self, tokens: u64) -> Result<Admitted, Limited> {
        let given_up = Instant::now() + LEEWAY;
        loop {
            let departed = self.account.departed();
            if let Some(admitted) = self.account.admit_unless_full(tokens) {
                return admitted;
            }
            if timeout_at(given_up, departed).await.is_err() {
                return Err(self.account.refuse_full());
            }
        }
    }
}

/// What is wanted of a request; if it is none of the protocol, why.
async fn wanted(request: Request<Incoming>) -> Result<Wanted, String> {
    if request.method() != "POST" || request.uri().path() != "/v1/messages" {
        return Err(format!("no call: {} {}", request.method(), request.uri().path()));
    }
    let body =
        http_body_util::Limited::new(request.into_body(), 4 * MAX_ENTRY_BYTES).collect().await;
    let body = body.map_err(|error| format!("the body cannot be read: {error}"))?.to_bytes();
    let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
    let fields = Fields::parse(text).map_err(|error| error.to_string())?;
    if !fields.flag("stream") || fields.list("messages").is_none_or(|said| said.is_empty()) {
        return Err("a call has messages, and its answer is streamed".to_owned());
    }
    let wanted = fields.raw(WANTED).ok_or("what is wanted is not said")?;
    let wanted: Wanted = serde_json::from_str(wanted).map_err(|error| error.to_string())?;
    if fields.number("max_tokens") < Some(wanted.output_tokens) {
        return Err("more is wanted than may be answered".to_owned());
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::super::super::scenario::{Allowed, Scenario};
    use super::*;

    /// One that takes two calls at once, and one that it has taken.
    fn serving() -> (Served, Admitted) {
        let smoke = Scenario::load("smoke").expect("it is shipped").provider;
        let account = Arc::new(Account::new(Allowed { slots: 2, ..smoke }, 1, LEEWAY));
        let taken = account.admit(1).expect("a slot");
        (Served { account, speech: Speech::new(1) }, taken)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_the_slot_of_a_caller_that_has_gone() {
        let (served, taken) = serving();
        let goes = async {
            sleep(LEEWAY / 2).await;
            drop(taken);
        };
        let (first, second, ()) = tokio::join!(served.admit(1), served.admit(1), goes);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(served.account.tally().refused_by_limits, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_too_many_is_refused_also_when_another_is_answered_soon() {
        let (served, taken) = serving();
        let answered = async {
            sleep(LEEWAY / 2).await;
            taken.answered();
        };
        let (first, second, ()) = tokio::join!(served.admit(1), served.admit(1), answered);
        assert!(first.is_ok() && second.is_err());
        assert_eq!(served.account.tally().refused_by_limits, 1);
    }
}
