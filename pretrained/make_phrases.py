"""Fit the model that guesses where phrases of a melody end: ``make phrases``, a few seconds.

It learns from the fermatas of the training chorales; how well it guesses is told on the validation chorales.
"""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from utils.corpus.pieces import load_chorales
from utils.music.phrases import WEIGHTS_FILE, describe_lengths, describe_notes, guess_phrase_ends
from utils.path_utils import atomic_write

DECAY = 4.0  # half of it times the squared weights is added to the loss
# Added to the odds of an end, so that of the wrong guesses about as many are too many as are missing. Both
# numbers were chosen by cross-validation within the training chorales: precision .87, recall .84.
CAUTION = -0.2


def collect(chorales):
    """List the notes at which the true phrases might have ended.

    Parameters
    ----------
    chorales : list of Chorale
        With fermatas.

    Returns
    -------
    note, length : dict of str to float array [example]
        Features of the note, and of the length of its phrase so far.
    ends : bool array [example]
    """
    notes, lengths, answers = [], [], []
    for chorale in chorales:
        start, place, unit, described = describe_notes(chorale.grid[:, 0], chorale.onset[:, 0], chorale.bars)
        ends = np.isin(start, chorale.phrase_ends)
        # The phrase of each note begins after the end before it.
        begin = np.maximum.accumulate(np.where(np.append(True, ends[:-1]), np.arange(len(ends)), 0))
        known = slice(0, len(ends) - 1)  # the last note ends one anyway
        so_far = describe_lengths((place[1:] - place[begin]) / unit)
        notes.append({name: values[known] for name, values in described.items()})
        lengths.append({name: values[known] for name, values in so_far.items()})
        answers.append(ends[known])
    note, length = (
        {name: np.concatenate([each[name] for each in some]).astype(float) for name in some[0]}
        for some in (notes, lengths)
    )
    return note, length, np.concatenate(answers)


def fit(features, answers):
    """Fit a logistic regression: float array [feature].

    Parameters
    ----------
    features : float array [example, feature]
        The first is 1 throughout; its weight does not decay.
    answers : bool array [example]
    """
    sign = np.where(answers, 1.0, -1.0)
    decaying = np.append(0, np.full(features.shape[1] - 1, DECAY))

    def loss(weights):
        margin = sign * (features @ weights)
        slope = -features.T @ (sign / (1 + np.exp(margin))) + decaying * weights
        return np.logaddexp(0, -margin).sum() + (decaying * weights**2).sum() / 2, slope

    return minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x


def score(chorales):
    """Tell precision and recall of the guesses, the last note of each melody left out.

    Parameters
    ----------
    chorales : list of Chorale
        With fermatas.

    Returns
    -------
    precision, recall : float
    """
    right = guessed = true = 0
    for chorale in chorales:
        found = guess_phrase_ends(chorale.grid[:, 0], chorale.onset[:, 0], chorale.bars)
        last = found[-1]
        right += np.isin(found[:-1], chorale.phrase_ends).sum()
        guessed += len(found) - 1
        true += (chorale.phrase_ends != last).sum()
    return right / guessed, right / true


def main():
    """Fit, store, and tell how well it guesses."""
    by_split = {
        split: [chorale for chorale in load_chorales(split=split) if len(chorale.phrase_ends)]
        for split in ("train", "valid")
    }
    note, length, ends = collect(by_split["train"])
    weights = fit(np.stack([*note.values(), *length.values()], axis=1), ends)
    weights[0] += CAUTION
    weights = np.round(weights, 3).tolist()
    stored = {
        "note": dict(zip(note, weights, strict=False)),
        "length": dict(zip(length, weights[len(note) :], strict=True)),
    }
    text = json.dumps(stored, indent=1) + "\n"
    atomic_write(WEIGHTS_FILE, lambda name: Path(name).write_text(text, encoding="utf-8"))
    for split, chorales in by_split.items():
        precision, recall = score(chorales)
        print(f"{split}: precision {precision:.3f}, recall {recall:.3f}, {len(chorales)} chorales")


if __name__ == "__main__":
    main()
