//! The keys, the forms in which they may leak, and the search for all of them.
//!
//! The keys hold signs that JSON, YAML, addresses, pages and shells escape, and some that look escaped as they are.

use crate::space::{Run, Space};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use regex::bytes::{Captures, Regex};
use std::fs;
use std::sync::LazyLock;

pub const OPENAI: &str = r#"sk-CANARY-"q\b/+=&%<o7f3a9c1e5b"#;
pub const ANTHROPIC: &str = r"sk-ant-CANARY-\u0041%41%2522&quot;${X}$(x)`y`'1c3e5a7b9d";
pub const GEMINI: &str = r"AIza-CANARY: [a, b] {c: d} #e - *f !g |h >i ???>>> 0f1e2d3c";
pub const ELEVENLABS: &str = "xi\tCANARY\t?&=;,^~@ f00dfeed4242";
pub const HEADER: &str = r#"CANARY'h\\n"/?+~#x-ключ-é-𝄞-2b4d6f8a0c"#;

/// The variables that the Storyfiles name.
pub const VARIABLES: [(&str, &str); 5] = [
    ("TEST_OPENAI_KEY", OPENAI),
    ("TEST_ANTHROPIC_KEY", ANTHROPIC),
    ("TEST_GEMINI_KEY", GEMINI),
    ("TEST_ELEVENLABS_KEY", ELEVENLABS),
    ("TEST_EXTRA_TOKEN", HEADER),
];

/// What no header can hold, and no call is made with.
pub const UNSENDABLE: [&str; 2] = ["sk-CANARY-one-line\nCANARY-and-77aa99bb", "sk-CANARY-\u{7f}-55bb33dd"];

/// One form of a secret.
pub struct Form {
    pub name: &'static str,
    pub text: String,
}

pub fn forms(secret: &str) -> Vec<Form> {
    let form = |name, text: &str| Form { name, text: text.to_owned() };
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let each = |form: &dyn Fn(u8) -> String| -> String { secret.bytes().map(form).collect() };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let as_is_or = |byte: u8, other: String| if is_plain(byte) { char::from(byte).to_string() } else { other };
    let page = secret.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    let ascii = |text: &str| -> String {
        let unit = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii).map(char::from);
        text.encode_utf16().map(|one| unit(one).map_or_else(|| format!("\\u{one:04x}"), String::from)).collect()
    };
    let mut forms = vec![
        form("exact", secret),
        form("JSON", &ascii(json)),
        form("JSON", json),
        form("JSON", &json.replace('/', "\\/")),
        form("JSON", &json.replace("\\\"", "\\u0022").replace("\\\\", "\\u005c").replace("\\t", "\\u0009")),
        form("URL", &each(&|byte| as_is_or(byte, format!("%{byte:02X}")))),
        form("URL", &each(&|byte| format!("%{byte:02X}"))),
        form("URL", &each(&|byte| as_is_or(byte, format!("%25{byte:02X}")))),
        form("page", &page),
        form("page", &page.replace('\'', "&#39;").replace('/', "&#x2F;")),
        form("hex", &each(&|byte| format!("{byte:02x}"))),
    ];
    for (start, cut) in [(0, 0), (1, 2), (2, 3)] {
        let text = [&vec![0; start][..], secret.as_bytes()].concat();
        let whole = text.len() / 3 * 4;
        for (name, engine) in [("base64", BASE64_STANDARD_NO_PAD), ("base64url", BASE64_URL_SAFE_NO_PAD)] {
            let text = &engine.encode(&text)[cut..whole];
            forms.push(form(name, text));
            forms.push(form(name, &text.replace('/', "\\/")));
            forms.push(form(name, &text.replace('/', "%2F").replace('+', "%2B")));
        }
    }
    forms
}

/// All forms of all keys, each in a group of its own; one search for all of them.
static FORMS: LazyLock<(Regex, Vec<&str>)> = LazyLock::new(|| {
    let secrets = VARIABLES.iter().map(|(_, secret)| secret).chain(&UNSENDABLE);
    let mut forms: Vec<Form> = secrets.flat_map(|secret| forms(secret)).collect();
    // A form that another one is, is that one.
    let mut seen = Vec::new();
    forms.retain(|form| {
        !seen.contains(&form.text) && {
            seen.push(form.text.clone());
            true
        }
    });
    let group = |form: &Form| {
        let case = if ["hex", "URL"].contains(&form.name) { "(?i)" } else { "" };
        format!("({case}{})", regex::escape(&form.text))
    };
    let groups: Vec<String> = forms.iter().map(group).collect();
    (Regex::new(&groups.join("|")).unwrap(), forms.iter().map(|form| form.name).collect())
});

/// The forms in which any of the keys stands in these bytes.
pub fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let (regex, names) = &*FORMS;
    if !regex.is_match(bytes) {
        return Vec::new();
    }
    let name = |found: Captures<'_>| names[found.iter().skip(1).position(|group| group.is_some()).unwrap()];
    regex.captures_iter(bytes).map(name).collect()
}

/// Every file of the repo, its home and its notes that holds a key, with the form.
pub fn leaks(space: &Space) -> Vec<String> {
    let mut leaks = Vec::new();
    let (mut open, own) = (vec![space.root().parent().unwrap().to_owned()], space.path(".env"));
    while let Some(place) = open.pop() {
        let name = place.display().to_string();
        leaks.extend(found_in(name.as_bytes()).iter().map(|form| format!("{name}: its name, as {form}")));
        if place.is_dir() {
            open.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        } else if place != own {
            leaks.extend(found_in(&fs::read(&place).unwrap()).iter().map(|form| format!("{name}: as {form}")));
        }
    }
    leaks
}

/// The same of what a command printed.
pub fn told(run: &Run) -> Vec<String> {
    let streams = [("standard output", &run.out), ("standard error", &run.err)];
    let told = |(stream, text): (&str, &String)| -> Vec<String> {
        found_in(text.as_bytes()).iter().map(|form| format!("{stream}: as {form}\n{text}")).collect()
    };
    streams.into_iter().flat_map(told).collect()
}

#[track_caller]
pub fn is_silent(run: &Run, what: &str) {
    assert_eq!(told(run), Vec::<String>::new(), "{what}");
}

#[track_caller]
pub fn is_clean(space: &Space, run: &Run, what: &str) {
    is_silent(run, what);
    assert_eq!(leaks(space), Vec::<String>::new(), "{what}\n{}", run.err);
}
