//! The built-in providers as a session has them: named at once, loaded (and pulled) when first asked to work.

use crate::base::failure::{Cause, Failure};
use crate::provider::Providers;
use crate::provider::voice::Voice;
use crate::provider::weights::{Derive, Weights};
use crate::provider::writer::Writer;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Adds the built-in providers to `providers` under their own names.
pub fn add(providers: &mut Providers, weights: &Arc<Weights>) {
    #[cfg(feature = "local-text")]
    providers.chats.insert("local".into(), Writer::here(Arc::new(writer::Writer::new(weights.clone()))));
    #[cfg(feature = "local-voice")]
    providers.voices.insert("local-voice".into(), Voice::here(Arc::new(voice::Voice::new(weights.clone()))));
    let _ = (providers, weights);
}

/// Returns how the writer's fast weights are made from the published ones.
#[cfg(feature = "local-text")]
pub fn derive() -> Option<Derive> {
    Some(writer::DERIVE)
}

/// Returns how the writer's fast weights are made from the published ones.
#[cfg(not(feature = "local-text"))]
pub fn derive() -> Option<Derive> {
    None
}

/// Loads something once, on a thread that may block.
#[cfg_attr(not(any(feature = "local-text", feature = "local-voice")), expect(dead_code))]
async fn load_once<T: Send + 'static>(
    cell: &OnceCell<T>,
    load: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<&T, Failure> {
    cell.get_or_try_init(|| async {
        let work = tokio::task::spawn_blocking(load);
        work.await.unwrap_or_else(|error| Err(Failure::new(Cause::Machine, format!("load a model: {error}"))))
    })
    .await
}

#[cfg(feature = "local-text")]
mod writer {
    use super::{Arc, Derive, Failure, OnceCell, Weights, load_once};
    use crate::provider::chat::{BoxFuture, Chat, ChatReply, ChatRequest, EditRule};
    use crate::provider::local::text::{FAST, LocalWriter, accepts, requantise};
    use crate::provider::weights::catalog::LOCAL;
    use tokio_util::sync::CancellationToken;

    pub(super) const DERIVE: Derive =
        Derive { name: FAST.name, from: "SmolLM2-135M-Instruct.Q4_1.gguf", make: requantise };

    pub(super) struct Writer {
        weights: Arc<Weights>,
        loaded: OnceCell<LocalWriter>,
    }

    impl Writer {
        pub(super) fn new(weights: Arc<Weights>) -> Writer {
            Writer { weights, loaded: OnceCell::new() }
        }

        async fn loaded(&self) -> Result<&LocalWriter, Failure> {
            let weights = self.weights.clone();
            load_once(&self.loaded, move || {
                let mut files = weights.ensure(&LOCAL, Some(&DERIVE))?;
                LocalWriter::load(&files.take(DERIVE.name).unwrap_or_default())
            })
            .await
        }
    }

    impl Chat for Writer {
        fn identity(&self) -> String {
            LocalWriter::identity()
        }

        fn accepts(&self, language: &str, edit: Option<EditRule>) -> Result<(), Failure> {
            accepts(language, edit)
        }

        fn chat<'a>(
            &'a self,
            request: &'a ChatRequest,
            cancel: &'a CancellationToken,
        ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
            Box::pin(async move { self.loaded().await?.chat(request, cancel).await })
        }
    }
}

#[cfg(feature = "local-voice")]
mod voice {
    use super::{Arc, Failure, OnceCell, Weights, load_once};
    use crate::provider::chat::BoxFuture;
    use crate::provider::local::voice::{LocalVoice, SETTINGS, VoiceFiles, accepts};
    use crate::provider::speech::{Speech, SpeechReply, SpeechRequest, Wanted};
    use crate::provider::weights::catalog::LOCAL_VOICE;
    use tokio_util::sync::CancellationToken;

    pub(super) struct Voice {
        weights: Arc<Weights>,
        loaded: OnceCell<LocalVoice>,
    }

    impl Voice {
        pub(super) fn new(weights: Arc<Weights>) -> Voice {
            Voice { weights, loaded: OnceCell::new() }
        }

        async fn loaded(&self) -> Result<&LocalVoice, Failure> {
            let weights = self.weights.clone();
            load_once(&self.loaded, move || {
                let mut files = weights.ensure(&LOCAL_VOICE, None)?;
                let mut take = |name: &str| files.take(name).unwrap_or_default();
                LocalVoice::load(VoiceFiles {
                    onnx: take("hibari.onnx"),
                    oov_onnx: take("oov.onnx"),
                    oov_json: take("oov.json"),
                    vocab_json: take("vocab.json"),
                })
            })
            .await
        }
    }

    impl Speech for Voice {
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
            Box::pin(async move { self.loaded().await?.speak(request, cancel).await })
        }
    }
}
