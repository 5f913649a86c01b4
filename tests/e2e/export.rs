//! `export` writes the same pipeline: built in its place it runs nothing.

use crate::space::Space;

fn space() -> Space {
    Space::new()
        .story(
            "
            storygen: 1
            name: test
            x-common: &common { timeout: 5m, env: { TZ: UTC, SITE: \"${SITE:-local}\" } }
            params:
              idea: { ask: \"Story idea?\" }
              pace: 0.50
              tone: { type: list, default: [warm, \"${params.idea}\"] }
            defaults: { retry: 2 }
            stages:
              note: { <<: *common, outputs: note.txt, run: 'echo \"${params.idea}\" ${params.pace} $SITE > ${outputs[0]}' }
              page:
                foreach: { lang: { in: [{ id: en, name: 'yes' }, { id: 'ру сский', name: two words }], key: name2 } }
                inputs: ['note.txt', 'o.json#/a?']
                outputs: 'page-${lang.id}.txt'
                run: |
                  # A comment of the shell.
                  cat ${inputs} > ${outputs[0]}
                  echo '${lang.name}' >> ${outputs[0]}
              sum: { needs: page, outputs: sum.txt, run: [sh, -c, 'cat \"$@\" > sum.txt', sh, '${needs.page}'] }
            "
            .replace("'ру сский'", "de")
            .replace("key: name2", "key: id")
            .as_str(),
        )
        .file("o.json", r#"{"a": [1]}"#)
}

#[test]
fn building_an_export_in_its_place_runs_nothing() {
    let space = space();
    space.build_with(&["-p", "idea=the ${last} \"bus\": no # 27"]).ran(["note", "page:en", "page:de", "sum"]);
    for (flag, name) in [("", "e.yaml"), ("--json", "e.json")] {
        let args = ["export", "-p", "idea=the ${last} \"bus\": no # 27", flag];
        let args: Vec<&str> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        let export = space.run(&args).exit(0).out;
        space.file(name, &export);
        space.run(&["-f", name, "validate"]).exit(0);
        let lock = space.read("Storyfile.lock");
        let run = space.run(&["-f", name, "build"]).exit(0);
        run.says("everything is up to date (4 stages)");
        assert_eq!(space.read("Storyfile.lock"), lock, "the keys are the same");
        // An export of the export is the export.
        let again: Vec<&str> = ["-f", name, "export", flag].into_iter().filter(|arg| !arg.is_empty()).collect();
        assert_eq!(space.run(&again).exit(0).out, export);
    }
}

#[test]
fn an_export_holds_no_secret_and_no_value_of_the_environment() {
    let space = space();
    let mut command = space.command(&["export", "-p", "idea=x"]);
    command.env("SITE", "https://private.example").env("API_KEY", "s3cret");
    space.finish(command).exit(0).says_not("private").says_not("s3cret").says("${SITE:-local}");
}

#[test]
fn what_is_wrong_with_the_storyfile_is_told_and_nothing_is_exported() {
    let run = space().run(&["export"]).exit(2).says("error[S043]: the param `idea` has no value");
    assert_eq!(run.out, "");
    let run = space().run(&["export", "--json"]).exit(2);
    assert!(run.out.contains("\"faults\""), "{}", run.out);
}

#[test]
fn the_export_of_the_flagship_is_a_storyfile() {
    let space = Space::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    space.file("Storyfile.yaml", &std::fs::read_to_string(root.join("Storyfile.yaml")).unwrap());
    let export = space.run(&["export", "-p", "idea=a bus"]).exit(0).out;
    let plan = space.plan(&["-p", "idea=a bus"]);
    space.file("Storyfile.yaml", &export).run(&["validate"]).exit(0);
    assert_eq!(space.plan(&[]), plan);
    assert_eq!(space.run(&["export"]).exit(0).out, export);
}
