//! What an attempt starts: a command with its words, or a program with its request.

use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::id::{ActionId, Take};
use crate::engine::command::STATE_DIR;
use crate::engine::compose;
use crate::engine::judge::Project;
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

    /// Returns the process of an attempt with this number.
    pub fn program(
        self,
        node: &Node,
        project: &Project,
        number: u64,
        environment: &Environment,
    ) -> Result<Program, Failure> {
        let inputs: Vec<&Bound> = node.inputs.iter().filter(|input| project.is_present(input)).collect();
        let staging = format!("{STATE_DIR}/{WORK_DIR}/{number}/out");
        let mut scope =
            compose::scope(&project.story, &node.action, &inputs, &|output| format!("{staging}/{}", output.path));
        let reads_content = match self {
            Errand::Command(command) => command.reads_content(),
            Errand::Program { call, .. } => !call.with.late_names().is_empty(),
        };
        if reads_content {
            compose::fill(&mut scope, &mut |path| project.workspace.content(path))?;
        }
        let mut env = environment.for_child();
        env.extend(node.action.env.clone());
        for name in &node.action.pass {
            if let Some(value) = environment.get(name) {
                env.insert(name.clone(), value.to_owned());
            }
        }
        env.insert(MARK.to_owned(), mark(environment.get(MARK), &project.workspace.root, &node.action.id));
        let root = &project.workspace.root;
        let command = match self {
            Errand::Command(command) => command,
            Errand::Program { call, take, said } => {
                let job = job(node, project, &staging, call, said, take, &scope)?;
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
        Ok(Program { argv, current_dir: root.clone(), env, request: None })
    }
}

/// Returns what a program is told to do. Settings that waited for files are held against its schema only now.
fn job(
    node: &Node,
    project: &Project,
    staging: &str,
    call: &ProgramCall,
    said: &Description,
    take: Take,
    scope: &Scope,
) -> Result<Perform, Failure> {
    let with = call.with.resolve(scope)?;
    if let Some(fault) = said.setting_faults(&with, &BTreeSet::new()).into_iter().next() {
        return Err(fault.into());
    }
    let needs = node.inputs.iter().map(|input| &input.role).filter(|role| role.starts_with("needs."));
    let declared = node.action.inputs.iter().map(|input| &input.role).filter(|role| is_named_by_user(role));
    let mut inputs: Vec<JobInput> = Vec::new();
    for role in declared.chain(needs) {
        if inputs.iter().any(|input| input.role == *role) {
            continue;
        }
        let files = node.inputs.iter().filter(|input| input.role == *role && project.is_present(input));
        let paths = files.filter_map(|input| match &input.what {
            What::File(path) | What::Tree(path) => Some(path.to_string()),
            What::Verdict(_) => None,
        });
        inputs.push(JobInput { role: role.clone(), paths: paths.collect() });
    }
    let outputs = node.action.outputs.iter().map(|output| JobOutput {
        slot: output.slot.clone(),
        path: format!("{staging}/{}", output.path),
        declared: output.path.to_string(),
        sort: match output.sort {
            OutputSort::File => JobSort::File,
            OutputSort::Tree => JobSort::Folder,
        },
    });
    Ok(Perform {
        protocol: said.protocol,
        stage: node.action.id.to_string(),
        take,
        with,
        inputs,
        outputs: outputs.collect(),
    })
}

/// Names the processes of an action: the same in every build, so that a command which prints its environment prints the
/// same again.
fn mark(outer: Option<&str>, root: &Path, id: &ActionId) -> String {
    let digest = Digest::hasher().field(root.display().to_string().as_bytes()).field(id.as_str().as_bytes()).finish();
    let own = &digest.to_string()[..16];
    outer.map_or(own.to_owned(), |outer| format!("{outer}:{own}"))
}
