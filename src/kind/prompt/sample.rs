//! Asks for as many samples as are wanted and keeps the best.

use super::ask::{Answer, Question, answer};
use super::settings::PromptSettings;
use super::{choose, judge, rubric};
use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Progress};
use crate::provider::memory::{Memory, Variant};

/// Returns the best sample, by the rubric if there is one, with what there is to warn of in any of them.
pub async fn best(
    question: &Question<'_>,
    settings: &PromptSettings,
    rubric: Option<&str>,
    job: &Job<'_>,
    memory: &mut Memory<'_>,
) -> Result<Answer, Failure> {
    let (mut samples, mut warnings, mut failed) = (Vec::new(), Vec::new(), None);
    for sample in 0..settings.samples {
        let variant = Variant { sample, ..Variant::of(job.take) };
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
            (job.progress)(Progress { done, total, note: "samples".to_owned() });
        }
    }
    let by_rubric = match rubric {
        Some(rubric) if samples.len() > 1 => rubric::choose(question, rubric, &samples, job, memory).await?,
        _ => None,
    };
    let best = match by_rubric {
        Some(index) => Some(samples.swap_remove(index)),
        None => choose::best(samples, &settings.choose),
    };
    match best {
        Some(text) => Ok(Answer { text, warnings }),
        None => Err(failed.unwrap_or_else(|| Failure::new(Cause::Machine, "no sample was asked for"))),
    }
}
