//! Decides when an action's turn comes. Pure: no clock, no channel, no work.
//!
//! An action is *ready* when all before it are finished; the driver judges it and either finishes it at once (fresh,
//! blocked, …) or queues it. A queued action starts when there is a free place: one of `jobs`, and one of its pool. One
//! that is done elsewhere takes no job from this machine: its service has a bound of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many actions may wait for services at a time: each holds its inputs in memory.
const AWAY_MAX: u32 = 256;

/// What an action takes while it is at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub seat: Seat,
    /// A named capacity.
    pub pool: Option<String>,
}

/// Where an action's work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// On this machine.
    #[default]
    Here,
    /// By a service.
    Away,
}

/// Where one action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for this many others.
    Held(usize),
    Ready,
    Queued,
    Started,
    Finished,
}

/// The state of a run's order.
#[derive(Clone, Debug)]
pub struct Schedule {
    phases: Vec<Phase>,
    after: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    /// Those who want a seat here, and those who want one elsewhere.
    queues: [VecDeque<usize>; 2],
    places: Vec<Place>,
    /// Seats, as the queues for them.
    free: [u32; 2],
    free_in_pool: BTreeMap<String, u32>,
    stopped: bool,
    started: usize,
}

impl Schedule {
    /// Returns an empty schedule. `jobs` is at least 1; a pool that is not in `pools` has no bound.
    pub fn new(jobs: u32, pools: BTreeMap<String, u32>) -> Schedule {
        Schedule {
            phases: Vec::new(),
            after: Vec::new(),
            ready: BTreeSet::new(),
            queues: Default::default(),
            places: Vec::new(),
            free: [jobs.max(1), AWAY_MAX],
            free_in_pool: pools,
            stopped: false,
            started: 0,
        }
    }

    /// Takes in what `before` has beyond the actions so far: `before[i]` are those that `i` waits for, also of earlier actions
    /// that still wait. Actions not in `selected` count as finished.
    pub fn grow(&mut self, before: &[Vec<usize>], selected: &BTreeSet<usize>, places: Vec<Place>) {
        let known = self.phases.len();
        self.places = places;
        self.phases.resize(before.len(), Phase::Finished);
        for &node in selected.iter().filter(|&&node| node >= known) {
            self.phases[node] = Phase::Held(0);
        }
        self.after = vec![Vec::new(); before.len()];
        for (node, before) in before.iter().enumerate() {
            if !matches!(self.phases[node], Phase::Held(_)) {
                continue;
            }
            let mut held = 0;
            for &other in before.iter().filter(|&&other| self.phases[other] != Phase::Finished) {
                self.after[other].push(node);
                held += 1;
            }
            self.phases[node] = Phase::Held(held);
            if held == 0 {
                self.phases[node] = Phase::Ready;
                self.ready.insert(node);
            }
        }
    }

    /// Takes the next action that is ready to be judged, the smallest number first.
    pub fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Queues a judged action that has to run.
    pub fn queue(&mut self, action: usize) {
        debug_assert_eq!(self.phases[action], Phase::Ready);
        self.phases[action] = Phase::Queued;
        self.queues[self.places[action].seat as usize].push_back(action);
    }

    /// Takes the next queued action for which there is a free place; it counts as started.
    pub fn next_start(&mut self) -> Option<usize> {
        if self.stopped {
            return None;
        }
        let mut seats = [Seat::Here, Seat::Away].into_iter().filter(|seat| self.free[*seat as usize] > 0);
        let (seat, place) = seats.find_map(|seat| {
            let place = self.queues[seat as usize].iter().position(|&action| self.has_room(action));
            Some((seat, place?))
        })?;
        let action = self.queues[seat as usize].remove(place)?;
        self.free[seat as usize] -= 1;
        if let Some(free) = self.pool_of(action) {
            *free -= 1;
        }
        self.phases[action] = Phase::Started;
        self.started += 1;
        Some(action)
    }

    /// Takes note that an action is finished, whatever its outcome: its place is free and those after it come closer.
    pub fn finish(&mut self, action: usize) {
        if self.phases[action] == Phase::Started {
            self.free[self.places[action].seat as usize] += 1;
            self.started -= 1;
            if let Some(free) = self.pool_of(action) {
                *free += 1;
            }
        }
        self.phases[action] = Phase::Finished;
        for next in std::mem::take(&mut self.after[action]) {
            if let Phase::Held(held) = &mut self.phases[next] {
                *held -= 1;
                if *held == 0 {
                    self.phases[next] = Phase::Ready;
                    self.ready.insert(next);
                }
            }
        }
    }

    /// Starts nothing more; what has started may finish.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns how many actions are at work.
    pub fn started(&self) -> usize {
        self.started
    }

    /// Returns the actions whose turn has not come, in order.
    pub fn unfinished(&self) -> Vec<usize> {
        (0..self.phases.len())
            .filter(|&action| !matches!(self.phases[action], Phase::Finished | Phase::Started))
            .collect()
    }

    fn has_room(&self, action: usize) -> bool {
        self.places[action].pool.as_ref().and_then(|pool| self.free_in_pool.get(pool)).is_none_or(|&free| free > 0)
    }

    fn pool_of(&mut self, action: usize) -> Option<&mut u32> {
        self.places[action].pool.as_ref().and_then(|pool| self.free_in_pool.get_mut(pool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(before: &[Vec<usize>], jobs: u32, gpu: &[usize]) -> Schedule {
        let selected = (0..before.len()).collect();
        let pools = BTreeMap::from([("gpu".to_owned(), 1)]);
        let pool = |node| gpu.contains(&node).then(|| "gpu".to_owned());
        let places = (0..before.len()).map(|node| Place { pool: pool(node), ..Place::default() }).collect();
        let mut schedule = Schedule::new(jobs, pools);
        schedule.grow(before, &selected, places);
        schedule
    }

    fn queue_all(schedule: &mut Schedule) {
        while let Some(action) = schedule.next_ready() {
            schedule.queue(action);
        }
    }

    #[test]
    fn an_action_waits_for_all_before_it() {
        let mut schedule = schedule(&[vec![], vec![], vec![0, 1]], 8, &[]);
        queue_all(&mut schedule);
        assert_eq!((schedule.next_start(), schedule.next_start(), schedule.next_start()), (Some(0), Some(1), None));
        schedule.finish(0);
        assert_eq!(schedule.next_ready(), None);
        schedule.finish(1);
        assert_eq!(schedule.next_ready(), Some(2));
    }

    #[test]
    fn no_more_start_than_there_are_jobs() {
        let mut schedule = schedule(&[vec![], vec![], vec![]], 2, &[]);
        queue_all(&mut schedule);
        assert_eq!((schedule.next_start(), schedule.next_start(), schedule.next_start()), (Some(0), Some(1), None));
        schedule.finish(1);
        assert_eq!(schedule.next_start(), Some(2));
    }

    #[test]
    fn what_is_done_elsewhere_takes_no_job_and_has_a_bound_of_its_own() {
        let count = AWAY_MAX as usize + 3;
        let place = |node| Place { seat: if node < 2 { Seat::Here } else { Seat::Away }, pool: None };
        let mut schedule = Schedule::new(1, BTreeMap::new());
        schedule.grow(&vec![vec![]; count], &(0..count).collect(), (0..count).map(place).collect());
        queue_all(&mut schedule);
        let started: Vec<usize> = std::iter::from_fn(|| schedule.next_start()).collect();
        assert_eq!((started.len(), started[0], started[1]), (AWAY_MAX as usize + 1, 0, 2));
        schedule.finish(5);
        assert_eq!(schedule.next_start(), Some(count - 1));
        schedule.finish(0);
        assert_eq!(schedule.next_start(), Some(1));
    }

    #[test]
    fn a_full_pool_lets_others_pass() {
        let mut schedule = schedule(&[vec![], vec![], vec![]], 8, &[0, 1]);
        queue_all(&mut schedule);
        assert_eq!((schedule.next_start(), schedule.next_start(), schedule.next_start()), (Some(0), Some(2), None));
        schedule.finish(0);
        assert_eq!(schedule.next_start(), Some(1));
    }

    #[test]
    fn a_stopped_schedule_starts_nothing_and_names_what_is_left() {
        let mut schedule = schedule(&[vec![], vec![0]], 8, &[]);
        queue_all(&mut schedule);
        schedule.stop();
        assert_eq!(schedule.next_start(), None);
        assert_eq!(schedule.unfinished(), [0, 1]);
    }

    #[test]
    fn what_waits_for_a_fan_out_waits_for_its_instances() {
        let mut schedule = schedule(&[vec![], vec![0]], 8, &[]);
        assert_eq!(schedule.next_ready(), Some(0));
        schedule.grow(&[vec![], vec![0, 2, 3], vec![0], vec![0]], &(0..4).collect(), vec![Place::default(); 4]);
        schedule.finish(0);
        queue_all(&mut schedule);
        assert_eq!((schedule.next_start(), schedule.next_start(), schedule.next_start()), (Some(2), Some(3), None));
        schedule.finish(2);
        schedule.finish(3);
        assert_eq!(schedule.next_ready(), Some(1));
    }

    #[test]
    fn what_is_not_selected_counts_as_finished() {
        let before = [vec![], vec![0]];
        let mut schedule = Schedule::new(1, BTreeMap::new());
        schedule.grow(&before, &BTreeSet::from([1]), vec![Place::default(); 2]);
        assert_eq!(schedule.next_ready(), Some(1));
    }
}
