//! `storygen build --batch`: a story for each row of a table. Rows are built some at a time, so that a table may have as
//! many as it likes, by one project that goes on from rows to rows.

mod tally;
mod windows;

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::cli::args::build::BuildArgs;
use crate::cli::clearance::clear;
use crate::cli::commands::build::{
    ask_programs, dry_run_detail, hold, is_whole, may_be_quiet, refusal, request, runtime, set_budgets,
};
use crate::cli::commands::estimate;
use crate::cli::commands::record::Recording;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::rows::Stories;
use crate::cli::session::Found;
use crate::cli::survey::{Survey, survey};
use crate::cli::table::Table;
use crate::cli::views::views;
use crate::engine::command::STATE_DIR;
use crate::engine::drive;
use crate::engine::hooks::close_run;
use crate::engine::open::{Access, LockPolicy, Opened, close};
use crate::engine::options::Options;
use crate::engine::plan::foresee;
use crate::engine::quiet::{QuietBasis, Watch, is_quiet, ripen};
use crate::engine::recover::recover;
use crate::engine::select::Wish;
use crate::engine::settle::Stamp;
use crate::engine::summary::Summary;
use crate::event::kind::{Event, Outcome, WIRE_VERSION};
use crate::event::sink::{Fanout, Sink};
use crate::report::jsonl::JsonLines;
use crate::report::rows::{RowEnd, RowTotals, json};
use crate::report::status::{Totals, lines};
use crate::report::view::PlanView;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use windows::{Window, Windows};

/// How many rows are built together: enough to keep every job busy, few enough to be held.
const WINDOW: usize = 64;

/// How long after a file is written it may be written again unseen, where the file system's stamps are fine.
const TICK: Duration = Duration::from_millis(25);

/// Runs the command and returns its exit code.
pub fn run(
    context: &Context,
    args: &BuildArgs,
    found: &Found,
    inputs: &Inputs,
    table: &Table,
    wish: &Wish,
) -> Result<u8, CliError> {
    if args.dry_run {
        return dry_run(context, args, &Stories::open(found, inputs, table)?, wish);
    }
    if args.estimate {
        let stories = Stories::open(found, inputs, table)?;
        return estimate::rows(context, args, &stories, &look_through(context, args, &stories, wish)?, wish);
    }
    let recording = Recording::of(context, args, found)?;
    let request = request(found, inputs, args)?;
    // The result in JSON has an entry for each row: for that all are looked at.
    if may_be_quiet(args, wish)
        && !args.json
        && let Some(quiet) = is_quiet(&context.world, &found.root, &request)
    {
        context.up_to_date(quiet.actions, quiet.edited, quiet.skipped, args.into());
        if !args.quiet {
            RowTotals::up_to_date(quiet.rows).lines().iter().for_each(|line| context.say(line));
        }
        return Ok(0);
    }
    let stories = &Stories::open(found, inputs, table)?;
    let shown = context.sink(args.into());
    let state = stories.found.root.join(STATE_DIR);
    let _lock = hold(context, &state, &*shown)?;
    let stamp = Stamp::now(&context.world);
    let survey = look_through(context, args, stories, wish)?;
    estimate::consent_to_rows(context, args, stories, &survey, wish)?;
    let rows = stories.table.rows()?;
    let mut windows = Windows { stories, survey: &survey, wish, rows, number: 0, opened: None, access: Access::Write };
    let (storyfile, rows) = (found.name.clone(), survey.rows as usize);
    let basis = QuietBasis { request, storyfile, rows, watch: Watch::default() };
    let mut batch = Batch::begin(context, args, &stamp, shown, &survey, basis, recording)?;
    let mut result = Ok(());
    while let Some(window) = windows.next().transpose() {
        result = window.and_then(|window| batch.build(window, &mut windows));
        if result.is_err() || batch.is_over() {
            break;
        }
    }
    batch.totals.add_unseen((survey.rows - windows.number) as usize);
    // Whatever happened, what is finished is written down.
    if result.is_err() {
        batch.basis = None;
    }
    let closed = windows.opened.as_mut().map(|opened| batch.close(opened));
    result?;
    closed.transpose()?;
    batch.end(windows.opened.as_ref())
}

/// Looks through the table; what is wrong with single rows is told, and ends it unless what is right is to go on.
fn look_through(context: &Context, args: &BuildArgs, stories: &Stories, wish: &Wish) -> Result<Survey, CliError> {
    let names = [&wish.targets, &wish.force, &wish.only, &wish.discard_edits].into_iter().flatten().chain(&wish.from);
    let survey = survey(stories, &names.cloned().collect::<Vec<_>>())?;
    context.warn(stories.sources(), &survey.warnings);
    if !args.keep_going {
        survey.refuse(stories)?;
    }
    context.warn(stories.sources(), &survey.faults());
    Ok(survey)
}

/// A batch under way.
struct Batch<'a> {
    context: &'a Context,
    args: &'a BuildArgs,
    stamp: &'a Stamp,
    options: Options,
    runtime: tokio::runtime::Runtime,
    /// Those who are told from the start.
    sink: Arc<dyn Sink>,
    tally: Arc<Tally>,
    /// The run's own record, once there is anything to record.
    record: Option<Arc<dyn Sink>>,
    begun: Event,
    is_begun: bool,
    started: std::time::Duration,
    summary: Summary,
    /// With what the rows looked at so far; `None` if the next batch has to look for itself.
    basis: Option<QuietBasis>,
    any_wrong: bool,
    totals: RowTotals,
    /// Every row's end, for `--json`.
    ends: Vec<RowEnd>,
    recording: Option<Recording>,
}

impl<'a> Batch<'a> {
    fn begin(
        context: &'a Context,
        args: &'a BuildArgs,
        stamp: &'a Stamp,
        shown: Arc<dyn Sink>,
        survey: &Survey,
        basis: QuietBasis,
        recording: Option<Recording>,
    ) -> Result<Batch<'a>, CliError> {
        let tally = Arc::new(Tally::default());
        let mut sinks: Vec<Arc<dyn Sink>> = vec![shown.clone(), tally.clone()];
        match args.events.as_deref() {
            Some(events) if events == Path::new("-") => {
                sinks.push(Arc::new(JsonLines::new(Box::new(context.answers.clone()), "standard output", shown)));
            }
            Some(events) => {
                let place = context.dir.join(events);
                sinks.push(Arc::new(JsonLines::new(context.writer(&place)?, place.display().to_string(), shown)));
            }
            None => {}
        }
        let begun = Event::RunStarted {
            version: WIRE_VERSION,
            run: stamp.run.clone(),
            storygen: env!("CARGO_PKG_VERSION").into(),
            targets: args.targets.clone(),
            actions: survey.actions,
        };
        Ok(Batch {
            context,
            args,
            stamp,
            options: Options::of(args, context),
            runtime: runtime()?,
            sink: Arc::new(Fanout::new(sinks)),
            tally,
            record: None,
            begun,
            is_begun: false,
            started: context.world.clock.elapsed(),
            summary: Summary::default(),
            basis: is_whole(args).then_some(basis),
            any_wrong: false,
            totals: RowTotals::default(),
            ends: Vec::new(),
            recording,
        })
    }

    /// Builds the rows of a window.
    fn build(&mut self, window: Window, windows: &mut Windows) -> Result<(), CliError> {
        let Window { rows, wrong, faults, wish } = window;
        if !faults.is_empty() && !self.args.keep_going {
            return Err(windows.fault(faults));
        }
        self.context.warn(windows.stories.sources(), &faults);
        if let (Some(wish), Some(opened)) = (wish, &mut windows.opened) {
            self.drive(opened, &wish)?;
        }
        let mut ends = self.tally.take();
        // Rows of which nothing was asked for are not told.
        let ended = rows.iter().filter_map(|row| ends.remove(&row.id));
        let wrong: Vec<RowEnd> = wrong.iter().map(|row| RowEnd::wrong(&*row.id)).collect();
        self.any_wrong |= !wrong.is_empty();
        for end in ended.chain(wrong) {
            self.totals.add(&end);
            if self.args.json {
                self.ends.push(end);
            }
        }
        Ok(())
    }

    fn drive(&mut self, opened: &mut Opened, wish: &Wish) -> Result<(), CliError> {
        let state = opened.project.workspace.root.join(STATE_DIR);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if is_first {
            recover(&mut opened.project, &state, &*self.sink)?;
        }
        if let Some(stop) = ask_programs(self.context, self.args, opened, wish)? {
            self.summary.stopped = Some(stop);
            return Ok(());
        }
        let (selection, plan) = foresee(&mut opened.project, wish)?;
        if self.args.locked
            && let Some(refusal) = refusal(opened, &selection, &plan)
        {
            return Err(refusal);
        }
        clear(self.context, self.args, opened, &plan.may_run())?;
        if is_first {
            set_budgets(self.context, self.args, &opened.project, &selection)?;
            self.sink.send(&self.begun);
        }
        if !plan.is_quiet() && self.record.is_none() {
            self.record = Some(self.recorder(&state)?);
        }
        let sinks = [Some(self.sink.clone()), self.record.clone()].into_iter().flatten().collect();
        let built = self.runtime.block_on(drive::build(
            &mut opened.project,
            self.context.world.clone(),
            &self.options,
            wish,
            selection,
            &plan,
            is_first.then_some(&self.begun),
            Arc::new(Fanout::new(sinks)),
            self.stamp.clone(),
        ))?;
        if let Some(recording) = &mut self.recording {
            recording.refuse_played(&opened.project)?;
            let (project, actions) = (&mut opened.project, &built.selection.actions);
            self.runtime.block_on(recording.hear(project, &self.context.world, &self.options, actions))?;
        }
        self.summary.add(built.summary);
        if let Some(basis) = &mut self.basis {
            basis.watch.add(&opened.project, &built.selection.actions);
        }
        Ok(())
    }

    /// Writes down what stands; and, where all is right, what keeps the next batch quiet.
    fn close(&mut self, opened: &mut Opened) -> Result<(), CliError> {
        let lock = if self.args.locked { LockPolicy::Leave } else { LockPolicy::Update };
        let is_right = self.exit() == 0;
        let basis = self.basis.take().filter(|_| is_right);
        // Looking at all rows again costs more than waiting until nothing can change unseen any more.
        if let (Some(_), Some(_)) = (&basis, &self.record) {
            self.runtime.block_on(async { tokio::time::sleep(TICK).await });
            ripen(opened)?;
        }
        Ok(close(opened, &self.context.world, lock, basis)?)
    }

    fn recorder(&self, state: &Path) -> Result<Arc<dyn Sink>, CliError> {
        let runs = state.join("runs");
        self.context.world.disk.create_dirs(&runs).map_err(|error| CliError::write(&runs, &error))?;
        let place = runs.join(format!("{}.jsonl", self.stamp.run));
        let record = JsonLines::new(self.context.writer(&place)?, place.display().to_string(), self.sink.clone());
        record.send(&self.begun);
        Ok(Arc::new(record))
    }

    /// Tells whether no more rows are begun.
    fn is_over(&self) -> bool {
        let is_failed = self.summary.failed && !self.args.keep_going;
        is_failed || self.summary.stopped.is_some() || self.summary.counts.contains_key(&Outcome::NotStarted)
    }

    /// The worst of the rows; a stage that failed goes before a row that is wrong.
    fn exit(&self) -> u8 {
        match self.summary.exit_code() {
            0 | 3 if self.any_wrong => 2,
            exit => exit,
        }
    }

    /// Tells everybody how it ended.
    fn end(mut self, opened: Option<&Opened>) -> Result<u8, CliError> {
        let took = self.context.world.clock.elapsed().saturating_sub(self.started);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let sinks = [Some(self.sink.clone()), self.record.clone()].into_iter().flatten().collect();
        let sink: Arc<dyn Sink> = Arc::new(Fanout::new(sinks));
        let (counts, spend) = (self.summary.counts.clone(), self.summary.spend.clone());
        let ended = |exit| Event::RunFinished { counts: counts.clone(), took_ms, exit, spend: spend.clone() };
        if let (true, Some(opened)) = (self.is_begun, opened) {
            let (end, run) = (ended(self.exit()), &self.stamp.run);
            let told = close_run(&opened.project, &self.context.world, &self.options, run, &end, sink.clone());
            self.summary.failed |= self.runtime.block_on(told)?;
            sink.send(&ended(self.exit()));
        }
        let recorded = self.recording.take().map(|recording| recording.write(self.context)).transpose()?;
        let exit = self.exit().max(recorded.unwrap_or(0));
        if !self.args.quiet || exit != 0 {
            self.totals.lines().iter().for_each(|line| self.context.say(line));
        }
        if self.args.json {
            self.context.answer(&json(&self.ends, &counts, took_ms, exit));
        }
        Ok(exit)
    }
}

fn dry_run(context: &Context, args: &BuildArgs, stories: &Stories, wish: &Wish) -> Result<u8, CliError> {
    let survey = look_through(context, args, stories, wish)?;
    let (mut totals, mut all) = (Totals::default(), Vec::new());
    let any_wrong = each_window(context, args, stories, &survey, wish, &mut |opened, wish| {
        let (_, plan) = foresee(&mut opened.project, wish)?;
        let mut views = views(&opened.project, &plan);
        totals.add(&views);
        match args.json {
            true => all.append(&mut views),
            false => context.answer(&lines(&views, dry_run_detail(args), &context.look_out())),
        }
        Ok(())
    })?;
    match args.json {
        true => context.answer(&PlanView::of(&all).json()),
        false => context.answer(&totals.closing_dry_run(&context.look_out())),
    }
    Ok(if any_wrong { 2 } else { 0 })
}

/// Looks at all rows, some at a time, and changes nothing; tells whether some of them cannot be built.
pub fn each_window(
    context: &Context,
    args: &BuildArgs,
    stories: &Stories,
    survey: &Survey,
    wish: &Wish,
    look: &mut dyn FnMut(&mut Opened, &Wish) -> Result<(), CliError>,
) -> Result<bool, CliError> {
    let rows = stories.table.rows()?;
    let mut windows = Windows { stories, survey, wish, rows, number: 0, opened: None, access: Access::Read };
    let mut any_wrong = false;
    while let Some(window) = windows.next()? {
        let is_error = |fault: &Diagnostic| fault.severity == Severity::Error;
        if window.faults.iter().any(is_error) && !args.keep_going {
            return Err(windows.fault(window.faults));
        }
        context.warn(stories.sources(), &window.faults);
        any_wrong |= !window.wrong.is_empty();
        if let (Some(wish), Some(opened)) = (window.wish, &mut windows.opened) {
            look(opened, &wish)?;
        }
    }
    Ok(any_wrong)
}
