//! What a service says of a call that it did not answer, in the vendors' own forms of JSON.
//!
//! OpenAI and those that follow it: `error.{message, code | type, param}`; Anthropic: `error.{type, message}`; Gemini:
//! `error.{status, message, details}`; ElevenLabs: `detail.{status | code, message}`, or a list of `{loc, msg}`; some servers a
//! bare text under `error`.

use serde_json::Value;
use std::time::Duration;

/// How much of what a service says is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 300;

/// What is wrong, as the service puts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// `rate_limit_exceeded`, in lower case; empty if there is none.
    pub code: String,
    /// One line.
    pub message: String,
    /// The part of the request that it is about.
    pub param: Option<String>,
    /// How long to wait; most say that in a header.
    pub wait: Option<Duration>,
}

impl Complaint {
    /// Reads the body of an answer.
    pub fn read(body: &[u8]) -> Complaint {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Complaint::of(&value),
            Err(_) => Complaint { message: one_line(&String::from_utf8_lossy(body)), ..Complaint::default() },
        }
    }

    fn of(value: &Value) -> Complaint {
        // Gemini wraps it into a list where an answer was to be streamed.
        let value = value.get(0).unwrap_or(value);
        let error = value.get("error").or_else(|| value.get("detail")).unwrap_or(value);
        if let Some(text) = error.as_str() {
            return Complaint { message: one_line(text), ..Complaint::default() };
        }
        if let Some(first) = error.get(0) {
            let place: Vec<&str> =
                first.get("loc").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            return Complaint {
                code: String::new(),
                message: one_line(first.get("msg").and_then(Value::as_str).unwrap_or_default()),
                param: Some(place.join(".")).filter(|place| !place.is_empty()),
                wait: None,
            };
        }
        let details = Details::of(error);
        let text = |keys: &[&str]| keys.iter().find_map(|key| error.get(*key)?.as_str()).unwrap_or_default();
        Complaint {
            code: details.reason.unwrap_or(text(&["code", "status", "type"])).to_lowercase(),
            message: one_line(match text(&["message"]) {
                "" => value.as_object().map_or("", |_| text(&["detail", "reason"])),
                message => message,
            }),
            param: Some(text(&["param"]).to_owned()).filter(|param| !param.is_empty()),
            wait: details.wait,
        }
    }

    /// Tells whether it is about this part of the request; not every vendor has a place of its own for that.
    pub fn is_about(&self, name: &str) -> bool {
        match &self.param {
            Some(param) => param.split(['.', '[']).any(|part| part == name),
            None => self.message.contains(name),
        }
    }

    /// Returns it in words: `the model is unknown (model_not_found, about `model`)`.
    pub fn words(&self) -> String {
        let about = self.param.as_ref().map(|param| format!("about `{param}`"));
        let code = Some(self.code.clone()).filter(|code| !code.is_empty());
        let notes: Vec<String> = code.into_iter().chain(about).collect();
        match (self.message.is_empty(), notes.is_empty()) {
            (_, true) => self.message.clone(),
            (true, false) => notes.join(", "),
            (false, false) => format!("{} ({})", self.message, notes.join(", ")),
        }
    }
}

/// What Gemini adds in a list: `{reason}`, `{violations: [{quotaId}]}`, `{retryDelay: "34s"}`.
#[derive(Default)]
struct Details<'a> {
    reason: Option<&'a str>,
    wait: Option<Duration>,
}

impl<'a> Details<'a> {
    fn of(error: &'a Value) -> Details<'a> {
        let mut details = Details::default();
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            let quota = detail.pointer("/violations/0/quotaId").and_then(Value::as_str);
            details.reason = quota.or(details.reason).or_else(|| detail.get("reason")?.as_str());
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse().ok());
            details.wait = details.wait.or_else(|| Duration::try_from_secs_f64(seconds?).ok());
        }
        details
    }
}

fn one_line(text: &str) -> String {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let quoted: String = first.chars().filter(|sign| !sign.is_control()).take(QUOTED_CHARS_MAX).collect();
    quoted.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> String {
        Complaint::read(body.as_bytes()).words()
    }

    #[test]
    fn every_vendors_way_of_complaining_is_understood() {
        for (body, said) in [
            (
                r#"{"error":{"message":"Unsupported value.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
                "Unsupported value (unsupported_value, about `temperature`)",
            ),
            (
                r#"{"error":{"message":"Quota","type":"insufficient_quota","param":null,"code":null}}"#,
                "Quota (insufficient_quota)",
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "Overloaded (overloaded_error)",
            ),
            (
                r#"{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}"#,
                "Resource exhausted (resource_exhausted)",
            ),
            (r#"[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]"#, "Bad (invalid_argument)"),
            (
                r#"{"error":{"code":400,"message":"Bad key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
                "Bad key (api_key_invalid)",
            ),
            (
                r#"{"detail":{"status":"quota_exceeded","message":"This request exceeds your quota."}}"#,
                "This request exceeds your quota (quota_exceeded)",
            ),
            (
                r#"{"detail":[{"loc":["body","text"],"msg":"field required","type":"missing"}]}"#,
                "field required (about `body.text`)",
            ),
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            ("<html>\n502 Bad Gateway\n</html>", "<html>"),
            ("", ""),
            ("{}", ""),
        ] {
            assert_eq!(words(body), said, "{body}");
        }
    }

    #[test]
    fn a_wait_may_stand_in_the_details() {
        let quota = r#"{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}"#;
        let body =
            format!(r#"{{"error":{{"status":"RESOURCE_EXHAUSTED","details":[{quota},{{"retryDelay":"34.5s"}}]}}}}"#);
        let complaint = Complaint::read(body.as_bytes());
        assert_eq!(complaint.wait, Some(Duration::from_millis(34_500)));
        assert_eq!(complaint.code, "generaterequestsperdayperprojectpermodel-freetier");
        for delay in ["soon", "-5s", "1e300s"] {
            let body = format!(r#"{{"error":{{"details":[{{"retryDelay":"{delay}"}}]}}}}"#);
            assert_eq!(Complaint::read(body.as_bytes()).wait, None, "{delay}");
        }
    }

    #[test]
    fn a_long_complaint_is_cut_and_stays_on_its_line() {
        let long = "a".repeat(1000);
        assert_eq!(words(&long).len(), QUOTED_CHARS_MAX);
        assert_eq!(words("one\u{7}\ntwo"), "one");
    }
}
