//! `storygen cost`: what was paid, and what may have been charged without an answer. Looks only, and takes no lock.

use crate::cli::args::look_up::CostArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::find;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::report::cost::CostReport;
use crate::store::Store;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &CostArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let store = Store::open_existing(context.world.disk.clone(), found.root.join(STATE_DIR));
    let entries = store.map_err(EngineError::from)?.account();
    let report = CostReport::of(&entries, args.by.into(), args.since.as_deref());
    if args.json {
        context.answer(&report.json());
    } else if args.csv {
        context.answer(&report.csv());
    } else if report.is_empty() {
        context.say("nothing was paid for");
    } else {
        context.answer(&report.table());
    }
    if !args.json && !args.csv {
        match report.free() {
            0 => {}
            1 => context.say("1 call was free"),
            count => context.say(&format!("{count} calls were free")),
        }
    }
    Ok(0)
}
