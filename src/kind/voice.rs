//! The kind `voice`: a script becomes sound, and its words with their times.
//!
//! The sentences are spoken one by one ([`speaker`](super::speaker)), joined, and brought to the wanted loudness.

mod quote;
mod settings;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Guess, Job, Kind, Made, Pay, Quoted, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::input;
use crate::kind::speaker::{BUILT_IN, Script, Speaker, Spoken};
use crate::media::join::{Chunk, Speech as Joint, join};
use crate::media::loudness::normalise;
use crate::media::plain::script_words;
use crate::media::wav;
use crate::media::words::{Timing, Words};
use crate::provider::Providers;
use crate::provider::chat::BoxFuture;
use crate::provider::memory::Memory;
use crate::provider::quote::Quote;
use crate::provider::speech::Wanted;
use crate::provider::voice::Voice as Teller;
use crate::storyfile::catalog::KindInfo;
use settings::{Slots, VoiceSettings, own_pronunciation, pronunciation, slots};
use std::collections::BTreeMap;

/// Speaks a script.
pub struct Voice;

/// Farther from the wanted loudness than this, in LU, is worth a word.
const LOUDNESS_NEAR_LU: f64 = 1.0;
/// This many things that a voice could not say are told one by one.
const WARNINGS_TOLD: usize = 10;

impl Kind for Voice {
    fn info(&self) -> &'static KindInfo {
        &super::info::VOICE
    }

    fn version(&self) -> u32 {
        2
    }

    fn pay(&self) -> Pay {
        Pay::Paid
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let voice = provider(work.named, work.providers).ok();
        let mut faults = every_fault(work.settings, |settings| {
            let read = VoiceSettings::read(settings)?;
            let said = own_pronunciation(settings)?;
            voice.map_or(Ok(()), |voice| accepted(voice, &read, &said))
        });
        faults.extend(slots(work.outputs).1);
        faults
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(Some(provider(work.named, work.providers)?.identity()))
    }

    fn quote(&self, quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
        quote::quotes(quoted)
    }

    fn guess(&self, work: &Work<'_>, input_bytes: Option<u64>) -> Guess {
        quote::guess(work, input_bytes)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(speak_script(job))
    }
}

fn provider<'a>(named: &BTreeMap<String, String>, providers: &'a Providers) -> Result<&'a Teller, Failure> {
    providers.voice(named.get("voice").map_or(BUILT_IN, String::as_str))
}

/// Asks the voice whether it can do what is wanted, one thing after the other, so that a refusal has its place.
fn accepted(voice: &Teller, settings: &VoiceSettings, said: &BTreeMap<String, String>) -> Result<(), SettingFault> {
    let none = BTreeMap::new();
    let language = Wanted { voice: None, gender: None, pronunciation: &none, ..settings.wanted(&none) };
    let named = Wanted { voice: settings.manner.voice.as_deref(), ..language };
    let steps = [
        ("language", language),
        ("voice", named),
        ("gender", Wanted { gender: settings.gender, ..named }),
        ("pronunciation", settings.wanted(said)),
    ];
    for (name, wanted) in steps {
        voice.accepts(&wanted).map_err(|failure| {
            let fault = SettingFault::setting(name, failure.message);
            SettingFault { hint: failure.hint, ..fault }
        })?;
    }
    let Some(known) = voice.settings() else { return Ok(()) };
    match settings.manner.own.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let fault = SettingFault::setting(format!("settings.{name}"), format!("the voice has no setting `{name}`"));
            Err(match known {
                [] => fault.hint("Remove it: `speed` and `pronunciation` are all it knows."),
                known => fault.hint(format!("It has: {}.", known.join(", "))),
            })
        }
    }
}

async fn speak_script(job: Job<'_>) -> Result<Made, Failure> {
    let settings = VoiceSettings::read(&job.settings)?;
    let (slots, _) = slots(job.outputs);
    let file = input::only(&job.scope, "a script")?;
    let script = Script::read(file)?;
    let voice = provider(job.named, job.providers)?;
    let said = pronunciation(&job.settings, &job.scope)?;
    accepted(voice, &settings, &said)?;
    let speaker = Speaker { voice, manner: &settings.manner, said };
    let mut memory = Memory::new(job.desk);
    let Spoken { chunks, rate, unsaid } = speaker.script(&script, &mut memory, &job).await?;
    if !chunks.iter().flat_map(|chunk| &chunk.words).any(|word| word.end > word.start) {
        return Err(unspeakable(&file.path, &unsaid));
    }
    let finished = finish(chunks, rate, &settings).await?;
    every_word_once(script.text, &finished.words)?;
    let mut made = Made::of(memory);
    made.warnings.extend(bounded(unsaid));
    made.warnings.extend(finished.warning);
    made.outputs = written(&slots, finished.wav, &finished.words);
    Ok(made)
}

/// The failure that a script has words, and the voice can say none of them.
fn unspeakable(path: &str, unsaid: &[String]) -> Failure {
    let message = match unsaid.first() {
        Some(first) => format!("the voice can say nothing of `{path}`: {first}"),
        None => format!("the voice can say nothing of `{path}`"),
    };
    Failure::new(Cause::Validation, message)
        .hint("Name a provider of speech that speaks this language, or change the script.")
}

struct Finished {
    wav: Vec<u8>,
    words: Words,
    warning: Option<String>,
}

/// Joins the sentences and brings them to the wanted loudness, away from the async threads.
async fn finish(chunks: Vec<Chunk>, rate: u32, settings: &VoiceSettings) -> Result<Finished, Failure> {
    let (pauses, target) = (settings.pauses, settings.loudness);
    let joint = Joint { rate, language: settings.manner.language.clone(), timing: Timing::Synthesiser };
    let work = move || {
        let (mut samples, words) = join(&chunks, &joint, pauses);
        let reached = normalise(&mut samples, rate, target).map_err(|error| machine(&error))?;
        let missed = reached.lufs.filter(|lufs| (lufs - target.lufs).abs() > LOUDNESS_NEAR_LU);
        let warning = missed
            .map(|lufs| format!("the recording has {lufs:.1} LUFS, not {}: its peaks allow no more", target.lufs));
        Ok(Finished { wav: wav::write(&samples, rate).map_err(|error| machine(&error))?, words, warning })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(machine(&error)))
}

fn machine(error: &dyn std::error::Error) -> Failure {
    Failure::new(Cause::Machine, error.to_string())
}

/// The words file has the script's words, each once and in order: anything else is a fault of ours, never written.
fn every_word_once(script: &str, words: &Words) -> Result<(), Failure> {
    let wanted = script_words(script);
    let found = words.words.iter().map(|word| word.text.as_str());
    if !wanted.iter().map(String::as_str).eq(found) {
        return Err(Failure::new(Cause::Machine, "the words file does not hold every word of the script in order"));
    }
    words.check().map_err(|error| Failure::new(Cause::Machine, format!("the voice's times are wrong: {error}")))
}

fn written(slots: &Slots, wav: Vec<u8>, words: &Words) -> BTreeMap<String, Vec<u8>> {
    let audio = slots.audio.iter().map(|slot| (slot.clone(), wav.clone()));
    let timed = slots.words.iter().map(|slot| (slot.clone(), words.to_json().into_bytes()));
    audio.chain(timed).collect()
}

fn bounded(mut warnings: Vec<String>) -> Vec<String> {
    if warnings.len() > WARNINGS_TOLD {
        let more = warnings.len() - WARNINGS_TOLD;
        warnings.truncate(WARNINGS_TOLD);
        warnings.push(format!("and {more} more that the voice could not say as written"));
    }
    warnings
}

#[cfg(test)]
mod tests;
