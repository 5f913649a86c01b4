//! What a voice would be paid for: a call for each part of the script that it speaks at a time.

use super::provider;
use super::settings::{VoiceSettings, pronunciation};
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::kind::contract::{Guess, Quoted, Work};
use crate::kind::input;
use crate::kind::speaker::{Script, Speaker};
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;

/// What a sentence comes to, in characters: the guess where the script is not there yet.
const SENTENCE_CHARS: u64 = 80;

/// Returns the call of each part.
pub fn quotes(quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
    let voice = provider(quoted.named, quoted.providers)?;
    if voice.api().is_none() {
        return Ok(Vec::new());
    }
    let settings = VoiceSettings::read(quoted.settings)?;
    let script = Script::read(input::only(quoted.scope, "a script")?)?;
    let said = pronunciation(quoted.settings, quoted.scope)?;
    let speaker = Speaker { voice, manner: &settings.manner, said };
    speaker.quotes(&script, Variant::of(quoted.take), quoted.store)
}

/// Guesses them from the size of the script.
pub fn guess(work: &Work<'_>, input_bytes: Option<u64>) -> Guess {
    let Ok(voice) = provider(work.named, work.providers) else { return Guess::default() };
    let Some(api) = voice.api() else { return Guess { quotes: Some(Vec::new()), output_bytes: None } };
    let part = voice.chunk_chars().map_or(SENTENCE_CHARS, |chars| chars as u64).max(1);
    let parts = |chars: u64| (0..chars.div_ceil(part)).map(move |nth| part.min(chars - nth * part));
    let quote = |chars: u64| Quote::guess(api, Usage { characters: Some(chars), ..Usage::default() });
    Guess { quotes: input_bytes.map(|chars| parts(chars.max(1)).map(quote).collect()), output_bytes: None }
}
