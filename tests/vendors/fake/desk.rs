//! The desk of the server: the script, the list of calls, the money, and who is being served. One lock for all.

use super::answer::{Answer, Price, Problem};
use super::asked::Asked;
use super::fault::{self, Act, Behaviour, Bill, Refusal, Twist};
use super::gate::Gate;
use super::house::House;
use super::mint::Mint;
use super::wire::{DoorState, Line};
use axum::body::Bytes;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen before it is told that it did not.
const PATIENCE: Duration = Duration::from_secs(30);

/// What answers a path: pure, but for what it remembers of its own speech.
pub type Endpoint = fn(&Asked, &mut Mint<'_>) -> Result<Answer, Problem>;

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it had been read, since the server's start.
    pub at: Duration,
    pub method: String,
    /// With the base of its vendor: `/openai/v1/chat/completions`.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// In their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON as it was sent; of a form a list of its parts.
    pub body: Value,
    /// What the answer was to say, whether or not it arrived.
    pub status: u16,
    /// What was generated.
    pub text: Option<String>,
    /// All of the answer, before any fault touches it.
    pub answer: Bytes,
    pub is_charged: bool,
    pub ending: Ending,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Open,
    /// All of it was handed to the socket.
    Whole,
    /// The script broke it off.
    Broken,
    /// The client left first.
    Abandoned,
}

/// Whether the server is as strict as a vendor, or takes what a local server takes: no key, fields that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Strict,
    Local,
}

/// What the server has spoken, by its samples.
#[derive(Default)]
pub struct Spoken(BTreeMap<String, String>);

impl Spoken {
    pub fn remember(&mut self, samples: &[u8], text: &str) {
        self.0.insert(blake3::hash(samples).to_string(), text.to_owned());
    }

    pub fn recall(&self, samples: &[u8]) -> Option<String> {
        self.0.get(blake3::hash(samples).to_hex().as_str()).cloned()
    }
}

#[derive(Default)]
pub struct State {
    pub script: VecDeque<Behaviour>,
    pub calls: Vec<Call>,
    /// What each charge was for: a path and a body.
    pub charges: Vec<String>,
    pub characters: u64,
    pub in_flight: usize,
    pub in_flight_peak: usize,
    pub in_flight_max: Option<usize>,
    pub connections: usize,
    /// Who is connected now.
    pub guests: BTreeSet<SocketAddr>,
    pub sent_bytes: u64,
    pub manner: Manner,
    pub hold: Option<Gate>,
    /// Answers by `Idempotency-Key`, where the server keeps them.
    pub replays: Option<BTreeMap<String, (String, Answer)>>,
    door: Option<DoorState>,
    spoken: Spoken,
}

pub struct Desk {
    state: Mutex<State>,
    changed: Condvar,
    started: Instant,
}

/// One call at the desk: what it is to be told, and how.
pub struct Turn {
    pub answer: Answer,
    pub behaviour: Behaviour,
    pub gate: Option<Gate>,
    pub key: Option<String>,
    pub house: House,
    pub stay: Stay,
}

/// A call in flight. Who drops it without a word was cancelled: the client has left.
pub struct Stay {
    desk: Arc<Desk>,
    line: Line,
    number: usize,
    is_paid: bool,
    ending: Ending,
}

impl Stay {
    /// The call is over, from the server's side.
    pub fn leave(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.line.rest();
        self.desk.change(|state| {
            state.in_flight -= usize::from(self.is_paid);
            state.calls[self.number].ending = self.ending;
        });
    }
}

impl Desk {
    pub fn new() -> Arc<Desk> {
        Arc::new(Desk { state: Mutex::default(), changed: Condvar::new(), started: Instant::now() })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed at the desk is no reason for others to fail.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    /// Waits until the state is so. Panics if that does not come.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, |state| !is_so(state));
        let (state, wait) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        let seen = (state.calls.len(), state.in_flight);
        drop(state);
        assert!(!wait.timed_out(), "waited in vain for {what}; (calls, in flight) are {seen:?}");
    }

    pub fn wait_for_door(&self, wanted: DoorState) {
        self.wait_until("the door", |state| state.door == Some(wanted));
    }

    pub fn door_is(&self, door: DoorState) {
        self.change(|state| state.door = Some(door));
    }

    pub fn connected(&self, guest: SocketAddr) {
        self.change(|state| {
            state.connections += 1;
            state.guests.insert(guest);
        });
    }

    pub fn disconnected(&self, guest: SocketAddr) {
        self.change(|state| state.guests.remove(&guest));
    }

    pub fn sent(&self, bytes: usize) {
        self.state().sent_bytes += bytes as u64;
    }

    pub fn next_is_unread(&self) -> bool {
        self.state().script.front().is_some_and(|next| matches!(next.act, Act::Unread))
    }

    /// Takes the reset that stands first in the script; says whether there was one.
    pub fn take_unread(&self) -> bool {
        let is_next = self.next_is_unread();
        if is_next {
            self.change(|state| state.script.pop_front());
        }
        is_next
    }

    /// Takes in a call: its place, its behaviour, its answer and its price are settled here, under one lock.
    pub fn enter(self: &Arc<Desk>, asked: Asked, endpoint: Endpoint, line: &Line) -> Turn {
        line.begin();
        self.change(|state| {
            let (number, house, is_paid) = (state.calls.len(), House::of(&asked.path), is_paid(&asked));
            let behaviour = state.take_behaviour(&asked);
            state.in_flight += usize::from(is_paid);
            state.in_flight_peak = state.in_flight_peak.max(state.in_flight);
            let twist = if let Act::Answer(twist) = &behaviour.act { twist } else { &Twist::Plain };
            let found = state.answer(&asked, house, endpoint, twist);
            let is_charged = state.charge(&asked, &found, behaviour.bill());
            let mut answer = found.unwrap_or_else(|problem| house.problem(&problem));
            if let Act::Refuse(refusal) = &behaviour.act {
                answer = house.problem(&house.refusal(refusal));
            }
            for (name, value) in house.headers(number, state.in_flight, state.in_flight_max, answer.price) {
                answer = answer.header(name, &value);
            }
            let key = house.key(&asked).map(str::to_owned);
            state.calls.push(Call {
                at: self.started.elapsed(),
                body: asked.value(),
                method: asked.method,
                path: asked.path,
                query: asked.query,
                headers: asked.headers,
                status: answer.status,
                text: answer.text.clone(),
                answer: answer.body.clone(),
                is_charged,
                ending: Ending::Open,
            });
            let (desk, line) = (self.clone(), line.clone());
            let stay = Stay { desk, line, number, is_paid, ending: Ending::Abandoned };
            Turn { answer, behaviour, gate: state.hold.clone(), key, house, stay }
        })
    }
}

/// Whether a vendor would charge such a call, if it can answer it.
fn is_paid(asked: &Asked) -> bool {
    asked.method == "POST" || House::of(&asked.path) == House::Echo
}

impl State {
    fn take_behaviour(&mut self, asked: &Asked) -> Behaviour {
        let fits = |behaviour: &Behaviour| match &behaviour.path {
            Some(path) => asked.path.contains(path),
            None => is_paid(asked) && !matches!(behaviour.act, Act::Unread),
        };
        let place = self.script.iter().position(fits);
        place.and_then(|place| self.script.remove(place)).unwrap_or_else(fault::ok)
    }

    fn answer(&mut self, asked: &Asked, house: House, endpoint: Endpoint, twist: &Twist) -> Result<Answer, Problem> {
        if house.key(asked).is_none_or(str::is_empty) && self.manner == Manner::Strict && house != House::Echo {
            return Err(house.refusal(&Refusal::Status(401)));
        }
        if is_paid(asked) && self.in_flight_max.is_some_and(|most| self.in_flight > most) {
            return Err(house.refusal(&Refusal::TooManyConcurrent));
        }
        let body = body_of(asked);
        if let (Some(replays), Some(key)) = (&self.replays, asked.header("idempotency-key"))
            && let Some((first, answer)) = replays.get(key)
        {
            let problem = || Problem::new(400, "Keys can only be used with one request.").code("idempotency_error");
            let answer = Answer { price: Price::Free, ..answer.clone() };
            return if *first == body { Ok(answer.header("idempotent-replayed", "true")) } else { Err(problem()) };
        }
        let mut mint = Mint {
            number: self.calls.len(),
            digest: blake3::hash(body.as_bytes()).to_string(),
            twist,
            manner: self.manner,
            spoken: &mut self.spoken,
            characters: self.characters,
        };
        endpoint(asked, &mut mint)
    }

    /// Takes the money for what was generated, whether or not it will arrive.
    fn charge(&mut self, asked: &Asked, found: &Result<Answer, Problem>, bill: Bill) -> bool {
        let (Ok(answer), Bill::Charged) = (found, bill) else { return false };
        let Price::Units(units) = answer.price else { return false };
        if let (Some(replays), Some(key)) = (&mut self.replays, asked.header("idempotency-key")) {
            replays.insert(key.to_owned(), (body_of(asked), answer.clone()));
        }
        self.charges.push(body_of(asked));
        self.characters += units;
        true
    }
}

/// What tells two calls apart: their path and their body.
fn body_of(asked: &Asked) -> String {
    format!("{} {}", asked.path, asked.value())
}
