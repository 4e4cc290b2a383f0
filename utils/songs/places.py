"""Places in a song as musicians name them: bars by number, and a beat of a bar as ``2:3``.

Bars count from the first full one, a pickup being bar 0, and beats as the meter counts them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from fractions import Fraction
from numbers import Integral

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT, grid_to_notes
from ..music.meter import divide_into_bars
from .song import MelodyError

PLACE = re.compile(r"(\d{1,6}):(\d{1,4}(?:\.\d{1,6})?)")
BARS = re.compile(r"(\d{1,6})(?:[-\N{EN DASH}](\d{1,6}))?")
BARS_ADVICE = 'Name bars by number, as in "5-8 11"'
NOTE_ADVICE = 'Name bar and beat, as in "3:2.5"'
LONGEST_SHOWN = 40  # letters of a mistake


def find_step(song, place, steps=None, kind="place", advice=NOTE_ADVICE):
    """Find the step of a bar and beat.

    Parameters
    ----------
    song : Song or Melody
        Its meters, pickup and bars count.
    place : str or pair
        Such as ``"2:3"`` or ``(2, 3)``: the third beat of bar 2.
    steps : int, optional
        How long the music is; by default as long as the melody.
    kind, advice : str
        For messages: what the place should be, and how to say it.

    Returns
    -------
    int

    Raises
    ------
    MelodyError
        If it is no place, or none of this song.
    """
    steps = len(song.grid) if steps is None else steps
    text = place if isinstance(place, str) else ":".join(map(str, place)) if _is_pair(place) else ""
    found = PLACE.fullmatch(text.strip())
    if not found or Fraction(found[2]) < 1:
        raise MelodyError(source_of(song), f"{shown(place)} is no {kind}", advice)
    bars, first = bars_of(song, steps)
    number = int(found[1]) - first
    if not 0 <= number < len(bars):
        raise MelodyError(source_of(song), f"{shown(place)}: its bars are {_which(bars, first)}", advice)
    bar = bars[number]
    beat = _beat_one(bar, number, first) + (Fraction(found[2]) - 1) * Fraction(4, bar.denominator)
    if not bar.start <= beat < bar.end:
        raise MelodyError(source_of(song), f"{shown(place)}: that bar has no such beat", advice)
    return int(beat * STEPS_PER_BEAT)


def name_place(song, steps, step):
    """Name a step by bar and beat, as :func:`find_step` reads them: ``2:3``."""
    return name_places(song, steps, [step])[0]


def name_places(song, steps, wanted):
    """Name several steps as :func:`name_place` does one: list of str."""
    bars, first = bars_of(song, steps)
    starts, names = [bar.start for bar in bars], []
    for step in wanted:
        beat = Fraction(int(step), STEPS_PER_BEAT)
        number = bisect_right(starts, beat) - 1
        bar = bars[number]
        count = 1 + (beat - _beat_one(bar, number, first)) / Fraction(4, bar.denominator)
        names.append(f"{number + first}:{float(count):g}")
    return names


def find_bars(song, asked, steps=None):
    """Find the steps of bars.

    Parameters
    ----------
    song : Song or Melody
        Its meters, pickup and bars count.
    asked : str, int or sequence of them
        Numbers and ranges, such as ``"5-8 11"``, ``11`` or ``["5-8", 11]``; a pickup is bar 0.
    steps : int, optional
        How long the music is; by default as long as the melody.

    Returns
    -------
    bool array [step]
        True within those bars.

    Raises
    ------
    MelodyError
        If these are no bars, or the song does not have them.
    """
    steps = len(song.grid) if steps is None else steps
    bars, first = bars_of(song, steps)
    words = asked if isinstance(asked, list | tuple | range | set | np.ndarray) else [asked]
    words = [part for word in words for part in re.split(r"[\s,;]+", str(word).strip()) if part]
    chosen = np.zeros(steps, bool)
    for word in words:
        found = BARS.fullmatch(word)
        begin, end = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if end < begin:
            raise MelodyError(source_of(song), f"{shown(word)} names no bars", BARS_ADVICE)
        if not (first <= begin and end - first < len(bars)):
            named = f"bar {begin}" if begin == end else f"bars {begin} to {end}"
            reason = f"there {'is' if begin == end else 'are'} no {named}: its bars are {_which(bars, first)}"
            raise MelodyError(source_of(song), reason, BARS_ADVICE)
        start, stop = bars[begin - first].start, bars[end - first].end
        chosen[int(STEPS_PER_BEAT * start) : int(STEPS_PER_BEAT * stop)] = True
    if not words:
        raise MelodyError(source_of(song), "no bars are named", BARS_ADVICE)
    return chosen


def find_note(song, grid, onset, place):
    """Find the note of one voice that sounds at a bar and beat.

    Parameters
    ----------
    song : Song or Melody
        Its meters, pickup and bars count.
    grid : int array [step]
    onset : bool array [step]
    place : str, pair or int
        As for :func:`find_step`, or a step.

    Returns
    -------
    start, end, pitch : int
        In steps, end exclusive.

    Raises
    ------
    MelodyError
        If it is no place, or the voice rests there.
    """
    step = int(place) if isinstance(place, Integral) else find_step(song, place, len(grid))
    if not 0 <= step < len(grid):
        reason = f"there is no step {step}: the music has {len(grid)} of them"
        raise MelodyError(source_of(song), reason, NOTE_ADVICE)
    if grid[step] == REST:
        reason = f"the voice rests at {name_place(song, len(grid), step)}"
        raise MelodyError(source_of(song), reason, "Name a place where it sounds")
    return next(note for note in grid_to_notes(grid, onset) if note[0] <= step < note[1])


def bars_of(song, steps):
    """Divide music into bars.

    Parameters
    ----------
    song : Song or Melody
    steps : int

    Returns
    -------
    list of Bar
    int
        The number of the first one: 0 if it is a pickup.
    """
    bars = divide_into_bars(song.meters, song.pickup, Fraction(steps, STEPS_PER_BEAT), song.bars)
    return bars, 0 if song.pickup else 1


def source_of(song):
    """Say what a song or melody is called in messages."""
    return getattr(song, "source", "") or getattr(song, "title", "") or "the melody"


def shown(value):
    """Show what somebody gave, or its beginning."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _which(bars, first):
    return f"{first} to {first + len(bars) - 1}" if len(bars) > 1 else f"only {first}"


def _beat_one(bar, number, first):
    """Tell where the beats of a bar are counted from: of a pickup, they are those that end its bar."""
    return bar.end - bar.full if (number, first) == (0, 0) else bar.start


def _is_pair(place):
    return isinstance(place, tuple | list) and len(place) == 2
