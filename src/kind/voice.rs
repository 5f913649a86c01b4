//! The kind `voice`: a script becomes sound, and its words with their times.
//!
//! Each sentence is one request in the memory of requests, so that a changed sentence is spoken anew and no other.

mod chunk;
mod place;
mod settings;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Kind, Made, Pay, Progress, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::input;
use crate::kind::memory::{Fresh, Memory, Variant, request_key};
use crate::media::join::{Chunk, Speech as Joint, join};
use crate::media::loudness::normalise;
use crate::media::plain::{Sentence, paragraphs, script_words};
use crate::media::token::{is_spoken, tokens};
use crate::media::wav;
use crate::media::words::{Break, Timing, Word, Words};
use crate::provider::Providers;
use crate::provider::chat::BoxFuture;
use crate::provider::speech::{Speech, SpeechReply, SpeechRequest, Wanted};
use crate::storyfile::catalog::KindInfo;
use chunk::SpokenChunk;
use settings::{Slots, VoiceSettings, own_pronunciation, pronunciation, slots};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Speaks a script.
pub struct Voice;

/// The form of a remembered sentence.
const FORM: &str = "storygen speech 1";
/// The provider of a stage that names none.
const BUILT_IN: &str = "local-voice";
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
            voice.map_or(Ok(()), |voice| accepted(&**voice, &read, &said))
        });
        faults.extend(slots(work.outputs).1);
        faults
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(Some(provider(work.named, work.providers)?.identity()))
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(speak_script(job))
    }
}

fn provider<'a>(named: &BTreeMap<String, String>, providers: &'a Providers) -> Result<&'a Arc<dyn Speech>, Failure> {
    providers.voice(named.get("voice").map_or(BUILT_IN, String::as_str))
}

/// Asks the voice whether it can do what is wanted, one thing after the other, so that a refusal has its place.
fn accepted(voice: &dyn Speech, settings: &VoiceSettings, said: &BTreeMap<String, String>) -> Result<(), SettingFault> {
    let none = BTreeMap::new();
    let language = Wanted { voice: None, gender: None, pronunciation: &none, ..settings.wanted(&none) };
    let named = Wanted { voice: settings.voice.as_deref(), ..language };
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
    let known = voice.settings();
    match settings.own.keys().find(|name| !known.contains(&name.as_str())) {
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

/// A sentence of the script and what ends with it.
struct Part {
    sentence: Sentence,
    after: Break,
}

async fn speak_script(job: Job<'_>) -> Result<Made, Failure> {
    let settings = VoiceSettings::read(&job.settings)?;
    let (slots, _) = slots(job.outputs);
    let file = input::only(&job.scope, "a script")?;
    let script = input::text(file)?;
    let parts = parts(script);
    if !parts.iter().any(|part| is_to_be_spoken(&part.sentence.text)) {
        return Err(Failure::new(Cause::Validation, format!("`{}` has no words to speak", file.path)));
    }
    let voice = provider(job.named, job.providers)?;
    let said = pronunciation(&job.settings, &job.scope)?;
    accepted(&**voice, &settings, &said)?;
    let speaker = Speaker { voice, settings: &settings, said };
    let mut memory = Memory::new(job.store, &job.cancel);
    let mut chunks = Vec::with_capacity(parts.len());
    let mut rate = None;
    let mut unsaid = Vec::new();
    for (nth, part) in parts.iter().enumerate() {
        let text = part.sentence.text.as_str();
        if is_to_be_spoken(text) {
            let variant = Variant::of(job.take);
            let spoken = speaker.sentence(text, nth + 1, variant, &mut memory, &job).await?;
            one_rate(&mut rate, spoken.sample_rate)?;
            unsaid.extend(spoken.warnings.iter().map(|warning| {
                let place = place::of(script, &part.sentence, warning);
                format!("{}:{}:{}: {}", file.path, place.0, place.1, warning.message)
            }));
            chunks.push(Chunk { samples: spoken.samples(), words: spoken.words(text)?, after: part.after });
        } else {
            chunks.push(Chunk { samples: Vec::new(), words: silent(text), after: part.after });
        }
        let (done, total) = (nth as u64 + 1, parts.len() as u64);
        (job.progress)(Progress { done, total, note: "sentences".to_owned() });
    }
    if !chunks.iter().flat_map(|chunk| &chunk.words).any(|word| word.end > word.start) {
        return Err(unspeakable(&file.path, &unsaid));
    }
    let finished = finish(chunks, rate.unwrap_or(0), &settings).await?;
    every_word_once(script, &finished.words)?;
    let mut warnings = std::mem::take(&mut memory.warnings);
    warnings.extend(bounded(unsaid));
    warnings.extend(finished.warning);
    Ok(Made {
        outputs: written(&slots, finished.wav, &finished.words),
        verdict: None,
        made_by: memory.made_by(),
        warnings,
        remembered: memory.remembered,
        requests: memory.requests,
    })
}

/// Who speaks, and how.
struct Speaker<'a> {
    voice: &'a Arc<dyn Speech>,
    settings: &'a VoiceSettings,
    said: BTreeMap<String, String>,
}

impl Speaker<'_> {
    async fn sentence(
        &self,
        text: &str,
        number: usize,
        variant: Variant,
        memory: &mut Memory<'_>,
        job: &Job<'_>,
    ) -> Result<SpokenChunk, Failure> {
        let request = self.request(text, variant);
        let key = request_key(FORM, &self.voice.identity(), &request, variant)?;
        let description = format!("sentence {number}");
        let call = async { fresh(self.voice.speak(&request, &job.cancel).await?) };
        SpokenChunk::decode(&memory.ask(key, &description, call).await?)
    }

    fn request(&self, text: &str, variant: Variant) -> SpeechRequest {
        let settings = self.settings;
        // Only what occurs: a word added to the list re-speaks the sentences that have it.
        let low = text.to_lowercase();
        let here = self.said.iter().filter(|(word, _)| low.contains(&word.to_lowercase()));
        SpeechRequest {
            text: text.to_owned(),
            language: settings.language.clone(),
            voice: settings.voice.clone(),
            speed: settings.speed,
            seed: variant.seed(settings.seed),
            pronunciation: here.map(|(word, how)| (word.clone(), how.clone())).collect(),
            settings: settings.own.clone(),
        }
    }
}

fn fresh(reply: SpeechReply) -> Result<Fresh, Failure> {
    if reply.samples.is_empty() || reply.sample_rate == 0 {
        return Err(Failure::new(Cause::Empty, "the voice returned no sound"));
    }
    let made_by = reply.spoken_by.clone();
    Ok(Fresh { body: SpokenChunk::encode(reply)?, made_by, usage: None, negative: None })
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

fn parts(script: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for paragraph in paragraphs(script) {
        let last = paragraph.sentences.len();
        parts.extend(paragraph.sentences.into_iter().enumerate().map(|(at, sentence)| Part {
            sentence,
            after: if at + 1 == last { Break::Paragraph } else { Break::Sentence },
        }));
    }
    parts
}

fn is_to_be_spoken(sentence: &str) -> bool {
    tokens(sentence).iter().any(|token| is_spoken(token.text))
}

/// Words that are shown and not heard, such as a dash in a line of its own.
fn silent(sentence: &str) -> Vec<Word> {
    let word = |token: crate::media::token::Token<'_>| Word {
        text: token.text.to_owned(),
        start: 0.0,
        end: 0.0,
        break_after: Break::None,
        estimated: false,
        joined: token.joined,
    };
    tokens(sentence).into_iter().map(word).collect()
}

fn one_rate(rate: &mut Option<u32>, found: u32) -> Result<(), Failure> {
    match *rate.get_or_insert(found) {
        first if first == found => Ok(()),
        first => {
            Err(Failure::new(Cause::Machine, format!("the voice changed from {first} to {found} samples a second")))
        }
    }
}

struct Finished {
    wav: Vec<u8>,
    words: Words,
    warning: Option<String>,
}

/// Joins the sentences and brings them to the wanted loudness, away from the async threads.
async fn finish(chunks: Vec<Chunk>, rate: u32, settings: &VoiceSettings) -> Result<Finished, Failure> {
    let (pauses, target) = (settings.pauses, settings.loudness);
    let joint = Joint { rate, language: settings.language.clone(), timing: Timing::Synthesiser };
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
