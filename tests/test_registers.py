"""The networks see each voice in its register, and all else stays silent."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from utils.arranger.proposals import propose
from utils.exam.rows import load_songs
from utils.lesson.definitions import load_lesson
from utils.music.grid import grid_to_roll
from utils.music.registers import all_pitches, find_registers, histogram
from utils.networks.heads import head_of
from utils.networks.layers import CropPitches, PadPitches
from utils.networks.registers import crop, pad
from utils.networks.store import load_network, save_network
from utils.training.batches import load_windows, registers
from utils.training.shards import write_shards

CHORALES, TRAIN = "dataset/chorales.npz", "dataset/train.npy"


@pytest.fixture(scope="module")
def lesson():
    return load_lesson()


def tiny(lesson, **changes):
    fields = {
        "filters": 2,
        "head": "voice_softmax",
        "data": CHORALES,
        "transpose": True,
        "registers": True,
        "generator": "in_every_key",
    }
    return replace(lesson.CLASSIC, **fields | changes)


def inputs(steps=32, samples=2):
    pitches = np.random.default_rng(0).integers(57, 82, (samples, steps, 1))
    noise = np.random.default_rng(1).normal(size=(samples, steps // 16, 8, 512)).astype(np.float32)
    return grid_to_roll(pitches), noise


# --- Which pitches -----------------------------------------------------------

BACH = [range(47, 95), range(47, 95), range(35, 83), range(23, 71)]


def test_chorales_in_all_keys_need_48_pitches_a_voice():
    assert registers(CHORALES, transpose=True) == BACH


def test_registers_hold_all_that_is_sung():
    for split in ("train", "valid", "test"):
        for song in load_songs(split).values():
            for voice, seen in enumerate(BACH):
                notes = song[song[:, voice] >= 0, voice]
                assert notes.min() in seen
                assert notes.max() in seen


def sung(*voices):
    return histogram(np.stack(voices, axis=-1))


@pytest.mark.parametrize("bass", range(24, 73))
def test_voices_stand_octaves_apart_where_their_means_are_nearest(bass):
    high, low = find_registers(sung(np.full(9, 72), np.arange(bass - 4, bass + 5)))
    assert (high.start - low.start) % 12 == 0
    assert abs(high.start - low.start - (72 - bass)) <= 6
    assert len(high) == len(low) == 16
    assert 72 in high
    assert {bass - 4, bass + 4} <= set(low)


def test_keys_widen_them():
    assert find_registers(sung(np.arange(60, 70))) == [range(57, 73)]
    assert find_registers(sung(np.arange(60, 70)), below=6, above=5) == [range(49, 81)]


def test_where_they_would_leave_the_picture_all_pitches_are_seen():
    assert find_registers(sung(np.array([0, 127]))) == [range(128)]
    assert find_registers(sung(np.array([1, 60]))) == [range(128)]


def test_a_voice_that_only_rests_has_no_register():
    assert find_registers(sung(np.full(9, 60), np.full(9, -1))) == [range(128)] * 2


def test_shards_have_the_registers_of_their_windows(tmp_path):
    grid = load_windows(TRAIN)
    write_shards(tmp_path, [grid], size=50)
    assert registers(tmp_path) == registers(TRAIN)


# --- Crop and pad ------------------------------------------------------------


def test_what_is_inside_passes_and_what_is_outside_is_silent():
    grid = np.array([[[47, 94, 50, 23], [46, 95, 34, 71], [-1, 60, 82, 0]]])
    roll = tf.constant(grid_to_roll(grid))
    cropped = crop(roll, BACH)
    assert cropped.shape == (1, 3, 48, 4)
    inside = np.array([[[47, 94, 50, 23], [-1, -1, -1, -1], [-1, 60, 82, -1]]])
    np.testing.assert_array_equal(pad(cropped, BACH), grid_to_roll(inside))


def test_voices_an_octave_apart_stand_side_by_side():
    roll = tf.constant(grid_to_roll(np.array([[[72, 72, 60, 48]]])))
    rows = np.argmax(crop(roll, BACH), axis=2)
    np.testing.assert_array_equal(rows, [[[72 - 47] * 4]])


def test_where_all_is_seen_nothing_is_added():
    roll = tf.zeros((1, 32, 128, 4))
    assert crop(roll, all_pitches(4)) is roll
    assert pad(roll, all_pitches(4)) is roll


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
    for voice, seen in enumerate(BACH):
        inside = np.isin(np.arange(128), seen)
        assert (rolls[:, :, ~inside, voice] == -1).all()
        assert (rolls[:, :, inside, voice] > -1).all()
    assert head_of(generator) == head


def test_parameters_of_the_tour(lesson):
    assert lesson.build_generator(lesson.TOUR).count_params() == 201_676
    assert lesson.build_critic(lesson.TOUR).count_params() == 99_061


@pytest.mark.parametrize("generator", ["in_every_key", "classic"])
def test_a_melody_moved_by_a_semitone_gets_the_same_chords_a_semitone_higher(lesson, tmp_path, generator):
    own = tmp_path / "own.npy"  # of all pitches, so that no edge is near
    np.save(own, grid_to_roll(np.array([[1, 127] * 16]).reshape(1, 32, 1).repeat(2, axis=2), np.int8))
    network = lesson.build_generator(
        tiny(lesson, generator=generator, data=str(own), transpose=False), tracks=2
    )
    grid, noise = np.random.default_rng(0).integers(60, 70, (1, 32, 1)), inputs(samples=1)[1]
    low, high = (network((grid_to_roll(grid + shift), noise), training=False).numpy() for shift in (0, 1))
    odds = [np.log((1 + roll) / 2) for roll in (low[:, :, 60:70], high[:, :, 61:71])]
    same = np.allclose(*(o - o.mean(axis=2, keepdims=True) for o in odds), atol=1e-4)
    assert same == (generator == "in_every_key")


def test_one_noise_of_each_bar_is_there_for_all_pitches(lesson):
    generator = lesson.build_generator(tiny(lesson))
    melody, noise = inputs(steps=192, samples=1)
    alike, other = noise.copy(), noise.copy()
    alike[:, :, 1:] = 0  # one cell speaks for all pitches
    other[:, 0, 0] *= -1  # the first bar of twelve, which is heard four bars far
    take, same, changed = (generator((melody, z), training=False).numpy() for z in (noise, alike, other))
    np.testing.assert_array_equal(take, same)
    differs = (take != changed).any(axis=(0, 2, 3))
    assert differs[:16].all() and not differs[64:].any()


def test_the_critic_hears_the_inside_only(lesson):
    critic = lesson.build_critic(tiny(lesson))
    melody, _ = inputs()
    rolls = np.repeat(melody, 4, axis=-1)
    inside, outside = rolls.copy(), rolls.copy()
    inside[:, :, 23, 3], outside[:, :, 22, 3] = 1, 1
    score = critic((rolls, melody)).numpy()
    np.testing.assert_array_equal(critic((outside, melody)), score)
    assert (critic((inside, melody)).numpy() != score).all()


def test_a_cropped_generator_sings_songs_of_any_length_in_any_key(lesson):
    generator = lesson.build_generator(tiny(lesson))
    line = np.random.default_rng(2).integers(60, 80, 96)
    (heard,) = propose(generator, line[:, None], keys=(0, -1, 1))
    assert heard.shape == (3, 96, 128, 4)
    alone = generator((grid_to_roll(line[None, :, None] - 1), np.zeros((1, 6, 8, 512))), training=False)
    assert alone.shape == (1, 96, 128, 4)
    for one, key in zip(heard, (0, -1, 1), strict=True):
        for voice, seen in enumerate(BACH):  # moved back to where the line stands
            inside = np.isin(np.arange(128), np.array(seen) - key)
            assert (one[:, ~inside, voice] == -1).all()
            assert (one[:, inside, voice] > -1).all()


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
