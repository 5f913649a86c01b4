//! What an attempt starts: a command with its words, or a program with its request.

use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::id::Take;
use crate::engine::command::{Prepared, STATE_DIR};
use crate::engine::compose::{self, Places, Seen};
use crate::engine::judge::Project;
use crate::engine::parts::StagedParts;
use crate::engine::programs;
use crate::engine::recover::WORK_DIR;
use crate::engine::workflow::{Bound, Node, What};
use crate::kind::program::description::Description;
use crate::kind::program::message::{JobInput, JobOutput, JobSort, Perform, Request};
use crate::storyfile::command::{Command, Invocation};
use crate::storyfile::scope::{Scope, is_named_by_user};
use crate::storyfile::story::{OutputSort, ProgramCall};
use crate::world::env::Environment;
use crate::world::process::Program;
use crate::world::strays::MARK;
use std::collections::BTreeSet;
use std::path::Path;

/// What an attempt runs.
#[derive(Clone, Copy)]
pub enum Errand<'a> {
    Command(&'a Command),
    Program {
        call: &'a ProgramCall,
        take: Take,
        /// What the program says of itself.
        said: &'a Description,
    },
}

impl Errand<'_> {
    /// Tells whether outputs are written to staging places; else the command writes the declared paths itself.
    pub fn is_staged(self) -> bool {
        match self {
            Errand::Command(command) => command.mentions_outputs(),
            Errand::Program { .. } => true,
        }
    }

    /// Tells whether the process is told where its inputs are.
    pub fn names_inputs(self) -> bool {
        match self {
            Errand::Command(command) => command.late().any(|late| late.mentions("inputs")),
            Errand::Program { .. } => true,
        }
    }

    /// Returns the process of a prepared attempt.
    pub fn program(
        self,
        node: &Node,
        project: &Project,
        prepared: &Prepared,
        environment: &Environment,
    ) -> Result<Program, Failure> {
        let inputs: Vec<&Bound> = node.inputs.iter().filter(|input| project.is_present(input)).collect();
        let (staging, parts) = (format!("{STATE_DIR}/{WORK_DIR}/{}/out", prepared.number), &prepared.parts);
        let places = Places {
            outputs: &|output| format!("{staging}/{}", output.path),
            parts: &|input| parts.get(&input.what_text()).map(|part| part.place.clone()),
        };
        let mut scope = compose::scope(&project.story, &node.action, &inputs, &places);
        let reads_content = match self {
            Errand::Command(command) => command.reads_content(),
            Errand::Program { call, .. } => !call.with.late_names().is_empty(),
        };
        if reads_content {
            compose::fill(&mut scope, &mut |file| match parts.get(&file.named()) {
                Some(part) => Ok(Some(Seen::part(part.content.clone()))),
                None => project.workspace.content(file),
            })?;
        }
        let mut env = environment.for_child(&project.story.secrets());
        env.extend(node.action.env.clone());
        for name in &node.action.pass {
            if let Some(value) = environment.look_up(name) {
                env.insert(name.clone(), value.to_owned());
            }
        }
        env.insert(MARK.to_owned(), mark(environment.get(MARK), &project.workspace.root, node.action.id.as_str()));
        let root = &project.workspace.root;
        let command = match self {
            Errand::Command(command) => command,
            Errand::Program { call, take, said } => {
                let job = Job { node, project, staging: &staging, parts, call, said, take }.told(&scope)?;
                return Ok(programs::program(&call.path, root, &Request::Perform(Box::new(job)), env));
            }
        };
        let argv = match command.render(&scope)? {
            Invocation::Direct(argv) => argv,
            Invocation::Shell { mut program, script } => {
                program.push(script);
                program
            }
        };
        Ok(Program { argv, current_dir: project.home_of(&node.action.home), env, request: None })
    }
}

/// What a program is to do.
struct Job<'a> {
    node: &'a Node,
    project: &'a Project,
    staging: &'a str,
    parts: &'a StagedParts,
    call: &'a ProgramCall,
    said: &'a Description,
    take: Take,
}

impl Job<'_> {
    /// Returns it as the program is told. Settings that waited for files are held against its schema only now.
    fn told(self, scope: &Scope) -> Result<Perform, Failure> {
        let with = self.call.with.resolve(scope)?;
        if let Some(fault) = self.said.setting_faults(&with, &BTreeSet::new()).into_iter().next() {
            return Err(fault.into());
        }
        let action = &self.node.action;
        let outputs = action.outputs.iter().map(|output| JobOutput {
            slot: output.slot.clone(),
            path: format!("{}/{}", self.staging, output.path),
            declared: output.path.to_string(),
            sort: match output.sort {
                OutputSort::File => JobSort::File,
                OutputSort::Tree => JobSort::Folder,
            },
        });
        Ok(Perform {
            protocol: self.said.protocol,
            stage: action.id.to_string(),
            take: self.take,
            with,
            inputs: self.inputs(),
            outputs: outputs.collect(),
        })
    }

    /// Returns the files of each role, a part of a file as the file of its own that holds it.
    fn inputs(&self) -> Vec<JobInput> {
        let bound = &self.node.inputs;
        let needs = bound.iter().map(|input| &input.role).filter(|role| role.starts_with("needs."));
        let declared = self.node.action.inputs.iter().map(|input| &input.role).filter(|role| is_named_by_user(role));
        let mut inputs: Vec<JobInput> = Vec::new();
        for role in declared.chain(needs) {
            if inputs.iter().any(|input| input.role == *role) {
                continue;
            }
            let files = bound.iter().filter(|input| input.role == *role && self.project.is_present(input));
            let paths = files.filter_map(|input| match &input.what {
                What::File(path) | What::Tree(path) => Some(path.to_string()),
                What::Part(..) => self.parts.get(&input.what_text()).map(|part| part.place.clone()),
                What::Verdict(_) => None,
            });
            inputs.push(JobInput { role: role.clone(), paths: paths.collect() });
        }
        inputs
    }
}

/// Marks the processes of an action: the same in every build, so that a command which prints its environment prints the
/// same again.
pub(super) fn mark(outer: Option<&str>, root: &Path, name: &str) -> String {
    let digest = Digest::hasher().field(root.display().to_string().as_bytes()).field(name.as_bytes()).finish();
    let own = &digest.to_string()[..16];
    outer.map_or(own.to_owned(), |outer| format!("{outer}:{own}"))
}
