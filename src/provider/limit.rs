//! How much one service is asked at a time: pure, the time is given.
//!
//! The number of calls in flight goes up by one after as many good answers as may be in flight, and down by half when the
//! service says that it is too much (additive increase, multiplicative decrease: Chiu and Jain, 1989). Rates are token
//! buckets that hold ten seconds' worth, so that a start is not a burst of a whole minute.

use crate::base::failure::Failure;
use crate::storyfile::service::Limits;
use std::time::Duration;

/// Calls in flight where the user says nothing: at first, and at most.
const CALLS: (u32, u32) = (8, 64);

/// How much of a minute's worth may be asked at once.
const BURST_SECONDS: f64 = 10.0;

/// What a service bears now.
#[derive(Debug)]
pub struct Limit {
    most: u32,
    now: u32,
    in_flight: u32,
    /// Good answers since `now` last changed.
    good: u32,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    paused_until: Duration,
    stopped: Option<Failure>,
}

/// Whether a call may be made.
#[derive(Debug, PartialEq)]
pub enum Turn {
    Go,
    /// Not before this much time has gone by.
    Later(Duration),
    /// Once another call has ended.
    Full,
    /// Not in this run.
    Stopped(Failure),
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    most: f64,
    holds: f64,
    at: Duration,
}

impl Limit {
    pub fn new(limits: &Limits) -> Limit {
        let (now, most) = limits.max_concurrency.map_or(CALLS, |most| (most.max(1), most.max(1)));
        Limit {
            most,
            now,
            in_flight: 0,
            good: 0,
            requests: limits.requests_per_minute.map(|rate| Bucket::full(f64::from(rate))),
            tokens: limits.tokens_per_minute.map(|rate| Bucket::full(rate as f64)),
            paused_until: Duration::ZERO,
            stopped: None,
        }
    }

    /// Takes a turn at `now` for a call of up to `tokens`, or says what it waits for.
    pub fn turn(&mut self, now: Duration, tokens: u64) -> Turn {
        if let Some(failure) = &self.stopped {
            return Turn::Stopped(failure.clone());
        }
        if now < self.paused_until {
            return Turn::Later(self.paused_until - now);
        }
        if self.in_flight >= self.now {
            return Turn::Full;
        }
        let wants = [(&mut self.requests, 1.0), (&mut self.tokens, tokens as f64)];
        let mut wait = Duration::ZERO;
        let mut ready = Vec::new();
        for (bucket, wanted) in wants {
            if let Some(bucket) = bucket {
                wait = wait.max(bucket.wait(now, wanted));
                ready.push((bucket, wanted));
            }
        }
        if wait > Duration::ZERO {
            return Turn::Later(wait);
        }
        ready.into_iter().for_each(|(bucket, wanted)| bucket.take(wanted));
        self.in_flight += 1;
        Turn::Go
    }

    /// Gives a turn back.
    pub fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Notes a good answer.
    pub fn good(&mut self) {
        self.good += 1;
        if self.good >= self.now {
            self.good = 0;
            self.now = (self.now + 1).min(self.most);
        }
    }

    /// Notes that the service found it too much: fewer calls from now on.
    pub fn crowded(&mut self) {
        self.good = 0;
        self.now = (self.now / 2).max(1);
    }

    /// Lets nobody call before `until`.
    pub fn pause(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
    }

    /// Lets nobody call any more; the first reason stays.
    pub fn stop(&mut self, failure: Failure) {
        self.stopped.get_or_insert(failure);
    }
}

impl Bucket {
    fn full(per_minute: f64) -> Bucket {
        let per_second = per_minute / 60.0;
        let most = (per_second * BURST_SECONDS).max(1.0);
        Bucket { per_second, most, holds: most, at: Duration::ZERO }
    }

    /// Returns how long until `wanted` is there. What is more than the bucket ever holds waits until it is full.
    fn wait(&mut self, now: Duration, wanted: f64) -> Duration {
        let gone = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.holds = (self.holds + gone * self.per_second).min(self.most);
        let missing = wanted.min(self.most) - self.holds;
        // Some nanoseconds of rounding are no reason to wait.
        if missing <= 1e-6 { Duration::ZERO } else { Duration::from_secs_f64(missing / self.per_second) }
    }

    /// May go below nothing: a call larger than the bucket is paid off before the next one.
    fn take(&mut self, wanted: f64) {
        self.holds -= wanted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::failure::Cause;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn turns(limit: &mut Limit, now: Duration, most: usize) -> usize {
        (0..most).take_while(|_| limit.turn(now, 0) == Turn::Go).count()
    }

    #[test]
    fn no_more_calls_are_in_flight_than_may_be() {
        let mut limit = Limit::new(&Limits { max_concurrency: Some(3), ..Limits::default() });
        assert_eq!(turns(&mut limit, at(0), 9), 3);
        assert_eq!(limit.turn(at(9), 0), Turn::Full);
        limit.end();
        assert_eq!(limit.turn(at(9), 0), Turn::Go);
    }

    #[test]
    fn good_answers_raise_the_number_and_a_crowd_halves_it() {
        let mut limit = Limit::new(&Limits::default());
        (0..8).for_each(|_| limit.good());
        assert_eq!(turns(&mut limit, at(0), 99), 9);
        (0..9).for_each(|_| limit.end());
        limit.crowded();
        assert_eq!(turns(&mut limit, at(0), 99), 4);
        (0..9).for_each(|_| limit.crowded());
        assert_eq!(limit.turn(at(0), 0), Turn::Full);
        (0..4).for_each(|_| limit.end());
        assert_eq!(limit.turn(at(0), 0), Turn::Go);
        (0..99_999).for_each(|_| limit.good());
        assert_eq!(turns(&mut limit, at(0), 99), 63);
    }

    #[test]
    fn requests_and_tokens_keep_to_their_rates() {
        let mut limit =
            Limit::new(&Limits { requests_per_minute: Some(60), max_concurrency: Some(99), ..Limits::default() });
        assert_eq!(turns(&mut limit, at(0), 99), 10);
        assert_eq!(limit.turn(at(0), 0), Turn::Later(at(1)));
        assert_eq!(turns(&mut limit, at(3), 99), 3);
        let mut limit = Limit::new(&Limits { tokens_per_minute: Some(600), ..Limits::default() });
        assert_eq!(limit.turn(at(0), 60), Turn::Go);
        assert_eq!(limit.turn(at(0), 60), Turn::Later(at(2)));
        // More than the bucket holds: once it is full, and then paid off.
        assert_eq!(limit.turn(at(10), 300), Turn::Go);
        assert_eq!(limit.turn(at(10), 10), Turn::Later(at(21)));
    }

    #[test]
    fn a_pause_holds_everybody_and_the_longest_counts() {
        let mut limit = Limit::new(&Limits::default());
        limit.pause(at(5));
        limit.pause(at(2));
        assert_eq!(limit.turn(at(1), 0), Turn::Later(at(4)));
        assert_eq!(limit.turn(at(5), 0), Turn::Go);
    }

    #[test]
    fn a_service_that_is_stopped_says_why() {
        let mut limit = Limit::new(&Limits::default());
        limit.stop(Failure::new(Cause::Quota, "nothing left"));
        limit.stop(Failure::new(Cause::Server, "down"));
        assert!(matches!(limit.turn(at(1), 0), Turn::Stopped(failure) if failure.message == "nothing left"));
    }
}
