//! Reads words that no lexicon has: a small net from letters to phonemes.

use super::net::{one_thread, wrong_weights};
use super::pinned;
use crate::base::failure::Failure;
use misaki_rs::fallback::{Fallback, FallbackError};
use rten::{Model, NodeId, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The net and its alphabets.
pub struct UnknownWords {
    model: Model,
    input: NodeId,
    output: NodeId,
    /// Letter to number; 0 is never one.
    letters: BTreeMap<char, i32>,
    /// Phoneme of number `n + 1`; number 0 means none.
    phonemes: Vec<String>,
    /// Longest word that the net takes in one bite, in letters.
    length_max: usize,
    threads: Arc<ThreadPool>,
}

#[derive(Deserialize)]
struct Alphabets {
    r#in: Vec<char>,
    out: Vec<String>,
    maxlen: usize,
}

impl UnknownWords {
    /// Loads the net and its alphabets.
    ///
    /// # Errors
    /// `Setup` if they are not what this code was written for.
    pub fn load(onnx: Vec<u8>, json: &[u8]) -> Result<UnknownWords, Failure> {
        let alphabets: Alphabets =
            serde_json::from_slice(json).map_err(|error| wrong_weights(pinned::OOV_JSON, error))?;
        let model = Model::load(onnx).map_err(|error| wrong_weights(pinned::OOV_ONNX, error))?;
        let [output] = *model.output_ids() else {
            return Err(wrong_weights(pinned::OOV_ONNX, "expected one output"));
        };
        let input = model.node_id("chars").map_err(|error| wrong_weights(pinned::OOV_ONNX, error))?;
        let letters = (1..).zip(&alphabets.r#in).map(|(number, &letter)| (letter, number)).collect();
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let length_max = alphabets.maxlen.max(1);
        Ok(UnknownWords { model, input, output, letters, phonemes: alphabets.out, length_max, threads })
    }

    /// Returns the phonemes of `word`; empty if none of its letters is known or the net cannot be run.
    pub fn read(&self, word: &str) -> String {
        let numbers: Vec<i32> = word.chars().filter_map(|letter| self.letters.get(&letter).copied()).collect();
        numbers.chunks(self.length_max).map(|chunk| self.read_chunk(chunk)).collect()
    }

    fn read_chunk(&self, numbers: &[i32]) -> String {
        let input = NdTensor::from_data([1, numbers.len()], numbers.to_vec());
        let run = self.model.run_n(vec![(self.input, input.into())], [self.output], Some(one_thread(&self.threads)));
        let Ok([value]) = run else { return String::new() };
        let Ok(best) = Tensor::<i32>::try_from(value) else { return String::new() };
        let mut phonemes = String::new();
        let mut previous = 0;
        // One number for each time slot: repeats are one sound, 0 parts two equal ones.
        for number in best.to_vec() {
            let phoneme = usize::try_from(number - 1).ok().and_then(|at| self.phonemes.get(at));
            if let Some(phoneme) = phoneme.filter(|_| number != previous) {
                phonemes.push_str(phoneme);
            }
            previous = number;
        }
        phonemes
    }
}

/// The net as the pronunciation rules ask it.
pub struct Asked(pub Arc<UnknownWords>);

// Never an error: one would cost the whole sentence. A word without phonemes is warned of later.
impl Fallback for Asked {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        Ok(self.0.read(word))
    }
}
