//! The key of a provider reaches the provider and nobody else: no error, no debug output and no line of the log holds it,
//! whatever goes wrong, and though the provider repeats it (S3).

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use highwater::Errand;
use highwater::model::{ApiKey, Endpoint, HttpClient, ModelError};
use highwater_protocol::limit::{Class, Key, Limits};
use highwater_tests::provider::{Fault, Provider, Refusal, Script};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::util::SubscriberInitExt;

use super::{ACCOUNT, account, behind, dialects, endpoint, gate, house, request, scripted, secs};

const SECRET: &str = "sk-live-\"Zebra\\Quagga-Okapi/+=";

/// What was logged on this thread, at every level and by every library.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || log.clone());
        subscriber.finish().set_default()
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics while it logs").clone();
        String::from_utf8(bytes).expect("a log is text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while it logs").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Requires that no form of the key stands in a text: as it is, as JSON escapes it, as debug output does, or by half.
fn check_clean(text: &str, told: &str) {
    let half = &SECRET[SECRET.len() / 2..];
    for form in ["Zebra", "Quagga", "Okapi", half] {
        assert!(!text.contains(form), "{told}: {text}");
    }
}

/// All that can be shown of an error.
fn shown(error: &ModelError) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        write!(shown, " {source} {source:?}").expect("a string takes all that is written");
        cause = source.source();
    }
    shown
}

fn raw(status: u16, content_type: &'static str, body: String) -> Fault {
    let headers = vec![("x-echo", SECRET.to_owned()), ("www-authenticate", SECRET.to_owned())];
    Fault::Raw { status, content_type, headers, body }
}

/// Answers that repeat the key.
fn echoes() -> Vec<Fault> {
    let quoted = serde_json::to_string(SECRET).expect("a text");
    let inner = quoted.trim_matches('"');
    let json = "application/json";
    let events = "text/event-stream";
    let mut faults: Vec<Fault> = [200, 400, 401, 402, 403, 404, 429, 500, 503, 529]
        .into_iter()
        .flat_map(|status| {
            let said = format!(
                r#"{{"error":{{"message":"Bad key {inner}.","type":"x {inner}","code":{quoted}}}}}"#
            );
            let unknown = format!(r#"{{"why":{quoted},"id":[{quoted}]}}"#);
            let page = format!("<html><p>Bearer {SECRET}</p></html>");
            [
                raw(status, json, said.clone()),
                raw(status, json, unknown),
                raw(status, json, format!("[{said}]")),
                raw(status, "text/html", page),
                raw(status, events, format!("event: error\ndata: {said}\n\n")),
            ]
        })
        .collect();
    // Cut where half of the key would be left over.
    let long = format!("{}{SECRET}{}", "x".repeat(2_040), "y".repeat(4_000));
    faults.push(raw(401, "text/plain", long));
    faults.push(raw(200, events, format!("data: {{\"choices\":[{{\"delta\":{quoted}}}]}}\n\n")));
    faults.push(raw(200, events, format!("data: {SECRET}\n\n")));
    faults.push(raw(302, "text/plain", SECRET.to_owned()));
    faults
}

/// What goes wrong without a word of the key.
fn silent() -> Vec<Fault> {
    let refusals = [
        Refusal::TooLong,
        Refusal::Policy,
        Refusal::Key,
        Refusal::Payment,
        Refusal::Forbidden,
        Refusal::NoModel,
        Refusal::Limited,
        Refusal::Spent,
        Refusal::Internal,
        Refusal::Overloaded,
    ];
    let others = [
        Fault::Garbage,
        Fault::Gateway(502),
        Fault::ErrorWith200(Refusal::Internal),
        Fault::Disconnect,
        Fault::DisconnectAt(50),
        Fault::Hang,
        Fault::StallAt(50),
        Fault::ErrorEventAt(50, Refusal::Internal),
        Fault::CutInCharacter,
        Fault::NoEnd,
        Fault::MaxTokens,
        Fault::Empty,
        Fault::ReasoningOnly,
    ];
    refusals.into_iter().map(Fault::Refused).chain(others).collect()
}

fn from_file(text: &str) -> ApiKey {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, text).expect("it can be written");
    ApiKey::from_file(path).expect("it holds a key")
}

fn with_key(provider: &Provider, key: ApiKey, kind: (super::Protocol, bool)) -> Endpoint {
    let endpoint = endpoint(provider, kind.0, kind.1);
    Endpoint { key: Some(key), read_timeout: secs(20), ..endpoint }
}

#[tokio::test(start_paused = true)]
async fn the_key_is_sent_and_shown_nowhere_whatever_goes_wrong() {
    let log = Log::default();
    let listening = log.listen();
    let key = from_file(&format!("{SECRET}\n"));
    for fault in echoes().into_iter().chain(silent()) {
        for kind in dialects() {
            let told = format!("{fault:.60?}, {kind:?}");
            let provider = scripted(4, Script::well().calls(0..u64::MAX, fault.clone())).await;
            let gate = gate(Limits::slots(4)).await;
            let endpoint = with_key(&provider, key.clone(), kind);
            let client = HttpClient::new(endpoint.clone()).expect("a legal endpoint");
            let model = behind(Key::of(ACCOUNT), endpoint.clone());
            let deadline = tokio::time::Instant::now() + secs(300);
            let errand = Errand::new(gate.clone(), Class::Turn).until(deadline);
            let answer = model.complete(&errand, &request(10, 400)).await;
            if let Err(error) = answer.and_then(|answer| answer.whole().map(drop)) {
                check_clean(&shown(&error), &told);
            }
            let denied = model.complete(&errand, &request(10, 400)).await;
            check_clean(&denied.map(drop).as_ref().err().map(shown).unwrap_or_default(), &told);
            let status = account(&gate).await;
            let all = format!("{client:?} {endpoint:?} {model:?} {errand:?} {gate:?} {status:?}");
            check_clean(&all, &told);
            let calls = provider.tally().calls;
            assert!(!calls.is_empty() && calls.iter().all(|call| call.key == SECRET), "{told}");
        }
    }
    drop(listening);
    let log = log.text();
    for heard in ["TRACE", "DEBUG", "model.call is tried again", "gate.denied", "reqwest"] {
        assert!(log.contains(heard), "the log is listened to: {heard}");
    }
    for line in log.lines() {
        check_clean(line, "the log");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_whose_summarizers_are_refused_logs_why_and_no_key() {
    let log = Log::default();
    let listening = log.listen();
    for fault in echoes() {
        let provider = scripted(4, Script::well().calls(0..u64::MAX, fault)).await;
        let key = from_file(SECRET);
        let endpoint = with_key(&provider, key, (super::Protocol::AnthropicMessages, true));
        let (house, mut host) = house::open(vec![("acme", endpoint)]).await;
        let body = house::compacted(&mut host).await;
        check_clean(&body, "the context");
        drop(host);
        house.close().await.expect("it closes");
    }
    drop(listening);
    let log = log.text();
    assert!(
        log.contains("session.compact.call was of no use") && log.contains("***"),
        "{log:.500}"
    );
    for line in log.lines() {
        check_clean(line, "the log");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_from_the_environment_is_sent_as_well() {
    // Cargo sets it for the tests that it runs.
    let key = ApiKey::from_env("CARGO_PKG_NAME").expect("it is set");
    let provider = scripted(1, Script::well()).await;
    let gate = gate(Limits::slots(1)).await;
    for kind in dialects() {
        let model = behind(Key::of(ACCOUNT), with_key(&provider, key.clone(), kind));
        let errand = Errand::new(gate.clone(), Class::Turn);
        model.complete(&errand, &request(10, 40)).await.expect("it is answered");
    }
    let calls = provider.tally().calls;
    assert!(calls.iter().all(|call| call.key == env!("CARGO_PKG_NAME")), "{calls:?}");
}
