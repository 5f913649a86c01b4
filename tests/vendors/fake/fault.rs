//! What a script can say: one behaviour for each call. `fault::ok()` is plain success; all others are faults.
//!
//! A behaviour is for the next call that would be paid, or for the next call to a path: `fault::status(500).on("/models")`.

use super::answer::Problem;
use super::gate::Gate;
use super::vendor::Vendor;
use super::wire::Order;
use std::fmt::Display;

/// What happens to one call.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub(super) act: Act,
    /// What the script says about the money; without it the act itself does.
    pub(super) bill: Option<Bill>,
    pub(super) path: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bill {
    Charged,
    Free,
}

#[derive(Clone, Debug)]
pub enum Act {
    Answer(Twist),
    Refuse(Refusal),
    Spoil(Spoil),
    Pour(Pour),
    /// The connection ends when the request was read.
    Break(Order),
    /// The connection ends when a request comes, and nobody reads it.
    Unread,
    Silence,
    Redirect {
        status: u16,
        base: String,
    },
}

/// Another content of a good answer.
#[derive(Clone, Debug)]
pub enum Twist {
    Plain,
    Says(String),
    Length,
    Filtered,
    Refusal,
    NoChoices,
    NullContent,
    OffSchema,
    NoUsage,
    Cached,
    NoTimings,
    FrozenTimings,
    UnsizedWav,
}

/// A status, and the vendor's own words for it.
#[derive(Clone, Debug)]
pub enum Refusal {
    Status(u16),
    RateLimited,
    OutOfQuota,
    TooManyConcurrent,
    SystemBusy,
    Exactly(Problem),
}

/// Other bytes in the place of the answer's.
#[derive(Clone, Copy, Debug)]
pub enum Spoil {
    NotJson,
    WrongTypes,
    Html,
    Empty,
    Duplicates,
    Bom,
    NotUtf8,
    WrongKind,
    ErrorWith200,
    GzipBomb,
    ManyHeaders(usize),
    /// With this status.
    KeyInError(u16),
    KeyInAnswer,
}

/// How the bytes of the answer come.
#[derive(Clone, Debug)]
pub enum Pour {
    Whole,
    Cut,
    CutChunked,
    Boast,
    Drip(Gate),
    Endless,
}

impl Behaviour {
    fn new(act: Act) -> Behaviour {
        Behaviour { act, bill: None, path: None, headers: Vec::new() }
    }

    /// For the next call whose path holds this, whether or not it would be paid.
    pub fn on(self, path: &str) -> Behaviour {
        Behaviour { path: Some(path.to_owned()), ..self }
    }

    /// The vendor takes the money all the same.
    pub fn charged(self) -> Behaviour {
        Behaviour { bill: Some(Bill::Charged), ..self }
    }

    /// The vendor takes no money.
    pub fn free(self) -> Behaviour {
        Behaviour { bill: Some(Bill::Free), ..self }
    }

    /// Sends this header, in the place of one that the vendor sends by the same name.
    pub fn header(mut self, name: &str, value: impl Display) -> Behaviour {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Seconds, a date (`http_date`), or whatever else a server may write there.
    pub fn retry_after(self, value: impl Display) -> Behaviour {
        self.header("retry-after", value)
    }

    /// How many charges it makes of a call that the vendor could answer.
    pub fn costs(&self) -> usize {
        usize::from(self.bill() == Bill::Charged)
    }

    /// Whether the vendor takes the money for a call that it could answer.
    pub(super) fn bill(&self) -> Bill {
        let kept = matches!(&self.act, Act::Refuse(_) | Act::Redirect { .. } | Act::Unread)
            || matches!(&self.act, Act::Spoil(Spoil::KeyInError(_) | Spoil::ErrorWith200));
        self.bill.unwrap_or(if kept { Bill::Free } else { Bill::Charged })
    }
}

/// Plain success.
pub fn ok() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Plain))
}

/// Success with this text: what a model writes, or what a transcription hears.
pub fn says(text: &str) -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Says(text.to_owned())))
}

/// The answer ends at the limit of tokens.
pub fn length() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Length))
}

/// The vendor's filter stops the answer.
pub fn content_filter() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Filtered))
}

/// The model declines.
pub fn refusal() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Refusal))
}

/// `choices: []`, `candidates: []`, `content: []`.
pub fn empty_choices() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::NoChoices))
}

/// The content is `null`; of speech the audio.
pub fn null_content() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::NullContent))
}

/// JSON that breaks the schema that was asked for.
pub fn off_schema() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::OffSchema))
}

/// No usage, as from some local servers.
pub fn no_usage() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::NoUsage))
}

/// Half of the prompt came from the vendor's cache.
pub fn cached() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::Cached))
}

/// Speech without its alignment: `null`.
pub fn no_timings() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::NoTimings))
}

/// Speech whose later half has one time for all characters.
pub fn frozen_timings() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::FrozenTimings))
}

/// A WAV file whose header does not know how long it is.
pub fn unsized_wav() -> Behaviour {
    Behaviour::new(Act::Answer(Twist::UnsizedWav))
}

/// A status with the vendor's JSON.
pub fn status(status: u16) -> Behaviour {
    Behaviour::new(Act::Refuse(Refusal::Status(status)))
}

/// A 400 that names what is wrong.
pub fn bad_request(code: &str, param: &str) -> Behaviour {
    let problem = Problem::new(400, format!("Something is wrong with '{param}'.")).code(code).param(param);
    Behaviour::new(Act::Refuse(Refusal::Exactly(problem)))
}

/// 429: too many calls.
pub fn rate_limited() -> Behaviour {
    Behaviour::new(Act::Refuse(Refusal::RateLimited))
}

/// No money left: 429 `insufficient_quota`, 402, ElevenLabs 401 `quota_exceeded`.
pub fn out_of_quota() -> Behaviour {
    Behaviour::new(Act::Refuse(Refusal::OutOfQuota))
}

/// ElevenLabs 429 `too_many_concurrent_requests`.
pub fn too_many_concurrent() -> Behaviour {
    Behaviour::new(Act::Refuse(Refusal::TooManyConcurrent))
}

/// ElevenLabs 429 `system_busy`; others are overloaded.
pub fn system_busy() -> Behaviour {
    Behaviour::new(Act::Refuse(Refusal::SystemBusy))
}

/// The connection is reset before anybody reads the request: no call, no charge. It must stand first to happen.
pub fn reset_unread() -> Behaviour {
    Behaviour::new(Act::Unread)
}

/// The request was read and charged, then the connection is reset.
pub fn reset() -> Behaviour {
    Behaviour::new(Act::Break(Order::Reset))
}

/// The request was read and charged, then the connection is closed without a word.
pub fn hang_up() -> Behaviour {
    Behaviour::new(Act::Break(Order::Close))
}

/// The answer ends in the middle of its head.
pub fn cut_in_head() -> Behaviour {
    Behaviour::new(Act::Break(Order::Say(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec())))
}

/// The server speaks something else.
pub fn not_http() -> Behaviour {
    Behaviour::new(Act::Break(Order::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())))
}

/// No answer, ever; the vendor has generated it.
pub fn silence() -> Behaviour {
    Behaviour::new(Act::Silence)
}

/// Half of the answer; its `content-length` promised all of it.
pub fn cut() -> Behaviour {
    Behaviour::new(Act::Pour(Pour::Cut))
}

/// Half of the answer in chunks, and no last chunk.
pub fn cut_chunked() -> Behaviour {
    Behaviour::new(Act::Pour(Pour::CutChunked))
}

/// The whole answer; its `content-length` promised a terabyte.
pub fn boast() -> Behaviour {
    Behaviour::new(Act::Pour(Pour::Boast))
}

/// One byte for each pass through the gate; an open gate lets the rest come.
pub fn drip(gate: &Gate) -> Behaviour {
    Behaviour::new(Act::Pour(Pour::Drip(gate.clone())))
}

/// A body without end.
pub fn endless() -> Behaviour {
    Behaviour::new(Act::Pour(Pour::Endless))
}

/// A quarter of a gigabyte of nothing, packed.
pub fn gzip_bomb() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::GzipBomb))
}

/// So many headers more.
pub fn many_headers(count: usize) -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::ManyHeaders(count)))
}

/// JSON that stops in the middle.
pub fn bad_json() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::NotJson))
}

/// The answer with a number for each text, and a text for each number.
pub fn wrong_types() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::WrongTypes))
}

/// A page for people, with 200.
pub fn html() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::Html))
}

/// 200, and no body.
pub fn empty_body() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::Empty))
}

/// Each key of the answer stands twice, first with a value of another type.
pub fn duplicate_keys() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::Duplicates))
}

/// A byte order mark before the answer.
pub fn bom() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::Bom))
}

/// A text of the answer is no UTF-8.
pub fn invalid_utf8() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::NotUtf8))
}

/// The answer as `text/plain`.
pub fn wrong_content_type() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::WrongKind))
}

/// The vendor's error, with 200.
pub fn error_with_200() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::ErrorWith200))
}

/// 401 with the key in its message, as it is and in other forms, and in its headers.
pub fn echoes_key_in_error() -> Behaviour {
    echoes_key_with(401)
}

/// The same with another status.
pub fn echoes_key_with(status: u16) -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::KeyInError(status)))
}

/// 200 with the key behind every text that was generated, within every sound, and in the headers. Where nothing is
/// generated (a list of models) it stands behind every text.
pub fn echoes_key_in_answer() -> Behaviour {
    Behaviour::new(Act::Spoil(Spoil::KeyInAnswer))
}

/// Sends the caller to the same path of another server.
pub fn redirect(status: u16, to: &Vendor) -> Behaviour {
    Behaviour::new(Act::Redirect { status, base: to.url("") })
}

/// The date `seconds` from now as HTTP writes it.
pub fn http_date(seconds: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
