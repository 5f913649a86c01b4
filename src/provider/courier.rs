//! Who carries the calls of `uses: http`: to a service of any sort, or to answers of the repo. Asked through the memory of
//! requests.

use crate::base::address::Address;
use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::provider::api::{Api, ApiCall, shown};
use crate::provider::memory::{Errand, Memory, Played, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::provider::quote::Quote;
use crate::provider::script::{Asked, Said, Script, Words, call_content};
use crate::provider::tape::Tape;
use crate::provider::told::{Told, told};
use crate::store::{ReplyOutcome, Store};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form of what is remembered of a service: the body of its answer, secrets taken out.
const FORM_SERVICE: &str = "http 2";
/// The form of what is remembered of a script.
const FORM_SCRIPT: &str = "http script 1";

/// Carries calls.
#[derive(Clone)]
pub struct Courier {
    source: Source,
    tape: Option<Arc<Tape>>,
}

#[derive(Clone)]
enum Source {
    Service(Arc<Api>),
    Script(Arc<Script>),
}

/// A call as answers of the repo know it, whoever is called.
#[derive(Debug, Serialize)]
pub struct CallRequest<'a> {
    pub method: &'a str,
    /// As the stage says it: below the provider's address, or whole.
    pub url: Cow<'a, str>,
    /// Those of the stage: what a provider adds may be secret, and is not known here.
    pub headers: &'a BTreeMap<String, String>,
    pub body: Cow<'a, str>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct CallReply {
    pub body: Vec<u8>,
    /// Who answered, for provenance.
    pub by: String,
}

impl CallRequest<'_> {
    pub fn words(&self) -> Words<'_> {
        Words::Call { method: self.method, url: &self.url, body: &self.body }
    }
}

impl Courier {
    /// Returns who calls a service.
    pub fn service(api: Arc<Api>) -> Courier {
        Courier { source: Source::Service(api), tape: None }
    }

    /// Returns who calls one address that no provider has: it needs no secret.
    pub fn open(address: Address) -> Courier {
        Courier::service(Arc::new(Api::open(address)))
    }

    /// Returns who plays answers of the repo.
    pub fn script(script: Arc<Script>) -> Courier {
        Courier { source: Source::Script(script), tape: None }
    }

    /// Lets a tape hear all that is asked and answered.
    pub fn on(mut self, tape: &Arc<Tape>) -> Courier {
        self.tape = Some(tape.clone());
        self
    }

    /// Returns what may shape an answer: type, host and path, and what the service is told that is no secret.
    pub fn identity(&self) -> &str {
        match &self.source {
            Source::Service(api) => api.identity(),
            Source::Script(script) => script.identity(),
        }
    }

    /// Tells whether the provider itself sets a header.
    pub fn sets(&self, header: &str) -> bool {
        match &self.source {
            Source::Service(api) => api.sets(header),
            Source::Script(_) => false,
        }
    }

    /// Returns the address that its calls start with; none where a script plays whoever is called.
    pub fn base(&self) -> Option<&Address> {
        match &self.source {
            Source::Service(api) => Some(api.base()),
            Source::Script(_) => None,
        }
    }

    /// Returns what a call would come to; `None`: nobody is paid.
    pub fn quote(&self, call: &ApiCall, variant: Variant, store: &Store) -> Option<Quote> {
        match &self.source {
            Source::Service(api) => Some(Quote::of(api, key(api, call, variant), Usage::default(), store)),
            Source::Script(_) => None,
        }
    }

    /// The same for a call that is not known yet.
    pub fn guess(&self) -> Option<Quote> {
        match &self.source {
            Source::Service(api) => Some(Quote::guess(api, Usage::default())),
            Source::Script(_) => None,
        }
    }

    /// Returns the body of the answer to a call: the remembered one, else a new one.
    pub async fn ask(&self, call: &ApiCall, variant: Variant, memory: &mut Memory<'_>) -> Result<Vec<u8>, Failure> {
        let request = self.request(call);
        let answer = match &self.source {
            Source::Service(api) => asked(api, call, variant, memory).await,
            Source::Script(script) => played(script, &request, variant, memory).await,
        };
        if let Some(tape) = &self.tape {
            tape.call(&request, variant, &memory.payer().action, &answer)?;
        }
        answer.map(|reply| reply.body)
    }

    fn request<'a>(&self, call: &'a ApiCall) -> CallRequest<'a> {
        let url = match self.base() {
            Some(base) if call.path.is_empty() => Cow::Owned(base.join("")),
            _ => Cow::Borrowed(call.path.as_str()),
        };
        let body = call.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        CallRequest { method: &call.method, url, headers: &call.headers, body }
    }
}

/// An address of its own is no part of the service's identity: it is that of the call.
fn key(api: &Api, call: &ApiCall, variant: Variant) -> Digest {
    let address = if call.path.is_empty() { api.base().join("") } else { String::new() };
    request_key(FORM_SERVICE, &format!("{}{address}", api.identity()), &call.bytes(), variant)
}

async fn asked(
    api: &Arc<Api>,
    call: &ApiCall,
    variant: Variant,
    memory: &mut Memory<'_>,
) -> Result<CallReply, Failure> {
    let by = api.base().vendor();
    let description = format!("{} {}{} of {by}", call.method, api.base().path(), call.path);
    let reading = |_: &[u8]| Ok(reading(by, Usage::default()));
    let request = Request { key: key(api, call, variant), description: &description, reading: &reading };
    let errand = Errand { api, call, most: Usage::default(), room_bytes: ROOM_BYTES };
    Ok(CallReply { body: memory.ask_service(&request, &errand).await?, by: by.to_owned() })
}

/// Asks a script. What it says is part of the request's key: another answer of the repo is another memory.
async fn played(
    script: &Script,
    request: &CallRequest<'_>,
    variant: Variant,
    memory: &mut Memory<'_>,
) -> Result<CallReply, Failure> {
    let (content, words, payer) = (call_content(request)?, request.words(), memory.payer());
    let description = format!("{} {}", request.method, request.url);
    let asked = Asked { request: content, words, variant, stage: &payer.stage, action: &payer.action };
    let said = script.call(&asked, &description).inspect_err(|_| memory.log(&words.told()))?;
    let Said { answer, by, usage } = said;
    // A service that says the same is read by the same table; what it would be asked again for would be the same again.
    let who = format!("the provider `{}`", script.name());
    let answer = Ok(answer);
    let told = told(&who, &answer);
    let Ok(answer) = answer else { unreachable!("a script has an answer") };
    if let Told::Failed(failure, _) = told {
        memory.log(&format!("{}\n", shown(&answer.body).trim_end()));
        return Err(failure);
    }
    let bytes = [content.as_bytes(), answer.body.as_slice()].concat();
    let reading = |_: &[u8]| Ok(reading(&by, usage));
    let key = request_key(FORM_SCRIPT, script.identity(), &bytes, variant);
    let asked = Request { key, description: &description, reading: &reading };
    let played = Played { name: script.name(), price: script.price(), most: usage, body: answer.body };
    let body = memory.ask_script(&asked, played).await?;
    Ok(CallReply { body, by })
}

fn reading(by: &str, usage: Usage) -> Reading {
    Reading { made_by: by.to_owned(), usage, outcome: ReplyOutcome::Good }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::RepoPath;
    use crate::provider::api::AnswerSort;
    use crate::provider::script::Shelf;
    use crate::storyfile::service::{Scripted, Service, ServiceApi};
    use crate::storyfile::story::Selector;
    use crate::world::real::RealDisk;

    fn call(path: &str) -> ApiCall {
        ApiCall { answer: AnswerSort::Any, ..ApiCall::get(path) }
    }

    fn script() -> Courier {
        let answers = Selector::File(RepoPath::parse("a.yaml").unwrap());
        let shelf = Shelf { disk: Arc::new(RealDisk), root: "/".into() };
        Courier::script(Arc::new(Script::new("art", &Scripted { answers, model: None, price: None }, shelf)))
    }

    #[test]
    fn a_service_and_who_plays_it_are_asked_the_same() {
        let content = |courier: &Courier, path: &str| call_content(&courier.request(&call(path))).unwrap();
        let art = Service::at(ServiceApi::Http, Address::parse("https://art.example/v1").unwrap());
        let art = Courier::service(Arc::new(Api::new("art", &art, Arc::default())));
        assert_eq!(content(&art, "/images?size=2"), content(&script(), "/images?size=2"));
        let address = Address::parse("https://news.example/feed?all=1").unwrap();
        let whole = address.join("");
        assert_eq!(content(&Courier::open(address), ""), content(&script(), &whole));
        assert_ne!(content(&script(), "/a"), content(&script(), "/b"));
    }

    #[test]
    fn nobody_is_paid_for_what_a_script_plays_as_far_as_an_estimate_goes() {
        assert_eq!(script().guess(), None);
    }
}
