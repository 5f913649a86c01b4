//! The retry table: what follows from what a service said, or did not say. The cause decides. Pure.
//!
//! | signal | what follows |
//! |---|---|
//! | never sent; 408, 409, 503, 529; ElevenLabs `system_busy` | asked again after a while |
//! | 429 | asked again, and everybody waits |
//! | ElevenLabs `too_many_concurrent_requests` | fewer at once; it does not count |
//! | nothing left: 402, 429 `insufficient_quota`, 401 `quota_exceeded`, a quota of the day | the provider stops |
//! | sent and unanswered: time, 5xx, a cut | asked once more; it may have been charged |
//! | answered, and of no use (compressed, without end) | never again; it may have been charged |
//! | all else | never again |
//!
//! `x-should-retry` overrules it (as the clients of OpenAI and Anthropic do), except where it would pay twice.

use crate::base::failure::{Cause, Failure};
use crate::provider::complaint::Complaint;
use crate::world::call::{Answer, CallError};
use crate::world::http::HttpError;
use std::time::Duration;

/// Above this a server that says "later" is not waited for (R12).
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// What follows from a call.
#[derive(Debug, PartialEq)]
pub enum Told {
    Answered,
    Failed(Failure, Follow),
}

/// What follows from a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It was turned away, or never sent: again after this long at least.
    Again(Option<Duration>),
    /// The same, and nobody else asks before.
    Slower(Option<Duration>),
    /// Turned away because too many are asked at once: again, uncounted.
    Crowded(Option<Duration>),
    /// The provider has nothing to give any more.
    Stop,
    /// Perhaps done, perhaps charged: once more at most.
    Doubt,
    /// Never, and perhaps charged: stopped by us while the answer was awaited, or not to be read.
    Abandoned,
    Never,
}

/// Reads what came of a call to `who` (`the provider `writer``).
pub fn told(who: &str, answer: &Result<Answer, CallError>) -> Told {
    match answer {
        Ok(answer) if (200..300).contains(&answer.head.status) => encoded(who, answer).map_or(Told::Answered, failed),
        Ok(answer) => refused(who, answer),
        Err(error) => unanswered(who, error),
    }
}

fn failed((failure, follow): (Failure, Follow)) -> Told {
    Told::Failed(failure, follow)
}

/// Nobody asked for a compressed answer: what it would grow to is not bounded.
fn encoded(who: &str, answer: &Answer) -> Option<(Failure, Follow)> {
    let encoding = answer.head.headers.get("content-encoding").filter(|encoding| *encoding != "identity")?;
    let message = format!("{who} sent its answer compressed ({encoding}), which was not asked for");
    // It was done, and paid for.
    Some((Failure::new(Cause::Validation, message), Follow::Abandoned))
}

fn refused(who: &str, answer: &Answer) -> Told {
    let status = answer.head.status;
    let complaint = Complaint::read(&answer.body);
    let words = complaint.words();
    let colon = if words.is_empty() { "" } else { ": " };
    let message = format!("{who} answered {status}{colon}{words}");
    let failure = |cause, hint: &str| Failure::new(cause, message.clone()).hint(hint);
    if is_quota(status, &complaint) {
        return Told::Failed(
            failure(
                Cause::Quota,
                "Add credit there, or wait until the quota begins anew; what is made so far is kept.",
            ),
            Follow::Stop,
        );
    }
    let wait = answer.head.retry_after.or(complaint.wait);
    let too_long = wait.is_some_and(|wait| wait > WAIT_MAX);
    let again = answer.head.headers.get("x-should-retry").map(String::as_str);
    let (cause, hint, follow) = match status {
        429 if is_crowd(&complaint) => (Cause::RateLimit, "Set `max_concurrency` for it.", Follow::Crowded(wait)),
        429 if complaint.code == "system_busy" => {
            (Cause::Server, "It is too busy: build again later.", Follow::Again(wait))
        }
        429 => (Cause::RateLimit, "Build again later, or set `rate:` for the provider.", Follow::Slower(wait)),
        408 | 409 | 503 | 529 => (Cause::Server, "It is too busy: build again later.", Follow::Again(wait)),
        500..=599 => (Cause::Server, "`storygen log` shows the whole answer.", Follow::Doubt),
        400 if complaint.code.contains("api_key") => (Cause::Setup, "Look at the key.", Follow::Never),
        401 | 403 => (Cause::Setup, "Look at the key, and at what it may do.", Follow::Never),
        404 => (Cause::Setup, "Look at `model`, and at `base_url`.", Follow::Never),
        400 | 422 => (Cause::Setup, way_out(&complaint), Follow::Never),
        _ => (Cause::Setup, "`storygen log` shows the whole answer.", Follow::Never),
    };
    let follow = match (again, follow) {
        (Some("false"), Follow::Again(_) | Follow::Slower(_)) => Follow::Never,
        (Some("true"), Follow::Never) => Follow::Again(wait),
        (_, follow) => follow,
    };
    if too_long && matches!(follow, Follow::Again(_) | Follow::Slower(_) | Follow::Crowded(_)) {
        let hint = "It asks to wait longer than two minutes: build again later; what is made so far is kept.";
        return Told::Failed(failure(cause, hint), Follow::Stop);
    }
    Told::Failed(failure(cause, hint), follow)
}

/// What to do about a request that was not understood.
fn way_out(complaint: &Complaint) -> &'static str {
    match ["temperature", "seed", "response_format", "output_config"].into_iter().find(|name| complaint.is_about(name))
    {
        Some("temperature") => "Set another `temperature`, or none with `temperature: ~`.",
        Some("seed") => "Set another `seed`, or none with `seed: ~`.",
        Some("response_format") => {
            "If it has no structured output, leave it out with `extra: { response_format: ~ }`: replies are checked here too."
        }
        Some("output_config") => {
            "If it has no structured output, leave it out with `extra: { output_config: ~ }`: replies are checked here too."
        }
        _ => "`storygen log` shows the whole answer.",
    }
}

fn unanswered(who: &str, error: &CallError) -> Told {
    let failure = |cause, message: String| Failure::new(cause, message);
    let (failure, follow) = match error {
        CallError::Cancelled => (failure(Cause::Cancelled, "stopped".into()), Follow::Abandoned),
        CallError::Unsent(HttpError::Connect(_)) => (
            failure(Cause::Server, format!("{who} cannot be reached: {error}"))
                .hint("Is its address right, and the network there?"),
            Follow::Again(None),
        ),
        CallError::Unsent(HttpError::Certificate(_)) => (
            failure(Cause::Setup, format!("{who} cannot be called: {error}"))
                .hint("Look at `base_url`, or have this machine trust who signed it; nothing was sent."),
            Follow::Never,
        ),
        CallError::Unsent(_) => (failure(Cause::Setup, format!("{who} cannot be called: {error}")), Follow::Never),
        CallError::Unanswered(HttpError::Redirect(_)) => (
            failure(Cause::Setup, format!("{who} sends us elsewhere: {error}"))
                .hint("Write the address where it really is into `base_url`."),
            Follow::Never,
        ),
        CallError::Unanswered(HttpError::TooLarge(_)) => {
            (failure(Cause::Validation, format!("{who} gave no answer of use: {error}")), Follow::Abandoned)
        }
        CallError::TimedOut(_) => (
            failure(Cause::Timeout, format!("{who} did not answer: {error}")).hint("The call may have been charged."),
            Follow::Doubt,
        ),
        CallError::Unanswered(_) => (
            failure(Cause::Server, format!("{who} did not answer: {error}")).hint("The call may have been charged."),
            Follow::Doubt,
        ),
    };
    Told::Failed(failure, follow)
}

fn is_quota(status: u16, complaint: &Complaint) -> bool {
    let says = |words: &[&str]| words.iter().any(|word| complaint.code.contains(word));
    let of_the_day = || {
        let said = format!("{} {}", complaint.code, complaint.message.to_lowercase());
        ["per day", "perday", "daily"].iter().any(|word| said.contains(word))
    };
    match status {
        402 => true,
        401 | 403 => says(&["quota_exceeded"]),
        429 => says(&["insufficient_quota", "quota_exceeded", "billing", "credit"]) || of_the_day(),
        _ => false,
    }
}

fn is_crowd(complaint: &Complaint) -> bool {
    ["too_many_concurrent_requests", "concurrent_limit_exceeded"].contains(&complaint.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::call::Head;
    use std::collections::BTreeMap;

    fn answer(
        status: u16,
        retry_after: Option<u64>,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, CallError> {
        let headers: BTreeMap<String, String> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let head = Head { status, retry_after: retry_after.map(Duration::from_secs), length: None, headers };
        Ok(Answer { head, body: body.as_bytes().to_vec() })
    }

    fn follows(answer: Result<Answer, CallError>) -> (Cause, Follow) {
        match told("it", &answer) {
            Told::Failed(failure, follow) => (failure.cause, follow),
            Told::Answered => panic!("answered"),
        }
    }

    #[test]
    fn the_cause_decides_what_follows() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (status, wait, body, cause, follow) in [
            (408, None, "", Cause::Server, Follow::Again(None)),
            (409, None, "", Cause::Server, Follow::Again(None)),
            (503, Some(3), "", Cause::Server, Follow::Again(seconds(3))),
            (529, None, r#"{"error":{"type":"overloaded_error"}}"#, Cause::Server, Follow::Again(None)),
            (429, Some(7), r#"{"error":{"code":"rate_limit_exceeded"}}"#, Cause::RateLimit, Follow::Slower(seconds(7))),
            (429, None, r#"{"error":{"type":"insufficient_quota"}}"#, Cause::Quota, Follow::Stop),
            (
                429,
                None,
                r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"requests per day"}}"#,
                Cause::Quota,
                Follow::Stop,
            ),
            (
                429,
                None,
                r#"{"error":{"details":[{"violations":[{"quotaId":"GenerateRequestsPerDay-FreeTier"}]}]}}"#,
                Cause::Quota,
                Follow::Stop,
            ),
            (
                429,
                None,
                r#"{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"9s"}]}}"#,
                Cause::RateLimit,
                Follow::Slower(seconds(9)),
            ),
            (
                429,
                None,
                r#"{"detail":{"status":"too_many_concurrent_requests"}}"#,
                Cause::RateLimit,
                Follow::Crowded(None),
            ),
            (429, None, r#"{"detail":{"status":"system_busy"}}"#, Cause::Server, Follow::Again(None)),
            (401, None, r#"{"detail":{"status":"quota_exceeded"}}"#, Cause::Quota, Follow::Stop),
            (402, None, "", Cause::Quota, Follow::Stop),
            (401, None, r#"{"detail":{"status":"invalid_api_key"}}"#, Cause::Setup, Follow::Never),
            (400, None, "", Cause::Setup, Follow::Never),
            (404, None, "", Cause::Setup, Follow::Never),
            (413, None, "", Cause::Setup, Follow::Never),
            (422, None, "", Cause::Setup, Follow::Never),
            (500, None, "", Cause::Server, Follow::Doubt),
            (502, None, "", Cause::Server, Follow::Doubt),
            (504, None, "", Cause::Server, Follow::Doubt),
            (429, Some(121), "", Cause::RateLimit, Follow::Stop),
            (503, Some(1_000_000_000), "", Cause::Server, Follow::Stop),
            (400, Some(999), "", Cause::Setup, Follow::Never),
        ] {
            assert_eq!(follows(answer(status, wait, &[], body)), (cause, follow), "{status} {body}");
        }
    }

    #[test]
    fn a_setting_that_is_not_taken_is_named_with_its_way_out() {
        for (body, way) in [
            (r#"{"error":{"message":"Unsupported value.","param":"temperature"}}"#, "`temperature: ~`"),
            (r#"{"error":{"type":"invalid_request_error","message":"temperature: range: 0..1"}}"#, "`temperature: ~`"),
            (r#"{"error":{"message":"Invalid schema.","param":"response_format.json_schema"}}"#, "response_format: ~"),
            (r#"{"error":{"message":"Failed to parse grammar."}}"#, "`storygen log`"),
        ] {
            let Told::Failed(failure, _) = told("it", &answer(400, None, &[], body)) else { panic!("answered") };
            assert!(failure.hint.as_ref().unwrap().contains(way), "{body}: {failure:?}");
        }
    }

    #[test]
    fn a_service_that_knows_better_is_believed_unless_it_would_be_paid_twice() {
        let said = |status, word| follows(answer(status, None, &[("x-should-retry", word)], "")).1;
        assert_eq!(said(429, "false"), Follow::Never);
        assert_eq!(said(400, "true"), Follow::Again(None));
        assert_eq!(said(500, "true"), Follow::Doubt);
    }

    #[test]
    fn what_was_sent_and_not_answered_is_in_doubt() {
        let connect = || HttpError::Connect("refused".into());
        for (error, cause, follow) in [
            (CallError::Unsent(connect()), Cause::Server, Follow::Again(None)),
            (CallError::Unsent(HttpError::Setup("no roots".into())), Cause::Setup, Follow::Never),
            (CallError::TimedOut(Duration::from_secs(3)), Cause::Timeout, Follow::Doubt),
            (CallError::Unanswered(HttpError::Cut("reset".into())), Cause::Server, Follow::Doubt),
            (CallError::Unanswered(HttpError::TooLarge(9)), Cause::Validation, Follow::Abandoned),
            (CallError::Unanswered(HttpError::Redirect("to x".into())), Cause::Setup, Follow::Never),
            (CallError::Cancelled, Cause::Cancelled, Follow::Abandoned),
        ] {
            assert_eq!(follows(Err(error)), (cause, follow));
        }
    }

    #[test]
    fn a_compressed_answer_is_not_unpacked() {
        assert_eq!(told("it", &answer(200, None, &[], "{}")), Told::Answered);
        let zipped = answer(200, None, &[("content-encoding", "gzip")], "");
        assert_eq!(follows(zipped), (Cause::Validation, Follow::Abandoned));
    }
}
