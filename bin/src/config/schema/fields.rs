//! The fields themselves.

use highwater::model::{OutputLimit, Protocol};
use highwater_protocol::limit::MAX_RESERVE_PERCENT;

use super::{Below, Field, Kind, Section, Unset};
use crate::config::{presets, texts};

/// The most that a rate may be: what the gate's limiter counts in.
const MAX_RATE: u64 = u32::MAX as u64;

/// The least window. In a smaller one, a call of a pass may not fit: the prompt with the longest focus, the least room
/// for data and the answer stand beside each other, and a tenth stays free for what sizes are estimated wrongly by.
pub(in crate::config) const LEAST_WINDOW: u64 = 4_096;

const CALLS: &str = "model calls at once";
const REQUESTS: &str = "requests";
const TOKENS: &str = "tokens";
const MS: &str = "milliseconds";

/// The whole configuration.
pub(in crate::config) static ROOT: Section = Section {
    about: &[
        "Highwater's settings. Looked for as --config FILE, $HIGHWATER_CONFIG, ./highwater.toml, and",
        "highwater/highwater.toml in $XDG_CONFIG_HOME or ~/.config; the first that is there holds.",
        "Environment variables lie over it: HIGHWATER__PROVIDERS__ANTHROPIC__SLOTS=4. In them, whatever is neither a",
        "letter nor a digit in a name of yours is one underscore: HIGHWATER__PROVIDERS__MY_TEAM__SLOTS is for my-team.",
        "`highwater config check` finds mistakes, `highwater config show` prints what holds and where it is from.",
    ],
    fields: &[],
    below: &[
        Below { key: "providers", named: Some("anthropic"), section: &PROVIDER },
        Below { key: "summarizer", named: None, section: &SUMMARIZER },
        Below { key: "retry", named: None, section: &RETRY },
    ],
};

static PROVIDER: Section = Section {
    about: &[
        "An account at a provider, or a server of your own. The name is yours: letters, digits, `-`, `_` and `.`.",
        "Its limits are shared by all calls that are made with it.",
    ],
    fields: &[
        Field {
            name: "preset",
            kind: Kind::Choice(presets::names),
            unset: Unset::Told("none"),
            about: &[
                "Gives the other fields their defaults: anthropic, openai (Responses), openai-chat, ollama, llama-cpp,",
                "vllm, litellm, openrouter.",
            ],
            example: "\"anthropic\"",
        },
        Field {
            name: "protocol",
            kind: Kind::Choice(|| Protocol::ALL.map(Protocol::name).to_vec()),
            unset: Unset::Told("the preset's; needed without one"),
            about: &[
                "What the provider speaks: anthropic (Messages), openai-chat or openai-responses.",
            ],
            example: "\"anthropic\"",
        },
        Field {
            name: "base_url",
            kind: Kind::Text { fits: texts::is_base_url, must_be: texts::BASE_URL },
            unset: Unset::Told("the preset's; needed without one"),
            about: &[
                "Where it is. What ends with the protocol's path (/messages, /chat/completions, /responses) is taken as it",
                "is; to what ends with a version (/v1) that path is added; to all else, /v1 and that path.",
            ],
            example: "\"https://api.anthropic.com\"",
        },
        Field {
            name: "api_key_env",
            kind: Kind::Text { fits: texts::is_variable, must_be: texts::VARIABLE },
            unset: Unset::Told("the preset's, unless a header carries a key; else no key is sent"),
            about: &[
                "The environment variable that holds the key. The key itself never stands in this file. With \"\" no key is",
                "sent, also where the preset has a variable. Headers that carry one: authorization, x-api-key, api-key.",
            ],
            example: "\"ANTHROPIC_API_KEY\"",
        },
        Field {
            name: "api_key_file",
            kind: Kind::Text { fits: texts::is_path, must_be: texts::PATH },
            unset: Unset::Told("none"),
            about: &[
                "Or the file that holds the key and nothing else. One that begins with ./ or ../ is found from where this",
                "file is.",
            ],
            example: "\"/run/secrets/anthropic\"",
        },
        Field {
            name: "headers",
            kind: Kind::Headers,
            unset: Unset::Told("none"),
            about: &[
                "Further headers of each request. `show` masks those whose names look like a credential's.",
            ],
            example: "{ x-team = \"a\" }",
        },
        Field {
            name: "stream",
            kind: Kind::Flag,
            unset: Unset::Flag(true),
            about: &[
                "Whether answers are taken as they are written. A silent connection is then noticed early, and proxies",
                "do not cut long answers off.",
            ],
            example: "true",
        },
        Field {
            name: "connect_timeout_ms",
            kind: Kind::Whole { least: 1, most: 600_000, unit: MS },
            unset: Unset::Whole(10_000),
            about: &[
                "How long connecting may take. A provider that is there answers within a second or two.",
            ],
            example: "10000",
        },
        Field {
            name: "read_timeout_ms",
            kind: Kind::Whole { least: 1, most: 3_600_000, unit: MS },
            unset: Unset::Whole(300_000),
            about: &[
                "The longest silence, before the answer and within it. A long prompt, or reasoning, keeps a provider silent",
                "for minutes; a server of your own for more, which is why the presets of those have 450000. A pass gives up",
                "a call of its own after 480000 at the latest.",
            ],
            example: "300000",
        },
        Field {
            name: "output_limit",
            kind: Kind::Choice(|| OutputLimit::ALL.map(OutputLimit::name).to_vec()),
            unset: Unset::Word("by-host"),
            about: &[
                "How openai-chat is told the most that may be answered: by-host takes max_completion_tokens at OpenAI and",
                "Azure and max_tokens elsewhere; a gateway that hands requests on to OpenAI needs max-completion-tokens.",
            ],
            example: "\"by-host\"",
        },
        PARAMETERS,
        WINDOW,
        SLOTS,
        RESERVE,
        REQUESTS_PER_MINUTE,
        REQUESTS_BURST,
        TOKENS_PER_MINUTE,
        TOKENS_BURST,
        INPUT_PER_MINUTE,
        INPUT_BURST,
        OUTPUT_PER_MINUTE,
        OUTPUT_BURST,
    ],
    below: &[Below { key: "models", named: Some("claude-haiku-4-5"), section: &MODEL }],
};

static MODEL: Section = Section {
    about: &[
        "What is known of one model of the account. The limits are optional and hold beside the account's: a call needs",
        "both to be granted.",
    ],
    fields: &[
        Field {
            unset: Unset::Told("the provider's"),
            about: &[
                "The same of this model. One of the provider's by the same name is not sent then.",
            ],
            ..PARAMETERS
        },
        WINDOW,
        Field { unset: Unset::Told("the account's"), ..SLOTS },
        Field { unset: Unset::Told("the account's"), ..RESERVE },
        REQUESTS_PER_MINUTE,
        REQUESTS_BURST,
        TOKENS_PER_MINUTE,
        TOKENS_BURST,
        INPUT_PER_MINUTE,
        INPUT_BURST,
        OUTPUT_PER_MINUTE,
        OUTPUT_BURST,
    ],
    below: &[],
};

static SUMMARIZER: Section = Section {
    about: &["Who writes the summaries."],
    fields: &[Field {
        name: "models",
        kind: Kind::Texts { fits: texts::is_model, must_be: texts::MODEL },
        unset: Unset::Told("none"),
        about: &[
            "Models by PROVIDER/MODEL, asked in this order: the next one is for when the one before fails. Behind the last",
            "always stands the summarizer that quotes from the transcript and needs no model. Each needs a window_tokens,",
            "of its own, its provider's or the preset's. In an environment variable, commas stand between them.",
        ],
        example: "[\"anthropic/claude-haiku-4-5\"]",
    }],
    below: &[],
};

static RETRY: Section = Section {
    about: &[
        "How a call is tried again that failed for a passing reason: before the nth retry the wait is drawn from zero to",
        "base_ms * 2^n, at most cap_ms, and never shorter than the provider asks for.",
    ],
    fields: &[
        Field {
            name: "attempts",
            kind: Kind::Whole { least: 1, most: 20, unit: "tries, the first one included" },
            unset: Unset::Whole(4),
            about: &["How often a call is tried, the first time included. 1 tries nothing again."],
            example: "4",
        },
        Field {
            name: "base_ms",
            kind: Kind::Whole { least: 1, most: 600_000, unit: MS },
            unset: Unset::Whole(1_000),
            about: &["The longest first wait."],
            example: "1000",
        },
        Field {
            name: "cap_ms",
            kind: Kind::Whole { least: 1, most: 3_600_000, unit: MS },
            unset: Unset::Whole(60_000),
            about: &[
                "The longest wait at all. Rates are counted by the minute, so a longer one gains little.",
            ],
            example: "60000",
        },
    ],
    below: &[],
};

const PARAMETERS: Field = Field {
    name: "parameters",
    kind: Kind::Parameters,
    unset: Unset::Told("none"),
    about: &[
        "Further fields of each request, as the provider's documentation has them. Models that reason before they answer",
        "are told how much: reasoning = { effort = \"low\" } (openai, openrouter), reasoning_effort = \"low\" (openai-chat) or",
        "\"none\" (ollama), chat_template_kwargs = { enable_thinking = false } (llama-cpp, vllm); Anthropic's only reason",
        "where they are told to. openai-responses has store = false unless this says another. What the client writes by",
        "itself is refused.",
    ],
    example: "{ service_tier = \"standard_only\" }",
};

const WINDOW: Field = Field {
    name: "window_tokens",
    kind: Kind::Whole { least: LEAST_WINDOW, most: 100_000_000, unit: TOKENS },
    unset: Unset::Told("the preset's; needed of summarizers"),
    about: &[
        "How much fits into one call, prompt and answer together. Of a provider: of its models that do not say.",
    ],
    example: "200000",
};

const SLOTS: Field = Field {
    name: "slots",
    kind: Kind::Whole { least: 1, most: 65_536, unit: CALLS },
    unset: Unset::Whole(4),
    about: &[
        "Calls at once. Providers publish no number; a server of your own has one, and more than it only wait there.",
    ],
    example: "8",
};

const RESERVE: Field = Field {
    name: "reserve_percent",
    kind: Kind::Whole { least: 0, most: MAX_RESERVE_PERCENT as u64, unit: "percent" },
    unset: Unset::Whole(25),
    about: &[
        "The share of the slots and of every rate that only turns may use, so that compaction never holds them up.",
        "Where nobody sets it and there is one slot, nothing is reserved.",
    ],
    example: "25",
};

const NOT_LIMITED: Unset = Unset::Told("the preset's, or not limited until the provider says so");
const NINE_TENTHS: Unset = Unset::NineTenths;
const BURST: &[&str] = &["As many at once. A call that takes more is never made."];

const fn rate(name: &'static str, unit: &'static str, about: &'static [&'static str]) -> Field {
    let kind = Kind::Whole { least: 1, most: MAX_RATE, unit };
    Field { name, kind, unset: NOT_LIMITED, about, example: "100000" }
}

const fn burst(name: &'static str, unit: &'static str) -> Field {
    let kind = Kind::Whole { least: 1, most: MAX_RATE, unit };
    Field { name, kind, unset: NINE_TENTHS, about: BURST, example: "90000" }
}

const REQUESTS_PER_MINUTE: Field = rate(
    "requests_per_minute",
    REQUESTS,
    &["Rates are ceilings: what the provider's answers tell is learned, and never exceeds them."],
);
const REQUESTS_BURST: Field = burst("requests_burst", REQUESTS);
const TOKENS_PER_MINUTE: Field =
    rate("tokens_per_minute", TOKENS, &["Tokens of prompts and answers together."]);
const TOKENS_BURST: Field = burst("tokens_burst", TOKENS);
const INPUT_PER_MINUTE: Field = rate("input_tokens_per_minute", TOKENS, &["Tokens of prompts."]);
const INPUT_BURST: Field = burst("input_tokens_burst", TOKENS);
const OUTPUT_PER_MINUTE: Field = rate("output_tokens_per_minute", TOKENS, &["Tokens of answers."]);
const OUTPUT_BURST: Field = burst("output_tokens_burst", TOKENS);

/// The names of a rate and its burst, in the order of the gate's quantities: requests, tokens, input, output.
pub(in crate::config) const RATES: [(&str, &str); 4] = [
    ("requests_per_minute", "requests_burst"),
    ("tokens_per_minute", "tokens_burst"),
    ("input_tokens_per_minute", "input_tokens_burst"),
    ("output_tokens_per_minute", "output_tokens_burst"),
];
