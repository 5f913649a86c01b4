//! How well a real voice is aligned: read from the weights in STORYGEN_TEST_MODELS; without it the test says so and passes.

use super::*;
use crate::kind::bench::{Bench, output};
use crate::kind::input::tests::file;
use crate::kind::voice::Voice;
use crate::provider::local::voice::{LocalVoice, VoiceFiles, pinned};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

const TEXT: &str = "The last bus was late that night; nobody else was waiting. “You’re early,” said a voice behind her. \
                    She turned, and saw an old man on the bench, his hat in his lap.";

/// Returns a bench with the built-in voice, if its weights are there.
fn bench() -> Option<Bench> {
    let Some(directory) = std::env::var_os("STORYGEN_TEST_MODELS").map(PathBuf::from) else {
        println!("skipped: STORYGEN_TEST_MODELS names no directory with the voice's files");
        return None;
    };
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    let files = VoiceFiles {
        onnx: read(pinned::ONNX),
        oov_onnx: read(pinned::OOV_ONNX),
        oov_json: read(pinned::OOV_JSON),
        vocab_json: read(pinned::VOCAB_JSON),
    };
    let mut bench = Bench::new();
    bench
        .providers
        .voices
        .insert("local-voice".into(), crate::provider::voice::Voice::here(Arc::new(LocalVoice::load(files).unwrap())));
    Some(bench)
}

fn words_of(bytes: &[u8]) -> Vec<Word> {
    Words::from_json(std::str::from_utf8(bytes).unwrap()).unwrap().words
}

/// Returns mean and 95th percentile of how far words begin from where they truly do, in milliseconds.
fn errors(bench: &Bench, wav: &[u8], truth: &[Word], method: &str) -> (f64, f64) {
    let audio = ScopeFile { content: Some(wav.into()), ..file("audio", "v.wav", "") };
    let files = vec![audio, file("text", "s.md", TEXT)];
    let made = bench.perform(&Align, json!({ "method": method }), files, &[output("0", "w.json")]).unwrap();
    let found = words_of(&made.outputs["0"]);
    assert_eq!(found.len(), truth.len());
    let mut off: Vec<f64> = found.iter().zip(truth).map(|(a, b)| (a.start - b.start).abs() * 1000.0).collect();
    off.sort_by(f64::total_cmp);
    (off.iter().sum::<f64>() / off.len() as f64, off[off.len() * 95 / 100])
}

#[test]
fn a_slow_reading_is_found_to_a_few_hundredths_of_a_second() {
    let Some(bench) = bench() else { return };
    let outputs = [output("audio", "v.wav"), output("words", "w.json")];
    let slow = json!({"speed": 0.8, "seed": 3, "gap": 0.5});
    let made = bench.perform(&Voice, slow, vec![file("0", "s.md", TEXT)], &outputs).unwrap();
    let truth = words_of(&made.outputs["words"]);
    let (mean, p95) = errors(&bench, &made.outputs["audio"], &truth, "dtw");
    println!("matched: mean {mean:.0} ms, p95 {p95:.0} ms");
    assert!(mean < 25.0 && p95 < 60.0, "mean {mean}, p95 {p95}");
    let (mean, p95) = errors(&bench, &made.outputs["audio"], &truth, "estimate");
    println!("estimated: mean {mean:.0} ms, p95 {p95:.0} ms");
    assert!(mean < 250.0 && p95 < 700.0, "mean {mean}, p95 {p95}");
}
