"""The networks see the pitches that are sung, and the others stay silent."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from utils.arranger.proposals import propose
from utils.lesson.definitions import load_lesson
from utils.music.grid import grid_to_roll
from utils.networks.heads import head_of
from utils.networks.layers import CropPitches, PadPitches
from utils.networks.pitches import crop_pitches, enclose, pad_pitches
from utils.networks.store import load_network, save_network
from utils.training.batches import load_windows, sung_pitches
from utils.training.shards import write_shards

CHORALES, TRAIN = "dataset/chorales.npz", "dataset/train.npy"


@pytest.fixture(scope="module")
def lesson():
    return load_lesson()


def tiny(lesson, **changes):
    fields = {"filters": 2, "data": CHORALES, "transpose": True, "crop": True, "head": "voice_softmax"}
    return replace(lesson.CLASSIC, **fields | changes)


def inputs(steps=32, samples=2):
    pitches = np.random.default_rng(0).integers(57, 82, (samples, steps, 1))
    noise = np.random.default_rng(1).normal(size=(samples, steps // 16, 8, 512)).astype(np.float32)
    return grid_to_roll(pitches), noise


# --- Which pitches -----------------------------------------------------------


def test_chorales_in_all_keys_need_64_pitches():
    assert sung_pitches(CHORALES, transpose=True) == range(24, 88)


def test_as_they_stand_they_need_48():
    assert sung_pitches(TRAIN) == range(36, 84)


def test_whatever_is_sung_is_enclosed():
    for lowest in range(128):
        for highest in range(lowest, 128):
            seen = enclose(lowest, highest)
            assert lowest in seen
            assert highest in seen
            assert len(seen) % 16 == 0
            assert seen.start >= 0
            assert seen.stop <= 128


def test_shards_have_the_pitches_of_their_windows(tmp_path):
    grid = load_windows(TRAIN)
    write_shards(tmp_path, [grid], size=50)
    assert sung_pitches(tmp_path) == sung_pitches(TRAIN)


def test_own_music_with_other_ranges(tmp_path):
    grid = np.full((3, 32, 2), 100, np.int8)
    grid[..., 1] = 22
    file = tmp_path / "own.npy"
    np.save(file, grid_to_roll(grid, np.int8))
    assert sung_pitches(file) == range(12, 108)
    assert sung_pitches(file, transpose=True) == range(12, 108)


def test_music_that_only_rests_needs_all(tmp_path):
    np.save(tmp_path / "rests.npy", np.full((1, 32, 128, 2), -1, np.int8))
    assert sung_pitches(tmp_path / "rests.npy") == range(128)


# --- Crop and pad ------------------------------------------------------------


def test_what_is_inside_passes_and_what_is_outside_is_silent():
    grid = np.array([[[24, 87, 50, 36], [23, 88, 127, 0], [-1, 60, 24, 87]]])
    roll = tf.constant(grid_to_roll(grid))
    seen = range(24, 88)
    assert crop_pitches(roll, seen).shape == (1, 3, 64, 4)
    back = pad_pitches(crop_pitches(roll, seen), seen)
    expected = grid_to_roll(np.where((grid >= 24) & (grid < 88), grid, -1))
    np.testing.assert_array_equal(back, expected)


def test_where_all_is_seen_nothing_is_added():
    roll = tf.zeros((1, 32, 128, 4))
    assert crop_pitches(roll, range(128)) is roll
    assert pad_pitches(roll, range(128)) is roll


# --- The networks ------------------------------------------------------------


def kinds(network):
    return [type(layer) for layer in network.layers]


def test_the_classic_networks_have_no_crop(lesson):
    for network in (lesson.build_generator(lesson.CLASSIC), lesson.build_critic(lesson.CLASSIC)):
        assert not {CropPitches, PadPitches} & set(kinds(network))


@pytest.mark.parametrize("head", ["tanh", "voice_softmax"])
def test_a_cropped_generator_sings_inside_and_rests_outside(lesson, head):
    generator = lesson.build_generator(tiny(lesson, head=head))
    rolls = generator(inputs(), training=False).numpy()
    assert rolls.shape == (2, 32, 128, 4)
    assert (rolls[:, :, :24] == -1).all()
    assert (rolls[:, :, 88:] == -1).all()
    assert (rolls[:, :, 24:88] > -1).all()
    assert head_of(generator) == head


def test_it_has_as_many_weights_as_one_that_sees_all(lesson):
    cropped, whole = (lesson.build_generator(tiny(lesson, crop=crop)) for crop in (True, False))
    assert cropped.count_params() == whole.count_params()


def test_the_critic_hears_the_inside_only(lesson):
    critic = lesson.build_critic(tiny(lesson))
    melody, _ = inputs()
    rolls = np.repeat(melody, 4, axis=-1)
    inside, outside = rolls.copy(), rolls.copy()
    inside[:, :, 24], outside[:, :, 23] = 1, 1
    score = critic((rolls, melody)).numpy()
    np.testing.assert_array_equal(critic((outside, melody)), score)
    assert (critic((inside, melody)).numpy() != score).all()


def test_a_cropped_generator_sings_songs_of_any_length_in_any_key(lesson):
    generator = lesson.build_generator(tiny(lesson))
    line = np.random.default_rng(2).integers(60, 80, 96)
    heard = propose(generator, line, keys=(0, -1, 1))
    assert heard.shape == (3, 96, 128, 4)
    alone = generator((grid_to_roll(line[None, :, None] - 1), np.zeros((1, 6, 8, 512))), training=False)
    assert alone.shape == (1, 96, 128, 4)
    for key, first in ((0, 24), (1, 25), (2, 23)):  # moved back to where the line stands
        assert (heard[key, :, :first] == -1).all()
        assert (heard[key, :, first : first + 64] > -1).all()
        assert (heard[key, :, first + 64 :] == -1).all()


def test_cropped_networks_are_stored_and_loaded(lesson, tmp_path):
    melody, noise = inputs()
    for network, given in (
        (lesson.build_generator(tiny(lesson)), (melody, noise)),
        (lesson.build_critic(tiny(lesson)), (np.repeat(melody, 4, axis=-1), melody)),
    ):
        network.set_weights([w.astype(np.float16) for w in network.get_weights()])
        save_network(tmp_path / "network.npz", network)
        loaded = load_network(tmp_path / "network.npz")
        np.testing.assert_array_equal(loaded(given, training=False), network(given, training=False))
