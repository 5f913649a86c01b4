//! The built-in writer: SmolLM2-135M-Instruct, run in this process on one thread.
//!
//! Demonstration-grade: fluent, forgetful, unable to edit. So it is asked for little at a time, and rules choose
//! among what it wrote.
//!
//! | file | what it knows |
//! |---|---|
//! | `pinned` | which weights, their size and their hashes |
//! | `requantise` | the one-time step from the published weights to those that run fast |
//! | `alone` | running work on one thread, whatever the machine has |
//! | `model` | weights and tokens: text in, the next token's likelihoods out |
//! | `sampler` | drawing the next token, repeatably |
//! | `template` | the chat format |
//! | `generate` | one reply: tokens until a stop, a bound or a cancellation |
//! | `prose` | a text: some replies, the best kept and trimmed |
//! | `score` | how good a text is, by rules |
//! | `topic` | what a text is to be about |
//! | `steer` | a tale, sentence by sentence: of some, the best |
//! | `grade` | how well a sentence goes on with its tale, by rules |
//! | `schema` | which fields a JSON Schema asks for |
//! | `form` | filling those fields one by one |
//! | `example` | forms that were filled well |
//! | `pen` | the model's hand on a form: lines, options, digits |
//! | `writer` | [`LocalWriter`]: a request in, a reply out |

mod alone;
mod example;
mod form;
mod generate;
mod grade;
mod model;
mod pen;
mod pinned;
mod prose;
mod requantise;
mod sampler;
mod schema;
mod score;
mod steer;
mod template;
mod topic;
mod writer;

pub use pinned::FAST;
pub use requantise::requantise;
pub use writer::{LocalWriter, accepts};
