"""Metre: where bars begin, and how a model that knows only 4/4 hears other bars.

Beats are quarter notes, a step is a sixteenth, whatever the metre.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from utils.midi_utils import STEPS_PER_BAR, STEPS_PER_BEAT

TYPICAL = (4, 4)  # where nothing is said


class Meter(NamedTuple):
    """A time signature and the beat, in quarter notes from the beginning, where it comes into force."""

    beat: Fraction
    numerator: int
    denominator: int

    @property
    def steps(self):
        """Sixteenths a bar; a fraction in such metres as 5/32."""
        return Fraction(STEPS_PER_BAR * self.numerator, self.denominator)


def tidy_meters(meters):
    """Bring time signatures into order: the first at beat 0, no two at one beat, none that changes nothing.

    Parameters
    ----------
    meters : iterable of Meter

    Returns
    -------
    tuple of Meter
        Not empty: 4/4 from the beginning where nothing else is said.
    """
    at = {Fraction(0): Meter(Fraction(0), *TYPICAL)}
    at |= {meter.beat: meter for meter in meters if meter.numerator > 0 and meter.denominator > 0}
    tidy = []
    for meter in (at[beat] for beat in sorted(at)):
        if not tidy or tidy[-1][1:] != meter[1:]:
            tidy.append(meter)
    return tuple(tidy)


def split_pickup(meters):
    """Take a first bar of a short metre of its own, as some programs write a pickup, for a pickup.

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


def bar_lines(meters, pickup, steps):
    """List the steps where bars begin.

    Parameters
    ----------
    meters : sequence of Meter
        As :func:`tidy_meters` gives them.
    pickup : Fraction
        Beats before the first bar line.
    steps : int
        Length of the piece.

    Returns
    -------
    int array [bar]
        Ascending, the first at the end of the pickup. A bar that another metre interrupts is short.
    """
    return np.array([start for start, _ in _bars(meters, pickup, steps)], int)


def hear_in_common_time(meters, pickup, steps):
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
    bars = _bars(meters, pickup, steps)
    first = bars[0][0] if bars else steps
    places, _ = _places(meters[0])
    # The pickup is heard as the end of a bar.
    heard = list(places[-first:] if 0 < first <= len(places) else np.arange(first) + -first % STEPS_PER_BAR)
    starts = [start for start, _ in bars] + [steps]
    for (start, meter), end in zip(bars, starts[1:], strict=True):
        places, length = _places(meter)
        now = heard[-1] + 1 if heard else 0
        now += -now % math.gcd(STEPS_PER_BAR, length)
        heard.extend(now + places[: end - start])
    return np.array(heard, int)


def _bars(meters, pickup, steps):
    """List (step, metre) of each bar."""
    bars, at = [], pickup * STEPS_PER_BEAT
    ends = [meter.beat * STEPS_PER_BEAT for meter in meters[1:]] + [Fraction(steps)]
    for meter, end in zip(meters, ends, strict=True):
        while at < end:
            bars.append((round(at), meter))
            at += max(meter.steps, 1)
        at = max(pickup * STEPS_PER_BEAT, end)  # another metre begins a bar of its own
    return [(at, meter) for at, meter in bars if at < steps]


def _places(meter):
    """Place the steps of one bar in a bar of the model: int array [step], and that bar's length."""
    steps = max(1, math.ceil(meter.steps))
    unit, rest = divmod(STEPS_PER_BAR, meter.denominator)
    places = np.arange(steps)
    if meter.numerator % 3 or rest:
        return places, STEPS_PER_BEAT * math.ceil(steps / STEPS_PER_BEAT)
    group, place = np.divmod(places, 3 * unit)
    longer = 2 if meter.numerator == 3 else 3  # the unit that is heard twice as long
    return 4 * unit * group + place + unit * (place >= longer * unit), 4 * unit * (meter.numerator // 3)
