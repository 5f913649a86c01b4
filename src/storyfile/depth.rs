//! Bounds how deep an expression or template goes, before it is compiled: the compiler follows it by recursion, and a
//! stack has an end. Counts too much rather than too little.

use minijinja::{Error, ErrorKind};

/// Most operations that work on each other's values: far more than a person writes, far less than a small stack holds.
const LEVELS_MAX: usize = 200;
/// Longest expression, in bytes.
const BYTES_MAX: usize = 1 << 16;

const WORDS: [&str; 7] = ["not", "and", "or", "in", "is", "if", "else"];

/// Refuses an expression that is too long or too deep.
pub fn check_expression(source: &str) -> Result<(), Error> {
    if source.len() > BYTES_MAX {
        return Err(Error::new(ErrorKind::SyntaxError, "it is longer than 64 KiB"));
    }
    check(Levels::default().walk(source, None).most)
}

/// Refuses a template with a tag that is too deep, or too many `elif` of one `if`.
pub fn check_template(source: &str) -> Result<(), Error> {
    let mut branches: Vec<usize> = Vec::new();
    let mut inside = 0;
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let Some((sign, tag)) = rest[at..].split_at_checked(2).filter(|(sign, _)| ["{{", "{%", "{#"].contains(sign))
        else {
            rest = &rest[at + 1..];
            continue;
        };
        let end = match sign {
            "{{" => "}}",
            "{%" => "%}",
            _ => {
                rest = tag.find("#}").map_or("", |end| &tag[end + 2..]);
                continue;
            }
        };
        let walked = Levels::default().walk(tag, Some(end));
        check(walked.most)?;
        rest = &tag[walked.end..];
        let words = tag[..walked.end].trim_start_matches(['-', '+']).trim_start();
        match words.split(|c: char| !c.is_ascii_alphanumeric()).next() {
            Some("if") => branches.push(0),
            // Each `elif` stands inside the one before it.
            Some("elif") => {
                inside += 1;
                branches.last_mut().into_iter().for_each(|count| *count += 1);
            }
            Some("endif") => inside -= branches.pop().unwrap_or(0).min(inside),
            Some("raw") => rest = rest.find("endraw").map_or("", |end| &rest[end..]),
            _ => {}
        }
        check(inside)?;
    }
    Ok(())
}

fn check(levels: usize) -> Result<(), Error> {
    match levels > LEVELS_MAX {
        true => Err(Error::new(ErrorKind::SyntaxError, format!("it is more than {LEVELS_MAX} operations deep"))),
        false => Ok(()),
    }
}

/// How deep a walk is: an operation lies on top of what stands before it, a bracket on top of what stands in it.
#[derive(Default)]
struct Levels {
    now: usize,
    most: usize,
    /// For each open bracket the level that it opened at, and the most inside it.
    open: Vec<(usize, usize)>,
}

struct Walked {
    most: usize,
    /// The byte after the end sign.
    end: usize,
}

impl Levels {
    fn deeper(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
        self.open.last_mut().into_iter().for_each(|(_, most)| *most = self.now.max(*most));
    }

    fn close(&mut self) {
        // What follows the bracket lies on top of all that stands in it.
        let Some((_, most)) = self.open.pop() else { return };
        self.now = most;
        self.open.last_mut().into_iter().for_each(|(_, outer)| *outer = most.max(*outer));
    }

    fn walk(mut self, text: &str, sign: Option<&str>) -> Walked {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if self.open.is_empty() && sign.is_some_and(|sign| bytes[at..].starts_with(sign.as_bytes())) {
                return Walked { most: self.most, end: at + 2 };
            }
            let from = at;
            at += 1;
            match bytes[from] {
                quote @ (b'\'' | b'"') => {
                    while at < bytes.len() && bytes[at] != quote {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'(' | b'[' | b'{' => {
                    self.deeper();
                    self.open.push((self.now, self.now));
                }
                b')' | b']' | b'}' => self.close(),
                b',' => self.now = self.open.last().map_or(0, |(base, _)| *base),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                        at += 1;
                    }
                    if WORDS.contains(&&text[from..at]) {
                        self.deeper();
                    }
                }
                b'+' | b'-' | b'*' | b'/' | b'%' | b'~' | b'|' | b'.' | b'=' | b'!' | b'<' | b'>' => self.deeper(),
                _ => {}
            }
        }
        Walked { most: self.most, end: text.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::expr;
    use crate::storyfile::template::Template;

    fn many(start: &str, unit: &str, end: &str, count: usize) -> String {
        format!("{start}{}{end}", unit.repeat(count))
    }

    /// Each with as many levels as its count.
    fn deep(count: usize) -> Vec<String> {
        vec![
            many("", "not ", "1", count),
            many("", "-", "1", count),
            many("1", "+1", "", count),
            many("1", "|abs", "", count),
            many("x", ".y", "", count),
            many("[1]", "[0]", "", count - 1),
            many("'a'", "~'a'", "", count),
            many("1", " if 1 else 1", "", count / 2),
            many("", "(", "1", count) + &")".repeat(count),
            many("", "[", "", count) + &"]".repeat(count),
            many("", "{1:", "1", count) + &"}".repeat(count),
        ]
    }

    /// Runs on a stack like that of a worker thread.
    fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
        std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn whatever_is_deep_is_refused_and_never_reaches_the_end_of_the_stack() {
        on_a_small_stack(|| {
            for source in deep(30_000) {
                assert!(check_expression(&source).is_err(), "{}", &source[..20]);
                let shown = &source[..20];
                assert_eq!(Template::parse("t", &format!("{{{{ {source} }}}}")).unwrap_err().code, "S090", "{shown}");
                assert_eq!(
                    Template::parse("t", &format!("{{% if {source} %}}{{% endif %}}")).unwrap_err().code,
                    "S090"
                );
            }
            for source in [
                many("{% if 1 %}", "{% elif 1 %}", "{% endif %}", 10_000),
                many("", "{% if 1 %}", "", 10_000) + &"{% endif %}".repeat(10_000),
                many("", "{% for x in y %}", "", 10_000),
                many("", "{{", "", 100_000),
            ] {
                assert_eq!(Template::parse("t", &source).unwrap_err().code, "S090", "{}", &source[..20]);
            }
        });
    }

    #[test]
    fn what_is_allowed_fits_a_small_stack() {
        on_a_small_stack(|| {
            for source in deep(LEVELS_MAX) {
                assert!(check_expression(&source).is_ok(), "{}", &source[..20]);
                let _ = expr::evaluate(&source, minijinja::Value::UNDEFINED);
                let _ = Template::parse("t", &format!("{{{{ {source} }}}}"));
            }
        });
    }

    #[test]
    fn what_is_only_long_is_fine() {
        assert!(check_expression(&many("[", "1.5 + 2, ", "]", 5_000)).is_ok());
        assert!(check_expression("'a.b.c.d' ~ \"((((\"").is_ok());
        let template = many("", "{{ a.b }}, {% if a %}b{% elif c %}d{% endif %}{# (((( #} ((((\n", "", 5_000);
        assert!(Template::parse("t", &template).is_ok());
        assert!(Template::parse("t", &many("{% raw %}", "{{ ((((", "{% endraw %}", 1_000)).is_ok());
    }
}
