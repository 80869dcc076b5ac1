//! Writes the lines of the session file: identities, the chain of parents, the clock, and one block per line.

use serde_json::{Value, json};

use super::calls::Call;
use super::dice::Dice;

const SESSION: &str = "7d1f4c02-93ab-4e58-8c11-5be0a4f6d210";
const VERSION: &str = "2.1.15";
const MODEL: &str = "claude-opus-4-6";
const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8] = b"0123456789abcdef";
/// The session begins on this day at 07:40, in milliseconds since midnight.
const DAY: &str = "2026-03-03";
const START_MS: u64 = (7 * 60 + 40) * 60_000;

/// The session file while it is being written.
pub(super) struct Tape {
    pub(super) dice: Dice,
    bytes: Vec<u8>,
    now_ms: u64,
    parent: Value,
    cached_tokens: u64,
}

impl Tape {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(0x00a7_b0c5),
            bytes: Vec::new(),
            now_ms: START_MS,
            parent: Value::Null,
            cached_tokens: 14_000,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Lets time pass, in seconds from `from` up to `to`.
    pub(super) fn pause(&mut self, from: u64, to: u64) {
        self.now_ms += self.dice.within(from * 1_000, to * 1_000);
    }

    /// A prompt that a person typed, with the host's snapshot line before it.
    pub(super) fn user(&mut self, text: &str) {
        self.pause(20, 240);
        let message = self.uuid();
        let timestamp = self.timestamp();
        self.write(&json!({
            "type": "file-history-snapshot", "messageId": message, "isSnapshotUpdate": false,
            "snapshot": {"messageId": message, "trackedFileBackups": {}, "timestamp": timestamp},
        }));
        let content = json!({"role": "user", "content": text});
        self.entry("user", json!({"message": content}));
    }

    /// The person stopped the agent in the middle of a call.
    pub(super) fn interrupted(&mut self) {
        self.pause(5, 20);
        let text = "[Request interrupted by user for tool use]";
        let content = json!({"role": "user", "content": [{"type": "text", "text": text}]});
        self.entry("user", json!({"message": content}));
    }

    /// A line of the host's own, such as how long a turn took.
    pub(super) fn system(&mut self, subtype: &str, fields: Value) {
        let mut line = json!({"subtype": subtype, "isMeta": false, "level": "info"});
        merge(&mut line, fields);
        self.entry("system", line);
    }

    /// A line that says what another session was about.
    pub(super) fn summary(&mut self, text: &str) {
        let leaf = self.uuid();
        self.write(&json!({"type": "summary", "summary": text, "leafUuid": leaf}));
    }

    /// One message of the assistant: a line per block, and the results of its calls. As in real
    /// sessions the first result arrives before the last parallel call is written down.
    pub(super) fn assistant(&mut self, thinking: &str, text: &str, calls: Vec<Call>) {
        self.pause(3, 25);
        let id = format!("msg_01{}", self.dice.name(BASE58, 22));
        self.cached_tokens += self.dice.within(300, 1_900);
        if !thinking.is_empty() {
            let signature = format!("Er{}==", self.dice.name(BASE64, 180));
            let block = json!({"type": "thinking", "thinking": thinking, "signature": signature});
            self.block(&id, &block);
        }
        if !text.is_empty() {
            self.block(&id, &json!({"type": "text", "text": text}));
        }
        let last = calls.len().saturating_sub(1);
        let mut waiting = Vec::new();
        for (at, call) in calls.into_iter().enumerate() {
            if at == last && at > 0 {
                self.result(waiting.remove(0));
            }
            let call_id = match call.id {
                Some(reused) => reused.to_owned(),
                None => format!("toolu_01{}", self.dice.name(BASE58, 22)),
            };
            let block =
                json!({"type": "tool_use", "id": call_id, "name": call.name, "input": call.input});
            self.block(&id, &block);
            waiting.push((call_id, call));
        }
        for answered in waiting {
            self.result(answered);
        }
    }

    fn result(&mut self, (id, call): (String, Call)) {
        for data in call.progress {
            self.pause(2, 9);
            let fields = json!({"data": data, "toolUseID": id, "parentToolUseID": id});
            self.entry("progress", fields);
        }
        let Some(result) = call.result else {
            return;
        };
        self.pause(1, 12);
        let mut block = json!({"type": "tool_result", "tool_use_id": id, "content": result.text});
        if result.failed {
            block["is_error"] = Value::Bool(true);
        }
        let message = json!({"role": "user", "content": [block]});
        let fields = json!({"message": message, "toolUseResult": result.structured});
        self.entry("user", fields);
    }

    fn block(&mut self, message: &str, block: &Value) {
        let kind = block["type"].as_str().unwrap_or_default();
        let stop = (kind == "tool_use").then_some("tool_use");
        let output = self.dice.within(40, 900);
        let message = json!({
            "id": message, "type": "message", "role": "assistant", "model": MODEL,
            "content": [block], "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": 4, "cache_creation_input_tokens": self.cached_tokens / 12,
                "cache_read_input_tokens": self.cached_tokens, "output_tokens": output,
                "service_tier": "standard",
            },
        });
        let request = format!("req_011{}", self.dice.name(BASE58, 20));
        self.now_ms += self.dice.within(200, 1_800);
        self.entry("assistant", json!({"message": message, "requestId": request}));
    }

    /// Writes one line of the tree; the next one hangs below it.
    fn entry(&mut self, kind: &str, fields: Value) {
        let uuid = self.uuid();
        self.now_ms += 7;
        let mut line = json!({
            "parentUuid": self.parent, "isSidechain": false, "userType": "external",
            "cwd": "/home/mika/harbour", "sessionId": SESSION, "version": VERSION,
            "gitBranch": "storage", "type": kind, "uuid": uuid, "timestamp": self.timestamp(),
        });
        merge(&mut line, fields);
        self.write(&line);
        self.parent = Value::String(uuid);
    }

    fn write(&mut self, line: &Value) {
        self.bytes.extend_from_slice(line.to_string().as_bytes());
        self.bytes.push(b'\n');
    }

    fn uuid(&mut self) -> String {
        let mut hex = |length| self.dice.name(HEX, length);
        format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
    }

    fn timestamp(&self) -> String {
        let (seconds, ms) = (self.now_ms / 1_000, self.now_ms % 1_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        format!("{DAY}T{hours:02}:{minutes:02}:{:02}.{ms:03}Z", seconds % 60)
    }
}

fn merge(line: &mut Value, fields: Value) {
    if let (Value::Object(line), Value::Object(fields)) = (line, fields) {
        line.extend(fields);
    }
}
