//! Makes speech of a kind: one tone for each letter, silence for each space, so that a test can hear the timings.

/// How long each character lasts.
const CHARACTER_MS: f64 = 50.0;
const LOUDNESS: f64 = 8000.0;

/// Samples of one channel, and when each character of the text begins and ends.
pub struct Speech {
    pub rate: u32,
    pub samples: Vec<i16>,
    pub starts: Vec<f64>,
    pub ends: Vec<f64>,
}

/// Speaks `text`. Another `take` sounds a little higher.
pub fn speak(text: &str, rate: u32, speed: f64, take: usize) -> Speech {
    let step = CHARACTER_MS / 1000.0 / speed;
    let mut speech = Speech { rate, samples: Vec::new(), starts: Vec::new(), ends: Vec::new() };
    for (place, sign) in text.chars().enumerate() {
        let (start, end) = (place as f64 * step, (place + 1) as f64 * step);
        let tone = 200.0 + f64::from(u32::from(sign) % 97) * 4.0 + (take % 50) as f64;
        let loudness = if sign.is_whitespace() { 0.0 } else { LOUDNESS };
        let until = (end * f64::from(rate)).round() as usize;
        for sample in speech.samples.len()..until {
            let angle = sample as f64 / f64::from(rate) * tone * std::f64::consts::TAU;
            speech.samples.push((angle.sin() * loudness) as i16);
        }
        // The vendors say milliseconds.
        speech.starts.push((start * 1000.0).round() / 1000.0);
        speech.ends.push((end * 1000.0).round() / 1000.0);
    }
    speech
}

/// Samples as they stand in a file: 16 bits, the low byte first.
pub fn pcm(speech: &Speech) -> Vec<u8> {
    speech.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A WAV file. Who streams does not know the length yet, and writes the largest.
pub fn wav(speech: &Speech, length: Length) -> Vec<u8> {
    let data = pcm(speech);
    let (whole, part) = match length {
        Length::Known => (data.len() as u32 + 36, data.len() as u32),
        Length::Streamed => (u32::MAX, u32::MAX),
    };
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend(b"RIFF");
    file.extend(whole.to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(speech.rate.to_le_bytes());
    file.extend((speech.rate * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(part.to_le_bytes());
    file.extend(data);
    file
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known,
    Streamed,
}

/// Silent frames of MPEG-1 layer III, 128 kbit/s at 44.1 kHz, as long as the speech.
pub fn mp3(speech: &Speech) -> Vec<u8> {
    const FRAME_BYTES: usize = 417;
    let seconds = speech.samples.len() as f64 / f64::from(speech.rate);
    let frames = (seconds * 44100.0 / 1152.0).ceil() as usize;
    let mut file = Vec::with_capacity(frames * FRAME_BYTES);
    for _ in 0..frames {
        file.extend([0xff, 0xfb, 0x90, 0x64]);
        file.resize(file.len() + FRAME_BYTES - 4, 0);
    }
    file
}

/// What only looks like a file of another format: nothing can decode it.
pub fn shell(magic: &[u8], speech: &Speech) -> Vec<u8> {
    [magic, &pcm(speech)].concat()
}

/// The samples in a WAV file and the seconds that they last; of another file its bytes and a guess.
pub fn heard(file: &[u8]) -> (&[u8], f64) {
    let Some(data) = file.starts_with(b"RIFF").then(|| file.windows(4).position(|four| four == b"data")).flatten()
    else {
        return (file, file.len() as f64 / 16_000.0);
    };
    let samples = file.get(data + 8..).unwrap_or_default();
    let rate = file.get(28..32).map_or(32_000, |four| u32::from_le_bytes(four.try_into().unwrap()));
    (samples, samples.len() as f64 / f64::from(rate.max(1)))
}
