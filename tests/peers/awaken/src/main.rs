//! The driver of awaken: `AgentRuntime` over its `FileStore`, one run for each thread, kept alive over all its turns.
//!
//! An agent whose context policy has `autocompact_threshold` compacts in the background of a run, by the model of its
//! own provider: the fake tells summaries by their prompt. The file store's coordinator calls itself one for
//! development; the other durable one needs a database server.
//! Run: `awaken-driver PHASE WORKLOAD.json`

// Shared with Highwater's driver: what is measured is measured by the same code.
#[path = "../../../peers_driver/measure.rs"]
mod measure;
mod phases;
mod talk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use awaken_runtime::{AgentRuntime, AgentRuntimeBuilder};
use awaken_runtime_contract::contract::content::ContentBlock;
use awaken_runtime_contract::contract::executor::{
    InferenceExecutionError, InferenceRequest, LlmExecutor,
};
use awaken_runtime_contract::contract::inference::{ContextWindowPolicy, StopReason, StreamResult};
use awaken_runtime_contract::contract::lifecycle::RunStatus;
use awaken_runtime_contract::contract::message::{Message, Role};
use awaken_runtime_contract::registry_spec::{AgentSpec, ModelSpec};
use awaken_server_contract::contract::commit_coordinator::CommitCoordinator;
use awaken_server_contract::contract::storage::{RunRecord, ThreadRunStore};
use awaken_stores::{FileCommitCoordinator, FileStore, InMemoryStore, MemoryCommitCoordinator};
use measure::Measure;
use serde_json::Value;
use talk::Talk;

/// What the model says to a question, once, how long its calls took, and what it was sent at first. A run that hears
/// of a compaction calls the model once more, which then has nothing to add.
struct Answer {
    says: Option<String>,
    took_ms: f64,
    /// Noted only for who wants to see it.
    sent: Option<Vec<String>>,
}

type Answers = Mutex<HashMap<String, Answer>>;

/// The provider: a model for turns and one for summaries.
struct Fake {
    measure: Arc<Measure>,
    answers: Arc<Answers>,
    summary: String,
    turn_ms: u64,
    summary_ms: u64,
}

#[async_trait]
impl LlmExecutor for Fake {
    async fn execute(
        &self,
        request: InferenceRequest,
    ) -> Result<StreamResult, InferenceExecutionError> {
        let users = request.messages.iter().filter(|message| message.role == Role::User);
        let asked = users.last().expect("a question").text();
        let text = if asked.contains("<new-conversation>") {
            self.measure.summary_call(self.summary_ms).await;
            self.summary.clone()
        } else {
            let took = self.measure.model_call(self.turn_ms).await;
            let mut answers = self.answers.lock().expect("nobody panics");
            let answer = answers.get_mut(&asked);
            let says = answer.and_then(|answer| {
                answer.took_ms += took;
                if let Some(sent) = answer.sent.as_mut().filter(|sent| sent.is_empty()) {
                    *sent = request.messages.iter().map(Message::text).collect();
                }
                answer.says.take()
            });
            says.unwrap_or_else(|| "Nothing to add.".to_owned())
        };
        Ok(StreamResult {
            content: vec![ContentBlock::text(text)],
            tool_calls: vec![],
            usage: None,
            stop_reason: Some(StopReason::EndTurn),
            has_incomplete_tool_calls: false,
        })
    }

    fn name(&self) -> &str {
        "fake"
    }
}

/// The file store in a directory, or one in memory.
fn stores(dir: Option<&Path>) -> (Arc<dyn ThreadRunStore>, Arc<dyn CommitCoordinator>) {
    if let Some(dir) = dir {
        let store = Arc::new(FileStore::new(dir));
        let coordinator = FileCommitCoordinator::wrap(Arc::clone(&store)).expect("it is allowed");
        (store, coordinator)
    } else {
        let store = Arc::new(InMemoryStore::new());
        (Arc::clone(&store) as Arc<dyn ThreadRunStore>, MemoryCommitCoordinator::wrap(store))
    }
}

/// A runtime over a store.
struct Stage {
    runtime: Arc<AgentRuntime>,
    store: Arc<dyn ThreadRunStore>,
    answers: Arc<Answers>,
    appended: AtomicU64,
}

impl Stage {
    fn new(work: &Value, phase: &Value, measure: &Arc<Measure>, dir: Option<&Path>) -> Self {
        let count = |name: &str| work[name].as_u64().expect("a number") as usize;
        // A message as awaken estimates it: its characters by four, and four for its role.
        let each = count("message_chars") / 4 + 4;
        let spec = AgentSpec {
            context_policy: Some(ContextWindowPolicy {
                min_recent_messages: count("kept_messages"),
                autocompact_threshold: Some(each * count("trigger_messages")),
                compaction_raw_suffix_messages: count("kept_messages"),
                ..ContextWindowPolicy::default()
            }),
            ..AgentSpec::new("peer").with_model_id("fake")
        };
        // A run that is kept alive has as many rounds as its users have questions.
        let spec = spec.with_max_rounds(usize::MAX);
        let answers = Arc::new(Answers::default());
        let fake = Fake {
            measure: Arc::clone(measure),
            answers: Arc::clone(&answers),
            summary: work["summary"].as_str().expect("a text").to_owned(),
            turn_ms: phase["turn_ms"].as_u64().unwrap_or_default(),
            summary_ms: phase["summary_ms"].as_u64().unwrap_or_default(),
        };
        let (store, coordinator) = stores(dir);
        let runtime = AgentRuntimeBuilder::new()
            .with_agent_spec(spec)
            .with_provider("fake", Arc::new(fake))
            .with_model(ModelSpec::new("fake", "fake", "fake"))
            .with_commit_coordinator(coordinator)
            .build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        Self { runtime, store, answers, appended: AtomicU64::new(0) }
    }

    /// A thread with these messages, by turns of the user and the assistant.
    async fn open(&self, thread: &str, texts: &[String]) -> Talk {
        let said = texts.iter().enumerate().map(|(at, text)| {
            if at % 2 == 0 { Message::user(text) } else { Message::assistant(text) }
        });
        let messages: Vec<Message> = said.collect();
        if !messages.is_empty() {
            self.store.append_message_records(thread, &messages).await.expect("it is stored");
        }
        Talk::new(thread)
    }

    /// One turn.
    async fn turn(&self, talk: &mut Talk, said: &Value, due: f64, measure: &Measure) {
        let user = said["user"].as_str().expect("a text");
        let says = said["assistant"].as_str().map(str::to_owned);
        let answer = self.ask(talk, user, Answer { says, took_ms: 0.0, sent: None }).await;
        measure.turn(due, answer.took_ms);
    }

    /// What the model is sent in one more turn, behind one in which the run takes over what it has missed.
    async fn view(&self, talk: &mut Talk) -> Vec<String> {
        let answer = |sent| Answer { says: Some("So be it.".to_owned()), took_ms: 0.0, sent };
        self.ask(talk, "What else?", answer(None)).await;
        let answer = self.ask(talk, "And then?", answer(Some(Vec::new()))).await;
        answer.sent.expect("it was wanted")
    }

    /// Asks, and waits for the end of the turn. The thread's name makes the question unique.
    async fn ask(&self, talk: &mut Talk, user: &str, answer: Answer) -> Answer {
        let question = format!("{user} [{}]", talk.thread);
        self.answers.lock().expect("nobody panics").insert(question.clone(), answer);
        talk.say(&self.runtime, Message::user(&question)).await;
        let answer = self.answers.lock().expect("nobody panics").remove(&question);
        answer.expect("the question is there")
    }

    /// Appends as the runtime does at the end of a run: a record of the run, and the message.
    /// `append_message_records`, which takes no lock, fails with 64 writers.
    async fn append(&self, thread: &str, text: &str) {
        let number = self.appended.fetch_add(1, Ordering::Relaxed);
        let run = RunRecord {
            thread_id: thread.to_owned(),
            run_id: format!("append-{number}"),
            agent_id: "peer".to_owned(),
            status: RunStatus::Done,
            finished_at: Some(1),
            ..RunRecord::default()
        };
        let message = [Message::user(text)];
        self.store.checkpoint_append(thread, &message, None, &run).await.expect("it is stored");
    }

    async fn stored(&self, thread: &str) -> Vec<String> {
        let messages = self.store.load_messages(thread).await.expect("it is readable");
        messages.unwrap_or_default().iter().map(Message::text).collect()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(phase), Some(path)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: awaken-driver steady|leisure|crowd|losses|appends|syncs WORKLOAD.json");
        std::process::exit(2);
    };
    let text = std::fs::read_to_string(path).expect("the workload is readable");
    let work: Value = serde_json::from_str(&text).expect("the workload is JSON");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let dir = tempfile::tempdir().expect("a directory");
    let found = runtime.expect("a runtime").block_on(phases::play(&phase, &work, dir.path()));
    println!("{found}");
}
