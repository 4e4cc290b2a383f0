"""In which key a melody is: from its notes, its last and first one, and the key signature together."""

from __future__ import annotations

import numpy as np

from .grid import REST
from .theory import OCTAVE, sharps_of

# Counted in the sopranos of the training chorales (pretrained/EXPERIMENTS.md): by mode, how often each degree
# sounds, ends a piece and begins one, in percent, in semitones above the tonic; and how many sharps the
# signature has more than the key, -1, 0, 1 (older signatures lack the last flat of minor). Half a count is
# added to each, so that nothing is impossible.
SOUNDS = {
    "major": (19.0, 0.2, 17.4, 0.1, 18.0, 10.6, 0.7, 17.6, 0.1, 9.9, 0.3, 6.1),
    "minor": (19.8, 0.1, 16.6, 16.6, 0.3, 12.7, 0.4, 18.3, 2.8, 2.8, 7.4, 2.2),
}
ENDS = {
    "major": (84.4, 0.4, 0.4, 0.4, 4.0, 2.5, 0.4, 2.5, 0.4, 4.0, 0.4, 0.4),
    "minor": (76.6, 0.4, 2.0, 0.4, 1.2, 1.2, 0.4, 16.3, 0.4, 0.4, 0.4, 0.4),
}
BEGINS = {
    "major": (47.5, 0.4, 0.4, 0.4, 21.4, 2.5, 0.4, 22.1, 0.4, 3.3, 0.4, 1.1),
    "minor": (44.8, 0.4, 3.6, 6.0, 0.4, 2.0, 0.4, 40.9, 0.4, 0.4, 0.4, 0.4),
}
SHARPS_MORE = {"major": {-1: 5.6, 0: 93.3, 1: 0.4}, "minor": {-1: 2.0, 0: 70.6, 1: 22.4}}
ELSEWHERE = 0.4  # percent: any other signature
# How much each says: notes depend on each other, so that each counts for less than one by chance.
PER_BEAT, BY_FIRST = 0.2, 0.5


def find_key_of_melody(melody, sharps=None, steps_per_beat=4):
    """Find the key of a melody.

    The likeliest of the 24 keys, as if what is counted were independent (naive Bayes).

    Parameters
    ----------
    melody : int array [step]
        MIDI pitches, -1 = rest.
    sharps : int, optional
        Of its key signature, flats below 0, if it has one.
    steps_per_beat : int

    Returns
    -------
    tonic : int
        Pitch class 0..11.
    mode : {"major", "minor"}
        C major for silence.
    """
    pitches = np.asarray(melody)
    pitches = pitches[pitches != REST].astype(int)
    if not len(pitches):
        return 0, "major"
    beats = np.bincount(pitches % OCTAVE, minlength=OCTAVE) / steps_per_beat
    scores = {}
    for mode in SOUNDS:
        for tonic in range(OCTAVE):
            score = PER_BEAT * np.roll(beats, -tonic) @ np.log(SOUNDS[mode])
            score += np.log(ENDS[mode][(pitches[-1] - tonic) % OCTAVE])
            score += BY_FIRST * np.log(BEGINS[mode][(pitches[0] - tonic) % OCTAVE])
            if sharps is not None:
                more = (sharps - sharps_of(tonic, mode) + 6) % OCTAVE - 6
                score += np.log(SHARPS_MORE[mode].get(more, ELSEWHERE))
            scores[tonic, mode] = score
    return max(scores, key=scores.get)
