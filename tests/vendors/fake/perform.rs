//! Performs what the script says of a call, with the answer that an endpoint gave.

use super::answer::Answer;
use super::desk::{Ending, Turn};
use super::fault::{Act, Pour};
use super::pour;
use super::spoil::spoiled;
use super::wire::Line;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response};
use std::future;

/// Answers one call.
pub async fn perform(turn: Turn, line: &Line, path: &str) -> Response<Body> {
    let Turn { answer, behaviour, gate, key, house, stay } = turn;
    if let Some(gate) = gate {
        gate.pass().await;
    }
    let (mut answer, how) = match behaviour.act {
        Act::Answer(_) | Act::Refuse(_) | Act::Unread => (answer, Pour::Whole),
        Act::Spoil(spoil) => (spoiled(answer, spoil, house, key.as_deref()), Pour::Whole),
        Act::Pour(how) => (answer, how),
        Act::Redirect { status, base } => {
            let to = format!("{base}{path}");
            (Answer { status, body: Default::default(), ..answer }.header("location", &to), Pour::Whole)
        }
        // Who gives up is seen as a stay that was dropped.
        Act::Silence => future::pending().await,
        Act::Break(order) => {
            stay.leave(Ending::Broken);
            line.end(order);
            return Response::default();
        }
    };
    answer = behaviour.headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
    let (body, length) = pour::body(&answer.body, how, stay);
    let mut response = Response::new(body);
    *response.status_mut() = answer.status.try_into().expect("a script names a status of HTTP");
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a script names a header of HTTP");
        response.headers_mut().append(name, HeaderValue::from_str(value).expect("a header in signs of HTTP"));
    }
    if let Some(length) = length {
        response.headers_mut().insert("content-length", length.into());
    }
    response
}
