//! Puts tags into a text and changes nothing else: at most three a paragraph, two side by side.

use super::cues::{Cue, cues};
use super::sentences::{paragraphs, sentences};
use super::tagset::{PER_PARAGRAPH, STACKED, find_tags};
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
pub fn tag(text: &str) -> String {
    let standing = find_tags(text);
    let mut places: BTreeMap<usize, Vec<&'static str>> = BTreeMap::new();
    let mut recent: Vec<&'static str> = Vec::new();
    for paragraph in paragraphs(text) {
        let room = PER_PARAGRAPH.saturating_sub(standing.iter().filter(|tag| within(tag, &paragraph)).count());
        let places_here = spots(text, &paragraph, &standing);
        place(places_here, room, &mut recent, &mut places);
    }
    if places.is_empty() && standing.is_empty() {
        let first = sentences(text).into_iter().find(|range| text[range.clone()].contains(char::is_alphanumeric));
        places.extend(first.map(|range| (range.start, vec![QUIET])));
    }
    insert(text, &places)
}

/// A sentence that may take tags: where it begins, and what it calls for.
struct Spot {
    at: usize,
    cues: Vec<Cue>,
}

fn spots(text: &str, paragraph: &Range<usize>, standing: &[Range<usize>]) -> Vec<Spot> {
    let body = &text[paragraph.clone()];
    sentences(body)
        .into_iter()
        .map(|range| paragraph.start + range.start..paragraph.start + range.end)
        // A person's tag in or just before a sentence has already said how it is spoken.
        .filter(|range| {
            !standing.iter().any(|tag| within(tag, range) || text[..range.start].trim_end().len() == tag.end)
        })
        .filter(|range| text[range.clone()].contains(char::is_alphanumeric))
        .map(|range| Spot { at: range.start, cues: cues(&text[range]) })
        .collect()
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

    fn plain(text: &str) -> String {
        strip_tags(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn stripping_gives_the_text_back() {
        let tagged = tag(STORY);
        assert!(names(&tagged).len() >= 3, "{tagged}");
        assert_eq!(strip_tags(&tagged), STORY);
    }

    #[test]
    fn limits_and_order_hold() {
        let crowded = "She sighed sadly… He laughed! She cried, afraid. They ran. We shouted!! It was slow. ".repeat(3);
        let tagged = tag(&crowded);
        assert_eq!(names(&tagged).len(), PER_PARAGRAPH);
        assert_eq!(tag("He sighed, afraid, and waited."), "[fearful] [sighs] He sighed, afraid, and waited.");
    }

    #[test]
    fn standing_tags_are_kept_and_counted() {
        let tagged = tag("[sad] She sighed. [pause] He laughed! I cried. We ran.");
        assert!(tagged.starts_with("[sad] She sighed. [pause] He laughed!"), "{tagged}");
        assert_eq!(names(&tagged).len(), PER_PARAGRAPH);
    }

    #[test]
    fn a_plain_text_gets_one_tag() {
        assert_eq!(tag("The bus turned."), "[calm] The bus turned.");
        assert_eq!(tag(" \n"), " \n");
    }

    proptest! {
        #[test]
        fn no_text_loses_or_gains_a_word(text in "([A-Za-z]{1,8}|sighed|afraid|ran|\\[sad\\]|\\[|\\]|[ .!?…\"—\\n]){0,60}") {
            prop_assert_eq!(plain(&tag(&text)), plain(&text));
        }

        #[test]
        fn any_characters_survive(text in "\\PC{0,80}") {
            if find_tags(&text).is_empty() {
                prop_assert_eq!(strip_tags(&tag(&text)), text);
            }
        }

        #[test]
        fn no_paragraph_gets_more_than_its_room(text in "((sighed|afraid|ran|laughed|rain|Bus)[ .!\\n]{1,3}){0,60}") {
            let tagged = tag(&text);
            for range in paragraphs(&tagged) {
                prop_assert!(find_tags(&tagged[range]).len() <= PER_PARAGRAPH);
            }
        }
    }
}
