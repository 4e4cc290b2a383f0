"""Which of the parts is the melody, and which of its notes."""

from __future__ import annotations

import re
from bisect import bisect_left

import numpy as np

from .song import MelodyError

# Names of parts that sing or lead, as whole words in the languages that files are named in.
MELODY_NAMES = frozenset(
    """
    melody melodie melodia melodía mélodie melodi мелодия 旋律 主旋律 メロディ メロディー
    melodiestimme singstimme gesangsstimme gesangstimme oberstimme sopranstimme
    soprano sopran sopraan sopranos soprani сопрано ソプラノ superius discantus diskant cantus treble
    vocal vocals vox voice voices voix voce voci voz stimme stem stemme röst głos голос вокал 人声 ボーカル
    sing singer sänger sängerin gesang zang sång sang laulu śpiew canto cantor cantante chant chanteur
    chanteuse lead leadsheet tune theme thema thème tema right rh rechts rechte droite derecha destra direita
    """.split()  # noqa: SIM905 (a list of strings would take a page)
)
# Words beside those by which a part only goes along.
OTHER_NAMES = frozenset(
    """
    backing background harmony harmonies accompaniment begleitung alto alt altus tenor ténor tenore bass basse
    basso bassus bajo baritone bariton left links gauche izquierda sinistra second 2nd
    """.split()  # noqa: SIM905
)
FULL, FULL_IF_NAMED = 1 / 2, 1 / 4  # of the sound of the fullest part, or a part is no melody
TOGETHER = 16  # notes that begin a part of a beat so small from one another are one chord
LEGATO = 1 / 4  # of a note may be held over the next one of its own line

# Following a line: prices in semitones, set by chorales and quartets of music21's corpus.
REACH = 4  # beats within which another voice is a neighbor
NEIGHBORS = 4  # notes before and after that a note may continue
LEAVING, MISSING_MORE = 5.0, 1.0  # to leave a note out: where one voice is missing, and for each further one
MOST_MISSING = 3
PATHS = 12  # that are kept at each note


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
        (place, why), *_ = rank(song)
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


def rank(song):
    """Order the parts by how likely they are the melody.

    First those named like one, then those that are sung, their words in time with their notes, then the
    higher ones; but parts that hardly sound come last.

    Parameters
    ----------
    song : Song

    Returns
    -------
    list of (int, str)
        A part's place among the song's and what speaks for it, the likeliest first.
    """
    if len(song.parts) == 1:
        return [(0, "the only one")]
    ranked = []
    lines = [skyline(part.notes, song.ticks_per_beat // TOGETHER) for part in song.parts]
    length = [sum(note.end - note.start for note in line) for line in lines]
    for place, (part, line) in enumerate(zip(song.parts, lines, strict=True)):
        named, sung = is_named_melody(part.name), any(sign.kind == "lyric" for sign in part.signs)
        share = length[place] / max(length)
        full = share >= (FULL_IF_NAMED if named or sung else FULL)
        why = "by its name the melody" if named else "by its words the melody" if sung else "the highest"
        height = np.mean([note.pitch for note in line])
        ranked.append(((full, named and share >= FULL, named, sung, height), place, why))
    return [(place, why) for _, place, why in sorted(ranked, key=lambda entry: entry[0], reverse=True)]


def is_named_melody(name):
    """Tell whether a part is called a melody, a singer or a right hand, by whole words."""
    words = set(re.findall(r"[^\W\d_]+|\d+[^\W\d_]+", name.lower()))
    return bool(words & MELODY_NAMES) and not words & OTHER_NAMES


def follow_line(notes, ticks_per_beat):
    """Reduce many voices to the tune above them, with its rests.

    Where all voices sound, the highest is the tune. Where one is missing it may be the tune that rests, so
    that an inner voice or the left hand shows through: such a note either continues the tune or the voices
    below. As in the contig mapping of Chew and Wu (2004, "Separating voices in polyphonic music"), voices
    are told apart by how many of them sound, and what follows belongs to the voice that is nearest in pitch;
    but all these choices are made together, as the cheapest path through the notes (as Simonetta et al.
    2019, "A convolutional approach to melody line identification in symbolic scores").

    Parameters
    ----------
    notes : list of Note
        No two of the same pitch at the same time.
    ticks_per_beat : int

    Returns
    -------
    list of Note
        In order of time; all of them if they are one voice.
    """
    top = skyline(notes, ticks_per_beat // TOGETHER)
    below = sorted(set(notes) - set(top))
    if not below:
        return top
    missing = _voices_missing(top, notes, ticks_per_beat)
    nearest = _nearest_below(top, below, ticks_per_beat)
    paths = [(0.0, -1)]  # what was paid so far, and the last note of the tune
    before = []  # the note of the tune before each one, if it belongs to the tune
    for place, note in enumerate(top):

        def leap(path, pitch=note.pitch):
            return path[0] + (abs(pitch - top[path[1]].pitch) if path[1] >= 0 else 0)

        best = min(paths, key=leap)
        before.append(best[1])
        longer = [(leap(best), place)]
        if missing[place] > 0 and nearest[place] is not None:
            price = LEAVING + MISSING_MORE * min(missing[place] - 1, MOST_MISSING)
            for paid, last in paths:
                step = nearest[place]
                if last < place - 1:  # the note before is of the lower voices too
                    step = min(step, abs(note.pitch - top[place - 1].pitch))
                longer.append((paid + price + step, last))
        paths = sorted(longer)[:PATHS]
    line, last = [], min(paths)[1]
    while last >= 0:
        line.append(top[last])
        last = before[last]
    return line[::-1] or top


def _voices_missing(top, notes, ticks_per_beat):
    """Count for each note of the upper line the voices that are silent but sound near it: int [note]."""

    def early(some):
        return np.array([note.start + (note.end - note.start) // 4 for note in some])

    starts, ends = (np.sort([note[side] for note in notes]) for side in (0, 1))

    def sounding(ticks):
        return np.searchsorted(starts, ticks, side="right") - np.searchsorted(ends, ticks, side="right")

    ticks = early(notes)
    most = np.zeros(ticks.max() // ticks_per_beat + 1 + 2 * REACH, int)  # by beat
    np.maximum.at(most, ticks // ticks_per_beat + REACH, sounding(ticks))
    around = np.lib.stride_tricks.sliding_window_view(most, 2 * REACH + 1).max(axis=1)
    ticks = early(top)
    return around[ticks // ticks_per_beat] - sounding(ticks)


def _nearest_below(top, below, ticks_per_beat):
    """Find how far each note of the upper line is from the other voices' next to it: semitones or None."""
    starts, reach = [note.start for note in below], REACH * ticks_per_beat
    distances = []
    for note in top:
        place = bisect_left(starts, note.start)
        near = (
            abs(note.pitch - other.pitch)
            for other in below[max(0, place - NEIGHBORS) : place + NEIGHBORS]
            if other.end > note.start - reach and other.start < note.end + reach
        )
        distances.append(min(near, default=None))
    return distances


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
    edges = np.unique([(note.start, note.end) for note in notes])
    width = np.diff(edges)
    start, end = np.array([note[:2] for note in notes] + [(np.iinfo(np.int64).min // 2,) * 2]).T
    holds_until = end - LEGATO * (end - start)  # a line may go on before the note is let go
    owner = np.full(len(width), -1)  # the note that was kept for that stretch; the last one stands for none
    kept = []
    spans = np.searchsorted(edges, [(note.start, note.end) for note in notes])
    for place in sorted(range(len(notes)), key=lambda place: (-notes[place].pitch, notes[place].start)):
        note, (first, last) = notes[place], spans[place]
        above = owner[first:last]
        if np.any(np.abs(start[above] - note.start) <= together):
            continue
        free = (above < 0) | ((holds_until[above] <= note.start) & (end[above] < note.end))
        if 2 * width[first:last][free].sum() < note.end - note.start:
            continue
        above[free] = place
        kept.append(note)
    return sorted(kept)
