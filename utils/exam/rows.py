"""Who sets voices to the melodies of held-out songs: Bach, baselines, a network, an arrangement.

A *song* is a chorale as a grid int8 [step, voice=4] of whole two-bar windows on end; a *row* is what
somebody sets to the melodies of all songs.
"""

from __future__ import annotations

import numpy as np

from ..arranger.proposals import CREATIVITY, propose
from ..arranger.takes import fill_rests, harmonize_given, last_notes
from ..corpus.pieces import CHORALES_FILE, load_chorales
from ..corpus.windows import window_starts
from ..music.grid import STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll, onsets_of
from ..music.phrases import guess_phrase_ends
from ..music.roll_measures import melody_kept, monophony
from ..path_utils import DATASET_DIR

CORPUS = DATASET_DIR / CHORALES_FILE
RETRIEVAL_KEYS = range(-6, 7)  # semitones that retrieval may move a training window by


def load_songs(split, path=CORPUS):
    """Read the chorales in 4/4 of a split as whole windows.

    Parameters
    ----------
    split : {"train", "valid", "test"}
    path : str or Path

    Returns
    -------
    dict of str to int8 array [step, voice=4]
        By name. Every two-bar window that does not overlap the one before; a pickup, a last odd bar and
        bars in which a voice rests are left out.
    """
    songs = {}
    for chorale in load_chorales(path, split):
        windows, end = [], 0
        for start in window_starts(chorale):
            if start >= end:
                end = start + STEPS_PER_WINDOW
                windows.append(chorale.grid[start:end])
        if windows:
            songs[chorale.name] = np.concatenate(windows)
    return songs


def shuffle(songs):
    """Set to every window the lower voices of a window of another song: plausible, and deaf.

    Parameters
    ----------
    songs : list of int array [step, voice=4]

    Returns
    -------
    list of int array [step, voice=4]
    """
    windows, owner = cut_songs(songs)
    # As far away as can be, so in another song unless one song has half of all windows.
    lower = np.roll(windows[..., 1:], len(windows) // 2, axis=0)
    return join_windows(np.concatenate([windows[..., :1], lower], axis=-1), owner)


def retrieve(songs, training):
    """Set to every window the lower voices of the training window with the nearest melody, in any key.

    Parameters
    ----------
    songs : list of int array [step, voice=4]
    training : int array [sample, step=32, voice=4]

    Returns
    -------
    list of int array [step, voice=4]
        Nearest is the melody with the fewest differing steps; then the smallest transposition, then the
        first.
    """
    windows, owner = cut_songs(songs)
    melody = np.arange(windows.shape[-1]) == 0
    found = [np.where(melody, window, nearest_window(window, training, melody)) for window in windows]
    return join_windows(np.stack(found), owner)


def nearest_window(window, training, given):
    """Find the training window that is nearest to another one in what is given, in any key.

    Parameters
    ----------
    window : int array [step=32, voice]
    training : int array [sample, step=32, voice]
    given : bool array [step=32, voice] or what broadcasts to it

    Returns
    -------
    int array [step=32, voice]
        Moved into the window's key. Nearest is the one with the fewest differing cells; then the smallest
        transposition, then the first.
    """
    given, training = np.broadcast_to(given, window.shape), np.asarray(training).astype(int)
    shifts = np.array(sorted(RETRIEVAL_KEYS, key=abs))
    wanted, known = window[given], training[:, given]  # [cell], [sample, cell]
    differing = np.array([(known + shift != wanted).sum(axis=1) for shift in shifts])
    shift, sample = np.unravel_index(differing.argmin(), differing.shape)
    found = training[sample]
    return np.where(found < 0, found, found + shifts[shift])


def bach_against_bach(songs, corpus, differing=1):
    """How far Bach's other harmonizations of the same two bars of melody agree with this one.

    Parameters
    ----------
    songs : list of int array [step, voice=4]
    corpus : int array [sample, step=32, voice=4]
        Where to look, in all keys; identical harmonizations do not count.
    differing : int
        Steps at which the melodies may differ.

    Returns
    -------
    float [song, voice=3]
        Token accuracy of alto, tenor and bass; NaN for a song without such a window.
    """
    corpus = corpus.astype(int)
    answers = []
    for song in songs:
        rates = []
        for window in song.reshape(-1, STEPS_PER_WINDOW, 4).astype(int):
            shift = np.median(window[:, 0] - corpus[..., 0], axis=1).astype(int)
            moved = np.where(corpus < 0, corpus, corpus + shift[:, None, None])
            same_tune = (moved[..., 0] != window[:, 0]).sum(axis=1) <= differing
            other = same_tune & (moved[..., 1:] != window[:, 1:]).any(axis=(1, 2))
            if other.any():
                rates.append((moved[other, :, 1:] == window[:, 1:]).mean(axis=(0, 1)))
        answers.append(np.mean(rates, axis=0) if rates else np.full(3, np.nan))
    return np.array(answers)


def predict_alone(generator, songs):
    """Let a network set its likeliest notes to every melody, in one pass a song, without noise or search.

    Parameters
    ----------
    generator : keras.Model
    songs : list of int array [step, voice=4]

    Returns
    -------
    answers : list of int8 array [step, voice=4]
        The melody and, of the other voices, the likeliest pitch of each step.
    validity : dict of str to float [song]
        "one note a voice" and "melody kept" of what the generator would play by itself.
    """
    from ..networks.heads import harden, head_of

    answers, validity = [], {"one note a voice": [], "melody kept": []}
    for song in songs:
        given = give_melody(song)
        output = propose(generator, given)[0, 0]
        played = harden(output[None], head_of(generator))
        validity["one note a voice"].append(monophony(played))
        validity["melody kept"].append(melody_kept(played, grid_to_roll(given[None, :, :1])))
        lower = output[..., 1:].argmax(axis=1)
        answers.append(np.concatenate([song[:, :1], lower], axis=-1).astype(np.int8))
    return answers, {name: np.array(values) for name, values in validity.items()}


def arrange(generator, critic, songs, takes, seed=0, creativity=CREATIVITY, costs=None, sober=0):
    """Arrange every melody as a user would get it, several times.

    Parameters
    ----------
    generator : keras.Model
    critic : keras.Model or None
    songs : list of int array [step, voice=4]
    takes, seed, creativity, costs, sober
        As in :func:`.harmonize_takes`; by default no take is sober.

    Returns
    -------
    answers : list [take] of lists of int8 array [step, voice=4]
    scores : dict of str to float [take, song]
        "price", lower is better, and the "critic"'s, higher is better, which is NaN without one.
    """
    answers = [[] for _ in range(takes)]
    scores = {name: np.full((takes, len(songs)), np.nan) for name in ("price", "critic")}
    for number, song in enumerate(songs):
        begins = onsets_of(song[:, :1])[:, 0]
        ends = guess_phrase_ends(song[:, 0], begins, np.arange(0, len(song), STEPS_PER_BAR))
        ends = last_notes(begins, ends)
        found = harmonize_given(
            generator,
            give_melody(song),
            takes,
            seed,
            critic,
            creativity,
            costs,
            sober=sober,
            phrase_ends=ends,
        )
        for number_of_take, take in enumerate(found):
            answers[number_of_take].append(np.column_stack([song[:, 0], take.grid[:, 1:]]))
            for name, score in take.scores.items():
                scores[name][number_of_take, number] = score
    return answers, scores


def give_melody(song):
    """Give the melody of a song, held through its rests: int array [step, voice], REST elsewhere."""
    return fill_rests(song, np.broadcast_to(np.arange(song.shape[1]) == 0, song.shape))


def cut_songs(songs):
    """Cut songs into windows: int [window, step=32, voice], and the number of each one's song."""
    owner = np.repeat(np.arange(len(songs)), [len(song) // STEPS_PER_WINDOW for song in songs])
    return np.concatenate([cut_song(song) for song in songs]), owner


def join_windows(windows, owner):
    """Join windows to songs again: the inverse of :func:`cut_songs`."""
    return [windows[owner == song].reshape(-1, windows.shape[-1]) for song in np.unique(owner)]


def cut_song(song):
    """Cut a song into windows: int [window, step=32, voice]."""
    return song.reshape(-1, STEPS_PER_WINDOW, song.shape[-1])
