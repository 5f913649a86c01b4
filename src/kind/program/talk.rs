//! Hears a program at work: its lines become progress, the log, and at last a result or an error.

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Made, Progress};
use crate::kind::program::description::shown;
use crate::kind::program::message::{Answer, LINE_BYTES_MAX, Level};
use crate::world::process::{Ear, Ended, Stream, Tail};
use std::ops::ControlFlow;

/// How much a program may say in all on its standard output, in bytes.
const SAID_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many warnings are shown; the log has all.
const WARNINGS_MAX: usize = 20;

/// A conversation under way.
pub struct Talk<'a> {
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    /// What stands on a line that has not ended yet.
    line: Vec<u8>,
    lines: usize,
    said: usize,
    /// What `storygen log` shows: the messages of `log`, and standard error as it came.
    log: Tail,
    /// The last progress that was passed on, in thousandths and its note.
    shown: Option<(u64, String)>,
    warnings: Vec<String>,
    end: Option<Result<Made, Failure>>,
}

impl Ear for Talk<'_> {
    fn hear(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        match stream {
            Stream::Err => {
                self.log.push(bytes);
                ControlFlow::Continue(())
            }
            Stream::Out => self.lines_of(bytes),
        }
    }
}

impl<'a> Talk<'a> {
    pub fn new(progress: &'a (dyn Fn(Progress) + Send + Sync)) -> Talk<'a> {
        Talk {
            progress,
            line: Vec::new(),
            lines: 0,
            said: 0,
            log: Tail::default(),
            shown: None,
            warnings: Vec::new(),
            end: None,
        }
    }

    fn lines_of(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.said += bytes.len();
        if self.said > SAID_BYTES_MAX {
            return self.broken(format!("it said more than {} MiB", SAID_BYTES_MAX / 1024 / 1024));
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > LINE_BYTES_MAX {
                self.log.push(b"(a line that does not end)\n");
                return self.broken(format!("its line {} is longer than {LINE_BYTES_MAX} bytes", self.lines + 1));
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.answer(&line)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn answer(&mut self, line: &[u8]) -> ControlFlow<()> {
        self.lines += 1;
        let text = String::from_utf8_lossy(line);
        if text.trim().is_empty() {
            return ControlFlow::Continue(());
        }
        let answer = match serde_json::from_slice::<Answer>(line) {
            Ok(answer) => answer,
            Err(error) => {
                self.log.push(line);
                let what = if error.is_data() { "no message of the protocol" } else { "no JSON" };
                return self.broken(format!("its line {} is {what}: {error}: `{}`", self.lines, shown(&text)));
            }
        };
        if self.end.is_some() {
            self.log.push(line);
            return self.broken(format!("it said more after its end, in line {}: `{}`", self.lines, shown(&text)));
        }
        match answer {
            Answer::Progress { done, total, note } => self.advance(done, total, note),
            Answer::Log { message, level } => {
                if level == Level::Warning && self.warnings.len() < WARNINGS_MAX {
                    self.warnings.push(message.clone());
                }
                self.log.push(message.as_bytes());
                self.log.push(b"\n");
            }
            Answer::Result { verdict, made_by } => {
                self.end = Some(Ok(Made { verdict, made_by, ..Made::default() }));
            }
            Answer::Error { message, hint, retryable } => {
                let cause = if retryable { Cause::Exit } else { Cause::Refusal };
                self.end = Some(Err(Failure { hint, ..Failure::new(cause, message) }));
            }
        }
        ControlFlow::Continue(())
    }

    /// Passes on what a person can see: a thousandth of the way, or another part.
    fn advance(&mut self, done: u64, total: u64, note: String) {
        let part = u64::try_from(u128::from(done) * 1000 / u128::from(total.max(1))).unwrap_or(1000);
        let now = (part, note.clone());
        if self.shown.as_ref() != Some(&now) {
            self.shown = Some(now);
            (self.progress)(Progress { done, total, note });
        }
    }

    /// Ends a conversation that is none.
    fn broken(&mut self, what: String) -> ControlFlow<()> {
        let failure = Failure::new(Cause::Validation, format!("the program broke the protocol: {what}")).hint(
            "Standard output is for its messages, one JSON object a line; what else it says goes to standard error.",
        );
        self.end = Some(Err(failure));
        ControlFlow::Break(())
    }

    /// Returns what came of it, once the program has ended well or broken the protocol, and its log.
    pub fn close(mut self, ended: Ended) -> (Result<Made, Failure>, Vec<u8>) {
        if ended != Ended::Broken && !self.line.is_empty() {
            // A last line without its end is whole if it is a message; what a dying program left in the middle is not.
            let line = std::mem::take(&mut self.line);
            if ended == Ended::Exit(0) || serde_json::from_slice::<Answer>(&line).is_ok() {
                let _ = self.answer(&line);
            } else {
                self.log.push(&line);
                self.log.push(b"\n");
            }
        }
        let made = match (self.end, ended) {
            (Some(Err(failure)), _) => Err(failure),
            (Some(Ok(made)), Ended::Exit(0)) => Ok(Made { warnings: self.warnings, ..made }),
            (Some(Ok(_)), ended) => {
                Err(Failure::new(Cause::Exit, format!("it gave a result, and then {}", words(ended)))
                    .hint("Nothing may go wrong after the result: let the program end with status 0."))
            }
            (None, Ended::Exit(0)) => Err(Failure::new(Cause::Validation, "the program ended without a result")
                .hint("Its last line must be `{\"type\":\"result\"}`, or an `error` that says what went wrong.")),
            (None, ended) => Err(died(ended)),
        };
        (made, self.log.bytes)
    }
}

/// Says how a program ended that gave no answer.
pub fn died(ended: Ended) -> Failure {
    let failure = Failure::new(Cause::Exit, format!("the program {}", words(ended)));
    match ended {
        Ended::Exit(126 | 127) => {
            failure.hint("What its first line names after `#!` was not found, or cannot be started.")
        }
        _ => failure,
    }
}

fn words(ended: Ended) -> String {
    match ended {
        Ended::Exit(code) => format!("ended with exit status {code}"),
        Ended::Signal(signal) => format!("was ended by signal {signal}"),
        Ended::TimedOut => "ran too long".to_owned(),
        Ended::Cancelled => "was stopped".to_owned(),
        Ended::Broken => "broke the protocol".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Hears pieces of standard output; returns what came of it and the log.
    fn heard(pieces: &[&str], ended: Ended) -> (Result<Made, String>, String) {
        let mut talk = Talk::new(&|_| {});
        let mut ended = ended;
        for piece in pieces {
            if talk.hear(Stream::Out, piece.as_bytes()).is_break() {
                ended = Ended::Broken;
                break;
            }
        }
        let (made, log) = talk.close(ended);
        (made.map_err(|failure| failure.message), String::from_utf8(log).unwrap())
    }

    #[test]
    fn a_result_may_come_in_pieces_and_without_a_last_line_end() {
        let (made, log) = heard(
            &["{\"type\":\"log\",\"mess", "age\":\"hi\"}\n{\"type\":\"re", "sult\",\"made_by\":\"m\"}"],
            Ended::Exit(0),
        );
        assert_eq!((made.unwrap().made_by.as_deref(), log.as_str()), (Some("m"), "hi\n"));
    }

    #[test]
    fn a_warning_is_logged_and_shown() {
        let (made, log) = heard(
            &["{\"type\":\"log\",\"level\":\"warning\",\"message\":\"old\"}\n{\"type\":\"result\"}\n"],
            Ended::Exit(0),
        );
        assert_eq!((made.unwrap().warnings, log.as_str()), (vec!["old".to_owned()], "old\n"));
    }

    #[test]
    fn what_is_no_message_breaks_the_talk_and_is_kept() {
        let (made, log) = heard(&["Loading...\n", "{\"type\":\"result\"}\n"], Ended::Exit(0));
        let message = made.unwrap_err();
        assert!(message.starts_with("the program broke the protocol: its line 1 is no JSON: "), "{message}");
        assert!(message.ends_with("`Loading...`") && log == "Loading...\n", "{message}, {log}");
        let (made, _) = heard(&["{\"type\":\"finish\"}\n"], Ended::Exit(0));
        assert!(made.unwrap_err().contains("its line 1 is no message of the protocol: unknown variant `finish`"));
        let (made, _) =
            heard(&["{\"type\":\"result\"}\n{\"type\":\"progress\",\"done\":1,\"total\":1}\n"], Ended::Exit(0));
        assert!(made.unwrap_err().contains("it said more after its end, in line 2"));
    }

    #[test]
    fn every_end_without_a_result_is_told() {
        let end = |pieces: &[&str], ended| heard(pieces, ended).0.unwrap_err();
        assert_eq!(end(&[], Ended::Exit(0)), "the program ended without a result");
        assert_eq!(end(&["{\"type\":\"res"], Ended::Exit(3)), "the program ended with exit status 3");
        assert_eq!(end(&[], Ended::Signal(9)), "the program was ended by signal 9");
        let late = end(&["{\"type\":\"result\"}\n"], Ended::Exit(3));
        assert_eq!(late, "it gave a result, and then ended with exit status 3");
        assert_eq!(end(&["{\"type\":\"error\",\"message\":\"no voice\"}\n"], Ended::Exit(0)), "no voice");
        assert_eq!(end(&["{\"type\":\"error\",\"message\":\"no voice\"}\n"], Ended::Exit(1)), "no voice");
    }

    #[test]
    fn a_program_that_never_ends_its_line_or_its_talk_is_cut_off() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        assert!(heard(&[&long], Ended::Exit(0)).0.unwrap_err().contains("its line 1 is longer than 1048576 bytes"));
        let mut talk = Talk::new(&|_| {});
        let line = b"{\"type\":\"log\",\"message\":\"and on\"}\n".repeat(10_000);
        let flow = (0..300).find(|_| talk.hear(Stream::Out, &line).is_break());
        assert!(flow.is_some());
        let (made, log) = talk.close(Ended::Broken);
        assert!(made.unwrap_err().message.contains("it said more than 64 MiB") && log.len() <= 2 * 1024 * 1024 + 10);
    }

    #[test]
    fn only_progress_that_can_be_seen_is_passed_on() {
        let seen = Mutex::new(0);
        let progress = |_: Progress| *seen.lock().unwrap() += 1;
        let mut talk = Talk::new(&progress);
        for done in 0..100_000 {
            let line = format!("{{\"type\":\"progress\",\"done\":{done},\"total\":100000}}\n");
            assert!(talk.hear(Stream::Out, line.as_bytes()).is_continue());
        }
        assert_eq!(*seen.lock().unwrap(), 1000);
    }

    #[test]
    fn an_error_says_whether_another_attempt_may_help() {
        let cause = |retryable: &str| {
            let mut talk = Talk::new(&|_| {});
            let line = format!("{{\"type\":\"error\",\"message\":\"m\",\"hint\":\"h\",\"retryable\":{retryable}}}\n");
            assert!(talk.hear(Stream::Out, line.as_bytes()).is_continue());
            talk.close(Ended::Exit(1)).0.unwrap_err()
        };
        assert_eq!((cause("true").cause, cause("false").cause), (Cause::Exit, Cause::Refusal));
        assert_eq!(cause("true").hint.as_deref(), Some("h"));
    }
}
