//! Writes and reads WAV files, as bytes.

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::borrow::Cow;
use std::io::Cursor;

/// A `data` chunk of so many bytes or more is one whose length was not known when it was begun.
const UNKNOWN_BYTES: usize = 0x7fff_0000;

/// Sound of one channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// Samples a second.
    pub rate: u32,
    /// From -1 to 1.
    pub samples: Vec<f32>,
}

/// Sound of any number of channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channels {
    /// Samples a second in each channel.
    pub rate: u32,
    /// Never 0 in what was read.
    pub count: u16,
    /// From -1 to 1; one sample of each channel after the other.
    pub interleaved: Vec<f32>,
}

impl Channels {
    /// Returns the length in seconds.
    pub fn seconds(&self) -> f64 {
        let frames = self.interleaved.len() / usize::from(self.count.max(1));
        frames as f64 / f64::from(self.rate.max(1))
    }

    /// Returns the mean of all channels.
    pub fn mixed(self) -> Sound {
        let count = usize::from(self.count.max(1));
        let samples = match count {
            1 => self.interleaved,
            _ => self.interleaved.chunks_exact(count).map(|frame| frame.iter().sum::<f32>() / count as f32).collect(),
        };
        Sound { rate: self.rate, samples }
    }
}

/// Why bytes are no sound, or sound no file.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("not a WAV file: {0}")]
    Format(#[from] hound::Error),
    #[error("a WAV file with {0} channels")]
    Channels(u16),
    #[error("the file is cut: {promised} bytes of sound are promised, and {there} are there")]
    Cut { promised: usize, there: usize },
    #[error("the sound is too long for a WAV file: {samples} samples")]
    TooLong { samples: usize },
}

/// Returns a mono WAV file of 16-bit samples: the same bytes for the same sound, without dither.
pub fn write(samples: &[f32], rate: u32) -> Result<Vec<u8>, WavError> {
    // Sizes are 32-bit numbers of bytes in the header.
    if samples.len() > (u32::MAX as usize - 64) / 2 {
        return Err(WavError::TooLong { samples: samples.len() });
    }
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(samples.len() * 2 + 64));
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for &sample in samples {
        writer.write_sample(quantise(sample))?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}

/// Reads a WAV file of 8 to 32 bits, whole numbers or floating point; channels are averaged into one.
///
/// Streamed files whose header claims more sound than there is are read to their end.
pub fn read(bytes: &[u8]) -> Result<Sound, WavError> {
    read_channels(bytes).map(Channels::mixed)
}

/// As [`read`], for a file that came over the network: one whose sound ends before it should is refused.
///
/// Who streams does not know the length: the largest numbers, and none at all, are no promise.
pub fn read_whole(bytes: &[u8]) -> Result<Sound, WavError> {
    match promise(bytes) {
        Some(Promise { size, there, .. }) if size > there && size < UNKNOWN_BYTES => {
            Err(WavError::Cut { promised: size, there })
        }
        _ => read(bytes),
    }
}

/// As [`read`], the channels kept apart.
pub fn read_channels(bytes: &[u8]) -> Result<Channels, WavError> {
    let bytes = true_sizes(bytes);
    let mut reader = WavReader::new(Cursor::new(bytes.as_ref()))?;
    let spec = reader.spec();
    if spec.channels == 0 {
        return Err(WavError::Channels(0));
    }
    let interleaved: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full = 2.0_f64.powi(i32::from(spec.bits_per_sample) - 1);
            let scaled = |sample: Result<i32, _>| sample.map(|sample| (f64::from(sample) / full) as f32);
            reader.samples::<i32>().map(scaled).collect::<Result<_, _>>()?
        }
    };
    Ok(Channels { rate: spec.sample_rate, count: spec.channels, interleaved })
}

/// Reads samples that have no header: 16 bits, one channel, the low byte first.
pub fn raw(bytes: &[u8], rate: u32) -> Sound {
    let sample = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    Sound { rate, samples: bytes.chunks_exact(2).map(sample).collect() }
}

/// Returns the 16-bit sample nearest to one from -1 to 1; what is outside is clipped, what is no number is silence.
pub fn quantise(sample: f32) -> i16 {
    // A cast saturates and turns NaN into 0.
    (sample * 32768.0).round() as i16
}

/// What a file's header says of its sound.
struct Promise {
    /// Where the `data` chunk begins.
    at: usize,
    /// Its size, in bytes.
    size: usize,
    /// How many bytes there are.
    there: usize,
}

fn promise(bytes: &[u8]) -> Option<Promise> {
    let mut at = 12;
    while let Some(&[a, b, c, d, s0, s1, s2, s3]) = bytes.get(at..at + 8) {
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        if [a, b, c, d] == *b"data" {
            return Some(Promise { at, size, there: bytes.len() - at - 8 });
        }
        at += 8 + size + size % 2;
    }
    None
}

/// Corrects the size of a `data` chunk that reaches past the end of the bytes.
fn true_sizes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(Promise { at, there, .. }) = promise(bytes).filter(|promise| promise.size > promise.there) else {
        return Cow::Borrowed(bytes);
    };
    let frame = frame_bytes(bytes);
    let whole = u32::try_from(there - there % frame).unwrap_or(u32::MAX);
    let mut fixed = bytes.to_vec();
    fixed[at + 4..at + 8].copy_from_slice(&whole.to_le_bytes());
    Cow::Owned(fixed)
}

/// Bytes of one sample in every channel, from the `fmt ` chunk where it usually stands.
fn frame_bytes(bytes: &[u8]) -> usize {
    let align = bytes.get(32..34).map_or(2, |pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
    align.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sixteen_bits_come_back_exactly() {
        let samples = [0.0, 0.5, -0.5, -1.0, 32767.0 / 32768.0, 1.0 / 32768.0];
        let bytes = write(&samples, 24_000).unwrap();
        assert_eq!((bytes.len(), &bytes[..4], &bytes[8..12]), (44 + 12, &b"RIFF"[..], &b"WAVE"[..]));
        assert_eq!(read(&bytes).unwrap(), Sound { rate: 24_000, samples: samples.to_vec() });
    }

    #[test]
    fn what_is_outside_is_clipped() {
        assert_eq!([2.0, -2.0, f32::NAN, f32::INFINITY].map(quantise), [32767, -32768, 0, 32767]);
    }

    #[test]
    fn a_streamed_header_is_read_to_the_end() {
        let mut bytes = write(&[0.25; 100], 24_000).unwrap();
        bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes.push(7);
        assert_eq!(read(&bytes).unwrap().samples, [0.25; 100]);
        assert_eq!(read_whole(&bytes).unwrap().samples, [0.25; 100]);
    }

    #[test]
    fn a_file_that_was_cut_on_its_way_is_refused() {
        let bytes = write(&[0.25; 100], 24_000).unwrap();
        assert_eq!(read_whole(&bytes).unwrap().samples.len(), 100);
        let error = read_whole(&bytes[..144]).unwrap_err();
        assert_eq!(error.to_string(), "the file is cut: 200 bytes of sound are promised, and 100 are there");
        assert_eq!(read(&bytes[..144]).unwrap().samples.len(), 50);
    }

    #[test]
    fn channels_are_averaged() {
        let spec = WavSpec { channels: 2, sample_rate: 8000, bits_per_sample: 32, sample_format: SampleFormat::Float };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        [0.5_f32, 0.0, -1.0, 0.5].into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let bytes = bytes.into_inner();
        assert_eq!(read(&bytes).unwrap().samples, [0.25, -0.25]);
        let apart = read_channels(&bytes).unwrap();
        assert_eq!((apart.count, apart.interleaved.len(), apart.seconds()), (2, 4, 2.0 / 8000.0));
    }

    #[test]
    fn what_is_no_wav_is_an_error() {
        assert!(matches!(read(b"ID3 not a wav"), Err(WavError::Format(_))));
        assert!(matches!(read(b""), Err(WavError::Format(_))));
    }

    proptest! {
        #[test]
        fn any_sound_survives_a_second_trip(samples in proptest::collection::vec(-1.5_f32..1.5, 0..200)) {
            let once = read(&write(&samples, 24_000).unwrap()).unwrap();
            let twice = read(&write(&once.samples, 24_000).unwrap()).unwrap();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn no_bytes_stop_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..60) {
            let _ = read(&bytes);
            let mut sound = write(&[0.1; 8], 8000).unwrap();
            let end = sound.len().min(at + bytes.len());
            if at < end {
                bytes.truncate(end - at);
                sound[at..end].copy_from_slice(&bytes);
            }
            let _ = read(&sound);
        }
    }
}
