//! What is known of providers and servers: where they are, what they speak, and limits to begin with.
//!
//! The rates are those of the lowest tier that is paid for, as published. They are ceilings, and the gate learns lower
//! ones from a provider's answers; whoever has a higher tier sets higher ones.

use super::layer::{self, From, Table, ValueKind};

/// One preset: fields of a provider and what they are.
struct Preset {
    name: &'static str,
    texts: &'static [(&'static str, &'static str)],
    numbers: &'static [(&'static str, i64)],
}

/// A server of one's own reads the whole prompt before it says anything, which takes minutes without a large GPU. Of
/// the ten minutes that a pass has, models may use eight: a call that ends before that says why, and leaves time for
/// the next model or for quoting, while one that is still waited for then is only given up.
const PATIENT: (&str, i64) = ("read_timeout_ms", 450_000);

static PRESETS: [Preset; 8] = [
    Preset {
        name: "anthropic",
        texts: &[
            ("protocol", "anthropic"),
            ("base_url", "https://api.anthropic.com"),
            ("api_key_env", "ANTHROPIC_API_KEY"),
        ],
        // platform.claude.com/docs/en/api/rate-limits, tier Start of the largest models, October 2026: 1,000 requests,
        // 500,000 input and 100,000 output tokens a minute. Limits are per family of models; here they are the
        // account's. Slots are not published: 8 keep within those rates at calls of usual length. Every model that is
        // served has a window of 200,000 tokens at least.
        numbers: &[
            ("slots", 8),
            ("requests_per_minute", 1_000),
            ("input_tokens_per_minute", 500_000),
            ("output_tokens_per_minute", 100_000),
            ("window_tokens", 200_000),
        ],
    },
    Preset { name: "openai", texts: &OPENAI_RESPONSES, numbers: &OPENAI_NUMBERS },
    Preset { name: "openai-chat", texts: &OPENAI_CHAT, numbers: &OPENAI_NUMBERS },
    Preset {
        name: "ollama",
        texts: &[("protocol", "openai-chat"), ("base_url", "http://127.0.0.1:11434/v1")],
        // OLLAMA_NUM_PARALLEL is 1 unless set. The window is what the server was started with, so it is not known.
        numbers: &[("slots", 1), PATIENT],
    },
    Preset {
        name: "llama-cpp",
        texts: &[("protocol", "openai-chat"), ("base_url", "http://127.0.0.1:8080/v1")],
        // llama-server makes 4 slots unless told otherwise with --parallel.
        numbers: &[("slots", 4), PATIENT],
    },
    Preset {
        name: "vllm",
        texts: &[("protocol", "openai-chat"), ("base_url", "http://127.0.0.1:8000/v1")],
        // vLLM batches up to --max-num-seqs, hundreds; 8 is where each call still comes out quickly.
        numbers: &[("slots", 8), PATIENT],
    },
    Preset {
        name: "litellm",
        texts: &[
            ("protocol", "openai-chat"),
            ("base_url", "http://127.0.0.1:4000/v1"),
            ("api_key_env", "LITELLM_API_KEY"),
        ],
        // A gateway with limits of its own, by key and by model; it tells them in its answers.
        numbers: &[("slots", 8)],
    },
    Preset {
        name: "openrouter",
        texts: &[
            ("protocol", "openai-chat"),
            ("base_url", "https://openrouter.ai/api/v1"),
            ("api_key_env", "OPENROUTER_API_KEY"),
        ],
        // openrouter.ai/docs/api-reference/limits, October 2026: no rate for models that are paid for; models whose
        // names end in `:free` take 20 requests a minute, which belongs to those models.
        numbers: &[("slots", 8)],
    },
];

static OPENAI_RESPONSES: [(&str, &str); 3] = [
    ("protocol", "openai-responses"),
    ("base_url", "https://api.openai.com/v1"),
    ("api_key_env", "OPENAI_API_KEY"),
];

static OPENAI_CHAT: [(&str, &str); 3] = [
    ("protocol", "openai-chat"),
    ("base_url", "https://api.openai.com/v1"),
    ("api_key_env", "OPENAI_API_KEY"),
];

// Tier 1 of the GPT-5 models, as quoted in 2026: 500 requests and 500,000 tokens a minute, counted for each model.
// OpenAI tells them model by model and in an account's settings, in no table. Older models have less (gpt-4o 30,000
// tokens), which belongs to those models. Slots are not published. Chat models since gpt-4o have windows of 128,000 at
// least.
static OPENAI_NUMBERS: [(&str, i64); 4] = [
    ("slots", 8),
    ("requests_per_minute", 500),
    ("tokens_per_minute", 500_000),
    ("window_tokens", 128_000),
];

/// The names of all presets.
pub(super) fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|preset| preset.name).collect()
}

/// A preset as a layer of a provider.
pub(super) fn layer(name: &str) -> Option<Table> {
    let preset = PRESETS.iter().find(|preset| preset.name == name)?;
    let from = From::Preset(name.to_owned());
    let texts = preset.texts.iter().map(|(key, text)| (*key, ValueKind::from(*text)));
    let numbers = preset.numbers.iter().map(|(key, number)| (*key, ValueKind::from(*number)));
    let all = texts.chain(numbers);
    Some(all.map(|(key, kind)| (key.to_owned(), layer::value(&from, kind))).collect())
}
