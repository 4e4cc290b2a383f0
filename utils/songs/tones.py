"""Tones by additive synthesis: a piano and an organ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MAX_PARTIALS = 24
HIGHEST_PARTIAL = 0.45  # of the sample rate, to stay clear of aliasing
BEAT = 0.6  # seconds, at tempo 100
INAUDIBLE = np.log(1e5)  # a tone that has faded by 100 dB is over


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


def play_line(voice, fs, samples):
    """Add up the notes of one instrument: float32 [sample]."""
    timbre = ORGAN if voice.program in ORGAN_PROGRAMS else PIANO
    longest = {}
    for note in voice.notes:
        longest[note.pitch] = max(longest.get(note.pitch, 0.0), note.end - note.start)
    tones = {pitch: make_tone(timbre, pitch, held + timbre.release, fs) for pitch, held in longest.items()}

    mono = np.zeros(samples, np.float32)
    attack, release = ramp(timbre.attack, fs), ramp(timbre.release, fs)[::-1]
    for note in voice.notes:
        begin = round(note.start * fs)
        held = round((note.end - note.start) * fs)
        tone = tones[note.pitch][: held + len(release)] * np.float32(note.velocity / 127)
        rising = min(len(attack), len(tone))
        tone[:rising] *= attack[:rising]
        tone[-len(release) :] *= release
        mono[begin : begin + len(tone)] += tone
    return mono


def make_tone(timbre, pitch, seconds, fs):
    """Compute one pitch, struck and left to ring: float32 [sample], unit power over its first beat."""
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    harmonic = np.arange(1, len(timbre.partials) + 1)
    keyboard, loudness = 2.0 ** ((pitch - 60) / 18), 1.0  # short strings die away sooner
    if timbre.decay:
        seconds = min(seconds, INAUDIBLE / (timbre.decay * keyboard))
        # High strings die sooner; over a beat all shall be equally loud, or the melody would be the softest.
        lost = 2 * (timbre.decay + timbre.damping) * keyboard * BEAT
        loudness = np.sqrt(-lost / np.expm1(-lost))
    amplitude = np.array(timbre.partials) * np.exp(-harmonic * hertz / timbre.rolloff)
    amplitude = amplitude[harmonic * hertz < HIGHEST_PARTIAL * fs]  # none at all, if the pitch is too high
    time = np.arange(round(seconds * fs) + 1) / fs
    amplitude /= np.sqrt(np.sum(amplitude**2) / 2) / loudness
    # Quadratic phases keep the peak of the sum low (Schroeder 1970, "Synthesis of low-peak-factor signals").
    phase = -np.pi * harmonic[: len(amplitude)] ** 2 / len(amplitude)
    coefficients = (amplitude * np.exp(1j * phase)).astype(np.complex64)

    # Partial k is the k-th power of one damped rotation, so that all of them are one polynomial in it.
    rotation = np.exp((-timbre.damping * keyboard + 2j * np.pi * hertz) * time).astype(np.complex64)
    tone = np.zeros_like(rotation)
    for coefficient in coefficients[::-1]:
        tone += coefficient
        tone *= rotation
    return tone.imag * np.exp(-timbre.decay * keyboard * time).astype(np.float32)


def ramp(seconds, fs):
    """Rise smoothly from 0 to 1: float32 [sample]."""
    return np.sin(np.linspace(0, np.pi / 2, max(2, round(seconds * fs)), dtype=np.float32)) ** 2
