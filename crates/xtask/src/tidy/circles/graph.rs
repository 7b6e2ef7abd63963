//! Circles in a graph of files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The files that each file uses.
pub(super) type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// For each file in a circle its shortest circle, each circle once. A circle begins and ends with
/// the same file.
pub(super) fn circles<'a>(graph: &Graph<'a>) -> BTreeSet<Vec<&'a str>> {
    graph
        .keys()
        .filter_map(|start| shortest_circle(graph, start))
        .map(from_smallest)
        .collect()
}

/// Breadth-first search from a file to itself.
fn shortest_circle<'a>(graph: &Graph<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for used in graph.get(file).into_iter().flatten() {
            if *used == start {
                let mut circle = vec![file];
                while let Some(file) = previous.get(circle[circle.len() - 1]) {
                    circle.push(file);
                }
                circle.reverse();
                return Some(circle);
            }
            if !previous.contains_key(used) {
                previous.insert(used, file);
                queue.push_back(used);
            }
        }
    }
    None
}

/// The same circle for each of its files: it begins with the first one in alphabetical order.
fn from_smallest(mut circle: Vec<&str>) -> Vec<&str> {
    let smallest = (0..circle.len()).min_by_key(|index| circle[*index]);
    circle.rotate_left(smallest.unwrap_or(0));
    circle.push(circle[0]);
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once() {
        let graph = Graph::from([
            ("a", BTreeSet::from(["b"])),
            ("b", BTreeSet::from(["c", "d"])),
            ("c", BTreeSet::from(["a"])),
            ("d", BTreeSet::from(["e"])),
            ("e", BTreeSet::from(["d"])),
            ("f", BTreeSet::from(["a"])),
        ]);
        let circles = circles(&graph);
        let expected = BTreeSet::from([vec!["a", "b", "c", "a"], vec!["d", "e", "d"]]);
        assert_eq!(circles, expected);
    }
}
