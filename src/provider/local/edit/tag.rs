//! Puts tags into a text and changes nothing else: at most three a paragraph, two side by side.

use super::Tongue;
use super::cues::{Cue, cues};
use super::sentences::{paragraphs, sentences};
use super::tagset::{PER_PARAGRAPH, STACKED, find_tags};
use crate::media::plain::{line_prefix, script_words};
use std::collections::BTreeMap;
use std::ops::Range;

/// The tag of a text in which nothing calls for one.
const QUIET: &str = "calm";
/// What calls for a tag less than this goes without: twice the cue's strength, less what stands beside it.
const PULL_MIN: u32 = 4;
/// A tag is not used again before this many others.
const MEMORY: usize = 3;

/// Returns `text` with `[tags]` before the sentences that call for them.
///
/// Every other byte stays: [`super::strip_tags`] gives the text back. Tags that stand already are kept and counted.
/// The limits and the order (emotion, reaction, pacing) are those of the original's script enhancement.
///
/// Tags stand behind the marks that begin a line, `# [pause] The Ferry`: before them, the marks would be none.
/// Cues are English words, and marks that mean the same everywhere.
pub fn tag(text: &str, tongue: Tongue) -> String {
    let standing = find_tags(text);
    let mut places: BTreeMap<usize, Vec<&'static str>> = BTreeMap::new();
    let mut recent: Vec<&'static str> = Vec::new();
    for paragraph in paragraphs(text) {
        let room = PER_PARAGRAPH.saturating_sub(standing.iter().filter(|tag| within(tag, &paragraph)).count());
        let places_here = spots(text, &paragraph, &standing, tongue);
        place(places_here, room, &mut recent, &mut places);
    }
    if places.is_empty() && standing.is_empty() {
        let mut sentences = sentences(text).into_iter();
        let first = sentences.find_map(|range| behind_marks(text, range).filter(|range| can_take(text, range.start)));
        places.extend(first.map(|range| (range.start, vec![QUIET])));
    }
    insert(text, &places)
}

/// A sentence that may take tags: where it begins, and what it calls for.
struct Spot {
    at: usize,
    cues: Vec<Cue>,
}

fn spots(text: &str, paragraph: &Range<usize>, standing: &[Range<usize>], tongue: Tongue) -> Vec<Spot> {
    let body = &text[paragraph.clone()];
    sentences(body)
        .into_iter()
        .filter_map(|range| behind_marks(text, paragraph.start + range.start..paragraph.start + range.end))
        // A person's tag in or just before a sentence has already said how it is spoken.
        .filter(|range| {
            !standing.iter().any(|tag| within(tag, range) || text[..range.start].trim_end().len() == tag.end)
        })
        .filter(|range| can_take(body, range.start - paragraph.start))
        .map(|range| Spot { at: range.start, cues: cues(&text[range], tongue) })
        .collect()
}

/// Tells whether a tag may stand there: inside code it would be words.
fn can_take(text: &str, at: usize) -> bool {
    let tagged = format!("{}[{QUIET}] {}", &text[..at], &text[at..]);
    script_words(&tagged) == script_words(text)
}

/// Returns what is spoken of a sentence: from behind the marks of its first line, without lines that are all marks.
/// `None` if there is nothing.
fn behind_marks(text: &str, sentence: Range<usize>) -> Option<Range<usize>> {
    let mut start = sentence.start;
    while start < sentence.end {
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].split('\n').next().unwrap_or("");
        // In the midst of a line there are no such marks.
        let spoken = match line_prefix(line) {
            Some(prefix) if text[line_start..start].trim().is_empty() || start < line_start + prefix => {
                start = start.max(line_start + prefix);
                true
            }
            Some(_) => true,
            None => false,
        };
        if spoken {
            let rest = text.get(start..sentence.end)?;
            start += rest.len() - rest.trim_start().len();
            return rest.contains(char::is_alphanumeric).then_some(start..sentence.end);
        }
        start = line_start + line.len() + 1;
    }
    None
}

/// Gives the paragraph's `room` to its strongest cues, one after the other; earlier sentences win among equals.
fn place(
    spots: Vec<Spot>,
    room: usize,
    recent: &mut Vec<&'static str>,
    places: &mut BTreeMap<usize, Vec<&'static str>>,
) {
    let mut chosen: BTreeMap<usize, Vec<Cue>> = BTreeMap::new();
    for _ in 0..room {
        let Some((nth, cue)) = strongest(&spots, &chosen, recent) else { break };
        chosen.entry(nth).or_default().push(cue);
        recent.push(cue.tag);
        if recent.len() > MEMORY {
            recent.remove(0);
        }
    }
    for (nth, mut stack) in chosen {
        stack.sort_by_key(|cue| cue.sort);
        places.insert(spots[nth].at, stack.into_iter().map(|cue| cue.tag).collect());
    }
}

/// A second tag on a sentence, or one on its neighbour, must be called for more strongly: tags are to be spread.
fn strongest(spots: &[Spot], chosen: &BTreeMap<usize, Vec<Cue>>, recent: &[&str]) -> Option<(usize, Cue)> {
    let stack = |nth: usize| chosen.get(&nth).map_or(0, Vec::len) as u32;
    let wants = spots.iter().enumerate().flat_map(|(nth, spot)| spot.cues.iter().map(move |cue| (nth, *cue)));
    wants
        .filter(|(nth, cue)| (stack(*nth) as usize) < STACKED && !recent.contains(&cue.tag))
        .filter(|(nth, cue)| chosen.get(nth).is_none_or(|stack| stack.iter().all(|other| other.sort != cue.sort)))
        .map(|(nth, cue)| {
            let beside = stack(nth + 1) + nth.checked_sub(1).map_or(0, stack);
            ((cue.strength * 2).saturating_sub(2 * (stack(nth) + beside)), nth, cue)
        })
        .filter(|(pull, ..)| *pull >= PULL_MIN)
        .min_by_key(|(pull, nth, cue)| (std::cmp::Reverse(*pull), *nth, cue.sort))
        .map(|(_, nth, cue)| (nth, cue))
}

fn insert(text: &str, places: &BTreeMap<usize, Vec<&'static str>>) -> String {
    let mut out = String::with_capacity(text.len() + places.len() * 24);
    let mut from = 0;
    for (&at, tags) in places {
        out.push_str(&text[from..at]);
        from = at;
        for tag in tags {
            out.push('[');
            out.push_str(tag);
            out.push_str("] ");
        }
    }
    out.push_str(&text[from..]);
    out
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::super::tagset::strip_tags;
    use super::*;
    use proptest::prelude::*;

    const STORY: &str = "The last bus was late. I was afraid, and I whispered it…\nThen silence.\n\n\
        She laughed! “Do you remember me?” she said. I did not. I had loved her for years.";

    fn names(text: &str) -> Vec<&str> {
        find_tags(text).into_iter().map(|range| &text[range.start + 1..range.end - 1]).collect()
    }

    fn tagged(text: &str) -> String {
        tag(text, Tongue::English)
    }

    fn plain(text: &str) -> String {
        strip_tags(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn stripping_gives_the_text_back() {
        let tagged = tag(STORY, Tongue::English);
        assert!(names(&tagged).len() >= 3, "{tagged}");
        assert_eq!(strip_tags(&tagged), STORY);
    }

    #[test]
    fn limits_and_order_hold() {
        let crowded = "She sighed sadly… He laughed! She cried, afraid. They ran. We shouted!! It was slow. ".repeat(3);
        let found = tagged(&crowded);
        assert_eq!(names(&found).len(), PER_PARAGRAPH);
        assert_eq!(tagged("He sighed, afraid, and waited."), "[fearful] [sighs] He sighed, afraid, and waited.");
    }

    #[test]
    fn standing_tags_are_kept_and_counted() {
        let found = tagged("[sad] She sighed. [pause] He laughed! I cried. We ran.");
        assert!(found.starts_with("[sad] She sighed. [pause] He laughed!"), "{found}");
        assert_eq!(names(&found).len(), PER_PARAGRAPH);
    }

    #[test]
    fn a_plain_text_gets_one_tag() {
        assert_eq!(tagged("The bus turned."), "[calm] The bus turned.");
        assert_eq!(tagged(" \n"), " \n");
    }

    #[test]
    fn tags_stand_behind_the_marks_that_begin_a_line() {
        for (text, expected) in [
            ("# The Ferry", "# [pause] The Ferry"),
            ("> Come home, mother.", "> [warmly] Come home, mother."),
            (
                "The bus turned there.\n- He sighed at the sea.",
                "The bus turned there.\n- [sighs] He sighed at the sea.",
            ),
            ("Say to me `a. He sighed.`", "[calm] Say to me `a. He sighed.`"),
            ("1. He sighed at the sea.", "1. [sighs] He sighed at the sea."),
            ("---\nHe sighed at the sea.", "---\n[sighs] He sighed at the sea."),
            ("```\nHe sighed at the sea.\n```", "```\n[sighs] He sighed at the sea.\n```"),
            ("[1]: http://x.y\nHe sighed at the sea.", "[1]: http://x.y\n[sighs] He sighed at the sea."),
            ("**He** sighed at the sea.", "[sighs] **He** sighed at the sea."),
        ] {
            assert_eq!(tagged(text), expected);
        }
    }

    #[test]
    fn in_another_language_only_marks_are_cues() {
        assert_eq!(tag("Sie war sad…", Tongue::Other), "[hesitates] Sie war sad…");
    }

    proptest! {
        #[test]
        fn no_text_loses_or_gains_a_word(text in "([A-Za-z]{1,8}|sighed|afraid|ran|\\[sad\\]|\\[|\\]|[ .!?…\"—\\n]){0,60}") {
            prop_assert_eq!(plain(&tagged(&text)), plain(&text));
        }

        #[test]
        fn any_characters_survive(text in "\\PC{0,80}") {
            if find_tags(&text).is_empty() {
                let bare = |text: &str| text.split_whitespace().collect::<String>();
                prop_assert_eq!(bare(&strip_tags(&tagged(&text))), bare(&text));
            }
        }

        #[test]
        fn what_is_spoken_stays_as_it_was(text in "(([A-Z]?[a-z]{1,8}|sighed|afraid|# |> |- |1\\. |---|```|\\| ?|\\*\\*)[ .!\n]{0,2}){0,40}") {
            prop_assert_eq!(script_words(&tagged(&text)), script_words(&text));
        }

        #[test]
        fn no_paragraph_gets_more_than_its_room(text in "((sighed|afraid|ran|laughed|rain|Bus)[ .!\\n]{1,3}){0,60}") {
            let tagged = tagged(&text);
            for range in paragraphs(&tagged) {
                prop_assert!(find_tags(&tagged[range]).len() <= PER_PARAGRAPH);
            }
        }
    }
}
