//! `storygen build`: makes what is out of date, and nothing else.

use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::money::{Budget, Currency, Money, Period};
use crate::cli::args::build::BuildArgs;
use crate::cli::ask::ask_for_params;
use crate::cli::clearance::clear;
use crate::cli::commands::batch;
use crate::cli::commands::estimate;
use crate::cli::commands::record::Recording;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::{Inputs, Reach};
use crate::cli::session::{Found, find, open_project, request_digest};
use crate::cli::table::Table;
use crate::cli::views::views;
use crate::engine::command::STATE_DIR;
use crate::engine::drive::{self, Built};
use crate::engine::error::EngineError;
use crate::engine::fund::{check_priced, fund};
use crate::engine::hooks::{close_run, hear_of_nothing};
use crate::engine::judge::Project;
use crate::engine::open::{Access, LockPolicy, Opened, close};
use crate::engine::options::{OnFailure, Options};
use crate::engine::plan::{Plan, Selection, choose, foresee};
use crate::engine::programs::{ask, is_to_ask};
use crate::engine::quiet::{QuietBasis, Watch, is_quiet};
use crate::engine::recover::{make_usable, recover};
use crate::engine::select::Wish;
use crate::engine::settle::Stamp;
use crate::engine::summary::Summary;
use crate::event::kind::{Event, WIRE_VERSION};
use crate::event::sink::{Fanout, Recorder, Sink};
use crate::provider::weights::PullPolicy;
use crate::report::jsonl::JsonLines;
use crate::report::result;
use crate::report::status::{Detail, render_dry_run};
use crate::report::view::PlanView;
use crate::store::make_way;
use crate::world::lock::{Held, Tried, try_exclusive, wait_exclusive};
use crate::world::signals::{Stop, check_handles};
use std::path::Path;
use std::sync::Arc;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &BuildArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    if args.json && args.events.as_deref() == Some(Path::new("-")) {
        return Err(CliError::usage("`--events -` and `--json` both write to standard output"));
    }
    let wish = wish(&found, args);
    let mut inputs = Inputs {
        pull: pull(args),
        reach: reach(args),
        on_pull: context.on_pull(),
        ..Inputs::of(context, &found, &args.given)?
    };
    if args.interactive {
        ask_for_params(&found, &mut inputs)?;
    }
    let context = &context.within(&inputs.world);
    if let Some(table) = &inputs.batch {
        return batch::run(context, args, &found, &inputs, table, &wish);
    }
    if args.dry_run {
        return dry_run(context, &found, &wish, &inputs, args);
    }
    if args.estimate {
        return estimate::run(context, &found, &wish, &inputs, args);
    }
    let recording = Recording::of(context, args, &found)?;
    let request = request(&found, &inputs, args)?;
    if may_be_quiet(args, &wish)
        && let Some(quiet) = is_quiet(&context.world, &found.root, &request)
    {
        context.up_to_date(quiet.actions, quiet.edited, quiet.skipped, args.into());
        if args.json {
            context.answer(&result::of_nothing(quiet.actions, quiet.skipped));
        }
        return Ok(0);
    }
    let recorder = Arc::new(Recorder::default());
    let sink: Arc<dyn Sink> = match args.json {
        true => Arc::new(Fanout::new(vec![context.sink(args.into()), recorder.clone()])),
        false => context.sink(args.into()),
    };
    let state = found.root.join(STATE_DIR);
    let _lock = match hold(context, &state, &*sink) {
        Err(CliError::ReadOnly { what, source }) => {
            let refusal = CliError::ReadOnly { what, source };
            return look_only(context, &found, &wish, &inputs, args).and_then(|done| done.ok_or(refusal));
        }
        held => held?,
    };
    let stamp = Stamp::now(&context.world);
    // Loaded only now: a build that waited must see what the one before it left.
    let mut opened = open_project(&found, &inputs, Access::Write)?;
    context.warn(&opened.sources, &opened.warnings);
    recover(&mut opened.project, &state, &*sink)?;
    if let Some(stop) = ask_programs(context, args, &mut opened, &wish)? {
        return Ok(stop.exit_code());
    }
    let (selection, plan) = foresee(&mut opened.project, &wish)?;
    if args.locked
        && let Some(refusal) = refusal(&opened, &selection, &plan)
    {
        return Err(refusal);
    }
    clear(context, args, &opened, &plan.may_run())?;
    estimate::consent(context, args, &opened.project, &plan)?;
    let quiet = QuietBasis { request, storyfile: found.name.clone(), rows: 0, watch: Watch::default() };
    let exit = perform(context, args, &mut opened, &wish, selection, &plan, sink, stamp, quiet, recording)?;
    if args.json {
        context.answer(&result::of_events(&recorder.events()));
    }
    Ok(exit)
}

/// Finds in a repo where nothing may be written that there is nothing to do; `None` if there is.
fn look_only(
    context: &Context,
    found: &Found,
    wish: &Wish,
    inputs: &Inputs,
    args: &BuildArgs,
) -> Result<Option<u8>, CliError> {
    let attempts = context.world.disk.stat(&found.root.join(STATE_DIR).join("attempts")).map_or(0, |stat| stat.size);
    let mut opened = open_project(found, inputs, Access::Read)?;
    let (selection, plan) = foresee(&mut opened.project, wish)?;
    if args.locked
        && let Some(refusal) = refusal(&opened, &selection, &plan)
    {
        return Err(refusal);
    }
    // What a killed run left open would have to be rolled back first.
    if attempts > 0 || !plan.is_quiet() {
        return Ok(None);
    }
    context.warn(&opened.sources, &opened.warnings);
    let edited = plan.steps.iter().map(|step| step.edits()).sum();
    context.up_to_date(plan.steps.len(), edited, plan.skipped(), args.into());
    if args.json {
        context.answer(&result::of_nothing(plan.steps.len(), plan.skipped()));
    }
    Ok(Some(0))
}

#[expect(clippy::too_many_arguments, reason = "the one place where all that a build needs comes together")]
fn perform(
    context: &Context,
    args: &BuildArgs,
    opened: &mut Opened,
    wish: &Wish,
    selection: Selection,
    plan: &Plan,
    sink: Arc<dyn Sink>,
    stamp: Stamp,
    mut quiet: QuietBasis,
    mut recording: Option<Recording>,
) -> Result<u8, CliError> {
    recording.iter().try_for_each(|recording| recording.refuse_played(&opened.project))?;
    let started = context.world.clock.elapsed();
    let sink = with_records(context, args, opened, plan, &stamp, sink)?;
    let begun = Event::RunStarted {
        version: WIRE_VERSION,
        run: stamp.run.clone(),
        storygen: env!("CARGO_PKG_VERSION").into(),
        targets: args.targets.clone(),
        actions: plan.steps.len(),
    };
    sink.send(&begun);
    let options = Options::of(args, context);
    let runtime = runtime()?;
    set_budgets(context, args, &opened.project, &selection)?;
    let built = runtime.block_on(drive::build(
        &mut opened.project,
        context.world.clone(),
        &options,
        wish,
        selection,
        plan,
        Some(&begun),
        sink.clone(),
        stamp.clone(),
    ));
    if let (Some(recording), Ok(built)) = (&mut recording, &built) {
        let heard = recording.hear(&mut opened.project, &context.world, &options, &built.selection.actions);
        runtime.block_on(heard)?;
    }
    // Whatever happened, what is finished is written down.
    let lock = if args.locked { LockPolicy::Leave } else { LockPolicy::Update };
    let is_done = |built: &&Built| built.summary.exit_code() == 0;
    let basis = built.as_ref().ok().filter(|built| is_done(built) && is_whole(args)).map(|built| {
        quiet.watch.add(&opened.project, &built.selection.actions);
        quiet
    });
    let closed = close(opened, &context.world, lock, basis);
    let Built { summary, .. } = built?;
    closed?;
    let took = context.world.clock.elapsed().saturating_sub(started);
    let mut exit = summary.exit_code();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let ended = |exit| {
        let Summary { counts, spend, .. } = summary.clone();
        Event::RunFinished { counts, took_ms, exit, spend }
    };
    let end = ended(exit);
    let told = close_run(&opened.project, &context.world, &options, &stamp.run, &end, sink.clone());
    if runtime.block_on(told)? && exit == 0 {
        exit = 1;
    }
    sink.send(&ended(exit));
    if let Some(recording) = recording {
        exit = exit.max(recording.write(context)?);
    }
    Ok(exit)
}

/// Sets the budgets of the run.
pub fn set_budgets(
    context: &Context,
    args: &BuildArgs,
    project: &Project,
    selection: &Selection,
) -> Result<(), CliError> {
    let own = args.budget.as_deref().map(|text| own_budget(project, text)).transpose()?;
    if let Some(budget) = own {
        check_priced(project, budget, &selection.actions)
            .map_err(|Failure { message, hint, .. }| CliError::Usage { message, hint })?;
    }
    fund(project, own, &context.world.clock.now().to_string());
    Ok(())
}

/// Reads the budget of a command line; without a currency it is in the file's, else in that of the first price.
fn own_budget(project: &Project, text: &str) -> Result<Budget, CliError> {
    let letters = text.find(|sign: char| sign.is_alphabetic() || sign.is_whitespace()).unwrap_or(text.len());
    let (number, name) = (&text[..letters], text[letters..].trim());
    let priced = || project.providers.apis.values().find_map(|api| api.price()?.currency());
    let currency = match name {
        "" => project.story.budget.map(|budget| budget.currency).or_else(priced).or_else(|| Currency::parse("usd")),
        name => Currency::parse(name),
    };
    match (Money::parse(number), currency) {
        (Some(amount), Some(currency)) => Ok(Budget { amount, currency, period: Period::Run }),
        _ => Err(CliError::Usage {
            message: format!("`--budget {text}` is no amount of money"),
            hint: Some("Write a number, and the currency if it is another than the prices': `5`, `0.50usd`.".into()),
        }),
    }
}

/// Tells whether a build may find at a glance that it has nothing to do.
pub fn may_be_quiet(args: &BuildArgs, wish: &Wish) -> bool {
    wish.force.is_empty() && wish.discard_edits.is_empty() && args.events.is_none() && args.record.is_none()
}

/// Tells whether a build looks at all that the next one would.
pub fn is_whole(args: &BuildArgs) -> bool {
    !args.locked && args.only.is_none() && args.from.is_none()
}

impl Options {
    /// Returns what the command line says.
    pub fn of(args: &BuildArgs, context: &Context) -> Options {
        Options {
            jobs: args.jobs.unwrap_or(context.world.env.cores),
            on_failure: if args.keep_going { OnFailure::KeepGoing } else { OnFailure::Stop },
            reaper: context.world.env.program.clone(),
        }
    }
}

/// Asks programs that stages use as kinds what they take, if they have not said it yet, and checks their settings by it.
/// Returns the signal if the person stopped it.
pub fn ask_programs(
    context: &Context,
    args: &BuildArgs,
    opened: &mut Opened,
    wish: &Wish,
) -> Result<Option<Stop>, CliError> {
    let all = (0..opened.project.workflow.nodes.len()).collect();
    if !is_to_ask(&opened.project, &all) {
        return Ok(None);
    }
    let selection = choose(&mut opened.project, wish)?;
    if !is_to_ask(&opened.project, &selection.actions) {
        return Ok(None);
    }
    // Nothing of the repo is run before its keys are cleared, and without its programs there is no plan.
    clear(context, args, opened, &selection.actions)?;
    let stop = runtime()?.block_on(ask(&mut opened.project, &selection.actions, &context.world))?;
    let project = &opened.project;
    let faults = project.programs.faults(project.workflow.nodes.iter().map(|node| &node.action));
    if faults.is_empty() {
        return Ok(stop);
    }
    Err(CliError::Faults { sources: opened.sources.clone(), faults })
}

/// Starts what a build works in.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    check_handles()
        .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
        .map_err(|error| CliError::Io { what: "failed to start the runtime".into(), source: error.to_string() })
}

/// Takes the repo's lock, saying for whom we wait.
pub fn hold(context: &Context, state: &Path, sink: &dyn Sink) -> Result<Held, CliError> {
    let disk = &context.world.disk;
    disk.create_private_dir(state).map_err(|error| CliError::write(state, &error))?;
    make_usable(&**disk, state)?;
    let place = state.join("lock");
    make_way(&**disk, state, &place).map_err(EngineError::from)?;
    let us =
        format!("process {}, since {}", context.world.env.process, context.world.clock.now().strftime("%H:%M:%S UTC"));
    match try_exclusive(&place, &us).map_err(|error| CliError::write(&place, &error))? {
        Tried::Held(held) => Ok(held),
        Tried::Busy(holder) => {
            sink.send(&Event::LockAwaited { holder });
            wait_exclusive(&place, &us).map_err(|error| CliError::write(&place, &error))
        }
    }
}

/// Adds the file of `--events`, and the run's own record if there is anything to record.
fn with_records(
    context: &Context,
    args: &BuildArgs,
    opened: &Opened,
    plan: &Plan,
    stamp: &Stamp,
    sink: Arc<dyn Sink>,
) -> Result<Arc<dyn Sink>, CliError> {
    let mut places = Vec::new();
    if !plan.is_quiet() || hear_of_nothing(&opened.project, plan.skipped()) {
        let runs = opened.project.workspace.root.join(STATE_DIR).join("runs");
        context.world.disk.create_dirs(&runs).map_err(|error| CliError::write(&runs, &error))?;
        places.push(runs.join(format!("{}.jsonl", stamp.run)));
    }
    let mut sinks = vec![sink.clone()];
    match args.events.as_deref() {
        Some(events) if events == Path::new("-") => {
            sinks.push(Arc::new(JsonLines::new(Box::new(context.answers.clone()), "standard output", sink.clone())));
        }
        events => places.extend(events.map(|events| context.dir.join(events))),
    }
    for place in places {
        let writer = context.writer(&place)?;
        sinks.push(Arc::new(JsonLines::new(writer, place.display().to_string(), sink.clone())));
    }
    Ok(Arc::new(Fanout::new(sinks)))
}

fn dry_run(context: &Context, found: &Found, wish: &Wish, inputs: &Inputs, args: &BuildArgs) -> Result<u8, CliError> {
    let mut opened = open_project(found, inputs, Access::Read)?;
    context.warn(&opened.sources, &opened.warnings);
    let (_, plan) = foresee(&mut opened.project, wish)?;
    let views = views(&opened.project, &plan);
    if args.json {
        context.answer(&PlanView::of(&views).json());
    } else {
        context.answer(&render_dry_run(&views, dry_run_detail(args), &context.look_out()));
    }
    Ok(0)
}

/// Returns what `--dry-run` shows one by one.
pub fn dry_run_detail(args: &BuildArgs) -> Detail {
    if args.verbose > 0 { Detail::All } else { Detail::Notable }
}

/// Says why `--locked` forbids this build; `None` if it changes nothing.
pub fn refusal(opened: &Opened, selection: &Selection, plan: &Plan) -> Option<CliError> {
    use crate::engine::judge::Judgement;
    use crate::engine::rebuild::Verdict;
    let project = &opened.project;
    let step = plan.steps.iter().find(|step| match &step.judgement {
        Judgement::Verdict { verdict: Verdict::Fresh(stands), key, .. } => {
            let line = project.lock.get(&project.line_name(step.action));
            line.is_none_or(|line| {
                line.key != Some(*key) || line.outputs != stands.outputs || line.edits != stands.edits
            })
        }
        Judgement::Verdict { verdict: Verdict::Restore(restore), key, .. } => {
            let line = project.lock.get(&project.line_name(step.action));
            line.is_none_or(|line| line.key != Some(*key) || line.outputs != restore.stands.outputs)
        }
        Judgement::Skipped(_) => false,
        _ => !plan.unneeded.contains(&step.action),
    });
    // A list that has changed is no result, and stands in the lock all the same.
    let lists =
        project.workflow.unfolded.keys().find(|fan| selection.actions.contains(fan) && !project.is_list_locked(**fan));
    let action = step.map(|step| step.action).or(lists.copied())?;
    let id = &project.node(action).action.id;
    Some(CliError::Locked {
        message: format!("`{id}` is not as `Storyfile.lock` says, and `--locked` changes nothing"),
    })
}

fn wish(found: &Found, args: &BuildArgs) -> Wish {
    let all = |names: &[String]| names.iter().map(|name| found.target(name)).collect::<Vec<_>>();
    Wish {
        targets: all(&args.targets),
        force: all(&args.force),
        from: args.from.as_ref().map(|name| found.target(name)),
        only: args.only.iter().map(|name| found.target(name)).collect(),
        discard_edits: all(&args.discard_edits),
    }
}

fn reach(args: &BuildArgs) -> Reach {
    if args.offline { Reach::Here } else { Reach::Anyone }
}

fn pull(args: &BuildArgs) -> PullPolicy {
    if args.offline {
        PullPolicy::NoPull("--offline")
    } else if args.no_pull {
        PullPolicy::NoPull("--no-pull")
    } else {
        PullPolicy::Pull
    }
}

/// Returns the digest of all that a build is asked and given, beside the Storyfile and what it reads.
pub fn request(found: &Found, inputs: &Inputs, args: &BuildArgs) -> Result<Digest, CliError> {
    let mut parts: Vec<&str> = vec!["targets"];
    let targets: Vec<String> = args.targets.iter().map(|target| found.target(target)).collect();
    parts.extend(targets.iter().map(String::as_str));
    parts.push("only");
    parts.extend(args.only.as_deref());
    parts.push("from");
    parts.extend(args.from.as_deref());
    parts.extend(inputs.words());
    let rows = inputs.batch.as_ref().map(Table::identity).transpose()?;
    parts.push("batch");
    parts.extend(rows.as_deref());
    Ok(request_digest(found, &parts))
}
