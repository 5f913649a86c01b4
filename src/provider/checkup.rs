//! Asks a service how it is, without any call that is paid for: is it there, does it know our key, our model, our voice?

use crate::base::failure::Failure;
use crate::provider::api::{Api, ApiCall, Exchange};
use crate::provider::openai::is_vendor;
use crate::provider::told::Told;
use crate::storyfile::service::{Service, ServiceApi};
use crate::world::call::{Ear, Head};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Pages of a list that are looked at.
const PAGES_MAX: usize = 50;

/// How a service is. `None`: nobody could tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    pub is_reachable: Option<bool>,
    pub is_authorised: Option<bool>,
    pub knows_model: Option<bool>,
    pub knows_voice: Option<bool>,
    /// What the account may still have spoken.
    pub characters_left: Option<u64>,
    /// What is wrong, with a way out.
    pub problems: Vec<Failure>,
    /// What may be wrong.
    pub doubts: Vec<String>,
}

/// What one question came to.
enum Asked {
    Answered(Value),
    Refused { status: u16, failure: Failure },
    Unreached(Failure),
}

/// Returns how a service is. Only lists and accounts are looked at: no vendor charges for that.
pub async fn check(api: &Api, declared: &Service) -> Health {
    let mut health = Health::default();
    if let Err(failure) = api.ready() {
        health.problems.push(failure);
        return health;
    }
    let model = declared.model.as_deref().unwrap_or_default();
    match declared.api {
        // What a call of it does only its owner knows.
        ServiceApi::Http => {}
        ServiceApi::OpenAi => {
            look_for_model(api, "/models", model, &mut health).await;
            if is_vendor(&declared.base) { health.need_model(model) } else { health.doubt_model(model) }
        }
        ServiceApi::Anthropic => {
            look_for_model(api, "/v1/models?limit=1000", model, &mut health).await;
            health.need_model(model);
        }
        ServiceApi::Gemini => {
            let asked = ask(api, &format!("/v1beta/models/{model}")).await;
            if health.hear(&asked, model) {
                health.knows_model = Some(true);
            }
        }
        ServiceApi::ElevenLabs => {
            look_for_model(api, "/v1/models", model, &mut health).await;
            health.need_model(model);
            if health.is_authorised == Some(true) {
                voice(api, declared, &mut health).await;
                account(api, &mut health).await;
            }
        }
    }
    health
}

impl Health {
    /// Tells whether nothing is known to be wrong.
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }

    /// Notes what an answer shows; returns whether it is one.
    fn hear(&mut self, asked: &Asked, model: &str) -> bool {
        let (status, failure) = match asked {
            Asked::Answered(_) => {
                (self.is_reachable, self.is_authorised) = (Some(true), Some(true));
                return true;
            }
            Asked::Unreached(failure) => {
                self.is_reachable = Some(false);
                self.problems.push(failure.clone());
                return false;
            }
            Asked::Refused { status, failure } => (*status, failure.clone()),
        };
        self.is_reachable = Some(true);
        match status {
            401 | 403 => self.is_authorised = Some(false),
            404 => {
                self.is_authorised = Some(true);
                self.knows_model = Some(false);
                self.problems.push(unknown("model", model));
                return false;
            }
            _ => {}
        }
        self.problems.push(failure);
        false
    }

    /// Counts a model that is not listed as a problem.
    fn need_model(&mut self, model: &str) {
        if self.knows_model == Some(false) {
            self.problems.push(unknown("model", model));
        }
    }

    /// A server of one's own that holds one model answers to any name: a name that it does not list may be right.
    fn doubt_model(&mut self, model: &str) {
        if self.knows_model == Some(false) {
            self.doubts.push(format!(
                "its list has no model `{model}`: a server that holds one model answers to any name, others refuse the call"
            ));
        }
    }
}

/// Looks for the model in the list of all. A server of one's own may have no list: that is no fault.
async fn look_for_model(api: &Api, path: &str, model: &str, health: &mut Health) {
    let asked = ask(api, path).await;
    if let Asked::Refused { status: 404 | 405, .. } = &asked {
        health.is_reachable = Some(true);
        return;
    }
    if !health.hear(&asked, model) {
        return;
    }
    let Asked::Answered(list) = asked else { return };
    let known = names(&list);
    // A list that is none of ours says nothing.
    if known.is_empty() {
        return;
    }
    health.knows_model = Some(known.contains(&model));
}

/// Looks for the voice, page by page.
async fn voice(api: &Api, declared: &Service, health: &mut Health) {
    // One that is an expression is known when a stage is built.
    let Some(wanted) = declared.with.get("voice").and_then(Value::as_str).filter(|voice| !voice.contains("${")) else {
        return;
    };
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let Asked::Answered(page) = ask(api, &format!("/v2/voices?page_size=100{token}")).await else { return };
        let voices = page.get("voices").and_then(Value::as_array).into_iter().flatten();
        let mut ids = voices.filter_map(|voice| voice.get("voice_id").and_then(Value::as_str));
        if ids.any(|id| id == wanted) {
            health.knows_voice = Some(true);
            return;
        }
        match page.get("next_page_token").and_then(Value::as_str) {
            Some(next) => token = format!("&next_page_token={next}"),
            None => break,
        }
    }
    health.knows_voice = Some(false);
    health.problems.push(unknown("voice", wanted));
}

async fn account(api: &Api, health: &mut Health) {
    // A key may be barred from it and speak all the same.
    let Asked::Answered(account) = ask(api, "/v1/user/subscription").await else { return };
    let count = |name: &str| account.get(name).and_then(Value::as_u64);
    if let (Some(limit), Some(used)) = (count("character_limit"), count("character_count")) {
        health.characters_left = Some(limit.saturating_sub(used));
    }
}

fn unknown(what: &str, name: &str) -> Failure {
    let failure = Failure::new(crate::base::failure::Cause::Setup, format!("the service knows no {what} `{name}`"));
    failure.hint(format!("Look at `{what}`, and at what the account may use."))
}

/// Returns the models that a list names.
fn names(list: &Value) -> Vec<&str> {
    let items = list.get("data").unwrap_or(list).as_array().into_iter().flatten();
    items.filter_map(|item| item.get("id").or_else(|| item.get("model_id"))?.as_str()).collect()
}

async fn ask(api: &Api, path: &str) -> Asked {
    let (mut status, cancel) = (Status(None), CancellationToken::new());
    match api.exchange(&ApiCall::get(path), None, &mut status, &cancel).await {
        Exchange::Answered(answer) => Asked::Answered(serde_json::from_slice(&answer.body).unwrap_or_default()),
        Exchange::Failed { told: Told::Failed(failure, _), .. } => match status.0 {
            Some(status) => Asked::Refused { status, failure },
            None => Asked::Unreached(failure),
        },
        Exchange::Failed { told: Told::Answered, .. } => unreachable!("an answer is no failure"),
    }
}

/// Hears with which status a service answers.
struct Status(Option<u16>);

impl Ear for Status {
    fn head(&mut self, head: &Head) {
        self.0 = Some(head.status);
    }

    fn piece(&mut self, _: &[u8]) {}
}
