//! The command of `run:`: from its text and values to what is executed, and to what the key holds (R19).

use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::expr::{self, Late, Text, TextPiece};
use crate::storyfile::home::Home;
use crate::storyfile::scope::{self, Scope, View};
use crate::storyfile::shell::{Form, Place};

/// A command with its expressions found and those without files already values.
#[derive(Clone, Debug)]
pub struct Command {
    pub text: CommandText,
    /// `shell:`, the script is added as its last word; `None` chooses by the text.
    pub shell: Option<Vec<String>>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum CommandText {
    Shell(ShellText),
    /// Words as they are, no shell.
    Argv(Vec<Text>),
}

#[derive(Clone, Debug)]
pub struct ShellText {
    pub pieces: Vec<CommandPiece>,
    pub form: Form,
}

#[derive(Clone, Debug)]
pub enum CommandPiece {
    Text(String),
    Insert { value: Insert, place: Place },
}

#[derive(Clone, Debug)]
pub enum Insert {
    /// Known already; a list is several words.
    Words(Vec<String>),
    Late(Late),
}

/// What is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// A program and its arguments.
    Direct(Vec<String>),
    /// `program` with `script` as its last argument.
    Shell { program: Vec<String>, script: String },
}

/// A piece whose value is known, ready to be written down.
enum Ready<'a> {
    Text(&'a str),
    Words(Vec<String>, Place),
}

impl Command {
    /// Returns what is executed for these files.
    pub fn render(&self, scope: &Scope) -> Result<Invocation, Failure> {
        let shell = match &self.text {
            CommandText::Argv(words) => return argv(words, scope).map(Invocation::Direct),
            CommandText::Shell(shell) => shell,
        };
        let ready = shell.ready(scope)?;
        if self.shell.is_none() && shell.form == Form::Plain {
            let words = plain_words(&ready);
            if words.first().is_some_and(|first| is_program(first)) {
                return Ok(Invocation::Direct(words));
            }
        }
        let program = match (&self.shell, shell.form) {
            (Some(program), _) => program.clone(),
            (None, Form::Pipe) => ["bash", "-eo", "pipefail", "-c"].map(str::to_owned).to_vec(),
            (None, _) => ["sh", "-e", "-c"].map(str::to_owned).to_vec(),
        };
        Ok(Invocation::Shell { program, script: script(&ready)? })
    }

    /// Returns the text that the key holds, for a scope with declared paths: the same whether a shell runs it or not.
    pub fn key_text(&self, scope: &Scope) -> Result<String, Failure> {
        match &self.text {
            CommandText::Argv(words) => Ok(serde_json::Value::from(argv(words, scope)?).to_string()),
            CommandText::Shell(shell) => script(&shell.ready(scope)?),
        }
    }

    /// Tells whether the command names its outputs through `${outputs…}`; else it writes the declared paths itself.
    pub fn mentions_outputs(&self) -> bool {
        self.late().any(|late| late.mentions("outputs"))
    }

    /// Tells whether an expression reads what is in a file, not only its path.
    pub fn reads_content(&self) -> bool {
        const OF_PATHS: [&str; 5] = ["path", "name", "stem", "dir", "ext"];
        self.late().any(|late| {
            expr::names(&late.source).iter().any(|name| {
                let parts: Vec<&str> = name.split('.').collect();
                match parts.as_slice() {
                    ["inputs" | "needs", _, field, ..] => !OF_PATHS.contains(field),
                    // `inputs[0].title`: behind an index the name ends. Reading a file for nothing does no harm.
                    ["inputs" | "needs"] => late.source.contains("]."),
                    _ => false,
                }
            })
        })
    }

    /// Returns the expressions that wait for files.
    pub fn late(&self) -> Box<dyn Iterator<Item = &Late> + '_> {
        match &self.text {
            CommandText::Argv(words) => Box::new(words.iter().flat_map(Text::late)),
            CommandText::Shell(shell) => Box::new(shell.pieces.iter().filter_map(|piece| match piece {
                CommandPiece::Insert { value: Insert::Late(late), .. } => Some(late),
                _ => None,
            })),
        }
    }

    /// Returns the program of the repo at the head: `./tools/x`, or the script of `python src/x.py`.
    pub fn program(&self, home: &Home) -> Option<RepoPath> {
        let words = match &self.text {
            CommandText::Argv(words) => words.iter().map_while(Text::constant).collect(),
            CommandText::Shell(shell) => shell.head_words(),
        };
        let mut words = words.iter().map(String::as_str).skip_while(|word| is_assignment(word));
        let first = words.next()?;
        if let Some(path) = repo_program(first, home) {
            return Some(path);
        }
        let base = first.rsplit('/').next().unwrap_or(first);
        let interpreter = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        if !INTERPRETERS.contains(&interpreter) {
            return None;
        }
        // `-c` and `-m` take code or a module from elsewhere.
        let mut words = words.skip_while(|word| word.starts_with('-') && !["-c", "-m", "-e"].contains(word));
        repo_program(words.next()?, home)
    }
}

const INTERPRETERS: [&str; 13] =
    ["python", "node", "deno", "bun", "ruby", "perl", "php", "lua", "sh", "bash", "zsh", "dash", "Rscript"];

/// Words that a shell understands by itself, so that no program of that name may stand in for them.
const SHELL_WORDS: &str = ". : [ [[ ]] { } ! alias bg bind break builtin caller case cd command compgen complete continue \
     coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function \
     getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly \
     return select set shift shopt source suspend test then time times trap true type typeset ulimit umask unalias \
     unset until wait while";

impl ShellText {
    fn ready(&self, scope: &Scope) -> Result<Vec<Ready<'_>>, Failure> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                CommandPiece::Text(text) => Ok(Ready::Text(text)),
                CommandPiece::Insert { value: Insert::Words(words), place } => Ok(Ready::Words(words.clone(), *place)),
                CommandPiece::Insert { value: Insert::Late(late), place } => {
                    Ok(Ready::Words(late_words(late, scope)?, *place))
                }
            })
            .collect()
    }

    /// Returns the complete plain words before the first expression or shell sign.
    fn head_words(&self) -> Vec<String> {
        let Some(CommandPiece::Text(text)) = self.pieces.first() else { return Vec::new() };
        let end = text.find(|c: char| "\n;&|()<>*?[]{}~$`\\#'\"".contains(c)).unwrap_or(text.len());
        let head = &text[..end];
        let mut words: Vec<String> = head.split_whitespace().map(str::to_owned).collect();
        let goes_on = end < text.len() && !text[end..].starts_with(['\n', ';', '&', '|', ')', '>', '<'])
            || end == text.len() && self.pieces.len() > 1;
        if goes_on && !head.ends_with(char::is_whitespace) {
            words.pop();
        }
        words
    }
}

fn late_words(late: &Late, scope: &Scope) -> Result<Vec<String>, Failure> {
    let value = late.value(scope, View::Path)?;
    // An absent optional input is no word, and `| default('')` does not make it an empty one.
    if value.is_undefined() || value.as_str() == Some("") && scope.mentions_absent(&late.source) {
        return Ok(Vec::new());
    }
    let words = scope::words(&value).map_err(|found| {
        let failure = Failure::new(Cause::Setup, format!("`${{{}}}` is {found}, not words for a command", late.source));
        failure.hint("name a field of it, or a file")
    })?;
    match words.iter().any(|word| word.contains('\0')) {
        true => Err(Failure::new(Cause::Setup, format!("`${{{}}}` holds a NUL byte", late.source))),
        false => Ok(words),
    }
}

fn argv(words: &[Text], scope: &Scope) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for word in words {
        match word.pieces.as_slice() {
            [TextPiece::Late(late)] => all.extend(late_words(late, scope)?),
            _ => all.push(word.render(scope, View::Path)?),
        }
    }
    Ok(all)
}

/// The words of a plain command: simple quotes taken off.
fn plain_words(pieces: &[Ready<'_>]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut open = false;
    let mut push = |text: &str, open: &mut bool| {
        if !*open {
            words.push(String::new());
            *open = true;
        }
        words.last_mut().expect("a word is open").push_str(text);
    };
    for piece in pieces {
        match piece {
            Ready::Text(text) => {
                for character in text.chars() {
                    match (quote, character) {
                        (Some(sign), _) if sign == character => quote = None,
                        (None, '\'' | '"') => {
                            quote = Some(character);
                            push("", &mut open);
                        }
                        (None, character) if character.is_whitespace() => open = false,
                        (_, character) => push(character.encode_utf8(&mut [0; 4]), &mut open),
                    }
                }
            }
            Ready::Words(values, Place::Bare) => {
                for (index, value) in values.iter().enumerate() {
                    open &= index == 0;
                    push(value, &mut open);
                }
            }
            Ready::Words(values, _) => push(&values.join(" "), &mut open),
        }
    }
    words
}

fn script(pieces: &[Ready<'_>]) -> Result<String, Failure> {
    let mut script = String::new();
    for piece in pieces {
        match piece {
            Ready::Text(text) => script.push_str(text),
            Ready::Words(words, place) => script.push_str(&escape(words, *place)?),
        }
    }
    Ok(script)
}

/// Writes values so that a shell reads them back unchanged.
fn escape(words: &[String], place: Place) -> Result<String, Failure> {
    Ok(match place {
        Place::Bare => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        Place::Single => words.join(" ").replace('\'', r"'\''"),
        Place::Double => {
            let mut escaped = String::new();
            for character in words.join(" ").chars() {
                match character {
                    '$' | '`' | '\\' | '"' => escaped.extend(['\\', character]),
                    // A backslash before `!` would stay in the text: it leaves the quotes for one character.
                    '!' => escaped.push_str("\"'!'\""),
                    _ => escaped.push(character),
                }
            }
            escaped
        }
        Place::Arithmetic => {
            let text = words.join(" ");
            if text.parse::<i64>().is_err() {
                let failure = Failure::new(Cause::Setup, format!("`{text}` is not a whole number"));
                return Err(failure.hint("only whole numbers can stand in `$((…))`"));
            }
            text
        }
    })
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-:@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) && !is_shell_word(word) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_shell_word(word: &str) -> bool {
    SHELL_WORDS.split_whitespace().any(|known| known == word)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

fn is_program(word: &str) -> bool {
    !word.is_empty() && !word.contains('=') && !is_shell_word(word)
}

fn repo_program(word: &str, home: &Home) -> Option<RepoPath> {
    if !word.contains('/') || word.ends_with('/') || word.contains("://") {
        return None;
    }
    RepoPath::parse(&home.from_root(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::scope::{Plurality, ScopeFile};
    use crate::storyfile::shell::{self, ShellPiece};
    use proptest::prelude::*;

    fn command(text: &str) -> Command {
        let (lexed, faults) = shell::lex(text, &|root| ["inputs", "outputs"].contains(&root));
        assert_eq!(faults, []);
        let pieces = lexed.pieces.into_iter().map(|piece| match piece {
            ShellPiece::Text(text) => CommandPiece::Text(text),
            ShellPiece::Ours { source, place, .. } => {
                CommandPiece::Insert { value: Insert::Late(Late { source, values: Vec::new() }), place }
            }
        });
        let text = ShellText { pieces: pieces.collect(), form: lexed.form };
        Command { text: CommandText::Shell(text), shell: None, span: Span::default() }
    }

    fn scope(paths: &[&str]) -> Scope {
        let file = |path: &&str| ScopeFile {
            role: "0".into(),
            list: Plurality::Many,
            path: path.to_string(),
            part: None,
            content: None,
            parsed: None,
        };
        let output = ScopeFile { role: "0".into(), list: Plurality::One, ..file(&"out.txt") };
        Scope { inputs: paths.iter().map(file).collect(), outputs: vec![output], ..Scope::default() }
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| word.to_string()).collect()
    }

    /// Runs the command for real and returns what it printed.
    fn printed(text: &str, paths: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (program, arguments) = match command(text).render(&scope(paths)).unwrap() {
            Invocation::Direct(words) => (words[0].clone(), words[1..].to_vec()),
            Invocation::Shell { mut program, script } => {
                program.push(script);
                (program[0].clone(), program[1..].to_vec())
            }
        };
        let output = std::process::Command::new(program).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!folder.path().join("pwned").exists(), "{text} ran what it was given");
        String::from_utf8(output.stdout).unwrap()
    }

    const HARD: [&str; 10] = [
        "$(touch pwned)",
        "x'y\"z",
        "two\nlines",
        "wow!",
        "a b  c",
        "`touch pwned`",
        "глава 1.md",
        "-n \\ $HOME ~ * ; touch pwned",
        "#no comment",
        "",
    ];

    #[test]
    fn whatever_a_name_is_the_shell_gives_it_back_unchanged() {
        for name in HARD {
            for text in [
                "printf %s ${inputs[0][0]}; true",
                "printf %s \"${inputs[0][0]}\"; true",
                "printf %s '${inputs[0][0]}'; true",
                "printf %s \"$(printf %s ${inputs[0][0]})\"",
                "printf %s \"$(printf %s \"${inputs[0][0]}\")\"",
                "x=${inputs[0][0]}; printf %s \"$x\"",
                "printf %s ${inputs[0][0]} | cat",
                "/usr/bin/printf %s ${inputs[0][0]}",
                "/usr/bin/printf %s \"${inputs[0][0]}\"",
            ] {
                assert_eq!(printed(text, &[name]), name, "{text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn any_text_comes_back_unchanged(name in "[^\0]{0,12}x") {
            prop_assert_eq!(printed("printf %s ${inputs[0][0]}\"${inputs[0][0]}\"'${inputs[0][0]}'; true", &[&name]), name.repeat(3));
        }
    }

    #[test]
    fn a_list_is_several_words() {
        assert_eq!(printed("printf '[%s]' ${inputs}; true", &["a b", "c"]), "[a b][c]");
        let invocation = command("cat ${inputs} -o x${inputs}").render(&scope(&["a b", "c"])).unwrap();
        assert_eq!(invocation, Invocation::Direct(words(&["cat", "a b", "c", "-o", "xa b", "c"])));
        assert_eq!(
            command("cat ${inputs[0]} z")
                .render(&Scope { declared: vec![("0".into(), Plurality::Many)], ..scope(&[]) })
                .unwrap(),
            Invocation::Direct(words(&["cat", "z"]))
        );
    }

    #[test]
    fn a_plain_command_needs_no_shell_and_has_the_same_key() {
        let plain = command("ffmpeg -i ${inputs} -vf \"ass=${inputs}\" 'a b' ${outputs[0]}\n");
        let expected = words(&["ffmpeg", "-i", "it's", "-vf", "ass=it's", "a b", "out.txt"]);
        assert_eq!(plain.render(&scope(&["it's"])).unwrap(), Invocation::Direct(expected));
        assert_eq!(plain.key_text(&scope(&["x"])).unwrap(), "ffmpeg -i x -vf \"ass=x\" 'a b' out.txt");
        let forced = Command { shell: Some(words(&["bash", "-c"])), ..plain };
        assert_eq!(forced.key_text(&scope(&["x"])).unwrap(), "ffmpeg -i x -vf \"ass=x\" 'a b' out.txt");
    }

    #[test]
    fn builtins_assignments_and_pipes_go_to_a_shell() {
        let program = |text: &str| match command(text).render(&scope(&["a"])).unwrap() {
            Invocation::Shell { program, .. } => program.join(" "),
            Invocation::Direct(words) => panic!("{words:?}"),
        };
        assert_eq!(program("echo hi"), "sh -e -c");
        assert_eq!(program("X=1 env"), "sh -e -c");
        assert_eq!(program("cat ${inputs} > ${outputs[0]}"), "sh -e -c");
        assert_eq!(program("cat x | wc"), "bash -eo pipefail -c");
    }

    #[test]
    fn a_failure_inside_a_pipe_fails_the_whole() {
        let Invocation::Shell { program, script } = command("false | cat").render(&scope(&[])).unwrap() else {
            panic!("a shell")
        };
        let status = std::process::Command::new(&program[0]).args(&program[1..]).arg(script).status().unwrap();
        assert!(!status.success());
    }

    #[test]
    fn only_whole_numbers_stand_in_arithmetic() {
        assert_eq!(printed("printf %s $((${inputs[0][0]} + 1))", &["41"]), "42");
        assert!(command("echo $((${inputs[0][0]} + 1))").render(&scope(&["a[$(touch pwned)]"])).is_err());
    }

    #[test]
    fn a_program_of_the_repo_is_found_at_the_head() {
        let program = |text: &str| command(text).program(&Home::default()).map(String::from);
        assert_eq!(program("./tools/x --fast"), Some("tools/x".into()));
        assert_eq!(program("python3 src/x.py ${inputs}"), Some("src/x.py".into()));
        assert_eq!(program("python -u src/x.py > y"), Some("src/x.py".into()));
        assert_eq!(program("LANG=C ./x"), Some("x".into()));
        for text in
            ["ffmpeg -i a/b", "python -m a/b", "/usr/bin/x", "../x", "./${inputs}", "python src/${inputs}", "sh -c a/b"]
        {
            assert_eq!(program(text), None, "{text}");
        }
    }

    #[test]
    fn a_command_knows_whether_it_names_its_outputs() {
        assert!(command("cp a ${outputs[0]}").mentions_outputs());
        assert!(!command("cp ${inputs} a").mentions_outputs());
    }
}
