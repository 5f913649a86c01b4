//! Pours the bytes of an answer: whole, cut, drop by drop, without end.

use super::desk::{Ending, Stay};
use super::fault::Pour;
use super::gate::Gate;
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::collections::VecDeque;
use std::io;

/// One thing to do with the body.
enum Step {
    Send(Bytes),
    /// One byte for each pass through the gate.
    Drip(Bytes, Gate),
    Endless(Bytes),
    Break,
}

/// Returns the body, and the length to write above it; without one it goes in chunks.
pub fn body(bytes: &Bytes, pour: Pour, stay: Stay) -> (Body, Option<u64>) {
    let length = bytes.len() as u64;
    let half = || bytes.slice(..bytes.len() / 2);
    let (steps, length) = match pour {
        Pour::Whole if bytes.is_empty() => {
            stay.leave(Ending::Whole);
            return (Body::empty(), Some(0));
        }
        Pour::Whole => (vec![Step::Send(bytes.clone())], Some(length)),
        Pour::Cut => (vec![Step::Send(half()), Step::Break], Some(length)),
        Pour::CutChunked => (vec![Step::Send(half()), Step::Break], None),
        Pour::Boast => (vec![Step::Send(bytes.clone()), Step::Break], Some(1 << 40)),
        Pour::Drip(gate) => (vec![Step::Drip(bytes.clone(), gate)], Some(length)),
        Pour::Endless => (vec![Step::Endless(Bytes::from_static(&[b'a'; 1 << 16]))], None),
    };
    (Body::from_stream(stream::unfold((VecDeque::from(steps), Some(stay)), pour_next)), length)
}

type Left = (VecDeque<Step>, Option<Stay>);

/// Returns the next bytes. The call is over before its last bytes are handed on: who has them all sees it so.
async fn pour_next((mut steps, mut stay): Left) -> Option<(io::Result<Bytes>, Left)> {
    let mut leave = |ending| stay.take().into_iter().for_each(|stay| stay.leave(ending));
    let bytes = match steps.pop_front()? {
        Step::Send(bytes) => Ok(bytes),
        Step::Drip(mut rest, gate) => {
            gate.pass().await;
            let first = rest.split_to(1);
            if !rest.is_empty() {
                steps.push_front(Step::Drip(rest, gate));
            }
            Ok(first)
        }
        Step::Endless(bytes) => {
            steps.push_front(Step::Endless(bytes.clone()));
            Ok(bytes)
        }
        Step::Break => {
            leave(Ending::Broken);
            // What was sent goes out first: an error drops what waits.
            tokio::task::yield_now().await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    };
    if steps.is_empty() {
        leave(Ending::Whole);
    }
    Some((bytes, (steps, stay)))
}
