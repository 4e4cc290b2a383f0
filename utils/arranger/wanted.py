"""Chords that the user wants, on top of what the network proposes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..music.beats import NONE
from ..music.grid import REST
from ..music.theory import OCTAVE

MORE_LIKELY = 0.05  # each note of the chord, at closeness 1


class WantedChords(NamedTuple):
    """The chords of a lead sheet, one number a step or beat, and how much they count.

    Attributes
    ----------
    bits : int array
        Bit ``k`` tells whether the pitch class ``k`` belongs to the chord (0 is C); 0 is no wish.
    root, bass : int array
        Pitch classes; -1 is no wish.
    closeness : float
        0: ignored; 1: as a rule; 10: nothing else counts.
    """

    bits: np.ndarray
    root: np.ndarray
    bass: np.ndarray
    closeness: float = 1.0

    def part(self, which):
        """Take some of them."""
        return WantedChords(self.bits[which], self.root[which], self.bass[which], self.closeness)

    @property
    def any(self):
        """Where there is a wish at all: bool array."""
        return (self.bits != 0) | (self.root != NONE) | (self.bass != NONE)


def is_foreign(pitch, is_bass, wanted):
    """Tell which notes do not belong to the wanted chord; a bass that is wanted does.

    Parameters
    ----------
    pitch : int array [beat, choice, voice] or what broadcasts to it
    is_bass : bool array that broadcasts to it
    wanted : WantedChords
        One a beat.

    Returns
    -------
    bool array [beat, choice, voice]
    """
    bits, bass = wanted.bits[:, None, None], wanted.bass[:, None, None]
    belongs = (bits >> pitch % OCTAVE) & 1 | (is_bass & (pitch % OCTAVE == bass))
    return (bits != 0) & (belongs == 0)


def make_likelier(probability, wanted):
    """Raise the probabilities of the notes of wanted chords, for a network that does not know of the wish.

    Parameters
    ----------
    probability : float array [step, voice, pitch]
    wanted : WantedChords
        One a step.

    Returns
    -------
    float array [step, voice, pitch]
    """
    voices, pitches = probability.shape[1:]
    is_bass = (np.arange(voices) == voices - 1)[:, None]
    wished = ~is_foreign(np.arange(pitches), is_bass, wanted) & (wanted.bits != 0)[:, None, None]
    return probability + np.float32(MORE_LIKELY * min(1, wanted.closeness)) * wished


def price_notes(pitch, is_bass, wanted, costs):
    """Price what notes do against the wish by themselves.

    Parameters
    ----------
    pitch : int array [pitch]
    is_bass : bool array [beat, line]
    wanted : WantedChords
        One a beat.
    costs : Costs

    Returns
    -------
    float array [beat, line, pitch]
    """
    is_bass, bass = is_bass[..., None], wanted.bass[:, None, None]
    other = is_bass & (bass != NONE) & (pitch % OCTAVE != bass)
    return wanted.closeness * (
        costs.given_chord * is_foreign(pitch, is_bass, wanted) + costs.given_bass * other
    )


def price_wanted(pitch, given, tune, wanted, costs):
    """Price what sonorities do against the wish.

    Parameters
    ----------
    pitch : int array [beat, candidate, voice]
    given : int array [beat, voice]
        What the user wrote on the beats.
    tune : int
        Which voice is the melody: if it is given it may be foreign.
    wanted : WantedChords
        One a beat.
    costs : Costs

    Returns
    -------
    float array [beat, candidate]
    """
    voices = pitch.shape[-1]
    foreign = is_foreign(pitch, np.arange(voices) == voices - 1, wanted)
    foreign[given[:, tune] != REST, :, tune] = False
    sounding = np.bitwise_or.reduce(1 << pitch.astype(np.int64) % OCTAVE, axis=-1)
    root, has_root = wanted.root.astype(np.int64), wanted.root != NONE
    thirds = 1 << (root + 3) % OCTAVE | 1 << (root + 4) % OCTAVE
    third = np.where(has_root, wanted.bits & thirds, 0)
    faults = foreign.sum(axis=-1)
    for needed in (np.where(has_root, 1 << root % OCTAVE, 0), third):
        faults = faults + ((needed != 0)[:, None] & (sounding & needed[:, None] == 0))
    other = (wanted.bass != NONE)[:, None] & (pitch.min(axis=-1) % OCTAVE != wanted.bass[:, None])
    return wanted.closeness * (costs.given_chord * faults + costs.given_bass * other)
