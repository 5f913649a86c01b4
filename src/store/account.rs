//! The account of paid calls, read from the log: what was paid, and what may have been.

use super::Store;
use super::frame::FrameSort;
use super::journal::{self, Intent, ReplyMeta};
use super::log::{Call, Since};
use crate::base::digest::Digest;
use crate::base::money::{Cost, Usage};
use std::collections::HashMap;
use std::sync::PoisonError;

/// One call. What its frame does not say, or where that is damaged, is empty; its cost is then unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub sort: EntrySort,
    /// The request's key.
    pub request: Digest,
    /// The call's id.
    pub call: String,
    /// What was asked, for a person; empty for what is paid.
    pub description: String,
    /// The provider's name in the Storyfile.
    pub provider: String,
    pub action: String,
    pub run: String,
    pub usage: Usage,
    /// What it cost, or may have cost at most; `None`: nobody knows. Free is [`Cost::FREE`].
    pub cost: Option<Cost>,
    /// RFC 3339; empty in replies of version 1.
    pub at: String,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntrySort {
    /// It was answered.
    Paid,
    /// It was sent, no answer came, and it may have been charged all the same.
    Possible,
    /// It was about to be sent: in flight now, or cut off, and then it may have been charged too.
    Open,
}

impl Store {
    /// Returns every call that was paid for or may have been, in the order of the log.
    ///
    /// Free calls are among them. Damaged frames of calls count, with nothing known of them. Costs a reading of all
    /// replies.
    pub fn account(&self) -> Vec<Entry> {
        let (calls, mut open) = {
            let index = self.inner.log.index();
            let open: Vec<_> = index.intents.iter().map(|(key, place)| (*key, *place)).collect();
            (index.calls.clone(), open)
        };
        let mut entries = Entries::default();
        let places: Vec<_> = calls.iter().map(|call| call.place).collect();
        let mut each = calls.iter();
        self.inner.log.read_many(&places, |payload| {
            if let Some(call) = each.next() {
                entries.add(call, payload);
            }
        });
        let mut all = entries.all;
        open.sort_by_key(|(_, place)| place.offset);
        let places: Vec<_> = open.iter().map(|(_, place)| *place).collect();
        let mut each = open.iter();
        self.inner.log.read_many(&places, |payload| {
            if let Some((key, place)) = each.next() {
                let intent = payload.and_then(journal::decode_intent).unwrap_or_default();
                all.push((place.offset, Entry::of_intent(EntrySort::Open, *key, intent)));
            }
        });
        all.sort_by_key(|(offset, _)| *offset);
        all.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Returns the calls of which this open store itself noted that they may have been charged.
    pub fn doubts(&self) -> Vec<Intent> {
        self.inner.doubted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many calls were sent and are neither answered nor closed: by a build that runs, or by one that died.
    pub fn open_calls(&self) -> usize {
        self.inner.log.index().intents.len()
    }

    /// Returns the calls that may have been charged and brought no reply; calls in flight are among them.
    pub fn unanswered(&self) -> Vec<Entry> {
        self.account().into_iter().filter(|entry| entry.sort != EntrySort::Paid).collect()
    }
}

/// Entries with the places of their frames, and the latest of each request.
#[derive(Default)]
struct Entries {
    all: Vec<(u64, Entry)>,
    latest: HashMap<Digest, usize>,
}

impl Entries {
    fn add(&mut self, call: &Call, payload: Option<&[u8]>) {
        let entry = match call.sort {
            FrameSort::Doubt => {
                let intent = payload.and_then(journal::decode_doubt).unwrap_or_default();
                Entry::of_intent(EntrySort::Possible, call.key, intent)
            }
            _ => Entry::of_reply(call.key, payload.and_then(|payload| Some(journal::decode_reply(payload).ok()?.1))),
        };
        // Said once more of the same call: a reply stored again after a failure, or one that came after all.
        let before = self.latest.get(&call.key).copied().filter(|_| call.since == Since::Before);
        match before.map(|index| &mut self.all[index].1).filter(|before| before.call == entry.call) {
            Some(before) if before.sort >= entry.sort => *before = entry,
            Some(_) => {}
            None => {
                self.latest.insert(call.key, self.all.len());
                self.all.push((call.place.offset, entry));
            }
        }
    }
}

impl Entry {
    fn of_reply(request: Digest, meta: Option<ReplyMeta>) -> Entry {
        let Some(meta) = meta else { return Entry::of_intent(EntrySort::Paid, request, Intent::default()) };
        Entry {
            sort: EntrySort::Paid,
            request,
            call: meta.call,
            description: String::new(),
            provider: if meta.provider.is_empty() { meta.made_by } else { meta.provider },
            action: meta.action,
            run: meta.run,
            usage: meta.usage,
            cost: meta.cost,
            at: meta.at,
        }
    }

    fn of_intent(sort: EntrySort, request: Digest, intent: Intent) -> Entry {
        Entry {
            sort,
            request,
            call: intent.call,
            description: intent.description,
            provider: intent.provider,
            action: intent.action,
            run: intent.run,
            usage: Usage::default(),
            cost: intent.reserved,
            at: intent.at,
        }
    }
}

#[cfg(test)]
mod tests;
