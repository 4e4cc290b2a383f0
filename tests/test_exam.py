import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from utils.arranger.proposals import average_over_keys, propose
from utils.arranger.takes import harmonize_takes
from utils.corpus.pieces import load_chorales
from utils.corpus.windows import window_starts
from utils.exam import exam
from utils.exam.exam import LOWER_VOICES, measure, read_evaluation
from utils.exam.figure import plot_evaluation
from utils.exam.rows import arrange, bach_against_bach, load_songs, predict_alone, retrieve, shuffle
from utils.exam.tables import SHOWN, confidence, summarize, table, table_recipes
from utils.exam.whole import arrange_whole, in_windows, load_whole_songs, measure_whole, melody_of
from utils.music import measures
from utils.music.grid import quantize
from utils.music.meter import bar_lines
from utils.networks.store import load_network
from utils.training.batches import load_windows

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "pretrained"
CHORALES = ROOT / "dataset" / "chorales.npz"


@pytest.fixture(scope="module")
def songs():
    return load_songs("valid", CHORALES)


@pytest.fixture(scope="module")
def training():
    return load_windows(CHORALES)


def answer(melody, below=(4, 9, 16)):
    """What a generator gives that sings in fixed intervals below the melody, sure of itself."""
    line = np.asarray(melody)[..., 0].argmax(axis=2)
    pitches = np.stack([line, *(line - interval for interval in below)], axis=-1)
    return 2 * tf.one_hot(pitches, 128, axis=2) - 1


class Echo:
    """A generator that keeps its distance, and notes what it heard."""

    input_shape = ((None, None, 128, 1), (None, None, 8, 512))
    layers = (SimpleNamespace(name="voice_softmax"),)

    def __init__(self):
        self.heard = []

    def __call__(self, inputs, training):
        self.heard.append([np.asarray(x) for x in inputs])
        return answer(inputs[0])


# --- The songs ---------------------------------------------------------------


def test_songs_are_whole_windows_on_end_of_every_held_out_piece(songs):
    chorales = {c.name: c for c in load_chorales(CHORALES, "valid")}
    assert set(songs) == {name for name, c in chorales.items() if window_starts(c)}
    for name, song in songs.items():
        assert len(song) % 32 == 0
        starts = window_starts(chorales[name])
        grid, last = chorales[name].grid, -32
        for window in song.reshape(-1, 32, 4):
            start = next(s for s in starts if s >= last + 32)  # the next that does not overlap
            np.testing.assert_array_equal(window, grid[start : start + 32])
            last = start


# --- The rows ----------------------------------------------------------------


def test_shuffled_keeps_the_melody_and_takes_everything_else_from_another_song(songs):
    songs = list(songs.values())
    shuffled = shuffle(songs)
    known = {}
    for number, song in enumerate(songs):
        for window in song.reshape(-1, 32, 4):
            known.setdefault(window[:, 1:].tobytes(), set()).add(number)
    for number, (song, other) in enumerate(zip(songs, shuffled, strict=True)):
        np.testing.assert_array_equal(song[:, 0], other[:, 0])
        for window in other.reshape(-1, 32, 4):
            assert known[np.ascontiguousarray(window[:, 1:]).tobytes()] - {number}


def test_retrieval_finds_a_training_piece_in_another_key(training):
    wanted = training[100].astype(int)
    moved = np.where(wanted < 0, wanted, wanted + 5)
    (found,) = retrieve([moved], training)
    np.testing.assert_array_equal(found[:, 0], moved[:, 0])
    assert measures.token_accuracy(found, moved).mean() == 1


def test_retrieval_prefers_the_nearest_melody_then_the_nearest_key():
    melody = np.arange(60, 92)
    training = np.stack([np.stack([melody + shift] + [np.full(32, voice)] * 3, axis=-1) for shift, voice in
                         ((3, 50), (-2, 51), (2, 52))])  # fmt: skip
    training[0, 0, 1] = -1
    song = np.stack([melody, melody, melody, melody], axis=-1)
    (found,) = retrieve([song], training)
    assert set(found[:, 1]) == {50}  # moved down by two, before the one that would go up by two
    training[1:, 4, 0] += 1
    (found,) = retrieve([song], training)
    assert found[0, 1] == -1 and set(found[1:, 1]) == {47}  # a rest stays a rest


def test_bach_against_bach_counts_other_harmonies_of_the_same_tune_alone():
    song = np.stack([np.arange(60, 92)] + [np.full(32, p) for p in (57, 53, 48)], axis=-1)
    other_bass, twice_another_note = song.copy() + 5, song.copy()
    other_bass[:, 3] -= 1
    other_bass[3, 0] += 1  # one differing step is allowed
    twice_another_note[:2, 0] += 1
    twice_another_note[:, 1] = 40
    corpus = np.stack([song + 2, other_bass, twice_another_note])
    (rates,) = bach_against_bach([song], corpus)
    assert rates.tolist() == [1, 1, 0]
    assert np.isnan(bach_against_bach([song], corpus[:1])).all()


def test_network_alone_keeps_the_true_melody_and_tells_what_it_would_have_sung(songs):
    song = next(iter(songs.values()))

    class Deaf(Echo):
        def __call__(self, inputs, training):
            return tf.roll(answer(inputs[0]), 12, axis=2)  # all an octave too high

    for generator, kept in ((Echo(), 1), (Deaf(), 0)):
        (sung,), validity = predict_alone(generator, [song])
        np.testing.assert_array_equal(sung[:, 0], song[:, 0])
        np.testing.assert_array_equal(sung[:, 3], song[:, 0] - 16 + 12 * (1 - kept))
        assert validity["melody kept"].tolist() == [kept]
        assert validity["one note a voice"].tolist() == [1]


def test_every_key_is_heard_and_moved_back():
    generator, line = Echo(), np.array([60, 62, 64, 65] * 8)
    takes = np.random.default_rng(0).normal(size=(2, 2, 8, 512))
    proposed = propose(generator, line[:, None], takes, keys=(0, 5, -6))
    ((melody, noise),) = generator.heard
    assert melody[:, 0, :, 0].argmax(axis=1).tolist() == [60, 65, 54] * 2
    assert proposed.shape[:3] == (2, 3, 32)
    for output in proposed.reshape(6, *proposed.shape[2:]):
        np.testing.assert_array_equal(output, proposed[0, 0])
    np.testing.assert_array_equal(noise, np.repeat(takes, 3, axis=0))


def test_keys_are_averaged_geometrically():
    probability = np.full((2, 1, 128, 1), 1e-6)
    probability[0, 0, (60, 62)] = [[0.9], [0.1]]
    probability[1, 0, (60, 62)] = [[0.2], [0.8]]
    (mean,) = average_over_keys(2 * probability[None] - 1)
    assert mean.shape == (1, 1, 128) and mean.sum() == pytest.approx(1)
    assert mean[0, 0, 60] / mean[0, 0, 62] == pytest.approx(np.sqrt(0.9 * 0.2 / (0.1 * 0.8)), rel=1e-3)


# --- Measures ----------------------------------------------------------------


def test_bach_measures_as_he_should(songs):
    songs = list(songs.values())[:12]
    training = list(load_songs("train", CHORALES).values())[:40]
    measured = measure(songs, songs, training)
    assert all(len(values) == len(songs) for values in measured.values())
    for voice in LOWER_VOICES:
        assert (measured[f"accuracy {voice}"] == 1).all()
    shuffled = measure(shuffle(songs), songs, training)
    for name, better in (("conditioning gap", 1), ("PCS", 1), ("chordal share", 1), ("chorale grade", -1)):
        assert better * (measured[name].mean() - shuffled[name].mean()) > 0, name
    # Notes per two bars, not per song.
    assert 4 < measured["notes alto"].mean() < 12


def test_gap_of_the_pieces_belongs_to_the_gap_of_all(songs):
    windows = np.concatenate([song[:64].reshape(2, 32, 4) for song in list(songs.values())[:10]])
    piece = np.repeat(np.arange(10), 2)
    each = measures.conditioning_gaps(windows, piece)
    assert each.shape == (10,)
    assert each.mean() == pytest.approx(measures.conditioning_gap(windows, piece), abs=0.03)
    mine = measures.pitch_consonance_score(windows[:2])
    foreign = [
        measures.pitch_consonance_score(np.concatenate([windows[i, :, :1], windows[j, :, 1:]], axis=-1))
        for j in (0, 1)
        for i in range(2, 20)
    ]
    assert each[0] == pytest.approx(mine - np.mean(foreign), abs=0.01)


def test_confidence_draws_songs():
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 0.1, 100)
    mean, low, high = confidence([*values, None])
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 10, rel=0.25)
    assert confidence([*values, None]) == [mean, low, high]
    assert confidence([0.5, None, 0.5]) == [0.5, 0.5, 0.5]


def test_table_and_figure_show_every_row():
    rows = {"real Bach": {"PCS": [0.5, 0.7]}, "model": {"PCS": [0.25, 0.35], "leaps": [None, None]}}
    evaluation = {"rows": rows}
    summary = summarize(evaluation)
    assert "leaps" not in summary["model"]
    text = table(summary, intervals=False)
    assert text.splitlines() == ["| | real Bach | model |", "|---|---|---|", "| PCS | 0.60 | 0.30 |"]
    assert "0.30 (0.25-0.35)" in table(summary)
    drawn = plot_evaluation(evaluation, ["PCS", "leaps"])
    assert drawn.alt.endswith("PCS: real Bach 0.60, model 0.30; leaps: not measured.")
    lines = [line for line in drawn.axes[0].lines if len(line.get_xdata())]
    dots = np.concatenate([line.get_xdata() for line in lines if line.get_marker() == "o"])
    assert dots[np.isfinite(dots)] == pytest.approx([0.6, 0.3])
    bars = [line.get_xdata() for line in lines if line.get_marker() != "o"]
    bars = [bar for bar in bars if np.isfinite(bar).all()]
    for bar, answers in zip(bars, rows.values(), strict=True):
        assert list(bar) == pytest.approx(confidence(answers["PCS"])[1:])


def test_counts_are_pooled_over_songs():
    counts = [[1, 2], [0, 8], [0, 0], [3, 4]]
    mean, low, high = confidence(counts)
    assert mean == pytest.approx(4 / 14)  # not the mean of 1/2, 0 and 3/4
    assert 0 <= low < mean < high <= 0.75
    assert confidence([[0, 0]]) == pytest.approx([np.nan] * 3, nan_ok=True)
    assert confidence([[1, 2], [2, 4], [0, 0]]) == [0.5] * 3
    rows = {"real Bach": {"a": counts}, "model": {"a": [[0, 0]] * 4}}
    assert table(summarize({"rows": rows}), intervals=False).splitlines()[-1] == "| a | 0.29 |  |"
    drawn = plot_evaluation({"rows": rows}, ["a"])
    assert drawn.axes[0].lines[1].get_xdata() == pytest.approx([4 / 14])


def test_measures_that_nobody_has_are_left_out():
    evaluation = {"rows": {"real Bach": {"PCS": [0.5, 0.7]}}}
    assert table(summarize(evaluation), ["PCS", "see-saw"]).count("\n") == 2
    drawn = plot_evaluation(evaluation, ["PCS", "see-saw"])
    assert [ax.get_title("left") for ax in drawn.axes if ax.axison] == ["PCS"]
    stored = read_evaluation(SHIPPED / "evaluation.json")  # whatever it has
    assert table(summarize(stored), SHOWN, intervals=False)


# --- Whole chorales ----------------------------------------------------------


def test_whole_songs_are_those_of_the_windows_with_their_pickups(songs):
    whole = load_whole_songs("valid", CHORALES)
    assert list(whole) == list(songs)
    assert sum(chorale.bars[0] == 4 for chorale in whole.values()) > 30
    bach = measure_whole([c.grid for c in whole.values()], list(whole.values()))
    assert all(counts.shape == (len(songs), 2) for counts in bach.values())
    ends = bach["phrases end on a root-position triad"]
    assert ends[:, 1].sum() == 341 and ends[:, 0].sum() > 0.9 * 341


def test_whoever_knows_windows_alone_gets_the_pickup_at_the_end_of_a_bar():
    chorale = load_whole_songs("valid", CHORALES)["bwv115.6"]
    asked = []

    def answer(songs):
        asked.extend(songs)
        return [song + 1 for song in songs]

    (answered,) = in_windows(answer, [chorale])
    np.testing.assert_array_equal(answered, chorale.grid + 1)
    begin = -chorale.bars[0] % 16
    assert len(asked[0]) % 32 == 0
    np.testing.assert_array_equal(asked[0][begin:][: len(chorale.grid)], chorale.grid)
    assert (asked[0][:begin] == chorale.grid[0]).all()


def test_sopranos_of_chorales_are_melodies_as_scores_bring_them():
    """The bars too, where one is too long."""
    chorales = {c.name: c for c in load_chorales(CHORALES)}
    for name in ("bwv115.6", "bwv324", "bwv66.6"):
        chorale = chorales[name]
        melody = melody_of(chorale)
        grid, onset = quantize(melody.notes, melody.ticks_per_beat, len(chorale.grid))
        np.testing.assert_array_equal(grid, chorale.grid[:, 0])
        np.testing.assert_array_equal(onset, chorale.onset[:, 0])
        lines = bar_lines(melody.meters, melody.pickup, len(grid), melody.bars)
        assert set(chorale.bars.tolist()) == set(lines.tolist()) | ({0} if not chorale.bars[0] else set())


def test_whole_songs_are_arranged_below_their_melodies():
    chorale = min(load_whole_songs("valid", CHORALES).values(), key=lambda c: len(c.grid))
    ((take,),) = arrange_whole(Echo(), None, [chorale], takes=1)
    sung = take.grid
    np.testing.assert_array_equal(sung[:, 0], chorale.grid[:, 0])
    assert sung.shape == chorale.grid.shape


def test_each_take_is_measured_as_it_is_delivered(monkeypatch):
    whole = dict(sorted(load_whole_songs("valid", CHORALES).items(), key=lambda item: len(item[1].grid))[:2])
    held_out = load_songs("valid", CHORALES)
    named = {name: held_out[name] for name in whole}
    splits = {"valid": named, "train": load_songs("train", CHORALES)}
    monkeypatch.setattr(exam, "load_songs", lambda split: splits[split])
    monkeypatch.setattr(exam, "load_whole_songs", lambda split: whole)
    generator = load_network(SHIPPED / "generator.npz")
    rows = exam.evaluate_takes("valid", generator, takes=3, seed=4, say=str)["rows"]
    assert list(rows) == ["real Bach", "take 1", "take 2", "take 3"]
    takes = [harmonize_takes(melody_of(chorale), 3, 4, generator=generator) for chorale in whole.values()]
    for number in range(3):
        expected = measure_whole([by_price[number].grid for by_price in takes], list(whole.values()))
        for name, values in expected.items():
            np.testing.assert_allclose(rows[f"take {number + 1}"][name], values, atol=1e-5)
    (sober,), _ = arrange(generator, None, list(named.values()), 1, creativity=0)
    told = measure(sober, list(named.values()))["accuracy bass"]
    np.testing.assert_allclose(rows["take 1"]["accuracy bass"], told, atol=1e-5)
    assert "root diversity" in rows["take 3"] and "root diversity" not in rows["take 1"]


# --- What is shipped ---------------------------------------------------------


def test_shipped_weights_reproduce_the_shipped_table():
    stored = read_evaluation(SHIPPED / "evaluation.json")
    assert stored["split"] == "test"
    named = load_songs("test", CHORALES)
    assert stored["songs"] == list(named)
    some = [number for number, song in enumerate(named.values()) if len(song) <= 160][:8]
    songs = [list(named.values())[number] for number in some]
    generator, critic = (load_network(SHIPPED / f"{n}.npz") for n in ("generator", "critic"))
    training = list(load_songs("train", CHORALES).values())
    alone, _ = predict_alone(generator, songs)
    arranged, _ = arrange(generator, critic, songs, stored["takes"])
    (sober,), _ = arrange(generator, critic, songs, 1, creativity=0)
    for row, sung in (("network alone", alone), ("arrangement", sober), ("one take", arranged[0])):
        measured = measure(sung, songs, training)
        del measured["conditioning gap"]  # depends on all the other songs
        for name, values in measured.items():
            told = [stored["rows"][row][name][number] for number in some]
            tolerance = 0.01 * max(1, abs(np.mean(values)))
            assert np.mean(values) == pytest.approx(np.mean(told), abs=tolerance), (row, name)


def test_shipped_files_are_small_and_whole():
    assert sum((SHIPPED / f"{n}.npz").stat().st_size for n in ("generator", "critic")) < 25e6
    for recipe in ("classic", "best"):
        history = json.loads((SHIPPED / recipe / "history.json").read_text())["history"]
        config = json.loads((SHIPPED / recipe / "run.json").read_text())["config"]
        assert {len(values) for values in history.values()} == {config["iterations"]}
        last = range(0, config["iterations"], config["save_every"])[-1]
        assert (SHIPPED / recipe / f"iteration-{last}.mid").is_file()


def test_recipes_are_told_by_their_ends_over_all_seeds():
    figures = {"tenor": 0.4, "bass": 0.3, "gap": 0.6, "chordal": 0.9}
    results = {
        seed: {"recipe": "tour", "evaluations": [{"alto": 0.0}, {"iteration": 1100, "alto": alto, **figures}]}
        for seed, alto in enumerate((0.41, 0.45))
    }
    results |= {"other": {"recipe": "tour seed=7", "evaluations": []}}
    rows = table_recipes(results, {"as it is": "tour"}).splitlines()
    assert rows[0].startswith("| | iterations | seeds | accuracy alto |")
    assert rows[2].startswith("| as it is | 1,100 | 2 | 0.43 (0.41-0.45) | 0.40 (0.40-0.40) |")
