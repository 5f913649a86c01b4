//! The messages of the protocol, version 1: one JSON object a line.
//!
//! Both sides say only what the version that they agreed on has: an unknown field is a slip, and is told.

use crate::base::id::Take;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The versions of the protocol that this program speaks.
pub const PROTOCOLS: &[u32] = &[1];

/// The longest line that a program may say, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// What a program is asked.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Request<'a> {
    /// What do you take?
    Describe {
        /// Those that storygen speaks: the answer names one of them.
        protocols: &'a [u32],
        storygen: &'a str,
    },
    /// Make these outputs.
    Perform(Box<Perform>),
}

/// A job as a program sees it. Paths are relative to the Storyfile's folder, where it starts.
#[derive(Clone, Debug, Serialize)]
pub struct Perform {
    pub protocol: u32,
    /// The name of the stage's instance: `page:en`.
    pub stage: String,
    /// The number of the result: another one is wanted under another number.
    pub take: Take,
    pub with: Value,
    pub inputs: Vec<JobInput>,
    pub outputs: Vec<JobOutput>,
}

/// One of the stage's inputs: a file, a folder, or the files of a pattern in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobInput {
    /// Its name or index; `needs.STAGE` for what a needed stage made.
    pub role: String,
    /// Empty for one that may be missing, and is.
    pub paths: Vec<String>,
}

/// One of the stage's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobOutput {
    /// Its name or index.
    pub slot: String,
    /// Where it is to be written: the folder above it stands, a folder that is the output stands itself.
    pub path: String,
    /// Where it comes to stand once all went well.
    pub declared: String,
    pub sort: JobSort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobSort {
    File,
    Folder,
}

/// What a program says while it performs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Answer {
    /// How far it is.
    Progress {
        done: u64,
        total: u64,
        /// What the parts are: `pages`.
        #[serde(default)]
        note: String,
    },
    /// Something for the log.
    Log {
        message: String,
        #[serde(default)]
        level: Level,
    },
    /// All outputs are written.
    Result {
        /// What it found, for a stage without outputs.
        #[serde(default)]
        verdict: Option<Value>,
        /// Who made it, for provenance: a model's name.
        #[serde(default)]
        made_by: Option<String>,
    },
    /// It cannot be done.
    Error {
        message: String,
        #[serde(default)]
        hint: Option<String>,
        /// Whether the same may go well another time.
        #[serde(default)]
        retryable: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Info,
    /// Shown to the person as well.
    Warning,
}

impl Request<'_> {
    /// Returns the word that is the program's argument.
    pub fn word(&self) -> &'static str {
        match self {
            Request::Describe { .. } => "describe",
            Request::Perform(_) => "perform",
        }
    }

    /// Returns the request as it is sent.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a request is plain data");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_one_line_each() {
        let describe = Request::Describe { protocols: PROTOCOLS, storygen: "0.1.0" };
        assert_eq!(
            String::from_utf8(describe.line()).unwrap(),
            "{\"type\":\"describe\",\"protocols\":[1],\"storygen\":\"0.1.0\"}\n"
        );
        let job = Perform {
            protocol: 1,
            stage: "page".into(),
            take: 2,
            with: json!({"title": "a\nb"}),
            inputs: vec![JobInput { role: "0".into(), paths: vec!["a.md".into()] }],
            outputs: vec![JobOutput {
                slot: "0".into(),
                path: "w/a.html".into(),
                declared: "a.html".into(),
                sort: JobSort::File,
            }],
        };
        let line = String::from_utf8(Request::Perform(Box::new(job)).line()).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(
            (&said["type"], &said["take"], &said["with"]["title"]),
            (&json!("perform"), &json!(2), &json!("a\nb"))
        );
        assert_eq!(said["outputs"][0]["sort"], "file");
    }

    #[test]
    fn answers_have_their_fields_and_no_others() {
        let read = |text: &str| serde_json::from_str::<Answer>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"type":"result"}"#), Ok(Answer::Result { verdict: None, made_by: None }));
        assert!(read(r#"{"type":"result","verdikt":1}"#).unwrap_err().contains("unknown field `verdikt`"));
        assert!(read(r#"{"type":"finish"}"#).unwrap_err().contains("unknown variant `finish`"));
        assert!(read(r#"{"type":"progress","done":1}"#).unwrap_err().contains("missing field `total`"));
    }
}
