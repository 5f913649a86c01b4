//! The kind `align`: a recording and its text become the text's words with their times.
//!
//! Whom the stage names for it hears the recording, and what he recognised is matched with the text. Without one, and
//! where it can, the built-in voice reads the same text, and the recording is matched with that reading; else the
//! recording's time is shared out by the length of the text, and every word says that it is estimated.

mod hearing;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Kind, Made, Pay, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::input;
use crate::kind::settings::Settings;
use crate::kind::speaker::{BUILT_IN, Manner, Script, Speaker};
use crate::media::join::{Pauses, Speech as Joint, join};
use crate::media::token::is_spoken;
use crate::media::wav::{self, Sound};
use crate::media::words::{Timing, VERSION, Word, Words};
use crate::media::{align, estimate};
use crate::provider::Providers;
use crate::provider::chat::BoxFuture;
use crate::provider::ears::Ears;
use crate::provider::memory::Memory;
use crate::provider::speech::Wanted;
use crate::provider::voice::Voice;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::scope::{Scope, ScopeFile};
use crate::storyfile::story::Output;
use serde_json::Value;
use std::collections::BTreeMap;

/// Finds when each word of a text is spoken.
pub struct Align;

const LANGUAGE: &str = "en";
/// Nobody says fewer or more words a second than that over a whole recording, pauses included.
const WORDS_A_SECOND: std::ops::RangeInclusive<f64> = 0.5..=6.0;

impl Kind for Align {
    fn info(&self) -> &'static KindInfo {
        &super::info::ALIGN
    }

    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Free
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let mut faults = every_fault(work.settings, |settings| {
            let settings = AlignSettings::read(settings)?;
            if settings.ears(work.named, work.providers)?.is_some() {
                return Ok(());
            }
            match (settings.method, work.providers.voice(BUILT_IN)) {
                (Method::Dtw, Ok(voice)) => settings.accepted(voice),
                _ => Ok(()),
            }
        });
        faults.extend(only_output(work.outputs).err());
        faults
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        let settings = AlignSettings::read(work.settings)?;
        if let Some(ears) = settings.ears(work.named, work.providers)? {
            return Ok(Some(ears.identity().to_owned()));
        }
        Ok(settings.reader(work.providers)?.map(|voice| voice.identity()))
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(words_with_times(job))
    }
}

/// How a recording is matched to its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// By what is recognised if the stage names who is to hear it, by a voice's reading if one can be had, else by length.
    Auto,
    /// By what a service recognises.
    Transcribe,
    /// By a voice's reading.
    Dtw,
    /// By length.
    Estimate,
}

/// What an `align` stage says under `with:`.
struct AlignSettings {
    method: Method,
    language: String,
}

impl AlignSettings {
    fn read(settings: &Value) -> Result<AlignSettings, SettingFault> {
        let settings = Settings::of(settings);
        let method = match settings.text("method")? {
            None | Some("auto") => Method::Auto,
            Some("dtw") => Method::Dtw,
            Some("estimate") => Method::Estimate,
            Some("transcribe") => Method::Transcribe,
            Some(other) => {
                return Err(settings.wrong("method", &other.into(), "`auto`, `dtw`, `estimate` or `transcribe`"));
            }
        };
        Ok(AlignSettings { method, language: settings.text("language")?.unwrap_or(LANGUAGE).to_owned() })
    }

    /// Returns who is to hear the recording; none where it is matched without.
    fn ears<'p>(
        &self,
        named: &BTreeMap<String, String>,
        providers: &'p Providers,
    ) -> Result<Option<&'p Ears>, SettingFault> {
        match (self.method, hearing::ears(named, providers)?) {
            (Method::Transcribe, None) => {
                Err(SettingFault::setting("method", "`method: transcribe` asks a provider, and the stage names none")
                    .hint("Write `provider: NAME`, one of `type: openai` with `model: whisper-1`."))
            }
            (Method::Dtw | Method::Estimate, Some(_)) => {
                Err(SettingFault::setting("method", "this method asks nobody, and the stage names a provider")
                    .hint("Write `method: transcribe`, or remove `provider`."))
            }
            (_, ears) => Ok(ears),
        }
    }

    /// Asks the voice whether it can read the text.
    fn accepted(&self, voice: &Voice) -> Result<(), SettingFault> {
        let wanted = Wanted { language: &self.language, voice: None, gender: None, pronunciation: &BTreeMap::new() };
        voice.accepts(&wanted).map_err(|failure| {
            let fault = SettingFault::setting("language", failure.message);
            SettingFault { hint: failure.hint, ..fault }
        })
    }

    /// Returns the voice that is to read the text; none where the times will be estimated.
    fn reader<'p>(&self, providers: &'p Providers) -> Result<Option<&'p Voice>, Failure> {
        let reader = || {
            // Always the one that is here and costs nothing, whatever speaks in other stages.
            let voice = providers.voice(BUILT_IN)?;
            self.accepted(voice)?;
            Ok(voice)
        };
        match self.method {
            Method::Estimate | Method::Transcribe => Ok(None),
            Method::Dtw => reader().map(Some),
            Method::Auto => Ok(reader().ok()),
        }
    }
}

async fn words_with_times(job: Job<'_>) -> Result<Made, Failure> {
    let settings = AlignSettings::read(&job.settings)?;
    let output = only_output(job.outputs)?;
    let (audio, text) = recording_and_text(&job.scope)?;
    let recording = recording(audio)?;
    let script = Script::read(text)?;
    let mut warnings: Vec<String> = misfit(&script.words(), &recording, audio, text).into_iter().collect();
    let mut memory = Memory::new(job.desk);
    let (rate, duration) = (recording.rate, seconds(&recording));
    let (timing, words) = match settings.ears(job.named, job.providers)? {
        Some(ears) => {
            let heard = hearing::heard(ears, audio, &recording, &settings.language, &mut memory, &job).await?;
            let words = hearing::matched(script.words(), heard, recording).await?;
            let is_known = words.iter().any(|word| !word.estimated && is_spoken(&word.text));
            (if is_known { Timing::Aligned } else { Timing::Estimated }, words)
        }
        None => {
            let reading = reading(&settings, &script, &mut memory, &job, &mut warnings).await?;
            let timing = if reading.is_some() { Timing::Aligned } else { Timing::Estimated };
            (timing, timed(script.words(), reading, recording).await?)
        }
    };
    let words = Words {
        version: VERSION,
        sample_rate: Some(rate),
        duration,
        language: settings.language,
        source: timing,
        words,
    };
    every_word_once(&script, &words)?;
    let is_heard = job.named.contains_key("transcription");
    warnings.extend(guessed(&words, if is_heard { "they were not recognised" } else { "the voice cannot say them" }));
    if is_heard && timing == Timing::Estimated {
        warnings.push(format!("nothing of `{}` was recognised in `{}`", text.path, audio.path));
    }
    let mut made = Made::of(memory);
    warnings.append(&mut made.warnings);
    made.outputs.insert(output.slot.clone(), words.to_json().into_bytes());
    let matched = if is_heard { "matched with what was heard by" } else { "matched with a reading by" };
    made.made_by = made.made_by.map(|maker| format!("{matched} {maker}"));
    Ok(Made { warnings, ..made })
}

/// Lets the built-in voice read the text, if the method wants that and the voice can be had.
async fn reading(
    settings: &AlignSettings,
    script: &Script<'_>,
    memory: &mut Memory<'_>,
    job: &Job<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<Reading>, Failure> {
    let Some(voice) = settings.reader(job.providers)? else { return Ok(None) };
    match read(voice, &settings.language, script, memory, job).await {
        // A voice that cannot be had here is no reason to fail, unless it was asked for by name.
        Err(failure) if settings.method == Method::Auto && failure.cause == Cause::Setup => {
            warnings.push(format!("the times are estimated: {failure}"));
            Ok(None)
        }
        reading => reading.map(Some),
    }
}

/// Tells the two inputs apart: by their names, else by what they are.
fn recording_and_text(scope: &Scope) -> Result<(&ScopeFile, &ScopeFile), Failure> {
    const HINT: &str = "Write `inputs: { audio: voice.wav, text: script.md }`.";
    let files: Vec<&ScopeFile> = input::declared(scope).collect();
    let [one, other] = files.as_slice() else {
        let message = format!("the stage has {} inputs: it reads two, a recording and its text", files.len());
        return Err(Failure::new(Cause::Setup, message).hint(HINT));
    };
    let is_audio = |file: &ScopeFile| file.role == "audio" || (file.role != "text" && is_sound(&file.path));
    match (is_audio(one), is_audio(other)) {
        (true, false) => Ok((one, other)),
        (false, true) => Ok((other, one)),
        (true, true) => {
            let message = format!("`{}` and `{}` are both recordings: one must be the text", one.path, other.path);
            Err(Failure::new(Cause::Setup, message).hint(HINT))
        }
        (false, false) => {
            let message = format!("neither `{}` nor `{}` is a recording", one.path, other.path);
            Err(Failure::new(Cause::Setup, message).hint(HINT))
        }
    }
}

fn is_sound(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    ["wav", "mp3", "flac", "opus", "ogg", "m4a", "aac"].contains(&extension.as_str())
}

fn recording(file: &ScopeFile) -> Result<Sound, Failure> {
    let bytes = file.content.as_deref().unwrap_or_default();
    let sound = wav::read(bytes).map_err(|error| {
        Failure::new(Cause::Validation, format!("`{}` cannot be read: {error}", file.path))
            .hint(format!("Recordings are read as WAV. A command makes one: `ffmpeg -i {} voice.wav`.", file.path))
    })?;
    match sound.samples.iter().any(|sample| sample.abs() > 0.0) {
        true => Ok(sound),
        false => Err(Failure::new(Cause::Validation, format!("`{}` is silent: there is nothing to align", file.path))),
    }
}

/// Says so if so many words cannot have been said in so much time.
fn misfit(words: &[Word], recording: &Sound, audio: &ScopeFile, text: &ScopeFile) -> Option<String> {
    let (count, seconds) = (words.iter().filter(|word| is_spoken(&word.text)).count(), seconds(recording));
    (!WORDS_A_SECOND.contains(&(count as f64 / seconds))).then(|| {
        format!(
            "`{}` has {count} words, and `{}` lasts {seconds:.1} s: they may not belong together",
            text.path, audio.path
        )
    })
}

/// The built-in voice's reading of the text, and the words with their times in it.
struct Reading {
    sound: Sound,
    words: Vec<Word>,
}

async fn read(
    voice: &Voice,
    language: &str,
    script: &Script<'_>,
    memory: &mut Memory<'_>,
    job: &Job<'_>,
) -> Result<Reading, Failure> {
    let manner = Manner::plain(language);
    let speaker = Speaker { voice, manner: &manner, said: BTreeMap::new() };
    let spoken = speaker.script(script, memory, job).await?;
    let joint = Joint { rate: spoken.rate, language: language.to_owned(), timing: Timing::Synthesiser };
    // The words' times have the voice's own lag taken off already.
    let (samples, words) = join(&spoken.chunks, &joint, Pauses::default());
    Ok(Reading { sound: Sound { rate: spoken.rate, samples }, words: words.words })
}

/// Gives the words their times in the recording, away from the async threads.
async fn timed(words: Vec<Word>, reading: Option<Reading>, recording: Sound) -> Result<Vec<Word>, Failure> {
    let work = move || match reading {
        Some(reading) => align::aligned(&reading.words, &reading.sound, &recording),
        None => estimate::estimated(&words, &recording),
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(Cause::Machine, format!("the alignment broke off: {error}")))
}

/// The words file has the text's words, each once and in order: anything else is a fault of ours, never written.
fn every_word_once(script: &Script<'_>, words: &Words) -> Result<(), Failure> {
    let wanted = script.words();
    if !wanted.iter().map(|word| &word.text).eq(words.words.iter().map(|word| &word.text)) {
        return Err(Failure::new(Cause::Machine, "the words file does not hold every word of the text in order"));
    }
    words.check().map_err(|error| Failure::new(Cause::Machine, format!("the times are wrong: {error}")))
}

/// Says how many words of a matched recording are still guesses, and why.
fn guessed(words: &Words, why: &str) -> Option<String> {
    let count = words.words.iter().filter(|word| word.estimated && is_spoken(&word.text)).count();
    (words.source == Timing::Aligned && count > 0)
        .then(|| format!("{count} of {} words are estimated: {why}", words.words.len()))
}

fn seconds(sound: &Sound) -> f64 {
    sound.samples.len() as f64 / f64::from(sound.rate.max(1))
}

fn only_output(outputs: &[Output]) -> Result<&Output, SettingFault> {
    match outputs {
        [output] => Ok(output),
        _ => Err(SettingFault::stage(format!(
            "the stage has {} outputs: what is aligned is one words file",
            outputs.len()
        ))
        .hint("Write one path that ends in `.json` under `outputs:`.")),
    }
}

#[cfg(all(test, feature = "local-voice"))]
mod heard_tests;
#[cfg(test)]
mod tests;
