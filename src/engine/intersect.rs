//! Whether two patterns can match one path: who may read what an open fan-out will write (R16).
//!
//! It says yes too often rather than too seldom: a yes costs a wait, a no would cost an edge. `[…]` counts as any one
//! character, a `**` inside a segment as any text.

/// Tells whether some path matches both patterns.
pub fn intersect(one: &str, two: &str) -> bool {
    alternatives(one).iter().any(|one| alternatives(two).iter().any(|two| meet(one, two)))
}

/// Tells whether some path that matches `pattern` lies in a folder that matches `folder`, or the other way round.
pub fn lies_in(pattern: &str, folder: &str) -> bool {
    intersect(pattern, folder) || intersect(pattern, &format!("{folder}/**"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Is(char),
    /// Any one character but `/`.
    One,
    /// Any characters but `/`.
    Star,
    /// Any characters.
    Deep,
}

impl Token {
    fn repeats(self) -> bool {
        matches!(self, Token::Star | Token::Deep)
    }

    /// Tells whether both can stand for one character.
    fn shares(self, other: Token) -> bool {
        let takes = |token: Token, character: char| match token {
            Token::Is(own) => own == character,
            Token::One | Token::Star => character != '/',
            Token::Deep => true,
        };
        match (self, other) {
            (Token::Is(character), other) | (other, Token::Is(character)) => takes(other, character),
            _ => true,
        }
    }
}

/// Walks both at once: `reached[j]` tells whether the first `i` tokens of one and `j` of two can match the same text.
fn meet(one: &[Token], two: &[Token]) -> bool {
    let mut reached = vec![vec![false; two.len() + 1]; one.len() + 1];
    reached[0][0] = true;
    for i in 0..=one.len() {
        for j in 0..=two.len() {
            if !reached[i][j] {
                continue;
            }
            let (a, b) = (one.get(i).copied(), two.get(j).copied());
            // A repeating token may end here.
            if a.is_some_and(Token::repeats) {
                reached[i + 1][j] = true;
            }
            if b.is_some_and(Token::repeats) {
                reached[i][j + 1] = true;
            }
            if let (Some(a), Some(b)) = (a, b)
                && a.shares(b)
            {
                let (next_i, next_j) = (if a.repeats() { i } else { i + 1 }, if b.repeats() { j } else { j + 1 });
                reached[next_i][next_j] = true;
            }
        }
    }
    reached[one.len()][two.len()]
}

/// Returns the pattern once for each way through its `{a,b}`.
fn alternatives(pattern: &str) -> Vec<Vec<Token>> {
    const WAYS_MAX: usize = 64;
    let mut ways: Vec<Vec<Token>> = vec![Vec::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|at| open + at) else { break };
        ways.iter_mut().for_each(|way| way.extend(tokens(&rest[..open])));
        let choices: Vec<&str> = rest[open + 1..close].split(',').collect();
        if ways.len() * choices.len() > WAYS_MAX {
            ways.iter_mut().for_each(|way| way.push(Token::Deep));
        } else {
            ways = ways
                .iter()
                .flat_map(|way| choices.iter().map(|choice| [way.clone(), tokens(choice)].concat()))
                .collect();
        }
        rest = &rest[close + 1..];
    }
    ways.iter_mut().for_each(|way| way.extend(tokens(rest)));
    ways
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        tokens.push(match character {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                // `**/` may match nothing at all.
                if rest.peek() == Some(&'/') {
                    rest.next();
                }
                Token::Deep
            }
            '*' => Token::Star,
            '[' => {
                rest.by_ref().find(|character| *character == ']');
                Token::One
            }
            character => Token::Is(character),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_one_path_matches_both() {
        for (one, two) in [
            ("chapters/*.md", "chapters/ch-01.md"),
            ("chapters/*.md", "chapters/*"),
            ("chapters/*.md", "**/*.md"),
            ("chapters/*.md", "*/ch-*.md"),
            ("build/*/script.md", "build/{en,es}/*.md"),
            ("build/*/script.md", "build/[a-z]*/script.md"),
            ("**/x.md", "x.md"),
            ("a/**", "a/b/c"),
        ] {
            assert!(intersect(one, two) && intersect(two, one), "{one} and {two}");
        }
    }

    #[test]
    fn patterns_that_share_no_path_do_not_meet() {
        for (one, two) in [
            ("chapters/*.md", "chapters/deep/x.md"),
            ("chapters/*.md", "summaries/*.md"),
            ("chapters/*.md", "chapters/*.txt"),
            ("build/*/script.md", "build/{en,es}/voice.wav"),
            ("*.md", "a/b.md"),
        ] {
            assert!(!intersect(one, two) && !intersect(two, one), "{one} and {two}");
        }
    }

    #[test]
    fn what_lies_in_a_folder_meets_it() {
        assert!(lies_in("chapters/*.md", "chapters") && lies_in("build/*/x", "build/en"));
        assert!(lies_in("build/en/x.md", "build/*"));
        assert!(!lies_in("chapters-old/*.md", "chapters"));
    }
}
