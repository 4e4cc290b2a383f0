"""Words of music, each as a few notes to hear."""

from __future__ import annotations

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT, onsets_of
from ..path_utils import MODEL_DIR
from ..songs.write_midi import write_midi

# Chords from the highest voice to the lowest, and their beats. A pitch that stays is held.
WORDS = {
    "consonant": [((64, 60), 1), ((65, 62), 1), ((67, 64), 1), ((72, 64), 1), ((71, 62), 1), ((72, 60), 2)],
    "dissonant": [((61, 60), 1), ((64, 62), 1), ((71, 60), 1), ((66, 65), 1), ((74, 60), 1), ((71, 65), 2)],
    "parallel fifths": [((67, 60), 1), ((69, 62), 1), ((71, 64), 1), ((69, 62), 1), ((67, 60), 2)],
    "no parallels": [((67, 60), 1), ((69, 65), 1), ((71, 62), 1), ((69, 65), 1), ((67, 64), 2)],
    "cadence": [
        ((72, 67, 64, 48), 1),
        ((72, 69, 65, 53), 1),
        ((74, 67, 65, 55), 1),
        ((71, 67, 65, 55), 1),
        ((72, 67, 64, 48), 3),
    ],
    "no cadence": [
        ((72, 67, 64, 48), 1),
        ((72, 69, 65, 53), 1),
        ((74, 67, 65, 55), 1),
        ((71, 67, 65, 55), 1),
        ((72, 68, 62, 53), 3),
    ],
    "suspension": [
        ((76, 72, 67, 48), 2),
        ((74, 72, 67, 43), 1),
        ((74, 71, 67, 43), 1),
        ((72, 67, 64, 48), 3),
    ],
    "no suspension": [((76, 72, 67, 48), 2), ((74, 71, 67, 43), 2), ((72, 67, 64, 48), 3)],
    "pickup": [
        ((67, REST), 1),
        ((72, 48), 1.5),
        ((71, 48), 0.5),
        ((72, 48), 1),
        ((76, 48), 1),
        ((74, 43), 1.5),
        ((72, 43), 0.5),
        ((74, 43), 2),
    ],
    "no pickup": [
        ((67, 48), 1),
        ((72, 48), 1.5),
        ((71, 48), 0.5),
        ((72, 48), 1),
        ((76, 43), 1),
        ((74, 43), 1.5),
        ((72, 43), 0.5),
        ((74, 43), 1),
    ],
}


def example(word):
    """Write a few notes that show what a word of music means.

    Parameters
    ----------
    word : str
        One of ``WORDS``.

    Returns
    -------
    Path
        A MIDI file among the experiments.

    Raises
    ------
    ValueError
        For another word.
    """
    if word not in WORDS:
        raise ValueError(f"There is no example of {word!r}; choose one of {', '.join(WORDS)}.")
    chords = np.array([pitches for pitches, _ in WORDS[word]])
    grid = np.repeat(chords, [round(beats * STEPS_PER_BEAT) for _, beats in WORDS[word]], axis=0)
    return write_midi(MODEL_DIR / "words" / f"{word}.mid".replace(" ", "-"), grid, onsets_of(grid))
