"""Where phrases end: guessed from a bare melody.

A small logistic regression tells for every note how likely a phrase that began at some note ends with it:
from its length, its place in the bar, the notes around it, and how long the phrase is by then. Of all ways to
divide the melody the likeliest is found (Viterbi). ``pretrained/make_phrases.py`` fits the weights on the
fermatas of Bach's training chorales.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from .counting import find_notes
from .grid import STEPS_PER_BAR, STEPS_PER_BEAT
from .theory import OCTAVE, find_key

WEIGHTS_FILE = Path(__file__).with_suffix(".json")
LONGEST = 8  # bars that a phrase may last
SHORT_GAP = STEPS_PER_BEAT // 2  # silence of fewer steps is no rest
SHORT_BAR = 3 * STEPS_PER_BEAT  # two bars that are shorter than this count as one
OPENING = 4  # notes of the opening that a new phrase may take up again
NEAR = 1e-6
CERTAIN = 1e3  # the odds of an end, as a logarithm
WHOLE_TONE, THIRD = 2, 4


def guess_phrase_ends(line, onset, bars, known=()):
    """Guess where the last note of each phrase begins.

    Parameters
    ----------
    line : int array [step]
        MIDI pitches of a melody, -1 = rest.
    onset : bool array [step]
    bars : int array [bar]
        The steps where full bars begin. Without any, bars of sixteen steps are counted from the first note.
    known : sequence of int
        Steps where notes begin that are known to end phrases; only what lies between is guessed.

    Returns
    -------
    int array [phrase]
        Steps, ascending. The melody's last note always ends one; silence has none.
    """
    start, place, unit, described = describe_notes(line, onset, bars)
    weights = _read_weights()
    if not len(start):
        return start
    alone = weigh(described, weights["note"])
    alone = np.where(np.isin(start, list(known)), CERTAIN, alone)
    by_length = weigh(describe_lengths(np.arange(LONGEST * unit + 1) / unit), weights["length"])
    return start[find_likeliest_ends(place, alone, by_length)]


def describe_notes(line, onset, bars):
    """Describe the notes of a melody by all that does not depend on where the phrase began.

    Parameters
    ----------
    line, onset, bars
        As for :func:`guess_phrase_ends`.

    Returns
    -------
    start : int array [note]
        In steps.
    place : int array [note + 1]
        Where each note begins, and last where the melody ends, in steps from its beginning.
    unit : int
        Steps of a bar, or, where bars are short, of two.
    described : dict of str to array [note]
        By feature, a number or whether it is so.
    """
    line = np.asarray(line, int)[:, None]
    notes = find_notes(line, np.asarray(onset, bool)[:, None])
    start, pitch = notes.start, notes.pitch
    if not len(start):
        return start, np.zeros(1, int), STEPS_PER_BAR, {}
    bars = np.asarray(bars, int)
    bar = int(np.median(np.diff(bars))) if len(bars) > 1 else STEPS_PER_BAR
    bars = bars if len(bars) else start[:1]
    following = np.append(start[1:], start[-1] + notes.length[-1])
    gap = following - start - notes.length
    length = np.where(gap < SHORT_GAP, following - start, notes.length)
    # Where the note begins in its bar; what comes before the first bar line is the end of a bar.
    line_before = np.searchsorted(bars, start, side="right") - 1
    in_bar = np.where(line_before >= 0, start - bars[line_before], start - bars[0]) % bar / bar
    unit = bar if bar >= SHORT_BAR else 2 * bar
    place = np.append(start, following[-1]) - start[0]
    before, after = np.append(0, np.diff(pitch)), np.append(np.diff(pitch), 0)
    previous, coming = np.append(length[0], length[:-1]), np.append(length[1:], length[-1])
    degree = (pitch - find_key(np.bincount(pitch % OCTAVE, length, OCTAVE))[0]) % OCTAVE
    same_rhythm, same_tune = _takes_up_opening(length, pitch)
    since_beginning, left = place[1:] / unit, (place[-1] - place[1:]) / unit
    described = {
        "any note": np.ones(len(start)),
        "length": np.log2(length / STEPS_PER_BEAT),
        "two beats or more": length >= 2 * STEPS_PER_BEAT,
        "less than a beat": length < STEPS_PER_BEAT,
        "beside the usual length": np.log2(length / np.median(length)),
        "beside the next": np.log2(length / coming),
        "beside the previous": np.log2(length / previous),
        "rest after": gap >= SHORT_GAP,
        "first of the bar": in_bar == 0,
        "half of the bar": in_bar == 0.5,
        "off the beat": start % STEPS_PER_BEAT != bars[0] % STEPS_PER_BEAT,
        "whole bars since the beginning": _is_whole(since_beginning),
        "half bars since the beginning": _is_whole(2 * since_beginning),
        "pairs of bars since the beginning": _is_whole(since_beginning / 2),
        "leap after": np.abs(after) > THIRD,
        "third after": (np.abs(after) > WHOLE_TONE) & (np.abs(after) <= THIRD),
        "repeated after": after == 0,
        "upwards after": after > 0,
        "step down before": (before < 0) & (before >= -WHOLE_TONE),
        "step up before": (before > 0) & (before <= WHOLE_TONE),
        "repeated before": before == 0,
        "leap before": np.abs(before) > THIRD,
        "on the first degree": degree == 0,
        "on the second": degree == 2,
        "on the third": np.isin(degree, (3, 4)),
        "on the fifth": degree == 7,
        "on the leading tone": degree == 11,
        "then the rhythm of the opening": same_rhythm,
        "then the tune of the opening": same_tune,
        "bars left": np.minimum(left, 2),
    }
    return start, place, unit, described


def describe_lengths(length):
    """Describe how long a phrase is, in bars: dict of str to bool or float array of the same shape."""
    length = np.asarray(length)
    exact = (1, 1.5, 2, 2.5, 3, 4)
    return {f"{bars:g} bars": np.abs(length - bars) < NEAR for bars in exact} | {
        "a quarter off two bars": np.abs(np.abs(length - 2) - 0.25) < NEAR,
        "whole bars": _is_whole(length),
        "half bars": _is_whole(2 * length),
        "under one bar": length < 0.9,
        "under two bars": length < 1.9,
        "over two bars": length > 2.1,
        "over four bars": length > 4.1,
        "bars": np.minimum(length, 4),
    }


def weigh(described, weights):
    """Add up what is described, each by its weight: float array."""
    return sum(weight * described[name] for name, weight in weights.items())


def find_likeliest_ends(place, alone, by_length):
    """Divide a melody into its likeliest phrases.

    The chance that a phrase ends with a note, if it has not ended before, is the logistic function of a sum
    of two: what speaks for the note, and what for the length that the phrase would have.

    Parameters
    ----------
    place : int array [note + 1]
        In steps, as of :func:`describe_notes`.
    alone : float array [note]
        What speaks for each note.
    by_length : float array [step]
        What speaks for each length, from 0 up. No phrase is longer, unless a single note is.

    Returns
    -------
    int array [phrase]
        The notes with which phrases end, the last of all among them.
    """
    notes = len(alone)
    best, origin = np.full(notes + 1, -np.inf), np.zeros(notes + 1, int)
    best[0] = 0
    longest = len(by_length) - 1
    reaches = np.searchsorted(place, place[:-1] + longest, side="right") - 1
    reaches = np.maximum(reaches, np.arange(1, notes + 1))
    for begin, reach in enumerate(reaches.tolist()):
        lengths = np.minimum(place[begin + 1 : reach + 1] - place[begin], longest)
        odds = alone[begin:reach] + by_length[lengths]
        goes_on = -np.logaddexp(0, odds)
        ends = odds + goes_on
        if reach == notes:
            ends[-1] = 0  # the last note ends whatever it ends
        score = best[begin] + np.cumsum(goes_on) - goes_on + ends
        better = score > best[begin + 1 : reach + 1]
        best[begin + 1 : reach + 1][better] = score[better]
        origin[begin + 1 : reach + 1][better] = begin
    ends = [notes]
    while origin[ends[-1]]:
        ends.append(origin[ends[-1]])
    return np.array(ends[::-1]) - 1


@functools.cache
def _read_weights():
    return json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))


def _is_whole(number):
    return np.abs(number - np.round(number)) < NEAR


def _takes_up_opening(length, pitch):
    """Tell after which notes the rhythm, and the intervals, of the opening come again: bool [note] each."""
    rhythm, tune = np.zeros((2, len(length)), bool)
    if len(length) > 2 * OPENING:
        lengths = np.lib.stride_tricks.sliding_window_view(length, OPENING)
        intervals = np.lib.stride_tricks.sliding_window_view(np.diff(pitch), OPENING)
        rhythm[: len(lengths) - 1] = (lengths[1:] == lengths[0]).all(axis=1)
        tune[: len(intervals) - 1] = (intervals[1:] == intervals[0]).all(axis=1)
    return rhythm, tune
