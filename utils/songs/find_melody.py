"""Which of the parts is the melody, and which of its notes."""

from __future__ import annotations

import numpy as np

from .song import MelodyError

MELODY_NAMES = ("melody", "soprano", "vocal", "voice", "sing", "lead", "tune", "right", "treble")


def choose(song, track=None):
    """Pick a part of a song.

    Parameters
    ----------
    song : Song
    track : int or str, optional
        As for :func:`read_melody`.

    Returns
    -------
    Part
    str
        Why this one.

    Raises
    ------
    MelodyError
        If there is no such part.
    """
    parts = song.parts
    if track is None:
        place, why = _likeliest(song)
        return parts[place], f"{why} of {len(parts)} parts" if len(parts) > 1 else "the only part"
    if isinstance(track, str):
        found = [place for place, part in enumerate(parts) if track.lower() in part.name.lower()]
        place = found[0] if found else -1
    else:
        place = track
    if not 0 <= place < len(parts):
        choice = ", ".join(f"{i} {part.name} ({len(part.notes)} notes)" for i, part in enumerate(parts[:20]))
        raise MelodyError(song.source, f"no track {track!r}", f"Choose one of these, or none: {choice}")
    return parts[place], "as asked for"


def _likeliest(song):
    """Choose the part that is the melody, by the upper line of each: its place, and why."""
    lines = [skyline(part.notes, song.ticks_per_beat // 16) for part in song.parts]
    length = [sum(note.end - note.start for note in line) for line in lines]
    full = [place for place, ticks in enumerate(length) if 2 * ticks >= max(length)]
    named = [place for place in full if any(word in song.parts[place].name.lower() for word in MELODY_NAMES)]
    place = max(named or full, key=lambda place: np.mean([note.pitch for note in lines[place]]))
    return place, "by its name the melody" if named else "the highest"


def skyline(notes, together=0):
    """Reduce many voices to the upper one (Uitdenbogerd and Zobel 1999).

    Of notes that are struck together the highest stays, and of the others each that is the highest
    sounding one for at least half of its time. So a slow left hand does not show through the gaps
    between the notes of a detached melody, and a melody whose notes overlap a little is kept whole.

    Parameters
    ----------
    notes : list of Note
        No two of the same pitch at the same time.
    together : int
        Overlapping notes that begin at most so many ticks apart are one chord.

    Returns
    -------
    list of Note
        In order of time.
    """
    never = np.iinfo(np.int64).min // 2
    edges = np.unique([(note.start, note.end) for note in notes])
    width = np.diff(edges)
    since = np.full(len(width), never)  # the start of the note that was kept for that stretch
    kept = []
    spans = np.searchsorted(edges, [(note.start, note.end) for note in notes])
    for place in sorted(range(len(notes)), key=lambda place: (-notes[place].pitch, notes[place].start)):
        note, (first, last) = notes[place], spans[place]
        above, free = since[first:last], since[first:last] == never
        in_chord = np.any(np.abs(above - note.start) <= together)
        if in_chord or 2 * width[first:last][free].sum() < note.end - note.start:
            continue
        above[free] = note.start
        kept.append(note)
    return sorted(kept)
