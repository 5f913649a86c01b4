//! The kind `http`: one call to an API; its answer, or a part of it, is the output. Each answer is remembered by its call.

use crate::base::address::Address;
use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Guess, Job, Kind, Made, Pay, Quoted, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::settings::Settings;
use crate::provider::Providers;
use crate::provider::api::{AnswerSort, ApiCall};
use crate::provider::chat::BoxFuture;
use crate::provider::courier::Courier;
use crate::provider::memory::{Memory, Variant};
use crate::provider::quote::Quote;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::headers::{header_fault, is_secret_header};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How much of an answer that cannot be used the log shows, in characters.
const LOG_CHARS_MAX: usize = 64 * 1024;

/// Calls an API.
pub struct Http;

impl Kind for Http {
    fn info(&self) -> &'static KindInfo {
        &super::info::HTTP
    }

    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Paid
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let courier = courier(work.named, work.providers);
        if courier.is_none() && work.named.contains_key("http") {
            // A provider that is declared and is none: what is wrong with it is told where it stands.
            return Vec::new();
        }
        every_fault(work.settings, |settings| read(settings, work.late, courier).map(drop))
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        // Without a provider the whole address stands among the settings.
        Ok(courier(work.named, work.providers).map(|courier| courier.identity().to_owned()))
    }

    fn quote(&self, quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
        let Sent { courier, call, .. } = sent(quoted.settings, quoted.named, quoted.providers)?;
        Ok(courier.quote(&call, Variant::of(quoted.take), quoted.store).into_iter().collect())
    }

    fn guess(&self, work: &Work<'_>, _input_bytes: Option<u64>) -> Guess {
        let declared = courier(work.named, work.providers);
        let courier = match (read(work.settings, work.late, declared).map(|asked| asked.url), declared) {
            (Ok(Url::Whole(address)), None) => Some(work.providers.open(address)),
            _ => declared.cloned(),
        };
        let quotes = courier.map(|courier| courier.guess().into_iter().collect());
        Guess { quotes, output_bytes: None }
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(perform(job))
    }
}

/// What a stage asks for.
struct Asked {
    method: String,
    url: Url,
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    extract: Extract,
}

enum Url {
    /// It waits for a file.
    Late,
    /// Below the provider's address.
    Below(String),
    /// A service of its own, and what is asked of it.
    Whole(Address),
}

/// Which part of an answer is the output.
#[derive(Debug, Default)]
struct Extract {
    pointer: Option<String>,
    is_base64: bool,
}

fn courier<'a>(named: &BTreeMap<String, String>, providers: &'a Providers) -> Option<&'a Courier> {
    providers.couriers.get(named.get("http")?)
}

/// The call of a stage, and who carries it.
struct Sent {
    courier: Courier,
    call: ApiCall,
    extract: Extract,
}

/// Puts the call of a stage together.
fn sent(settings: &Value, named: &BTreeMap<String, String>, providers: &Providers) -> Result<Sent, Failure> {
    let declared = courier(named, providers);
    let Asked { method, url, mut headers, json, extract } = read(settings, &BTreeSet::new(), declared)?;
    let (courier, path) = match (url, declared) {
        (Url::Below(path), Some(courier)) => (courier.clone(), path),
        // Whoever plays the services of others is asked by their whole address.
        (Url::Whole(address), Some(courier)) => (courier.clone(), address.join("")),
        (Url::Whole(address), None) => (providers.open(address), String::new()),
        _ => return Err(Failure::new(Cause::Machine, "the address was not known")),
    };
    if json.is_some() {
        headers.insert("content-type".into(), "application/json".into());
    }
    let body = json.map(|json| json.to_string().into_bytes());
    let call = ApiCall { method, path, headers, body, answer: AnswerSort::Any };
    Ok(Sent { courier, call, extract })
}

async fn perform(job: Job<'_>) -> Result<Made, Failure> {
    let Sent { courier, call, extract } = sent(&job.settings, job.named, job.providers)?;
    let mut memory = Memory::new(job.desk);
    let body = courier.ask(&call, Variant::of(job.take), &mut memory).await?;
    let content = extract.of(&body).map_err(|failure| {
        let shown: String = String::from_utf8_lossy(&body).chars().take(LOG_CHARS_MAX).collect();
        (job.desk.log)(&format!("{}\n", shown.trim_end()));
        failure
            .hint("`storygen log` shows the answer. It is kept: correct `extract`, or ask again with `build --force`.")
    })?;
    let mut made = Made::of(memory);
    match job.outputs.first() {
        Some(output) => drop(made.outputs.insert(output.slot.clone(), content)),
        None => made.verdict = Some(json!({"answer": Digest::of(&content).to_string()})),
    }
    Ok(made)
}

/// Reads the settings; those in `late` are absent and not judged.
fn read(settings: &Value, late: &BTreeSet<String>, courier: Option<&Courier>) -> Result<Asked, SettingFault> {
    let settings = Settings::of(settings);
    let json = settings.get("json").cloned();
    let has_body = json.is_some() || late.contains("json");
    let method = settings.text("method")?.unwrap_or(if has_body { "POST" } else { "GET" }).to_owned();
    if method == "GET" && has_body {
        return Err(SettingFault::setting("method", "a `GET` sends no `json`")
            .hint("Write `method: POST`, or put the values into `url`."));
    }
    let url = match settings.text("url")? {
        Some(text) => url(text, courier)?,
        // That one is given is checked when the file is loaded.
        None => Url::Late,
    };
    let mut headers = BTreeMap::new();
    for (name, value) in settings.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let full = format!("headers.{name}");
        if let Some(fault) = header_fault(name) {
            return Err(SettingFault::setting(full, format!("`{name}` {fault}")).hint("Take it away."));
        }
        if is_secret_header(name) || courier.is_some_and(|courier| courier.sets(&name.to_lowercase())) {
            return Err(SettingFault::setting(full, format!("the header `{name}` belongs to the provider"))
                .hint("Secrets stand under `providers:`, in `api_key` and `headers`; they are never part of a key."));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(settings.wrong(&full, value, "a text")),
        };
        if text.chars().any(char::is_control) {
            return Err(settings.wrong(&full, value, "a text of one line"));
        }
        headers.insert(name.to_lowercase(), text);
    }
    Ok(Asked { method, url, headers, json, extract: Extract::read(&settings)? })
}

fn url(text: &str, courier: Option<&Courier>) -> Result<Url, SettingFault> {
    let wrong = |message: String, hint: &str| Err(SettingFault::setting("url", message).hint(hint));
    let text = text.trim().replace(' ', "%20");
    if text.contains(['#', '\\']) || text.chars().any(char::is_control) {
        return wrong("a sign in `url` cannot stand in an address".into(), "Leave out `#`, `\\` and line breaks.");
    }
    let has_address = courier.is_some_and(|courier| courier.base().is_some());
    match (text.contains("://"), courier.is_some()) {
        (true, true) if has_address => wrong(
            "`url` is a whole address, and the provider has one".into(),
            "Write the path below its `base_url`: `/images`.",
        ),
        (true, _) => match Address::parse(&text) {
            Ok(address) if address.is_loopback() => wrong(
                "`url` names a server on this machine, which is another one elsewhere".into(),
                "Put its address into a provider: `providers: { art: { type: http, base_url: … } }`.",
            ),
            Ok(address) => Ok(Url::Whole(address)),
            Err(fault) => wrong(format!("`url` is no address that can be called: {fault}"), "Write `https://…`."),
        },
        (false, true) if text.starts_with(['/', '?']) => Ok(Url::Below(text)),
        (false, true) => Ok(Url::Below(format!("/{text}"))),
        (false, false) => wrong(
            "`url` is a path, and the stage has no provider".into(),
            "Write the whole address, or `provider:` with one of `type: http`.",
        ),
    }
}

impl Extract {
    fn read(settings: &Settings<'_>) -> Result<Extract, SettingFault> {
        let Some(group) = settings.group("extract", "extract.")? else { return Ok(Extract::default()) };
        group.only(&["pointer", "decode"])?;
        let pointer = group.text("pointer")?.map(str::to_owned);
        if let Some(pointer) = pointer.as_ref().filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            return Err(SettingFault::setting("extract.pointer", format!("`{pointer}` is no JSON pointer"))
                .hint("It starts with `/`: `/data/0/b64_json`."));
        }
        let is_base64 = match group.text("decode")? {
            None => false,
            Some("base64") => true,
            Some(other) => {
                return Err(SettingFault::setting("extract.decode", format!("there is no way to decode `{other}`"))
                    .hint("It may be: base64."));
            }
        };
        Ok(Extract { pointer, is_base64 })
    }

    /// Returns the output's bytes.
    fn of(&self, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let wrong = |message: String| Err(Failure::new(Cause::Validation, message));
        let mut content = body.to_vec();
        if let Some(pointer) = &self.pointer {
            let value: Value = match serde_json::from_slice(body) {
                Ok(value) => value,
                Err(error) => return wrong(format!("the answer is no JSON: {error}")),
            };
            content = match value.pointer(pointer) {
                None | Some(Value::Null) => return wrong(format!("the answer has nothing at `{pointer}`")),
                Some(Value::String(text)) => text.clone().into_bytes(),
                Some(other) => other.to_string().into_bytes(),
            };
        }
        if self.is_base64 {
            content = match decoded(&content) {
                Some(bytes) => bytes,
                None => return wrong("what should be base64 is none".into()),
            };
        }
        Ok(content)
    }
}

/// Decodes base64 as services write it: both alphabets, with or without padding, white space, `data:…;base64,` before it.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = match text.split_once(";base64,") {
        Some((head, rest)) if head.trim_start().starts_with("data:") => rest,
        _ => text,
    };
    let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

#[cfg(test)]
mod tests;
