//! What a user gives to a Storyfile beside the file itself: the same for every command that reads it.

use clap::Args;
use std::path::PathBuf;

/// The values of parameters.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct GivenArgs {
    /// Set a parameter of the Storyfile; may be given several times
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, String)>,
    /// Take parameters from a YAML or JSON file of NAME: VALUE lines; -p goes before it
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<PathBuf>,
    /// Take parameters row by row from a table with a column `id` (csv, tsv, jsonl, json, yaml): one story for each row
    #[arg(long, value_name = "FILE")]
    pub batch: Option<PathBuf>,
    /// Lay a profile of the Storyfile over it; several from left to right [env: STORYGEN_PROFILE]
    #[arg(long = "profile", value_name = "NAME[,NAME…]")]
    pub profiles: Vec<String>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE, for example -p idea=\"the last bus\"".to_owned()),
    }
}
