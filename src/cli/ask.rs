//! `--interactive`: asks for params on the terminal, before anything else happens.

use crate::base::diagnostic::Severity;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{Found, read_draft};
use crate::kind::registry::Registry;
use crate::report::tail::clean;
use crate::storyfile::load::Draft;
use crate::storyfile::question::Question;
use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Write};

/// Asks for what nobody has given yet, and adds the answers to `inputs`.
pub fn ask_for_params(found: &Found, inputs: &mut Inputs) -> Result<(), CliError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CliError::Usage {
            message: "`--interactive` asks on a terminal, and there is none".to_owned(),
            hint: Some("Give the values with `-p NAME=VALUE` or `--params FILE`.".to_owned()),
        });
    }
    let registry = Registry::builtin();
    let mut asked = BTreeSet::new();
    loop {
        // Read anew after each answer: the default of one param may be made of another.
        let Draft { faults, sources, questions, .. } = read_draft(found, &registry, inputs)?;
        let is_wrong = |code: &str| code != "S043";
        if faults.iter().any(|fault| fault.severity == Severity::Error && is_wrong(fault.code)) {
            // Nobody answers questions of a file that cannot be built.
            let faults = faults.into_iter().filter(|fault| is_wrong(fault.code)).collect();
            return Err(CliError::Faults { sources, faults });
        }
        let Some(question) = questions.into_iter().find(|question| !asked.contains(question.name())) else {
            return Ok(());
        };
        let answer = ask(&question, &|path| found.path(path), &mut io::stdin().lock(), &mut io::stderr().lock())?;
        inputs.params.extend(answer.map(|answer| (question.name().to_owned(), answer)));
        asked.insert(question.name().to_owned());
    }
}

/// Shows `question` and returns the line that answers it, its end included; nothing where the answers end.
pub fn asked_line(question: &str, from: &mut dyn BufRead, to: &mut dyn Write) -> Result<Vec<u8>, CliError> {
    let _ = to.write_all(question.as_bytes());
    let _ = to.flush();
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).map_err(|error| CliError::Io {
        what: "failed to read an answer from the terminal".to_owned(),
        source: error.to_string(),
    })?;
    Ok(line)
}

/// Asks one question until the answer fits. `None` is an empty line: what stands without an answer.
fn ask(
    question: &Question,
    path: &dyn Fn(&str) -> String,
    from: &mut dyn BufRead,
    to: &mut dyn Write,
) -> Result<Option<String>, CliError> {
    loop {
        let line = asked_line(&format!("{}: ", clean(&question.words())), from, to)?;
        if line.is_empty() {
            let _ = writeln!(to);
            return Err(CliError::Usage {
                message: format!("the answers end before the one about `{}`", question.name()),
                hint: Some("Nothing was run.".to_owned()),
            });
        }
        let checked = match std::str::from_utf8(&line).map(str::trim) {
            Err(_) => Err("the answer is not UTF-8 text".to_owned()),
            Ok("") => question.check_none().map(|()| None),
            Ok(text) => question.check(text, path).map(|()| Some(text.to_owned())),
        };
        match checked {
            Ok(answer) => return Ok(answer),
            Err(why) => drop(writeln!(to, "  {}", clean(&why))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::load::{Given, draft};

    fn questions(params: &str) -> Vec<Question> {
        let text = format!("storygen: 1\nparams:\n{params}stages: {{ a: {{ run: \"true\" }} }}\n");
        draft(&text, &Registry::builtin(), &Given::alone("Storyfile.yaml", &|_| None)).questions
    }

    /// What is said, and the answer; `None` inside for an empty line, an error for the end of all answers.
    fn talk(question: &Question, lines: &str) -> (String, Result<Option<String>, CliError>) {
        let mut said = Vec::new();
        let answer = ask(question, &|path| format!("art/{path}"), &mut lines.as_bytes(), &mut said);
        (String::from_utf8(said).unwrap(), answer)
    }

    #[test]
    fn a_question_shows_what_an_answer_may_be_and_what_stands_without_one() {
        let words = |param: &str| questions(&format!("  x: {param}\n"))[0].words();
        assert_eq!(words("{ ask: Idea, default: a bus }"), "Idea [a bus]");
        assert_eq!(words("{ ask: Who, enum: [a, b], default: a }"), "Who (a, b) [a]");
        assert_eq!(words("{ ask: Tone, type: list, default: [x, y] }"), "Tone (a list: one, two) [x, y]");
        assert_eq!(words("{ ask: Tone, type: list, enum: [x, y] }"), "Tone (a list of x, y)");
        assert_eq!(words("{ ask: N, default: 0.50, min: 0, max: 1 }"), "N (a number, from 0 to 1) [0.50]");
        assert_eq!(words("{ ask: Draft, default: false }"), "Draft (yes or no) [no]");
        assert_eq!(words("{ type: int, description: How many }"), "How many (a whole number)");
        assert_eq!(words("{ ask: Cover, type: path, required: false }"), "Cover (a path) [none]");
        assert_eq!(words(""), "x");
        assert!(questions("  x: 1\n  y: { required: false }\n").is_empty());
    }

    #[test]
    fn a_wrong_answer_is_explained_and_asked_again() {
        let who = &questions("  x: { ask: Who, enum: [a, b], default: a }\n")[0];
        let (said, answer) = talk(who, "c\nb\n");
        assert_eq!(answer.unwrap().as_deref(), Some("b"));
        let again = "Who (a, b) [a]: ";
        assert_eq!(said, format!("{again}  `c` is not a choice of the param `x`: choose one of `a` and `b`\n{again}"));
        let count = &questions("  x: { ask: N, type: int, min: 1 }\n")[0];
        let (said, answer) = talk(count, "\nmany\n0\n 7 \n");
        assert_eq!(answer.unwrap().as_deref(), Some("7"));
        for why in ["`x` needs a value", "`many` is not a whole number", "0 is out of the range of the param `x`: give"]
        {
            assert!(said.contains(why), "{said}");
        }
        let cover = &questions("  x: { ask: Cover, type: path }\n")[0];
        let (said, answer) = talk(cover, "../../x\nx.png");
        assert_eq!(answer.unwrap().as_deref(), Some("x.png"));
        assert!(said.contains("`art/../../x` cannot be the param `x`: the path leads out of the repo"), "{said}");
    }

    #[test]
    fn enter_takes_what_stands_and_the_end_ends_all() {
        let idea = &questions("  x: { ask: Idea, default: a bus }\n")[0];
        assert_eq!(talk(idea, "\n").1.unwrap(), None);
        let (said, answer) = talk(idea, "");
        assert_eq!((said.as_str(), answer.unwrap_err().exit_code()), ("Idea [a bus]: \n", 2));
    }

    #[test]
    fn a_question_cannot_steer_the_terminal() {
        let idea = &questions("  x: { ask: \"\\e[2JIdea\", default: \"a\\abus\" }\n")[0];
        assert!(!talk(idea, "\n").0.contains(['\u{1b}', '\u{7}']));
    }
}
