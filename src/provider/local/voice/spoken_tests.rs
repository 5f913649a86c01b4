//! What only the weights can show. They are read from the directory in STORYGEN_TEST_MODELS; without it the tests say so and pass.

use super::phonemes::pieces;
use super::*;
use crate::provider::speech::SpokenWord;
use std::path::PathBuf;
use std::sync::LazyLock;

static VOICE: LazyLock<Option<LocalVoice>> = LazyLock::new(|| {
    let Ok(directory) = std::env::var("STORYGEN_TEST_MODELS") else {
        println!("skipped: STORYGEN_TEST_MODELS names no directory with the voice's files");
        return None;
    };
    let read = |name: &str| std::fs::read(PathBuf::from(&directory).join(name)).unwrap();
    let files = VoiceFiles {
        onnx: read(pinned::ONNX),
        oov_onnx: read(pinned::OOV_ONNX),
        oov_json: read(pinned::OOV_JSON),
        vocab_json: read(pinned::VOCAB_JSON),
    };
    Some(LocalVoice::load(files).unwrap())
});

fn request(text: &str) -> SpeechRequest {
    SpeechRequest {
        text: text.to_owned(),
        tags: Vec::new(),
        language: "en".to_owned(),
        voice: None,
        speed: 1.0,
        seed: Some(7),
        pronunciation: Default::default(),
        settings: Default::default(),
        before: None,
        after: None,
    }
}

fn spoken(request: &SpeechRequest) -> Option<Result<SpeechReply, Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let voice = VOICE.as_ref()?;
    Some(runtime.block_on(voice.speak(request, &CancellationToken::new())))
}

fn say(text: &str) -> Option<SpeechReply> {
    Some(spoken(&request(text))?.unwrap())
}

fn check_words(text: &str, reply: &SpeechReply) {
    let texts: Vec<&str> = reply.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, text.split_whitespace().collect::<Vec<_>>());
    let length = reply.samples.len() as f64 / f64::from(reply.sample_rate);
    let mut clock = 0.0;
    for SpokenWord { text, start, end, .. } in &reply.words {
        assert!(clock <= *start && start <= end && *end <= length, "{text}: {start} to {end} of {length}");
        clock = *end;
    }
    assert!(reply.samples.iter().all(|sample| sample.is_finite()));
}

fn level(samples: &[f32]) -> f32 {
    let power = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
    10.0 * power.log10()
}

const TWO_SENTENCES: &str =
    "“Mara,” he whispered, “the last night bus leaves at 9:30.” She ran down the hill — and it was gone.";

#[test]
fn two_sentences_sound_like_speech() {
    let Some(reply) = say(TWO_SENTENCES) else { return };
    check_words(TWO_SENTENCES, &reply);
    assert_eq!(reply.sample_rate, 24_000);
    assert!(reply.warnings.is_empty(), "{:?}", reply.warnings);
    let seconds = reply.samples.len() as f64 / 24_000.0;
    let pace = 20.0 / seconds;
    assert!((2.0..=4.0).contains(&pace), "{pace} words a second");
    let level = level(&reply.samples);
    assert!((-40.0..=-15.0).contains(&level), "{level} dB");
    assert!(reply.samples.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let Some(first) = say("The lamp is lit.") else { return };
    assert_eq!(say("The lamp is lit.").unwrap(), first);
    let other = spoken(&SpeechRequest { seed: Some(8), ..request("The lamp is lit.") }).unwrap().unwrap();
    assert_ne!(other.samples, first.samples);
    assert_eq!(other.words, first.words);
}

#[test]
fn requests_at_once_do_not_disturb_each_other() {
    let Some(alone) = say("The lamp is lit.") else { return };
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| say("The lamp is lit.")));
        for other in both {
            assert_eq!(other.join().unwrap().as_ref(), Some(&alone));
        }
    });
}

#[test]
fn speech_is_as_fast_as_it_is_asked_to_be() {
    let text = "The lamp is lit tonight, and nobody has come to see it burn.";
    let at = |speed| Some(spoken(&SpeechRequest { speed, ..request(text) })?.unwrap());
    let Some(own) = at(1.0) else { return };
    let seconds = |reply: &SpeechReply| reply.samples.len() as f64 / 24_000.0;
    for speed in [0.5, 0.7, 0.8, 0.9, 1.1, 1.25, 1.3, 1.35, 1.5, 1.75, 2.0] {
        let reply = at(speed).unwrap();
        check_words(text, &reply);
        let share = seconds(&reply) * speed / seconds(&own);
        println!("{speed}: {:.2} s, {share:.3} of what was asked", seconds(&reply));
        assert!((share - 1.0).abs() < 0.03, "{speed}: {share}");
        // Sounds of one unit keep it, and lend from those behind them: felt only where many of them are halved.
        let near = if speed > 1.5 { 0.13 } else { 0.08 };
        for (word, slow) in reply.words.iter().zip(&own.words) {
            let lead = timing::LEAD;
            let wanted = (slow.start + lead) / speed - lead;
            assert!((word.start - wanted).abs() < near, "{speed}: {} at {}, not {wanted}", word.text, word.start);
        }
    }
}

#[test]
fn a_word_that_is_said_in_part_is_warned_of() {
    let text = format!("He wrote {} there.", "a".repeat(3000));
    let Some(reply) = say(&text) else { return };
    let said: Vec<&str> = reply.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(said, ["said only a part of \"aaaaaaaaaaaaaaaaaaaa…\""]);
    let fine = say("“Nooooooooooooooooooooooooooooooo!” It was antidisestablishmentarianism.").unwrap();
    assert!(fine.warnings.is_empty(), "{:?}", fine.warnings);
}

#[test]
fn no_text_makes_it_fail() {
    for text in [
        "",
        "   ",
        "…",
        "— ?! —",
        "東京は夜の七時。",
        "Она сказала: привет.",
        "🎉🎊 👩‍👩‍👧",
        "0 00 007 1e9 99999999999999999999999 -0 1.2.3.4.5 ½⅔",
        "[sighs]",
        "a",
        "I",
        "\u{200B}\u{FEFF}",
        "naïing éing Ñandú ſ ß ÆØÅ",
        "x𝓎z ∀x∈ℝ ⟨a|b⟩",
        "''''' \"\"\"\" ((((",
        "don't've y'all'd've O'Neill's",
        "http:// @ # $ % ^ & * ( ) _ + = ~ ` | \\ / < >",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let Some(reply) = say(text) else { return };
        check_words(text, &reply);
        assert!(!reply.samples.is_empty());
    }
}

#[test]
fn what_it_cannot_say_is_warned_of_and_the_rest_is_said() {
    let text = "She flew to 東京 at night.";
    let Some(reply) = say(text) else { return };
    check_words(text, &reply);
    assert_eq!(reply.warnings.len(), 1);
    assert_eq!(&text[reply.warnings[0].start as usize..reply.warnings[0].end as usize], "東京");
    assert!(reply.words[3].end - reply.words[3].start < 1e-9);
    assert!(reply.words[5].end > 1.0);
}

#[test]
fn a_sentence_of_six_hundred_words_is_spoken_in_pieces() {
    let text = "and then the bus went on past the river and the sleeping houses ".repeat(46);
    let Some(reply) = say(&text) else { return };
    check_words(&text, &reply);
    let seconds = reply.samples.len() as f64 / 24_000.0;
    assert!((120.0..400.0).contains(&seconds), "{seconds}");
    // The last word is heard at the end, not squeezed there.
    let last = reply.words.last().unwrap();
    assert!(last.end - last.start > 0.1 && seconds - last.end < 1.5);
}

#[test]
fn accents_shape_the_sound() {
    let (Some(accented), Some(plain)) = (say("Her résumé is here."), say("Her resume is here.")) else { return };
    check_words("Her résumé is here.", &accented);
    assert_ne!(accented.samples, plain.samples);
}

#[test]
fn a_cancelled_request_ends_as_such() {
    let Some(voice) = VOICE.as_ref() else { return };
    let cancel = CancellationToken::new();
    cancel.cancel();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let failure = runtime.block_on(voice.speak(&request("Hello there."), &cancel)).unwrap_err();
    assert_eq!(failure.cause, Cause::Cancelled);
}

#[test]
fn a_pronunciation_is_heard() {
    let pronunciation = [("Hermione".to_owned(), "her my oh knee".to_owned())].into();
    let Some(changed) = spoken(&SpeechRequest { pronunciation, ..request("Hermione ran.") }) else { return };
    let changed = changed.unwrap();
    check_words("Hermione ran.", &changed);
    assert_ne!(changed.samples, say("Hermione ran.").unwrap().samples);
}

/// Measures again what [`timing::LEAD`] claims: the first word after a long silence begins where the energy does.
#[test]
fn words_begin_where_the_sound_does() {
    let mut errors = Vec::new();
    for text in [
        "Mara ran home.",
        "Tell me now.",
        "Boats came back.",
        "Dogs bark.",
        "Nine days went by.",
        "Great waves broke.",
        "People waited.",
        "Come closer.",
    ] {
        let Some(reply) = say(text) else { return };
        let peak = reply.samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        let onset = reply.samples.iter().position(|s| s.abs() > peak * 0.05).unwrap() as f64 / 24_000.0;
        errors.push(onset - reply.words[0].start);
    }
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("onset minus start, s: mean {mean:.3}, each {errors:.3?}");
    assert!(mean.abs() < 0.06, "{mean}");
}

#[test]
fn pieces_are_cut_at_clauses_and_lose_nothing() {
    use super::phonemes::{Cut, Phoneme};
    let sound = |word| Phoneme { id: 1, word: Some(word), cut: Cut::Inside };
    let pause = |cut| Phoneme { id: 2, word: None, cut };
    let mut sentence = Vec::new();
    for word in 0..100 {
        sentence.extend([sound(word), sound(word), sound(word)]);
        if word % 10 == 9 {
            sentence.push(pause(Cut::Clause));
        }
        sentence.push(pause(Cut::Word));
    }
    let cut = pieces(&sentence, 100);
    assert!(cut.iter().all(|piece| piece.len() <= 100 && piece.last().unwrap().cut == Cut::Clause));
    let words = |phonemes: &[Phoneme]| phonemes.iter().filter_map(|p| p.word).collect::<Vec<_>>();
    assert_eq!(cut.iter().flat_map(|piece| words(piece)).collect::<Vec<_>>(), words(&sentence));
    assert!(pieces(&[pause(Cut::Clause)], 10).is_empty());
    assert!(pieces(&vec![sound(0); 25], 10).iter().all(|piece| piece.len() <= 10));
}
