//! The repos that are tormented, and the states of them that a build may be hit in.

use crate::repo::Repo;
use crate::strace;
use std::fs;

/// An in-place command, a staged one with a large output, a folder, a reader of a glob, a slow one, and one whose output
/// a person edits.
const STAGES: &str = r#"storygen: 1
stages:
  count:
    inputs: notes.txt
    outputs: out/count.txt
    pass: [RUNS]
    run: |
      echo count >> "$RUNS"
      printf 'words: ' > out/count.txt
      wc -w < notes.txt >> out/count.txt
  upper:
    inputs: notes.txt
    outputs: [out/upper.txt, out/long.txt]
    pass: [RUNS]
    run: |
      echo upper >> "$RUNS"
      tr a-z A-Z < ${inputs[0]} > ${outputs[0]}
      seq -f "$(cat ${inputs[0]}) %g" 2000 > ${outputs[1]}
  pages:
    inputs: out/upper.txt
    outputs: out/pages/
    pass: [RUNS]
    run: |
      echo pages >> "$RUNS"
      for page in 1 2 3; do cat ${inputs[0]} > ${outputs[0]}/$page.txt; done
  join:
    inputs: src/*.md
    outputs: out/joined.md
    pass: [RUNS]
    run: |
      echo join >> "$RUNS"
      cat ${inputs} > ${outputs[0]}
  slow:
    inputs: [out/count.txt, out/pages/, out/joined.md]
    outputs: out/slow.txt
    pass: [RUNS]
    run: |
      echo slow >> "$RUNS"
      cat out/count.txt > out/slow.txt
      i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done
      cat out/joined.md >> out/slow.txt
  poem:
    inputs: poem.txt
    outputs: out/poem.txt
    pass: [RUNS]
    run: |
      echo poem >> "$RUNS"
      cat ${inputs[0]} > ${outputs[0]}
"#;

const KINDS: &str = r#"storygen: 1
stages:
  draft:
    inputs: notes.txt
    outputs: out/draft.md
    pass: [RUNS]
    run: |
      echo draft >> "$RUNS"
      cat ${inputs[0]} > ${outputs[0]}
  measure:
    uses: check
    inputs: out/draft.md
    with: { words: { min: 1, max: 1000 } }
  subtitles:
    uses: subtitles
    inputs: words.json
    outputs: [out/story.srt, out/story.vtt]
    with: { preset: netflix }
  bundle:
    inputs: [out/story.srt, out/draft.md]
    outputs: out/bundle.txt
    needs: measure
    pass: [RUNS]
    run: |
      echo bundle >> "$RUNS"
      cat ${inputs} > ${outputs[0]}
"#;

/// The words that a person wrote in place of a stage's output: no fault may lose them.
pub const EDIT: &str = "a line that only a person could write\n";

/// Commands only, nothing built.
pub fn cold() -> Repo {
    Repo::new(&[
        ("Storyfile.yaml", STAGES),
        ("notes.txt", "we missed the last bus\n"),
        ("poem.txt", "the rain came\n"),
        ("src/1.md", "# One\n"),
        ("src/2.md", "# Two\n"),
    ])
}

/// Everything built, one output edited.
pub fn edited() -> Repo {
    let repo = cold().built();
    repo.write("out/poem.txt", EDIT);
    repo.built()
}

/// What `edited` left, with other inputs: all but the edited stage have to run over what stands.
pub fn changed() -> Repo {
    let repo = edited();
    repo.write("notes.txt", "we caught the first tram\n");
    repo.write("src/2.md", "# Two, again\n");
    repo
}

/// Everything built, no output there: a build puts all back and runs nothing.
pub fn lost() -> Repo {
    let repo = edited();
    fs::remove_dir_all(repo.path("out")).unwrap();
    repo
}

/// What a kill left in the middle of a command that writes in place: its old output set aside, a torn one in its place.
pub fn torn() -> Repo {
    let repo = changed();
    let runs = strace::trace(&repo.fork(), &["build", "-j1"]);
    // The last process that is started is the slow stage's.
    let start = runs.iter().rfind(|call| call.name.starts_with("clone") || call.name.ends_with("fork")).unwrap();
    let killed = repo.run(&strace::killing(start), &["build", "-j1"]);
    assert_eq!(killed.exit, None, "{}", killed.said);
    repo.write("out/slow.txt", "torn");
    repo
}

/// Commands and built-in kinds, nothing built.
pub fn kinds() -> Repo {
    let words = |text: &str| {
        let words: Vec<String> = text
            .split(' ')
            .enumerate()
            .map(|(index, word)| {
                format!(r#"{{"text":"{word}","start":{},"end":{}}}"#, index as f64 * 0.4, index as f64 * 0.4 + 0.3)
            })
            .collect();
        let words = words.join(",");
        format!(r#"{{"version":1,"duration":20,"language":"en","source":"estimated","words":[{words}]}}"#)
    };
    Repo::new(&[
        ("Storyfile.yaml", KINDS),
        ("notes.txt", "we missed the last bus\n"),
        ("words.json", &words("We missed the last bus and walked home along the river in the rain.")),
    ])
}

/// Built, and then with another draft.
pub fn kinds_changed() -> Repo {
    let repo = kinds().built();
    repo.write("notes.txt", "we caught the first tram\n");
    let words = fs::read_to_string(repo.path("words.json")).unwrap().replace("river", "canal");
    repo.write("words.json", &words);
    repo
}
