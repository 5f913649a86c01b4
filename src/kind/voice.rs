//! The kind `voice`: a script becomes sound, and its words with their times.
//!
//! The sentences are spoken one by one ([`speaker`](super::speaker)), joined, and brought to the wanted loudness.

mod line;
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
use crate::media::token::is_spoken;
use crate::media::wav;
use crate::media::words::{Timing, Word, Words};
use crate::provider::Providers;
use crate::provider::chat::BoxFuture;
use crate::provider::memory::Memory;
use crate::provider::quote::Quote;
use crate::provider::speech::Wanted;
use crate::provider::voice::Voice as Narrator;
use crate::storyfile::catalog::KindInfo;
use line::{Teller, line};
use settings::{Slots, VoiceSettings, own_pronunciation, pronunciation, slots};
use std::collections::{BTreeMap, BTreeSet};

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
            voice.map_or(Ok(()), |voice| all_accepted(voice, &read, &said, work.late))
        });
        faults.extend(slots(work.outputs).1);
        faults
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        let voice = provider(work.named, work.providers)?;
        let settings = VoiceSettings::read(work.settings)?;
        let line: Vec<String> = line(voice, &settings)?.iter().map(|teller| teller.voice.identity()).collect();
        Ok(Some(line.join(", else ")))
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

fn provider<'a>(named: &BTreeMap<String, String>, providers: &'a Providers) -> Result<&'a Narrator, Failure> {
    providers.voice(named.get("voice").map_or(BUILT_IN, String::as_str))
}

/// Asks all who may speak whether they can do what is wanted.
fn all_accepted(
    voice: &Narrator,
    settings: &VoiceSettings,
    said: &BTreeMap<String, String>,
    late: &BTreeSet<String>,
) -> Result<(), SettingFault> {
    for teller in line(voice, settings)? {
        accepted(teller.voice, &teller.settings, said, late).map_err(|fault| match teller.stands_in {
            None => fault,
            Some(name) => SettingFault {
                hint: fault.hint,
                ..SettingFault::setting("fallback", format!("`{name}` cannot stand in: {}", fault.message))
            },
        })?;
    }
    Ok(())
}

/// Asks the voice whether it can do what is wanted, one thing after the other, so that a refusal has its place.
///
/// A setting that is `late` is not missing: it will be known.
fn accepted(
    voice: &Narrator,
    settings: &VoiceSettings,
    said: &BTreeMap<String, String>,
    late: &BTreeSet<String>,
) -> Result<(), SettingFault> {
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
        None => match voice.takes(&settings.manner.request("")) {
            Err(misfit) if !late.contains(&misfit.setting) => {
                Err(SettingFault::setting(misfit.setting, misfit.message).hint(misfit.hint))
            }
            _ => Ok(()),
        },
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
    all_accepted(voice, &settings, &said, &BTreeSet::new())?;
    let (spoken, mut made) = spoken(&line(voice, &settings)?, &script, &said, &job).await?;
    let Spoken { chunks, rate, unsaid } = spoken;
    if !chunks.iter().flat_map(|chunk| &chunk.words).any(|word| word.end > word.start) {
        return Err(unspeakable(&file.path, &unsaid));
    }
    let finished = finish(chunks, rate, &settings).await?;
    every_word_once(script.text, &finished.words)?;
    made.warnings.extend(bounded(unsaid));
    made.warnings.extend(finished.warning);
    made.warnings.extend(guessed(&finished.words));
    made.outputs = written(&slots, finished.wav, &finished.words);
    Ok(made)
}

/// Lets the first of the line speak who is not out of order: all of the script, whatever another has spoken of it.
async fn spoken(
    line: &[Teller<'_>],
    script: &Script<'_>,
    said: &BTreeMap<String, String>,
    job: &Job<'_>,
) -> Result<(Spoken, Made), Failure> {
    let mut outage: Option<Failure> = None;
    for teller in line {
        let speaker = Speaker { voice: teller.voice, manner: &teller.settings.manner, said: said.clone() };
        let mut memory = Memory::new(job.desk);
        match speaker.script(script, &mut memory, job).await {
            Ok(spoken) => {
                let mut made = Made::of(memory);
                if let (Some(outage), Some(name)) = (outage, teller.stands_in) {
                    made.warnings.push(format!("{}: all of it is spoken by the fallback, `{name}`", outage.message));
                }
                return Ok((spoken, made));
            }
            Err(failure) if teller.voice.gives_way(&failure) => drop(outage.get_or_insert(failure)),
            Err(failure) => return Err(failure),
        }
    }
    Err(outage.unwrap_or_else(|| Failure::new(Cause::Machine, "nobody was asked to speak")))
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
    let is_told = heard_words(chunks.iter().flat_map(|chunk| &chunk.words)).any(|word| !word.estimated);
    let timing = if is_told { Timing::Synthesiser } else { Timing::Estimated };
    let joint = Joint { rate, language: settings.manner.language.clone(), timing };
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

fn heard_words<'w>(words: impl IntoIterator<Item = &'w Word>) -> impl Iterator<Item = &'w Word> {
    words.into_iter().filter(|word| is_spoken(&word.text))
}

/// Says how many words' times are guesses, because the voice told none of use.
fn guessed(words: &Words) -> Option<String> {
    const BETTER: &str = "an `align` stage finds them in the recording";
    let (all, guesses) = (heard_words(&words.words), heard_words(&words.words).filter(|word| word.estimated));
    match (all.count(), guesses.count()) {
        (_, 0) => None,
        (all, guesses) if all == guesses => {
            Some(format!("the voice tells no times, those of the words are estimated: {BETTER}"))
        }
        (all, guesses) => Some(format!("{guesses} of {all} words have estimated times, the voice told none: {BETTER}")),
    }
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
