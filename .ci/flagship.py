"""Measures what the flagship made: the sound by EBU R128, the subtitles by parsers of other people."""

import json
import math
import re
import subprocess
import sys
import wave
from array import array


def biquad(samples, b, a):
    """Filters by a second-order section."""
    x1 = x2 = y1 = y2 = 0.0
    out = []
    for x in samples:
        y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
        x2, x1, y2, y1 = x1, x, y1, y
        out.append(y)
    return out


def k_weighted(samples, rate):
    """The two filters of ITU-R BS.1770-4 for any rate, from their analogue prototypes."""
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q, vh = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    vb, a0 = vh ** 0.4996667741545416, 1 + k / q + k * k
    shelf = [(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0]
    samples = biquad(samples, shelf, [2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return biquad(samples, [1.0, -2.0, 1.0], [2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])


def loudness(samples, rate):
    """Integrated loudness in LUFS, gated: blocks of 400 ms, every 100 ms."""
    weighted = k_weighted(samples, rate)
    step = rate // 10
    sums = [sum(x * x for x in weighted[i : i + step]) for i in range(0, len(weighted) - step + 1, step)]
    blocks = [sum(sums[i : i + 4]) / (4 * step) for i in range(len(sums) - 3)]
    level = lambda power: -0.691 + 10 * math.log10(power)
    blocks = [power for power in blocks if power > 0 and level(power) > -70]
    gate = level(sum(blocks) / len(blocks)) - 10
    loud = [power for power in blocks if level(power) > gate]
    return level(sum(loud) / len(loud))


def true_peak(samples):
    """True peak in dBTP: four times oversampled by a windowed sinc, near the highest samples."""
    taps = 16
    kernels = []
    for phase in (0.25, 0.5, 0.75):
        offsets = range(-taps + 1, taps + 1)
        window = [0.5 + 0.5 * math.cos(math.pi * (n - phase) / taps) for n in offsets]
        kernels.append([w * math.sin(math.pi * (phase - n)) / (math.pi * (phase - n)) for w, n in zip(window, offsets)])
    highest = max(abs(x) for x in samples)
    peak = highest
    for i in range(taps, len(samples) - taps):
        if abs(samples[i]) > 0.6 * highest:
            around = samples[i - taps + 1 : i + taps + 1]
            peak = max([peak] + [abs(sum(x * c for x, c in zip(around, kernel))) for kernel in kernels])
    return 20 * math.log10(peak)


def hold(fact, wanted):
    print(("ok    " if wanted else "WRONG ") + fact)
    return wanted


def sound(path):
    with wave.open(path) as file:
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        raw = array("h", file.readframes(file.getnframes()))
    if (channels, width) != (1, 2):
        return [hold(f"mono, 16 bit (found {channels} channels, {8 * width} bit)", False)]
    samples = [x / 32768 for x in raw]
    seconds, lufs, peak = len(samples) / rate, loudness(samples, rate), true_peak(samples)
    return [
        hold(f"{seconds:.1f} s long (20 to 120)", 20 <= seconds <= 120),
        hold(f"{lufs:.2f} LUFS (-19 ± 1)", abs(lufs + 19) <= 1),
        hold(f"{peak:.2f} dBTP (at most -1.5)", peak <= -1.45),
    ]


def subtitles(folder):
    import srt
    import webvtt

    with open(f"{folder}/dist/story.srt", encoding="utf-8") as file:
        cues = list(srt.parse(file.read(), ignore_errors=False))
    captions = list(webvtt.read(f"{folder}/dist/story.vtt"))
    with open(f"{folder}/build/tagged.md", encoding="utf-8") as file:
        script = re.sub(r"\[[^\]]*\]", " ", file.read()).split()
    with open(f"{folder}/build/words.json", encoding="utf-8") as file:
        words = [word["text"] for word in json.load(file)["words"]]
    shown = " ".join(cue.content for cue in cues).split()
    shown_vtt = " ".join(caption.text for caption in captions).split()
    ordered = all(one.end <= other.start for one, other in zip(cues, cues[1:])) and all(c.start < c.end for c in cues)
    return [
        hold(f"{len(cues)} cues in SRT and {len(captions)} in WebVTT", len(cues) == len(captions) > 5),
        hold(f"the {len(script)} words of the script, each once and in order (SRT: {len(shown)})", shown == script),
        hold(f"the same in WebVTT ({len(shown_vtt)})", shown_vtt == script),
        hold(f"the same in the words file ({len(words)})", "".join(words) == "".join(script)),
        hold("cues follow each other and do not overlap", ordered),
    ]


def by_ffmpeg(path):
    command = ["ffmpeg", "-nostats", "-hide_banner", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    lufs = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
    peak = float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", said)[-1])
    return [hold(f"ffmpeg: {lufs} LUFS", abs(lufs + 19) <= 1), hold(f"ffmpeg: {peak} dBTP", peak <= -1.4)]


def main():
    folder = sys.argv[-1]
    path = f"{folder}/dist/voice.wav"
    results = by_ffmpeg(path) if "--ffmpeg" in sys.argv else sound(path) + subtitles(folder)
    sys.exit(0 if all(results) else 1)


main()
