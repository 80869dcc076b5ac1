//! Replays whose summaries a provider writes: a simulated one, over real sockets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_tests::provider::{Fault, Latency, Provider, Refusal, Rules, Script};
use serde_json::Value;

use crate::world::{Ran, World, conversation};

/// What the model says of everything.
const GIST: &str = "They spoke of the tide, turn after turn.";
const KEY: &str = "sk-tidal-secret";

async fn provider(script: Script) -> Provider {
    let latency = Latency::constant(Duration::from_millis(20), Duration::ZERO);
    let text = Rules::says(|_| GIST);
    let key = Some(KEY.to_owned());
    Provider::start(Rules { latency, text, key, script, ..Rules::default() }).await
}

/// Settings of two accounts at providers; the key is in a file.
fn settings(world: &World, first: &Provider, second: &Provider) {
    world.file("key", format!("{KEY}\n"));
    let account = |name: &str, protocol: &str, url: &str| {
        format!(
            "[providers.{name}]\nprotocol = '{protocol}'\nbase_url = '{url}'\napi_key_file = './key'\n\
             window_tokens = 30000\nslots = 4\n"
        )
    };
    let text = [
        account("near", "anthropic", &first.url()),
        account("far", "openai-chat", &second.url()),
        "[summarizer]\nmodels = ['near/small', 'far/large']\n[retry]\nattempts = 2\nbase_ms = 1\n"
            .to_owned(),
    ];
    world.file("highwater.toml", text.concat());
    world.file("talk.jsonl", conversation(80, 150));
}

const MARKS: [&str; 6] = ["--trigger", "4000", "--landing", "2000", "--hard", "8000"];

async fn replay(world: World, more: &'static [&'static str]) -> (World, Ran) {
    let started = move || {
        let mut words = vec!["replay", "talk.jsonl", "--quiet", "--turn-ms", "10"];
        words.extend(MARKS);
        words.extend(more);
        let ran = world.run(&words);
        (world, ran)
    };
    tokio::task::spawn_blocking(started).await.expect("no panic")
}

/// Who wrote the summaries that were spliced in.
fn authors(report: &Value) -> Vec<&str> {
    let passes = report["passes"].as_array().expect("a list").iter();
    passes
        .filter(|pass| pass["outcome"] == "spliced")
        .filter_map(|pass| pass["author"].as_str())
        .collect()
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut each = list.as_array().expect("a list").iter();
    each.find(|each| each["name"] == name).unwrap_or_else(|| panic!("{name} is not in {list}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_the_settings_writes_the_summaries() {
    let (near, far) = (provider(Script::well()).await, provider(Script::well()).await);
    let world = World::new();
    settings(&world, &near, &far);
    let (_world, ran) = replay(world, &["--provider", "near", "--json"]).await;
    ran.fine(&[]);
    let report = ran.json();
    let authors = authors(&report);
    assert!(
        !authors.is_empty() && authors.iter().all(|author| *author == "near/small"),
        "{authors:?}"
    );
    let calls = u64::try_from(near.tally().calls.len()).expect("few");
    let account = named(&report["providers"], "near");
    assert_eq!(account["granted"]["compaction"], calls, "each call had its permit: {account}");
    assert_eq!(account["lost"], 0, "what a pass said last counts: {account}");
    assert_eq!(account["keys"][0]["slots"], 4);
    assert_eq!(account["keys"][1]["model"], "small");
    let turns = report["turns"].as_array().expect("a list").len();
    assert_eq!(named(&report["providers"], "house")["granted"]["turn"], turns);
    let writer = named(&report["summarizers"], "near/small");
    assert_eq!((&writer["asked"], &writer["failed"]), (&calls.into(), &0.into()), "{writer}");
    assert_eq!(report["settings"]["summary_ms"], Value::Null);
    assert!(far.tally().calls.is_empty(), "nobody else was asked");
    assert!(!(ran.out + &ran.err).contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_the_settings_are_sent_with_every_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let text = Rules::says({
        let seen = Arc::clone(&seen);
        move |asked| {
            let sent = asked.body["metadata"]["user_id"].clone();
            seen.lock().expect("nobody panics").push(sent);
            GIST
        }
    });
    let key = Some(KEY.to_owned());
    let near = Provider::start(Rules { text, key, ..Rules::default() }).await;
    let world = World::new();
    settings(&world, &near, &near);
    let file = std::fs::read_to_string(world.path("highwater.toml")).expect("it was written");
    let more = "[providers.near.parameters]\nmetadata = { user_id = 'team-a' }\n";
    world.file("highwater.toml", file + more);
    let (_world, ran) = replay(world, &["--provider", "near"]).await;
    ran.fine(&["near/small"]);
    let seen = seen.lock().expect("nobody panics");
    assert!(!seen.is_empty() && seen.iter().all(|sent| sent == "team-a"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_fails_the_next_one_writes_and_the_report_says_why() {
    let spent = Script::well().calls(0..u64::MAX, Fault::Refused(Refusal::Spent));
    let (near, far) = (provider(spent).await, provider(Script::well()).await);
    let world = World::new();
    settings(&world, &near, &far);
    let (world, ran) =
        replay(world, &["--provider=near", "--provider=far", "--html=page.html"]).await;
    ran.fine(&["lossless: yes", "summaries by near/small, then far/large", "far/large"]);
    ran.fine(&["! failed because", "account near", "longest wait: compaction", "4 slots"]);
    assert_eq!(near.tally().calls.len(), 1, "the breaker keeps the others away");
    assert!(!far.tally().calls.is_empty());
    let page = std::fs::read_to_string(world.path("page.html")).expect("the page was written");
    assert!(page.contains("<td>far/large</td>") && page.contains("<h2>Gate</h2>"));
    assert!(!page.contains(KEY) && !(ran.out + &ran.err).contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_refusal_repeats_is_masked_wherever_the_refusal_is_told() {
    let echo = Fault::Raw {
        status: 400,
        content_type: "application/json",
        headers: Vec::new(),
        body: format!(r#"{{"error":{{"type":"{KEY}","message":"what is {KEY}?"}}}}"#),
    };
    let near = provider(Script::well().calls(0..u64::MAX, echo)).await;
    let far = provider(Script::well()).await;
    let world = World::new();
    settings(&world, &near, &far);
    let (world, ran) = replay(world, &["--provider=near", "--html=page.html", "-vv"]).await;
    ran.fine(&["No summary was written by near/small: ", "what is ***?"]);
    let page = std::fs::read_to_string(world.path("page.html")).expect("the page was written");
    assert!(page.contains("what is ***?"));
    for told in [&page, &ran.out, &ran.err] {
        assert!(!told.contains(KEY), "{told}");
    }
    assert!(ran.err.contains("what is ***?"), "the log tells it too: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unwise_of_the_providers_that_are_asked_is_told_unless_it_is_to_be_quiet() {
    let near = provider(Script::well()).await;
    let world = World::new();
    settings(&world, &near, &near);
    let text = std::fs::read_to_string(world.path("highwater.toml")).expect("it was written");
    let narrow = text.replace("slots = 4", "slots = 4\ninput_tokens_per_minute = 40000");
    world.file("highwater.toml", narrow);
    let run = async |world: World, more: &'static [&'static str]| {
        let run = move || {
            let words = ["replay", "talk.jsonl", "--json", "--provider", "near"];
            let ran = world.run(&[&words, &MARKS[..], more].concat());
            (world, ran)
        };
        tokio::task::spawn_blocking(run).await.expect("no panic")
    };
    let (world, ran) = run(world, &[]).await;
    ran.fine(&[]);
    let begins = "highwater: warning: summarizer near/small: its window is 30,000 tokens";
    assert!(ran.err.starts_with(begins) && ran.err.lines().count() == 1, "{}", ran.err);
    let (_world, quiet) = run(world, &["--quiet"]).await;
    assert_eq!((quiet.code, &*quiet.err), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_told_before_anything_is_played() {
    let near = provider(Script::well()).await;
    let world = World::new();
    settings(&world, &near, &near);
    std::fs::remove_file(world.path("key")).expect("it was there");
    let check = async |world, more, words: &[&str]| {
        let (world, ran) = replay(world, more).await;
        ran.failed(2, words);
        world
    };
    let world =
        check(world, &["--provider", "near"], &["providers.near", "key cannot be read"]).await;
    let world = check(world, &["--provider", "nera"], &["far, near", "`near`?"]).await;
    let world =
        check(world, &["--config", "highwater.toml"], &["--provider, which is missing"]).await;
    check(world, &["--provider=near", "--config=none.toml"], &["none.toml"]).await;
    assert!(near.tally().calls.is_empty());
}
