"""Where the phrases of a melody end: told by its owner, read from its signs, else guessed."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from ..music.grid import STEPS_PER_BEAT, to_steps
from ..music.meter import bar_lines, divide_into_bars
from ..music.phrases import LONGEST, describe_notes, guess_phrase_ends
from .song import MelodyError

SIGNS = {"fermata": "fermata", "breath": "breath mark"}
PLACE = re.compile(r"(\d{1,6}):(\d{1,4}(?:\.\d{1,6})?)")
NOT_AT_ALL = "none"
MOST_TOLD = 8  # phrases whose ends are listed
ADVICE = 'Name bar and beat of the last note of each phrase, as in "2:3 4:3", or say "none"'


def find_phrase_ends(song, signs, grid, onset, asked=None):
    """Find where the last notes of a melody's phrases begin.

    Parameters
    ----------
    song : Song
        The meters and bars count.
    signs : sequence of Sign
        What is written with the melody. Fermatas and breath marks end phrases. Where they are too far
        apart to be all, phrases between them are guessed; slurs say nothing, since most of them are bows.
    grid, onset : int and bool array [step]
        The melody.
    asked : str or sequence, optional
        The owner's word: places such as ``"2:3"`` or ``(2, 3)``, the third beat of bar 2, at which the last
        notes sound, or "none". Bars count from the first full one, a pickup being bar 0, and beats as the
        meter counts them.

    Returns
    -------
    tuple of int
        Steps, ascending; empty for "none".
    str
        A sentence on where they are and how that is known.

    Raises
    ------
    MelodyError
        If the owner's word is no such places, or names one where there is no melody.
    """
    bars = bar_lines(song.meters, song.pickup, len(grid), song.bars)
    starts = np.flatnonzero(onset)
    if asked is not None:
        ends = _as_asked(song, grid, starts, asked)
        return ends, _tell(song, grid, ends, "as you say") if ends else "No phrases, as you say."
    marks = {}
    for sign in signs:
        step = to_steps(sign.tick, song.ticks_per_beat)
        if sign.kind in SIGNS and step >= starts[0]:
            # Of tied notes the last one has the sign, but the first begins.
            marks[int(starts[np.searchsorted(starts, step, side="right") - 1])] = sign.kind
    known, read = set(marks), _count(marks.values())
    if known and _are_all(grid, onset, bars, known):
        # The last note ends a phrase also where nothing is written above it.
        ends = tuple(sorted(known | {int(starts[-1])}))
        return ends, _tell(song, grid, ends, f"read from {read}")
    ends = tuple(guess_phrase_ends(grid, onset, bars, tuple(known)).tolist())
    way = f"read from {read}, the others guessed" if known - {int(starts[-1])} else "guessed"
    return ends, _tell(song, grid, ends, f"{way}; say otherwise with phrases= (--phrases)")


def _count(kinds):
    """Count signs in words: ``6 fermatas and 1 breath mark``."""
    kinds = list(kinds)
    counts = [(kinds.count(kind), name) for kind, name in SIGNS.items()]
    return " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count)


def _are_all(grid, onset, bars, known):
    """Tell whether no phrase between known ends would be longer than a phrase is."""
    start, place, unit, _ = describe_notes(grid, onset, bars)
    ends = place[1:][np.isin(start, list(known))]
    return np.diff([0, *ends, place[-1]]).max() <= LONGEST * unit


def _as_asked(song, grid, starts, asked):
    """Read the owner's word: tuple of int."""
    if isinstance(asked, str):
        asked = [] if asked.strip().lower() == NOT_AT_ALL else re.split(r"[\s,;]+", asked.strip())
    elif isinstance(asked, tuple | list):
        asked = [] if list(asked) == [NOT_AT_ALL] else asked
    else:
        asked = [asked]
    ends = {int(starts[-1])} if asked else set()  # with the melody its last phrase ends
    for place in asked:
        step = _step_of(song, len(grid), place)
        if step < starts[0]:
            raise MelodyError(song.source, f"no note has begun at {_name(place)}", ADVICE)
        ends.add(int(starts[np.searchsorted(starts, step, side="right") - 1]))
    return tuple(sorted(ends))


def _step_of(song, steps, place):
    """Find the step of a bar and beat."""
    text = place if isinstance(place, str) else ":".join(map(str, place)) if _is_pair(place) else ""
    found = PLACE.fullmatch(text.strip())
    if not found or Fraction(found[2]) < 1:
        raise MelodyError(song.source, f"{_name(place)} is no place for the end of a phrase", ADVICE)
    bars = divide_into_bars(song.meters, song.pickup, Fraction(steps, STEPS_PER_BEAT), song.bars)
    number = int(found[1]) - (0 if song.pickup else 1)
    if not 0 <= number < len(bars):
        last = len(bars) - (1 if song.pickup else 0)
        first = 0 if song.pickup else 1
        raise MelodyError(song.source, f"{_name(place)}: its bars are {first} to {last}", ADVICE)
    bar = bars[number]
    # Of a pickup, the beats are those that end its bar.
    begin = bar.end - bar.full if song.pickup and number == 0 else bar.start
    beat = begin + (Fraction(found[2]) - 1) * Fraction(4, bar.denominator)
    if not bar.start <= beat < bar.end:
        raise MelodyError(song.source, f"{_name(place)}: that bar has no such beat", ADVICE)
    return int(beat * STEPS_PER_BEAT)


def name_place(song, steps, step):
    """Name a step by bar and beat, as :func:`find_phrase_ends` reads them: ``2:3``."""
    bars = divide_into_bars(song.meters, song.pickup, Fraction(steps, STEPS_PER_BEAT), song.bars)
    beat = Fraction(step, STEPS_PER_BEAT)
    number = max(index for index, bar in enumerate(bars) if bar.start <= beat)
    bar = bars[number]
    begin = bar.end - bar.full if song.pickup and number == 0 else bar.start
    return (
        f"{number + (0 if song.pickup else 1)}:{float(1 + (beat - begin) / Fraction(4, bar.denominator)):g}"
    )


def _tell(song, grid, ends, way):
    places = [name_place(song, len(grid), step) for step in ends[:MOST_TOLD]]
    more = f" and {len(ends) - MOST_TOLD} more" if len(ends) > MOST_TOLD else ""
    return f"Phrases end (bar:beat) at {', '.join(places)}{more}: {way}."


def _is_pair(place):
    return isinstance(place, tuple | list) and len(place) == 2


def _name(place):
    text = place if isinstance(place, str) else repr(place)
    return text if len(text) <= 40 else f"{text[:40]}…"
