"""How notes are cut into what single note heads can show: bars, beats, triplets.

Notes are those of :mod:`.score`.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from ..music.meter import beat_length, find_upbeats

# Durations that one note head can show, in quarter notes.
PLAIN = tuple(Fraction(length) for length in (6, 4, 3, 2, 1.5, 1, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625))
TYPES = {4: "whole", 2: "half", 1: "quarter", 0.5: "eighth", 0.25: "16th", 0.125: "32nd", 0.0625: "64th"}
FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}
WHOLE = 4  # quarter notes
TRIPLET = Fraction(2, 3)  # three in the time of two
# How players group the units of a bar where neither twos nor threes alone make it up. Sevens go both ways;
# this one is also MuseScore's, whose version 3 puts flags between the beams of another one.
GROUPS = {4: (2, 2), 5: (3, 2), 7: (3, 2, 2), 8: (3, 3, 2), 10: (3, 3, 2, 2), 11: (3, 3, 3, 2)}


def pieces_by_bar(notes, bars):
    """Cut notes and rests into what single note heads can show.

    Returns
    -------
    list of list of (start, end, pitch, tie, tuplet)
        By bar; pitch is None for a rest, tie None, "start", "continue" or "stop", tuplet None, "start",
        "in" or "stop".
    """
    ends = [end for _, end, _ in notes]
    answer, first = [], 0
    for bar, upbeat in zip(bars, find_upbeats(bars), strict=True):
        start, end, over, under = bar
        while first < len(notes) and ends[first] <= start:
            first += 1
        inside, time, index = [], start, first
        while index < len(notes) and notes[index][0] < end:
            begin, stop, _ = notes[index]
            begin, stop = max(begin, start), min(stop, end)
            if begin > time:
                inside.append((time, begin, None))
            inside.append((begin, stop, index))
            time, index = stop, index + 1
        if time < end:
            inside.append((time, end, None))
        if bar.missing and inside == [(start, start + WHOLE, None)]:
            # Alone in a bar a whole rest is read as one of the whole bar, however long that would be.
            half = start + WHOLE / 2
            inside = [(start, half, None), (half, end, None)]
        # An upbeat is counted from the bar line that ends it.
        origin = end - bar.full if upbeat else start
        if len(inside) == 1 and inside[0][2] is None and not bar.missing:
            answer.append([(start, end, None, None, None)])
        else:
            answer.append(_notate(inside, notes, start, end, beat_length(over, under), origin))
    return answer


def _notate(inside, notes, start, end, beat, origin):
    """Cut the notes and rests of one bar."""
    triplets = _triplets({time for begin, stop, _ in inside for time in (begin, stop)}, start, end)
    heads = []
    for begin, stop, owner in inside:
        edges = sorted({begin, stop, *(edge for span in triplets for edge in span if begin < edge < stop)})
        for low, high in pairwise(edges):
            in_triplet = any(first <= low and high <= last for first, last in triplets)
            cut = _cut_triplet if in_triplet else _cut_plain
            heads += [(*head, owner, in_triplet) for head in cut(low, high, origin, beat, owner is None)]

    pieces = []
    for low, high, owner, in_triplet in heads:
        pitch = ties = tuplet = None
        if owner is not None:
            note_start, note_end, pitch = notes[owner]
            ties = {
                (True, True): "continue",
                (True, False): "stop",
                (False, True): "start",
            }.get((low > note_start, high < note_end))
        if in_triplet:
            first, last = next(span for span in triplets if span[0] <= low < span[1])
            tuplet = "start" if low == first else "stop" if high == last else "in"
        pieces.append((low, high, pitch, ties, tuplet))
    return pieces


def _triplets(edges, start, end):
    """Find the spans of one or two quarter notes that hold triplets: list of (start, end)."""
    spans, time = [], start
    while time < end:
        two = [edge for edge in edges if time < edge < time + 2]
        whole = time + 2 <= end and time in edges and time + 2 in edges
        if whole and two and all((edge - time) % TRIPLET == 0 for edge in two):
            spans.append((time, time + 2))
            time += 2
            continue
        if any(time < edge < time + 1 and (edge - time).denominator % 3 == 0 for edge in edges):
            spans.append((time, time + 1))
        time += 1
    return spans


def _cut_triplet(start, end, origin, beat, rest):
    """Cut a note within a triplet into heads, the longest first."""
    heads = []
    while start < end:
        head = max(TRIPLET * length for length in PLAIN if TRIPLET * length <= end - start)
        heads.append((start, start + head))
        start += head
    return heads


def _cut_plain(start, end, origin, beat, rest):
    """Cut a note into heads so that the beats can be seen."""
    heads = []
    while start < end:
        length, place = end - start, (start - origin) % beat
        one_head = length in PLAIN and not (rest and length in (6, 3, 0.75, 0.375) and beat.denominator == 1)
        within = place + length <= beat
        # Short-long-short is read at sight: a beat that begins half a beat late.
        syncope = not rest and beat.denominator == 1 and 2 * place == beat and length in (beat, 1.5 * beat)
        dotted = beat.denominator > 1  # in compound time a head on the beat lasts whole beats
        on_beat = place == 0 and (not dotted or length % beat == 0)
        if one_head and (within or syncope or on_beat):
            head = length
        elif place:
            head = _largest(min(length, beat - place))
        elif length >= beat:
            # In such meters as 6/64 no head is as long as a beat.
            whole_beats = (size for size in PLAIN if size <= length and size % beat == 0)
            head = max(whole_beats, default=_largest(length))
        else:
            head = _largest(length)
        heads.append((start, start + head))
        start += head
    return heads


def _largest(length):
    return next(size for size in PLAIN if size <= length)


def shape(length, tuplet):
    """Find the look of one head.

    Parameters
    ----------
    length : Fraction
        Quarter notes that it lasts.
    tuplet : str or None

    Returns
    -------
    type : str or None
        As MusicXML names it; None where no single head lasts so long, as the rest of a silent bar.
    dotted : bool
    """
    shown = length / TRIPLET if tuplet else length
    if shown in TYPES:
        return TYPES[shown], False
    return TYPES.get(float(shown / Fraction(3, 2))), True


def group_units(numerator, denominator, grouping=None):
    """Divide a bar into the groups that beams make visible.

    Parameters
    ----------
    numerator, denominator : int
        Of the meter.
    grouping : sequence of int, optional
        Units of the meter in each group, where its owner says so.

    Returns
    -------
    list of Fraction
        Where groups begin, in quarter notes from the beginning of the bar.
    """
    units = grouping if grouping and sum(grouping) == numerator else None
    if units is None and denominator == 2:
        units = (1,) * numerator
    if units is None:
        threes = (3,) * (numerator // 3) + ((numerator % 3,) if numerator % 3 else ())
        units = GROUPS.get(numerator, threes)
    starts, time = [], Fraction(0)
    for unit in units:
        starts.append(time)
        time += Fraction(4 * unit, denominator)
    return starts


def find_beams(pieces, bar, upbeat, grouping=None):
    """Beam the heads of one bar.

    Eighths are beamed by the groups of the meter, as Gould has it ("Behind Bars", 2011, p. 153-157). Where
    a group holds anything shorter, or triplets, each of its beats has beams of its own.

    Parameters
    ----------
    pieces : list
        Of :func:`pieces_by_bar`.
    bar : Bar
    upbeat : bool
        Whether the bar is counted from its end.
    grouping : sequence of int, optional
        As for :func:`group_units`.

    Returns
    -------
    list of list of str
        By head its beams, the outermost first: "begin", "continue", "end", "forward hook" or "backward
        hook".
    """
    origin = bar.end - bar.full if upbeat else bar.start
    starts = group_units(bar.numerator, bar.denominator, grouping)
    # Where the meter counts eighths, no group is too long for short notes; else quarters are beamed apart.
    unit = Fraction(3, 2) if bar.denominator >= 8 else Fraction(1)
    heads = []  # of each head its flags, its group, its beat, its tuplet
    for start, end, pitch, _, tuplet in pieces:
        flags = 0 if pitch is None else FLAGS.get(shape(end - start, tuplet)[0], 0)
        place = start - origin
        group = sum(first <= place for first in starts) - 1
        heads.append((flags, group, (place - starts[group]) // unit, tuplet))
    fine = {group for flags, group, _, tuplet in heads if flags > 1 or (tuplet and flags)}
    runs, current = [], None
    for index, (flags, group, beat_number, _) in enumerate(heads):
        owner = (group, beat_number if group in fine else None)
        if not flags:
            current = None
        elif owner == current:
            runs[-1].append(index)
        else:
            runs.append([index])
            current = owner
    beams = [[] for _ in pieces]
    for run in runs:
        if len(run) > 1:
            _beam_run(run, [flags for flags, *_ in heads], pieces, origin, beams)
    return beams


def _beam_run(run, flags, pieces, origin, beams):
    """Add the beams of heads that have the outermost one in common."""
    for level in range(1, 1 + max(flags[index] for index in run)):
        for number, index in enumerate(run):
            if flags[index] < level:
                continue
            before = number > 0 and flags[run[number - 1]] >= level
            after = number + 1 < len(run) and flags[run[number + 1]] >= level
            if before and after:
                beams[index].append("continue")
            elif before or after:
                beams[index].append("end" if before else "begin")
            else:
                # A lone short head belongs to the longer one with which it makes up a whole.
                start, end = pieces[index][:2]
                completes = (start - origin) % (2 * (end - start)) != 0
                back = number > 0 and (completes or number + 1 == len(run))
                beams[index].append("backward hook" if back else "forward hook")
