from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import keras
import mido
import numpy as np
import pytest
from test_reading import write_notes

from pretrained.prices import FREE
from utils import harmonize as harmonize_command
from utils.arranger import proposals
from utils.arranger.choosing import count_spare
from utils.arranger.placing import TRIPLET_PHASES, phases
from utils.arranger.takes import harmonize, harmonize_takes
from utils.corpus.pieces import load_chorales
from utils.inference_utils import generate_midi, load_melody_samples, show_generated_pianorolls
from utils.music.grid import REST, grid_to_roll, onsets_of, quantize
from utils.music.harmony import root_diversity
from utils.music.meter import Meter
from utils.music.theory import VOICE_RANGES, voice_ranges
from utils.networks.store import load_shipped
from utils.songs.melody import Melody, read_melody, read_song
from utils.songs.read_midi import read_grid
from utils.songs.song import MelodyError, Note
from utils.songs.write_midi import grid_to_ticks, write_tracks

ROOT = Path(__file__).parent.parent
TWINKLE = ROOT / "input_twinkle_twinkle.mid"
EVAL = ROOT / "dataset" / "eval.npy"
HOLD = replace(FREE, trust=1.0, trust_between=1.0)  # the likeliest notes, at no price


@pytest.fixture(scope="module")
def chorales():
    """Whole pieces by Bach, from the first bar line on, int8 [step, voice]."""
    pieces = load_chorales(ROOT / "dataset" / "chorales.npz", split="valid")
    whole = [c.grid[c.bars[0] :] for c in pieces if c.meter == "4/4" and (c.grid != REST).all()]
    assert len(whole) > 5
    return whole[:6]


def tiny_model(steps):
    """The shapes of the lesson's generator, with few random weights."""
    keras.utils.set_random_seed(0)
    melody = keras.Input((steps, 128, 1))
    noise = keras.Input((steps // 16 if steps else None, 8, 512))
    x = keras.layers.UpSampling2D(16)(keras.layers.Conv2D(2, 1)(noise))
    x = keras.layers.Concatenate()([keras.layers.Conv2D(4, 5, padding="same")(melody), x])
    return keras.Model((melody, noise), keras.layers.Conv2D(4, 5, padding="same", activation="tanh")(x))


class Recorder:
    """A generator for songs of any length that keeps what it is given and plays ``answer``."""

    input_shape = ((None, None, 128, 1), (None, None, 8, 512))

    def __init__(self, answer, voices=4):
        self.answer, self.calls, self.output_shape = answer, [], (None, None, 128, voices)

    def __call__(self, inputs, training):
        assert training is False
        self.calls.append(inputs)
        return self.answer(*inputs)


def made_up_melody(grid, onset=None, ticks=480):
    grid = np.array(grid, np.int8)
    onset = onsets_of(grid[:, None])[:, 0] if onset is None else onset
    notes = tuple(grid_to_ticks(grid, onset, ticks))
    return Melody(grid, onset, 100.0, notes, ticks, (), "Tune", 0)


# ------------------------------------------------------------------------------------------- decoding
def test_a_softmax_and_tanh_are_read_as_probabilities():
    p = np.moveaxis(np.random.default_rng(0).dirichlet(np.ones(128), (8, 3)), -1, -2)
    np.testing.assert_allclose(proposals.to_probability(2 * p - 1), np.moveaxis(p, -1, -2), atol=1e-4)
    tanh = np.full((1, 128, 4), -1.0)
    tanh[0, [60, 64], 1] = 0.5, 0.0
    found = proposals.to_probability(tanh)[0, 1]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found[60] / found[64] == pytest.approx(1.5)


# --------------------------------------------------------------------------------------- harmonizing
@pytest.mark.parametrize("steps", [32, None])
def test_both_kinds_of_models_take_the_whole_song(steps):
    arrangement = harmonize(TWINKLE, generator=tiny_model(steps))
    assert arrangement.grid.shape == arrangement.onset.shape == (12 * 16, 4)
    np.testing.assert_array_equal(arrangement.grid[:, 0], arrangement.melody.grid)
    np.testing.assert_array_equal(arrangement.onset[:, 0], arrangement.melody.onset)
    assert (arrangement.grid[:, 1:] != REST).all()


def test_a_model_of_any_length_gets_one_pass_and_another_two_bars():
    free = Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], 4)))
    harmonize_takes(TWINKLE, 5, generator=free)
    heard = (5 + count_spare(4)) * len(proposals.TRANSPOSITIONS)  # takes, each in several keys
    assert [[x.shape for x in call] for call in free.calls] == [[(heard, 192, 128, 1), (heard, 12, 8, 512)]]
    shapes = []

    def two_bars(x, training):
        shapes.append([a.shape for a in x])
        return np.zeros((len(x[0]), 32, 128, 4))

    harmonize_takes(TWINKLE, 5, generator=two_bars)
    asked_for_its_voices = [(1, 32, 128, 1), (1, 2, 8, 512)]
    assert shapes == [asked_for_its_voices, [(6 * heard, 32, 128, 1), (6 * heard, 2, 8, 512)]]


@pytest.mark.parametrize("length", range(1, 101))
def test_any_length(length):
    melody = made_up_melody(np.resize(np.repeat([72, 74, 76, 71], 4), length))
    (take,) = harmonize_takes(melody, 1, generator=Recorder(lambda melody, _: np.repeat(melody, 4, axis=-1)))
    assert take.grid.shape == (length, 4)
    assert (take.grid[:, 0] == melody.grid).all()


@pytest.mark.parametrize("length", [4, 33, 98])
def test_any_length_in_windows(length):
    melody = made_up_melody(np.resize(np.repeat([72, 74, 76, 71], 4), length))
    assert harmonize(melody, generator=tiny_model(32)).grid.shape == (length, 4)


def test_a_generator_that_plays_bach_gives_bach(chorales):
    grid = chorales[0]

    def play(melody, noise):
        played = np.concatenate([grid, np.repeat(grid[-1:], melody.shape[1] - len(grid), axis=0)])
        key = melody[:, 0, :, 0].argmax(axis=-1) - grid[0, 0]  # in which it is asked for
        played = played + key[:, None, None]
        np.testing.assert_array_equal(melody[..., 0].argmax(axis=-1), played[..., 0])
        return grid_to_roll(played)

    arrangement = harmonize(made_up_melody(grid[:, 0]), generator=Recorder(play))
    assert (arrangement.grid == grid).mean() > 0.98


def hears_noise(melody, noise):
    """Sings by thirds, fourths or sixths below the melody, another in each bar, as the noise says."""
    below = np.stack([np.roll(melody, -interval, axis=2) for interval in (3, 4, 5, 7, 8, 9)])
    bars = noise.shape[1]
    says = noise[:, 0, 0, : 6 * bars].reshape(len(noise), bars, 6).argmax(axis=-1)
    chosen = np.take_along_axis(below, np.repeat(says, 16, axis=1)[None, :, :, None, None], axis=0)[0]
    return np.repeat(chosen, 4, axis=-1)


def test_takes_differ_and_repeat():
    model = Recorder(hears_noise)
    takes = harmonize_takes(TWINKLE, generator=model, takes=3, seed=5)
    again = harmonize_takes(TWINKLE, generator=model, takes=3, seed=5)
    for one, other in zip(takes, again, strict=True):
        np.testing.assert_array_equal(one.grid, other.grid)
    for one, other in combinations(takes, 2):
        assert (one.grid != other.grid).any()
    sober, *others = harmonize_takes(TWINKLE, generator=model, takes=4, seed=6)
    np.testing.assert_array_equal(sober.grid, takes[0].grid)  # it hears no noise
    assert all((take.grid != other.grid).any() for take in takes[1:] for other in others)
    prices = [take.scores["price"] for take in others]
    assert prices == sorted(prices)


def test_noise_is_a_truncated_normal_of_its_own_for_every_take_and_the_same_in_all_its_keys_and_bars():
    model = Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], 4)))
    sober, *others = harmonize_takes(TWINKLE, generator=model, takes=3)
    ((_, noise),) = model.calls
    silence, *noise = noise.reshape(
        3 + count_spare(2), len(proposals.TRANSPOSITIONS), 12, 8, 512
    )  # take, key, bar
    assert (silence == 0).all() and (sober.noise == 0).all()
    noise = np.stack(noise)
    assert noise.dtype == np.float32
    assert np.abs(noise).max() <= 2
    assert noise.std() == pytest.approx(0.88, abs=0.02)
    assert (noise == noise[:, :1]).all()
    assert (noise[0] != noise[1]).all() and (noise == noise[:, :, :1]).all()
    kept = {take.noise.tobytes() for take in others}
    assert kept < {one.tobytes() for one in noise[:, 0]} and len(kept) == 2


def test_takes_are_the_cheaper_ones_of_more_and_of_what_is_heard_again_all_are_kept():
    model = Recorder(hears_noise)
    noise = proposals.draw_takes(model, 3 + count_spare(3), 7, 12)
    every = harmonize_takes(TWINKLE, takes=1, generator=model, noise=noise)  # the noise says how many
    kept = harmonize_takes(TWINKLE, takes=3, generator=model, seed=7, sober=0)
    assert len(every) == len(noise) and len(kept) == 3
    prices, all_prices = ([take.scores["price"] for take in takes] for takes in (kept, every))
    assert prices[0] == min(all_prices) and set(prices) < set(all_prices)
    assert np.mean(prices) < np.mean(all_prices)


def test_the_bolder_the_more_takes_differ():
    def differ(creativity):  # the size of the noise is nothing to this model
        _, *takes = harmonize_takes(TWINKLE, 4, 4, creativity, Recorder(hears_noise))
        return root_diversity([take.grid for take in takes])

    assert differ(20) > differ(1)


def test_takes_that_sing_the_same_come_after_all_others():
    model, tune = Recorder(hears_noise), [("C5", 1), ("D5", 1), ("E5", 2)]  # one bar: six ways at most
    noise = proposals.draw_takes(model, 8 + count_spare(8), 5, 2)
    sober, *_ = harmonize_takes(tune, 1, generator=model)
    possible = {take.grid.tobytes() for take in harmonize_takes(tune, 1, generator=model, noise=noise)}
    takes = [take.grid.tobytes() for take in harmonize_takes(tune, 9, seed=5, generator=model)]
    assert takes[0] == sober.grid.tobytes() and set(takes) == possible | {takes[0]}
    assert 2 < len(possible) < 8


def test_many_takes_are_heard_in_parts():
    model = Recorder(hears_noise)
    takes = harmonize_takes(TWINKLE, takes=9, generator=model, seed=2)
    assert [len(noise) // len(proposals.TRANSPOSITIONS) for _, noise in model.calls] == [
        8,
        1 + count_spare(8),
    ]
    noise = np.stack([take.noise for take in takes])
    model = Recorder(hears_noise)
    for take, alone in zip(takes, noise, strict=True):
        (again,) = harmonize_takes(TWINKLE, generator=model, noise=alone[None])
        np.testing.assert_array_equal(again.grid, take.grid)


def test_creativity_is_the_size_of_the_noise():
    model = Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], 4)))
    for creativity in (1, 0.5, 0):
        harmonize_takes(TWINKLE, takes=3, generator=model, creativity=creativity)
    (_, whole), (_, half), (_, none) = model.calls
    assert whole.any()
    np.testing.assert_allclose(half, whole / 2)
    assert (none == 0).all()


def test_a_take_is_found_again_by_its_noise():
    first, second, *_ = harmonize_takes(TWINKLE, generator=Recorder(hears_noise), takes=3, seed=4)
    assert (first.grid != second.grid).any()
    (again,) = harmonize_takes(TWINKLE, generator=Recorder(hears_noise), noise=second.noise[None])
    np.testing.assert_array_equal(again.grid, second.grid)
    with pytest.raises(ValueError, match=r"\(3, 8, 512\); this song needs \(takes, 12, 8, 512\)"):
        harmonize(TWINKLE, generator=Recorder(hears_noise), noise=second.noise[:3])


def test_a_generator_that_slides_over_the_pitches_is_asked_in_one_key():
    def keys(pitch_stride):
        melody, noise = keras.Input((None, 128, 1)), keras.Input((None, 8, 512))
        x = keras.layers.Conv2D(2, 3, strides=(1, pitch_stride), padding="same")(melody)
        return proposals.keys_to_ask_in(keras.Model((melody, noise), x))

    assert keys(1) == (0,)
    assert keys(2) == proposals.keys_to_ask_in(silent()) == proposals.TRANSPOSITIONS


@pytest.mark.parametrize(("number", "windows"), [(4, [24]), (11, [64, 2])])
def test_the_critic_scores_all_takes_and_the_price_orders_them(number, windows):
    heard = []

    def critic(inputs, training):
        rolls, melody = inputs
        assert rolls.shape[1:] == (32, 128, 4)
        np.testing.assert_array_equal(rolls[..., :1], melody)
        heard.append(len(rolls))
        return rolls[..., 3].argmax(axis=-1).mean(axis=1, keepdims=True)  # likes a high bass

    takes = harmonize_takes(TWINKLE, generator=Recorder(hears_noise), takes=number, critic=critic)
    assert len(takes) == number and heard == windows  # of all takes together, six each
    bass = [take.grid[:, 3].mean() for take in takes]
    assert [take.scores["critic"] for take in takes] == pytest.approx(bass)
    _, *prices = [take.scores["price"] for take in takes]
    assert prices == sorted(prices) and prices[0] < prices[-1]


@pytest.mark.parametrize(("moved", "interval"), [(12, -3), (-24, 14), (3, 0), (-14, 4), (24, -15)])
def test_a_melody_out_of_range_is_moved_by_the_least_for_the_model_only(moved, interval):
    grid = np.repeat([67, 72, 71, 69], 8) + moved
    model = Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], 4)))
    arrangement = harmonize(made_up_melody(grid), generator=model)
    heard = model.calls[0][0][0, ..., 0].argmax(axis=-1)
    np.testing.assert_array_equal(heard, grid + interval)
    np.testing.assert_array_equal(arrangement.grid[:, arrangement.place], grid)
    low, high = np.delete(VOICE_RANGES, arrangement.place, axis=0).T
    others = np.delete(arrangement.grid, arrangement.place, axis=1)
    assert (others >= low).all() and (others <= high).all()


def test_rests():
    grid = np.concatenate([[REST] * 6, [72] * 6, [REST] * 4, [74] * 8, [REST] * 16, [71] * 4])
    model = Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], 4)))
    arrangement = harmonize(made_up_melody(grid), generator=model)
    heard = model.calls[0][0][0, ..., 0].argmax(axis=-1)
    assert heard.tolist() == [72] * 16 + [74] * 24 + [71] * 24  # the model knows no rests
    resting = (arrangement.grid[:, 1:] == REST).all(axis=1)
    assert np.flatnonzero(resting).tolist() == [*range(6), *range(24, 40)]
    assert arrangement.onset[[6, 40], 1:].all()


def test_voices_are_struck_again_with_the_melody_on_the_beat():
    onset = np.zeros(16, bool)
    onset[[0, 4, 6, 10]] = True
    held = np.full((1, 32, 128, 4), -1.0)
    held[:, :, [65, 60, 53], [1, 2, 3]] = 1

    def hold(inputs, training):
        keys = inputs[0][:, 0, :, 0].argmax(axis=-1) - 69  # in which it is asked for
        return np.concatenate([np.roll(held, key, axis=2) for key in keys])

    arrangement = harmonize(made_up_melody([69] * 16, onset), generator=hold, creativity=0, costs=HOLD)
    assert np.flatnonzero(arrangement.onset[:, 1]).tolist() == [0, 4]
    assert np.flatnonzero(arrangement.onset[:, 0]).tolist() == [0, 4, 6, 10]


# ------------------------------------------------------------------------------------------- writing
def absolute(track):
    now, events = 0, []
    for message in track:
        now += message.time
        events.append(message.copy(time=now))
    return events


def test_the_written_song_keeps_the_melody_to_the_tick(tmp_path):
    arrangement = harmonize(TWINKLE, generator=tiny_model(None))
    midi = mido.MidiFile(arrangement.write(tmp_path / "a.mid"))
    assert [track.name for track in midi.tracks[1:]] == ["Piano", "alto", "tenor", "bass"]
    original = absolute(mido.MidiFile(TWINKLE).tracks[1])
    right_hand = [m for m in original if m.type == "note_on" and m.note >= 60]
    assert [m for m in absolute(midi.tracks[1]) if m.type == "note_on"] == right_hand
    assert len(right_hand) == 2 * 42
    np.testing.assert_array_equal(read_grid(tmp_path / "a.mid")[0][:, 1:], arrangement.grid[:, 1:])
    np.testing.assert_array_equal(read_grid(tmp_path / "a.mid")[1][:, 1:], arrangement.onset[:, 1:])


@pytest.mark.parametrize(("ticks", "finer"), [(480, 1), (50, 2), (1, 4)])
def test_any_ticks_tempo_and_grace_notes_are_kept(tmp_path, ticks, finer):
    conductor = (
        mido.MetaMessage("set_tempo", tempo=700_001, time=0),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=0),
        mido.MetaMessage("set_tempo", tempo=400_000, time=3 * ticks),
    )
    own = [Note(0, ticks, 72, 11), Note(ticks, 4 * ticks, 74, 127), Note(4 * ticks, 9 * ticks, 72, 60)]
    if ticks > 4:  # a grace note shorter than a step, and an end between two steps
        own[1:2] = [Note(ticks, ticks + 2, 76, 30), Note(ticks + 2, 4 * ticks - 3, 74, 127)]
    path = write_tracks(tmp_path / "in.mid", [("Flöte", 73, own)], conductor, ticks)
    melody = read_melody(path)
    assert melody.notes == tuple(own)
    midi = mido.MidiFile(harmonize(path, generator=tiny_model(32)).write(tmp_path / "out.mid"))
    assert midi.ticks_per_beat == finer * ticks
    written = read_melody(tmp_path / "out.mid", track=0)
    assert written.notes == tuple(n._replace(start=finer * n.start, end=finer * n.end) for n in own)
    assert written.conductor == tuple(m.copy(time=finer * m.time) for m in conductor)
    assert (written.track, written.program) == ("Flöte", 73)


def test_generate_midi_writes_the_whole_song(tmp_path):
    path = generate_midi(tiny_model(32), tmp_path / "new", TWINKLE, seed=3)
    assert path == tmp_path / "new" / "input_twinkle_twinkle_accompanied.mid"
    grid, _, tempo = read_grid(path)
    assert grid.shape == (192, 4)
    assert tempo == 100
    expected = harmonize(TWINKLE, generator=tiny_model(32), seed=3).grid
    np.testing.assert_array_equal(grid[:, 1:], expected[:, 1:])


def test_show_generated_pianorolls_draws_different_takes(tmp_path):
    figure = show_generated_pianorolls(tiny_model(32), tmp_path, TWINKLE, n_pr=3)
    assert [ax.get_title(loc) for ax in figure.axes for loc in ("left", "center")].count("Take 2") == 1
    assert len(figure.axes) >= 3
    grids = [read_grid(path)[0] for path in sorted(tmp_path.glob("*_take-*.mid"))]
    assert len(grids) == 3
    assert all((one != other).any() for one, other in combinations(grids, 2))


# ----------------------------------------------------------------------------------- samples, bad input
def test_samples_are_seeded(capsys):
    x, z = load_melody_samples(5, path=EVAL)
    assert (x.shape, x.dtype, z.shape, z.dtype) == ((5, 32, 128, 4), np.float32, (5, 2, 8, 512), np.float32)
    assert set(np.unique(x)) == {-1, 1}
    assert np.abs(z).max() <= 2
    assert "seed 0" in capsys.readouterr().out
    again, noise = load_melody_samples(5, path=EVAL)
    np.testing.assert_array_equal(again, x)
    np.testing.assert_array_equal(noise, z)
    assert (load_melody_samples(5, seed=1, path=EVAL)[0] != x).any()
    stored = np.load(EVAL)
    everything, _ = load_melody_samples(len(stored), path=EVAL)  # none twice
    assert sorted(x.tobytes() for x in everything.astype(np.int8)) == sorted(x.tobytes() for x in stored)


def test_bad_samples_are_refused(tmp_path):
    path = tmp_path / "mine.npy"
    with pytest.raises(FileNotFoundError, match=r"mine\.npy"):
        load_melody_samples(path=path)
    np.save(path, np.zeros((20, 32, 128, 4)))
    with pytest.raises(ValueError, match=r"mine\.npy.*-1 and \+1"):
        load_melody_samples(path=path)
    np.save(path, np.ones((20, 16, 128, 4)))
    with pytest.raises(ValueError, match=r"mine\.npy.*16"):
        load_melody_samples(path=path)
    for n_sample in (0, 100_000):
        with pytest.raises(ValueError, match=str(n_sample)):
            load_melody_samples(n_sample, path=EVAL)


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(ValueError, match="takes=0"):
        harmonize(TWINKLE, generator=tiny_model(32), takes=0)
    with pytest.raises(ValueError, match=r"\(24, 32, 127, 3\); expected \(1, 32, 128\)"):
        harmonize(TWINKLE, generator=lambda x, training: np.zeros((24, 32, 127, 3)))
    with pytest.raises(MelodyError, match=r"none\.mid"):
        harmonize(tmp_path / "none.mid", generator=tiny_model(32))


# --------------------------------------------------------------------- meter, long songs, other voices
def silent(voices=4):
    return Recorder(lambda melody, noise: np.zeros((*melody.shape[:3], voices)), voices)


def test_a_pickup_and_a_waltz_are_heard_in_the_models_bars():
    model, grid = silent(), np.repeat([60, 62, 64, 65, 67, 69, 71], 4)
    waltz = replace(made_up_melody(grid), meters=(Meter(0, 3, 4),), pickup=Fraction(1))
    arrangement = harmonize(waltz, generator=model)
    heard = model.calls[0][0][0, ..., 0].argmax(axis=-1)
    beats = heard[::4][:12].tolist()
    # the pickup ends a bar; of each three beats the second is heard for two
    assert beats == [60, 60, 60, 60, 62, 64, 64, 65, 67, 69, 69, 71]
    np.testing.assert_array_equal(arrangement.grid[:, 0], grid)
    assert arrangement.bars.tolist() == [4, 16]
    assert any("3/4" in line for line in arrangement.report)
    assert any("pickup of one beat" in line for line in arrangement.report)


def test_in_a_beat_of_triplets_there_is_no_half():
    melody = replace(made_up_melody(np.full(32, 72)), triplet=np.arange(32) // 4 == 3)
    expected = [*[0, 1, 2, 3] * 3, *[0, 1, 1, 1], *[0, 1, 2, 3] * 4]
    assert phases(melody, np.arange(32)).tolist() == expected
    assert 2 not in TRIPLET_PHASES


def test_a_long_song_in_pieces_is_as_in_one_pass(monkeypatch):
    generator, _ = load_shipped()
    line = np.repeat(np.random.default_rng(0).choice([67, 69, 71, 72, 74, 76], 120), 4)
    given = np.column_stack([line, *[np.full(480, REST)] * 3])
    noise, keys = proposals.draw_takes(generator, 2, 3, 30), proposals.TRANSPOSITIONS[:2]
    whole = proposals.propose_probabilities(generator, given, noise, keys, range(1, 4))
    monkeypatch.setattr(proposals, "PIECE", 12 * 16)
    pieces = proposals.propose_probabilities(generator, given, noise, keys, range(1, 4))
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    monkeypatch.setattr(proposals, "OVERLAP", 16)
    too_short = proposals.propose_probabilities(generator, given, noise, keys, range(1, 4))
    assert np.abs(too_short - whole).max() > 1e-3  # the overlap is needed


@pytest.mark.parametrize("voices", [2, 3, 5, 8])
def test_any_number_of_voices(tmp_path, voices):
    def play(melody, noise):
        rng = np.random.default_rng(0)
        return np.tanh(rng.normal(size=(*melody.shape[:3], voices)))

    arrangement = harmonize(TWINKLE, takes=1, generator=Recorder(play, voices))
    assert arrangement.grid.shape == (192, voices)
    low, high = np.array(voice_ranges(voices)[1:]).T
    assert (arrangement.grid[:, 1:] >= low).all() and (arrangement.grid[:, 1:] <= high).all()
    grid, _, _ = read_grid(arrangement.write(tmp_path / "a.mid"))
    np.testing.assert_array_equal(grid[:, 1:], arrangement.grid[:, 1:])


# ----------------------------------------------------------------------------- what the user may choose
def test_instruments_tempo_and_track_are_the_users(tmp_path):
    low = ("Bass", [(0, 1920, 40)])
    high = ("Flute", [(0, 960, 72), (960, 1920, 74)])
    path = write_notes(
        tmp_path / "two.mid", low, high, conductor=[mido.MetaMessage("set_tempo", tempo=400_000)]
    )
    arrangement = harmonize(path, generator=silent(), track="bass")
    assert arrangement.melody.track == "Bass"
    assert any("1 octave" in line or "octaves" in line for line in arrangement.report)
    midi = mido.MidiFile(arrangement.write(tmp_path / "a.mid", programs=[73, 19, 19, 19], tempo=60))
    programs = [m.program for track in midi.tracks for m in track if m.type == "program_change"]
    assert programs == [73, 19, 19, 19]
    assert [m.tempo for m in midi.tracks[0] if m.type == "set_tempo"] == [1_000_000]
    assert [m.tempo for m in arrangement.melody.conductor] == [400_000]  # as it was
    for programs in ([1, 2], [0, 0, 0, 128]):
        with pytest.raises(ValueError, match="programs="):
            arrangement.write(tmp_path / "b.mid", programs=programs)
    with pytest.raises(ValueError, match=r"\.doc.*expected one of \.mid"):
        arrangement.write(tmp_path / "b.doc")
    with pytest.raises(ValueError, match="creativity=-1"):
        harmonize(path, generator=silent(), creativity=-1)


@pytest.mark.parametrize("ticks", [20_001, 32_767, 7])
def test_the_finest_ticks_can_be_written(tmp_path, ticks):
    path = write_notes(tmp_path / "in.mid", [(0, ticks, 72), (ticks, 3 * ticks, 74)], ticks=ticks)
    written = read_melody(harmonize(path, generator=silent()).write(tmp_path / "out.mid"), track=0)
    assert [note.end / written.ticks_per_beat for note in written.notes] == [1, 3]


def test_the_command(tmp_path, capsys):
    song = tmp_path / "song.mid"
    song.write_bytes(TWINKLE.read_bytes())
    arguments = [str(song), "--takes", "2", "--seed", "3", "--tempo", "90", "--all-takes"]
    assert harmonize_command.main(arguments) == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["song.mid", "song_accompanied.mid", "song_accompanied_take-2.mid"]
    assert "42 notes" in capsys.readouterr().out
    kept = read_melody(tmp_path / "song_accompanied.mid", track=0)
    assert kept.notes == read_melody(TWINKLE).notes
    assert kept.tempo == pytest.approx(90, rel=1e-5)
    assert harmonize_command.main([str(song), "--takes", "1", "--output", str(tmp_path / "a.mp3")]) == 0
    assert sorted(p.name for p in tmp_path.iterdir() if p not in map(tmp_path.joinpath, written)) == ["a.mp3"]


def test_the_command_refuses_before_it_works(tmp_path, capsys):
    song = tmp_path / "song.mid"
    song.write_bytes(b"no music")
    assert harmonize_command.main([str(song)]) == 1
    assert "song.mid: neither MIDI nor MusicXML" in capsys.readouterr().err
    for wrong in (
        ["--output", str(tmp_path / "a.doc")],
        ["--output", str(tmp_path)],
        ["--output", str(song)],
        ["--output", str(song / "a.mid")],
        ["--takes", "0"],
        ["--creativity", "-1"],
        ["--tempo", "0"],
        ["--programs", "200"],
        ["--programs", "1", "2"],
    ):
        with pytest.raises(SystemExit) as caught:
            harmonize_command.main([str(song), *wrong])
        assert caught.value.code == 2


def test_an_arrangement_is_read_back_from_its_score(tmp_path):
    third = Fraction(1, 3)
    notes = [
        ("G4", 1),
        ("C5", 1),
        ("D5", 1),
        ("E5", 1),
        ("F5", third),
        ("E5", third),
        ("D5", third),
        ("C5", 5),
    ]
    melody = read_melody(notes, pickup=1)
    melody = replace(melody, meters=(Meter(Fraction(0), 3, 4),))
    arrangement = harmonize(melody, takes=1, generator=silent())
    song = read_song(arrangement.write(tmp_path / "a.musicxml", tempo=72))
    assert [part.name for part in song.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert song.pickup == 1 and song.meters == (Meter(0, 3, 4),)
    assert [m.tempo for m in song.conductor if m.type == "set_tempo"] == [round(60e6 / 72)]
    beats = [(Fraction(n.start, song.ticks_per_beat), n.pitch) for n in song.parts[0].notes]
    assert beats == [(Fraction(n.start, melody.ticks_per_beat), n.pitch) for n in melody.notes]
    assert beats[5][0] == 4 + third
    for voice in (1, 2, 3):
        grid, onset = quantize(song.parts[voice].notes, song.ticks_per_beat, len(arrangement.grid))
        np.testing.assert_array_equal(grid, arrangement.grid[:, voice])
        np.testing.assert_array_equal(onset, arrangement.onset[:, voice])
