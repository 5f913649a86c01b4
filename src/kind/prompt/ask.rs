//! Asks for one sample until its reply is right: each attempt is remembered, each repair quotes what was wrong.

use super::judge::Judge;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::kind::memory::{Fresh, Memory, Variant, request_key};
use crate::provider::chat::{Chat, ChatReply, ChatRequest, ChatWarning, Finish};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is asked, of whom, and what the reply must be.
pub struct Question<'a> {
    pub chat: &'a Arc<dyn Chat>,
    pub request: ChatRequest,
    pub judge: Judge,
    pub seed: u64,
    /// How often an invalid reply is asked for again.
    pub repair: u32,
}

/// The form of a remembered reply.
const FORM: &str = "storygen chat 2";

/// A reply as it is remembered.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    text: String,
    warnings: Vec<ChatWarning>,
}

/// A reply that is what was asked for.
pub struct Answer {
    pub text: String,
    pub warnings: Vec<ChatWarning>,
}

/// Returns the accepted reply of one sample.
///
/// Fails with `Validation` when the last repair is wrong too, and with the reply's own cause when it is empty, cut or a
/// refusal.
pub async fn answer(
    question: &Question<'_>,
    variant: Variant,
    memory: &mut Memory<'_>,
    cancel: &CancellationToken,
) -> Result<Answer, Failure> {
    let mut prompt = question.request.prompt.clone();
    let mut attempt = 0;
    loop {
        let variant = Variant { attempt, ..variant };
        let request = ChatRequest { prompt, seed: variant.seed(question.seed), ..question.request.clone() };
        let reply = asked(question.chat, &request, variant, memory, cancel).await?;
        let faults = match question.judge.accept(&reply.text) {
            Ok(text) => return Ok(Answer { text, warnings: reply.warnings }),
            Err(faults) => faults,
        };
        if attempt == question.repair {
            return Err(invalid(&faults, attempt));
        }
        prompt = repair_prompt(&question.request.prompt, &reply.text, &faults);
        attempt += 1;
    }
}

async fn asked(
    chat: &Arc<dyn Chat>,
    request: &ChatRequest,
    variant: Variant,
    memory: &mut Memory<'_>,
    cancel: &CancellationToken,
) -> Result<Heard, Failure> {
    let identity = chat.identity();
    let key = request_key(FORM, &identity, request, variant)?;
    let description = match (variant.sample, variant.attempt) {
        (0, 0) => "the reply".to_owned(),
        (sample, 0) => format!("sample {}", sample + 1),
        (sample, attempt) => format!("repair {attempt} of sample {}", sample + 1),
    };
    let call = async {
        match chat.chat(request, cancel).await {
            Ok(reply) => heard(reply, request.max_tokens),
            // A provider may say so itself; it is an answer all the same.
            Err(failure) if matches!(failure.cause, Cause::Empty | Cause::Length | Cause::Refusal) => Ok(Fresh {
                body: Vec::new(),
                made_by: identity.clone(),
                usage: Usage::default(),
                negative: Some(failure),
            }),
            Err(failure) => Err(failure),
        }
    };
    let body = memory.ask(key, &description, call).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::new(Cause::Machine, format!("read a remembered reply: {error}")))
}

fn heard(reply: ChatReply, max_tokens: u32) -> Result<Fresh, Failure> {
    let tokens = |count| Some(u64::from(count));
    let (input_tokens, output_tokens) = (tokens(reply.tokens_in), tokens(reply.tokens_out));
    let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
    let negative = match reply.finish {
        Finish::Refusal => Some(
            Failure::new(Cause::Refusal, format!("{} declined to answer", reply.written_by))
                .hint("Change the prompt, or name another provider."),
        ),
        Finish::Length => Some(
            Failure::new(Cause::Length, format!("the reply was cut at its bound of {max_tokens} tokens"))
                .hint("Raise `max_tokens`, or ask for less."),
        ),
        Finish::Stop if reply.text.trim().is_empty() => {
            Some(Failure::new(Cause::Empty, format!("{} gave an empty reply", reply.written_by)))
        }
        Finish::Stop => None,
    };
    let body = serde_json::to_vec(&Heard { text: reply.text, warnings: reply.warnings })
        .map_err(|error| Failure::new(Cause::Machine, format!("store a reply: {error}")))?;
    Ok(Fresh { body, made_by: reply.written_by, usage, negative })
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
    Failure::new(Cause::Validation, format!("the reply is not what was asked for{after}: {}", faults.join("; ")))
        .hint("Make the prompt plainer, raise `repair`, or name a larger model under `providers:`.")
}
