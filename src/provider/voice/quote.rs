//! What a voice would take for a request, asked of nobody.

use super::{Sent, Source, Voice, sent};
use crate::base::failure::Failure;
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;
use crate::provider::speech::SpeechRequest;
use crate::store::Store;

impl Voice {
    /// Returns the call by which a request would be answered; `None` for a voice in this process, which takes nothing.
    pub fn quote(&self, request: &SpeechRequest, variant: Variant, store: &Store) -> Result<Option<Quote>, Failure> {
        match &self.source {
            Source::Here(_) | Source::Script(_) => Ok(None),
            Source::Service { api, speaks } => {
                let Sent { key, most, .. } = sent(api, &**speaks, request, variant)?;
                Ok(Some(Quote::of(api, key, most, store)))
            }
        }
    }
}
