//! `needs` and `after`: which stages a stage names, and that they do not wait for each other in a circle.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::axes::{cycle, unknown_stage};
use crate::storyfile::faults::Faults;
use crate::storyfile::model::StageText;
use std::collections::HashMap;

/// Stages by their index, each with the place that names it.
pub type References = Vec<(usize, Span)>;

/// Returns `needs` and `after` of every stage.
pub fn read(stages: &[StageText], faults: &mut Faults) -> Vec<(References, References)> {
    let index: HashMap<&str, usize> = stages.iter().enumerate().map(|(i, stage)| (stage.name.as_str(), i)).collect();
    let all: Vec<(References, References)> = stages
        .iter()
        .map(|stage| (named(stage, "needs", &index, stages, faults), named(stage, "after", &index, stages, faults)))
        .collect();
    circles(stages, &all, faults);
    all
}

fn named(
    stage: &StageText,
    key: &str,
    index: &HashMap<&str, usize>,
    stages: &[StageText],
    faults: &mut Faults,
) -> References {
    let Some(node) = stage.own(key) else { return Vec::new() };
    let mut found: References = Vec::new();
    for (name, span) in faults.texts(&format!("`{key}`"), node) {
        match stage.resolve(name, index) {
            Some(other) if found.iter().any(|(seen, _)| *seen == other) => faults.push(
                Diagnostic::error("S081", format!("`{name}` stands twice in `{key}`"), span)
                    .label("again")
                    .help("once is enough"),
            ),
            Some(other) => found.push((other, span)),
            None => {
                let verb = if key == "needs" { "needs" } else { "comes after" };
                unknown_stage(stage, name, span, verb, stages, faults);
            }
        }
    }
    found
}

/// Finds circles with an explicit stack: chains of stages may be long.
fn circles(stages: &[StageText], all: &[(References, References)], faults: &mut Faults) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let edges: Vec<Vec<usize>> =
        all.iter().map(|(needs, after)| needs.iter().chain(after).map(|(stage, _)| *stage).collect()).collect();
    let mut marks = vec![Mark::New; stages.len()];
    for start in 0..stages.len() {
        if marks[start] != Mark::New {
            continue;
        }
        let mut path = vec![(start, 0)];
        marks[start] = Mark::Open;
        while let Some((stage, next)) = path.last_mut() {
            let (stage, edge) = (*stage, *next);
            *next += 1;
            match edges[stage].get(edge) {
                None => {
                    marks[stage] = Mark::Done;
                    path.pop();
                }
                Some(&other) if marks[other] == Mark::Open => {
                    let from = path.iter().position(|(seen, _)| *seen == other).expect("open stages stand on the path");
                    let circle: Vec<usize> = path[from..].iter().map(|(stage, _)| *stage).collect();
                    cycle(stages, &circle, "needs` and `after", faults);
                }
                Some(&other) if marks[other] == Mark::New => {
                    marks[other] = Mark::Open;
                    path.push((other, 0));
                }
                Some(_) => {}
            }
        }
    }
}
