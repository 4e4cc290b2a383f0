"""A staff that two voices share, as in hymn books, given to each of them as a staff of its own.

It works on the elements of MusicXML, where every note says which voice it belongs to.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

from ..music.theory import NATURALS, OCTAVE
from .find_voices import names_of_voices

FIRST_STAFF = FIRST_VOICE = "1"
MOVES = ("backup", "forward")
FOR_ALL = ("attributes", "barline", "print")  # what concerns every voice of a staff
MOST_VOICES = 8  # of a part


def split_staves(score):
    """Give every voice of a staff a part of its own, wherever several sound on it at once.

    Chords of two notes, where only one of two voices is written, are shared between both.

    Parameters
    ----------
    score : xml.etree.ElementTree.Element
        ``score-partwise``; it is changed.
    """
    entries = {entry.get("id"): entry for entry in score.findall("part-list/score-part")}
    listed = score.find("part-list")
    for part in score.findall("part"):
        voices = _voices_of(part)
        entry = entries.get(part.get("id"))
        if entry is None or not 1 < len(voices) <= MOST_VOICES or not _sound_together(part):
            continue
        by_staff = defaultdict(list)
        for staff, voice in voices:
            by_staff[staff].append(voice)
        _share_chords(part, by_staff)
        names = names_of_voices(" ".join((entry.findtext("part-name") or "").split()), len(voices))
        place, at = list(score).index(part), list(listed).index(entry)
        for number, (voice, name) in enumerate(zip(voices, names, strict=True)):
            own = f"{part.get('id')}-{number}"
            score.insert(place + number, _only(part, voice, voices, own))
            listed.insert(at + number, _entry(entry, own, name))
        score.remove(part)
        listed.remove(entry)


def _entry(entry, own, name):
    """Make a line of the list of parts for one voice."""
    entry = copy.deepcopy(entry)
    entry.set("id", own)
    for child in list(entry):
        if child.get("id"):
            child.set("id", f"{child.get('id')}-{own}")
        if child.tag.startswith("part-abbreviation"):
            entry.remove(child)
    entry.find("part-name").text = name
    return entry


def _timed(measure):
    """Go through a bar: (element, start, end) in its divisions; only notes and rests have a length."""
    now = start = end = Fraction(0)
    for element in measure:
        length = Fraction(float(element.findtext("duration") or 0))  # a fraction of 1e9999999 takes forever
        if element.tag == "backup":
            now -= length
        elif element.tag == "forward":
            now += length
        elif element.tag == "note":
            if element.find("chord") is None:
                start, end = now, now + length
                now = end
            yield element, start, end
            continue
        yield element, now, now


def _voice_of(note):
    return note.findtext("staff") or FIRST_STAFF, note.findtext("voice") or FIRST_VOICE


def _voices_of(part):
    """List the voices of a part that sound, staff by staff: list of (staff, voice).

    A voice that goes from staff to staff belongs to the one on which most of its notes stand.
    """
    counts = defaultdict(lambda: defaultdict(int))
    for note in part.iter("note"):
        if note.find("rest") is None:
            staff, voice = _voice_of(note)
            counts[voice][staff] += 1
    found = [(max(staves, key=staves.get), voice) for voice, staves in counts.items()]
    return sorted(found, key=lambda pair: tuple((len(name), name) for name in pair))


def _sound_together(part):
    """Tell whether different voices sound on one staff at once."""
    for measure in part.findall("measure"):
        sounding = sorted(
            (staff, start, end, voice)
            for note, start, end in _timed(measure)
            if note.tag == "note" and note.find("rest") is None and end > start
            for staff, voice in [_voice_of(note)]
        )
        for (staff, _, end, voice), (other, start, _, another) in pairwise(sounding):
            if staff == other and start < end and voice != another:
                return True
    return False


def _share_chords(part, by_staff):
    """Give the lower notes of chords to the second of two voices, in bars where nobody else sings."""
    for measure in part.findall("measure"):
        notes = [note for note in measure.findall("note") if note.find("rest") is None]
        for voices in by_staff.values():
            if len(voices) != 2:
                continue
            own = [note for note in notes if _voice_of(note)[1] in voices]
            if {_voice_of(note)[1] for note in own} == {voices[0]}:
                _share(own, voices[1])


def _share(notes, second):
    """Move the lower notes of the chords of two among these notes to another voice."""
    chords = []
    for note in notes:
        if note.find("chord") is None:
            chords.append([])
        chords[-1].append(note)
    for first, added in (chord for chord in chords if len(chord) == 2):
        lower = min(first, added, key=_height)
        _move_voice(lower, second)
        if lower is first:  # with which words and other marks are written
            for lyric in first.findall("lyric"):
                first.remove(lyric)
                added.append(lyric)
            marks = first.find("notations")
            if marks is not None and added.find("notations") is None:
                own = copy.deepcopy(marks)
                for tie in own.findall("tied"):
                    own.remove(tie)
                added.insert(sum(child.tag != "lyric" for child in added), own)


def _move_voice(note, voice):
    element = note.find("voice")
    if element is None:
        element = ElementTree.Element("voice")
        note.insert(1 + list(note).index(note.find("duration")), element)
    element.text = voice


def _height(note):
    pitch = note.find("pitch")
    if pitch is None:
        return 0
    semitones = NATURALS.get(pitch.findtext("step"), 0) + float(pitch.findtext("alter") or 0)
    return OCTAVE * int(pitch.findtext("octave") or 0) + semitones


def _only(part, chosen, voices, own):
    """Copy what one voice of a part needs; where only others sound, it rests."""
    staff, voice = chosen
    leads = next(pair for pair in voices if pair[0] == staff) == chosen
    answer = ElementTree.Element("part", id=own)
    for measure in part.findall("measure"):
        bar = SubElement(answer, "measure", measure.attrib)
        timed = list(_timed(measure))
        now, before = Fraction(0), None
        for element, start, end in timed:
            if element.tag in FOR_ALL:
                bar.append(_for_staff(element, staff))
            elif element.tag == "note":
                if _voice_of(element)[1] == voice:
                    note = _for_staff(element, staff)
                    chord = note.find("chord")
                    if chord is not None and before != (start, end):  # its first note is another voice's
                        note.remove(chord)
                        chord = None
                    if chord is None:
                        _move(bar, now, start)
                    bar.append(note)
                    now, before = end, (start, end)
            elif element.tag not in MOVES and _is_with(element, chosen, voices, leads):
                _move(bar, now, start)
                bar.append(_for_staff(element, staff))
                if start < now:
                    _add_length(bar, "forward", now - start)
                now = max(now, start)
        _move(bar, now, max((end for *_, end in timed), default=now))
    return answer


def _is_with(mark, chosen, voices, leads):
    """Tell whether a mark between the notes is that voice's: else it is the first one's on its staff."""
    staff, voice = chosen
    if mark.tag == "harmony":
        return chosen == voices[0]
    if mark.findtext("staff") not in (None, staff):
        return False
    return mark.findtext("voice") == voice if mark.find("voice") is not None else leads


def _for_staff(element, staff):
    """Copy an element for a part of one staff."""
    element = copy.deepcopy(element)
    for child in list(element):
        other = element.tag == "attributes" and child.get("number") not in (None, staff)
        if other or child.tag in ("staff", "staves", "part-symbol"):
            element.remove(child)
        elif element.tag == "attributes":
            child.attrib.pop("number", None)
    return element


def _move(bar, now, to):
    """Go to another time of a bar: by a rest or, where something sounds already, back."""
    if to > now:
        rest = SubElement(bar, "note")
        SubElement(rest, "rest")
        SubElement(rest, "duration").text = _plain(to - now)
    elif to < now:
        _add_length(bar, "backup", now - to)


def _add_length(bar, tag, length):
    SubElement(SubElement(bar, tag), "duration").text = _plain(length)


def _plain(number):
    return str(number.numerator if number.denominator == 1 else float(number))
