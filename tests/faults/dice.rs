//! Seeded choice: the same points in every run.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread samples.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Returns `count` of `all`, or all of them in a soak: which ones depends on their names alone, so that another machine
    /// with a call more or less tries the same.
    pub fn named_sample<T>(&mut self, mut all: Vec<T>, count: usize, name: impl Fn(&T) -> String) -> Vec<T> {
        let seed = self.next();
        if !crate::soak() {
            // FNV-1a: a name is short, and nobody chooses it to collide.
            let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            let place = |one: &T| Dice::new(name(one).bytes().fold(seed, step)).next();
            all.sort_by_cached_key(place);
            all.truncate(count);
        }
        all
    }

    /// Returns `count` of `all` in their order, or all of them in a soak.
    pub fn sample<T>(&mut self, mut all: Vec<T>, count: usize) -> Vec<T> {
        while !crate::soak() && all.len() > count {
            let place = self.below(all.len());
            all.remove(place);
        }
        all
    }
}
