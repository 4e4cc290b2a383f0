"""Where what is given is placed for the network: which voice a melody is, and how it is moved to be heard."""

from __future__ import annotations

import numpy as np

from ..music.grid import PITCHES, REST, STEPS_PER_BEAT, voice_names
from ..music.theory import OCTAVE, voice_ranges

ELSEWHERE = 0.1  # how likely a proposed pitch is in another octave, around a melody that was heard as soprano
ACROSS = 1e-3  # and how likely on the other side of the melody
TRIPLET_PHASES = (0, 1, 1, 1)  # in a beat of triplets the voices move with the beat or not at all


def voice_of(line, voices):
    """Tell which voice sings a line: the one whose range holds it best, the higher one of two alike.

    Parameters
    ----------
    line : int array [step]
        MIDI pitches.
    voices : int
        At least 2.

    Returns
    -------
    int
        Counted from the top.
    """
    low, high = np.array(voice_ranges(voices)).T[..., None]
    outside = np.maximum(low - line, 0) + np.maximum(line - high, 0)
    return int(outside.mean(axis=1).argmin())


def without_rests(line):
    """Make of a part a line without rests, since Bach's voices hardly have any.

    Parameters
    ----------
    line : int array [step]
        MIDI pitches, REST somewhere, not everywhere.

    Returns
    -------
    int array [step]
        The note before a rest is held, the first note begins at once.
    """
    sounding = np.flatnonzero(line != REST)
    latest = np.searchsorted(sounding, np.arange(len(line)), side="right") - 1
    return line[sounding[np.maximum(latest, 0)]].astype(np.int64)


def way_to_range(line, low, high):
    """Find the smallest interval by which most of a line comes into a range.

    Parameters
    ----------
    line : int array [step]
    low, high : int
        The range's ends, which belong to it.

    Returns
    -------
    octaves, semitones : int
        Their sum, upwards; at most half an octave of semitones.
    """

    def outside(interval):
        moved = line + interval
        return np.mean((moved < low) | (moved > high)), abs(interval)

    interval = min(range(-PITCHES // 2, PITCHES // 2 + 1), key=outside)
    octaves = round(interval / OCTAVE)
    return octaves, interval - OCTAVE * octaves


def move_around(probability, line, place):
    """Move what was proposed for voices below a soprano by octaves, to where they surround the line.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
        Of the lower voices of a network that heard the line as a soprano.
    line : int array [step]
        Where it stands.
    place : int
        How many voices go above the line.

    Returns
    -------
    float array [step, voice, pitch=128]
        Each pitch in other octaves too, less likely, so that a voice can make way for the line.
    """
    ranges = np.delete(voice_ranges(1 + probability.shape[1]), place, axis=0)
    moved = np.empty_like(probability)
    for voice, middle in enumerate(ranges.mean(axis=1)):
        usual = np.median(probability[:, voice].argmax(axis=-1))
        interval = OCTAVE * round((middle - usual) / OCTAVE)
        by_octave = [
            ELSEWHERE ** abs(octave) * np.roll(probability[:, voice], interval + OCTAVE * octave, axis=-1)
            for octave in (-1, 0, 1)
        ]
        across = np.sign(np.arange(PITCHES) - line[:, None]) == (-1 if voice < place else 1)
        moved[:, voice] = np.where(across, ACROSS, 1) * np.max(by_octave, axis=0)
    return moved / moved.sum(axis=-1, keepdims=True)


def phases(melody, heard):
    """Tell which sixteenth of a beat each step is for the search.

    Parameters
    ----------
    melody : Melody
    heard : int array [step]
        Of :func:`.hear_in_common_time`.

    Returns
    -------
    int array [step]
        In beats of triplets, after the first step, the same throughout.
    """
    phase = heard % STEPS_PER_BEAT
    if melody.triplet is None:
        return phase
    return np.where(melody.triplet, np.take(TRIPLET_PHASES, phase), phase)


def describe_placement(melody, place, voices, octaves, semitones, as_soprano):
    """Say how a melody was placed for the network, and which voice it is.

    Parameters
    ----------
    melody : Melody
    place, voices : int
        Which voice it is, of how many.
    octaves, semitones : int
        How much higher the network heard it.
    as_soprano : bool
        Whether the network knows melodies as sopranos only.

    Yields
    ------
    str
    """
    parts = [(abs(octaves), "octave"), (abs(semitones), "semitone")]
    if octaves * semitones < 0:
        parts = [(abs(OCTAVE * octaves + semitones), "semitone")]
    interval = " and ".join(f"{count} {unit}{'s' * (count > 1)}" for count, unit in parts if count)
    way = "higher" if OCTAVE * octaves + semitones > 0 else "lower"
    if place:
        names = voice_names(voices)
        above, below = ", ".join(names[:place]), ", ".join(names[place + 1 :])
        sentence = f"It has the range of the {names[place]} and is that voice here: {above} join above it"
        sentence += f", {below} below it." if below else "."
        if as_soprano:
            sentence += f" The model, which knows melodies only as sopranos, heard it {interval} {way}."
        elif interval:
            sentence += f" The model heard it {interval} {way}; it stays where it is."
        yield sentence
    elif interval:
        yield f"It lies outside a soprano's range: the model heard it {interval} {way}; it stays where it is."
    meters = list(dict.fromkeys(f"{meter.numerator}/{meter.denominator}" for meter in melody.meters))
    if meters != ["4/4"]:
        yield f"It is in {', '.join(meters)}; the model, which knows 4/4, hears it in bars of four beats."
    if melody.pickup:
        beats = f"{float(melody.pickup):g} beats" if melody.pickup != 1 else "one beat"
        yield f"A pickup of {beats} comes before its first bar line."
