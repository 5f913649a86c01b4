//! [`LocalWriter`]: a request in, a reply out; one at a time, away from the async threads.

use super::super::edit::{Tongue, for_speech, tag};
use super::alone::alone;
use super::example;
use super::form::fill;
use super::generate::watch;
use super::model::Model;
use super::pen::ModelPen;
use super::pinned::FAST;
use super::prose::{Written, room_after, write};
use super::sampler::{TEMPERATURE, VERSION};
use super::schema::form;
use super::template::chat_after;
use super::topic::{ideas, strong, subjects};
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::chat::{BoxFuture, Chat, ChatReply, ChatRequest, ChatWarning, Edit, EditRule, Finish};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The model's name and form, as provenance tells it.
const MODEL: &str = "SmolLM2-135M-Instruct";
const FORM: &str = "Q8_0";
/// Who did an edit by rule.
const RULES: &str = "rules (built in)";
/// Raised with every change of what the rules make of the same text.
const RULES_VERSION: &str = "rules-v2";

/// The built-in writer. Takes some 300 MB while it lives.
pub struct LocalWriter {
    model: Arc<Model>,
    /// One reply is written at a time: more would only take memory and the same single thread in turns.
    turn: Arc<Semaphore>,
}

impl LocalWriter {
    /// Loads the weights, as [`super::requantise`] made them.
    ///
    /// Fails with [`Cause::Setup`] if they are not a GGUF file of this model's family.
    pub fn load(gguf: &[u8]) -> Result<LocalWriter, Failure> {
        let model = alone(|| Model::load(gguf)).map_err(|_| panicked())??;
        Ok(LocalWriter { model: Arc::new(model), turn: Arc::new(Semaphore::new(1)) })
    }

    /// Returns what shapes its texts: the weights are pinned by hash, so that it is known before they are loaded.
    pub fn identity() -> String {
        format!("local/{MODEL}/{FORM}/{}/{VERSION}/{RULES_VERSION}", &FAST.sha256[..12])
    }

    async fn answer(&self, request: &ChatRequest, cancel: &CancellationToken) -> Result<ChatReply, Failure> {
        watch(cancel)?;
        if let Some(edit) = &request.edit {
            return Ok(by_rules(edit));
        }
        let permit = tokio::select! {
            permit = Arc::clone(&self.turn).acquire_owned() => permit.map_err(|_| panicked())?,
            () = cancel.cancelled() => return Err(Failure::new(Cause::Cancelled, "stopped before writing")),
        };
        let (model, request, cancel) = (Arc::clone(&self.model), request.clone(), cancel.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away does not let a second one start beside it.
            let _permit = permit;
            alone(|| write_with(&model, &request, &cancel))
        });
        work.await.map_err(|_| panicked())?.map_err(|_| panicked())?
    }
}

impl Chat for LocalWriter {
    fn identity(&self) -> String {
        LocalWriter::identity()
    }

    fn accepts(&self, language: &str, edit: Option<EditRule>) -> Result<(), Failure> {
        accepts(language, edit)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        Box::pin(self.answer(request, cancel))
    }
}

/// Tells whether the writer can write in `language`. It writes English only; its rules for edits hold, as far as they go,
/// for any language.
pub fn accepts(language: &str, edit: Option<EditRule>) -> Result<(), Failure> {
    if edit.is_some() || Tongue::of(language) == Tongue::English {
        return Ok(());
    }
    Err(Failure::new(Cause::Setup, format!("the built-in writer does not write in `{language}`"))
        .hint("It writes English only (`en`): name another provider of text for this language."))
}

/// Edits by rules: the model is too small to be trusted with another's words.
fn by_rules(edit: &Edit) -> ChatReply {
    let tongue = Tongue::of(&edit.language);
    let (text, left_out) = match edit.rule {
        EditRule::Tags => (tag(&edit.text, tongue), Vec::new()),
        EditRule::Speech => {
            let spoken = for_speech(&edit.text, tongue);
            (spoken.text, spoken.left_out)
        }
    };
    let message = "left out, it is the address of a link".to_owned();
    let mut warnings: Vec<ChatWarning> = left_out
        .iter()
        .map(|span| ChatWarning { at: Some((span.start, span.end)), message: message.clone() })
        .collect();
    if tongue == Tongue::Other {
        let message =
            format!("the built-in rules know no `{}`: only what holds for every language was done", edit.language);
        warnings.push(ChatWarning { at: None, message });
    }
    ChatReply { text, finish: Finish::Stop, written_by: RULES.to_owned(), usage: Usage::default(), warnings }
}

fn write_with(model: &Model, request: &ChatRequest, cancel: &CancellationToken) -> Result<ChatReply, Failure> {
    let author = format!("{MODEL} {FORM} (built in)");
    match &request.schema {
        Some(schema) => fill_in(model, request, schema, cancel, author),
        None => Ok(reply(write(model, request, cancel)?, author)),
    }
}

fn fill_in(
    model: &Model,
    request: &ChatRequest,
    schema: &serde_json::Value,
    cancel: &CancellationToken,
    author: String,
) -> Result<ChatReply, Failure> {
    let field = form(schema)?;
    let shown = example::turns(&field.labels(), &example::apart_from(&ideas(&request.prompt)));
    let prompt = model.tokens(&chat_after(request.system.as_deref(), &shown, &request.prompt))?;
    room_after(prompt.len())?;
    let mut page = model.page();
    page.read(&prompt)?;
    let mut pen =
        ModelPen::new(model, page, request.seed.unwrap_or(0), request.temperature.unwrap_or(TEMPERATURE), cancel)
            .about(&strong(&subjects(&request.prompt)))?;
    let value = fill(&field, &request.prompt, &mut pen)?;
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Failure::new(Cause::Machine, format!("cannot write the reply as JSON: {error}")))?;
    let written = Written { text, finish: Finish::Stop, tokens_in: prompt.len(), tokens_out: pen.drawn, score: 1.0 };
    Ok(reply(written, author))
}

fn reply(written: Written, written_by: String) -> ChatReply {
    ChatReply {
        text: written.text,
        finish: written.finish,
        written_by,
        usage: Usage {
            input_tokens: Some(written.tokens_in as u64),
            output_tokens: Some(written.tokens_out as u64),
            ..Usage::default()
        },
        warnings: Vec::new(),
    }
}

fn panicked() -> Failure {
    Failure::new(Cause::Machine, "the built-in writer broke off")
}

#[cfg(test)]
mod tests {
    use super::super::requantise::tests::weights;
    use super::*;
    use serde_json::json;
    use std::sync::OnceLock;

    fn request(prompt: &str) -> ChatRequest {
        ChatRequest {
            system: None,
            prompt: prompt.to_owned(),
            temperature: Some(0.6),
            max_tokens: 30,
            seed: Some(1),
            stop: Vec::new(),
            schema: None,
            edit: None,
            extra: serde_json::Map::new(),
        }
    }

    /// The writer of all tests: loading it takes a second.
    fn writer() -> Option<&'static LocalWriter> {
        static WRITER: OnceLock<Option<LocalWriter>> = OnceLock::new();
        let load = || weights("SmolLM2-135M-Instruct.Q8_0.gguf").map(|gguf| LocalWriter::load(&gguf).unwrap());
        WRITER.get_or_init(load).as_ref()
    }

    async fn ask(writer: &LocalWriter, request: &ChatRequest) -> Result<ChatReply, Failure> {
        writer.chat(request, &CancellationToken::new()).await
    }

    fn edited(rule: EditRule, text: &str, language: &str) -> ChatReply {
        by_rules(&Edit { rule, text: text.to_owned(), language: language.to_owned() })
    }

    #[test]
    fn edits_are_done_by_rules_however_short_the_text() {
        assert_eq!(edited(EditRule::Tags, "She sighed and left.", "en").text, "[sighs] She sighed and left.");
        let spoken = edited(EditRule::Speech, "Hello, Dr. Moss.", "en");
        assert_eq!((spoken.text.as_str(), spoken.written_by.as_str()), ("Hello, Doctor Moss.", "rules (built in)"));
        assert_eq!(edited(EditRule::Speech, "# Title\n- x", "en").text, "Title\n\nx.");
    }

    #[test]
    fn what_an_edit_leaves_out_or_undone_is_a_warning() {
        let spoken = edited(EditRule::Speech, "See [us][1].\n\n[1]: http://x.y", "en");
        assert_eq!(spoken.warnings[0].at, Some((14, 29)));
        let german = edited(EditRule::Speech, "Das ist Dr. Moos.", "de");
        assert_eq!(german.text, "Das ist Dr. Moos.");
        assert!(german.warnings[0].message.contains("know no `de`"), "{:?}", german.warnings);
    }

    #[test]
    fn it_writes_english_only_and_edits_any_language() {
        for (language, edit, expected) in [
            ("en", None, true),
            ("en-GB", None, true),
            ("de", None, false),
            ("", None, false),
            ("de", Some(EditRule::Speech), true),
        ] {
            let answer = accepts(language, edit);
            assert_eq!(answer.is_ok(), expected, "{language}");
            assert!(answer.err().is_none_or(|failure| failure.cause == Cause::Setup && failure.hint.is_some()));
        }
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        let failure = LocalWriter::load(b"no weights").err().unwrap();
        assert_eq!(failure.cause, Cause::Setup);
    }

    #[tokio::test]
    async fn the_same_request_gives_the_same_text() {
        let Some(writer) = writer() else { return };
        let asked = request("Write one sentence about a stranger on the last bus.");
        let first = ask(writer, &asked).await.unwrap();
        assert_eq!(first.finish, Finish::Stop);
        assert!(super::super::super::edit::sentences::is_finished(&first.text), "{}", first.text);
        assert_eq!(ask(writer, &asked).await.unwrap(), first);
        let other = ask(writer, &ChatRequest { seed: Some(2), ..asked }).await.unwrap();
        assert_ne!(other.text, first.text);
    }

    #[tokio::test]
    async fn a_reply_by_schema_satisfies_it() {
        let Some(writer) = writer() else { return };
        let schema = json!({"type": "object", "required": ["title", "gender", "score"], "properties": {
            "title": {"type": "string", "maxLength": 40},
            "gender": {"enum": ["male", "female"]},
            "score": {"type": "integer", "minimum": 0, "maximum": 100},
            "happy": {"type": "boolean"},
        }});
        let asked = ChatRequest { schema: Some(schema.clone()), ..request("An idea for a story about the last bus.") };
        let reply = ask(writer, &asked).await.unwrap();
        let value: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
        assert!(jsonschema::is_valid(&schema, &value), "{value}");
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["title", "gender", "score", "happy"]);
    }

    #[tokio::test]
    async fn a_stopped_run_writes_nothing_more() {
        let Some(writer) = writer() else { return };
        let cancel = CancellationToken::new();
        cancel.cancel();
        let failure = writer.chat(&request("Tell me a story."), &cancel).await.unwrap_err();
        assert_eq!(failure.cause, Cause::Cancelled);
        let (asked, cancel) = (request("Tell me a story in 900 words."), CancellationToken::new());
        let (asked, stop) = (ChatRequest { max_tokens: 1500, ..asked }, cancel.clone());
        let (reply, ()) = tokio::join!(writer.chat(&asked, &cancel), async move {
            tokio::task::yield_now().await;
            stop.cancel();
        });
        assert_eq!(reply.unwrap_err().cause, Cause::Cancelled);
    }

    #[tokio::test]
    async fn a_stop_ends_the_reply_before_it() {
        let Some(writer) = writer() else { return };
        let asked = ChatRequest { stop: vec!["e".to_owned()], ..request("Say one word: house.") };
        let reply = ask(writer, &asked).await;
        assert!(reply.map_or_else(|failure| failure.cause == Cause::Empty, |reply| !reply.text.contains('e')));
    }

    #[test]
    fn the_chat_format_has_the_tokens_the_model_was_trained_with() {
        let Some(writer) = writer() else { return };
        assert_eq!(writer.model.tokens("<|im_start|>system\n").unwrap(), [1, 9690, 198]);
        assert_eq!(writer.identity(), "local/SmolLM2-135M-Instruct/Q8_0/f2e29b5f8418/sampler-v2/rules-v2");
    }
}
