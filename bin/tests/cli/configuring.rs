//! `highwater config` with real files and a real environment: what is found where, what is told, and what is masked.

use crate::world::{Ran, World};

const KEYED: &str = "[providers.anthropic]\npreset = \"anthropic\"\nslots = 6\n\
                     [summarizer]\nmodels = [\"anthropic/claude-haiku-4-5\"]\n";

/// Runs `highwater config` with nothing in the environment but these, at home in the world's directory.
fn config(world: &World, words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = world.command(&[&["config"], words].concat());
    command.env_clear().env("HOME", world.path(".")).envs(variables.iter().copied());
    command.output().expect("the program starts").into()
}

#[test]
fn the_file_is_the_asked_one_then_the_named_one_then_the_nearest() {
    let world = World::new();
    let shown = |words: &[&str], variables: &[(&str, &str)]| {
        let ran = config(&world, &[&["show", "--json"], words].concat(), variables);
        ran.fine(&[]);
        let report = ran.json();
        let attempts = report["settings"].as_array().expect("a list").iter();
        let attempts = attempts.clone().find(|each| each["key"] == "retry.attempts");
        attempts.expect("it has a default")["value"].clone()
    };
    let file = |name: &str, attempts: u32| {
        let path = world.path(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        world.file(name, format!("[retry]\nattempts = {attempts}\n"))
    };
    assert_eq!(shown(&[], &[]), 4, "no file is none");
    file(".config/highwater/highwater.toml", 5);
    assert_eq!(shown(&[], &[]), 5);
    let xdg = file("xdg/highwater/highwater.toml", 6);
    let xdg = xdg.ancestors().nth(2).and_then(|path| path.to_str()).expect("a plain name");
    assert_eq!(shown(&[], &[("XDG_CONFIG_HOME", xdg)]), 6);
    file("highwater.toml", 7);
    assert_eq!(shown(&[], &[("XDG_CONFIG_HOME", xdg)]), 7);
    file("named.toml", 8);
    assert_eq!(shown(&[], &[("HIGHWATER_CONFIG", "named.toml")]), 8);
    file("asked.toml", 9);
    let asked = ["--config", "asked.toml"];
    assert_eq!(shown(&asked, &[("HIGHWATER_CONFIG", "named.toml")]), 9);
    assert_eq!(shown(&asked, &[("HIGHWATER__RETRY__ATTEMPTS", "10")]), 10);
    assert_eq!(shown(&asked, &[("highwater__retry__attempts", "11")]), 11);
    assert_eq!(shown(&asked, &[("HIGHWATER__RETRY__ATTEMPTS", "")]), 9, "an empty one is not set");
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_reason() {
    let world = World::new();
    world.file("latin.toml", b"a = 1\nb = '\xe9'\n");
    world.file("big.toml", "#".repeat((1 << 20) + 1));
    for (words, holds) in [
        (["--config", "none.toml"], ["none.toml: ", "No such file"]),
        (["--config", "."], [".: ", "is a directory"]),
        (["--config", "latin.toml"], ["latin.toml: ", "line 2 is not UTF-8"]),
        (["--config", "big.toml"], ["big.toml: ", "is over 1048576 bytes large"]),
    ] {
        config(&world, &[&["check"], &words[..]].concat(), &[]).failed(2, &holds);
        config(&world, &[&["show"], &words[..]].concat(), &[]).failed(2, &holds);
    }
    config(&world, &["show"], &[("HIGHWATER_CONFIG", "none.toml")])
        .failed(2, &["none.toml (named by $HIGHWATER_CONFIG): ", "No such file"]);
}

#[test]
fn a_line_that_is_no_toml_is_named_and_not_repeated() {
    let world = World::new();
    world.file("highwater.toml", "[retry]\nattempts = sk-secret\nbase_ms = \"sk-secret\n");
    let ran = config(&world, &["check"], &[]);
    assert_eq!(ran.code, Some(2));
    for line in ["highwater.toml:2: is not TOML: ", "highwater.toml:3: is not TOML: "] {
        assert!(ran.err.contains(line), "{}", ran.err);
    }
    assert!(!ran.err.contains("secret"), "{}", ran.err);
}

#[test]
fn all_mistakes_are_listed_with_their_places_for_people_and_programs() {
    let world = World::new();
    world.file("highwater.toml", KEYED.to_owned() + "[retry]\nattempts = 0\nbase = 1\n");
    let variables = [("HIGHWATER__PROVIDERS__ANTHROPIC__SLOTZ", "sk-secret")];
    let ran = config(&world, &["check", "--json"], &variables);
    assert_eq!(ran.code, Some(2));
    let wanted = [
        (
            "highwater.toml:7",
            "retry.attempts must be a whole number from 1 to 20 (tries, the first one included), not 0",
        ),
        ("highwater.toml:8", "unknown key `base` in retry"),
        (
            "HIGHWATER__PROVIDERS__ANTHROPIC__SLOTZ",
            "unknown key `slotz` in providers.anthropic; did you mean `slots`?",
        ),
    ];
    let report = ran.json();
    assert_eq!((&report["ok"], &report["file"]), (&false.into(), &"highwater.toml".into()));
    let told = report["mistakes"].as_array().expect("a list");
    assert_eq!(told.len(), wanted.len(), "{report}");
    for (told, (place, message)) in told.iter().zip(wanted) {
        assert_eq!((&told["place"], &told["message"]), (&place.into(), &message.into()));
        assert!(ran.err.contains(&format!("\n  {place}: {message}")), "{}", ran.err);
    }
    assert!(ran.err.starts_with("highwater: the configuration has 3 mistakes:\n"), "{}", ran.err);
    world.file("highwater.toml", "[retry]\nattempts = 0\n");
    config(&world, &["check"], &[])
        .failed(2, &["highwater: highwater.toml:2: retry.attempts must"]);
}

#[test]
fn more_mistakes_than_anybody_reads_are_counted() {
    let world = World::new();
    let mut many: Vec<String> = (0..70).map(|n| format!("k{n} = 1\n")).collect();
    many.push("x".repeat(9_000) + " = 1\n");
    world.file("highwater.toml", many.concat());
    let ran = config(&world, &["check", "--json"], &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.ends_with("\n  and 21 more\n") && ran.err.lines().count() == 52, "{}", ran.err);
    let told = ran.json();
    let told = told["mistakes"].as_array().expect("a list");
    assert_eq!(told.len(), 71);
    assert!(told.iter().all(|mistake| mistake.to_string().len() < 400));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_configuration_and_is_not_waited_for() {
    let world = World::new();
    let pipe = world.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, "")
    });
    config(&world, &["check", "--config", "pipe"], &[]).failed(2, &["pipe: is not a plain file"]);
    assert_eq!(std::fs::read(pipe).expect("nobody has read it"), b"");
    writer.join().expect("no panic").expect("it was read");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    let mut command = world.command(&["config", "check"]);
    let value = std::ffi::OsStr::from_bytes(b"\xff");
    let ran: Ran = command
        .env_clear()
        .env("HIGHWATER__RETRY__ATTEMPTS", value)
        .output()
        .expect("it starts")
        .into();
    ran.failed(2, &["highwater: HIGHWATER__RETRY__ATTEMPTS: holds bytes that are not UTF-8"]);
}

#[test]
fn check_says_whether_keys_are_there_and_never_what_they_are() {
    let world = World::new();
    world.file("highwater.toml", KEYED);
    let missing = config(&world, &["check"], &[]);
    missing.fine(&["key in $ANTHROPIC_API_KEY: missing", "warning: providers.anthropic: the key"]);
    config(&world, &["check", "--strict"], &[])
        .failed(2, &["highwater.toml: providers.anthropic: the key is not in $ANTHROPIC_API_KEY"]);
    let key = [("ANTHROPIC_API_KEY", "sk-secret")];
    let present = config(&world, &["check", "--strict"], &key);
    present.fine(&[
        "highwater.toml: fine",
        "provider anthropic: anthropic at https://api.anthropic.com, key in $ANTHROPIC_API_KEY: present",
        "6 slots, 25 % of all for turns; 1,000 requests, 500,000 input tokens",
        "summaries: anthropic/claude-haiku-4-5 (window of 200,000 tokens), then quoted",
    ]);
    assert!(!present.out.contains("secret") && !present.out.contains("warning"), "{}", present.out);
    let report = config(&world, &["check", "--json"], &key).json();
    let provider = &report["providers"][0];
    assert_eq!(
        (&provider["key"]["state"], &provider["limits"]["slots"]),
        (&"present".into(), &6.into())
    );
    assert_eq!(report["summarizers"][0]["window_tokens"], 200_000);
}

#[test]
fn key_files_are_looked_at_from_where_the_configuration_is() {
    let world = World::new();
    std::fs::create_dir(world.path("etc")).expect("a directory");
    world.file("etc/c.toml", "[providers.a]\npreset = 'anthropic'\napi_key_file = './key'\n");
    let check = || config(&world, &["check", "--config", "etc/c.toml"], &[]);
    check().fine(&["missing", "the file cannot be read: No such file"]);
    world.file("etc/key", "");
    check().fine(&["missing", "the file is empty"]);
    world.file("etc/key", "sk-secret");
    let present = check();
    present.fine(&["etc/./key: present"]);
    assert!(!present.out.contains("secret") && !present.out.contains("warning"), "{}", present.out);
}

#[test]
fn what_is_allowed_and_unwise_is_a_warning() {
    let world = World::new();
    let text = "[providers.a]\npreset = 'litellm'\nbase_url = 'http://gateway.example.com/v1'\n\
                window_tokens = 100000\ninput_tokens_per_minute = 50000\n\
                [summarizer]\nmodels = ['a/m']\n";
    world.file("highwater.toml", text);
    config(&world, &["check"], &[("LITELLM_API_KEY", "k")]).fine(&[
        "warning: providers.a: the key would go to another machine unencrypted",
        "warning: summarizer a/m: its window is 100,000 tokens, and at most 33,750 are granted at once",
    ]);
}

#[test]
fn credentials_that_would_go_out_open_are_warned_of_wherever_they_stand() {
    let world = World::new();
    let warned = |address: &str, more: &str| {
        let text = format!(
            "[providers.a]\nprotocol = 'openai-chat'\nbase_url = 'http://{address}'\n{more}\n"
        );
        world.file("highwater.toml", text);
        let ran = config(&world, &["check"], &[("K", "k")]);
        ran.fine(&["highwater.toml: fine"]);
        let told = ran.out.lines().filter_map(|line| line.strip_prefix("warning: providers.a: "));
        let told = told.filter_map(|line| line.strip_suffix(" unencrypted; use https"));
        let told = told.filter_map(|line| line.strip_suffix(" would go to another machine"));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    let key = "api_key_env = 'K'";
    assert_eq!(warned("127.evil.com/v1", key), ["the key"]);
    assert_eq!(warned("x.example", "headers.X-Sig = 's'"), ["the header `X-Sig`"]);
    assert_eq!(warned("x.example", "headers.x-a = 'Bearer s'"), ["the header `x-a`"]);
    assert_eq!(warned("x.example/v1?sig=s", ""), ["the credential in `base_url`"]);
    for nothing in [warned("x.example/v1?v=1", "headers.x-a = 'b'"), warned("127.0.0.2:80", key)] {
        assert!(nothing.is_empty(), "{nothing:?}");
    }
}

#[test]
fn what_the_client_would_refuse_is_a_mistake_with_its_place() {
    let world = World::new();
    let text = "[providers.a]\npreset = 'anthropic'\nheaders = { accept = 'x',\nupgrade = 'y' }\n\
                [providers.b]\npreset = 'anthropic'\nbase_url = 'http://x:99999'\n\
                [providers.c]\npreset = 'anthropic'\nbase_url = 'https://x/v1/chat/completions'\n";
    world.file("highwater.toml", text);
    let ran = config(&world, &["check"], &[]);
    assert_eq!(ran.code, Some(2));
    for mistake in [
        "highwater.toml:3: providers.a.headers.accept: the header \"accept\" is written by the client",
        "highwater.toml:4: providers.a.headers.upgrade: the header \"upgrade\" is written by the client",
        "highwater.toml:7: providers.b.base_url: the base URL cannot be read: invalid port number",
        "highwater.toml:10: providers.c.base_url: the base URL is one of the protocol openai-chat",
    ] {
        assert!(ran.err.contains(&format!("\n  {mistake}")), "{mistake}: {}", ran.err);
    }
    assert_eq!(ran.err.lines().count(), 5, "{}", ran.err);
}

#[test]
fn credentials_in_an_address_are_printed_by_nobody() {
    let world = World::new();
    let text = "[providers.a]\nprotocol = 'openai-chat'\n\
                base_url = 'https://x.example/v1?sig=tidal&api-version=7'\n";
    world.file("highwater.toml", text);
    for words in [&["check"][..], &["check", "--json"], &["show"], &["show", "--json"]] {
        let ran = config(&world, words, &[]);
        ran.fine(&["https://x.example/v1?sig=***&api-version=7"]);
        assert!(!ran.out.contains("tidal"), "{}", ran.out);
    }
}

#[test]
fn a_presets_key_can_be_left_out() {
    let world = World::new();
    for instead in ["api_key_env = ''", "headers.Authorization = 'Bearer sk-secret'"] {
        world.file("highwater.toml", format!("[providers.a]\npreset = 'litellm'\n{instead}\n"));
        let ran = config(&world, &["check", "--strict"], &[]);
        ran.fine(&["at http://127.0.0.1:4000/v1, no key"]);
        assert!(!ran.out.contains("secret"), "{}", ran.out);
    }
}

#[test]
fn show_tells_where_each_setting_is_from_and_masks_secrets() {
    let world = World::new();
    let text = KEYED.replace("slots = 6", "slots = 6\nheaders = { x-team = 'a', Authorization = 'sk-secret', x-other = 'Bearer sk-secret' }");
    world.file("highwater.toml", text);
    let key = ("HIGHWATER__PROVIDERS__ANTHROPIC__HEADERS__X_API_KEY", "sk-secret");
    let variables = [
        ("HIGHWATER__PROVIDERS__ANTHROPIC__STREAM", "false"),
        key,
        ("ANTHROPIC_API_KEY", "sk-secret"),
    ];
    let shown = config(&world, &["show"], &variables);
    shown.fine(&["[providers.anthropic]", "[summarizer]", "[retry]"]);
    for (setting, place) in [
        ("slots = 6", "highwater.toml:3"),
        ("stream = false", "HIGHWATER__PROVIDERS__ANTHROPIC__STREAM"),
        ("protocol = \"anthropic\"", "preset anthropic"),
        ("output_limit = \"by-host\"", "default"),
        ("requests_per_minute = 1000", "preset anthropic"),
        ("requests_burst = 900", "default"),
        ("reserve_percent = 25", "default"),
        ("headers.x-team = \"a\"", "highwater.toml:4"),
        ("headers.Authorization = \"***\"", "highwater.toml:4"),
        ("headers.x-other = \"***\"", "highwater.toml:4"),
        ("headers.x-api-key = \"***\"", key.0),
    ] {
        let line = shown.out.lines().find(|line| line.starts_with(setting));
        let line = line.unwrap_or_else(|| panic!("{setting}: {}", shown.out));
        assert!(line.ends_with(&format!(" # {place}")), "{line}");
    }
    let json = config(&world, &["show", "--json"], &variables);
    let report = json.json();
    let slots = report["settings"].as_array().expect("a list").iter();
    let slots =
        slots.clone().find(|each| each["key"] == "providers.anthropic.slots").expect("it is set");
    assert_eq!((&slots["value"], &slots["from"]), (&6.into(), &"file".into()));
    assert_eq!(slots["place"], "highwater.toml:3");
    assert!(!shown.out.contains("secret") && !json.out.contains("secret"), "{}", shown.out);
    world.file("again.toml", shown.out);
    config(&world, &["check", "--config", "again.toml"], &[]).fine(&["again.toml: fine"]);
}

#[test]
fn parameters_are_shown_with_their_places_and_can_be_read_again() {
    let world = World::new();
    let text = "[providers.a]\npreset = 'ollama'\n[providers.a.parameters]\nreasoning_effort = 'low'\n\
                options = { seed = 7, user_key = 'sk-secret' }\n\
                [providers.a.models.m.parameters]\nreasoning_effort = 'none'\n";
    world.file("highwater.toml", text);
    let variable = ("HIGHWATER__PROVIDERS__A__PARAMETERS__STORE", "false");
    let shown = config(&world, &["show"], &[variable]);
    shown.fine(&["[providers.a.models.m]"]);
    for (setting, place) in [
        ("parameters.reasoning_effort = \"low\"", "highwater.toml:4"),
        ("parameters.options = { \"seed\" = 7, \"user_key\" = \"***\" }", "highwater.toml:5"),
        ("parameters.store = false", variable.0),
        ("parameters.reasoning_effort = \"none\"", "highwater.toml:7"),
    ] {
        let line = shown.out.lines().find(|line| line.starts_with(setting));
        let line = line.unwrap_or_else(|| panic!("{setting}: {}", shown.out));
        assert!(line.ends_with(&format!(" # {place}")), "{line}");
    }
    let checked = config(&world, &["check"], &[variable]);
    checked.fine(&["  parameters: options, reasoning_effort, store\n"]);
    assert!(!(shown.out.clone() + &checked.out).contains("secret"));
    world.file("again.toml", shown.out);
    config(&world, &["check", "--config", "again.toml"], &[]).fine(&["again.toml: fine"]);
}

#[test]
fn the_example_is_a_configuration_without_mistakes() {
    let world = World::new();
    let example = config(&world, &["example"], &[]);
    example.fine(&[
        "[providers.anthropic]",
        "#slots = 8",
        "1 to 65536 model calls at once. Default: 4.",
    ]);
    world.file("highwater.toml", example.out);
    config(&world, &["check"], &[]).fine(&["highwater.toml: fine"]);
}
