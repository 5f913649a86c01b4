//! All behaviours that end by themselves, by name: for tests that try every one, and for scripts that are thrown with dice.
//!
//! `drip`, `endless`, `redirect` and `silence` are not among them: they need a gate, a second server, or a client that gives up.

use super::fault::{self, Behaviour};

/// Each with its name.
pub fn all() -> Vec<(String, Behaviour)> {
    let statuses = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529];
    let waits = ["2", "1000000000", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"];
    let status = |status: u16| (format!("status {status}"), fault::status(status));
    let wait = |wait: &str| (format!("retry-after {wait}"), fault::rate_limited().retry_after(wait));
    let named = |(name, behaviour): (&str, Behaviour)| (name.to_owned(), behaviour);
    let words = answers().into_iter().chain(refusals()).chain(lines()).chain(bodies()).map(named);
    statuses.into_iter().map(status).chain(waits.into_iter().map(wait)).chain(words).collect()
}

/// A script of `count` behaviours; the same seed is the same script.
pub fn thrown(seed: u64, count: usize) -> Vec<Behaviour> {
    let all = all();
    let mut dice = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut throw = || {
        let mut bytes = [0; 8];
        dice.fill(&mut bytes);
        all[(u64::from_le_bytes(bytes) % all.len() as u64) as usize].1.clone()
    };
    (0..count).map(|_| throw()).collect()
}

fn answers() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("ok", fault::ok()),
        ("length", fault::length()),
        ("content filter", fault::content_filter()),
        ("refusal", fault::refusal()),
        ("empty choices", fault::empty_choices()),
        ("null content", fault::null_content()),
        ("off schema", fault::off_schema()),
        ("no usage", fault::no_usage()),
        ("cached", fault::cached()),
        ("no timings", fault::no_timings()),
        ("frozen timings", fault::frozen_timings()),
        ("unsized wav", fault::unsized_wav()),
    ]
}

fn refusals() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("rate limited", fault::rate_limited()),
        ("out of quota", fault::out_of_quota()),
        ("too many concurrent", fault::too_many_concurrent()),
        ("system busy", fault::system_busy()),
        ("bad request", fault::bad_request("unsupported_parameter", "seed")),
        ("504 that is charged", fault::status(504).charged()),
    ]
}

fn lines() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("reset unread", fault::reset_unread()),
        ("reset", fault::reset()),
        ("hang up", fault::hang_up()),
        ("cut in head", fault::cut_in_head()),
        ("not http", fault::not_http()),
        ("cut", fault::cut()),
        ("cut chunked", fault::cut_chunked()),
        ("boast", fault::boast()),
    ]
}

fn bodies() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("bad json", fault::bad_json()),
        ("wrong types", fault::wrong_types()),
        ("html", fault::html()),
        ("empty body", fault::empty_body()),
        ("duplicate keys", fault::duplicate_keys()),
        ("bom", fault::bom()),
        ("invalid utf-8", fault::invalid_utf8()),
        ("wrong content type", fault::wrong_content_type()),
        ("error with 200", fault::error_with_200()),
        ("gzip bomb", fault::gzip_bomb()),
        ("many headers", fault::many_headers(300)),
        ("key in error", fault::echoes_key_in_error()),
        ("key in answer", fault::echoes_key_in_answer()),
    ]
}
