//! What speaking a script would come to.

use super::{Script, Speaker, is_to_be_spoken};
use crate::base::failure::Failure;
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;
use crate::store::Store;

impl Speaker<'_> {
    /// Returns the calls by which a script would be spoken; none where the voice is in this process.
    pub fn quotes(&self, script: &Script<'_>, variant: Variant, store: &Store) -> Result<Vec<Quote>, Failure> {
        let texts = script.parts.iter().map(|part| part.sentence.text.as_str()).filter(|text| is_to_be_spoken(text));
        let quotes = texts.map(|text| self.voice.quote(&self.request(text), variant, store));
        quotes.filter_map(Result::transpose).collect()
    }
}
