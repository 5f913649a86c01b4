//! Folds a graph: nodes that belong together become one.

use super::order::{Cycle, Dag};
use std::collections::{BTreeMap, BTreeSet};

/// A folded graph.
pub struct Folded {
    pub dag: Dag,
    /// The nodes that each node of the folded graph stands for, in ascending order.
    pub members: Vec<Vec<usize>>,
}

/// Folds the nodes of each group into one, in the order of their first members. `group_of` names each node's group.
///
/// Groups that wait for each other in turn (a chapter, its summary, the next chapter) cannot be drawn as one node each:
/// those stay as they are.
pub fn fold(dag: &Dag, group_of: &[usize]) -> Folded {
    let mut apart: BTreeSet<usize> = BTreeSet::new();
    loop {
        let (members, edges) = folded(dag, group_of, &apart);
        match Dag::new(members.len(), edges) {
            Ok(dag) => return Folded { dag, members },
            // Each round takes at least one group apart, and a graph without groups has no cycle.
            Err(Cycle(nodes)) => apart.extend(nodes.iter().map(|&node| group_of[members[node][0]])),
        }
    }
}

fn folded(dag: &Dag, group_of: &[usize], apart: &BTreeSet<usize>) -> (Vec<Vec<usize>>, Vec<(usize, usize)>) {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut place_of_group: BTreeMap<usize, usize> = BTreeMap::new();
    let mut place_of: Vec<usize> = Vec::with_capacity(dag.len());
    for (node, group) in group_of.iter().enumerate() {
        let place = match place_of_group.get(group).filter(|_| !apart.contains(group)) {
            Some(&place) => place,
            None => {
                members.push(Vec::new());
                place_of_group.insert(*group, members.len() - 1);
                members.len() - 1
            }
        };
        members[place].push(node);
        place_of.push(place);
    }
    let pairs = (0..dag.len()).flat_map(|node| dag.after(node).into_iter().map(move |after| (node, after)));
    let edges = pairs.map(|(one, two)| (place_of[one], place_of[two])).filter(|(one, two)| one != two);
    (members, edges.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_one_node_with_all_its_edges() {
        // idea, page:en, page:es, book
        let dag = Dag::new(4, [(0, 1), (0, 2), (1, 3), (2, 3)]).unwrap();
        let folded = fold(&dag, &[0, 1, 1, 2]);
        assert_eq!(folded.members, [vec![0], vec![1, 2], vec![3]]);
        assert_eq!((folded.dag.before(1), folded.dag.before(2)), (vec![0], vec![1]));
    }

    #[test]
    fn a_chain_within_a_group_is_no_edge() {
        let dag = Dag::new(3, [(0, 1), (1, 2)]).unwrap();
        assert_eq!(fold(&dag, &[0, 0, 0]).members, [vec![0, 1, 2]]);
    }

    #[test]
    fn groups_that_wait_for_each_other_in_turn_stay_as_they_are() {
        // chapter:1 → summary:1 → chapter:2 → summary:2 → book, and two notes for it
        let dag = Dag::new(7, [(0, 2), (2, 1), (1, 3), (3, 4), (5, 4), (6, 4)]).unwrap();
        let folded = fold(&dag, &[0, 0, 1, 1, 2, 3, 3]);
        assert_eq!(folded.members, [vec![0], vec![1], vec![2], vec![3], vec![4], vec![5, 6]]);
    }
}
