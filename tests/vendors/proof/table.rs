//! Every behaviour at every vendor: what it costs is what the books say, and it harms no later call.

use super::refusals::HOUSES;
use crate::fake::{Vendor, table};

#[test]
fn each_behaviour_costs_what_it_says_and_is_over_after_one_call() {
    for house in HOUSES {
        for (name, behaviour) in table::all() {
            let vendor = Vendor::start();
            vendor.script([behaviour.clone()]);
            let answer = house(&vendor).try_send();
            assert_eq!((vendor.charges(), vendor.script_left()), (behaviour.costs(), 0), "{name}: {answer:?}");
            assert_eq!(vendor.connections(), 1, "{name}");
            assert_eq!(house(&vendor).send().status, 200, "{name}");
            assert_eq!(vendor.charges(), behaviour.costs() + 1, "{name}");
        }
    }
}

#[test]
fn a_script_thrown_with_dice_can_be_thrown_again() {
    let script = |seed| format!("{:?}", table::thrown(seed, 20));
    assert_eq!(script(7), script(7));
    assert_ne!(script(7), script(8));
    let (vendor, behaviours) = (Vendor::start(), table::thrown(7, 20));
    let costs: usize = behaviours.iter().map(|behaviour| behaviour.costs()).sum();
    vendor.script(behaviours);
    for _ in 0..20 {
        HOUSES[0](&vendor).try_send().ok();
    }
    assert_eq!((vendor.charges(), vendor.script_left()), (costs, 0));
}
