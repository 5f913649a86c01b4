//! What a pull tells while it goes on, for a progress bar or plain lines.

use std::path::PathBuf;

/// A fact about a pull, in the order they happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullEvent {
    /// Another process pulls the same model: this one waits for it.
    Waiting { model: &'static str, holder: String },
    /// A source has it not or cannot be reached; the next one is tried. Worth a line with `-v` only.
    Skipped { model: &'static str, from: String, why: String },
    /// A file of the installed model is not what it must be: all of it is pulled anew.
    Damaged { model: &'static str, what: String },
    /// Bytes begin to come.
    Started {
        model: &'static str,
        title: &'static str,
        from: String,
        /// What will be downloaded or read, in bytes.
        bytes: u64,
        licence: &'static str,
    },
    /// So many bytes of the total are here; the first may be more than 0 where an earlier pull was cut.
    Progress { model: &'static str, done: u64, total: u64 },
    /// The hashes are being checked.
    Verifying { model: &'static str },
    /// The file that runs fast is being made, once.
    Deriving { model: &'static str, file: &'static str },
    /// All is in place.
    Installed { model: &'static str, dir: PathBuf },
}
