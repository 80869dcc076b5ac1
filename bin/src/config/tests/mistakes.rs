//! Each mistake: where it is told to be and what is told of it, all of them at once, and never a secret.

use super::read;

/// A provider that is complete; what follows is on line 3.
const GOOD: &str = "[providers.x]\npreset = 'anthropic'\n";

#[track_caller]
fn told(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let Err(error) = read(text, variables) else { panic!("nothing was found: {text}") };
    let each = error.mistakes.iter();
    each.map(|mistake| format!("{}: {}", mistake.place(&error.file), mistake.message)).collect()
}

/// The one mistake of a file begins so and holds these words.
#[track_caller]
fn check(text: &str, begins: &str, holds: &str) {
    let told = told(text, &[]);
    let [only] = &told[..] else { panic!("one mistake of {text}: {told:#?}") };
    assert!(only.starts_with(begins), "{text}: {only}");
    assert!(only.contains(holds), "{text}: {only}");
}

#[test]
fn unknown_names_are_told_at_every_level_with_what_was_meant() {
    check("provider = 1", "f.toml:1: unknown key `provider`", "did you mean `providers`?");
    check("[provders.x]\npreset='ollama'", "f.toml:2: unknown key `provders`;", "`providers`?");
    let slotz = GOOD.to_owned() + "slotz = 4";
    check(&slotz, "f.toml:3: unknown key `slotz` in providers.x; did", "mean `slots`?");
    let model = GOOD.to_owned() + "[providers.x.models.'m:1']\nwindow = 4";
    check(&model, "f.toml:4: unknown key `window` in providers.x.models.\"m:1\"", "");
    check("[summarizer]\nmodel = []", "f.toml:2: unknown key `model` in summarizer", "`models`?");
    check("[retry]\nbase = 4", "f.toml:2: unknown key `base` in retry", "");
    check("temperature = 4", "f.toml:1: unknown key `temperature`", "");
}

#[test]
fn an_empty_table_is_told_with_the_line_of_its_header() {
    check("\n[unknown]\n", "f.toml:2: unknown key `unknown`", "");
    let below = GOOD.to_owned() + "[providers.x.models.m.zz]";
    check(&below, "f.toml:3: unknown key `zz` in providers.x.models.m", "");
    check("[providers.x]", "f.toml:1: providers.x: `protocol` and `base_url` missing", "");
}

#[test]
fn a_provider_may_not_be_called_as_the_account_of_the_house() {
    check("[providers.house]\npreset = 'ollama'", "f.toml:2: providers.house: this name", "choose");
}

#[test]
fn a_key_in_the_file_is_refused_with_where_it_belongs() {
    let key = GOOD.to_owned() + "api_key = 'sk-secret'";
    check(&key, "f.toml:3: `api_key` in providers.x is refused", "`api_key_env`");
    let both = GOOD.to_owned() + "api_key_env = 'A'\napi_key_file = '/k'";
    check(&both, "f.toml:4: providers.x has both `api_key_env` and `api_key_file`", "one place");
    let variable = [("HIGHWATER__PROVIDERS__X__API_KEY", "sk-secret")];
    let told = told(GOOD, &variable).join("\n");
    assert!(told.starts_with("HIGHWATER__PROVIDERS__X__API_KEY: `api_key`"), "{told}");
    assert!(!told.contains("secret"));
}

#[test]
fn wrong_kinds_and_ranges_say_what_is_allowed_in_which_unit() {
    for (line, holds) in [
        ("slots = 0", "a whole number from 1 to 65536 (model calls at once), not 0"),
        ("slots = -1", "not -1"),
        ("slots = '4'", "not a text"),
        ("slots = 4.5", "not a fraction"),
        ("slots = 1979-05-27", "not a value of another kind"),
        ("slots = 99999999999999999999", "not a value of another kind"),
        ("slots = [4]", "not a list"),
        ("slots = { a = 4 }", "not a table"),
        ("reserve_percent = 96", "from 0 to 95 (percent), not 96"),
        ("connect_timeout_ms = 0", "from 1 to 600000 (milliseconds)"),
        ("requests_per_minute = 0", "from 1 to 4294967295 (requests)"),
        ("tokens_per_minute = 4294967296", "from 1 to 4294967295 (tokens)"),
        ("stream = 1", "`true` or `false`, not 1"),
        ("protocol = 'openai'", "one of `anthropic`, `openai-chat`, `openai-responses`"),
        ("protocol = 'openai-chet'", "did you mean `openai-chat`?"),
        ("base_url = 'api.anthropic.com'", "must be an address such as"),
        ("api_key_env = 'sk-ant'", "the name of an environment variable"),
        ("api_key_file = 'key'", "a path that begins with /"),
        ("headers = 'a'", "a table of header names"),
        ("headers.host = 'a'", "headers.host: the header \"host\" is written by the client"),
        ("headers.Accept = 'a'", "headers.Accept: the header \"Accept\" is written by the client"),
        ("headers.'a b' = 'a'", "headers.\"a b\": the header \"a b\" has no legal name"),
        ("headers.x = \"a\\nb: c\"", "headers.x: the header \"x\" has a value that no header"),
        ("base_url = 'http://x:99999'", "base_url: the base URL cannot be read: invalid port"),
        ("base_url = 'http://u:p@x'", "base_url: the base URL holds a name or a password"),
        (
            "base_url = 'https://x/chat/completions'",
            "the base URL is one of the protocol openai-chat",
        ),
        ("headers.a = 1", "headers.a must be a text"),
        ("headers = { a = 'x', A = 'y' }", "the headers `A` and `a` are the same one"),
        ("parameters = 4", "providers.x.parameters must be a table of parameters"),
        ("parameters.a = 1979-05-27", "providers.x.parameters.a has what JSON does not"),
        ("parameters.a = { b = [inf] }", "providers.x.parameters.a has what JSON does not"),
        ("parameters.model = 'm'", "providers.x.parameters.model: "),
        ("models.m.parameters.max_tokens = 4", "providers.x.models.m.parameters.max_tokens: "),
        ("models = 4", "providers.x.models must be a table, [providers.x.models], not 4"),
        ("models.m = 4", "providers.x.models.m must be a table"),
        ("models.m.window_tokens = 1000", "from 4096 to 100000000 (tokens), not 1000"),
    ] {
        check(&(GOOD.to_owned() + line), "f.toml:3: ", holds);
    }
    check("[providers]\nx = 1", "f.toml:2: providers.x must be a table, [providers.x]", "not 1");
    check("[providers.'a b']\npreset='ollama'", "f.toml:2: providers.\"a b\" is no name", "64");
    check("[retry]\nattempts = 21", "f.toml:2: retry.attempts", "1 to 20 (tries");
}

#[test]
fn what_only_several_fields_say_is_found_too() {
    for (lines, place, holds) in [
        ("tokens_burst = 5", 3, "`tokens_burst` is there without `tokens_per_minute`"),
        ("slots = 1\nreserve_percent = 50", 3, "leave none for compaction"),
        ("models.m.slots = 1\nmodels.m.reserve_percent = 9", 3, "providers.x.models.m: 1 slots"),
        ("models.m.tokens_burst = 5", 3, "models.m: `tokens_burst` is there without"),
    ] {
        check(&(GOOD.to_owned() + lines), &format!("f.toml:{place}: "), holds);
    }
    let missing = "providers.x: `protocol` and `base_url` missing; set that, or a `preset`";
    check("[providers.x]\nslots = 1", "f.toml:2: ", missing);
    check("[providers.x]\nprotocol = 'anthropic'", "f.toml:2: providers.x: `base_url` missing", "");
    check("[providers.x]\npreset = 'olama'", "f.toml:2: ", "did you mean `ollama`?");
    check("[providers.x]\npreset = 5", "f.toml:2: providers.x.preset must be one of", "not 5");
    check("[retry]\nbase_ms = 9\ncap_ms = 8", "f.toml:3: ", "must not exceed the cap");
    let long = format!("{GOOD}headers.'{}' = 'a'", "\u{e9}".repeat(9_000));
    check(&long, "f.toml:3: providers.x.headers.", "has too long a name");
    let misspelled = [("HIGHWATER__PROVIDERS__ANTROPIC__SLOTS", "2")];
    let told = told("[providers.anthropic]\npreset='anthropic'", &misspelled).join("\n");
    assert!(
        told.starts_with("HIGHWATER__PROVIDERS__ANTROPIC__SLOTS: providers.antropic:"),
        "{told}"
    );
    assert!(told.ends_with("did you mean `anthropic`?"), "{told}");
}

#[test]
fn summarizers_are_of_providers_that_are_there_with_windows_that_are_known() {
    let providers = "[providers.anthropic]\npreset = 'anthropic'\n[providers.l]\npreset = 'ollama'\n\
                     [providers.l.models.'qwen3:8b']\nwindow_tokens = 8192\n[summarizer]\nmodels = ";
    for (list, holds) in [
        ("['antropic/m']", "[0]: there is no provider of that name, there are: anthropic, l; did"),
        ("['antropic/m']", "did you mean `anthropic`?"),
        ("['l/qwen3:8']", "window is not known; set `window_tokens` in [providers.l.models.MODEL]"),
        ("['l/qwen3:8']", "did you mean `qwen3:8b`?"),
        ("['anthropic']", "summarizer.models[0] must be \"PROVIDER/MODEL\""),
        ("[4]", "summarizer.models[0] must be"),
        ("'anthropic/m'", "summarizer.models must be a list, and each of it \"PROVIDER/MODEL\""),
        ("['l/qwen3:8b',\n'l/qwen3:8b']", "summarizer.models[1] is in the list already"),
    ] {
        let place = if list.contains('\n') { "f.toml:9: " } else { "f.toml:8: " };
        check(&(providers.to_owned() + list), place, holds);
    }
}

#[test]
fn all_mistakes_of_file_and_environment_are_told_at_once_in_their_order() {
    let text = "[retry]\nattempts = 0\n[providers.x]\npreset = 'ollama'\nslotz = 1\nstream = 'yes'";
    let told = told(text, &[("HIGHWATER__RETRY__CAP_MS", "long"), ("HIGHWATER__RETRI__X", "1")]);
    let places =
        ["f.toml:2", "f.toml:5", "f.toml:6", "HIGHWATER__RETRI__X", "HIGHWATER__RETRY__CAP_MS"];
    assert_eq!(told.len(), places.len(), "{told:#?}");
    for (told, place) in told.iter().zip(places) {
        assert!(told.starts_with(&format!("{place}: ")), "{told}");
    }
}

#[test]
fn whatever_stands_where_is_not_repeated() {
    const SECRET: &str = "sk-ant-api03-secret";
    let fields = [
        "preset",
        "protocol",
        "base_url",
        "api_key_env",
        "api_key_file",
        "headers",
        "stream",
        "slots",
        "api_key",
        "token",
        "headers.x-y",
        "headers.host",
        "tokens_burst",
        "models",
        "models.m",
        "models.m.slots",
        "nonsense",
    ];
    let mut seen = 0;
    for value in [
        format!("'{SECRET}'"),
        format!("['{SECRET}']"),
        format!("'https://u:{SECRET}@h'"),
        SECRET.to_owned(),
    ] {
        for field in fields {
            let text =
                format!("[providers.x]\npreset = 'ollama'\n[providers.y]\n{field} = {value}");
            if let Err(error) = read(&text, &[]) {
                seen += 1;
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            let variable =
                format!("HIGHWATER__PROVIDERS__X__{}", field.to_uppercase().replace('.', "__"));
            if let Err(error) = read(&text, &[(&variable, &value)]) {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
        let list = format!("[summarizer]\nmodels = {value}");
        let Err(error) = read(&list, &[]) else { panic!("it is no model") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(seen, 4 * fields.len());
}
