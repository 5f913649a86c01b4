//! Proof that the server is what it says: each endpoint, each fault and the accounts, asked by a client of few lines.

mod accounts;
mod anthropic;
mod bodies;
pub mod client;
mod elevenlabs;
mod gemini;
mod lines;
mod openai;
mod openai_audio;
mod refusals;
mod smoke;
mod table;
