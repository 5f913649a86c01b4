//! Turns the published 4-bit weights into 8-bit ones: larger, but the processor multiplies them three times as fast.

use crate::base::failure::{Cause, Failure};
use candle_core::Device;
use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Returns `gguf` with every `Q4_1` tensor stored as `Q8_0`. The same bytes give the same bytes.
///
/// Fails with [`Cause::Setup`] if `gguf` is not a GGUF file.
pub fn requantise(gguf: &[u8]) -> Result<Vec<u8>, Failure> {
    convert(gguf).map_err(|error| {
        Failure::new(Cause::Setup, format!("cannot convert the writer's weights: {error}"))
            .hint("Remove the file and run `storygen models pull` again.")
    })
}

fn convert(gguf: &[u8]) -> candle_core::Result<Vec<u8>> {
    let mut reader = Cursor::new(gguf);
    let content = gguf_file::Content::read(&mut reader)?;
    let device = Device::Cpu;
    // Sorted, because the reader keeps them in a hash map: an order of chance would change the file's hash.
    let names: BTreeMap<&String, ()> = content.tensor_infos.keys().map(|name| (name, ())).collect();
    let mut tensors: Vec<(&str, QTensor)> = Vec::with_capacity(names.len());
    for name in names.into_keys() {
        let tensor = content.tensor(&mut reader, name, &device)?;
        let tensor = match tensor.dtype() {
            GgmlDType::Q4_1 => QTensor::quantize(&tensor.dequantize(&device)?, GgmlDType::Q8_0)?,
            _ => tensor,
        };
        tensors.push((name, tensor));
    }
    let sorted: BTreeMap<&String, &gguf_file::Value> = content.metadata.iter().collect();
    let metadata: Vec<(&str, &gguf_file::Value)> =
        sorted.into_iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let mut written = Cursor::new(Vec::with_capacity(gguf.len() * 3 / 2));
    gguf_file::write(&mut written, &metadata, &tensors)?;
    Ok(written.into_inner())
}

#[cfg(test)]
pub mod tests {
    use super::super::pinned::FAST;
    use super::*;
    use sha2::{Digest, Sha256};

    /// Returns the file `name` of the directory that `STORYGEN_TEST_MODELS` names; says so and returns `None` without it.
    pub fn weights(name: &str) -> Option<Vec<u8>> {
        let found = std::env::var_os("STORYGEN_TEST_MODELS").map(|dir| std::path::Path::new(&dir).join(name));
        let bytes = found.and_then(|path| std::fs::read(path).ok());
        if bytes.is_none() {
            eprintln!("skipped: STORYGEN_TEST_MODELS names no directory with {name}");
        }
        bytes
    }

    #[test]
    fn what_is_no_gguf_is_refused_with_a_way_out() {
        let failure = requantise(b"not weights").unwrap_err();
        assert_eq!(failure.cause, Cause::Setup);
        assert!(failure.hint.unwrap().contains("models pull"));
    }

    #[test]
    fn the_published_weights_give_the_pinned_file() {
        let Some(published) = weights("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
        let fast = requantise(&published).unwrap();
        assert_eq!(fast.len() as u64, FAST.size);
        let hash: String = Sha256::digest(&fast).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, FAST.sha256);
    }
}
