"""Where a model stands beside Bach: every measure, on held-out chorales."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..arranger.proposals import CREATIVITY
from ..corpus.pieces import load_chorales
from ..corpus.windows import windows
from ..music.grade import chorale_grade
from ..music.grid import STEPS_PER_WINDOW, onsets_of
from ..music.harmony import root_diversity
from ..music.measures import (
    chord_histogram_entropy,
    chord_tone_ratio,
    chordal_share,
    conditioning_gaps,
    crossing_rate,
    diversity,
    leap_rate,
    notes_per_window,
    parallels_per_note,
    pitch_consonance_score,
    range_rate,
    short_note_rate,
    spacing_rate,
    token_accuracy,
)
from ..path_utils import PRETRAINED_DIR, atomic_write
from ..training.batches import load_windows
from .rows import (
    CORPUS,
    arrange,
    bach_against_bach,
    cut_song,
    cut_songs,
    load_songs,
    predict_alone,
    retrieve,
    shuffle,
)
from .whole import arrange_whole, in_windows, load_whole_songs, measure_whole

EXAMPLE_STEPS = 2 * STEPS_PER_WINDOW  # kept of one song, to listen to
CREATIVITY_LEVELS = (0, 0.25, 0.5, CREATIVITY, 1.5, 2)
LOWER_VOICES = ("alto", "tenor", "bass")
OF_GRIDS = {
    "PCS": pitch_consonance_score,
    "chordal share": chordal_share,
    "chord entropy": chord_histogram_entropy,
    "crossing": crossing_rate,
    "spacing": spacing_rate,
}
OF_NOTES = {
    "CTnCTR": chord_tone_ratio,
    "parallels per note": parallels_per_note,
    "out of range": range_rate,
    "leaps": leap_rate,
    "short notes": short_note_rate,
}


def measure(grids, songs, training=None):
    """Measure what somebody set to the melodies of some songs.

    Repeated notes count as one throughout, since a network gives pitches and no onsets.

    Parameters
    ----------
    grids, songs : lists of int array [step, voice=4]
        The answers, and what Bach wrote.
    training : list of int array [step, voice=4], optional
        What the chorale grade compares with; without it there is no grade.

    Returns
    -------
    dict of str to float [song]
    """
    onsets = [onsets_of(grid) for grid in grids]
    accuracy = np.array([token_accuracy(a, b) for a, b in zip(grids, songs, strict=True)])
    windows, owner = cut_songs(grids)
    notes = [
        notes_per_window(cut_song(grid), cut_song(onset)) for grid, onset in zip(grids, onsets, strict=True)
    ]
    answers = {f"accuracy {voice}": accuracy[:, i] for i, voice in enumerate(LOWER_VOICES)}
    answers["conditioning gap"] = conditioning_gaps(windows, owner)
    for name, function in OF_GRIDS.items():
        answers[name] = np.array([function(grid) for grid in grids])
    for name, function in OF_NOTES.items():
        answers[name] = np.array([function(grid, onset) for grid, onset in zip(grids, onsets, strict=True)])
    answers |= {f"notes {voice}": np.array(notes)[:, i] for i, voice in enumerate(LOWER_VOICES, start=1)}
    if training is not None:
        pieces, reference = list(zip(grids, onsets, strict=True)), [(g, onsets_of(g)) for g in training]
        answers["chorale grade"] = chorale_grade(pieces, reference)["grade"]
    return answers


def measure_takes(arranged):
    """Measure how much takes differ: dict of str to float [song].

    Parameters
    ----------
    arranged : list [take] of lists of int array [step, voice=4]
        As :func:`.rows.arrange` gives them.
    """
    by_song = list(zip(*arranged, strict=True))
    return {
        "diversity": np.array([diversity(np.stack(takes)) for takes in by_song]),
        "root diversity": np.array([root_diversity(takes) for takes in by_song]),
    }


def evaluate(split, generator, critic, others=None, takes=8, seed=0, say=print):
    """Measure Bach, the baselines and a model on all songs of a split.

    Parameters
    ----------
    split : {"valid", "test"}
    generator, critic : keras.Model
    others : dict of str to keras.Model, optional
        More generators to measure alone, by the name of their row.
    takes : int
    seed : int
    say : callable
        Told which row is next.

    Returns
    -------
    dict
        "split", "songs" (names), "takes"; "rows": by row, then measure, a number for each song, None where
        there is nothing to measure, or, of what a musician hears in the whole chorales, how many and of how
        many; "example": by row, the first bars of the first song, a grid [step, voice=4].
    """
    import keras

    named, training = load_songs(split), list(load_songs("train").values())
    songs = list(named.values())
    chorales = list(load_whole_songs(split).values())
    by_row, whole = {"real Bach": songs}, {"real Bach": [chorale.grid for chorale in chorales]}
    say("baselines")
    known = load_windows(CORPUS)
    for row, baseline in {"retrieval": lambda s: retrieve(s, known), "shuffled": shuffle}.items():
        by_row[row], whole[row] = baseline(songs), in_windows(baseline, chorales)
    validity = {"real Bach": dict.fromkeys(("one note a voice", "melody kept"), np.ones(len(songs)))}
    untrained = {"untrained": keras.models.clone_model(generator)}
    for row, network in (untrained | (others or {}) | {"network alone": generator}).items():
        say(row)
        by_row[row], validity[row] = predict_alone(network, songs)
        whole[row] = in_windows(lambda songs, network=network: predict_alone(network, songs)[0], chorales)
    say(f"{takes} takes of every song")
    arranged, scores = arrange(generator, critic, songs, takes, seed)
    by_row["one take"] = arranged[0]
    (by_row["arrangement"],), _ = arrange(generator, None, songs, 1, seed, creativity=0)
    by_price, by_critic = scores["price"].argmin(axis=0), scores["critic"].argmax(axis=0)
    by_row["least price"] = [arranged[take][song] for song, take in enumerate(by_price)]
    by_row["critic's choice"] = [arranged[take][song] for song, take in enumerate(by_critic)]
    say("whole chorales")
    several = arrange_whole(generator, critic, chorales, 1 + takes, seed)
    whole["arrangement"] = [first.grid for first, *_ in several]
    whole["least price"] = [others[0].grid for _, *others in several]
    whole["one take"] = [others[len(others) // 2].grid for _, *others in several]  # neither cheap nor dear
    critics = [max(others, key=lambda take: take.scores["critic"]) for _, *others in several]
    whole["critic's choice"] = [take.grid for take in critics]

    rows = {
        row: measure(grids, songs, training) | validity.get(row, {}) | measure_whole(whole[row], chorales)
        for row, grids in by_row.items()
    }
    rows["one take"] |= measure_takes(arranged)
    himself = bach_against_bach(songs, windows(load_chorales(CORPUS))[0])
    rows["Bach against Bach"] = {f"accuracy {voice}": himself[:, i] for i, voice in enumerate(LOWER_VOICES)}
    example = {row: grids[0][:EXAMPLE_STEPS].tolist() for row, grids in by_row.items()}
    return as_json(split, named, rows) | {"takes": takes, "example": example}


def evaluate_alone(split, generators):
    """Measure what networks propose without any search.

    Parameters
    ----------
    split : {"valid", "test"}
    generators : dict of str to keras.Model
        By the name of their row.

    Returns
    -------
    dict
        "split", "songs" and "rows" as in :func:`evaluate`.
    """
    named, training = load_songs(split), list(load_songs("train").values())
    rows = {}
    for row, generator in generators.items():
        grids, validity = predict_alone(generator, list(named.values()))
        rows[row] = measure(grids, list(named.values()), training) | validity
    return as_json(split, named, rows)


def evaluate_takes(split, generator, takes=8, seed=0, say=print):
    """Measure each take in the order in which they are delivered: the sober one, then by their price.

    Parameters
    ----------
    split : {"valid", "test"}
    generator : keras.Model
    takes, seed : int
    say : callable
        Told what is next.

    Returns
    -------
    dict
        "split", "songs" and "rows" as in :func:`evaluate`: "real Bach", "take 1" and so on. The last take
        tells how much the takes of a song differ.
    """
    named, training = load_songs(split), list(load_songs("train").values())
    songs, chorales = list(named.values()), list(load_whole_songs(split).values())
    say(f"{takes} takes of every song")
    arranged, scores = arrange(generator, None, songs, takes, seed, sober=1)
    prices = scores["price"]
    prices[0] = -np.inf  # the sober one is the first
    order = prices.argsort(axis=0)
    say("whole chorales")
    several = arrange_whole(generator, None, chorales, takes, seed)
    rows = {"real Bach": measure(songs, songs, training)}
    rows["real Bach"] |= measure_whole([chorale.grid for chorale in chorales], chorales)
    for number in range(takes):
        grids = [arranged[take][song] for song, take in enumerate(order[number])]
        whole = [by_price[number].grid for by_price in several]
        rows[f"take {number + 1}"] = measure(grids, songs, training) | measure_whole(whole, chorales)
    rows[f"take {takes}"] |= measure_takes(arranged)
    return as_json(split, named, rows)


def evaluate_creativity(split, generator, levels=CREATIVITY_LEVELS, takes=4, seed=0, say=print):
    """Measure what the knob ``creativity`` buys, and what it costs.

    Parameters
    ----------
    split : {"valid", "test"}
    generator : keras.Model
    levels : sequence of float
    takes : int
        Of every song; the measures are of the first, the diversity is that of all.
    seed : int
    say : callable
        Told which row is next.

    Returns
    -------
    dict
        "split", "songs" and "rows" as in :func:`evaluate`.
    """
    named, training = load_songs(split), list(load_songs("train").values())
    songs, rows = list(named.values()), {}
    for level in levels:
        row = f"creativity {level:g}"
        say(row)
        arranged, _ = arrange(generator, None, songs, takes, seed, level)
        rows[row] = measure(arranged[0], songs, training) | measure_takes(arranged)
    return as_json(split, named, rows)


def as_json(split, named, rows):
    """Put measures into types that JSON knows.

    Parameters
    ----------
    split : str
    named : dict
        The songs by name.
    rows : dict of str to dict of str to array [song] or [song, 2]

    Returns
    -------
    dict
        "split", "songs" and "rows" as in :func:`evaluate`.
    """
    rows = {
        row: {name: [_number(v) for v in values] for name, values in answers.items()}
        for row, answers in rows.items()
    }
    return {"split": split, "songs": list(named), "rows": rows}


def _number(value):
    if np.ndim(value):  # how many and of how many
        return [_number(count) for count in value]
    return round(float(value), 5) if np.isfinite(value) else None


def write_evaluation(path, evaluation):
    """Store an evaluation as JSON."""
    return atomic_write(path, lambda name: Path(name).write_text(json.dumps(evaluation)))


def read_evaluation(path=PRETRAINED_DIR / "evaluation.json"):
    """Read an evaluation, by default that of the shipped networks on the test split."""
    return json.loads(Path(path).read_text())
