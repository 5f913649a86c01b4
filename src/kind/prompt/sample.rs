//! Asks for as many samples as are wanted and keeps the best.

use super::ask::{Answer, Question, answer};
use super::settings::PromptSettings;
use super::{choose, judge};
use crate::base::failure::{Cause, Failure};
use crate::base::id::Take;
use crate::kind::contract::Progress;
use crate::provider::memory::{Memory, Variant};

/// Returns the best sample, with what there is to warn of in any of them.
pub async fn best(
    question: &Question<'_>,
    settings: &PromptSettings,
    take: Take,
    memory: &mut Memory<'_>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Answer, Failure> {
    let (mut samples, mut warnings, mut failed) = (Vec::new(), Vec::new(), None);
    for sample in 0..settings.samples {
        let variant = Variant { sample, ..Variant::of(take) };
        match answer(question, variant, memory).await {
            Ok(answer) => {
                samples.push(answer.text);
                warnings.extend(answer.warnings);
            }
            // One sample that is of no use does not spoil the others.
            Err(failure) if settings.samples > 1 && judge::is_of_the_reply(failure.cause) => {
                failed.get_or_insert(failure);
            }
            Err(failure) => return Err(failure),
        }
        if settings.samples > 1 {
            let (done, total) = (u64::from(sample) + 1, u64::from(settings.samples));
            progress(Progress { done, total, note: "samples".to_owned() });
        }
    }
    match choose::best(samples, &settings.choose) {
        Some(text) => Ok(Answer { text, warnings }),
        None => Err(failed.unwrap_or_else(|| Failure::new(Cause::Machine, "no sample was asked for"))),
    }
}
