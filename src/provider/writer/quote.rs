//! What a writer would take for a request, asked of nobody.

use super::{Sent, Source, Writer, sent};
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::provider::chat::ChatRequest;
use crate::provider::memory::Variant;
use crate::provider::quote::Quote;
use crate::store::Store;

impl Writer {
    /// Returns the call by which a request would be answered; `None` for a writer in this process, who takes nothing.
    pub fn quote(&self, request: &ChatRequest, variant: Variant, store: &Store) -> Result<Option<Quote>, Failure> {
        let Some(first) = self.source.quote(request, variant, store)? else { return Ok(None) };
        if first.remembered {
            return Ok(Some(first));
        }
        // Whoever cannot be told the request is not paid for it.
        let others = self.fallback.iter().filter_map(|other| other.quote(request, variant, store).ok().flatten());
        Ok(Some(others.fold(first, |first, other| first.or(&other))))
    }

    /// The same for a request of which only the most is known.
    pub fn guess(&self, most: Usage) -> Option<Quote> {
        let first = self.source.guess(most)?;
        let others = self.fallback.iter().filter_map(|other| other.guess(most));
        Some(others.fold(first, |first, other| first.or(&other)))
    }
}

impl Source {
    fn quote(&self, request: &ChatRequest, variant: Variant, store: &Store) -> Result<Option<Quote>, Failure> {
        match self {
            Source::Here(_) | Source::Script(_) => Ok(None),
            Source::Service { api, speaks } => {
                let Sent { key, most, .. } = sent(api, &**speaks, request, variant)?;
                Ok(Some(Quote::of(api, key, most, store)))
            }
        }
    }

    fn guess(&self, most: Usage) -> Option<Quote> {
        match self {
            Source::Here(_) | Source::Script(_) => None,
            Source::Service { api, .. } => Some(Quote::guess(api, most)),
        }
    }
}
