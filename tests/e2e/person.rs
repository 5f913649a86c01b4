//! A person at a terminal: a command on a real pseudo-terminal, read and answered.

use crate::space::Space;
use pty_process::blocking::{Command, Pty, open};
use std::io::{Read, Write};
use std::process::{Child, ExitStatus};

/// A person at a terminal on which a command runs.
pub struct Person {
    pty: Pty,
    child: Child,
    /// All that was shown, and how much of it the person has read.
    shown: String,
    read: usize,
}

impl Person {
    /// `None` where the machine gives no terminals.
    pub fn runs(space: &Space, args: &[&str]) -> Option<Person> {
        let (pty, pts) = match open() {
            Ok(pair) => pair,
            Err(error) => {
                eprintln!("skipped: no pseudo-terminal here ({error})");
                return None;
            }
        };
        let like = space.command(&[]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_storygen")).args(args).current_dir(space.root()).env_clear();
        for (name, value) in like.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        Some(Person { pty, child, shown: String::new(), read: 0 })
    }

    /// Reads on until these words come.
    pub fn sees(&mut self, words: &str) -> &mut Person {
        loop {
            if let Some(at) = self.shown[self.read..].find(words) {
                self.read += at + words.len();
                return self;
            }
            assert!(self.reads_more(), "`{words}` never came:\n{}", self.shown);
        }
    }

    fn reads_more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux calls it an error where other systems call it the end.
        let count = self.pty.read(&mut bytes).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]).replace("\r\n", "\n"));
        count > 0
    }

    pub fn types(&mut self, keys: &str) -> &mut Person {
        self.pty.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Reads to the end.
    pub fn ends(mut self) -> (ExitStatus, String) {
        while self.reads_more() {}
        (self.child.wait().unwrap(), self.shown)
    }
}
