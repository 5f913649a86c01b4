//! Finds the variables that a failed command names, that are set where storygen was called, and that the command was not
//! given (R20): the shell only says that they are empty. Pure; a value is never looked at.

use crate::base::failure::{Cause, Failure};
use crate::base::secret::is_secret_name;
use std::collections::BTreeMap;

/// What a shell sets for itself: nobody has to hand it over.
const OF_THE_SHELL: &[&str] = &[
    "PWD",
    "OLDPWD",
    "SHLVL",
    "IFS",
    "PPID",
    "UID",
    "EUID",
    "GROUPS",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "HOSTNAME",
    "HOSTTYPE",
    "OSTYPE",
    "MACHTYPE",
    "OPTARG",
    "OPTIND",
    "PS1",
    "PS2",
    "PS4",
    "FUNCNAME",
    "PIPESTATUS",
    "REPLY",
    "SHELL",
    "_",
];

/// This many are told.
const TOLD: usize = 4;

/// Adds to the failure of a command how it gets the variables that it misses, if it names some.
pub fn explain(
    failure: Failure,
    argv: &[String],
    given: &BTreeMap<String, String>,
    is_set: &dyn Fn(&str) -> bool,
) -> Failure {
    if !matches!(failure.cause, Cause::Exit | Cause::Output) {
        return failure;
    }
    let text = argv.join("\n");
    let mut names = named(&text);
    names.retain(|name| {
        !given.contains_key(*name) && is_set(name) && !OF_THE_SHELL.contains(name) && !is_assigned(&text, name)
    });
    names.sort_unstable();
    names.dedup();
    names.truncate(TOLD);
    if names.is_empty() {
        return failure;
    }
    let found: Vec<String> = names.iter().map(|name| way_out(name)).collect();
    let hint = match &failure.hint {
        Some(hint) => format!("{hint} {}", found.join(" ")),
        None => found.join(" "),
    };
    failure.hint(hint)
}

fn way_out(name: &str) -> String {
    let unseen = format!("`{name}` is set where storygen was called, and commands see only what they are given:");
    if is_secret_name(name) {
        return format!("{unseen} write `pass: [{name}]`.");
    }
    let value =
        if name.bytes().any(|byte| byte.is_ascii_lowercase()) { format!("env.{name}") } else { name.to_owned() };
    format!(
        "{unseen} write `env: {{ {name}: \"${{{value}}}\" }}` if it shapes the result (it is then part of the key), \
         `pass: [{name}]` if it does not."
    )
}

/// Returns the names after `$` and `${` that a shell would look up. One with a default of its own may be absent.
fn named(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let is_escaped = rest[..at].ends_with('\\');
        rest = &rest[at + 1..];
        if is_escaped {
            continue;
        }
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let (name, after) = match rest.strip_prefix('{') {
            Some(inner) => identifier(inner),
            None => identifier(rest),
        };
        let has_default = rest.starts_with('{') && after.starts_with([':', '-', '=', '+']);
        if !name.is_empty() && !has_default {
            names.push(name);
        }
    }
    names
}

/// Cuts a variable's name from the start of `text`.
fn identifier(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { ("", text) } else { text.split_at(end) }
}

/// Tells whether the command gives the variable a value itself.
fn is_assigned(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let starts = before.is_empty() || before.ends_with([' ', '\t', '\n', ';', '&', '|', '(', '{']);
        let loops = before.ends_with("for ") || before.lines().next_back().is_some_and(|line| line.contains("read "));
        starts
            && (after.starts_with('=') || after.starts_with("+=") || loops && !after.starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn hint(script: &str) -> Option<String> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let given = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
        let set = ["PATH", "PWD", "MYVAR", "myvar", "API_KEY"];
        let failure = Failure::new(Cause::Exit, "exit status 1");
        explain(failure, &argv, &given, &|name| set.contains(&name)).hint
    }

    #[test]
    fn a_variable_that_the_command_was_not_given_is_named_with_both_ways() {
        let expected = "`MYVAR` is set where storygen was called, and commands see only what they are given: write `env: { \
                        MYVAR: \"${MYVAR}\" }` if it shapes the result (it is then part of the key), `pass: [MYVAR]` if it \
                        does not.";
        for script in ["set -u; echo ${MYVAR}", "test -n \"$MYVAR\"", "${MYVAR#x}", "echo $MYVAR $MYVAR $PATH $PWD"] {
            assert_eq!(hint(script).as_deref(), Some(expected), "{script}");
        }
        assert!(hint("echo $myvar").unwrap().contains("${env.myvar}"));
    }

    #[test]
    fn a_secret_is_only_handed_through() {
        let hint = hint("curl -H $API_KEY").unwrap();
        assert!(hint.ends_with("write `pass: [API_KEY]`."), "{hint}");
        assert!(!hint.contains("env:"), "{hint}");
    }

    #[test]
    fn what_is_not_missed_is_not_named() {
        for script in [
            "echo $PATH $PWD $1 $? $UNSET",
            "MYVAR=1; echo $MYVAR",
            "for MYVAR in a b; do echo $MYVAR; done",
            "while read -r MYVAR; do echo $MYVAR; done",
            "echo ${MYVAR:-x}",
            "echo \\$MYVAR $$MYVAR",
            "echo MYVAR",
        ] {
            assert_eq!(hint(script), None, "{script}");
        }
    }

    #[test]
    fn another_hint_stays_before_it() {
        let failure = Failure::new(Cause::Exit, "exit status 127").hint("Install it.");
        let failure = explain(failure, &["$MYVAR".to_owned()], &BTreeMap::new(), &|_| true);
        assert!(failure.hint.unwrap().starts_with("Install it. `MYVAR` is set"));
    }
}
