//! Chooses the best of several samples by a rubric: the writer is shown them all, and says which keeps it best.

use super::ask::{ALL_SAMPLES, Question, answer};
use super::judge::{Format, Judge, is_of_the_reply};
use super::settings::PromptSettings;
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::kind::contract::Job;
use crate::kind::schema::Schema;
use crate::provider::chat::ChatRequest;
use crate::provider::memory::{Memory, Variant};
use crate::provider::writer::most as request_most;
use serde_json::{Value, json};

/// Output bound of a judgement, in tokens.
const MAX_TOKENS: u32 = 400;

/// What a token comes to in a text, in bytes, at most: long words of one token are rare.
const TOKEN_BYTES_MAX: u64 = 8;

/// Which sample was chosen, and why.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    /// From 0.
    index: usize,
    /// In the writer's words.
    why: String,
}

/// Returns the place of the sample that keeps `rubric` best; `None`, with a warning, if the writer cannot say.
///
/// The judgement is a request like any other, remembered and paid for once. Its reason is in the log.
pub async fn choose(
    question: &Question<'_>,
    rubric: &str,
    samples: &[String],
    job: &Job<'_>,
    memory: &mut Memory<'_>,
) -> Result<Option<usize>, Failure> {
    let schema = schema(samples.len());
    let request = ChatRequest { schema: Some(schema.clone()), ..ChatRequest::of(asked(rubric, samples), MAX_TOKENS) };
    let judge = Judge { format: Format::Json, schema: Some(Schema::compile("choose", &schema)?), kept: None };
    let question = Question { writer: question.writer, request, judge, repair: 1, about: question.about };
    let judged = answer(&question, Variant { sample: ALL_SAMPLES, ..Variant::of(job.take) }, memory).await;
    let chosen = match judged {
        Ok(answer) => read(&answer.text, samples.len()),
        Err(failure) if is_of_the_reply(failure.cause) => None,
        Err(failure) => return Err(failure),
    };
    match &chosen {
        Some(Chosen { index, why }) => {
            (job.desk.log)(&format!("of {} samples, {} is best: {why}\n", samples.len(), index + 1));
        }
        None => {
            memory.warnings.push("the writer could not say which sample keeps the rubric best: rules chose".to_owned());
        }
    }
    Ok(chosen.map(|chosen| chosen.index))
}

/// Returns the most that a judgement can come to: it reads all samples, however long they get.
pub fn most(rubric: &str, settings: &PromptSettings) -> Usage {
    let samples = u64::from(settings.samples) * u64::from(settings.max_tokens) * TOKEN_BYTES_MAX;
    let asked = request_most(&ChatRequest::of(asked(rubric, &[]), MAX_TOKENS));
    Usage { input_tokens: asked.input_tokens.map(|tokens| tokens + samples), ..asked }
}

fn schema(count: usize) -> Value {
    let names: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    json!({
        "type": "object",
        "properties": { "best": { "type": "string", "enum": names }, "why": { "type": "string", "maxLength": 300 } },
        "required": ["best", "why"],
        "additionalProperties": false,
    })
}

fn asked(rubric: &str, samples: &[String]) -> String {
    let texts: String = samples
        .iter()
        .enumerate()
        .map(|(index, sample)| format!("\n--- text {} ---\n{}\n", index + 1, sample.trim()))
        .collect();
    format!(
        "Read these texts and choose the one that keeps this rubric best.\n\nRubric:\n{}\n{texts}\n--- end ---\n\nAnswer \
         with the number of the best text (`best`) and one sentence that says why (`why`).",
        rubric.trim()
    )
}

fn read(answer: &str, count: usize) -> Option<Chosen> {
    let value: Value = serde_json::from_str(answer).ok()?;
    let index = value.get("best")?.as_str()?.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < count)?;
    let why = value.get("why").and_then(Value::as_str).unwrap_or_default();
    Some(Chosen { index, why: why.split_whitespace().collect::<Vec<_>>().join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_numbered_and_the_answer_is_one_of_the_numbers() {
        let prompt = asked("Short and sad.\n", &["One.\n".into(), "Two.".into()]);
        assert!(
            prompt.contains("Rubric:\nShort and sad.\n\n--- text 1 ---\nOne.\n\n--- text 2 ---\nTwo.\n"),
            "{prompt}"
        );
        assert_eq!(schema(2)["properties"]["best"]["enum"], json!(["1", "2"]));
        assert_eq!(
            read(r#"{"best": "2", "why": "It is\n sad."}"#, 2),
            Some(Chosen { index: 1, why: "It is sad.".into() })
        );
        for wrong in [r#"{"best": "3", "why": ""}"#, r#"{"best": "0"}"#, "[]"] {
            assert_eq!(read(wrong, 2), None, "{wrong}");
        }
    }
}
