//! Lets a service hear a recording, and matches what it recognised with the text.

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::Job;
use crate::kind::fault::SettingFault;
use crate::media::recognise::{HeardWord, recognised};
use crate::media::wav::Sound;
use crate::media::words::Word;
use crate::provider::Providers;
use crate::provider::ears::{Ears, Recording};
use crate::provider::memory::{Memory, Variant};
use crate::storyfile::scope::ScopeFile;
use std::collections::BTreeMap;

/// Returns who is to hear the recording: whom the stage names for it.
pub fn ears<'p>(named: &BTreeMap<String, String>, providers: &'p Providers) -> Result<Option<&'p Ears>, SettingFault> {
    let Some(name) = named.get("transcription") else { return Ok(None) };
    let ears = providers.ears(name).and_then(|ears| ears.accepts().map(|()| ears));
    ears.map(Some).map_err(|failure| {
        let fault = SettingFault::stage(failure.message);
        SettingFault { hint: failure.hint, ..fault }
    })
}

/// Returns what the service recognises in the recording.
pub async fn heard(
    ears: &Ears,
    file: &ScopeFile,
    recording: &Sound,
    language: &str,
    memory: &mut Memory<'_>,
    job: &Job<'_>,
) -> Result<Vec<HeardWord>, Failure> {
    let audio_ms = (recording.samples.len() as u64 * 1000).div_ceil(u64::from(recording.rate.max(1)));
    let bytes = file.content.as_deref().unwrap_or_default();
    let asked = Recording { path: &file.path, bytes, audio_ms, language };
    ears.listen(&asked, Variant::of(job.take), memory).await
}

/// Gives the text's words the times of those that were recognised, away from the async threads.
pub async fn matched(words: Vec<Word>, heard: Vec<HeardWord>, recording: Sound) -> Result<Vec<Word>, Failure> {
    let work = move || recognised(&words, &heard, &recording);
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(Cause::Machine, format!("the alignment broke off: {error}")))
}
