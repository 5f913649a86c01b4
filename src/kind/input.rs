//! The files that a job reads, as kinds need them: whole, in order, as text.

use crate::base::failure::{Cause, Failure};
use crate::storyfile::scope::{Scope, ScopeFile, is_named_by_user};

/// Returns the files that the stage declares, in order, without those that a setting names.
pub fn declared(scope: &Scope) -> impl Iterator<Item = &ScopeFile> {
    scope.inputs.iter().filter(|file| is_named_by_user(&file.role))
}

/// Returns the one file that the stage reads; `what` says what it should be: `a script`.
pub fn only<'a>(scope: &'a Scope, what: &str) -> Result<&'a ScopeFile, Failure> {
    let mut files = declared(scope);
    match (files.next(), files.count()) {
        (Some(file), 0) => Ok(file),
        (None, _) => Err(Failure::new(Cause::Setup, format!("the stage has no input: it reads {what}"))),
        (Some(_), more) => {
            Err(Failure::new(Cause::Setup, format!("the stage has {} inputs: it reads one, {what}", more + 1)))
        }
    }
}

/// Returns the file that the setting `name` names.
pub fn of_setting<'a>(scope: &'a Scope, name: &str) -> Result<&'a ScopeFile, Failure> {
    let role = format!("with.{name}");
    scope.inputs.iter().find(|file| file.role == role).ok_or_else(|| {
        Failure::new(Cause::Machine, format!("the file that `{name}` names was not read before the stage began"))
    })
}

/// Returns the file's content as text.
pub fn text(file: &ScopeFile) -> Result<&str, Failure> {
    let content = file
        .content
        .as_deref()
        .ok_or_else(|| Failure::new(Cause::Machine, format!("`{}` was not read before the stage began", file.path)))?;
    text_of(&file.path, content)
}

/// Returns `bytes` as text, without a byte order mark.
pub fn text_of<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("`{path}` is no UTF-8 text: byte {} is wrong", error.valid_up_to());
        Failure::new(Cause::Validation, message)
    })?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::storyfile::scope::Plurality;

    /// Returns a file as the engine hands it over.
    pub fn file(role: &str, path: &str, content: &str) -> ScopeFile {
        let parsed = path.ends_with(".json").then(|| serde_json::from_str(content).ok()).flatten();
        let content = Some(content.as_bytes().into());
        ScopeFile { role: role.into(), list: Plurality::One, path: path.into(), part: None, content, parsed }
    }

    /// Returns a scope of these files.
    pub fn scope(files: Vec<ScopeFile>) -> Scope {
        let declared = files.iter().filter(|file| is_named_by_user(&file.role));
        let declared = declared.map(|file| (file.role.clone(), file.list)).collect();
        Scope { inputs: files, declared, ..Scope::default() }
    }

    #[test]
    fn files_that_settings_name_are_no_inputs() {
        let scope = scope(vec![file("0", "a.md", "text"), file("with.template", "t.j2", "x")]);
        assert_eq!(only(&scope, "a script").unwrap().path, "a.md");
        assert_eq!(of_setting(&scope, "template").unwrap().path, "t.j2");
    }

    #[test]
    fn the_wrong_number_of_inputs_is_named() {
        let message = |files: Vec<ScopeFile>| only(&scope(files), "a script").unwrap_err().message;
        assert_eq!(message(Vec::new()), "the stage has no input: it reads a script");
        let two = vec![file("0", "a.md", ""), file("1", "b.md", "")];
        assert_eq!(message(two), "the stage has 2 inputs: it reads one, a script");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_by_place() {
        let failure = text_of("a.md", b"caf\xe9").unwrap_err();
        assert_eq!(failure.message, "`a.md` is no UTF-8 text: byte 3 is wrong");
        assert_eq!(text_of("a.md", "\u{FEFF}hi".as_bytes()).unwrap(), "hi");
    }
}
