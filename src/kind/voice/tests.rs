//! Tests of the kind `voice` with a real store and a sine wave for a voice.

use super::*;
use crate::kind::bench::{Bench, SineVoice, output};
use crate::kind::input::tests::file;
use crate::media::loudness::measure;
use serde_json::{Value, json};
use std::sync::Arc;

const SCRIPT: &str =
    "# The Last Bus\n\n[sad] The bus was *late*. “Do you remember me?” she said.\n\n—\n\nI did, Mara.\n";
const SENTENCES: [&str; 4] = ["The Last Bus", "The bus was late.", "“Do you remember me?” she said.", "I did, Mara."];

fn outputs() -> [Output; 2] {
    [output("audio", "dist/voice.wav"), output("words", "build/words.json")]
}

use crate::storyfile::story::Output;

fn speak(bench: &Bench, settings: Value, script: &str) -> Result<Made, Failure> {
    bench.perform(&Voice, settings, vec![file("0", "build/script.md", script)], &outputs())
}

fn words(made: &Made) -> Words {
    Words::from_json(std::str::from_utf8(&made.outputs["words"]).unwrap()).unwrap()
}

#[test]
fn the_words_are_the_scripts_and_the_sound_is_of_the_wanted_loudness() {
    let voice = Arc::new(SineVoice::default());
    let made = speak(&Bench::with_voice(&voice), json!({}), SCRIPT).unwrap();
    let words = words(&made);
    let texts: Vec<&str> = words.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, script_words(SCRIPT));
    assert_eq!(voice.texts(), SENTENCES);
    let sound = wav::read(&made.outputs["audio"]).unwrap();
    assert_eq!(sound.rate, 24_000);
    assert!((words.duration - sound.samples.len() as f64 / 24_000.0).abs() < 0.001);
    let loudness = measure(&sound.samples, sound.rate).unwrap();
    assert!((loudness.lufs.unwrap() + 19.0).abs() < 0.6, "{loudness:?}");
    assert!(loudness.true_peak_db.unwrap() <= -1.5, "{loudness:?}");
    assert_eq!(made.made_by.as_deref(), Some("a sine wave"));
    assert_eq!((made.requests.len(), made.warnings.len()), (4, 0));
}

#[test]
fn one_changed_sentence_is_spoken_anew_and_no_other() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    let first = speak(&bench, json!({}), SCRIPT).unwrap();
    let again = speak(&bench, json!({}), SCRIPT).unwrap();
    assert_eq!((again.outputs, bench.remembered()), (first.outputs.clone(), 4));
    assert_eq!(voice.texts().len(), 4);
    let second = speak(&bench, json!({}), &SCRIPT.replace("I did, Mara", "I did not")).unwrap();
    assert_eq!(voice.texts()[4..], ["I did not."]);
    assert_ne!(second.outputs["audio"], first.outputs["audio"]);
}

#[test]
fn another_take_is_spoken_with_another_seed() {
    let voice = Arc::new(SineVoice::default());
    let mut bench = Bench::with_voice(&voice);
    speak(&bench, json!({"seed": 5}), "One.").unwrap();
    bench.take = 2;
    speak(&bench, json!({"seed": 5}), "One.").unwrap();
    let seeds: Vec<u64> = voice.asked.lock().unwrap().iter().filter_map(|request| request.seed).collect();
    assert_eq!((seeds.len(), seeds[0]), (2, 5));
    assert_ne!(seeds[1], 5);
}

#[test]
fn a_new_pronunciation_is_for_the_sentences_that_have_the_word() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    speak(&bench, json!({}), SCRIPT).unwrap();
    speak(&bench, json!({"pronunciation": {"Mara": "mah rah"}}), SCRIPT).unwrap();
    let asked = voice.asked.lock().unwrap();
    assert_eq!((asked.len(), asked[4].text.as_str()), (5, "I did, Mara."));
    assert_eq!(asked[4].pronunciation["Mara"], "mah rah");
}

#[test]
fn what_cannot_be_said_is_told_with_its_place() {
    let voice = Arc::new(SineVoice::default());
    let made = speak(&Bench::with_voice(&voice), json!({}), "One.\n\nHe saw 京 there.\n").unwrap();
    assert_eq!(made.warnings, ["build/script.md:3:8: cannot say “京”: skipped"]);
    let many = speak(&Bench::with_voice(&voice), json!({}), &format!("One {}", "京 ".repeat(30))).unwrap();
    assert_eq!(many.warnings.len(), WARNINGS_TOLD + 1);
    assert_eq!(many.warnings[WARNINGS_TOLD], "and 20 more that the voice could not say as written");
}

#[test]
fn a_script_of_which_nothing_can_be_said_is_a_failure_with_its_place() {
    let voice = Arc::new(SineVoice::default());
    let failure = speak(&Bench::with_voice(&voice), json!({}), "# 京\n\n東 京\n").unwrap_err();
    let expected = "the voice can say nothing of `build/script.md`: build/script.md:1:3: cannot say “京”: skipped";
    assert_eq!((failure.cause, failure.message.as_str()), (Cause::Validation, expected));
}

#[test]
fn progress_counts_the_sentences() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    speak(&bench, json!({}), SCRIPT).unwrap();
    let progress = bench.progress.lock().unwrap();
    let seen: Vec<(u64, u64)> = progress.iter().map(|progress| (progress.done, progress.total)).collect();
    assert_eq!(seen, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    assert_eq!(progress[0].note, "sentences");
}

#[test]
fn a_voice_that_says_other_words_is_no_voice() {
    let voice = Arc::new(SineVoice { slip: Some(|word| word.replace("late", "early")), ..SineVoice::default() });
    let failure = speak(&Bench::with_voice(&voice), json!({}), SCRIPT).unwrap_err();
    assert_eq!(failure.cause, Cause::Machine);
    assert!(failure.message.starts_with("the voice says it spoke “Thebuswasearly.”"), "{failure}");
}

#[test]
fn a_script_without_words_is_refused() {
    let voice = Arc::new(SineVoice::default());
    let failure = speak(&Bench::with_voice(&voice), json!({}), "[pause]\n\n—\n").unwrap_err();
    assert_eq!(
        (failure.cause, failure.message.as_str()),
        (Cause::Validation, "`build/script.md` has no words to speak")
    );
    assert!(voice.texts().is_empty());
}

#[test]
fn what_cannot_work_here_is_told_before_any_work() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    let refused = |settings: Value, outputs: &[Output]| bench.told(&Voice, &settings, outputs).join("; ");
    assert_eq!(refused(json!({"language": "ja"}), &outputs()), "a sine wave does not speak `ja`");
    assert_eq!(refused(json!({"settings": {"pitch": 2}}), &outputs()), "the voice has no setting `pitch`");
    let many = bench.told(&Voice, &json!({"language": "ja", "speed": 9, "gap": {"word": 1}}), &outputs());
    assert_eq!(many.len(), 3, "{many:?}");
    assert_eq!(refused(json!({"gender": "male"}), &outputs()), "a sine wave is no man's voice");
    assert_eq!(refused(json!({}), &[output("audio", "v.mp3")]), "writing sound as `.mp3` (`v.mp3`) is not built yet");
    assert_eq!(bench.identity(&Voice, &json!({}), &outputs()).unwrap().as_deref(), Some("scripted/sine"));
    let none = Bench::new().identity(&Voice, &json!({}), &outputs()).unwrap_err();
    assert_eq!(none.message, "no provider `local-voice` that speaks");
}

#[test]
fn a_stopped_job_speaks_no_further() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    bench.cancel.cancel();
    assert_eq!(speak(&bench, json!({}), SCRIPT).unwrap_err().cause, Cause::Cancelled);
    assert!(voice.texts().is_empty());
}
