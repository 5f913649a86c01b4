//! Asks for one sample until its reply is right: each attempt is remembered, each repair quotes what was wrong.

use super::judge::{Accepted, Judge};
use crate::base::failure::{Cause, Failure};
use crate::provider::chat::{ChatReply, ChatRequest, ChatWarning, Finish};
use crate::provider::memory::{Memory, Variant};
use crate::provider::writer::Writer;

/// What is asked, of whom, and what the reply must be.
pub struct Question<'a> {
    pub writer: &'a Writer,
    pub request: ChatRequest,
    pub judge: Judge,
    /// How often an invalid reply is asked for again.
    pub repair: u32,
    /// What it is about, where that is not all: `section 2 of 5`.
    pub about: &'a str,
}

/// The sample's number in a request that is about all of them.
pub const ALL_SAMPLES: u32 = u32::MAX;

/// A reply that is what was asked for.
pub struct Answer {
    pub text: String,
    pub warnings: Vec<ChatWarning>,
}

/// Returns the accepted reply of one sample.
///
/// Fails with `Validation` when the last repair is wrong too, and with the reply's own cause when it is empty, cut or a
/// refusal.
pub async fn answer(question: &Question<'_>, variant: Variant, memory: &mut Memory<'_>) -> Result<Answer, Failure> {
    let mut prompt = question.request.prompt.clone();
    let mut attempt = 0;
    loop {
        let variant = Variant { attempt, ..variant };
        let request = ChatRequest { prompt, ..question.request.clone() };
        let described = described(question.about, variant);
        let reply = question.writer.ask(&request, variant, &described, memory).await?;
        // What is of no use was paid for all the same: a person may want to read it.
        let keep = |reply: &ChatReply| memory.log(&format!("{described}, by {}:\n{}\n", reply.written_by, reply.text));
        let reply = usable(&reply, &request).inspect_err(|_| keep(&reply)).map(|()| reply)?;
        let faults = match question.judge.accept(&reply.text) {
            Ok(Accepted { text, warning }) => {
                let warning = warning.map(|message| ChatWarning { at: None, message });
                return Ok(Answer { text, warnings: reply.warnings.into_iter().chain(warning).collect() });
            }
            Err(faults) => faults,
        };
        keep(&reply);
        if attempt == question.repair {
            return Err(invalid(&faults, attempt));
        }
        prompt = repair_prompt(&question.request.prompt, &reply.text, &faults);
        attempt += 1;
    }
}

fn described(about: &str, variant: Variant) -> String {
    let what = match (variant.sample, variant.attempt) {
        (0, 0) => "the reply".to_owned(),
        (ALL_SAMPLES, 0) => "the choice of a sample".to_owned(),
        (ALL_SAMPLES, attempt) => format!("repair {attempt} of the choice of a sample"),
        (sample, 0) => format!("sample {}", sample + 1),
        (sample, attempt) => format!("repair {attempt} of sample {}", sample + 1),
    };
    if about.is_empty() { what } else { format!("{what} to {about}") }
}

fn usable(reply: &ChatReply, request: &ChatRequest) -> Result<(), Failure> {
    let who = &reply.written_by;
    match reply.finish {
        Finish::Refusal => {
            let words = reply.text.trim();
            let said = if words.is_empty() { String::new() } else { format!(": {words}") };
            Err(Failure::new(Cause::Refusal, format!("{who} declined to answer{said}"))
                .hint("Change the prompt, name another provider, or ask again with `build --force`."))
        }
        Finish::Length => {
            let message = format!("the reply was cut at its bound of {} tokens", request.max_tokens);
            Err(Failure::new(Cause::Length, message)
                .hint("Raise `max_tokens`, or ask for less; `storygen log` shows what came."))
        }
        Finish::Stop if reply.text.trim().is_empty() => {
            Err(Failure::new(Cause::Empty, format!("{who} gave an empty reply"))
                .hint("Change the prompt, or ask again with `build --force`."))
        }
        Finish::Stop => Ok(()),
    }
}

fn repair_prompt(prompt: &str, reply: &str, faults: &[String]) -> String {
    let faults: String = faults.iter().map(|fault| format!("- {fault}\n")).collect();
    format!(
        "{prompt}\n\nYour last reply was:\n\n{}\n\nIt was wrong:\n{faults}\nWrite the whole reply again, without these faults.",
        reply.trim()
    )
}

fn invalid(faults: &[String], repairs: u32) -> Failure {
    let after = match repairs {
        0 => String::new(),
        1 => ", also after a repair".to_owned(),
        count => format!(", also after {count} repairs"),
    };
    Failure::new(Cause::Validation, format!("the reply is not what was asked for{after}: {}", faults.join("; "))).hint(
        "Make the prompt plainer, raise `repair`, name a larger model under `providers:`, or ask again with \
             `build --force`.",
    )
}
