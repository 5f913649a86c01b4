//! Strings spoken sentences together: silence trimmed, pauses set, word times moved along.

use super::words::{Break, Timing, VERSION, Word, Words};

/// One piece a voice has spoken, usually a sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// From -1 to 1.
    pub samples: Vec<f32>,
    /// Times in seconds from the start of this chunk.
    pub words: Vec<Word>,
    /// What ends with the chunk; decides the pause, and stands with its last word.
    pub after: Break,
}

/// How long is paused, in seconds from the last sound to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pauses {
    pub sentence: f64,
    pub paragraph: f64,
}

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses { sentence: 0.35, paragraph: 0.7 }
    }
}

/// What all chunks have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Speech {
    /// Samples a second.
    pub rate: u32,
    /// Language tag: `en`, `pt-BR`.
    pub language: String,
    pub timing: Timing,
}

/// A chunk's sound is what is louder than this share of its highest peak.
const SILENCE: f32 = 0.02;
/// Loudness is looked at in steps of this.
const FRAME_MS: u32 = 5;
/// What is kept around the sound: soft consonants and the room's echo.
const LEAD_MS: u32 = 30;
const TAIL_MS: u32 = 60;
/// Fade at each end, inside what is kept around the sound.
const FADE_MS: u32 = 5;

/// Returns one recording of all chunks and when each of their words sounds in it.
///
/// A word's time moves with its samples exactly; only what a chunk claimed to speak in its trimmed silence is
/// pulled to where its sound begins or ends. A chunk of pure silence leaves its words without length.
pub fn join(chunks: &[Chunk], speech: &Speech, pauses: Pauses) -> (Vec<f32>, Words) {
    let rate = f64::from(speech.rate);
    let mut samples: Vec<f32> = Vec::with_capacity(chunks.iter().map(|chunk| chunk.samples.len()).sum());
    let mut words = Vec::with_capacity(chunks.iter().map(|chunk| chunk.words.len()).sum());
    let mut pause = 0.0_f64;
    let mut silent_tail = 0;
    for chunk in chunks {
        let kept = Kept::of(&chunk.samples, speech.rate);
        let spoken = kept.start < kept.end;
        if spoken && !samples.is_empty() {
            let wanted = (pause * rate).round() as usize;
            samples.resize(samples.len() + wanted.saturating_sub(silent_tail + kept.lead), 0.0);
        }
        let offset = samples.len();
        samples.extend_from_slice(&chunk.samples[kept.start..kept.end]);
        fade(&mut samples[offset..], ms_samples(FADE_MS, speech.rate));
        let moved = |seconds: f64| {
            let inside = seconds.clamp(kept.start as f64 / rate, kept.end as f64 / rate);
            inside - kept.start as f64 / rate + offset as f64 / rate
        };
        for (at, word) in chunk.words.iter().enumerate() {
            let last = at + 1 == chunk.words.len();
            let break_after = if last { chunk.after.max(word.break_after) } else { word.break_after };
            words.push(Word { start: moved(word.start), end: moved(word.end), break_after, ..word.clone() });
        }
        let own = pause_after(chunk.after, pauses);
        pause = if spoken { own } else { pause.max(own) };
        silent_tail = if spoken { kept.tail } else { silent_tail };
    }
    let duration = if speech.rate == 0 { 0.0 } else { samples.len() as f64 / rate };
    let (sample_rate, language, source) = (Some(speech.rate), speech.language.clone(), speech.timing);
    (samples, Words { version: VERSION, sample_rate, duration, language, source, words })
}

fn pause_after(after: Break, pauses: Pauses) -> f64 {
    match after {
        Break::None => 0.0,
        Break::Sentence => pauses.sentence.max(0.0),
        Break::Paragraph => pauses.paragraph.max(0.0),
    }
}

/// The part of a chunk that stays: `start..end` of its samples, `lead` and `tail` of them without sound.
struct Kept {
    start: usize,
    end: usize,
    lead: usize,
    tail: usize,
}

impl Kept {
    fn of(samples: &[f32], rate: u32) -> Kept {
        let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let frame = ms_samples(FRAME_MS, rate).max(1);
        let sounds = |samples: &[f32]| samples.iter().any(|sample| sample.abs() > peak * SILENCE);
        let frames = || samples.chunks(frame);
        let (Some(first), Some(last)) = (frames().position(sounds), frames().rposition(sounds)) else {
            return Kept { start: 0, end: 0, lead: 0, tail: 0 };
        };
        let (from, to) = (first * frame, ((last + 1) * frame).min(samples.len()));
        let start = from.saturating_sub(ms_samples(LEAD_MS, rate));
        let end = (to + ms_samples(TAIL_MS, rate)).min(samples.len());
        Kept { start, end, lead: from - start, tail: end - to }
    }
}

/// Fades the first and last samples in and out, so that no cut clicks.
fn fade(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    let count = samples.len();
    for i in 0..length {
        let gain = (i as f32 + 0.5) / length as f32;
        samples[i] *= gain;
        samples[count - 1 - i] *= gain;
    }
}

fn ms_samples(ms: u32, rate: u32) -> usize {
    (u64::from(ms) * u64::from(rate) / 1000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: u32 = 1000;

    fn speech() -> Speech {
        Speech { rate: RATE, language: "en".into(), timing: Timing::Synthesiser }
    }

    fn word(text: &str, start: f64, end: f64) -> Word {
        Word { text: text.into(), start, end, break_after: Break::None, estimated: false, joined: false }
    }

    /// `lead` ms of silence, `sound` ms at 0.5, `tail` ms of silence; one word where the sound is.
    fn chunk(lead: usize, sound: usize, tail: usize, after: Break) -> Chunk {
        let mut samples = vec![0.0; lead];
        samples.resize(lead + sound, 0.5);
        samples.resize(lead + sound + tail, 0.0);
        Chunk { samples, words: vec![word("w", lead as f64 / 1e3, (lead + sound) as f64 / 1e3)], after }
    }

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn pauses_are_heard_from_sound_to_sound() {
        let chunks = [
            chunk(200, 300, 400, Break::Sentence),
            chunk(0, 100, 500, Break::Paragraph),
            chunk(500, 100, 0, Break::None),
        ];
        let (samples, words) = join(&chunks, &speech(), Pauses::default());
        near(words.words[0].start, 0.030);
        near(words.words[1].start - words.words[0].end, 0.35);
        near(words.words[2].start - words.words[1].end, 0.7);
        near(words.duration, samples.len() as f64 / 1e3);
        assert_eq!(words.words[1].break_after, Break::Paragraph);
        words.check().unwrap();
    }

    #[test]
    fn words_stay_on_their_sound() {
        let chunks = [chunk(205, 300, 400, Break::Sentence), chunk(110, 95, 90, Break::Sentence)];
        let (samples, words) = join(&chunks, &speech(), Pauses::default());
        for word in &words.words {
            let (start, end) = ((word.start * 1e3).round() as usize, (word.end * 1e3).round() as usize);
            assert!(samples[start..end].iter().all(|&sample| sample > 0.0));
            assert!(samples[start - 6] == 0.0 && samples.get(end + 6).is_none_or(|&sample| sample == 0.0));
        }
    }

    #[test]
    fn what_was_said_in_trimmed_silence_is_pulled_to_the_sound() {
        let mut early = chunk(400, 100, 300, Break::None);
        early.words = vec![word("a", 0.0, 0.1), word("b", 0.4, 0.8)];
        let (_, words) = join(&[early], &speech(), Pauses::default());
        near(words.words[0].end, 0.0);
        near(words.words[1].end, words.duration);
        words.check().unwrap();
    }

    #[test]
    fn silence_keeps_its_words_and_the_longest_pause() {
        let dash = Chunk { samples: vec![0.0; 50], words: vec![word("—", 0.0, 0.05)], after: Break::Paragraph };
        let chunks = [chunk(0, 100, 0, Break::Sentence), dash, chunk(0, 100, 0, Break::None)];
        let (_, words) = join(&chunks, &speech(), Pauses::default());
        near(words.words[1].start, words.words[1].end);
        near(words.words[2].start - words.words[0].end, 0.7);
        let (samples, nothing) = join(&[], &speech(), Pauses::default());
        assert!(samples.is_empty() && nothing.words.is_empty() && nothing.check().is_ok());
    }

    #[test]
    fn cuts_are_faded() {
        let (samples, _) = join(&[chunk(0, 200, 0, Break::None)], &speech(), Pauses::default());
        assert!(samples[0] <= 0.05 && samples[199] <= 0.05 && samples[100] == 0.5);
    }

    proptest! {
        #[test]
        fn times_never_go_back(parts in proptest::collection::vec((0usize..300, 0usize..300, 0usize..300, 0..3), 0..12)) {
            let breaks = [Break::None, Break::Sentence, Break::Paragraph];
            let chunks: Vec<Chunk> = parts.iter().map(|&(a, b, c, d)| chunk(a, b, c, breaks[d as usize])).collect();
            let (samples, words) = join(&chunks, &speech(), Pauses::default());
            prop_assert!(words.check().is_ok());
            prop_assert_eq!(words.words.len(), chunks.len());
            prop_assert!((words.duration - samples.len() as f64 / 1e3).abs() < 1e-9);
            prop_assert!(words.words.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9));
        }
    }
}
