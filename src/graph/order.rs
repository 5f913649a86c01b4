//! Puts nodes in order, finds cycles, and selects what a node needs.

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed, Visitable};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Nodes `0..n` and the edges between them, without cycles.
#[derive(Clone, Debug, Default)]
pub struct Dag {
    graph: DiGraph<(), ()>,
    order: Vec<usize>,
}

/// A cycle: each node comes before the next, the last before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

impl Dag {
    /// Builds the graph of `count` nodes from `(before, after)` pairs; equal pairs count once.
    pub fn new(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Result<Dag, Cycle> {
        let mut graph = DiGraph::with_capacity(count, count);
        for _ in 0..count {
            graph.add_node(());
        }
        let edges: BTreeSet<(usize, usize)> = edges.into_iter().collect();
        for (before, after) in edges {
            graph.add_edge(NodeIndex::new(before), NodeIndex::new(after), ());
        }
        match sorted(&graph) {
            Some(order) => Ok(Dag { graph, order }),
            None => Err(cycle(&graph)),
        }
    }

    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all nodes, each after those it needs; of several that could come next, the smallest number first.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns the nodes directly before `node`, in ascending order.
    pub fn before(&self, node: usize) -> Vec<usize> {
        self.neighbours(node, Direction::Incoming)
    }

    /// Returns the nodes directly after `node`, in ascending order.
    pub fn after(&self, node: usize) -> Vec<usize> {
        self.neighbours(node, Direction::Outgoing)
    }

    /// Returns `nodes` and all that they need, directly or not.
    pub fn with_all_before(&self, nodes: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let reversed = Reversed(&self.graph);
        let mut dfs = Dfs::empty(&reversed);
        reach(nodes, |node| {
            dfs.move_to(NodeIndex::new(node));
            std::iter::from_fn(|| dfs.next(reversed)).map(NodeIndex::index).collect()
        })
    }

    /// Returns `nodes` and all that follow from them, directly or not.
    pub fn with_all_after(&self, nodes: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut dfs = Dfs::empty(&self.graph);
        dfs.discovered = self.graph.visit_map();
        reach(nodes, |node| {
            dfs.move_to(NodeIndex::new(node));
            std::iter::from_fn(|| dfs.next(&self.graph)).map(NodeIndex::index).collect()
        })
    }

    fn neighbours(&self, node: usize, direction: Direction) -> Vec<usize> {
        let mut nodes: Vec<usize> =
            self.graph.neighbors_directed(NodeIndex::new(node), direction).map(NodeIndex::index).collect();
        nodes.sort_unstable();
        nodes
    }
}

fn reach(nodes: impl IntoIterator<Item = usize>, mut from: impl FnMut(usize) -> Vec<usize>) -> BTreeSet<usize> {
    nodes.into_iter().flat_map(&mut from).collect()
}

/// Kahn's algorithm with a heap, so that the order depends on the numbers alone.
fn sorted(graph: &DiGraph<(), ()>) -> Option<Vec<usize>> {
    let mut missing: Vec<usize> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, Direction::Incoming).count()).collect();
    let mut free: BinaryHeap<Reverse<usize>> =
        missing.iter().enumerate().filter(|(_, count)| **count == 0).map(|(node, _)| Reverse(node)).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(Reverse(node)) = free.pop() {
        order.push(node);
        for next in graph.neighbors(NodeIndex::new(node)) {
            missing[next.index()] -= 1;
            if missing[next.index()] == 0 {
                free.push(Reverse(next.index()));
            }
        }
    }
    (order.len() == missing.len()).then_some(order)
}

/// Returns one cycle of a graph that has one: inside a strongly connected component, any walk comes back.
fn cycle(graph: &DiGraph<(), ()>) -> Cycle {
    let component: BTreeSet<NodeIndex> = petgraph::algo::tarjan_scc(graph)
        .into_iter()
        .filter(|nodes| nodes.len() > 1 || graph.contains_edge(nodes[0], nodes[0]))
        .min_by_key(|nodes| nodes.iter().min().copied())
        .unwrap_or_default()
        .into_iter()
        .collect();
    let mut walk: Vec<NodeIndex> = component.first().copied().into_iter().collect();
    while let Some(next) = walk.last().and_then(|&last| {
        let mut nodes: Vec<NodeIndex> = graph.neighbors(last).filter(|node| component.contains(node)).collect();
        nodes.sort_unstable();
        nodes.first().copied()
    }) {
        if let Some(at) = walk.iter().position(|&node| node == next) {
            walk.drain(..at);
            break;
        }
        walk.push(next);
    }
    Cycle(walk.into_iter().map(NodeIndex::index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_come_after_what_they_need() {
        let dag = Dag::new(4, [(3, 1), (1, 0), (2, 0), (3, 1)]).unwrap();
        assert_eq!(dag.order(), [2, 3, 1, 0]);
        assert_eq!(dag.before(0), [1, 2]);
        assert_eq!(dag.after(3), [1]);
    }

    #[test]
    fn a_cycle_is_told_as_a_path() {
        assert_eq!(Dag::new(4, [(0, 1), (1, 2), (2, 1), (2, 3)]).unwrap_err(), Cycle(vec![1, 2]));
        assert_eq!(Dag::new(1, [(0, 0)]).unwrap_err(), Cycle(vec![0]));
    }

    #[test]
    fn a_selection_holds_all_that_is_needed_and_nothing_else() {
        let dag = Dag::new(5, [(0, 1), (1, 2), (3, 4)]).unwrap();
        assert_eq!(dag.with_all_before([1]), BTreeSet::from([0, 1]));
        assert_eq!(dag.with_all_after([0, 4]), BTreeSet::from([0, 1, 2, 4]));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let dag = Dag::new(200_000, (1..200_000).map(|node| (node - 1, node))).unwrap();
        assert_eq!(dag.with_all_after([0]).len(), 200_000);
    }
}
