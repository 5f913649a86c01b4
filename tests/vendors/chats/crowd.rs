//! Many at once: how many calls are in flight, and that sixteen programs pay for each answer once.

use super::{HOUSES, House, build, command, space};
use crate::fake::Vendor;
use crate::is_soak;
use crate::space::Space;
use std::process::{Child, Stdio};

/// So many stages that ask for different things.
fn stages(count: usize) -> String {
    let list: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
    format!(
        "  a: {{ uses: prompt, provider: writer, foreach: {{ n: [{}] }}, outputs: \"a${{n}}.md\", with: {{ prompt: \"Tale ${{n}}\" }} }}",
        list.join(", ")
    )
}

fn spawn(space: &Space) -> Child {
    command(space, &["build"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ends_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_more_calls_are_in_flight_than_may_be() {
    for house in HOUSES {
        let vendor = Vendor::start();
        let space = space(house.writer(&vendor).with("max_concurrency: 3"), &stages(12));
        vendor.hold();
        let child = spawn(&space);
        vendor.wait_for_calls(3);
        for done in 1..=9 {
            vendor.release_one().wait_for_calls(3 + done);
        }
        vendor.release();
        ends_well(child);
        assert_eq!((vendor.charges(), vendor.peak_in_flight()), (12, 3), "{house:?}");
    }
}

#[test]
fn who_is_asked_too_much_is_asked_less() {
    for house in HOUSES {
        let vendor = Vendor::start();
        vendor.limit_concurrency(2);
        let patient = stages(24).replace("uses:", "retry: { max: 30, delay: 1ms, max_delay: 5ms }, uses:");
        let space = space(house.writer(&vendor), &patient);
        build(&space, &["-k"]).exit(0);
        let refused = vendor.calls().iter().filter(|call| call.status == 429).count();
        assert_eq!(vendor.charges(), 24, "{house:?}: {refused} were refused");
        // Eight at once at first, and never again so many.
        let late = vendor.calls().iter().rev().take(12).filter(|call| call.status == 429).count();
        assert!(refused < 24 && late <= 6, "{house:?}: {refused} were refused, {late} of them late");
    }
}

#[test]
fn sixteen_programs_pay_for_each_answer_once() {
    // Each round in a repo that remembers nothing yet.
    for round in 1..=if is_soak() { 20 } else { 1 } {
        let vendor = Vendor::start();
        let space = space(House::OpenAi.writer(&vendor), &stages(50));
        let programs: Vec<Child> = (0..16).map(|_| spawn(&space)).collect();
        programs.into_iter().for_each(ends_well);
        let counts = (vendor.calls().len(), vendor.charges(), vendor.charges_by_body().len());
        assert_eq!(counts, (50, 50, 50), "round {round}");
        let calls = vendor.calls();
        for (n, call) in (1..=50).map(|n| (n, format!("Tale {n}\""))) {
            let asked = calls.iter().find(|one| one.body.to_string().contains(&call)).unwrap();
            assert_eq!(space.read(&format!("a{n}.md")).trim_end(), asked.text.as_deref().unwrap());
        }
    }
}
