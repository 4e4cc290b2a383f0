"""What a score writes beside its notes: words, slurs, dynamics, chord symbols, repeats."""

from __future__ import annotations

from fractions import Fraction

from .song import SCORE_TICKS, Sign

# By the names of music21's classes, what MusicXML calls them.
ARTICULATIONS = {
    "Accent": "accent",
    "Staccato": "staccato",
    "Staccatissimo": "staccatissimo",
    "Tenuto": "tenuto",
    "StrongAccent": "strong-accent",
    "DetachedLegato": "detached-legato",
}
BREATHS = {"BreathMark": "comma", "Caesura": "caesura"}
WEDGES = {"Crescendo": "crescendo", "Diminuendo": "diminuendo"}
JUMPS = {
    "Segno": "segno",
    "Coda": "coda",
    "Fine": "fine",
    **dict.fromkeys(("DaCapo", "DaCapoAlFine", "DaCapoAlCoda"), "dacapo"),
    **dict.fromkeys(("DalSegno", "DalSegnoAlFine", "DalSegnoAlCoda"), "dalsegno"),
}
BAR_LINES = {  # those that say more than that a bar ends
    "double": "light-light",
    "final": "light-heavy",
    "heavy": "heavy",
    "dotted": "dotted",
    "dashed": "dashed",
    "heavy-heavy": "heavy-heavy",
}
UNEVEN = (5, 7, 8, 10, 11)  # units that are grouped by twos and threes
EIGHTHS = 8
# Spanners that are no marks, and what is read elsewhere.
OWN_WAYS = ("RepeatBracket", "StaffGroup", "Slur", *WEDGES)
MUSICXML_KINDS = {  # where music21 has names of its own
    "dominant-seventh": "dominant",
    "half-diminished-seventh": "half-diminished",
    "minor-major-seventh": "major-minor",
    "minor-11th": "minor-11th",
    "dominant-11th": "dominant-11th",
}


def read_signs(staff, flat):
    """List the signs of one staff.

    Parameters
    ----------
    staff, flat : music21 stream
        The second is the first, flattened.

    Returns
    -------
    list of Sign
        In order; what cannot be kept among them as "dropped".
    """
    signs, ticks, ends = [], {}, {}
    tempi = {as_ticks(mark.offset) for mark in flat.getElementsByClass("MetronomeMark")}
    for element in flat:
        tick = as_ticks(element.offset)
        ticks[id(element)], ends[id(element)] = tick, tick + as_ticks(element.quarterLength)
        kind = type(element).__name__
        if kind in ("ChordSymbol", "NoChord"):
            signs.append(_chord_sign(tick, element))
        elif "NotRest" in element.classes:
            if element.quarterLength:  # of a grace note nothing is kept
                signs += _signs_of_note(tick, element)
        elif kind == "Dynamic":
            signs.append(Sign(tick, "dynamic", element.value or "mf"))
        elif kind == "TextExpression":
            words = " ".join((element.content or "").split())
            signs.append(Sign(tick, "tempo" if tick in tempi else "text", words))
        elif kind == "RehearsalMark":
            signs.append(Sign(tick, "rehearsal", str(element.content)))
        elif kind in ("MetronomeMark", "TempoText") and (words := _tempo_words(element)):
            signs.append(Sign(tick, "tempo", words))
        elif kind in ("FiguredBass", "PedalMark", "FretBoard"):
            signs.append(Sign(tick, "dropped", _in_words(kind)))
    signs = [sign for sign in signs if sign.value or sign.kind == "fermata"]
    return sorted([*signs, *_spanned(staff, ticks, ends)])


def read_repeats(staves, numbers=True):
    """List the signs that hold for all staves: repeats, voltas, jumps, double bars, odd numbers of bars.

    Parameters
    ----------
    staves : list of music21 stream
    numbers : bool
        Whether to keep the numbers of bars.

    Returns
    -------
    list of Sign
    """
    signs, seen = [], set()
    for staff in staves:
        measures = list(staff.getElementsByClass("Measure"))
        for measure in measures:
            start = as_ticks(measure.offset)
            end = start + as_ticks(measure.duration.quarterLength)
            signs += _bar_line(start, measure.leftBarline)
            if measure is not measures[-1] or getattr(measure.rightBarline, "direction", None):
                signs += _bar_line(end, measure.rightBarline)  # the last one needs no telling
            for mark in measure.recurse().getElementsByClass("RepeatExpression"):
                signs.append(_jump(start + as_ticks(mark.getOffsetInHierarchy(measure)), mark))
        spans = {id(m): (as_ticks(m.offset), as_ticks(m.offset + m.duration.quarterLength)) for m in measures}
        for bracket in staff.recurse().getElementsByClass("RepeatBracket"):
            covered = [spans[id(m)] for m in bracket.getSpannedElements() if id(m) in spans]
            if covered:
                times = ", ".join(str(number) for number in bracket.numberRange) or str(bracket.number)
                signs.append(Sign(covered[0][0], "ending", "start", 1, times))
                signs.append(Sign(covered[-1][1], "ending", "stop", 1, times))
        signs += _groupings(measures)
    if numbers:
        signs += _bar_numbers(staves[0])
    # Most of them stand in every staff, but count once.
    return sorted(sign for sign in signs if not (sign in seen or seen.add(sign)))


def as_ticks(quarters):
    """Ticks of music21's offsets and lengths."""
    return round(exact(quarters) * SCORE_TICKS)


def exact(quarters):
    """Read music21's offsets, float or Fraction, as the fraction that is meant."""
    return Fraction(quarters).limit_denominator(SCORE_TICKS)


def _signs_of_note(tick, element):
    for lyric in element.lyrics:
        text = " ".join((lyric.text or "").split())
        if text:
            goes_on = lyric.syllabic in ("begin", "middle")
            value = text + "-" if goes_on else text
            yield Sign(tick, "lyric", value, int(lyric.number or 1), lyric.syllabic or "single")
    for expression in element.expressions:
        kind = type(expression).__name__
        if kind == "Fermata":
            yield Sign(tick, "fermata")
        else:
            yield Sign(tick, "dropped", _in_words(kind))
    for articulation in element.articulations:
        kind = type(articulation).__name__
        if kind in BREATHS:
            yield Sign(tick, "breath", BREATHS[kind])
        elif kind in ARTICULATIONS:
            yield Sign(tick, "articulation", ARTICULATIONS[kind])
        else:
            yield Sign(tick, "dropped", _in_words(kind))


def _spanned(staff, ticks, ends):
    """List slurs and hairpins, numbered so that those which overlap differ, and what else spans notes."""
    slurs = []
    for spanner in staff.recurse().getElementsByClass("Spanner"):
        kind = type(spanner).__name__
        covered = [element for element in spanner.getSpannedElements() if id(element) in ticks]
        if kind not in OWN_WAYS:
            if covered:
                yield Sign(ticks[id(covered[0])], "dropped", _in_words(kind))
        elif kind == "Slur" and len(covered) > 1:
            first, last = ticks[id(covered[0])], ticks[id(covered[-1])]
            if first < last:  # else it leads from a grace note
                slurs.append((first, last))
        elif kind in WEDGES and covered:
            yield Sign(ticks[id(covered[0])], "wedge", WEDGES[kind])
            yield Sign(ends[id(covered[-1])], "wedge", "stop")
    busy = {}
    for first, last in sorted(slurs):
        number = next(number for number in range(1, len(slurs) + 1) if busy.get(number, 0) <= first)
        busy[number] = last
        yield Sign(first, "slur", "start", number)
        yield Sign(last, "slur", "stop", number)


def _chord_sign(tick, symbol):
    """Write a chord symbol as plain text, with its kind as MusicXML names it."""
    if type(symbol).__name__ == "NoChord":
        return Sign(tick, "chord", symbol.chordKindStr or "N.C.", 1, "none")
    root, bass = symbol.root().name, symbol.bass().name
    # music21 gives "D" and "m7" where a file says how to show it, and else has its own "Dm7".
    shown = symbol.chordKindStr
    if not shown and symbol.figure:
        shown = symbol.figure.removeprefix(root).partition("/")[0]
    value = f"{_plain(root)}{shown or ''}" + (f"/{_plain(bass)}" if bass != root else "")
    return Sign(tick, "chord", value, 1, MUSICXML_KINDS.get(symbol.chordKind, symbol.chordKind or "other"))


def _plain(name):
    return name.replace("-", "b")


def _tempo_words(mark):
    text = mark.text
    return None if text is None or getattr(mark, "textImplicit", False) else " ".join(str(text).split())


def _bar_line(tick, line):
    """List what a bar line says."""
    if line is None:
        return
    direction = getattr(line, "direction", None)
    if direction == "start":
        yield Sign(tick, "repeat", "forward")
    elif direction == "end":
        yield Sign(tick, "repeat", "backward", line.times or 2)
    elif line.type in BAR_LINES:
        yield Sign(tick, "barline", BAR_LINES[line.type])


def _jump(tick, mark):
    kind = JUMPS.get(type(mark).__name__)
    words = " ".join((mark.getText() or "").split())
    if kind is None:
        return Sign(tick, "text", words)
    if kind == "coda" and words.lower().startswith("to"):
        kind = "tocoda"
    return Sign(tick, "jump", kind, 1, "" if kind in ("segno", "coda") else words)


def _groupings(measures):
    """Find how the units of an odd meter are grouped: as it is written, or as beams have it first."""
    over = under = 0
    start, known = 0, True
    for measure in measures:
        if (signature := measure.timeSignature) is not None:
            over, under = signature.numerator, signature.denominator
            start, known = as_ticks(measure.offset), over not in UNEVEN
            written = [term.numerator for term in signature.displaySequence]
            if not known and len(written) > 1 and sum(written) == over:
                known = True
                yield Sign(start, "grouping", "+".join(map(str, written)))
        if known or under < EIGHTHS:
            continue
        groups = _beamed(measure, Fraction(4, under))
        if sum(groups) == over and set(groups) <= {2, 3}:
            known = True
            yield Sign(start, "grouping", "+".join(map(str, groups)))


def _beamed(measure, unit):
    """List how many units each beam of a bar covers; nothing unless they cover it without a hole."""
    groups, time, begin = [], Fraction(0), None
    for element in measure.flatten().notesAndRests:
        if "Harmony" in element.classes or not element.quarterLength:
            continue
        beams = getattr(element, "beams", None)
        kinds = [beam.type for beam in beams] if beams else []
        if exact(element.offset) != time or not kinds:
            return []
        time += exact(element.quarterLength)
        if kinds[0] == "start":
            begin = exact(element.offset)
        elif kinds[0] == "stop" and begin is not None:
            groups.append((time - begin) / unit)
    return [int(group) for group in groups] if all(group.denominator == 1 for group in groups) else []


def _bar_numbers(staff):
    """Name the bars that do not have the number after the one before."""
    expected = None
    for index, measure in enumerate(staff.getElementsByClass("Measure")):
        short = exact(measure.duration.quarterLength) < exact(measure.barDuration.quarterLength)
        if expected is None:
            expected = 0 if short else 1
        suffix = measure.numberSuffix or ""
        if (measure.number, suffix) != (expected, "") and not (index == 0 and measure.number == 0):
            yield Sign(as_ticks(measure.offset), "bar", f"{measure.number}{suffix}")
        expected = measure.number + 1


def _in_words(name):
    """Say what music21 calls ``HalfStepTrill``: half step trill."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
