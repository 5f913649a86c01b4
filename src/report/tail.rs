//! The last lines of what a command printed, made safe to show.

/// The last lines of a text, and how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    pub lines: Vec<String>,
    /// Lines of the whole text.
    pub total: usize,
}

/// Returns the last `count` lines of `output`, each cleaned by [`clean`]. Empty lines at the end do not count.
pub fn tail(output: &str, count: usize) -> Tail {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let first = lines.len().saturating_sub(count);
    Tail { lines: lines[first..].iter().map(|line| clean(line)).collect(), total: lines.len() }
}

/// Returns `line` without terminal escapes and control characters: what a program or a model says must not move the
/// cursor, set the window's title or hide text. Of a line overwritten by carriage returns, the last version stays.
pub fn clean(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => match chars.next() {
                // Control sequence: parameters up to a final letter or sign.
                Some('[') => while chars.next().is_some_and(|char| !('@'..='~').contains(&char)) {},
                // Operating system command and the like: up to BEL or `ESC \`.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(char) = chars.next() {
                        if char == '\u{7}' || (char == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => text.push_str("    "),
            char if char.is_control() || is_direction(char) => {}
            char => text.push(char),
        }
    }
    text
}

/// Tells whether `char` reorders the text around it on a screen.
fn is_direction(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let output: String = (1..=30).map(|line| format!("line {line}\n")).collect();
        let tail = tail(&format!("{output}\n\n"), 2);
        assert_eq!(tail, Tail { lines: vec!["line 29".into(), "line 30".into()], total: 30 });
    }

    #[test]
    fn nothing_printed_has_no_lines() {
        assert_eq!(tail("\n", 20), Tail { lines: vec![], total: 0 });
    }

    #[test]
    fn escapes_never_reach_the_screen() {
        assert_eq!(clean("\u{1b}[1;31mred\u{1b}[0m\u{7}"), "red");
        assert_eq!(clean("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b"), "ab");
        assert_eq!(clean("10 %\r50 %\r100 %\r\n"), "100 %");
        assert_eq!(clean("a\tb\u{202e}c\u{9b}"), "a    bc");
        assert_eq!(clean("cut \u{1b}[3"), "cut ");
    }
}
