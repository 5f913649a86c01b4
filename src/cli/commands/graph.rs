//! `storygen graph`: who waits for whom, as a tree, for Graphviz, for Mermaid, or as JSON.

use crate::cli::args::look_up::{GraphArgs, GraphFormat};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::cli::views::views;
use crate::engine::open::Access;
use crate::engine::plan::plan;
use crate::engine::select::{Wish, select};
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
        let selection = select(&opened.project, &Wish::default())?;
        let plan = plan(&mut opened.project, &selection)?;
        let actions = plan.steps.iter().map(|step| step.action);
        states = actions.zip(views(&opened.project, &plan)).collect();
    }
    let workflow = &opened.project.workflow;
    let label = |node: usize| {
        let id = &workflow.nodes[node].action.id;
        match states.get(&node) {
            Some(view) => format!("{id} ({})", view.state.word()),
            None => id.to_string(),
        }
    };
    let text = match args.chosen() {
        GraphFormat::Tree => tree(&workflow.dag, &label),
        GraphFormat::Dot => dot(&workflow.dag, &label),
        GraphFormat::Mermaid => mermaid(&workflow.dag, &label),
        GraphFormat::Json => {
            let name = |node: usize| workflow.nodes[node].action.id.as_str();
            let nodes = (0..workflow.nodes.len()).map(|node| {
                let action = &workflow.nodes[node].action;
                let outputs: Vec<&str> = action.outputs.iter().map(|output| output.path.as_str()).collect();
                let state = states.get(&node).map(|view| view.state.word());
                json!({ "id": name(node), "stage": action.stage, "outputs": outputs, "state": state })
            });
            let edges =
                edges(&workflow.dag).into_iter().map(|(from, to)| json!({ "from": name(from), "to": name(to) }));
            let graph = json!({
                "version": 1,
                "nodes": nodes.collect::<Vec<_>>(),
                "edges": edges.collect::<Vec<_>>(),
            });
            format!("{graph:#}\n")
        }
    };
    context.answer(&text);
    Ok(0)
}
