"""From a MIDI file to sound: additive synthesis, then a compressed clip that any browser plays.

Nothing here needs a network, a system library or a soundfont. The MP3 encoder is the ffmpeg that the
package imageio-ffmpeg brings along.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np
import pretty_midi
from scipy.io import wavfile
from scipy.signal import oaconvolve

from utils import path_utils

SAMPLE_RATE = 22050  # Hz; carries every partial that these timbres have
CHANNELS = 2
PEAK = 10 ** (-3 / 20)  # -3 dBFS: an encoder may overshoot by a decibel and still not clip
LONGEST = 3600.0  # seconds; two channels of an hour take 0.6 GB
SILENCE = 0.5  # seconds, for a file without notes
ENDINGS = (".wav", ".mp3")
MP3_KBITS = 56  # per second, both channels: 5 s in 35 kB

WIDEST_PAN = 0.7  # of the way to one side, for the outer voices
MAX_PARTIALS = 24
HIGHEST_PARTIAL = 0.45  # of the sample rate, to stay clear of aliasing
REVERB_SECONDS = 0.9
REVERB_DECAY = 0.2  # seconds to fall to 1/e
REVERB_DELAY = 0.012  # seconds
REVERB_LEVEL = 0.15  # of the dry sound; more would blur where the voices stand


class Timbre(NamedTuple):
    """How one family of instruments sounds; times in seconds, rates per second at middle C."""

    partials: tuple[float, ...]  # amplitude of each harmonic before the roll-off
    rolloff: float  # Hz at which a partial has lost a factor e
    decay: float  # of the whole tone
    damping: float  # more decay for each higher partial
    attack: float
    release: float


# A hammer at 1/7 of the string leaves every seventh partial out; partials of a string fall as 1/k.
PIANO = Timbre(
    partials=tuple(abs(np.sin(np.pi * k / 7)) / k for k in range(1, MAX_PARTIALS + 1)),
    rolloff=2500.0,
    decay=0.9,
    damping=0.35,
    attack=0.004,
    release=0.14,
)
# Stops of 8', 4', 2 2/3' and 2', each pipe with a weak octave of its own.
ORGAN = Timbre(
    partials=(1.0, 0.65, 0.25, 0.4, 0.0, 0.12, 0.0, 0.12),
    rolloff=5000.0,
    decay=0.0,
    damping=0.0,
    attack=0.03,
    release=0.08,
)
ORGAN_PROGRAMS = range(16, 24)  # General MIDI


def render(midi_path, fs=SAMPLE_RATE, soundfont=None):
    """Play a MIDI file into a stereo waveform.

    Organs (programs 16 to 23) sound organ-like, all others piano-like. Voices are spread from left to
    right in the order of their tracks. Drums, pitch bends and pedals are left out.

    Parameters
    ----------
    midi_path : str or Path
    fs : int
        Samples per second.
    soundfont : str or Path, optional
        Play with FluidSynth and this .sf2 file instead; needs the package pyfluidsynth.

    Returns
    -------
    float32 array [sample, channel=2]
        Peak at -3 dBFS; half a second of zeros if there is nothing to play.

    Raises
    ------
    FileNotFoundError
        No such MIDI file or soundfont.
    ValueError
        Not a readable MIDI file, or longer than an hour.
    ImportError
        A soundfont is given and pyfluidsynth is not installed.
    """
    midi = _read(midi_path)
    voices = [track for track in midi.instruments if track.notes and not track.is_drum]
    if not voices:
        return np.zeros((int(SILENCE * fs), CHANNELS), np.float32)
    end = max(note.end for voice in voices for note in voice.notes)
    if end > LONGEST:
        raise ValueError(
            f"{midi_path} lasts {end:.0f} s; at most {LONGEST:.0f} s are played. Cut it into parts."
        )
    if soundfont is not None and not Path(soundfont).is_file():
        raise FileNotFoundError(f"No soundfont at {soundfont}. Leave it out to use the built-in sounds.")

    release = max(PIANO.release, ORGAN.release)
    dry = np.zeros((int((end + release + REVERB_SECONDS) * fs) + 1, CHANNELS), np.float32)
    for voice, pan in zip(voices, _pans(len(voices)), strict=True):
        if soundfont is None:
            mono = _play(voice, fs, len(dry))
        else:
            mono = voice.fluidsynth(fs, synthesizer=str(soundfont))[: len(dry)].astype(np.float32)
        dry[: len(mono)] += mono[:, None] * pan
    sound = dry + _reverb(dry.mean(axis=1), fs)
    return sound * np.float32(PEAK / max(np.abs(sound).max(), 1e-9))


def encode_mp3(waveform, fs=SAMPLE_RATE):
    """Compress a waveform.

    Parameters
    ----------
    waveform : float array [sample] or [sample, channel=1|2]
        In [-1, 1]; what lies outside is clipped by the encoder.
    fs : int
        Samples per second. A rate that MP3 does not know is changed to the nearest that it knows.

    Returns
    -------
    bytes
        MP3 at a constant 56 kbit/s. The same waveform always gives the same bytes.

    Raises
    ------
    ValueError
        Wrong shape, no samples, or no possible rate.
    """
    waveform = np.asarray(waveform, np.float32)
    channels = 1 if waveform.ndim == 1 else waveform.shape[-1]
    if waveform.ndim not in (1, 2) or channels not in (1, 2) or not len(waveform):
        raise ValueError(f"Expected a waveform [sample] or [sample, channel=1|2], found {waveform.shape}.")
    source = f"-f f32le -ar {fs} -ac {channels} -i pipe:0".split()
    target = f"-c:a libmp3lame -b:a {MP3_KBITS}k -f mp3 pipe:1".split()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, *target]
    done = subprocess.run(command, input=waveform.tobytes(), capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise ValueError(f"ffmpeg could not encode {waveform.shape} at {fs} Hz: {reason}")
    return done.stdout


def write_audio(midi_path, audio_path, soundfont=None):
    """Write a MIDI file as sound: 16-bit WAV or MP3, by the ending of ``audio_path``.

    The file appears under its name only when it is complete.

    Parameters
    ----------
    midi_path, audio_path : str or Path
    soundfont : str or Path, optional
        As for :func:`render`.

    Returns
    -------
    Path
        Of the sound.

    Raises
    ------
    ValueError
        An ending other than .wav and .mp3. Otherwise as :func:`render`.
    """
    ending = Path(audio_path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"Cannot write {audio_path}: the ending is {ending!r}, expected '.wav' or '.mp3'.")
    waveform = render(midi_path, soundfont=soundfont)
    if ending == ".mp3":
        clip = encode_mp3(waveform)
        return path_utils.write_whole(audio_path, lambda name: Path(name).write_bytes(clip))
    pcm = np.round(waveform * np.iinfo(np.int16).max).astype(np.int16)
    return path_utils.write_whole(audio_path, lambda name: wavfile.write(name, SAMPLE_RATE, pcm))


def _read(midi_path):
    path = Path(midi_path)
    if not path.is_file():
        raise FileNotFoundError(f"No MIDI file at {path}. Check the name, or run the cell that writes it.")
    try:
        return pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # the parser raises whatever it trips over
        raise ValueError(f"{path} is not a readable MIDI file ({error!r}). Export it again.") from error


def _pans(voices):
    """Place voices from left to right at equal power: float32 [voice, channel=2]."""
    place = np.linspace(-WIDEST_PAN, WIDEST_PAN, voices) if voices > 1 else np.zeros(1)
    angle = (place + 1) * np.pi / 4
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def _play(voice, fs, samples):
    """Add up the notes of one instrument: float32 [sample]."""
    timbre = ORGAN if voice.program in ORGAN_PROGRAMS else PIANO
    longest = {}
    for note in voice.notes:
        longest[note.pitch] = max(longest.get(note.pitch, 0.0), note.end - note.start)
    tones = {pitch: _tone(timbre, pitch, held + timbre.release, fs) for pitch, held in longest.items()}

    mono = np.zeros(samples, np.float32)
    attack, release = _ramp(timbre.attack, fs), _ramp(timbre.release, fs)[::-1]
    for note in voice.notes:
        begin = round(note.start * fs)
        held = round((note.end - note.start) * fs)
        tone = tones[note.pitch][: held + len(release)] * np.float32(note.velocity / 127)
        rising = min(len(attack), len(tone))
        tone[:rising] *= attack[:rising]
        tone[-len(release) :] *= release
        mono[begin : begin + len(tone)] += tone
    return mono


def _tone(timbre, pitch, seconds, fs):
    """Compute one pitch, struck and left to ring: float32 [sample], unit power at its start."""
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    harmonic = np.arange(1, len(timbre.partials) + 1)
    amplitude = np.array(timbre.partials) * np.exp(-harmonic * hertz / timbre.rolloff)
    amplitude = amplitude[harmonic * hertz < HIGHEST_PARTIAL * fs]  # none at all, if the pitch is too high
    time = np.arange(round(seconds * fs) + 1) / fs
    amplitude /= np.sqrt(np.sum(amplitude**2) / 2)
    # Quadratic phases keep the peak of the sum low (Schroeder 1970, "Synthesis of low-peak-factor signals").
    phase = -np.pi * harmonic[: len(amplitude)] ** 2 / len(amplitude)
    coefficients = (amplitude * np.exp(1j * phase)).astype(np.complex64)

    # Partial k is the k-th power of one damped rotation, so that all of them are one polynomial in it.
    keyboard = 2.0 ** ((pitch - 60) / 18)  # short strings die away sooner
    rotation = np.exp((-timbre.damping * keyboard + 2j * np.pi * hertz) * time).astype(np.complex64)
    tone = np.zeros_like(rotation)
    for coefficient in coefficients[::-1]:
        tone += coefficient
        tone *= rotation
    return tone.imag * np.exp(-timbre.decay * keyboard * time).astype(np.float32)


def _ramp(seconds, fs):
    """Rise smoothly from 0 to 1: float32 [sample]."""
    return np.sin(np.linspace(0, np.pi / 2, max(2, round(seconds * fs)), dtype=np.float32)) ** 2


def _reverb(mono, fs):
    """Echo in a small room, modelled as fading noise that differs between the ears: [sample, channel=2]."""
    time = np.arange(round(REVERB_SECONDS * fs)) / fs
    echo = np.random.default_rng(0).standard_normal((len(time), CHANNELS))
    echo *= (np.exp(-time / REVERB_DECAY) * (time > REVERB_DELAY))[:, None]
    echo *= REVERB_LEVEL / np.sqrt(np.sum(echo**2, axis=0))
    wet = oaconvolve(mono[:, None], echo.astype(np.float32), axes=0)
    return wet[: len(mono)].astype(np.float32)
