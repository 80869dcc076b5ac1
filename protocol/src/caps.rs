//! Every limit of the system, with its unit and its reason (S4).

use crate::limit::ClassKind;

/// Longest id of a session or an entry; real ones are 8 to 64 bytes.
pub const MAX_ID_BYTES: usize = 512;

/// Longest id of a tool call: some gateways pack payloads into them. A context's record names those that are open.
pub const MAX_CALL_ID_BYTES: usize = 64 << 10;

/// Largest text of a summary; far above any landing mark.
pub const MAX_SUMMARY_BYTES: usize = 4 << 20;

/// Bytes of finished chunk summaries that a house keeps for the next pass (V7): those of some dozens of long passes.
pub const KEPT_SUMMARY_BYTES: usize = 4 << 20;

/// Most of a failure's text that goes into the log.
pub const MAX_REASON_BYTES: usize = 4 << 10;

/// Largest single entry. The largest real line seen is under 1 MiB; media fit with room to spare.
pub const MAX_ENTRY_BYTES: usize = 16 << 20;

/// Largest transcript that is one JSON document (not line-based), since it is held in memory while it is read.
pub const MAX_DOCUMENT_BYTES: usize = 256 << 20;

/// Largest transcript file at all: a guard against pointing the program at a disk image.
pub const MAX_TRANSCRIPT_BYTES: u64 = 8 << 30;

/// Most parts in one entry. Real messages stay below 100.
pub const MAX_PARTS: usize = 10_000;

/// Most entries in one append request, so that one caller cannot fill a whole group commit.
pub const MAX_APPEND_ENTRIES: usize = 10_000;

/// How deep JSON may nest in an entry. The parser refuses deeper input by itself at this depth.
pub const MAX_JSON_DEPTH: usize = 128;

/// Bytes that callers of one session may have queued before they are slowed down. Sixteen entries at their cap would
/// not fit, a day of ordinary traffic does.
pub const SESSION_QUEUE_BYTES: usize = 32 << 20;

/// Bytes that all callers together may have queued before they are slowed down.
pub const PROCESS_QUEUE_BYTES: usize = 256 << 20;

/// Most session writes in one group commit: bounds the time of one commit, reached only under heavy load.
pub const MAX_GROUP_COMMIT_SESSIONS: usize = 1024;

/// The least time between the beginnings of two commits where sessions come one by one: what an append waits at most beside
/// the commits themselves. Nobody notices it beside a model's answer.
pub const COMMIT_EVERY: std::time::Duration = std::time::Duration::from_millis(10);

/// Notices kept for a subscriber that does not read; beyond it the oldest are dropped and counted.
pub const NOTICE_QUEUE: usize = 1024;

/// Ended calls of one account that wait for a slow follower; it loses the oldest and is told so.
pub const CALLS_QUEUE: usize = 4096;

/// Who may wait for one pass to settle at a time; they stand in no queue.
pub const WAITING_FOR_A_PASS: usize = 1_024;

/// Outcomes of past passes that a session can still be asked for without reading its log.
pub const OUTCOMES_KEPT: usize = 64;

/// Bytes of one page when a session's log is read.
pub const PAGE_BYTES: usize = 1 << 20;

/// An anchor is taken when so many bytes of entries have come since the last: folding as much takes a few milliseconds.
pub const ANCHOR_EVERY_BYTES: usize = 256 << 10;

/// An anchor is taken when so many records have come since the last, however small.
pub const ANCHOR_EVERY_RECORDS: usize = 2048;

/// Bytes that all live sessions may hold together before some give up theirs: the views of some hundreds of agents.
pub const RESIDENT_BYTES: u64 = 512 << 20;

/// How long a session may lie idle before its actor ends. Longer than a person takes to answer, shorter than a night.
pub const PASSIVATE_AFTER: std::time::Duration = std::time::Duration::from_mins(5);

/// How long a reader waits for the store. A page takes milliseconds; a disk that takes longer than this is not well, and
/// a snapshot that is held keeps the file from reusing what is freed.
pub const READ_DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// Largest text of a call's resolution: a result handed over without an entry.
pub const MAX_RESOLUTION_BYTES: usize = 1 << 20;

/// Calls under way that a session remembers at most; the oldest are forgotten first.
pub const MAX_CALLS_UNDER_WAY: usize = 256;

/// Longest part of a tool's name or of a call's id in a fact.
pub const MAX_FACT_NAME_BYTES: usize = 96;

/// Tasks that a session tracks at most, so that the register stays small beside a summary.
pub const MAX_TASKS: usize = 32;

/// Longest name or text of a tracked task; of how a call stands, as much goes into the register.
pub const MAX_TASK_BYTES: usize = 512;

/// Longest focus of a pass: what a person writes in a few sentences.
pub const MAX_FOCUS_BYTES: usize = 2 << 10;

/// Reports of usage that correct the estimates for a model: few, so that a changed tokenizer is followed soon, and enough
/// that one wrong report is outvoted.
pub const REPORTS_KEPT: usize = 8;

/// Models whose corrections a session keeps; it goes back and forth between two or three.
pub const CORRECTED_MODELS: usize = 4;

/// Answered contexts whose usage may still be reported. A provider reports it with the answer.
pub const REPORTABLE_CALLS: usize = 64;

/// Ids that a live session recognizes when they come again though it keeps them no more: of so many it need not ask the
/// store whether a new one is among them. Takes 48 KiB of its memory.
pub const IDS_RECOGNIZED: usize = 4096;

/// Longest name of a model.
pub const MAX_MODEL_BYTES: usize = 256;

/// Exact counts that a house keeps by the hash of their text: about 6 MiB of them.
pub const KEPT_COUNTS: usize = 1 << 16;

/// Passes whose durations set the deadline of the next.
pub const DURATIONS_KEPT: usize = 8;

/// Calls of one class that may wait for permits of one account: several for each of some hundreds of agents.
pub const fn waiting_for_a_permit(kind: ClassKind) -> usize {
    match kind {
        ClassKind::Turn => 4_096,
        ClassKind::Compaction | ClassKind::Background => 2_048,
    }
}

/// Models that are told apart in one account.
pub const MODELS_OF_AN_ACCOUNT: usize = 64;

/// How long a house that closes waits for calls of models that are under way. Its passes are abandoned before; what is
/// left are the host's own turns.
pub const CALLS_END_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The longest pause that is learned from a provider. Asking again after it costs one refused request and tells anew how
/// long to wait; a wrong clock or a wrong unit in a header would else stop a provider for days.
pub const MAX_PAUSE: std::time::Duration = std::time::Duration::from_hours(1);

/// Largest answer of a model that is held: it becomes an entry of a transcript, with its reasoning and its calls.
pub const MAX_ANSWER_BYTES: usize = MAX_ENTRY_BYTES;

/// Most that is read of a refusal's body: providers send some hundred bytes, gateways a page of HTML.
pub const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Most of a provider's own words in an error: the reason stands at their beginning.
pub const MAX_SAID_BYTES: usize = 2 << 10;

/// Most that is kept of a provider's word for the end of an answer: those that are known have some twenty bytes.
pub const MAX_WORD_BYTES: usize = 64;

/// Longest key of a provider, a guard against pointing at another file. Signed tokens have some thousand bytes.
pub const MAX_KEY_BYTES: usize = 16 << 10;
