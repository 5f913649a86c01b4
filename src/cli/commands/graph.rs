//! `storygen graph`: who waits for whom, as a tree, for Graphviz, for Mermaid, or as JSON.

use crate::cli::args::look_up::{GraphArgs, GraphFormat};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::cli::views::views;
use crate::engine::open::Access;
use crate::engine::plan::foresee;
use crate::engine::select::Wish;
use crate::engine::workflow::Workflow;
use crate::graph::draw::{dot, edges, mermaid, tree};
use crate::graph::fold::{Folded, fold};
use crate::report::view::StateWord;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &GraphArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Read)?;
    let mut states: BTreeMap<usize, StateWord> = BTreeMap::new();
    if args.status {
        let (_, plan) = foresee(&mut opened.project, &Wish::default())?;
        let actions = plan.steps.iter().map(|step| step.action);
        states = actions.zip(views(&opened.project, &plan)).map(|(action, view)| (action, view.state)).collect();
    } else {
        opened.project.unfold_known(None)?;
    }
    let workflow = &opened.project.workflow;
    let picture = Picture { workflow, states, folded: folded(workflow, args) };
    let dag = &picture.folded.dag;
    let label = |node: usize| picture.label(node);
    context.answer(&match args.chosen() {
        GraphFormat::Tree => tree(dag, &label),
        GraphFormat::Dot => dot(dag, &label),
        GraphFormat::Mermaid => mermaid(dag, &label),
        GraphFormat::Json => format!("{:#}\n", picture.json()),
    });
    Ok(0)
}

/// Makes the instances of a stage one, unless the person wants to see each.
fn folded(workflow: &Workflow, args: &GraphArgs) -> Folded {
    let (kept, dag) = workflow.without_unfolded();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    let group_of: Vec<usize> = kept
        .iter()
        .enumerate()
        .map(|(place, &node)| match args.expand {
            true => place,
            false => *groups.entry(workflow.nodes[node].action.stage.as_str()).or_insert(place),
        })
        .collect();
    let mut folded = fold(&dag, &group_of);
    folded.members.iter_mut().flatten().for_each(|member| *member = kept[*member]);
    folded
}

/// What is drawn.
struct Picture<'a> {
    workflow: &'a Workflow,
    states: BTreeMap<usize, StateWord>,
    folded: Folded,
}

impl Picture<'_> {
    /// Returns an action's name, or that of the stage for several.
    fn name(&self, node: usize) -> &str {
        match self.folded.members[node].as_slice() {
            [one] => self.workflow.nodes[*one].action.id.as_str(),
            many => self.workflow.nodes[many[0]].action.stage.as_str(),
        }
    }

    fn label(&self, node: usize) -> String {
        let (name, states) = (self.name(node), self.counts(node));
        let name = match self.folded.members[node].len() {
            1 => name.to_owned(),
            many => format!("{name} ×{many}"),
        };
        let words: Vec<String> = match states.as_slice() {
            [] => return name,
            [(state, _)] => vec![state.word().to_owned()],
            more => more.iter().map(|(state, count)| format!("{count} {}", state.word())).collect(),
        };
        format!("{name} ({})", words.join(", "))
    }

    /// Returns how many instances are in each state.
    fn counts(&self, node: usize) -> Vec<(StateWord, usize)> {
        let states: Vec<StateWord> =
            self.folded.members[node].iter().filter_map(|member| self.states.get(member).copied()).collect();
        let count = |state: StateWord| states.iter().filter(|found| **found == state).count();
        StateWord::ALL.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0).collect()
    }

    fn json(&self) -> Value {
        let nodes = (0..self.folded.dag.len()).map(|node| {
            let members: Vec<_> =
                self.folded.members[node].iter().map(|&member| &self.workflow.nodes[member].action).collect();
            let outputs = members.iter().flat_map(|action| &action.outputs);
            let outputs: Vec<&str> = outputs.map(|output| output.path.as_str()).collect();
            let counts = self.counts(node);
            let state = if let [(state, _)] = counts.as_slice() { Some(state.word()) } else { None };
            let mut shown = json!({
                "id": self.name(node),
                "stage": members[0].stage,
                "instances": members.len(),
                "outputs": outputs,
                "state": state,
            });
            if counts.len() > 1 {
                shown["states"] = counts.iter().map(|(state, count)| (state.word(), *count)).collect();
            }
            shown
        });
        let edges = edges(&self.folded.dag);
        let edges = edges.into_iter().map(|(from, to)| json!({ "from": self.name(from), "to": self.name(to) }));
        json!({ "version": 1, "nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() })
    }
}
