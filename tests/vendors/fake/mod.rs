//! A server on this machine that answers as the vendors do, keeps accounts, and fails as a script tells it to.
//!
//! ```text
//! let vendor = Vendor::start();
//! vendor.script([fault::rate_limited().retry_after(2), fault::cut(), fault::ok()]);
//! … storygen runs against `vendor.openai("writer")` …
//! assert_eq!((vendor.calls().len(), vendor.charges()), (3, 2));
//! ```
//!
//! Nothing sleeps: who has to wait waits at a `Gate`, and a test waits for what has happened (`wait_for_calls`).

mod answer;
mod anthropic;
mod asked;
mod desk;
mod elevenlabs;
pub mod fault;
mod fields;
mod gate;
mod gemini;
mod house;
mod mint;
mod openai;
mod openai_audio;
mod perform;
mod pour;
mod server;
mod shape;
mod sound;
mod spoil;
mod story;
pub mod table;
mod vendor;
mod wire;

pub use desk::{Call, Ending};
pub use gate::Gate;
pub use story::{KEYS, Providers, VOICE};
pub use vendor::Vendor;
