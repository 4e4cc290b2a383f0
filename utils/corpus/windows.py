"""Two-bar windows of pieces."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..music.grid import PITCHES, REST, STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW
from ..music.meter import Meter, hear_in_common_time, heard_steps

IN_THREE = Meter(Fraction(0), 3, 4)


def window_starts(piece):
    """List where two whole bars begin in which no voice rests for a bar.

    Parameters
    ----------
    piece : Piece

    Returns
    -------
    list of int
        Steps, in order. Only bars of sixteen steps count, so a piece in 3/4 has none.
    """
    bars = set(piece.bars.tolist())
    starts = []
    for start in sorted(bars):
        window = piece.grid[start : start + STEPS_PER_WINDOW]
        whole = len(window) == STEPS_PER_WINDOW
        # A bar that another one interrupts is no bar of 4/4.
        begun = bars & set(range(start, start + STEPS_PER_WINDOW))
        if whole and begun == {start, start + STEPS_PER_BAR} and _every_bar_sounds(window):
            starts.append(start)
    return starts


def _every_bar_sounds(window):
    bars = window.reshape(-1, STEPS_PER_BAR, window.shape[-1])
    return bool((bars != REST).any(axis=1).all())


def windows(pieces):
    """Cut every two-bar window out of some pieces.

    Parameters
    ----------
    pieces : iterable of Piece

    Returns
    -------
    grid : int8 array [sample, step=32, voice=4]
    onset : bool array [sample, step=32, voice=4]
    """
    places = [(c, slice(s, s + STEPS_PER_WINDOW)) for c in pieces for s in window_starts(c)]
    return np.stack([c.grid[w] for c, w in places]), np.stack([c.onset[w] for c, w in places])


def windows_in_three(pieces):
    """Cut every two bars on end out of pieces in 3/4, as a model that knows bars of four beats hears them.

    Parameters
    ----------
    pieces : sequence of Piece
        At least one; those in other meters are passed over.

    Returns
    -------
    int8 array [sample, step=32, voice]
        See :func:`.hear_in_common_time`: the second beat of each bar is twice as long.
    """
    length = 2 * int(IN_THREE.steps)
    source = heard_steps(hear_in_common_time([IN_THREE], 0, length))
    cuts = []
    for piece in pieces:
        if piece.meter != f"{IN_THREE.numerator}/{IN_THREE.denominator}":
            continue
        bars = set(piece.bars.tolist())
        for start in sorted(bars):
            begun = bars & set(range(start, start + length))
            if start + length <= len(piece.grid) and begun == {start, start + length // 2}:
                window = piece.grid[start : start + length][source]
                cuts += [window] if _every_bar_sounds(window) else []
    return np.array(cuts, np.int8).reshape(-1, STEPS_PER_WINDOW, pieces[0].grid.shape[1])


def opening_windows(pieces):
    """Cut one window out of each piece: the first that no piece before it has, in any key.

    Parameters
    ----------
    pieces : iterable of Piece
        Those without a window are passed over.

    Returns
    -------
    list of (grid int8 [step=32, voice], onset bool [step=32, voice])
    """
    seen, cuts = set(), []
    for piece in pieces:
        spans = [slice(start, start + STEPS_PER_WINDOW) for start in window_starts(piece)]
        prints = [frozenset(fingerprints(piece.grid[span], STEPS_PER_WINDOW)) for span in spans]
        fresh = [place for place, fingerprint in enumerate(prints) if fingerprint not in seen]
        if spans:
            chosen = fresh[0] if fresh else 0
            seen.add(prints[chosen])
            cuts.append((piece.grid[spans[chosen]], piece.onset[spans[chosen]]))
    return cuts


def fingerprints(grid, length=STEPS_PER_BAR):
    """Fingerprint each bar-long stretch of four voices, a beat apart, whatever its key.

    Parameters
    ----------
    grid : int array [step, voice]
    length : int
        Steps.

    Returns
    -------
    set of bytes
        Empty for a piece shorter than ``length``.
    """
    prints = set()
    for start in range(0, len(grid) - length + 1, STEPS_PER_BEAT):
        stretch = grid[start : start + length].astype(int)
        sounding = stretch[stretch != REST]
        if len(sounding):
            relative = np.where(stretch == REST, PITCHES, stretch - sounding[0])
            prints.add(relative.astype(np.int16).tobytes())
    return prints
