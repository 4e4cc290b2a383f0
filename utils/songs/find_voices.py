"""Which part of a song is which voice: told by names, else by ranges."""

from __future__ import annotations

import re
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..music.grid import VOICES
from ..music.theory import voice_ranges

# What singers call their voices, as whole words in the languages that files are named in.
SINGERS = {
    "soprano": """s sop sopr soprano sopranos soprani sopran sopraan soprane superius discantus discant
        diskant cantus canto dessus treble descant tiple сопрано ソプラノ 소프라노 女高音""",
    "alto": """a alto altos alti alt alte altus contralto contralti альт アルト 알토 女低音""",
    "tenor": """t ten tenor tenors tenore tenori tenores tenöre ténor ténors taille тенор テノール 테너
        男高音""",
    "bass": """b bass basses basso bassi bassus bas basse bässe baß bajo baixo бас バス 베이스 男低音""",
}
# What plays that voice in quartets. A singer's name counts for more.
PLAYERS = {
    "soprano": "flute flöte flauto flûte violin violine violino violon violini geige fiddle 바이올린 플루트",
    "tenor": "viola violas bratsche 비올라",
    "bass": """cello cellos celli violoncello violoncelle kontrabass contrabass contrabasso bassoon fagott
        fagotto basson tuba 첼로 바순""",
}
SINGERS = {word: voice for voice, words in SINGERS.items() for word in words.split()}
PLAYERS = {word: voice for voice, words in PLAYERS.items() for word in words.split()}
SECOND = frozenset("2 ii 2nd second seconda secondo zweite zweiter deuxième".split())  # noqa: SIM905
VIOLINS = frozenset("violin violine violino violon violini geige fiddle 바이올린".split())  # noqa: SIM905
USUAL = len(VOICES)
BY_NAME, BY_RANGE = "by its name", "by its range"
VOICE_NUMBER = re.compile(r"voice\s*(\d{1,2})", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+|\d+[^\W\d_]*")
OUTSIDE = 100.0  # against a semitone's distance from the middle of a range, one outside of it


class Found(NamedTuple):
    """Which part is a voice, and how that is known.

    Attributes
    ----------
    part : int
        Counted from 0.
    why : str
        Such as "by its name".
    """

    part: int
    why: str


def find_voices(parts, voices=USUAL):
    """Tell which part is which voice.

    Names of singers come first, then those of the instruments of quartets, then ranges: parts without a
    telling name take the voices that are left in the order of their pitch, where their ranges fit best.

    Parameters
    ----------
    parts : list of Part
    voices : int

    Returns
    -------
    dict of int to list of Found
        By voice, counted from the top, the parts that claim it: more than one if names are to blame. Parts
        that are too many for the voices that are left claim none.
    """
    named = [voice_of_name(part.name, voices) for part in parts]
    sung = _claims(named)
    if any(len(claims) > 1 for claims in sung.values()) and len(parts) == voices:
        sung = {}  # as many parts as voices: their pitches know better
    else:
        played = _claims(
            [
                None if name else voice_of_player(part.name, voices)
                for part, name in zip(parts, named, strict=True)
            ]
        )
        sung |= {voice: claims for voice, claims in played.items() if voice not in sung and len(claims) == 1}
    found = {voice: [Found(part, BY_NAME) for part in claims] for voice, claims in sung.items()}
    known = {part for claims in sung.values() for part in claims}
    others = [part for part in range(len(parts)) if part not in known]
    free = [voice for voice in range(voices) if voice not in found]
    by_range = fit_ranges([parts[part].notes for part in others], free, voices)
    return found | {voice: [Found(others[place], BY_RANGE)] for voice, place in by_range.items()}


def voice_of_name(name, voices=USUAL):
    """Read a singer's name.

    Parameters
    ----------
    name : str
        Such as "Soprano", "T.", "Altstimme", or one of :func:`.voice_names`.
    voices : int

    Returns
    -------
    int or None
        Counted from the top; None if it names no voice, or two.
    """
    numbered = VOICE_NUMBER.fullmatch(name.strip())
    if numbered and voices != USUAL:
        return int(numbered[1]) - 1 if 1 <= int(numbered[1]) <= voices else None
    words = _words(name)
    # Single letters name voices alone: "A. Sax" and "Violin (A)" do not.
    alone = len([word for word in words if not (word[0].isdigit() or word in (*SECOND, "i"))]) == 1
    found = {SINGERS[word] for word in words if word in SINGERS and (alone or len(word) > 1)}
    return VOICES.index(found.pop()) if len(found) == 1 and voices == USUAL else None


def voice_of_player(name, voices=USUAL):
    """Read the name of an instrument of a quartet: int or None, as :func:`voice_of_name`."""
    words = _words(name)
    found = {PLAYERS[word] for word in words if word in PLAYERS}
    if set(words) & VIOLINS and set(words) & SECOND:
        found = {"alto"}
    return VOICES.index(found.pop()) if len(found) == 1 and voices == USUAL else None


def names_of_voices(name, count):
    """Read the names of several voices that share a staff.

    Parameters
    ----------
    name : str
        Such as "Soprano Alto", "S.A." or "Women".
    count : int
        How many there are.

    Returns
    -------
    list of str
        Their own names if it names as many, else with their number behind it.
    """
    words = [word for word in _words(name) if word in SINGERS]
    letters = _words(name)
    if len(letters) == 1 and len(letters[0]) == count and set(letters[0]) <= set("satb"):
        words = list(letters[0])
    if len({SINGERS[word] for word in words}) == len(words) == count:
        return [SINGERS[word].capitalize() for word in words]
    return [f"{name}, voice {number}" for number in range(1, count + 1)]


def fit_ranges(lines, free, voices=USUAL):
    """Give lines, in the order of their pitch, the voices whose ranges hold them best.

    The highest one is the highest voice that holds it, as a tune is.

    Parameters
    ----------
    lines : list of list of Note
    free : list of int
        The voices to choose from, counted from the top.
    voices : int

    Returns
    -------
    dict of int to int
        By voice the number of the line; empty if there are more lines than voices to choose from.
    """
    if not lines or len(lines) > len(free):
        return {}
    pitches = [np.array([note.pitch for note in line]) for line in lines]
    lengths = [np.array([note.end - note.start for note in line], float) for line in lines]
    means = [np.average(pitch, weights=length) for pitch, length in zip(pitches, lengths, strict=True)]
    order = sorted(range(len(lines)), key=lambda line: -means[line])
    ranges = voice_ranges(voices)

    def price(line, voice):
        low, high = ranges[voice]
        outside = np.maximum(low - pitches[line], 0) + np.maximum(pitches[line] - high, 0)
        from_middle = 0 if line == order[0] else abs(means[line] - (low + high) / 2)
        return OUTSIDE * np.average(outside, weights=lengths[line]) + from_middle

    best = min(
        combinations(free, len(lines)),
        key=lambda chosen: sum(price(line, voice) for line, voice in zip(order, chosen, strict=True)),
    )
    return dict(zip(best, order, strict=True))


def _claims(named):
    """List the parts that claim each voice: dict of int to list of int."""
    return {
        voice: [part for part, name in enumerate(named) if name == voice]
        for voice in sorted({name for name in named if name is not None})
    }


def _words(name):
    return [word.removesuffix("stimme") or word for word in WORD.findall(name.lower())]
