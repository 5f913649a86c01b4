//! Tests of the kind `align` with a real store and a sine wave for a voice.

use super::*;
use crate::kind::bench::{Bench, SineVoice, output};
use crate::kind::input::tests::file;
use crate::kind::voice::Voice;
use crate::provider::speech::Speech;
use serde_json::json;
use std::sync::Arc;

const SCRIPT: &str =
    "# The Last Bus\n\n[sad] The bus was *late*. “Do you remember me?” she said.\n\n—\n\nI did, Mara.\n";

/// Returns a recording as the sine wave speaks it, and its true words.
fn recorded(bench: &Bench, settings: Value) -> (Vec<u8>, Words) {
    let outputs = [output("audio", "v.wav"), output("words", "w.json")];
    let made = bench.perform(&Voice, settings, vec![file("0", "s.md", SCRIPT)], &outputs).unwrap();
    (made.outputs["audio"].clone(), read_words(&made.outputs["words"]))
}

fn read_words(bytes: &[u8]) -> Words {
    Words::from_json(std::str::from_utf8(bytes).unwrap()).unwrap()
}

fn sound(role: &str, path: &str, bytes: Vec<u8>) -> ScopeFile {
    ScopeFile { content: Some(bytes.into()), ..file(role, path, "") }
}

fn aligned(bench: &Bench, settings: Value, files: Vec<ScopeFile>) -> Result<Made, Failure> {
    bench.perform(&Align, settings, files, &[output("0", "build/words.json")])
}

fn both(wav: Vec<u8>) -> Vec<ScopeFile> {
    vec![sound("audio", "v.wav", wav), file("text", "s.md", SCRIPT)]
}

#[test]
fn a_recording_of_the_voice_itself_is_matched_to_its_own_times() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    let (wav, truth) = recorded(&bench, json!({"gap": 0.6}));
    let asked = voice.texts().len();
    let made = aligned(&bench, json!({}), both(wav)).unwrap();
    let found = read_words(&made.outputs["0"]);
    assert_eq!(found.source, Timing::Aligned);
    assert_eq!((found.sample_rate, found.language.as_str()), (Some(24_000), "en"));
    for (found, truth) in found.words.iter().zip(&truth.words) {
        assert_eq!((&found.text, found.break_after, found.joined), (&truth.text, truth.break_after, truth.joined));
        assert!((found.start - truth.start).abs() < 0.08, "{found:?} is {truth:?}");
    }
    assert_eq!((made.warnings.len(), made.requests.len()), (0, 4));
    assert_eq!(made.made_by.as_deref(), Some("matched with a reading by a sine wave"));
    // What `voice` has heard is not spoken again.
    assert_eq!(voice.texts().len(), asked);
}

#[test]
fn without_a_voice_for_the_language_times_are_estimated() {
    let voice = Arc::new(SineVoice::default());
    let (wav, _) = recorded(&Bench::with_voice(&voice), json!({}));
    for (bench, settings) in [
        (Bench::with_voice(&voice), json!({"language": "de"})),
        (Bench::with_voice(&voice), json!({"method": "estimate"})),
        (Bench::new(), json!({})),
    ] {
        let made = aligned(&bench, settings, both(wav.clone())).unwrap();
        let words = read_words(&made.outputs["0"]);
        assert_eq!((words.source, words.words.len()), (Timing::Estimated, 17));
        assert!(words.words.iter().all(|word| word.estimated));
        assert_eq!((made.made_by, made.requests.len()), (None, 0));
        assert_eq!(made.warnings, Vec::<String>::new());
    }
}

#[test]
fn a_voice_that_cannot_be_had_is_told_and_only_fails_who_asked_for_it() {
    struct Absent;
    impl Speech for Absent {
        fn identity(&self) -> String {
            "absent".into()
        }
        fn accepts(&self, _wanted: &crate::provider::speech::Wanted<'_>) -> Result<(), Failure> {
            Ok(())
        }
        fn settings(&self) -> &'static [&'static str] {
            &[]
        }
        fn speak<'a>(
            &'a self,
            _request: &'a crate::provider::speech::SpeechRequest,
            _cancel: &'a tokio_util::sync::CancellationToken,
        ) -> BoxFuture<'a, Result<crate::provider::speech::SpeechReply, Failure>> {
            Box::pin(async { Err(Failure::new(Cause::Setup, "the model `local-voice` is not here")) })
        }
    }
    let (wav, _) = recorded(&Bench::with_voice(&Arc::new(SineVoice::default())), json!({}));
    let mut bench = Bench::new();
    bench.providers.voices.insert("local-voice".into(), crate::provider::voice::Voice::here(Arc::new(Absent)));
    let made = aligned(&bench, json!({}), both(wav.clone())).unwrap();
    assert_eq!(made.warnings, ["the times are estimated: the model `local-voice` is not here"]);
    assert_eq!(read_words(&made.outputs["0"]).source, Timing::Estimated);
    let failure = aligned(&bench, json!({"method": "dtw"}), both(wav)).unwrap_err();
    assert_eq!(failure.message, "the model `local-voice` is not here");
}

#[test]
fn inputs_are_told_apart_by_name_or_by_what_they_are() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    let (wav, _) = recorded(&bench, json!({}));
    let listed = vec![file("0", "s.md", SCRIPT), sound("1", "v.WAV", wav.clone())];
    assert!(aligned(&bench, json!({"method": "estimate"}), listed).is_ok());
    let refused = |files: Vec<ScopeFile>| {
        let failure = aligned(&bench, json!({}), files).unwrap_err();
        assert_eq!((failure.cause, failure.hint.is_some()), (Cause::Setup, true));
        failure.message
    };
    assert_eq!(refused(vec![file("0", "a.md", ""), file("1", "b.md", "")]), "neither `a.md` nor `b.md` is a recording");
    let two = vec![sound("0", "a.wav", wav.clone()), sound("1", "b.mp3", wav.clone())];
    assert_eq!(refused(two), "`a.wav` and `b.mp3` are both recordings: one must be the text");
    let one = vec![sound("0", "a.wav", wav)];
    assert_eq!(refused(one), "the stage has 1 inputs: it reads two, a recording and its text");
}

#[test]
fn what_cannot_be_aligned_is_named_with_a_way_out() {
    let bench = Bench::new();
    let failed =
        |audio: ScopeFile, text: &str| aligned(&bench, json!({}), vec![audio, file("text", "s.md", text)]).unwrap_err();
    let failure = failed(sound("audio", "v.mp3", b"ID3".to_vec()), "Hi.");
    assert!(failure.message.starts_with("`v.mp3` cannot be read: not a WAV file: "), "{failure}");
    assert!(failure.hint.unwrap().contains("ffmpeg -i v.mp3"));
    let silent = wav::write(&[0.0; 8000], 8000).unwrap();
    let failure = failed(sound("audio", "v.wav", silent), "Hi.");
    assert_eq!(failure.message, "`v.wav` is silent: there is nothing to align");
    let noise = wav::write(&[0.5; 8000], 8000).unwrap();
    let failure = failed(sound("audio", "v.wav", noise.clone()), "—");
    assert_eq!(failure.message, "`s.md` has no words to speak");
    let files = vec![sound("audio", "v.wav", noise), file("text", "s.md", &"word ".repeat(50))];
    let made = aligned(&bench, json!({}), files).unwrap();
    assert_eq!(made.warnings, ["`s.md` has 50 words, and `v.wav` lasts 1.0 s: they may not belong together"]);
}

#[test]
fn what_the_voice_cannot_say_is_counted() {
    let voice = Arc::new(SineVoice::default());
    let bench = Bench::with_voice(&voice);
    let (wav, _) = recorded(&bench, json!({}));
    let made = aligned(&bench, json!({}), vec![sound("0", "v.wav", wav), file("1", "s.md", "The 京都 bus was late.")])
        .unwrap();
    // The sine wave says that it spoke 京都 as one word: our two share its time.
    assert_eq!(made.warnings, ["2 of 6 words are estimated: the voice cannot say them"]);
}

#[test]
fn what_cannot_work_here_is_told_before_any_work() {
    let bench = Bench::with_voice(&Arc::new(SineVoice::default()));
    let outputs = [output("0", "w.json")];
    let identity = |settings: Value| bench.identity(&Align, &settings, &outputs);
    assert_eq!(identity(json!({})).unwrap().as_deref(), Some("scripted/sine"));
    assert_eq!(identity(json!({"language": "de"})).unwrap(), None);
    assert_eq!(identity(json!({"method": "estimate"})).unwrap(), None);
    let told = |settings: Value| bench.told(&Align, &settings, &outputs);
    assert_eq!(told(json!({"language": "de"})), [""; 0]);
    assert_eq!(told(json!({"method": "dtw", "language": "de"})), ["a sine wave does not speak `de`"]);
    let message = "the setting `method` is \"asr\"; it must be `auto`, `dtw`, `estimate` or `transcribe`";
    assert_eq!(told(json!({"method": "asr"})), [message]);
    let message = "the stage has 0 outputs: what is aligned is one words file";
    assert_eq!(bench.told(&Align, &json!({}), &[]), [message]);
}
