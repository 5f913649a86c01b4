//! Templates: what they write follows their inputs, what they include and the params they mention, and nothing else.

use crate::space::Space;

fn space() -> Space {
    Space::new()
        .file("idea.json", r#"{"title": "Night & Bus", "tone": ["warm", "odd"]}"#)
        .file("page.j2", "{% include 'head.j2' %}\n{{ inputs.idea.tone | join('+') }}\n")
        .file("head.j2", "<h1>{{ inputs.idea.title | escape }} by {{ params.author }}</h1>")
        .story(
            "
            params: { author: Ada, colour: red }
            stages:
              page: { uses: template, inputs: { idea: idea.json }, outputs: page.html, with: { template: page.j2 } }
              line: { uses: template, inputs: page.html, outputs: line.txt, with: { jinja: '{{ inputs[0].text | lines | first }}' } }
            ",
        )
}

#[test]
fn a_template_is_rendered_with_what_it_includes() {
    let space = space();
    space.build().exit(0).ran(["page", "line"]);
    space.holds("page.html", "<h1>Night &amp; Bus by Ada</h1>\nwarm+odd\n");
    space.holds("line.txt", "<h1>Night &amp; Bus by Ada</h1>");
    space.build().is_up_to_date();
}

#[test]
fn only_what_a_template_reads_makes_it_anew() {
    let space = space();
    space.build().exit(0);
    space.build_with(&["-p", "colour=blue"]).ran_nothing();
    space.build_with(&["-p", "author=Bo"]).ran(["page", "line"]);
    space.file("head.j2", "<h1>{{ inputs.idea.title }} by {{ params.author }}</h1>\n").build().ran(["page", "line"]);
    let page = space.read("page.j2");
    space.file("page.j2", &page.replace('+', "-")).build().ran(["page", "line"]);
    // What it writes is the same: nothing after it runs.
    space.file("page.j2", &page.replace("}}\n", "}}{# a note #}\n").replace('+', "-")).build().ran(["page"]);
}

#[test]
fn a_name_without_a_value_fails_with_its_line() {
    let space = space().file("page.j2", "one\n{{ inputs.idea.titel }}\n");
    space.build().exit(1).says("template `page.j2:2:").says("titel");
    assert!(!space.has("page.html"));
}
