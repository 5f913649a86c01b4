//! What speaking a script would come to.

use super::{Script, Speaker, neighbours, pieces};
use crate::base::failure::Failure;
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;
use crate::store::Store;

impl Speaker<'_> {
    /// Returns the calls by which a script would be spoken; none where the voice is in this process.
    pub fn quotes(&self, script: &Script<'_>, variant: Variant, store: &Store) -> Result<Vec<Quote>, Failure> {
        let pieces = pieces(&script.parts, self.voice.chunk_chars());
        let spoken = (0..pieces.len()).filter(|nth| pieces[*nth].is_to_be_spoken());
        let request = |nth: usize| self.request(&pieces[nth], neighbours(&pieces, nth));
        spoken.map(|nth| self.voice.quote(&request(nth), variant, store)).filter_map(Result::transpose).collect()
    }
}
