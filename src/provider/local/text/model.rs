//! Weights and tokens: text in, the next token's likelihoods out.

use super::template::TURN_END;
use crate::base::failure::{Cause, Failure};
use candle_core::quantized::gguf_file;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use std::io::Cursor;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{PostProcessorWrapper, PreTokenizerWrapper, Tokenizer};

/// The longest prompt and reply together, in tokens. The weights could read 8192, but each token's memory (46 kB) and
/// time grow with the length, and this small a model loses the thread long before.
pub const WINDOW: usize = 2048;
/// How many tokens of a prompt are read at once: between two such pieces a cancellation is seen.
const PIECE: usize = 256;

/// The loaded model. Reading happens in a [`Page`].
pub struct Model {
    weights: ModelWeights,
    tokenizer: Tokenizer,
    end: u32,
    newlines: Vec<u32>,
    specials: Vec<u32>,
    marks: Vec<u32>,
}

/// A text being read and written: what stands so far, and the likelihoods of what follows. Its copy is cheap: the
/// weights are shared, and what was read is never changed.
#[derive(Clone)]
pub struct Page {
    weights: ModelWeights,
    /// How many tokens stand.
    pub length: usize,
    /// Of each token, how likely it follows.
    pub logits: Vec<f32>,
}

impl Model {
    /// Loads a GGUF file of the SmolLM2 family.
    pub fn load(gguf: &[u8]) -> Result<Model, Failure> {
        read(gguf).map_err(|error| {
            Failure::new(Cause::Setup, format!("cannot load the writer's weights: {error}"))
                .hint("Run `storygen models pull` to fetch them again.")
        })
    }

    /// Returns an empty page.
    pub fn page(&self) -> Page {
        Page { weights: self.weights.clone(), length: 0, logits: Vec::new() }
    }

    /// Returns the tokens of `text`; turn marks become their tokens.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, Failure> {
        let encoded = self.tokenizer.encode(text, false).map_err(|error| broken(&error))?;
        Ok(encoded.get_ids().to_vec())
    }

    /// Returns the text of `tokens`, turn marks left out.
    pub fn text(&self, tokens: &[u32]) -> Result<String, Failure> {
        self.tokenizer.decode(tokens, true).map_err(|error| broken(&error))
    }

    /// The token that ends a reply.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Tokens that hold a line break.
    pub fn newlines(&self) -> &[u32] {
        &self.newlines
    }

    /// Tokens with a mark or a figure that a tale told aloud can do without; a small writer rarely closes a quote.
    pub fn marks(&self) -> &[u32] {
        &self.marks
    }

    /// Tokens that are no text: turn marks and the like.
    pub fn specials(&self) -> &[u32] {
        &self.specials
    }
}

impl Page {
    /// Reads `tokens` after what stands.
    pub fn read(&mut self, tokens: &[u32]) -> Result<(), Failure> {
        for piece in tokens.chunks(PIECE) {
            let input = Tensor::new(piece, &Device::Cpu).and_then(|input| input.unsqueeze(0));
            let logits = input.and_then(|input| self.weights.forward(&input, self.length));
            let logits = logits.and_then(|logits| logits.squeeze(0)).and_then(|logits| logits.to_vec1::<f32>());
            self.logits = logits.map_err(|error| broken(&error))?;
            self.length += piece.len();
        }
        Ok(())
    }

    /// Returns the logarithm of the likelihood that `token` follows.
    pub fn log_likelihood(&self, token: u32) -> f64 {
        let top = self.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = self.logits.iter().map(|logit| f64::from(logit - top).exp()).sum();
        let logit = self.logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        f64::from(logit - top) - total.ln()
    }
}

fn read(gguf: &[u8]) -> Result<Model, Box<dyn std::error::Error + Send + Sync>> {
    let mut reader = Cursor::new(gguf);
    let content = gguf_file::Content::read(&mut reader)?;
    let mut tokenizer = Tokenizer::from_gguf(&content)?;
    mend(&mut tokenizer);
    let vocabulary = tokenizer.get_vocab_size(true) as u32;
    let end = tokenizer.token_to_id(TURN_END).ok_or("the file has no token that ends a turn")?;
    let newlines =
        (0..vocabulary).filter(|id| tokenizer.id_to_token(*id).is_some_and(|text| text.contains('Ċ'))).collect();
    let specials = (0..vocabulary)
        .filter(|id| tokenizer.id_to_token(*id).is_some_and(|text| text.starts_with("<|") || is_marker(&text)))
        .filter(|id| *id != end)
        .collect();
    let marked = |text: String| text.chars().any(|c| c.is_ascii_digit() || "\"*#[](){}<>|_:;/\\^~=@&%$+".contains(c));
    let marks = (0..vocabulary).filter(|id| tokenizer.id_to_token(*id).is_some_and(marked)).collect::<Vec<u32>>();
    let marks = marks.into_iter().chain(curly(&tokenizer)).filter(|id| *id != end).collect();
    let weights = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu)?;
    Ok(Model { weights, tokenizer, end, newlines, specials, marks })
}

// Quotes in other forms. Curly ones are three bytes each; the tokens have a letter of their own for each byte: `âĢľ`, `âĢĿ`.
fn curly(tokenizer: &Tokenizer) -> Vec<u32> {
    let vocabulary = tokenizer.get_vocab_size(true) as u32;
    let quoted = |text: String| ["âĢľ", "âĢĿ", "Ġ'", ".'", ",'", "!'", "?'"].iter().any(|mark| text.contains(mark));
    (0..vocabulary).filter(|id| tokenizer.id_to_token(*id).is_some_and(quoted)).collect()
}

// Tokens of source files that the model also learned: `<repo_name>`, `<filename>`.
fn is_marker(token: &str) -> bool {
    token.len() > 3 && token.starts_with('<') && token.ends_with('>') && !token.contains(' ')
}

// The reader does not know the pre-tokeniser `smollm` and puts a space before each text: "system" would become
// another token than the one of the chat format. This is the one the model was trained with.
fn mend(tokenizer: &mut Tokenizer) {
    let steps: Vec<PreTokenizerWrapper> = vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
    tokenizer.with_pre_tokenizer(Some(PreTokenizerWrapper::Sequence(Sequence::new(steps))));
    tokenizer.with_decoder(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_post_processor(None::<PostProcessorWrapper>);
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Cause::Machine, format!("the built-in writer broke: {error}"))
}
