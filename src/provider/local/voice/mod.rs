//! The built-in voice: a small neural net that speaks English in this process.
//!
//! | file | what it does |
//! |---|---|
//! | [`pinned`] | names, sizes and digests of the weights |
//! | `source` | cuts a text into words; takes out tags, markup, emoji and other scripts |
//! | `normalise` | says figures, signs and abbreviations in plain English, with `rules`, `reading`, `numbers`, `calendar`, `amounts`, `spelling`, `interjections` |
//! | `phonemes` | sentence → phonemes, with `oov` for words that no lexicon has and `latin` for accents |
//! | `net` | phonemes → spectra, pitch and durations |
//! | `signal` | spectra and pitch → sound, with `fourier` |
//! | `timing` | durations → times of words |
//! | `speak` | all of it, for one request |

mod amounts;
mod calendar;
mod fourier;
mod interjections;
mod latin;
mod net;
mod normalise;
mod numbers;
mod oov;
mod phonemes;
pub mod pinned;
mod reading;
mod rules;
mod signal;
mod source;
mod speak;
mod spelling;
#[cfg(test)]
mod spoken_tests;
mod timing;

use crate::base::failure::{Cause, Failure};
use crate::provider::chat::BoxFuture;
use crate::provider::speech::{Gender, Speech, SpeechReply, SpeechRequest, Wanted};
use crate::provider::weights::catalog::LOCAL_VOICE;
use speak::Engine;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The one voice there is: an American woman's.
pub const VOICE: &str = "hibari";

/// Settings that only this voice knows: none.
pub const SETTINGS: &[&str] = &[];

/// Raised with every change of what is heard for the same request and the same weights.
const BEHAVIOUR: &str = "v2";

/// The bytes of the weights' files.
pub struct VoiceFiles {
    pub onnx: Vec<u8>,
    pub oov_onnx: Vec<u8>,
    pub oov_json: Vec<u8>,
    pub vocab_json: Vec<u8>,
}

/// The built-in voice, loaded and ready.
pub struct LocalVoice {
    engine: Arc<Engine>,
}

impl LocalVoice {
    /// Loads the voice: some tenths of a second and 100 MB of memory.
    ///
    /// # Errors
    /// `Setup` if a file is not what this code was written for.
    pub fn load(files: VoiceFiles) -> Result<LocalVoice, Failure> {
        Ok(LocalVoice { engine: Arc::new(Engine::load(files)?) })
    }

    /// Returns what shapes the sound: the weights are pinned by hash, so that it is known before they are loaded.
    pub fn identity() -> String {
        format!("local-voice/hibari-{}/{}/{BEHAVIOUR}", pinned::VERSION, LOCAL_VOICE.id())
    }
}

impl Speech for LocalVoice {
    fn identity(&self) -> String {
        LocalVoice::identity()
    }

    fn accepts(&self, wanted: &Wanted<'_>) -> Result<(), Failure> {
        accepts(wanted)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn speak<'a>(
        &'a self,
        request: &'a SpeechRequest,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<SpeechReply, Failure>> {
        Box::pin(async move {
            check(request)?;
            let (engine, request, cancel) = (Arc::clone(&self.engine), request.clone(), cancel.clone());
            let work = tokio::task::spawn_blocking(move || engine.speak(&request, &cancel));
            work.await.unwrap_or_else(|error| Err(Failure::new(Cause::Machine, format!("speak: {error}"))))
        })
    }
}

/// Tells whether the voice can do what is wanted: speak this language, as this person, and say words this way.
pub fn accepts(wanted: &Wanted<'_>) -> Result<(), Failure> {
    speaks(wanted.language, wanted.voice)?;
    if wanted.gender == Some(Gender::Male) {
        return Err(Failure::new(Cause::Setup, "the built-in voice is a woman's, and the stage wants `gender: male`")
            .hint("Set the voice's `gender` to `female` or `any`, or name another provider of speech."));
    }
    wanted.pronunciation.iter().try_for_each(|(word, how)| sayable(word, how))
}

fn speaks(language: &str, voice: Option<&str>) -> Result<(), Failure> {
    let main = language.split(['-', '_']).next().unwrap_or("");
    if !main.eq_ignore_ascii_case("en") {
        let message = format!("the built-in voice does not speak `{language}`");
        return Err(Failure::new(Cause::Setup, message)
            .hint("It speaks English only (`en`): name another provider of speech for this language."));
    }
    match voice {
        Some(name) if name != VOICE => Err(Failure::new(Cause::Setup, format!("there is no built-in voice `{name}`"))
            .hint("The one there is is `hibari`, an American woman's: use it, or name another provider of speech.")),
        _ => Ok(()),
    }
}

/// Tells whether `how` is something that can be said for `word`, all of it.
fn sayable(word: &str, how: &str) -> Result<(), Failure> {
    let (words, warnings) = source::words(how);
    if warnings.is_empty() && words.iter().any(|word| word.core.contains(char::is_alphanumeric)) {
        return Ok(());
    }
    Err(Failure::new(
        Cause::Setup,
        format!("the built-in voice cannot say `{how}`, as which `pronunciation` has `{word}`"),
    )
    .hint("Write how it sounds in English letters: `Siobhán: shi-vawn`."))
}

/// Tells whether the voice can do what is asked, before any work.
fn check(request: &SpeechRequest) -> Result<(), Failure> {
    speaks(&request.language, request.voice.as_deref())?;
    if !(0.5..=2.0).contains(&request.speed) {
        let message = format!("speed {} is out of range", request.speed);
        return Err(
            Failure::new(Cause::Setup, message).hint("Use a speed from 0.5 to 2.0; 1.0 is the voice's own pace.")
        );
    }
    if let Some(name) = request.settings.keys().next() {
        let message = format!("the built-in voice has no setting `{name}`");
        return Err(
            Failure::new(Cause::Setup, message).hint("Remove it: `speed` and `pronunciation` are all it knows.")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_english_only_and_in_one_voice() {
        for (language, voice, expected) in [
            ("en", None, true),
            ("en-US", Some("hibari"), true),
            ("EN-gb", None, true),
            ("de", None, false),
            ("eng", None, false),
            ("", None, false),
            ("en", Some("alloy"), false),
        ] {
            let answer = speaks(language, voice);
            assert_eq!(answer.is_ok(), expected, "{language} {voice:?}");
            if let Err(failure) = answer {
                assert_eq!(failure.cause, Cause::Setup);
                assert!(failure.hint.is_some_and(|hint| hint.contains("another provider")));
            }
        }
    }

    #[test]
    fn another_gender_and_what_it_cannot_say_are_refused_with_a_way_out() {
        let none = std::collections::BTreeMap::new();
        let wanted = |gender| Wanted { language: "en", voice: None, gender, pronunciation: &none };
        assert!(accepts(&wanted(None)).is_ok() && accepts(&wanted(Some(Gender::Female))).is_ok());
        let failure = accepts(&wanted(Some(Gender::Male))).unwrap_err();
        assert_eq!(failure.message, "the built-in voice is a woman's, and the stage wants `gender: male`");
        assert!(failure.hint.unwrap().contains("`any`"));
        for (how, expected) in [("shi-vawn", true), ("你好", false), ("shi 好", false), ("—", false), ("", false)]
        {
            let pronunciation = [("Siobhán".to_owned(), how.to_owned())].into();
            let answer = accepts(&Wanted { pronunciation: &pronunciation, ..wanted(None) });
            assert_eq!(answer.is_ok(), expected, "{how}");
            assert!(answer.err().is_none_or(|failure| failure.cause == Cause::Setup && failure.hint.is_some()));
        }
    }

    #[test]
    fn a_wrong_speed_or_an_unknown_setting_is_refused_before_any_work() {
        let request = |speed: f64, setting: Option<&str>| SpeechRequest {
            text: "Hello.".to_owned(),
            tags: Vec::new(),
            language: "en".to_owned(),
            voice: None,
            speed,
            seed: Some(1),
            pronunciation: Default::default(),
            settings: setting.map(|name| (name.to_owned(), true.into())).into_iter().collect(),
            before: None,
            after: None,
        };
        assert!(check(&request(0.5, None)).is_ok() && check(&request(2.0, None)).is_ok());
        for wrong in [request(0.49, None), request(2.1, None), request(f64::NAN, None), request(1.0, Some("pitch"))] {
            assert_eq!(check(&wrong).unwrap_err().cause, Cause::Setup);
        }
    }

    #[test]
    fn files_that_are_no_weights_are_a_setup_failure() {
        let files = VoiceFiles {
            onnx: b"no".to_vec(),
            oov_onnx: b"no".to_vec(),
            oov_json: b"{}".to_vec(),
            vocab_json: b"{}".to_vec(),
        };
        let failure = LocalVoice::load(files).err().expect("nonsense does not load");
        assert_eq!(failure.cause, Cause::Setup);
        assert!(failure.hint.is_some_and(|hint| hint.contains("models pull")));
    }
}
