"""What the lesson's networks are given: one track, whichever it is, or any part of the music.

As in ``test_lesson.py``, tests that take nothing but the lesson are tried again on plausible mistakes.
"""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from test_lesson import (
    SEED,
    Notes,
    assert_noticed,
    bach,
    dummies,
    equal,
    layers_of,
    melody_of,
    normal,
    penalty_of,
    tiny,
)

from utils.networks.given import CRITIC_INPUTS, hears_any_part, write_given
from utils.networks.store import load_network, save_network

BASS = 3


def any_part(lesson, **changes):
    """A tiny recipe whose networks may be given any part."""
    recipe = {"condition_track_idx": lesson.ANY_PART, "generator": "in_every_key", "head": "voice_softmax"}
    return tiny(lesson, **recipe | changes)


def noise_for(rolls, seed=0):
    return normal(len(rolls), rolls.shape[1] // 16, 8, 512, seed=seed)


# --- Which cells are given ---------------------------------------------------

SAMPLES = 6000  # so that shares are off by .006 or less in two of three cases
NEAR = 0.02


def drawn(lesson, samples=SAMPLES, seed=SEED):
    """Random cells by beats: [sample, beat=8, track=4]."""
    cells = lesson.random_cells(samples, 4, seed).numpy()
    assert cells.shape == (samples, 32, 1, 4) and cells.dtype == np.float32
    return cells[:, ::4, 0]


def test_cells_are_given_or_not_by_whole_beats(lesson):
    cells = lesson.random_cells(200, 4, SEED).numpy().reshape(200, 8, 4, 4)
    assert set(np.unique(cells)) == {0, 1}
    np.testing.assert_array_equal(cells, np.broadcast_to(cells[:, :, :1], cells.shape))


def test_other_numbers_of_tracks(lesson):
    assert lesson.random_cells(3, 6, SEED).shape == (3, 32, 1, 6)


def test_half_of_the_samples_are_given_the_melody_alone(lesson):
    cells = drawn(lesson)
    alone = (cells == [1, 0, 0, 0]).all(axis=(1, 2))
    # And one in sixteen of those that are given whole voices.
    assert alone.mean() == pytest.approx(1 / 2 + 1 / 6 / 16, abs=NEAR)


def test_others_are_given_whole_voices_single_cells_or_whole_beats(lesson):
    cells = drawn(lesson)
    share = np.linspace(0, 1, 1001)
    all_or_none = (share**8 + (1 - share) ** 8).mean()  # of eight beats
    whole_voices = ((0.25 + 0.75 * (share**8 + (1 - share) ** 8)) ** 4).mean()  # though cells are drawn
    through = (cells == cells[:, :1]).all(axis=(1, 2))  # what is given is given throughout
    together = (cells == cells[..., :1]).all(axis=(1, 2))  # to all voices at once
    by_beats, by_cells = together & ~through, ~together & ~through
    assert by_beats.mean() == pytest.approx(1 / 6 * (1 - all_or_none), abs=NEAR)
    assert by_cells.mean() == pytest.approx(1 / 6 * (1 - whole_voices), abs=NEAR)

    # Whole voices: every one of them as often, the melody as often as the bass.
    voices = cells[through & ~(cells == [1, 0, 0, 0]).all(axis=(1, 2)), 0]
    assert len(np.unique(voices, axis=0)) == 15
    np.testing.assert_allclose(voices[:, 1:].mean(axis=0), 0.5, atol=3 * NEAR)

    # Single cells: a few or nearly all of them, and a quarter of the voices as a whole.
    some = cells[by_cells]
    assert ((some.sum(axis=1) == 8).mean(axis=0) > 0.25).all()
    others = some.sum(axis=1)[some.sum(axis=1) < 8]
    assert len(np.unique(others)) == 8 and others.mean() < 4.5

    # Whole beats: one of the eight as often as seven of them.
    beats = np.bincount(cells[by_beats][..., 0].sum(axis=1).astype(int), minlength=8)[1:8]
    np.testing.assert_allclose(beats / beats.sum(), 1 / 7, atol=2 * NEAR)


def test_every_sample_draws_its_own_cells(lesson):
    cells = drawn(lesson, 100)
    by_cells = cells[(cells != cells[:, :1]).any(axis=(1, 2)) & (cells != cells[..., :1]).any(axis=(1, 2))]
    assert len(by_cells) > 10
    for one, other in itertools.combinations(by_cells, 2):
        assert (one != other).any()


def test_cells_follow_the_seed(lesson):
    one, again, other = (drawn(lesson, 100, seed) for seed in (SEED, SEED, (7, 2)))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any(axis=(1, 2)).mean() > 0.5


# --- Giving them -------------------------------------------------------------


@pytest.mark.parametrize("track", range(4))
def test_one_track_is_given(lesson, track):
    config = tiny(lesson, condition_track_idx=track)
    for seed in (None, SEED):  # chance has no say in it
        np.testing.assert_array_equal(lesson.give(config, bach(3), seed), bach(3)[..., track : track + 1])


def test_of_any_part_what_is_given_is_the_music_and_all_else_nothing(lesson):
    rolls = bach(40).numpy()
    given = lesson.give(any_part(lesson), bach(40), SEED).numpy()
    cells = np.broadcast_to(lesson.random_cells(40, 4, SEED) > 0, rolls.shape)
    assert 0.1 < cells.mean() < 0.9
    np.testing.assert_array_equal(given[cells], rolls[cells])
    assert (given[~cells] == 0).all()
    assert set(np.unique(given)) == {-1, 0, 1}


def test_without_a_seed_the_melody_is_given(lesson):
    given = lesson.give(any_part(lesson), bach(3)).numpy()
    np.testing.assert_array_equal(given[..., :1], melody_of(bach(3)))
    assert (given[..., 1:] == 0).all()
    # As the listening test and the arranger write it.
    np.testing.assert_array_equal(write_given(bach(3).numpy(), np.arange(4) == 0, any_part=True), given)


def test_other_seeds_give_other_parts(lesson):
    one, other = (lesson.give(any_part(lesson), bach(20), seed) for seed in (SEED, (7, 2)))
    assert np.any(one != other, axis=(1, 2, 3)).mean() > 0.5


# --- The networks ------------------------------------------------------------


def exactly(written, given):
    """Whether what is given stands in what was written."""
    there = given != 0
    return np.array_equal(np.asarray(written)[there], np.asarray(given)[there])


def given_in_part(lesson, samples=12):
    given = lesson.give(any_part(lesson), bach(samples), SEED)
    assert 0.1 < np.mean(given == 0) < 0.9
    return given


def test_what_is_given_comes_out_whatever_the_weights(lesson):
    given = given_in_part(lesson)
    for head in ("voice_softmax", "tanh"):
        generator = lesson.build_generator(any_part(lesson, head=head))
        for scale in (1, 30, 0):
            generator.set_weights([scale * w for w in generator.get_weights()])
            for training in (True, False):
                written = generator((given, noise_for(given)), training=training).numpy()
                assert exactly(written, given)
                assert not np.isin(written[np.asarray(given) == 0], (-1, 1)).all()


def test_what_is_given_comes_out_exactly_in_mixed_precision(lesson):
    policy = lesson.keras.config
    before = policy.dtype_policy()
    policy.set_dtype_policy("mixed_bfloat16")
    try:
        generator = lesson.build_generator(any_part(lesson))
        assert {conv.compute_dtype for conv in layers_of(generator, "Conv2D")} == {"bfloat16"}
        given = given_in_part(lesson)
        written = generator((given, noise_for(given)), training=False)
    finally:
        policy.set_dtype_policy(before)
    assert written.dtype == tf.float32
    assert exactly(written, given)
    softly = ((1 + written.numpy()) / 2).sum(axis=2)[np.all(given == 0, axis=2)]
    np.testing.assert_allclose(softly, 1, atol=1e-4)  # in sixteen bits it would be off by a hundredth


def test_songs_of_any_length_are_given_in_part(lesson):
    generator = lesson.build_generator(any_part(lesson))
    for steps in (16, 64, 80):
        song = tf.concat([tf.concat(tf.split(bach(6), 6), axis=1)] * 2, 0)[:, :steps]
        given = song * np.random.default_rng(steps).integers(0, 2, (2, steps, 1, 4))
        written = generator((given, noise_for(given)), training=False)
        assert written.shape == (2, steps, 128, 4)
        assert exactly(written, given)


def test_what_is_given_is_heard_in_every_voice(lesson):
    generator, critic = lesson.build_generator(any_part(lesson)), lesson.build_critic(any_part(lesson))
    written, score = answers(generator, critic, bach(1), tf.zeros((1, 32, 128, 4)))
    for voice in range(4):
        answer, judged = answers(generator, critic, bach(1), bach(1) * tf.one_hot(voice, 4))
        others = np.arange(4) != voice
        assert np.abs(answer - written)[..., others].max() > 0
        assert np.abs(judged - score).max() > 0


def answers(generator, critic, rolls, given):
    return generator((given, noise_for(given)), training=False), critic((rolls, given), training=False)


def test_nothing_is_learned_from_what_is_given(lesson):
    generator, given = lesson.build_generator(any_part(lesson)), given_in_part(lesson, 4)
    weights = generator.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        written = generator((given, noise_for(given)), training=True)
        there = tf.reduce_sum(tf.square(tf.where(given != 0, written, 0)))
        missing = tf.reduce_sum(tf.square(tf.where(given == 0, written, 0)))
    assert not any(np.any(tf.convert_to_tensor(g)) for g in tape.gradient(there, weights) if g is not None)
    kernels = [g for w, g in zip(weights, tape.gradient(missing, weights), strict=True) if "kernel" in w.path]
    assert all(np.any(g) for g in kernels)


def test_networks_in_files_keep_what_is_given(lesson, tmp_path):
    config, given = any_part(lesson, registers=True), given_in_part(lesson)
    inputs = {"generator": (given, noise_for(given)), "critic": (bach(12), given)}
    for network in (lesson.build_generator(config), lesson.build_critic(config)):
        network.set_weights([w.astype(np.float16) for w in network.get_weights()])
        save_network(tmp_path / "network.npz", network)
        loaded = load_network(tmp_path / "network.npz")
        answer = loaded(inputs[network.name], training=False)
        np.testing.assert_array_equal(answer, network(inputs[network.name], training=False))
        if network.name == "generator":
            assert exactly(answer, given)
            assert hears_any_part(loaded)
        else:
            assert hears_any_part(loaded, CRITIC_INPUTS)


# --- Another track than the melody -------------------------------------------


@pytest.mark.parametrize("generator", ["classic", "in_every_key"])
def test_with_the_bass_given_the_networks_train(lesson, generator):
    registers = generator == "in_every_key"
    config = tiny(lesson, condition_track_idx=BASS, generator=generator, registers=registers, critic_steps=1)
    gan = lesson.make_gan(config)
    assert gan.generator.input_shape[0][-1] == gan.critic.input_shape[1][-1] == 1
    before = [network.get_weights() for network in (gan.generator, gan.critic)]
    iterate = lesson.make_train_iteration(gan, config).python_function
    losses = iterate([bach(2), bach(2, 2)], tf.constant(0))
    assert np.isfinite(losses).all()
    for network, weights in zip((gan.generator, gan.critic), before, strict=True):
        assert not all(equal(network.get_weights(), weights))


def test_both_steps_are_given_the_bass(lesson):
    config = tiny(lesson, condition_track_idx=BASS, critic_steps=1)
    gan = dummies(lesson)
    lesson.make_train_iteration(gan, config).python_function([bach(2), bach(2, 2)], tf.constant(0))
    heard = [given for given, _ in gan.generator.given] + [given for _, given in gan.critic.given]
    for given, rolls in zip(heard, (0, 2, 0, 0, 2), strict=True):
        expected = bach(2, rolls)[..., BASS:]
        np.testing.assert_array_equal(given, tf.concat([expected] * (len(given) // 2), 0))


def test_a_bass_is_given_in_the_register_of_the_bass(lesson):
    config = tiny(lesson, condition_track_idx=BASS, generator="in_every_key", registers=True)
    generator, critic = lesson.build_generator(config), lesson.build_critic(config)
    low = bach(2)[..., BASS:]
    deepest = tf.maximum(low, tf.one_hot([24], 128, 1.0, -1.0)[..., None])  # far below every soprano
    written, score = answers(generator, critic, bach(2), low)
    other, judged = answers(generator, critic, bach(2), deepest)
    assert np.abs(written - other).max() > 0
    assert np.abs(score - judged).max() > 0


# --- The steps ---------------------------------------------------------------


def test_the_critic_is_asked_with_what_the_generator_was_given(lesson):
    config = any_part(lesson)
    given, fake = lesson.give(config, bach(8), SEED), normal(8, 32, 128, 4)
    gan = dummies(lesson)
    lesson.critic_step(gan, config, bach(8), fake, given, SEED)
    scored, between = gan.critic.given
    np.testing.assert_array_equal(scored[1], tf.concat([given, given], 0))
    np.testing.assert_array_equal(between[1], given)  # by the penalty


def test_the_penalty_is_taken_where_the_same_is_given(lesson):
    config = any_part(lesson, batch_size=8)
    given = lesson.give(config, bach(8), SEED)
    critic = lesson.build_critic(config)
    # The score is a sum over the cells that are given, so the slope is 1 in each of them.
    slopes = tf.reduce_sum(tf.abs(given), (1, 2, 3))

    def counts(inputs, training):
        rolls, given = inputs
        return tf.reduce_sum(rolls * tf.abs(given), (1, 2, 3))

    expected = np.mean((np.sqrt(slopes) - 1) ** 2)
    found = penalty_of(lesson, counts, bach(8), normal(8, 32, 128, 4), given, SEED)
    assert found.numpy() == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(penalty_of(lesson, critic, bach(8), bach(8, 8), given, SEED))


def test_takes_are_given_the_same(lesson):
    config = any_part(lesson, takes=2, diversity_weight=1.0, reconstruction_weight=0.1)
    gan, given = dummies(lesson), lesson.give(config, bach(8), SEED)
    lesson.generator_step(gan, config, bach(8), given, SEED)
    ((heard, noise),), ((_, judged),) = gan.generator.given, gan.critic.given
    for twice in (heard, judged):
        np.testing.assert_array_equal(twice, tf.concat([given, given], 0))
    assert not np.isclose(*np.split(noise.numpy(), 2)).all(axis=-1).any()


def watch_iteration(lesson, config, batches, iteration=0):
    """Run one iteration of stand-ins and give them back."""
    gan = dummies(lesson)
    lesson.make_train_iteration(gan, config).python_function(batches, tf.constant(iteration))
    return gan


def test_an_iteration_of_batches_of_their_own_gives_each_other_parts(lesson):
    config = any_part(lesson, batch_size=6, critic_steps=2)
    batches = [bach(6)] * 3  # the same music, so that nothing but chance makes a difference
    gan = watch_iteration(lesson, config, batches)
    (first, _), (last, _) = gan.generator.given
    shares = *tf.split(first, 2), last
    for one, other in itertools.combinations(shares, 2):
        assert np.any(one != other)
    judged = [given for _, given in gan.critic.given]
    for share, (scored, between) in zip(shares, zip(judged[::2], judged[1::2], strict=False), strict=False):
        np.testing.assert_array_equal(scored, tf.concat([share, share], 0))
        np.testing.assert_array_equal(between, share)
    np.testing.assert_array_equal(judged[-1], last)


def test_an_iteration_of_a_shared_batch_gives_both_the_same(lesson):
    config = any_part(lesson, batch_size=8, critic_steps=2, shared_batch=True, takes=2, diversity_weight=1.0)
    gan = watch_iteration(lesson, config, [bach(8)])
    ((given, _),) = gan.generator.given
    one, other = np.split(given, 2)
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, lesson.give(config, bach(8)))
    for rolls, heard in gan.critic.given:
        np.testing.assert_array_equal(heard, np.tile(one, (len(rolls) // 8, 1, 1, 1)))


def test_every_iteration_gives_other_parts(lesson):
    for shared in (True, False):
        config = any_part(lesson, batch_size=6, critic_steps=1, shared_batch=shared)
        batches = [bach(6)] * lesson.batches_needed(config)
        runs = (config, 0), (config, 0), (config, 1), (replace(config, seed=1), 0)
        one, again, *others = (
            [given for given, _ in watch_iteration(lesson, choices, batches, iteration).generator.given]
            for choices, iteration in runs
        )
        assert all(equal(one, again))
        for other in others:
            assert not any(equal(one, other))


# --- The loop ----------------------------------------------------------------


@pytest.mark.parametrize(("track", "tested"), [(0, 0), (BASS, BASS), (None, 0)])
def test_the_listening_test_gives_what_was_learned_from(lesson, monkeypatch, track, tested):
    config = any_part(lesson) if track is None else tiny(lesson, condition_track_idx=track)
    asked = []
    monkeypatch.setattr(lesson.training_utils, "ListeningTest", lambda *given: asked.append(given))
    finished = Notes(iteration=config.iterations)
    lesson.train(dummies(lesson), finished, config, bach(2).numpy(), noise_for(bach(2)))
    assert asked == [(config.valid, tested)]


# --- Plausible mistakes ------------------------------------------------------

TWICE = "given = tf.concat([given] * config.takes, 0)"
MELODY = "real * tf.one_hot(0, 4)"
MISTAKES = [
    (test_cells_are_given_or_not_by_whole_beats, "tf.repeat(given, midi", "tf.tile(given, (1, 4, 1, 1)) #"),
    (test_half_of_the_samples_are_given_the_melody_alone, "kind < 1 / 2", "kind < 2 / 5"),
    (test_others_are_given_whole_voices_single_cells_or_whole_beats, "voice < 0.5\n", "voice < 0.9\n"),
    (test_others_are_given_whole_voices_single_cells_or_whole_beats, "kind < 2 / 3", "kind < 3 / 5"),
    (test_others_are_given_whole_voices_single_cells_or_whole_beats, "beat < share", "beat < 0.5"),
    (
        test_others_are_given_whole_voices_single_cells_or_whole_beats,
        "(voice < 0.25) | (cell < share)",
        "(cell < share)",
    ),
    (test_every_sample_draws_its_own_cells, "uniform((samples, *shape), s)", "uniform((1, *shape), s)"),
    (
        test_cells_follow_the_seed,
        "tf.random.split(seed, len(shapes))",
        "tf.random.split((0, 0), len(shapes))",
    ),
    (
        partial(test_one_track_is_given, track=BASS),
        "rolls[..., config.condition_track_idx, None]",
        "rolls[..., 0, None]",
    ),
    (
        test_of_any_part_what_is_given_is_the_music_and_all_else_nothing,
        "return rolls * random_cells(tf.shape(rolls)[0], tracks, seed)",
        "return rolls",
    ),
    (test_without_a_seed_the_melody_is_given, "rolls * tf.one_hot(0, tracks)", "rolls[..., :1]"),
    (test_other_seeds_give_other_parts, "rolls)[0], tracks, seed)", "rolls)[0], tracks, (0, 0))"),
    (test_what_is_given_comes_out_whatever_the_weights, "if len(tracks_given) == tracks:", "if False:"),
    (
        test_what_is_given_comes_out_exactly_in_mixed_precision,
        'KeepGiven(dtype="float32")',
        "KeepGiven()",
    ),
    (
        test_songs_of_any_length_are_given_in_part,
        'given = keras.Input((None, midi_utils.PITCHES, len(tracks_given)), name="given")',
        'given = keras.Input((32, midi_utils.PITCHES, len(tracks_given)), name="given")',
    ),
    (
        test_what_is_given_is_heard_in_every_voice,
        "Concatenate()([rolls, given])",
        "Concatenate()([rolls, rolls])",
    ),
    (
        test_a_bass_is_given_in_the_register_of_the_bass,
        "crop(given, [registers[track] for track in tracks_given])",
        "crop(given, registers[:1])",
    ),
    (
        test_a_bass_is_given_in_the_register_of_the_bass,
        "registers + [registers[track] for track in tracks_given]",
        "registers + registers[:1]",
    ),
    (
        test_the_critic_is_asked_with_what_the_generator_was_given,
        "tf.concat([given, given], 0)), training=True)",
        f"tf.concat([{MELODY}] * 2, 0)), training=True)",
    ),
    (
        test_the_critic_is_asked_with_what_the_generator_was_given,
        "slopes_between(gan.critic, real, fake, given, seed)",
        f"slopes_between(gan.critic, real, fake, {MELODY}, seed)",
    ),
    (
        test_the_penalty_is_taken_where_the_same_is_given,
        "critic((between, given)",
        f"critic((between, {MELODY})",
    ),
    (
        test_takes_are_given_the_same,
        f"{TWICE}\n    noise",
        "given = tf.concat([given, given[::-1]], 0)\n    noise",
    ),
    (
        test_takes_are_given_the_same,
        f"{TWICE}\n    score",
        "given = tf.concat([given, given[::-1]], 0)\n    score",
    ),
    (
        test_an_iteration_of_batches_of_their_own_gives_each_other_parts,
        "give(config, *x) for x in zip(critic_batches, seeds[1:-1], strict=True)",
        "give(config, x) for x in critic_batches",
    ),
    (
        test_an_iteration_of_batches_of_their_own_gives_each_other_parts,
        "give(config, *x) for x in zip(critic_batches, seeds[1:-1], strict=True)",
        "give(config, x, seeds[0]) for x in critic_batches",
    ),
    (
        test_an_iteration_of_batches_of_their_own_gives_each_other_parts,
        "zip(critic_batches, fakes, critic_given,",
        "zip(critic_batches, fakes, critic_given[::-1],",
    ),
    (
        test_an_iteration_of_a_shared_batch_gives_both_the_same,
        "critic_step(gan, config, real, takes[0], given, seed)",
        f"critic_step(gan, config, real, takes[0], {MELODY}, seed)",
    ),
    (
        test_an_iteration_of_a_shared_batch_gives_both_the_same,
        "give(config, generator_batch, seeds[-1])",
        "give(config, generator_batch)",
    ),
    (
        test_every_iteration_gives_other_parts,
        "give(config, generator_batch, seeds[-1])",
        "give(config, generator_batch, (0, 0))",
    ),
]


@pytest.mark.parametrize(("test", "right", "wrong"), MISTAKES, ids=[wrong for *_, wrong in MISTAKES])
def test_a_plausible_mistake_is_noticed(test, right, wrong, tmp_path):
    assert_noticed(test, right, wrong, tmp_path)
