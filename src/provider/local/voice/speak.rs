//! Speaks one request: text to script, script to phonemes, phonemes to sound and times.

use super::VoiceFiles;
use super::fourier::{Fourier, HOP};
use super::net::AcousticNet;
use super::normalise::{self, Script, ScriptWord};
use super::oov::UnknownWords;
use super::phonemes::{PIECE_MAX, Phoneme, Pronouncer, pieces};
use super::pinned;
use super::signal::{Noise, SAMPLE_RATE, render};
use super::source::skipped_warning;
use super::timing::Times;
use crate::base::failure::{Cause, Failure};
use crate::provider::speech::{SpeechReply, SpeechRequest, SpeechWarning, SpokenWord};
use rten::ThreadPool;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Sound of a text with nothing in it to say, in samples: a quarter of a second of silence, because a file of no sound
/// is one that few programs can open.
const SILENCE: usize = SAMPLE_RATE as usize / 4;

/// From so many letters on a word is looked at, and so much of a second each takes at the least when it is said.
const RUSHED_LETTERS: usize = 25;
const LETTER_SECONDS_MIN: f64 = 0.005;

/// All that speaking needs, loaded once.
pub struct Engine {
    net: AcousticNet,
    pronouncer: Pronouncer,
    fourier: Fourier,
}

impl Engine {
    pub fn load(files: VoiceFiles) -> Result<Engine, Failure> {
        let unknown = UnknownWords::load(files.oov_onnx, &files.oov_json)?;
        let pronouncer = Pronouncer::load(unknown, &files.vocab_json)?;
        Ok(Engine { net: AcousticNet::load(files.onnx)?, pronouncer, fourier: Fourier::new() })
    }

    /// Speaks `request` on this thread and one more; looks at `cancel` between pieces.
    pub fn speak(&self, request: &SpeechRequest, cancel: &CancellationToken) -> Result<SpeechReply, Failure> {
        // A pool of its own: two requests at once must not wait for each other.
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let Script { words, mut warnings } = self.script(request);
        let mut noise = Noise::new(request.seed.unwrap_or(0));
        let mut samples = Vec::new();
        let mut times = Times::new(words.len());
        let mut first = 0;
        for sentence in words.split_inclusive(|word| word.ends_sentence) {
            let phonemes = self.pronouncer.read(sentence, first);
            warnings.extend(unheard(sentence, first, &phonemes, &request.text));
            first += sentence.len();
            for piece in pieces(&phonemes, PIECE_MAX) {
                if cancel.is_cancelled() {
                    return Err(Failure::new(Cause::Cancelled, "cancelled while speaking"));
                }
                let padded: Vec<i32> = [0].into_iter().chain(piece.iter().map(|p| p.id)).chain([0]).collect();
                let prediction = self.net.run(&padded, request.speed, &threads)?;
                times.note(piece, &prediction.durations, seconds(samples.len()));
                samples.extend(render(&prediction.frames, &self.fourier, &mut noise));
            }
        }
        if samples.is_empty() {
            samples = vec![0.0; SILENCE];
        }
        let texts = words.iter().map(|word| &request.text[word.range.clone()]);
        let spoken = times.words(texts, seconds(samples.len()));
        warnings.extend(rushed(&words, &spoken, request.speed));
        warnings.sort_by_key(|warning| (warning.start, warning.end));
        Ok(SpeechReply {
            words: spoken,
            samples,
            sample_rate: SAMPLE_RATE,
            spoken_by: format!("hibari {} (built in)", pinned::VERSION),
            warnings,
            characters: None,
        })
    }

    fn script(&self, request: &SpeechRequest) -> Script {
        let known = |word: &str| self.pronouncer.knows(word);
        normalise::script(&request.text, &request.pronunciation, &known)
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

// A unit of duration is two hops: the sum rule of the net and the times of the words rest on it.
const _: () = assert!(2 * HOP * 1000 == 25 * SAMPLE_RATE as usize);

/// Warns of words for which something should be said, but no phoneme was found.
fn unheard(sentence: &[ScriptWord], first: usize, phonemes: &[Phoneme], text: &str) -> Vec<SpeechWarning> {
    let heard: std::collections::BTreeSet<usize> = phonemes.iter().filter_map(|phoneme| phoneme.word).collect();
    let silent = |(at, word): &(usize, &ScriptWord)| {
        word.say.contains(|c: char| c.is_alphanumeric()) && !heard.contains(&(first + at))
    };
    sentence.iter().enumerate().filter(silent).map(|(_, word)| skipped_warning(text, word.range.clone())).collect()
}

/// Warns of words that were heard too short to have been said in full: the net gives up on what is no word.
fn rushed(words: &[ScriptWord], spoken: &[SpokenWord], speed: f64) -> Vec<SpeechWarning> {
    let short = |(word, heard): &(&ScriptWord, &SpokenWord)| {
        let letters = heard.text.chars().filter(|c| c.is_alphanumeric()).count();
        let seconds = (heard.end - heard.start) * speed;
        letters >= RUSHED_LETTERS
            && heard.end > heard.start
            && seconds < letters as f64 * LETTER_SECONDS_MIN
            && !word.say.is_empty()
    };
    let rushed = words.iter().zip(spoken).filter(short);
    let warning = |(word, heard): (&ScriptWord, &SpokenWord)| SpeechWarning {
        start: word.range.start as u32,
        end: word.range.end as u32,
        message: format!("said only a part of \"{}…\"", heard.text.chars().take(20).collect::<String>()),
    };
    rushed.map(warning).collect()
}
