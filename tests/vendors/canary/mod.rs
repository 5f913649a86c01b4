//! No key is left anywhere: whatever a vendor says, whatever a command prints, however a build ends.
//!
//! All that a build leaves (the tree, the state, the home, the streams, the events) is searched for the keys in six forms,
//! and as a page writes them.

mod answers;
mod commands;
mod deaths;
mod keys;
mod planted;
mod sources;

use crate::fake::{VOICE, Vendor};
use crate::proof::client::openai;
use crate::space::{Run, Space};
use keys::{ANTHROPIC, ELEVENLABS, GEMINI, OPENAI, VARIABLES};
use serde_json::json;
use std::fs;
use std::sync::LazyLock;

/// Every stage that asks a vendor, a piece of the path that it asks at, and the key that it asks with.
const ASKING: [(&str, &str, &str); 7] = [
    ("tale", "/chat/completions", OPENAI),
    ("essay", "/anthropic/v1/messages", ANTHROPIC),
    ("verse", ":generateContent", GEMINI),
    ("told", "/text-to-speech", ELEVENLABS),
    ("said", "/audio/speech", OPENAI),
    ("heard", "/audio/transcriptions", OPENAI),
    ("echo", "/echo", OPENAI),
];

/// Where `providers check` looks, and with which key.
const LISTS: [(&str, &str); 6] = [
    ("/openai/v1/models", OPENAI),
    ("/anthropic/v1/models", ANTHROPIC),
    ("/gemini/v1beta/models", GEMINI),
    ("/elevenlabs/v1/models", ELEVENLABS),
    ("/elevenlabs/v2/voices", ELEVENLABS),
    ("/elevenlabs/v1/user", ELEVENLABS),
];

/// A secret in a header, alone and among other words.
const EXTRA: &str = "headers: { X-Extra: \"${TEST_EXTRA_TOKEN}\", X-More: \"Token ${TEST_EXTRA_TOKEN} v2\" }";

/// Nobody waits, and nobody stops.
const ONCE: &str = "retry: { max: 0 }, continue_on_error: true";

/// A program of somebody's own that tells all that it sees, and then fails.
const CARD: &str = "#!/bin/sh\nread -r line\nenv >&2\ncase $line in *describe*) echo '{\"type\":\"description\",\"protocol\":1,\"version\":\"1\",\"settings\":{\"type\":\"object\"},\"inputs\":{\"min\":0},\"outputs\":{\"min\":1,\"max\":1},\"paid\":false}';; *) exit 1;; esac\n";

/// A recording that a vendor made once, to be heard.
static RECORDING: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let vendor = Vendor::start();
    let body = json!({ "model": "tts-1", "voice": "nova", "input": "The bus was late.", "response_format": "wav" });
    openai(&vendor, "/audio/speech").json(&body).send().body
});

/// A stage for every sort of vendor, one that tells all it sees, a hook that does, and a program.
fn space(vendor: &Vendor) -> Space {
    let price = "price: { call: 0.01, currency: USD }";
    let texts = vendor.openai("writer").with(EXTRA).with(price).and(vendor.anthropic("critic").with(EXTRA));
    let texts = texts.and(vendor.gemini("judge").with(EXTRA).with("price: { output: 2, currency: EUR }"));
    let voices = vendor.elevenlabs("narrator").with(EXTRA).with(&format!("voice: {VOICE}"));
    let voices = voices.and(vendor.openai_of("speaker", "tts-1").with(EXTRA).with("voice: alloy"));
    let others = vendor.openai_of("ears", "whisper-1").with(EXTRA).and(vendor.http("art").with(EXTRA));
    let providers = texts.and(voices).and(others);
    let played: String = ["writer", "critic", "judge", "narrator", "speaker"]
        .map(|name| format!("{name}: {{ type: scripted, answers: answers/ }}, "))
        .concat();
    let space = Space::new().file("script.md", "The bus was late.\n").file("card", CARD).chmod("card", 0o755);
    fs::write(space.path("heard.wav"), &*RECORDING).unwrap();
    space.story(&format!(
        "
        {providers}
        hooks: {{ run_finish: 'env > NOTES/hook.txt' }}
        stages:
          tale: {{ uses: prompt, provider: writer, {ONCE}, outputs: tale.md, with: {{ prompt: Tell me. }} }}
          essay: {{ uses: prompt, provider: critic, {ONCE}, outputs: essay.md, with: {{ prompt: An essay. }} }}
          verse: {{ uses: prompt, provider: judge, {ONCE}, outputs: verse.md, with: {{ prompt: A verse. }} }}
          told: {{ uses: voice, provider: narrator, {ONCE}, inputs: script.md, outputs: {{ audio: told.wav, words: told.json }} }}
          said: {{ uses: voice, provider: speaker, {ONCE}, inputs: script.md, outputs: {{ audio: said.wav, words: said.json }} }}
          heard: {{ uses: align, provider: ears, {ONCE}, inputs: {{ audio: heard.wav, text: script.md }}, outputs: heard.json }}
          echo: {{ uses: http, provider: art, {ONCE}, outputs: echo.json, with: {{ url: /echo, json: {{ prompt: hello }} }} }}
          env: {{ run: 'env; env > env.txt', always: true, outputs: env.txt }}
          card: {{ uses: ./card, outputs: card.txt, always: true }}
        profiles:
          ci: {{ providers: {{ {played} }}, stages: {{ heard: ~, echo: ~ }} }}
        "
    ))
}

/// Runs a command with the keys in its environment.
fn run(space: &Space, args: &[&str], vars: &[(&str, &str)]) -> Run {
    let mut command = space.command(args);
    // White space around a key is not a part of it: what `$(cat key)` or an editor left there.
    command.envs(VARIABLES.map(|(name, value)| (name, format!(" \t{value}\r\n"))));
    command.envs(vars.iter().copied());
    // What would pass by its name, if it were not a secret by its name or by its use.
    command.env("LC_OTHER_KEY", OPENAI);
    space.finish(command)
}
