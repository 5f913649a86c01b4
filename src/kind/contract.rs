//! What every kind of stage promises: it names its settings, says what shapes its results, and performs a job.

use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::id::Take;
use crate::kind::fault::SettingFault;
use crate::provider::Providers;
use crate::provider::chat::BoxFuture;
use crate::provider::desk::Desk;
use crate::provider::memory::Memory;
use crate::provider::quote::Quote;
use crate::store::Store;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::scope::Scope;
use crate::storyfile::story::{Input, Output};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A kind of stage.
pub trait Kind: Send + Sync {
    /// Returns the settings, inputs and outputs that it takes.
    fn info(&self) -> &'static KindInfo;

    /// Its behaviour's version, part of the recipe: raised when equal recipes would give other results.
    fn version(&self) -> u32;

    /// Tells whether its results cost money or minutes and vary: their outputs may then not be empty.
    fn pay(&self) -> Pay;

    /// Returns all with which the stage cannot work here. Asked before anything runs: it loads nothing, and it judges
    /// only the settings that are known.
    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault>;

    /// Returns what shapes its results beside settings and inputs: who does the work. Called for every plan, so it
    /// loads nothing.
    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure>;

    /// Returns the calls of services that a job would make, in order; none where all is done in this process. They are
    /// those of [`Kind::perform`] that no answer decides about: a repair of an answer is not among them.
    fn quote(&self, _quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
        Ok(Vec::new())
    }

    /// Guesses the same before the inputs are there, from their size in bytes as far as that is known.
    fn guess(&self, _work: &Work<'_>, _input_bytes: Option<u64>) -> Guess {
        Guess { quotes: Some(Vec::new()), output_bytes: None }
    }

    /// Does the work. Writes nothing: the outputs are returned.
    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>>;
}

/// Whether a kind's results are paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pay {
    Paid,
    Free,
}

/// What is known of a job before it is done.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The settings that need no input's content; a setting that does is absent.
    pub settings: &'a Value,
    /// The names of the settings that are absent because they need an input's content.
    pub late: &'a BTreeSet<String>,
    /// The inputs as declared, with the files that settings name.
    pub inputs: &'a [Input],
    pub outputs: &'a [Output],
    /// Provider names by what they can do: `text`, `voice`.
    pub named: &'a BTreeMap<String, String>,
    pub providers: &'a Providers,
}

/// A job as far as its calls can be told: nobody is asked.
pub struct Quoted<'a> {
    /// `with:`, all expressions evaluated.
    pub settings: &'a Value,
    /// The inputs with their content.
    pub scope: &'a Scope,
    pub named: &'a BTreeMap<String, String>,
    pub providers: &'a Providers,
    /// Where answers are remembered.
    pub store: &'a Store,
    pub take: Take,
}

/// What a job may come to whose inputs are not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Its calls; `None`: nobody knows how many.
    pub quotes: Option<Vec<Quote>>,
    /// How large what it writes may be; `None`: nobody knows.
    pub output_bytes: Option<u64>,
}

/// One job.
pub struct Job<'a> {
    /// `with:`, all expressions evaluated.
    pub settings: Value,
    /// The inputs with their content, and what expressions and templates see.
    pub scope: Scope,
    pub outputs: &'a [Output],
    pub named: &'a BTreeMap<String, String>,
    pub providers: &'a Providers,
    /// Where providers are asked from: through a [`Memory`].
    pub desk: Desk<'a>,
    /// The number of the result to make; requests carry it, so that a second take is asked anew.
    pub take: Take,
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    /// What the parts are: `sentences`.
    pub note: String,
}

/// What a job made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// Content by slot.
    pub outputs: BTreeMap<String, Vec<u8>>,
    /// What it found, for a stage without outputs.
    pub verdict: Option<Value>,
    /// Who made it, for provenance.
    pub made_by: Option<String>,
    /// What a person should know: sentences.
    pub warnings: Vec<String>,
    /// Keys of the requests that it used.
    pub requests: Vec<Digest>,
}

impl Made {
    /// Returns what the memory knows of a job, outputs not yet among it.
    pub fn of(memory: Memory<'_>) -> Made {
        let made_by = memory.made_by();
        let Memory { requests, warnings, .. } = memory;
        Made { made_by, warnings, requests, ..Made::default() }
    }
}
