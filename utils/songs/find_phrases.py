"""Where the phrases of a melody end: told by its owner, read from its signs, else guessed."""

from __future__ import annotations

import re

import numpy as np

from ..music.grid import to_steps
from ..music.meter import bar_lines
from ..music.phrases import LONGEST, describe_notes, guess_phrase_ends
from .places import find_step, name_place, shown
from .song import MelodyError

SIGNS = {"fermata": "fermata", "breath": "breath mark"}
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
        step = find_step(song, place, len(grid), "place for the end of a phrase", ADVICE)
        if step < starts[0]:
            raise MelodyError(song.source, f"no note has begun at {shown(place)}", ADVICE)
        ends.add(int(starts[np.searchsorted(starts, step, side="right") - 1]))
    return tuple(sorted(ends))


def _tell(song, grid, ends, way):
    places = [name_place(song, len(grid), step) for step in ends[:MOST_TOLD]]
    more = f" and {len(ends) - MOST_TOLD} more" if len(ends) > MOST_TOLD else ""
    return f"Phrases end (bar:beat) at {', '.join(places)}{more}: {way}."
