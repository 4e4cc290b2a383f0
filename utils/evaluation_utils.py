"""Where a model stands beside Bach: every measure, on held-out chorales, with its uncertainty.

A *song* is a chorale as a grid int8 [step, voice=4] of whole two-bar windows on end; a *row* is what
somebody sets to the melodies of all songs. ``python -m utils.evaluation_utils --help`` (or ``make
evaluate``) measures all rows and writes a table and a figure.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from scipy.stats import bootstrap

from utils import (
    dataset_utils,
    display_utils,
    inference_utils,
    layer_utils,
    metrics_utils,
    path_utils,
    training_utils,
)
from utils import harmony_utils as harmony
from utils.midi_utils import STEPS_PER_WINDOW, grid_to_roll, onsets_of

CORPUS = dataset_utils.DATASET_DIR / dataset_utils.CHORALES_FILE
EXAMPLE_STEPS = 2 * STEPS_PER_WINDOW  # kept of one song, to listen to
CREATIVITY_LEVELS = (0, 0.25, inference_utils.CREATIVITY, 1, 1.5, 2)
RESAMPLES = 2000
CONFIDENCE = 0.95
KEYS = range(-6, 7)  # semitones that retrieval may move a training window by
VOICES = ("alto", "tenor", "bass")


# --- The songs ---------------------------------------------------------------


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
    for chorale in dataset_utils.load_chorales(path, split):
        windows, end = [], 0
        for start in dataset_utils.window_starts(chorale):
            if start >= end:
                end = start + STEPS_PER_WINDOW
                windows.append(chorale.grid[start:end])
        if windows:
            songs[chorale.name] = np.concatenate(windows)
    return songs


# --- The rows ----------------------------------------------------------------


def shuffle(songs):
    """Set to every window the lower voices of a window of another song: plausible, and deaf.

    Parameters
    ----------
    songs : list of int array [step, voice=4]

    Returns
    -------
    list of int array [step, voice=4]
    """
    windows, owner = _windows(songs)
    # As far away as can be, so in another song unless one song has half of all windows.
    lower = np.roll(windows[..., 1:], len(windows) // 2, axis=0)
    return _songs(np.concatenate([windows[..., :1], lower], axis=-1), owner)


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
    windows, owner = _windows(songs)
    training = training.astype(int)
    shifts = np.array(sorted(KEYS, key=abs))
    found = []
    for window in windows:
        differing = (training[None, :, :, 0] + shifts[:, None, None] != window[:, 0]).sum(axis=-1)
        shift, sample = np.unravel_index(differing.argmin(), differing.shape)
        lower = training[sample, :, 1:]
        lower = np.where(lower < 0, lower, lower + shifts[shift])
        found.append(np.concatenate([window[:, :1], lower], axis=-1))
    return _songs(np.stack(found), owner)


def agree_with_himself(songs, corpus, differing=1):
    """How far Bach's other harmonisations of the same two bars of melody agree with this one.

    Parameters
    ----------
    songs : list of int array [step, voice=4]
    corpus : int array [sample, step=32, voice=4]
        Where to look, in all keys; identical harmonisations do not count.
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


def sing_alone(generator, songs, seed=0):
    """Let a network set its likeliest notes to every melody, in one pass a song, without any search.

    Parameters
    ----------
    generator : keras.Model
    songs : list of int array [step, voice=4]
    seed : int
        Of the noise.

    Returns
    -------
    sung : list of int8 array [step, voice=4]
        The melody and, of the other voices, the likeliest pitch of each step.
    validity : dict of str to float [song]
        "one note a voice" and "melody kept" of what the generator would play by itself.
    """
    sung, validity = [], {"one note a voice": [], "melody kept": []}
    for song in songs:
        output = inference_utils.propose(generator, song[:, 0], seed)[0]
        played = layer_utils.harden(output[None], generator.layers[-1].name)
        validity["one note a voice"].append(metrics_utils.monophony(played))
        validity["melody kept"].append(metrics_utils.melody_kept(played, grid_to_roll(song[None, :, :1])))
        lower = output[..., 1:].argmax(axis=1)
        sung.append(np.concatenate([song[:, :1], lower], axis=-1).astype(np.int8))
    return sung, {name: np.array(values) for name, values in validity.items()}


def arrange(generator, critic, songs, takes, seed=0, creativity=inference_utils.CREATIVITY, costs=None):
    """Arrange every melody as a user would get it, several times.

    Parameters
    ----------
    generator : keras.Model
    critic : keras.Model or None
    songs : list of int array [step, voice=4]
    takes, seed, creativity, costs
        As in :func:`utils.inference_utils.harmonize_takes`.

    Returns
    -------
    sung : list [take] of lists of int8 array [step, voice=4]
    scores : float [take, song]
        The critic's; NaN without one.
    """
    sung = [[] for _ in range(takes)]
    scores = np.zeros((takes, len(songs)))
    for number, song in enumerate(songs):
        found = inference_utils.sing(generator, song[:, 0], takes, seed, critic, creativity, costs)
        for take, (grid, told) in enumerate(found):
            sung[take].append(grid)
            scores[take, number] = told.get("critic", np.nan)
    return sung, scores


# --- Measures ----------------------------------------------------------------


def measure(sung, songs, training=None):
    """Measure what somebody set to the melodies of some songs.

    Repeated notes count as one throughout, since a network gives pitches and no onsets.

    Parameters
    ----------
    sung, songs : lists of int array [step, voice=4]
        The answers, and what Bach wrote.
    training : list of int array [step, voice=4], optional
        What the chorale grade compares with; without it there is no grade.

    Returns
    -------
    dict of str to float [song]
    """
    onsets = [onsets_of(grid) for grid in sung]
    accuracy = np.array([harmony.token_accuracy(a, b) for a, b in zip(sung, songs, strict=True)])
    windows, owner = _windows(sung)
    notes = [
        harmony.notes_per_window(_cut(grid), _cut(onset)) for grid, onset in zip(sung, onsets, strict=True)
    ]
    answers = {f"accuracy {voice}": accuracy[:, i] for i, voice in enumerate(VOICES)}
    answers["conditioning gap"] = harmony.conditioning_gaps(windows, owner)
    for name, function in OF_GRIDS.items():
        answers[name] = np.array([function(grid) for grid in sung])
    for name, function in OF_NOTES.items():
        answers[name] = np.array([function(grid, onset) for grid, onset in zip(sung, onsets, strict=True)])
    answers |= {f"notes {voice}": np.array(notes)[:, i] for i, voice in enumerate(VOICES, start=1)}
    if training is not None:
        pieces, reference = list(zip(sung, onsets, strict=True)), [(g, onsets_of(g)) for g in training]
        answers["chorale grade"] = harmony.chorale_grade(pieces, reference)["grade"]
    return answers


OF_GRIDS = {
    "PCS": harmony.pitch_consonance_score,
    "chordal share": harmony.chordal_share,
    "chord entropy": harmony.chord_histogram_entropy,
    "crossing": harmony.crossing_rate,
    "spacing": harmony.spacing_rate,
}
OF_NOTES = {
    "CTnCTR": harmony.chord_tone_ratio,
    "parallels per note": harmony.parallels_per_note,
    "out of range": harmony.range_rate,
    "leaps": harmony.leap_rate,
    "short notes": harmony.short_note_rate,
}


# The measures that a figure should show.
SHOWN = (
    *(f"accuracy {voice}" for voice in VOICES),
    "conditioning gap",
    "PCS",
    "chordal share",
    "parallels per note",
    "chorale grade",
    *(f"notes {voice}" for voice in VOICES),
    "short notes",
)


def confidence(values):
    """Mean over songs, with a bootstrap interval that draws songs, not notes.

    Parameters
    ----------
    values : float [song]
        NaN where there was nothing to measure.

    Returns
    -------
    list of float
        The mean and the bounds of its 95% interval (percentile bootstrap, Efron 1979); all NaN without
        a value.
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if len(known) < 2 or np.ptp(known) == 0:
        return [float(known.mean()) if len(known) else np.nan] * 3
    interval = bootstrap(
        (known,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", rng=0
    ).confidence_interval
    return [float(known.mean()), float(interval.low), float(interval.high)]


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
        there is nothing to measure; "example": by row, the first bars of the first song, a grid
        [step, voice=4].
    """
    named, training = load_songs(split), list(load_songs("train").values())
    songs = list(named.values())
    sung = {"real Bach": songs}
    say("baselines")
    sung["retrieval"] = retrieve(songs, dataset_utils.load_windows(CORPUS))
    sung["shuffled"] = shuffle(songs)
    validity = {"real Bach": dict.fromkeys(("one note a voice", "melody kept"), np.ones(len(songs)))}
    untrained = {"untrained": keras.models.clone_model(generator)}
    for row, network in (untrained | (others or {}) | {"network alone": generator}).items():
        say(row)
        sung[row], validity[row] = sing_alone(network, songs, seed)
    say(f"{takes} takes of every song")
    arranged, scores = arrange(generator, critic, songs, takes, seed)
    sung["arrangement"] = arranged[0]
    best = scores.argmax(axis=0)
    sung["critic's choice"] = [arranged[take][song] for song, take in enumerate(best)]

    rows = {row: measure(grids, songs, training) | validity.get(row, {}) for row, grids in sung.items()}
    spread = np.array([harmony.diversity(np.stack(of_song)) for of_song in zip(*arranged, strict=True)])
    rows["arrangement"]["diversity"] = rows["critic's choice"]["diversity"] = spread
    himself = agree_with_himself(songs, dataset_utils.windows(dataset_utils.load_chorales(CORPUS))[0])
    rows["Bach against Bach"] = {f"accuracy {voice}": himself[:, i] for i, voice in enumerate(VOICES)}
    example = {row: grids[0][:EXAMPLE_STEPS].tolist() for row, grids in sung.items()}
    return _told(split, named, rows) | {"takes": takes, "example": example}


def evaluate_alone(split, generators, seed=0):
    """Measure what networks sing without any search.

    Parameters
    ----------
    split : {"valid", "test"}
    generators : dict of str to keras.Model
        By the name of their row.
    seed : int

    Returns
    -------
    dict
        "split", "songs" and "rows" as in :func:`evaluate`.
    """
    named, training = load_songs(split), list(load_songs("train").values())
    rows = {}
    for row, generator in generators.items():
        sung, validity = sing_alone(generator, list(named.values()), seed)
        rows[row] = measure(sung, list(named.values()), training) | validity
    return _told(split, named, rows)


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
        spread = [harmony.diversity(np.stack(of_song)) for of_song in zip(*arranged, strict=True)]
        rows[row] = measure(arranged[0], songs, training) | {"diversity": np.array(spread)}
    return _told(split, named, rows)


def _told(split, named, rows):
    """Put measures into types that JSON knows."""
    rows = {
        row: {name: [_number(v) for v in values] for name, values in answers.items()}
        for row, answers in rows.items()
    }
    return {"split": split, "songs": list(named), "rows": rows}


# --- Telling -----------------------------------------------------------------


def summarize(evaluation):
    """Sum up an evaluation over its songs.

    Parameters
    ----------
    evaluation : dict
        Of :func:`evaluate`.

    Returns
    -------
    dict
        By row, then measure, what :func:`confidence` says; measures without a value are left out.
    """
    return {
        row: {name: confidence(values) for name, values in answers.items() if set(values) != {None}}
        for row, answers in evaluation["rows"].items()
    }


def table(summary, measures=None, intervals=True):
    """Write an evaluation as a table in Markdown: a line for each measure, a column for each row.

    Parameters
    ----------
    summary : dict
        Of :func:`summarize`.
    measures : sequence of str, optional
        Which, in which order; all by default.
    intervals : bool
        Whether to add the bounds of the intervals, in brackets.

    Returns
    -------
    str
    """
    measures = measures or dict.fromkeys(name for answers in summary.values() for name in answers)
    lines = ["| | " + " | ".join(summary) + " |", "|---" * (len(summary) + 1) + "|"]
    for name in measures:
        digits = 4 if name == "parallels per note" else 1 if name.startswith("notes") else 2
        cells = []
        for answers in summary.values():
            value, low, high = answers.get(name, [np.nan] * 3)
            interval = "" if low == high or not intervals else f" ({low:.{digits}f}-{high:.{digits}f})"
            cells.append("" if np.isnan(value) else f"{value:.{digits}f}{interval}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(path, evaluation):
    """Store an evaluation as JSON."""
    return path_utils.write_whole(path, lambda name: Path(name).write_text(json.dumps(evaluation)))


def read(path=path_utils.PRETRAINED_DIR / "evaluation.json"):
    """Read an evaluation, by default that of the shipped networks on the test split."""
    return json.loads(Path(path).read_text())


def _number(value):
    return round(float(value), 5) if np.isfinite(value) else None


def _windows(songs):
    """Cut songs into windows: int [window, step=32, voice], and the number of each one's song."""
    owner = np.repeat(np.arange(len(songs)), [len(song) // STEPS_PER_WINDOW for song in songs])
    return np.concatenate([_cut(song) for song in songs]), owner


def _songs(windows, owner):
    return [windows[owner == song].reshape(-1, windows.shape[-1]) for song in np.unique(owner)]


def _cut(song):
    return song.reshape(-1, STEPS_PER_WINDOW, song.shape[-1])


def main(arguments=None):
    """Measure a model from the command line."""
    parser = argparse.ArgumentParser(description="Measure a model beside Bach on held-out chorales.")
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--networks", type=Path, default=path_utils.PRETRAINED_DIR, metavar="FOLDER")
    parser.add_argument(
        "--alone", nargs="*", default=[], metavar="ROW=FILE", help="more generators to measure"
    )
    parser.add_argument("--creativity", action="store_true", help="measure the knob instead of the rows")
    parser.add_argument("--takes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=path_utils.MODEL_DIR / "evaluation.json")
    chosen = parser.parse_args(arguments)
    generator, critic = (
        training_utils.load_network(chosen.networks / f"{name}.npz") for name in ("generator", "critic")
    )
    others = dict(pair.split("=", 1) for pair in chosen.alone)
    others = {row: training_utils.load_network(file) for row, file in others.items()}
    if chosen.creativity:
        evaluation = evaluate_creativity(chosen.split, generator, takes=chosen.takes, seed=chosen.seed)
    else:
        evaluation = evaluate(chosen.split, generator, critic, others, chosen.takes, chosen.seed)
    write(chosen.output, evaluation)
    picture = chosen.output.with_suffix(".png")
    summary = summarize(evaluation)
    figure = display_utils.plot_evaluation(summary, SHOWN)
    path_utils.write_whole(picture, lambda name: figure.savefig(name, dpi=100))
    print(f"{table(summary)}\n\nTable: {chosen.output}\nFigure: {picture}")


if __name__ == "__main__":
    main()
