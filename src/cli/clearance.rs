//! Sees to it that no key goes to a host before the user has agreed: by their record, for this run, or asked on the
//! terminal.

use crate::cli::args::build::BuildArgs;
use crate::cli::ask::asked_line;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::record::Record;
use crate::engine::disclosure::{Untrusted, disclosures, fault, untrusted};
use crate::engine::open::Opened;
use crate::provider::trust::{Disclosure, Trust};
use crate::report::tail::clean;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// The variable that trusts every host for one run.
const TRUST: &str = "STORYGEN_TRUST";

/// Refuses to go on where one of `actions` would send a key to a host that nobody has trusted with it.
pub fn clear(context: &Context, args: &BuildArgs, opened: &Opened, actions: &BTreeSet<usize>) -> Result<(), CliError> {
    let project = &opened.project;
    if disclosures(&project.story).is_empty() {
        return Ok(());
    }
    let trust = &project.providers.trust;
    if args.trust || is_trusted_by(context.world.env.get(TRUST)) {
        trust.allow_all();
        return Ok(());
    }
    let record = Record::of(&context.world, &project.workspace.root);
    if let Ok(record) = &record {
        record.trusted()?.iter().for_each(|known| trust.allow(known));
    }
    let open = untrusted(project, actions);
    if open.is_empty() {
        return Ok(());
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        let record = record?;
        for disclosure in by_host(&open) {
            if ask(&disclosure, &mut io::stdin().lock(), &mut io::stderr().lock())? == Answer::Yes {
                record.add(&disclosure)?;
                trust.allow(&disclosure);
            }
        }
    }
    let faults: Vec<_> = untrusted(project, actions).iter().map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(CliError::Faults { sources: opened.sources.clone(), faults }) }
}

/// Lets the hosts be told keys that the user has trusted before.
pub fn recall(context: &Context, root: &Path, trust: &Trust) -> Result<(), CliError> {
    if is_trusted_by(context.world.env.get(TRUST)) {
        trust.allow_all();
        return Ok(());
    }
    // Without a place for records nobody was trusted.
    if let Ok(record) = Record::of(&context.world, root) {
        record.trusted()?.iter().for_each(|known| trust.allow(known));
    }
    Ok(())
}

/// Tells whether the variable says yes.
fn is_trusted_by(value: Option<&str>) -> bool {
    value.is_some_and(|value| ["1", "true", "yes"].contains(&value.trim()))
}

/// Returns what each host would be told, all providers together: nobody is asked twice about one.
fn by_host(open: &[Untrusted]) -> Vec<Disclosure> {
    let mut hosts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Untrusted { disclosure, .. } in open {
        hosts.entry(&disclosure.host).or_default().extend(disclosure.variables.iter().cloned());
    }
    hosts.into_iter().map(|(host, variables)| Disclosure { host: host.to_owned(), variables }).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

/// Asks about one host. Whatever is no clear yes is a no.
fn ask(disclosure: &Disclosure, from: &mut dyn BufRead, to: &mut dyn Write) -> Result<Answer, CliError> {
    let host = &disclosure.host;
    let question = format!(
        "This Storyfile sends {} to {host}, which is not its vendor.\nTrust {host} with it, in this repo? [y/N]: ",
        disclosure.names()
    );
    let line = asked_line(&clean_lines(&question), from, to)?;
    if !line.ends_with(b"\n") {
        let _ = writeln!(to);
    }
    let answer = String::from_utf8_lossy(&line).trim().to_lowercase();
    Ok(if ["y", "yes"].contains(&answer.as_str()) { Answer::Yes } else { Answer::No })
}

/// What a Storyfile says must not steer the terminal.
fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disclosure(host: &str, variables: &[&str]) -> Disclosure {
        Disclosure { host: host.to_owned(), variables: variables.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn talk(line: &str) -> (String, Answer) {
        let mut said = Vec::new();
        let answer = ask(&disclosure("a.example", &["A_KEY", "B_KEY"]), &mut line.as_bytes(), &mut said).unwrap();
        (String::from_utf8(said).unwrap(), answer)
    }

    #[test]
    fn the_question_says_what_goes_where_and_only_yes_is_yes() {
        let question = "This Storyfile sends `A_KEY` and `B_KEY` to a.example, which is not its vendor.\n\
                        Trust a.example with it, in this repo? [y/N]: ";
        assert_eq!(talk("y\n"), (question.to_owned(), Answer::Yes));
        assert_eq!(talk(" YES \n").1, Answer::Yes);
        for no in ["\n", "n\n", "yeah\n", "1\n"] {
            assert_eq!(talk(no).1, Answer::No, "{no:?}");
        }
        assert_eq!(talk(""), (format!("{question}\n"), Answer::No));
    }

    #[test]
    fn nobody_is_asked_twice_about_one_host() {
        let one = |provider: &str, variable: &str, host: &str| Untrusted {
            provider: provider.to_owned(),
            disclosure: disclosure(host, &[variable]),
            place: Default::default(),
        };
        let hosts = by_host(&[one("a", "A", "x.example"), one("b", "B", "x.example"), one("c", "A", "y.example")]);
        assert_eq!(hosts, [disclosure("x.example", &["A", "B"]), disclosure("y.example", &["A"])]);
    }

    #[test]
    fn the_variable_says_yes_in_a_few_words_only() {
        assert!(["1", "true", "yes"].into_iter().all(|yes| is_trusted_by(Some(yes))));
        assert!(["0", "false", "", "no"].into_iter().all(|no| !is_trusted_by(Some(no))) && !is_trusted_by(None));
    }
}
