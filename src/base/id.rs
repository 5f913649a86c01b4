//! Names of stages, actions, runs and keys.

use super::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            pub fn new(text: impl Into<String>) -> $type {
                $type(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The name of a declared stage: `voice`.
    StageId
}

name! {
    /// The name of one instance of a stage: `voice`, or `voice:07:es` when it fans out.
    ActionId
}

name! {
    /// The name of one run: its start in UTC and the process, `20261123T081502-4711`.
    RunId
}

impl ActionId {
    /// Names the instance of `stage` with these axis keys, in the axes' order.
    pub fn of(stage: &StageId, keys: &[String]) -> ActionId {
        let mut name = stage.as_str().to_owned();
        for key in keys {
            name.push(':');
            name.push_str(key);
        }
        ActionId(name)
    }

    /// Tells whether this is an instance of the fan-out called `fan`.
    pub fn is_below(&self, fan: &ActionId) -> bool {
        self.0.strip_prefix(fan.as_str()).is_some_and(|keys| keys.starts_with(':'))
    }

    /// Returns the outermost of its keys: in a batch, the row's.
    pub fn first_key(&self) -> Option<&str> {
        self.0.split(':').nth(1)
    }

    /// Returns the stage's part of the name.
    pub fn stage(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }
}

/// The digest of a recipe: equal keys mean equal work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionKey(pub Digest);

/// The number of a result under one key, from 1: what varies can be made again.
pub type Take = u32;
