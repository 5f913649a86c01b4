//! A small shell lexer: finds our `${…}` in the text of `run:` and knows in what quotes each one stands (R19).

use crate::storyfile::lexer::Lexer;
use std::ops::Range;

/// A command's text cut at our expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexed {
    pub pieces: Vec<ShellPiece>,
    pub form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellPiece {
    Text(String),
    /// An expression, without `${` and `}`.
    Ours {
        source: String,
        place: Place,
        /// The byte of the command's text at which the source starts.
        at: usize,
    },
}

/// In what an expression stands: decides how its value is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Bare,
    /// In `"…"`.
    Double,
    /// In `'…'`.
    Single,
    /// In `$((…))`: only whole numbers.
    Arithmetic,
}

/// What the text needs to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One command of plain and simply quoted words: no shell.
    Plain,
    Shell,
    /// A pipe stands in it: a failure in the middle must fail the whole.
    Pipe,
}

/// Why the text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexFault {
    pub sort: LexFaultSort,
    /// Bytes of the command's text.
    pub at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexFaultSort {
    Backtick,
    HereDocument,
    /// Inside an expansion of the shell: `${x:-${lang}}`.
    Expansion,
    /// Inside `$'…'`.
    AnsiQuote,
    /// A quote, `$(` or `${` that is not closed.
    Unclosed,
    TooDeep,
}

/// Cuts `text`; `is_root` tells whether a name starts an expression of ours.
pub fn lex(text: &str, is_root: &dyn Fn(&str) -> bool) -> (Lexed, Vec<LexFault>) {
    let text = text.trim_end_matches(['\n', ' ', '\t']);
    let mut lexer = Lexer::new(text, is_root);
    lexer.bare(None);
    lexer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(String, Place)> {
        let (lexed, faults) = lex(text, &|root| ["lang", "inputs"].contains(&root));
        assert_eq!(faults, [], "{text}");
        let ours = lexed.pieces.into_iter().filter_map(|piece| match piece {
            ShellPiece::Ours { source, place, .. } => Some((source, place)),
            ShellPiece::Text(_) => None,
        });
        ours.collect()
    }

    fn faults(text: &str) -> Vec<(LexFaultSort, &str)> {
        let (_, faults) = lex(text, &|root| ["lang", "inputs"].contains(&root));
        faults.into_iter().map(|fault| (fault.sort, &text[fault.at])).collect()
    }

    #[test]
    fn an_expression_knows_the_quotes_it_stands_in() {
        use Place::*;
        let lang = |place| vec![("lang".to_owned(), place)];
        assert_eq!(places("echo ${lang}"), lang(Bare));
        assert_eq!(places("echo \"a ${lang}\""), lang(Double));
        assert_eq!(places("echo 'a ${lang}'"), lang(Single));
        assert_eq!(places("echo \"x $(cat ${lang})\""), lang(Bare));
        assert_eq!(places("echo \"x $(cat \"${lang}\") y\""), lang(Double));
        assert_eq!(places("echo $(( ${lang} + 1 ))"), lang(Arithmetic));
        assert_eq!(places("x=$(case $y in a) echo 1;; esac; echo ${lang})"), lang(Bare));
        assert_eq!(places("echo \"$(case a in a) echo b;; esac) ${lang}\""), lang(Double));
        assert_eq!(places("cat <<E\nit's\nE\necho \"${lang}\""), lang(Double));
        assert_eq!(places("echo \"it's ${lang}\""), lang(Double));
        assert_eq!(places("echo a\\\"b ${lang}"), lang(Bare));
        assert_eq!(places("echo ${ lang }"), lang(Bare));
        assert_eq!(places("echo ${1 if lang else 2}"), vec![("1 if lang else 2".to_owned(), Bare)]);
        assert_eq!(places("echo \"${'a' ~ lang}\""), vec![("'a' ~ lang".to_owned(), Double)]);
        assert_eq!(places("echo ${not lang} ${(lang)}").len(), 2);
    }

    #[test]
    fn what_is_the_shells_stays_the_shells() {
        for text in [
            "echo ${HOME}",
            "echo ${f%.x} ${lang%.x} ${#inputs[@]} ${inputs[@]} ${lang:-en}",
            "echo $${lang}",
            "echo \\${lang}",
            "# ${lang}\necho",
            "awk '{print $1}' ${!lang}",
            "${x/lang/y} ${x:lang} ${x} ${ echo lang; } ${(U)lang} ${x#lang} ${'a' + b}",
        ] {
            assert_eq!(places(text), [], "{text}");
        }
    }

    #[test]
    fn an_expression_where_it_cannot_be_escaped_is_a_fault() {
        use LexFaultSort::*;
        assert_eq!(faults("echo `cat ${lang}`"), [(Backtick, "${lang}")]);
        assert_eq!(faults("cat <<EOF\nhi ${lang}\nEOF\necho ok"), [(HereDocument, "${lang}")]);
        assert_eq!(faults("cat <<-'E'\n\t${lang}\n\tE\n"), [(HereDocument, "${lang}")]);
        assert_eq!(faults("echo ${x:-${lang}}"), [(Expansion, "${lang}")]);
        assert_eq!(faults("echo $'a${lang}'"), [(AnsiQuote, "${lang}")]);
        assert_eq!(faults("echo 'a"), [(Unclosed, "'")]);
        assert_eq!(faults("echo \"a $(b"), [(Unclosed, "$"), (Unclosed, "\"")]);
    }

    #[test]
    fn two_dollars_are_one_for_the_shell_in_any_place() {
        for (text, expected) in [
            ("cat <<E\n$${lang} $$ ${x}\nE\n", "cat <<E\n${lang} $$ ${x}\nE"),
            ("echo `a $${lang}`", "echo `a ${lang}`"),
            ("echo $'a $${lang}'", "echo $'a ${lang}'"),
            ("echo $(( $${lang} + 1 ))", "echo $(( ${lang} + 1 ))"),
            ("echo \"$${lang}\" '$${lang}'", "echo \"${lang}\" '${lang}'"),
        ] {
            let (lexed, faults) = lex(text, &|root| root == "lang");
            assert_eq!((lexed.pieces, faults), (vec![ShellPiece::Text(expected.to_owned())], vec![]), "{text}");
        }
    }

    #[test]
    fn a_shift_is_no_here_document() {
        assert_eq!(
            places("((1<<2 > 1)) && echo ${lang}\necho \"${lang}\""),
            [("lang".into(), Place::Bare), ("lang".into(), Place::Double)]
        );
        assert_eq!(places("((echo a); (echo ${lang}))"), [("lang".into(), Place::Bare)]);
    }

    #[test]
    fn nesting_without_end_is_a_fault() {
        let text = "$(".repeat(10_000);
        assert_eq!(faults(&text)[0].0, LexFaultSort::TooDeep);
        let text = "${x:-".repeat(10_000);
        assert_eq!(faults(&text)[0].0, LexFaultSort::TooDeep);
        for depth in 31..40 {
            for end in ["", "é"] {
                let text = format!("{}{end}{}", "$(".repeat(depth), ")".repeat(depth));
                let sorts: Vec<_> = faults(&text).into_iter().map(|(sort, _)| sort).collect();
                assert!(sorts.is_empty() && depth < 32 || sorts == [LexFaultSort::TooDeep], "{depth}: {sorts:?}");
            }
        }
    }

    #[test]
    fn signs_without_an_end_are_not_each_followed_to_the_end_of_the_text() {
        let asked = std::cell::Cell::new(0);
        let is_root = |root: &str| {
            asked.set(asked.get() + usize::from(root == "lang"));
            true
        };
        lex(&format!("echo '{}'", "${lang \"a".repeat(10_001)), &is_root);
        assert!(asked.get() < 1_000, "{}", asked.get());
    }

    #[test]
    fn only_plain_words_need_no_shell() {
        let form = |text: &str| lex(text, &|root| root == "inputs").0.form;
        assert_eq!(form("ffmpeg -i ${inputs.a} -vf \"ass=${inputs.b}\" 'o k'\n"), Form::Plain);
        for text in ["a > b", "a && b", "a *.md", "a $X", "a\nb", "a \"$X\"", "a ~/x", "a; b", "a {x,y}", "a # b"] {
            assert_eq!(form(text), Form::Shell, "{text}");
        }
        assert_eq!(form("a | b"), Form::Pipe);
        assert_eq!(form("a || b"), Form::Shell);
        assert_eq!(form("x=$(a | b)"), Form::Pipe);
        assert_eq!(form("echo 'a | b'"), Form::Plain);
    }
}
