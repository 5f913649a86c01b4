//! The log of the inner workings, for those who look for a fault: on standard error, off unless asked for.

use crate::cli::args::{Args, Command, LogFormat};
use crate::world::World;
use std::io;
use tracing_subscriber::EnvFilter;

/// Who else would write to the log: what they say of connections is not ours to vouch for.
const SILENT: [&str; 7] = ["h2", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tower"];

/// Starts the log if `-vv` or `STORYGEN_LOG` asks for it. Secrets never reach it: nothing logs a value of the environment.
pub fn start(args: &Args, world: &World) {
    let asked = world.env.get("STORYGEN_LOG").filter(|filter| !filter.is_empty());
    let very_verbose = matches!(&args.command, Command::Build(build) if build.verbose > 1);
    let filter = match (asked, very_verbose) {
        (Some(filter), _) => filter,
        (None, true) => "storygen=debug",
        (None, false) => return,
    };
    let silent: String = SILENT.iter().map(|name| format!(",{name}=off")).collect();
    let filter = format!("{filter}{silent}");
    // An embedder may have set up a log of its own; then ours stays away.
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr);
    let _ = match args.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
