"""How notes are cut into what single note heads can show: bars, beats, triplets.

Notes are those of :mod:`.score`.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from ..music.meter import beat_length

# Durations that one note head can show, in quarter notes.
PLAIN = tuple(Fraction(length) for length in (6, 4, 3, 2, 1.5, 1, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625))
TYPES = {4: "whole", 2: "half", 1: "quarter", 0.5: "eighth", 0.25: "16th", 0.125: "32nd", 0.0625: "64th"}
TRIPLET = Fraction(2, 3)  # three in the time of two


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
    for start, end, over, under in bars:
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
        answer.append(_notate(inside, notes, start, end, over, under))
    return answer


def _notate(inside, notes, start, end, over, under):
    """Cut the notes and rests of one bar."""
    if len(inside) == 1 and inside[0][2] is None:
        return [(start, end, None, None, None)]
    beat = beat_length(over, under)
    # A pickup is counted from the bar line that ends it.
    origin = end - Fraction(4 * over, under)
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
            head = max(size for size in PLAIN if size <= length and size % beat == 0)
        else:
            head = _largest(length)
        heads.append((start, start + head))
        start += head
    return heads


def _largest(length):
    return next(size for size in PLAIN if size <= length)
