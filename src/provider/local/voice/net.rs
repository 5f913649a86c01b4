//! Runs the acoustic model: phoneme numbers in, spectra, pitch and durations out.

use super::fourier::BINS;
use super::pinned;
use super::signal::Frames;
use super::timing::paced;
use crate::base::failure::{Cause, Failure};
use rten::{Model, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use std::sync::Arc;

/// The inner node that holds each phoneme's duration. The name belongs to the pinned file; [`AcousticNet::run`]
/// checks with every sentence that it still means what it did.
const DURATIONS: &str = "/Clip_output_0";

const OUTPUTS: [&str; 7] = ["lh", "theta", "ln", "lr", "phi", "f0", DURATIONS];

/// The acoustic model, ready to run.
pub struct AcousticNet {
    model: Model,
    ids: NodeId,
    speed: NodeId,
    outputs: [NodeId; 7],
}

/// What the acoustic model says about one piece of speech.
pub struct Prediction {
    pub frames: Frames,
    /// One for each phoneme number that was given, in units of 25 ms.
    pub durations: Vec<u32>,
}

impl AcousticNet {
    /// Loads the ONNX file.
    ///
    /// # Errors
    /// `Setup` if it is not the model that this code was written for.
    pub fn load(onnx: Vec<u8>) -> Result<AcousticNet, Failure> {
        let model = Model::load(onnx).map_err(|error| wrong_weights(pinned::ONNX, error))?;
        let node = |name: &str| model.node_id(name).map_err(|error| wrong_weights(pinned::ONNX, error));
        let mut outputs = Vec::with_capacity(OUTPUTS.len());
        for name in OUTPUTS {
            outputs.push(node(name)?);
        }
        let outputs = <[NodeId; 7]>::try_from(outputs).expect("as many nodes as names");
        let (ids, speed) = (node("ids")?, node("speed")?);
        Ok(AcousticNet { model, ids, speed, outputs })
    }

    /// Predicts the sound of `ids` at `speed` times the voice's own pace.
    ///
    /// The model has a speed of its own and rounds each duration by itself, so that the whole may be a seventh too long
    /// or too short. So it is asked how long each sound is at its own pace, and told how long at this one.
    ///
    /// # Errors
    /// `Machine` if the model cannot be run or breaks the rule that its durations add up to its frames.
    pub fn run(&self, ids: &[i32], speed: f64, threads: &Arc<ThreadPool>) -> Result<Prediction, Failure> {
        let mut inputs = self.inputs(ids);
        if (speed - 1.0).abs() > f64::EPSILON {
            let own = self.model.run_n(self.inputs(ids), [self.outputs[6]], Some(one_thread(threads)));
            let [own] = own.map_err(not_run)?;
            let own: Tensor<f32> = own.try_into().map_err(not_run)?;
            let units: Vec<u32> = own.to_vec().iter().map(|&units| whole(units)).collect();
            let told = paced(&units, speed).into_iter().map(|units| units as f32).collect::<Vec<_>>();
            inputs.push((self.outputs[6], Tensor::from_data(own.shape(), told).into()));
        }
        let values = self.model.run_n(inputs, self.outputs, Some(one_thread(threads))).map_err(not_run)?;
        let mut tensors = Vec::with_capacity(values.len());
        for value in values {
            let tensor: Tensor<f32> = value.try_into().map_err(not_run)?;
            tensors.push(tensor.to_vec());
        }
        let [harmonic_gain, harmonic_phase, noise_gain, rest_gain, rest_phase, pitch, durations] =
            <[Vec<f32>; 7]>::try_from(tensors).expect("as many values as outputs");
        let durations: Vec<u32> = durations.iter().map(|&units| whole(units)).collect();
        let frame_count = pitch.len();
        let spectra = [&harmonic_gain, &harmonic_phase, &noise_gain, &rest_gain, &rest_phase];
        let sum: u64 = durations.iter().map(|&duration| u64::from(duration)).sum();
        if 2 * sum != frame_count as u64
            || durations.len() != ids.len()
            || spectra.iter().any(|spectrum| spectrum.len() != BINS * frame_count)
        {
            let message = format!("the voice's durations ({sum}) do not add up to its {frame_count} frames");
            return Err(Failure::new(Cause::Machine, message).hint(PULL_AGAIN));
        }
        let frames = Frames { harmonic_gain, harmonic_phase, noise_gain, rest_gain, rest_phase, pitch };
        Ok(Prediction { frames, durations })
    }

    fn inputs<'a>(&self, ids: &[i32]) -> Vec<(NodeId, ValueOrView<'a>)> {
        let id_tensor = NdTensor::from_data([1, ids.len()], ids.to_vec());
        let speed_tensor = NdTensor::from_data([1], vec![1.0_f32]);
        vec![(self.ids, id_tensor.into()), (self.speed, speed_tensor.into())]
    }
}

fn whole(units: f32) -> u32 {
    units.round().max(0.0) as u32
}

const PULL_AGAIN: &str = "Fetch the voice again with `storygen models pull`.";

/// Returns options that keep a run on `threads`.
pub fn one_thread(threads: &Arc<ThreadPool>) -> RunOptions {
    RunOptions::default().with_thread_pool(Some(Arc::clone(threads)))
}

/// Returns the failure that `file` is not what was pinned.
pub fn wrong_weights(file: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Cause::Setup, format!("load the voice's `{file}`: {error}")).hint(PULL_AGAIN)
}

fn not_run(error: impl std::fmt::Display) -> Failure {
    Failure::new(Cause::Machine, format!("run the voice's model: {error}"))
}
