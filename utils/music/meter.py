"""Meter: where bars begin, and how a model that knows only 4/4 hears other bars.

Beats are quarter notes, a step is a sixteenth, whatever the meter.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .grid import STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW

TYPICAL = (4, 4)  # where nothing is said
UNITS = (1, 2, 4, 8, 16, 32, 64)  # that a meter may count, as parts of a whole note
AUDIBLE = 0.02  # of a beat: by so much a time signature may move without a word


class Meter(NamedTuple):
    """A time signature and the beat, in quarter notes from the beginning, where it comes into force."""

    beat: Fraction
    numerator: int
    denominator: int

    @property
    def steps(self):
        """Sixteenths a bar; a fraction in such meters as 5/32."""
        return Fraction(STEPS_PER_BAR * self.numerator, self.denominator)


def tidy_meters(meters):
    """Bring time signatures into order: the first at beat 0, no two at one beat, none that changes nothing.

    Those whose bars are shorter than a step are left out: bytes may say so, but no music does.

    Parameters
    ----------
    meters : iterable of Meter

    Returns
    -------
    tuple of Meter
        Not empty: 4/4 from the beginning where nothing else is said.
    """
    at = {Fraction(0): Meter(Fraction(0), *TYPICAL)}
    at |= {m.beat: m for m in meters if m.numerator > 0 and m.denominator > 0 and m.steps >= 1}
    tidy = []
    for meter in (at[beat] for beat in sorted(at)):
        if not tidy or tidy[-1][1:] != meter[1:]:
            tidy.append(meter)
    return tuple(tidy)


def snap_meters(meters):
    """Let time signatures begin with a step, the nearest one, and leave out what is no meter.

    Parameters
    ----------
    meters : iterable of Meter

    Returns
    -------
    list of Meter
        None with bars shorter than a step, or of units that no note has.
    tuple of str
        What can be heard of it, a sentence each.
    """
    kept, left_out, moved = [], [], []
    for meter in meters:
        name = f"{meter.numerator}/{meter.denominator}"
        if meter.numerator <= 0 or meter.denominator not in UNITS or meter.steps < 1:
            left_out.append(name)
            continue
        beat = nearest_step(meter.beat)
        moved.append((abs(meter.beat - beat), name, meter.beat))
        kept.append(meter._replace(beat=beat))
    remarks = []
    shift, name, beat = max(moved, default=(0, "", 0))
    if shift > AUDIBLE:
        remarks.append(
            f"A time signature, {name}, stands {float(shift):.3f} beats off the sixteenths, at beat "
            f"{float(beat):.2f}: it counts at the nearest one."
        )
    if left_out:
        remarks.append(f"No meter, and left out: {', '.join(dict.fromkeys(left_out))}.")
    return kept, tuple(remarks)


def snap_bars(bars):
    """Let the bars of a score begin and end with a step, the nearest one, and leave out those without any.

    Parameters
    ----------
    bars : sequence of Bar or None
        Without gaps from beat 0.

    Returns
    -------
    tuple of Bar or None
        None if there are none left.
    """
    snapped = []
    for bar in bars or ():
        start, end = nearest_step(bar.start), nearest_step(bar.end)
        if start < end:
            meter = (
                bar[2:] if bar.denominator in UNITS else (int(STEPS_PER_BEAT * (end - start)), STEPS_PER_BAR)
            )
            snapped.append(Bar(start, end, *meter))
    return tuple(snapped) or None


def nearest_step(beat):
    """Move a place in beats to the nearest step, up from the middle: Fraction."""
    return Fraction(math.floor(STEPS_PER_BEAT * Fraction(beat) + Fraction(1, 2)), STEPS_PER_BEAT)


def split_pickup(meters):
    """Take a first bar of a short meter of its own, as some programs write a pickup, for a pickup.

    Parameters
    ----------
    meters : tuple of Meter
        As :func:`tidy_meters` gives them.

    Returns
    -------
    meters : tuple of Meter
    pickup : Fraction
        Beats before the first bar line.
    """
    if len(meters) > 1:
        first, second = meters[:2]
        length = first.steps / STEPS_PER_BEAT
        if second.beat == length and first.steps < second.steps:
            return (second._replace(beat=Fraction(0)), *meters[2:]), length
    return meters, Fraction(0)


class Bar(NamedTuple):
    """A bar, in quarter notes from the beginning; it may be shorter than its meter says."""

    start: Fraction
    end: Fraction
    numerator: int
    denominator: int

    @property
    def missing(self):
        """Quarter notes by which it is too short: a pickup, or a bar that another meter interrupts."""
        return Fraction(4 * self.numerator, self.denominator) - (self.end - self.start)

    @property
    def full(self):
        """Quarter notes that its meter says it lasts."""
        return Fraction(4 * self.numerator, self.denominator)


def divide_into_bars(meters, pickup, end, bars=None):
    """Divide a piece into bars. All bar lines of the project come from here.

    Parameters
    ----------
    meters : sequence of (beat, numerator, denominator)
        The first at beat 0, as :func:`tidy_meters` gives them. One that begins within a bar ends that bar.
    pickup : number
        Beats before the first bar line; then the first bar is the pickup.
    end : number
        Beats of the piece.
    bars : sequence of Bar, optional
        The bars of a score, without gaps from beat 0, where they are not what its meters and pickup say.
        Those that begin before ``end`` are taken as they are; meters say how it goes on behind them.

    Returns
    -------
    list of Bar
        Without gaps from beat 0 to ``end`` or beyond; at least one.

    Raises
    ------
    ValueError
        If no time signature begins at beat 0.
    """
    meters = sorted(Meter(Fraction(beat), int(over), int(under)) for beat, over, under in meters)
    if not meters or meters[0].beat != 0:
        raise ValueError(f"meters={meters}: the first time signature must begin at beat 0.")
    bars = [bar for bar in bars or () if bar.start < end or bar.start == 0]
    start, current = bars[-1].end if bars else Fraction(0), 0
    while start < end or not bars:
        while current + 1 < len(meters) and meters[current + 1].beat <= start:
            current += 1
        _, over, under = meters[current]
        stop = start + (Fraction(pickup) if not bars and pickup else Fraction(4 * over, under))
        if current + 1 < len(meters):
            stop = min(stop, meters[current + 1].beat)
        bars.append(Bar(start, stop, over, under))
        start = stop
    return bars


def find_upbeats(bars):
    """Tell which bars are upbeats: counted from the bar line that ends them.

    A first bar that is too short is one. So is a later one that makes up a whole bar together with the
    short one before it, as where a repeat sign divides a bar, and one that lasts less than half of what
    its meter says. Other short bars lack their end.

    Parameters
    ----------
    bars : sequence of Bar

    Returns
    -------
    list of bool
    """
    answer = []
    for index, bar in enumerate(bars):
        before = bars[index - 1] if index else None
        completes = before is not None and before.missing > 0 and before.missing + bar.missing == bar.full
        answer.append(bar.missing > 0 and (not index or completes or 2 * bar.missing > bar.full))
    return answer


def bar_lines(meters, pickup, steps, bars=None):
    """List the steps where bars begin.

    Parameters
    ----------
    meters, pickup
        As for :func:`divide_into_bars`.
    steps : int
        Length of the piece.
    bars : sequence of Bar, optional
        As for :func:`divide_into_bars`.

    Returns
    -------
    int array [bar]
        Ascending, the first at the end of the pickup. Bars of less than a step that would begin where
        another one does are left out.
    """
    return np.array(list(_bars_by_step(meters, pickup, steps, bars)), int)


def _bars_by_step(meters, pickup, steps, bars=None):
    """Find the bar that begins at a step, and whether it is an upbeat: ascending, without the pickup."""
    divided = divide_into_bars(meters, pickup, Fraction(steps, STEPS_PER_BEAT), bars)
    # A bar that only a change of meter cuts short begins with a beat, however short it is.
    upbeats = find_upbeats(divided) if bars else [False] * len(divided)
    by_step = {
        math.floor(STEPS_PER_BEAT * bar.start + Fraction(1, 2)): (bar, upbeat)
        for bar, upbeat in list(zip(divided, upbeats, strict=True))[1 if pickup else 0 :]
    }
    return {step: bar for step, bar in by_step.items() if step < steps}


def beat_length(over, under):
    """Length of a beat in quarter notes: three of the unit in compound time."""
    compound = under >= 8 and over > 3 and over % 3 == 0
    return Fraction(4 * (3 if compound else 1), under)


def hear_in_common_time(meters, pickup, steps, bars=None):
    """Place the steps of a piece where a model that knows only bars of sixteen steps should hear them.

    Bars of 4/4 stay as they are, but begin with a bar of the model: a pickup comes before one. Where units
    go by threes, one of each three is heard twice as long: in 3/4 and its like the second, which of the
    three serves Bach's own chorales in 3/4 best; in 6/8, 9/8 and so on the third. So a bar of 3/4 has four
    beats, and so have the two beats of 6/8 together. Bars of 2/4 go two into one. All others are heard as
    they are, each beginning with a beat.

    Parameters
    ----------
    meters, pickup, steps
        As for :func:`bar_lines`.

    Returns
    -------
    int array [step]
        The model's step at which each step is heard: ascending, no two alike. Its place in a beat (modulo
        4) and in a bar (modulo 16) is the model's.
    """
    bars = _bars_by_step(meters, pickup, steps, bars)
    starts = [*bars, steps]
    first = starts[0]
    places, _ = _places(meters[0].numerator, meters[0].denominator)
    # The pickup is heard as the end of a bar.
    heard = list(places[-first:] if 0 < first <= len(places) else np.arange(first) + -first % STEPS_PER_BAR)
    for (bar, upbeat), (start, end) in zip(bars.values(), pairwise(starts), strict=True):
        places, length = _places(bar.numerator, bar.denominator)
        longer = end - start - len(places)  # a bar of more than its meter says goes on as it is
        places = np.append(places, places[-1] + 1 + np.arange(max(0, longer)))
        places = places[start - end :] if upbeat else places[: end - start]
        now = heard[-1] + 1 if heard else 0
        # The first beginning of a beat or bar of the model from which nothing is heard too early.
        now -= places[0] if upbeat else 0
        now += -now % math.gcd(STEPS_PER_BAR, length)
        heard.extend(now + places)
    return np.array(heard, int)


def heard_steps(heard, window=None):
    """Tell which step of a song the model hears at each of its own steps.

    Parameters
    ----------
    heard : int array [step]
        The model's step at which it hears each step, ascending.
    window : int, optional
        A length that the model's song must be a multiple of, besides two bars.

    Returns
    -------
    int array [step of the model]
        Between two steps of the song, and after the last, it hears the note before.
    """
    window = math.lcm(window or STEPS_PER_WINDOW, STEPS_PER_WINDOW)
    length = -(-(heard[-1] + 1) // window) * window
    return np.maximum(np.searchsorted(heard, np.arange(length), side="right") - 1, 0)


def _places(numerator, denominator):
    """Place the steps of one bar in a bar of the model: int array [step], and that bar's length."""
    steps = max(1, math.ceil(Fraction(STEPS_PER_BAR * numerator, denominator)))
    unit, rest = divmod(STEPS_PER_BAR, denominator)
    places = np.arange(steps)
    if numerator % 3 or rest:
        return places, STEPS_PER_BEAT * math.ceil(steps / STEPS_PER_BEAT)
    group, place = np.divmod(places, 3 * unit)
    longer = 2 if numerator == 3 else 3  # the unit that is heard twice as long
    return 4 * unit * group + place + unit * (place >= longer * unit), 4 * unit * (numerator // 3)
