//! No key is left anywhere: whatever a vendor says, whatever a command prints, however a build ends.
//!
//! The keys hold signs that JSON, addresses and shells escape. All that a build leaves is searched for them in six forms.

use crate::fake::fault::{self, Behaviour};
use crate::fake::{Gate, Vendor};
use crate::space::{Run, Space};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use regex::bytes::{Captures, Regex};
use std::fs;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const OPENAI: &str = r#"sk-CANARY-"q\b/+=&%<o7f3a9c1e5b"#;
const HEADER: &str = r#"CANARY'h\\n"/?+~#x2b4d6f8a0c"#;

/// The variables that the Storyfile names.
const VARIABLES: [(&str, &str); 2] = [("TEST_OPENAI_KEY", OPENAI), ("TEST_EXTRA_TOKEN", HEADER)];

/// One form of a secret.
struct Form {
    name: &'static str,
    text: String,
}

fn forms(secret: &str) -> Vec<Form> {
    let form = |name, text: &str| Form { name, text: text.to_owned() };
    let json = serde_json::Value::from(secret).to_string();
    let url = |is_kept: fn(u8) -> bool| -> String {
        let one = |byte: u8| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        secret.bytes().map(one).collect()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        form("exact", secret),
        form("JSON", &json[1..json.len() - 1]),
        form("JSON", &json[1..json.len() - 1].replace('/', "\\/")),
        form("JSON", &json[1..json.len() - 1].replace("\\\"", "\\u0022").replace("\\\\", "\\u005c")),
        form("URL", &url(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))),
        form("URL", &url(|_| false)),
        form("hex", &hex),
    ];
    for (start, cut) in [(0, 0), (1, 2), (2, 3)] {
        let text = [&vec![0; start][..], secret.as_bytes()].concat();
        let whole = text.len() / 3 * 4;
        for (name, engine) in [("base64", BASE64_STANDARD_NO_PAD), ("base64url", BASE64_URL_SAFE_NO_PAD)] {
            forms.push(form(name, &engine.encode(&text)[cut..whole]));
        }
    }
    forms
}

/// All forms of all keys, each in a group of its own; one search for all of them.
static FORMS: LazyLock<(Regex, Vec<&str>)> = LazyLock::new(|| {
    let forms: Vec<Form> = VARIABLES.iter().flat_map(|(_, secret)| forms(secret)).collect();
    let group = |form: &Form| {
        let case = if ["hex", "URL"].contains(&form.name) { "(?i)" } else { "" };
        format!("({case}{})", regex::escape(&form.text))
    };
    let groups: Vec<String> = forms.iter().map(group).collect();
    (Regex::new(&groups.join("|")).unwrap(), forms.iter().map(|form| form.name).collect())
});

/// The forms in which any of the keys stands in these bytes.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let (regex, names) = &*FORMS;
    let name = |found: Captures<'_>| names[found.iter().skip(1).position(|group| group.is_some()).unwrap()];
    regex.captures_iter(bytes).map(name).collect()
}

/// Every file of the repo, its home and its notes that holds a key, with the form.
fn leaks(space: &Space) -> Vec<String> {
    let mut leaks = Vec::new();
    let mut open = vec![space.root().parent().unwrap().to_owned()];
    while let Some(place) = open.pop() {
        let name = place.display().to_string();
        leaks.extend(found_in(name.as_bytes()).iter().map(|form| format!("{name}: its name, as {form}")));
        if place.is_dir() {
            open.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        } else if place.file_name().is_none_or(|name| name != ".env") {
            leaks.extend(found_in(&fs::read(&place).unwrap()).iter().map(|form| format!("{name}: as {form}")));
        }
    }
    leaks
}

#[track_caller]
fn is_clean(space: &Space, run: &Run, what: &str) {
    for (stream, text) in [("standard output", &run.out), ("standard error", &run.err)] {
        assert!(found_in(text.as_bytes()).is_empty(), "{what}, {stream}:\n{text}");
    }
    assert_eq!(leaks(space), Vec::<String>::new(), "{what}\n{}", run.err);
}

/// Two stages that a vendor answers, one that tells all it sees, a hook that does, and a program.
fn space(vendor: &Vendor) -> Space {
    let extra = "headers: { X-Extra: \"${TEST_EXTRA_TOKEN}\" }";
    let once = "retry: { max: 0 }, continue_on_error: true";
    let providers = vendor.openai("writer").with(extra).and(vendor.http("art").with(extra));
    Space::new()
        .story(&format!(
            "
            {providers}
            hooks: {{ run_finish: 'env > NOTES/hook.txt' }}
            stages:
              tale: {{ uses: prompt, provider: writer, {once}, outputs: tale.md, with: {{ prompt: Tell me. }} }}
              echo: {{ uses: http, provider: art, {once}, outputs: echo.json, with: {{ url: /echo, json: {{ prompt: hello }} }} }}
              env: {{ run: 'env; env > env.txt', always: true, outputs: env.txt }}
              card: {{ uses: ./card, outputs: card.txt, always: true }}
            "
        ))
        .file(
            "card",
            "#!/bin/sh\nread -r line\nenv >&2\ncase $line in *describe*) echo '{\"type\":\"description\",\"protocol\":1,\"version\":\"1\",\"settings\":{\"type\":\"object\"},\"inputs\":{\"min\":0},\"outputs\":{\"min\":1,\"max\":1},\"paid\":false}';; *) exit 1;; esac\n",
        )
        .chmod("card", 0o755)
}

fn run(space: &Space, args: &[&str], vars: &[(&str, &str)]) -> Run {
    let mut command = space.command(args);
    command.envs(VARIABLES).envs(vars.iter().copied());
    // What would pass by its name, if it were not a secret by its name or by its use.
    command.env("LC_OTHER_KEY", OPENAI);
    space.finish(command)
}

/// Every way in which a vendor has let us down, and those in which it sends the key back.
fn behaviours(other: &Vendor) -> Vec<(&'static str, Behaviour)> {
    let all_forms: String =
        VARIABLES.iter().flat_map(|(_, secret)| forms(secret)).map(|form| format!("<{}> ", form.text)).collect();
    let long = format!("{}{OPENAI}", "x".repeat(300 - OPENAI.len() / 2));
    let to_key = format!("https://h.example/?key={}", forms(OPENAI)[4].text);
    let problem = |text: &str| fault::says(text).header("x-request-id", OPENAI).header("request-id", HEADER);
    vec![
        ("plain success", fault::ok()),
        ("the key in an error", fault::echoes_key_in_error()),
        ("the key in an answer", fault::echoes_key_in_answer()),
        ("all forms in an answer", problem(&all_forms)),
        ("a key at the end", problem(&long)),
        ("a redirect to the key", fault::status(302).header("location", to_key)),
        ("a redirect", fault::redirect(307, other).header("x-request-id", OPENAI)),
        ("401", fault::status(401)),
        ("429", fault::rate_limited().header("x-request-id", OPENAI)),
        ("no quota", fault::out_of_quota()),
        ("500", fault::status(500)),
        ("a cut", fault::cut()),
        ("a cut in chunks", fault::cut_chunked()),
        ("a cut in the head", fault::cut_in_head()),
        ("a reset", fault::reset()),
        ("no HTTP", fault::not_http()),
        ("no JSON", fault::bad_json()),
        ("other types", fault::wrong_types()),
        ("a page", fault::html()),
        ("nothing", fault::empty_body()),
        ("no UTF-8", fault::invalid_utf8()),
        ("packed", fault::gzip_bomb()),
        ("many headers", fault::many_headers(300)),
        ("the end of its length", fault::length()),
        ("a refusal", fault::refusal()),
    ]
}

#[test]
fn no_answer_and_no_fault_leaves_a_key_behind() {
    let (vendor, other) = (Vendor::start(), Vendor::start());
    for (what, behaviour) in behaviours(&other) {
        vendor.script([behaviour.clone(), behaviour]);
        let space = space(&vendor);
        let events = space.note("events.jsonl").display().to_string();
        let built = run(&space, &["build", "-k", "-vv", "--events", &events], &[("STORYGEN_LOG", "trace")]);
        assert_eq!(vendor.script_left(), 0, "{what}\n{}", built.err);
        is_clean(&space, &built, what);
        for stage in ["tale", "echo"] {
            is_clean(&space, &run(&space, &["log", stage], &[]), what);
        }
    }
    assert_eq!(other.connections(), 0);
    let keys: Vec<&str> = vendor.calls().iter().filter_map(|call| call.header("x-extra").map(|_| "")).collect();
    assert!(keys.len() > 20, "the keys were sent, or this test shows nothing");
}

#[test]
fn no_command_shows_a_key() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    for behaviours in [
        vec![fault::echoes_key_in_error(), fault::echoes_key_in_error()],
        vec![fault::echoes_key_in_answer(), fault::echoes_key_in_answer()],
    ] {
        vendor.script(behaviours);
        run(&space, &["build", "-k"], &[]).says("env");
        run(&space, &["status"], &[]).exit(0);
        for line in [
            "build -k --json",
            "build --dry-run -v",
            "build --dry-run --json",
            "build -k -q --events -",
            "status -v",
            "status --json",
            "why tale",
            "why tale --json",
            "graph --status",
            "graph --format dot",
            "graph --json",
            "validate",
            "validate --json",
            "log tale",
            "log echo --json",
            "log env",
            "log card",
            "export",
            "export --json",
            "cost",
            "cost --json",
            "trust",
            "trust --json",
            "providers",
            "clean --dry-run",
            "build -k -vv --log-format json",
        ] {
            let args: Vec<&str> = line.split(' ').collect();
            for vars in [&[][..], &[("STORYGEN_LOG", "trace"), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")]] {
                is_clean(&space, &run(&space, &args, vars), line);
            }
        }
    }
}

#[test]
fn keys_of_a_file_beside_the_storyfile_are_as_well_kept() {
    let vendor = Vendor::start();
    vendor.script([fault::echoes_key_in_answer(), fault::echoes_key_in_answer()]);
    let space = space(&vendor);
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let lines: Vec<String> = VARIABLES.iter().map(|(name, value)| format!("{name}=\"{}\"\n", quoted(value))).collect();
    space.file(".env", &lines.concat());
    let built = space.run(&["build", "-k", "-vv"]);
    is_clean(&space, &built, ".env");
    assert_eq!(vendor.calls()[0].header("x-extra"), Some(HEADER), "what stands in the file is what was sent");
    space.file(".env", &format!("{}B=\"{}\" more\n", lines.concat(), quoted(OPENAI)));
    is_clean(&space, &space.run(&["build"]).exit(2).says("S126"), "a fault of .env");
}

#[test]
fn commands_hooks_and_programs_see_no_key() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    run(&space, &["build", "-k"], &[]);
    let mut seen = [space.read("env.txt"), fs::read_to_string(space.note("hook.txt")).unwrap()].to_vec();
    seen.push(run(&space, &["log", "card"], &[]).out);
    for seen in seen {
        assert!(seen.contains("PATH="), "it shows what it saw: {seen}");
        assert!(
            !seen.contains("TEST_OPENAI_KEY") && !seen.contains("LC_OTHER_KEY") && !seen.contains("CANARY"),
            "{seen}"
        );
    }
    // Unless somebody says so.
    let story =
        space.read("Storyfile.yaml").replace("run: 'env; env > env.txt'", "pass: [LC_OTHER_KEY], run: 'env > env.txt'");
    space.file("Storyfile.yaml", &story);
    run(&space, &["build", "-k", "env"], &[]);
    assert!(space.read("env.txt").contains("LC_OTHER_KEY=sk-CANARY"));
}

/// Kills a build while an answer with the keys in it comes in, ever further on: between the keys, and within them.
#[test]
fn a_killed_build_leaves_no_key_in_what_it_had_written_down() {
    let vendor = Vendor::start();
    let whole = space(&vendor);
    run(&whole, &["build", "-k", "echo"], &[]).exit(0);
    // What was hidden in it is shorter than what came.
    let length = whole.read("echo.json").len();
    for come in (60..length).step_by(64) {
        let gate = Gate::new();
        vendor.script([fault::drip(&gate).on("/echo")]);
        let space = space(&vendor);
        let mut command = space.command(&["build", "-k", "echo", "-vv"]);
        let mut child = command.envs(VARIABLES).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Its head is there, and of its body nothing.
        wait_until(|| spooled(&space).windows(12).any(|bytes| bytes == br#""status":200"#));
        let head = spooled(&space).len();
        gate.let_through(come);
        // All that came but what may be the beginning of a key, or is hidden.
        let hidden = 3 * (OPENAI.len() + HEADER.len());
        wait_until(|| spooled(&space).len() > head + come.saturating_sub(hidden));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(leaks(&space), Vec::<String>::new(), "killed after {come} bytes");
        assert!(spooled(&space).len() > head, "what had come stays");
        is_clean(&space, &run(&space, &["build", "-k"], &[]), "the build after");
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain");
        std::thread::yield_now();
    }
}

/// What is written down of answers that are on their way.
fn spooled(space: &Space) -> Vec<u8> {
    let files = fs::read_dir(space.path(".storygen/paid")).into_iter().flatten().flatten();
    files.flat_map(|file| fs::read(file.path()).unwrap_or_default()).collect()
}

/// The search finds what it looks for: a leak that is put there, in each form and in each place.
#[test]
fn a_planted_leak_is_found_in_every_form() {
    let mut planted: Vec<&str> = Vec::new();
    for form in forms(OPENAI) {
        let space = Space::new().file("deep/down.txt", &format!("before {} after", form.text));
        let found = leaks(&space);
        let name = format!("as {}", form.name);
        // What has no sign that the two sorts of base64 write otherwise is both.
        let is_found = |leak: &String| leak.ends_with(&name) || leak.ends_with(name.trim_end_matches("url"));
        assert!(found.iter().any(is_found), "{} {found:?}", form.name);
        assert!(!found_in(format!("\u{1}\0{}", form.text).as_bytes()).is_empty());
        planted.push(form.name);
    }
    for before in ["", "u:", "user:"] {
        let basic = BASE64_STANDARD_NO_PAD.encode(format!("{before}{OPENAI}:more"));
        assert!(found_in(basic.as_bytes()).contains(&"base64"), "{basic}");
    }
    planted.sort_unstable();
    planted.dedup();
    assert_eq!(planted, ["JSON", "URL", "base64", "base64url", "exact", "hex"]);
    assert!(found_in(b"sk-CANARY-").is_empty() && leaks(&Space::new().file("a.txt", "no key")).is_empty());
    let named = Space::new().file("CANARY.txt", HEADER);
    assert_eq!(leaks(&named).len(), 1);
}
