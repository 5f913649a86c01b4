//! Draws the next token from its likelihoods: repeatably, on any machine that computes the same likelihoods.
//!
//! The order is fixed and part of [`VERSION`]: repeat penalty, phrases already written, top-k, temperature, top-p, draw.

/// Names this way of drawing, and of choosing from what was drawn; it is part of the writer's identity and changes when
/// that does.
pub const VERSION: &str = "sampler-v2";

/// How many of the likeliest tokens are considered.
const TOP_K: usize = 40;
/// Of those, the likeliest that together have this share.
const TOP_P: f64 = 0.9;
/// Tokens of the last [`PENALTY_WINDOW`] become this much less likely.
const PENALTY: f32 = 1.1;
/// In tokens.
const PENALTY_WINDOW: usize = 64;
/// No run of this many tokens is written twice: a small model that repeats a phrase rarely leaves it again.
const PHRASE: usize = 6;
/// Used when a request names none.
pub const TEMPERATURE: f64 = 0.6;

/// A small generator of random numbers (SplitMix64): its numbers never change with a library's version.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Returns a seed of its own for the `nth` part of what `seed` stands for.
pub fn derived(seed: u64, nth: u64) -> u64 {
    Random::new(seed ^ nth.wrapping_mul(0xd134_2543_de82_ef95)).bits()
}

/// Draws tokens for one reply.
#[derive(Clone, Debug)]
pub struct Sampler {
    random: Random,
    temperature: f64,
}

impl Sampler {
    /// `temperature` 0 takes the likeliest token always.
    pub fn new(seed: u64, temperature: f64) -> Sampler {
        Sampler { random: Random::new(seed), temperature }
    }

    /// Draws the token that follows `written`. `logits` are changed. A token whose logit is −∞ is never drawn.
    pub fn draw(&mut self, logits: &mut [f32], written: &[u32]) -> u32 {
        penalise(logits, &written[written.len().saturating_sub(PENALTY_WINDOW)..]);
        forbid_phrases(logits, written);
        let best = likeliest(logits, TOP_K);
        self.pick(&best)
    }

    /// Picks one of `choices`, each with its logit, at this sampler's temperature; the first must be the likeliest.
    pub fn pick(&mut self, choices: &[(u32, f32)]) -> u32 {
        let Some(&(first, top)) = choices.first() else { return 0 };
        if self.temperature <= 0.0 {
            return first;
        }
        let weights: Vec<f64> =
            choices.iter().map(|(_, logit)| (f64::from(logit - top) / self.temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut kept = 0;
        let mut share = 0.0;
        while kept < weights.len() && share < TOP_P * total {
            share += weights[kept];
            kept += 1;
        }
        let mut point = self.random.unit() * share;
        for (weight, (token, _)) in weights.iter().zip(choices).take(kept) {
            point -= weight;
            if point < 0.0 {
                return *token;
            }
        }
        choices[kept.saturating_sub(1)].0
    }
}

fn penalise(logits: &mut [f32], recent: &[u32]) {
    let mut seen = recent.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for token in seen {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit >= 0.0 { *logit / PENALTY } else { *logit * PENALTY };
        }
    }
}

fn forbid_phrases(logits: &mut [f32], written: &[u32]) {
    if written.len() < PHRASE {
        return;
    }
    let tail = &written[written.len() - (PHRASE - 1)..];
    for run in written.windows(PHRASE).filter(|run| &run[..PHRASE - 1] == tail) {
        if let Some(logit) = logits.get_mut(run[PHRASE - 1] as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// Returns the `count` likeliest tokens, likeliest first; the lower token first among equals.
fn likeliest(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut all: Vec<(u32, f32)> =
        (0u32..).zip(logits.iter().copied()).filter(|(_, logit)| *logit > f32::NEG_INFINITY).collect();
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if all.len() > count {
        all.select_nth_unstable_by(count, order);
        all.truncate(count);
    }
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> Vec<f32> {
        (0..200).map(|n| ((n * 37) % 101) as f32 / 10.0).collect()
    }

    fn drawn(seed: u64) -> Vec<u32> {
        let mut sampler = Sampler::new(seed, 1.5);
        let mut written = Vec::new();
        for _ in 0..50 {
            let token = sampler.draw(&mut logits(), &written);
            written.push(token);
        }
        written
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        let mut random = Random::new(1_234_567);
        assert_eq!([random.bits(), random.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn temperature_nought_takes_the_likeliest_and_the_lower_token_of_equals() {
        let mut sampler = Sampler::new(1, 0.0);
        assert_eq!(sampler.draw(&mut [0.0, 5.0, 5.0, 1.0], &[]), 1);
    }

    #[test]
    fn a_phrase_is_never_written_twice() {
        let written = [1, 2, 3, 4, 5, 6, 9, 1, 2, 3, 4, 5];
        let mut sampler = Sampler::new(1, 0.0);
        assert_eq!(sampler.draw(&mut [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 8.0], &written), 7);
    }

    #[test]
    fn forbidden_tokens_are_never_drawn() {
        let mut sampler = Sampler::new(3, 2.0);
        for _ in 0..100 {
            assert_ne!(sampler.draw(&mut [f32::NEG_INFINITY, 1.0, 1.0], &[]), 0);
        }
    }

    #[test]
    fn derived_seeds_differ() {
        let seeds: std::collections::BTreeSet<u64> = (0..100).map(|nth| derived(5, nth)).collect();
        assert_eq!(seeds.len(), 100);
    }
}
