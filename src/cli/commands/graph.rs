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
use crate::graph::draw::{dot, edges, mermaid, tree};
use crate::report::view::ActionView;
use serde_json::json;
use std::collections::BTreeMap;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &GraphArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Read)?;
    let mut states: BTreeMap<usize, ActionView> = BTreeMap::new();
    if args.status {
        let (_, plan) = foresee(&mut opened.project, &Wish::default())?;
        let actions = plan.steps.iter().map(|step| step.action);
        states = actions.zip(views(&opened.project, &plan)).collect();
    } else {
        opened.project.unfold_known(None)?;
    }
    let workflow = &opened.project.workflow;
    let (nodes, dag) = workflow.without_unfolded();
    let label = |place: usize| {
        let node = nodes[place];
        let id = &workflow.nodes[node].action.id;
        match states.get(&node) {
            Some(view) => format!("{id} ({})", view.state.word()),
            None => id.to_string(),
        }
    };
    let text = match args.chosen() {
        GraphFormat::Tree => tree(&dag, &label),
        GraphFormat::Dot => dot(&dag, &label),
        GraphFormat::Mermaid => mermaid(&dag, &label),
        GraphFormat::Json => {
            let name = |place: usize| workflow.nodes[nodes[place]].action.id.as_str();
            let all = nodes.iter().map(|&node| {
                let action = &workflow.nodes[node].action;
                let outputs: Vec<&str> = action.outputs.iter().map(|output| output.path.as_str()).collect();
                let state = states.get(&node).map(|view| view.state.word());
                json!({ "id": action.id, "stage": action.stage, "outputs": outputs, "state": state })
            });
            let edges = edges(&dag).into_iter().map(|(from, to)| json!({ "from": name(from), "to": name(to) }));
            let graph = json!({
                "version": 1,
                "nodes": all.collect::<Vec<_>>(),
                "edges": edges.collect::<Vec<_>>(),
            });
            format!("{graph:#}\n")
        }
    };
    context.answer(&text);
    Ok(0)
}
