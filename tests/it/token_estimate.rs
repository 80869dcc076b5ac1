//! The default token estimate against exact counts, over texts of many kinds: those in `tests/fixtures/tokens`, and
//! generated ones. `cargo bench -p highwater-tests --bench tokens` measures real transcripts.

use highwater::count::{O200k, TokenCounter};
use highwater_protocol::tokens;
use highwater_tests::dice::Dice;

macro_rules! fixtures {
    ($($name:literal)+) => {
        [$(($name, include_str!(concat!("../fixtures/tokens/", $name, ".txt")))),+]
    };
}

/// Texts that are met within the bounds that hold for transcripts.
const FIXTURES: [(&str, &str); 21] = fixtures!(
    "arabic" "chinese" "code-python" "code-rust" "code-shell-diff" "code-typescript" "english" "french" "german"
    "greek" "hebrew" "hindi" "japanese" "korean" "markdown-table" "polish" "russian" "spanish" "thai" "turkish"
    "sql-html"
);

/// Requires an estimate of `low` to `high` hundredths of the exact count.
fn check(name: &str, text: &str, low: u64, high: u64) -> Result<(), String> {
    let (estimate, exact) = (tokens::estimate(text).0, O200k.count(text).0);
    if estimate * 100 >= exact * low && estimate * 100 <= exact * high {
        return Ok(());
    }
    let hundredths = estimate * 100 / exact.max(1);
    Err(format!(
        "{name}: estimated {estimate}, exact {exact}: {hundredths} of {low} to {high} hundredths"
    ))
}

fn require(checks: impl IntoIterator<Item = Result<(), String>>) {
    let far: Vec<String> = checks.into_iter().filter_map(Result::err).collect();
    assert!(far.is_empty(), "{}", far.join("\n"));
}

/// Draws texts.
struct Draw(Dice);

impl Draw {
    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..length).map(|_| char::from(alphabet[self.0.index(alphabet.len())])).collect()
    }

    fn lines(&mut self, count: usize, line: impl Fn(&mut Self, usize) -> String) -> String {
        (0..count).map(|number| line(self, number)).collect()
    }
}

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NAMES: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[test]
fn prose_code_and_markup_are_met_within_the_bounds() {
    require(FIXTURES.iter().map(|(name, text)| check(name, text, 95, 111)));
}

#[test]
fn what_shares_its_bytes_with_other_kinds_is_met_less_well() {
    // Traditional writing shares its leading bytes with simplified writing, which costs a quarter less; Vietnamese marks
    // stand in words whose letters cost as those of English.
    let traditional = include_str!("../fixtures/tokens/chinese-traditional.txt");
    let vietnamese = include_str!("../fixtures/tokens/vietnamese.txt");
    require([
        check("traditional Chinese", traditional, 85, 110),
        check("Vietnamese", vietnamese, 95, 125),
    ]);
}

#[test]
fn texts_within_json_are_met_within_the_bounds() {
    require(FIXTURES.iter().map(|(name, text)| {
        let once = serde_json::json!({"type": "user", "message": {"content": text}}).to_string();
        let twice = serde_json::json!({"arguments": once}).to_string();
        check(name, &once, 94, 111).and(check(name, &twice, 94, 111))
    }));
}

#[test]
fn encoded_data_is_met_within_the_bounds() {
    let mut draw = Draw(Dice::new(1));
    let uuid = |draw: &mut Draw, _| {
        let groups: Vec<String> = [8, 4, 4, 4, 12].map(|length| draw.text(HEX, length)).into();
        format!("\"{}\", ", groups.join("-"))
    };
    let texts = [
        ("base64", draw.text(BASE64, 20_000)),
        ("base64 in lines", draw.lines(200, |draw, _| draw.text(BASE64, 76) + "\n")),
        ("hex", draw.text(HEX, 20_000)),
        ("capital hex", draw.text("0123456789ABCDEF", 20_000)),
        ("hashes", draw.lines(100, |draw, n| format!("{}  src/file_{n}.rs\n", draw.text(HEX, 64)))),
        ("uuids", draw.lines(100, uuid)),
        ("ids", draw.lines(100, |draw, _| format!("toolu_01{} ", draw.text(NAMES, 22)))),
        ("digits", draw.text(DIGITS, 10_000)),
        ("numbers", draw.lines(300, |draw, _| format!("0.{}, ", draw.text(DIGITS, 8)))),
    ];
    require(texts.iter().map(|(name, text)| check(name, text, 95, 110)));
}

#[test]
fn what_machines_write_is_met_within_the_bounds() {
    let mut draw = Draw(Dice::new(2));
    let log = |draw: &mut Draw, n: usize| {
        let (ms, id) = (draw.text(DIGITS, 3), draw.text(HEX, 12));
        format!(
            "2025-11-21T06:{:02}:07.{ms}Z INFO worker-{} request completed path=/api/v1/sessions/{id} status=200\n",
            n % 60,
            n % 7
        )
    };
    let access = |draw: &mut Draw, n: usize| {
        let file = draw.text(HEX, 8);
        format!(
            "10.0.{}.7 - - [21/Nov/2025:06:35:{:02} +0000] \"GET /js/app.{file}.js HTTP/1.1\" 304 0\n",
            n % 250,
            n % 60
        )
    };
    let listing = |draw: &mut Draw, n: usize| {
        format!(
            "-rw-r--r--  1 root root {:>8} Nov {:>2} 06:02 file_{n}.txt\n",
            draw.text("123456789", 5),
            n % 28 + 1
        )
    };
    let record = |_: &mut Draw, n: usize| {
        format!(
            "{{\"id\":{n},\"name\":\"user_{n}\",\"tags\":[\"a\",\"b\"],\"active\":true,\"createdAt\":\"2025-11-21T06:35:00Z\"}}\n"
        )
    };
    let pretty = |_: &mut Draw, n: usize| {
        format!(
            "    {{\n      \"id\": {n},\n      \"name\": \"user_{n}\",\n      \"isActive\": true\n    }},\n"
        )
    };
    let texts = [
        ("a log", draw.lines(200, log)),
        ("an access log", draw.lines(200, access)),
        ("a listing", draw.lines(100, listing)),
        ("compact JSON", draw.lines(100, record)),
        ("pretty JSON", draw.lines(100, pretty)),
    ];
    require(texts.iter().map(|(name, text)| check(name, text, 95, 110)));
}

#[test]
fn long_runs_of_one_character_cost_little() {
    let rules = format!("{}\n{}\n", "=".repeat(80), "-".repeat(120)).repeat(20);
    let texts = [
        ("spaces", " ".repeat(5_000)),
        ("spaces and a line end", " ".repeat(50_000) + "\n"),
        ("spaces at the end of lines", ("x".to_owned() + &" ".repeat(300) + "\n").repeat(100)),
        ("line ends", "\n".repeat(3_000)),
        ("rules", rules),
    ];
    require(texts.iter().map(|(name, text)| check(name, text, 90, 130)));
}
