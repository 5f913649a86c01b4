//! The voice's files and version; their hashes are pinned in [`crate::provider::weights::catalog`].

/// The version of the voice that this code was written for.
pub const VERSION: &str = "0.2.1";

/// The acoustic model.
pub const ONNX: &str = "hibari.onnx";

/// The model that reads words which no lexicon has.
pub const OOV_ONNX: &str = "oov.onnx";

/// The letters that it knows.
pub const OOV_JSON: &str = "oov.json";

/// The numbers of the phonemes.
pub const VOCAB_JSON: &str = "vocab.json";
