//! What a prompt would be paid for: one call for each sample, its repairs left out.

use super::settings::{PromptSettings, Source};
use super::{provider, request, rubric, schema, split};
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::kind::contract::{Guess, Quoted, Work};
use crate::provider::chat::ChatRequest;
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;
use crate::provider::writer::most;

/// What a token comes to in a text, in bytes: four letters of English, more of other scripts.
const TOKEN_BYTES: u64 = 4;

/// Returns the call of each sample.
pub fn quotes(quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
    let writer = provider(quoted.named, quoted.providers)?;
    if writer.api().is_none() {
        return Ok(Vec::new());
    }
    let settings = PromptSettings::read(quoted.settings)?;
    let schema = schema(quoted.settings, quoted.scope)?;
    let mut quotes = Vec::new();
    for section in split::sections(quoted.scope, settings.split)? {
        let request = request(quoted.settings, &settings, &section.scope, schema.as_ref())?;
        for sample in 0..settings.samples {
            let variant = Variant { sample, ..Variant::of(quoted.take) };
            quotes.extend(writer.quote(&request, variant, quoted.store)?);
        }
        let rubric = rubric(&settings, quoted.scope)?.filter(|_| settings.samples > 1);
        quotes.extend(rubric.and_then(|rubric| writer.guess(rubric::most(rubric, &settings))));
    }
    Ok(quotes)
}

/// Guesses them from the bound of the reply and the size of what is asked.
pub fn guess(work: &Work<'_>, input_bytes: Option<u64>) -> Guess {
    let is_late = |name: &str| work.late.contains(name);
    let (Ok(settings), false) = (PromptSettings::read(work.settings), is_late("samples")) else {
        return Guess::default();
    };
    let bound = Some(u64::from(settings.max_tokens)).filter(|_| !is_late("max_tokens"));
    let output_bytes = bound.map(|tokens| tokens * TOKEN_BYTES);
    let Ok(writer) = provider(work.named, work.providers) else { return Guess { quotes: None, output_bytes } };
    let asked = most(&known(&settings));
    let sum = |bytes: u64| asked.input_tokens.map(|tokens| tokens.saturating_add(bytes));
    let usage = Usage { input_tokens: input_bytes.and_then(sum), output_tokens: bound, ..asked };
    let one = writer.guess(usage);
    Guess { quotes: Some((0..settings.samples).filter_map(|_| one.clone()).collect()), output_bytes }
}

/// The request without what its files would add.
fn known(settings: &PromptSettings) -> ChatRequest {
    let prompt = match &settings.source {
        Source::Prompt(text) | Source::Jinja(text) => text.clone(),
        Source::File => String::new(),
    };
    ChatRequest { system: settings.system.clone(), prompt, ..ChatRequest::of(String::new(), settings.max_tokens) }
}
