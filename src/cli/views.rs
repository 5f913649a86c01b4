//! Turns a plan into what `status`, `why` and `--dry-run` show.

use crate::base::reason::Reason;
use crate::engine::judge::{Judgement, Project};
use crate::engine::plan::{Plan, Step};
use crate::engine::rebuild::{Verdict, Wait};
use crate::report::view::{ActionView, StateWord};

/// Returns a view of each step, in the plan's order.
pub fn views(project: &Project, plan: &Plan) -> Vec<ActionView> {
    plan.steps.iter().map(|step| view(project, plan, step)).collect()
}

fn view(project: &Project, plan: &Plan, step: &Step) -> ActionView {
    let node = project.node(step.action);
    let id = |maker: usize| project.node(maker).action.id.to_string();
    let mut view = ActionView {
        id: node.action.id.to_string(),
        state: StateWord::Fresh,
        reason: None,
        changes: Vec::new(),
        outputs: node.action.outputs.iter().map(|output| output.path.to_string()).collect(),
        edited: Vec::new(),
        notes: Vec::new(),
        estimate_ms: project.last_duration_ms(step.action),
    };
    if plan.unneeded.contains(&step.action) {
        view.state = StateWord::Unneeded;
        return view;
    }
    match &step.judgement {
        Judgement::Verdict { verdict: Verdict::Fresh(stands), .. } => {
            view.edited = stands.edits.keys().map(ToString::to_string).collect();
            if !view.edited.is_empty() {
                view.state = StateWord::Edited;
            }
        }
        Judgement::Verdict { verdict: Verdict::Restore(restore), .. } => {
            view.state = StateWord::Restore;
            view.edited = restore.stands.edits.keys().map(ToString::to_string).collect();
            let paths: Vec<String> = restore.write.iter().map(|(path, _)| format!("`{path}`")).collect();
            view.reason = Some(format!("an earlier result is put back: {}", paths.join(", ")));
        }
        Judgement::Verdict { verdict: Verdict::Run { reason, take, .. }, key, .. } => {
            view.state = StateWord::Run;
            view.notes.extend(project.note_of_take(step.action, *key, *take));
            explain(&mut view, reason);
        }
        Judgement::Verdict { verdict: Verdict::Wait(wait), .. } => {
            view.state = StateWord::Waiting;
            view.notes = wait.notes(&node.action.id);
            match wait {
                Wait::Edited { paths, reason } => {
                    view.edited = paths.iter().map(ToString::to_string).collect();
                    explain(&mut view, reason);
                }
                Wait::Foreign { .. } => view.reason = Some("storygen did not make what stands".to_owned()),
                Wait::EditLost { .. } => view.reason = Some("an edit is in no cache here".to_owned()),
                Wait::Misfit { .. } => view.reason = Some("what stands is not of the declared sort".to_owned()),
                Wait::Replaced { .. } => {}
                Wait::Obstructed { .. } => view.reason = Some("a file stands where a folder belongs".to_owned()),
            }
        }
        Judgement::Skipped(skip) => {
            view.state = StateWord::Skipped;
            let mut notes = skip.notes(project).into_iter();
            view.reason = notes.next();
            view.changes = notes.collect();
        }
        Judgement::Unknown { maker } => {
            view.state = StateWord::Maybe;
            view.reason = Some(format!("once `{}` has run", id(*maker)));
        }
        Judgement::Unfold { .. } | Judgement::Unfolded { .. } => {
            view.state = StateWord::Maybe;
            view.reason = Some("its list is not known yet".to_owned());
        }
        Judgement::Held(wait) => {
            view.state = StateWord::Waiting;
            view.notes = wait.notes(&node.action.id);
            view.reason = Some("its list is a new one".to_owned());
        }
        Judgement::Undescribed => {
            view.state = StateWord::Maybe;
            view.reason = Some("its program has not been asked here yet what it takes".to_owned());
        }
        Judgement::Blocked { maker } => {
            view.state = StateWord::Blocked;
            view.reason = Some(project.why_blocked(step.action, *maker));
        }
        Judgement::Fault(failure) => {
            view.state = StateWord::Blocked;
            // Each fault of a list has a line of its own.
            let lines: Vec<String> = failure.message.lines().map(str::to_owned).collect();
            view.reason = lines.first().cloned();
            view.changes = if lines.len() > 1 { lines } else { Vec::new() };
            view.notes = failure.hint.clone().into_iter().collect();
        }
    }
    view
}

fn explain(view: &mut ActionView, reason: &Reason) {
    view.reason = Some(reason.to_string());
    if let Reason::Changed { changes } = reason {
        view.changes = changes.iter().map(ToString::to_string).collect();
    }
}
