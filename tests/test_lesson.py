"""The lesson's own definitions: choices, networks, losses, steps and loop.

Tests that take nothing but the lesson are tried again at the end, on lessons with one plausible mistake.
"""

import ast
import itertools
import json
from dataclasses import FrozenInstanceError, asdict, fields, replace
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import kstest

from utils import dataset_utils, inference_utils
from utils.lesson.definitions import load_lesson, read_cells
from utils.training import presets

ROOT = Path(__file__).parent.parent
TRAIN, VALID = (str(ROOT / "dataset" / f"{split}.npy") for split in ("train", "valid"))
SEED = (7, 1)


def tiny(lesson, **changes):
    fields = {"filters": 2, "batch_size": 2, "data": TRAIN, "valid": VALID}
    return replace(lesson.CLASSIC, **fields | changes)


@cache
def training_rolls():
    return dataset_utils.load_rolls(TRAIN)


def bach(samples, first=0):
    return tf.constant(training_rolls()[first : first + samples], tf.float32)


def melody_of(rolls):
    return rolls[..., :1]


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def inputs(steps=32, samples=2, seed=0):
    return normal(samples, steps, 128, 1, seed=seed), normal(samples, steps // 16, 8, 512, seed=seed + 1)


def penalty_of(lesson, *shown):
    return lesson.gradient_penalty(lesson.slopes_between(*shown))


def kind(layer):
    return type(layer).__name__


def layers_of(network, *kinds):
    return [layer for layer in network.layers if kind(layer) in kinds]


class Spy:
    """A network that notes what it is given and what it answers."""

    def __init__(self, network):
        self.network, self.given, self.modes, self.answers = network, [], [], []

    def __call__(self, inputs, training):
        self.given.append(inputs)
        self.modes.append(training)
        self.answers.append(self.network(inputs, training=training))
        return self.answers[-1]

    @property
    def trainable_variables(self):
        return getattr(self.network, "trainable_variables", [])


class Recorder:
    """An optimizer that notes gradients and moves nothing."""

    def apply(self, gradients, variables):
        self.gradients = gradients


def spied(lesson, config):
    """Real networks that are watched and do not move."""
    lesson.keras.utils.set_random_seed(0)
    networks = lesson.build_generator(config), lesson.build_critic(config)
    return lesson.GAN(*map(Spy, networks), Recorder(), Recorder())


def dummies(lesson):
    """Watched stand-ins: four voices that sing what is given, and a score that is a sum."""
    generator = Spy(lambda given, training: tf.repeat(given[0], 4 // given[0].shape[3], axis=3))
    critic = Spy(lambda given, training: tf.reduce_sum(given[0], (1, 2, 3))[:, None])
    return lesson.GAN(generator, critic, Recorder(), Recorder())


def assert_close(found, expected, bound=1e-4):
    """Compare lists of tensors, each to a share of its largest value."""
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=bound * max(np.abs(b).max(), 1e-3))


def equal(some, others):
    return [np.array_equal(a, b) for a, b in zip(some, others, strict=True)]


# --- Choices -----------------------------------------------------------------


def test_classic_is_the_old_recipe(lesson):
    assert lesson.PRESETS["classic"] == lesson.CLASSIC == lesson.Config()
    old = {
        "data": "dataset/train.npy",
        "transpose": False,
        "batch_size": 64,
        "condition_track_idx": 0,
        "filters": 64,
        "head": "tanh",
        "penalty_weight": 10,
        "reconstruction_weight": 0,
        "learning_rate": 1e-3,
        "beta_1": 0.5,
        "beta_2": 0.9,
        "critic_steps": 5,
        "iterations": 1000,
    }
    assert {name: getattr(lesson.CLASSIC, name) for name in old} == old


def test_the_choices_of_chapter_4_are_those_of_the_classic_recipe(lesson):
    source = next(s for s in code_cells() if "\nclassic = SimpleNamespace" in s)
    exec(source.split("\n\n")[0], scope := {"SimpleNamespace": lesson.SimpleNamespace})
    assert vars(scope["classic"]).items() <= asdict(lesson.CLASSIC).items()


def test_presets_are_told_with_the_minutes_that_were_measured(lesson):
    assert set(presets.PRESETS) == set(lesson.PRESETS)
    results = json.loads((ROOT / "pretrained" / "speedrun.json").read_text()).values()
    tours = [one["evaluations"][-1]["seconds"] / 60 for one in results if one["recipe"] == "tour"]
    assert presets.PRESETS["tour"][1] == pytest.approx(median(tours), abs=0.25)
    history = json.loads((ROOT / "pretrained" / "best" / "history.json").read_text())["history"]
    assert presets.PRESETS["best"][1] == pytest.approx(sum(history["seconds"]) / 60, abs=1)
    assert "**best** (chosen)" in presets.tell_presets("best")
    with pytest.raises(ValueError, match=r"'fast'.*tour, best, classic, smoke"):
        presets.tell_presets("fast")


def test_presets(lesson):
    assert list(lesson.PRESETS) == ["smoke", "tour", "classic", "best"]
    for config in lesson.PRESETS.values():
        assert (ROOT / config.data).is_file()
        with pytest.raises(FrozenInstanceError):
            config.seed = 1


def test_iterations_override_the_preset_alone(lesson):
    best = lesson.PRESETS["best"]
    assert lesson.choose_config("best") == best
    assert lesson.choose_config("best", iterations=7) == replace(best, iterations=7)
    assert lesson.choose_config("best", data="own.npy") == replace(best, data="own.npy")
    assert best.iterations != 7


def test_unknown_preset_names_the_known_ones(lesson):
    with pytest.raises(ValueError, match=r"'fast'.*smoke, tour, classic, best"):
        lesson.choose_config("fast")


def test_every_choice_has_a_comment(lesson):
    source = next(s for s in code_cells() if "class Config" in s)
    config = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    lines = [source.splitlines()[n.lineno - 1] for n in config.body if isinstance(n, ast.AnnAssign)]
    assert len(lines) == len(fields(lesson.Config))
    assert [line.strip() for line in lines if "  # " not in line] == []


@cache
def code_cells():
    return ["".join(cell["source"]) for cell in read_cells() if cell["cell_type"] == "code"]


def test_code_cells_are_short():
    lengths = [len(source.splitlines()) for source in code_cells()]
    assert median(lengths) < 7
    assert max(lengths) <= 40


# --- The generator -----------------------------------------------------------

DOWN = ["Conv2D", "LeakyReLU", "BatchNormalization"]
UP = ["UpsampleConv2D", "BatchNormalization", "ReLU", "Concatenate"]


def test_generator_parameters(lesson):
    assert lesson.build_generator(lesson.CLASSIC).count_params() == 8_273_540


def test_generator_layers(lesson):
    generator = lesson.build_generator(tiny(lesson))
    kinds = [kind(layer) for layer in generator.layers if kind(layer) != "InputLayer"]
    assert kinds == DOWN[:2] + 3 * DOWN + ["Concatenate"] + 3 * UP + ["UpsampleConv2D", "Activation"]
    assert [norm.momentum for norm in layers_of(generator, "BatchNormalization")] == [0.8] * 6
    slopes = [layer.negative_slope for layer in layers_of(generator, "LeakyReLU")]
    np.testing.assert_allclose(slopes, 0.2)
    assert {conv.kernel_size for conv in layers_of(generator, "Conv2D")} == {(4, 4)}


def test_generator_levels(lesson):
    generator = lesson.build_generator(tiny(lesson, filters=3))
    levels = layers_of(generator, "Conv2D", "UpsampleConv2D", "Concatenate")
    shapes = [lesson.keras.Model(generator.inputs, [level.output for level in levels])(inputs())]
    assert [tuple(level.shape) for level in shapes[0]] == [
        (2, 16, 64, 3),
        (2, 8, 32, 6),
        (2, 4, 16, 12),
        (2, 2, 8, 24),
        (2, 2, 8, 24 + 512),
        (2, 4, 16, 12),
        (2, 4, 16, 12 + 12),
        (2, 8, 32, 6),
        (2, 8, 32, 6 + 6),
        (2, 16, 64, 3),
        (2, 16, 64, 3 + 3),
        (2, 32, 128, 4),
    ]


def test_generator_takes_songs_of_any_length(lesson):
    generator = lesson.build_generator(tiny(lesson))
    for steps in (32, 64, 80):
        assert generator(inputs(steps), training=False).shape == (2, steps, 128, 4)
    assert lesson.build_generator(tiny(lesson), tracks=6)(inputs()).shape == (2, 32, 128, 6)


def test_every_level_of_the_melody_is_skipped_across(lesson):
    # Cut all ways from the melody to the output but one: it must still get through.
    for level in range(3):
        generator = lesson.build_generator(tiny(lesson, filters=4))
        below, beside, *above = layers_of(generator, "UpsampleConv2D")[level:]
        below.kernel.assign(tf.zeros_like(below.kernel))
        assert beside.kernel.shape[2] == 2 * below.filters
        for up in above:
            kept = np.arange(up.kernel.shape[2]) < up.kernel.shape[2] // 2
            up.kernel.assign(up.kernel * kept[:, None].astype(np.float32))
        noise = inputs()[1]
        one, other = (generator((bach(2, first)[..., :1], noise), training=False) for first in (0, 2))
        assert np.abs(one - other).max() > 0


def test_noise_changes_the_take(lesson):
    generator = lesson.build_generator(tiny(lesson))
    melody, noise = inputs()
    one, other = (generator((melody, z), training=False) for z in (noise, -noise))
    assert np.abs(one - other).max() > 0


def test_heads_bound_the_output(lesson):
    for head in ("tanh", "voice_softmax"):
        generator = lesson.build_generator(tiny(lesson, head=head))
        last = layers_of(generator, "UpsampleConv2D")[-1]
        last.kernel.assign(100 * last.kernel)  # an untrained network hardly leaves zero
        rolls = generator(inputs(), training=False).numpy()
        assert generator.layers[-1].name == head
        assert rolls.max() > 0.5
        assert np.abs(rolls).max() <= 1
        if head == "voice_softmax":
            np.testing.assert_allclose(((1 + rolls) / 2).sum(axis=2), np.ones((2, 32, 4)), atol=1e-4)
        else:
            assert ((rolls > 0).sum(axis=2) > 1).any()


# --- The critic --------------------------------------------------------------


def test_critic_parameters(lesson):
    assert lesson.build_critic(lesson.CLASSIC).count_params() == 2_766_785


def test_critic_layers(lesson):
    critic = lesson.build_critic(tiny(lesson, filters=3))
    kinds = [kind(layer) for layer in critic.layers if kind(layer) != "InputLayer"]
    assert kinds == ["Concatenate"] + 4 * DOWN[:2] + ["Flatten", "Dense"]
    assert [conv.output.shape[1:] for conv in layers_of(critic, "Conv2D")] == [
        (16, 64, 3),
        (8, 32, 6),
        (4, 16, 12),
        (2, 8, 24),
    ]


def test_critic_scores_each_sample_alone_in_both_modes(lesson):
    critic = lesson.build_critic(tiny(lesson))
    rolls, melody = normal(3, 32, 128, 4), normal(3, 32, 128, 1, seed=1)
    together = critic((rolls, melody), training=True)
    assert together.shape == (3, 1)
    alone = [critic((rolls[i : i + 1], melody[i : i + 1]), training=False) for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-6)


def test_critic_hears_voices_and_melody(lesson):
    critic = lesson.build_critic(tiny(lesson))
    rolls, melody = normal(1, 32, 128, 4), normal(1, 32, 128, 1, seed=1)
    score = critic((rolls, melody))
    assert np.abs(score - critic((-rolls, melody))) > 0
    assert np.abs(score - critic((rolls, -melody))) > 0


def test_last_layers_keep_float32_in_mixed_precision(lesson):
    policy = lesson.keras.config
    before = policy.dtype_policy()
    policy.set_dtype_policy("mixed_bfloat16")
    try:
        for network in (lesson.build_generator(tiny(lesson)), lesson.build_critic(tiny(lesson))):
            assert {conv.compute_dtype for conv in layers_of(network, "Conv2D")} == {"bfloat16"}
            assert {layer.compute_dtype for layer in network.layers[-1:]} == {"float32"}
            assert {weight.dtype for weight in network.weights} == {"float32"}
        assert (
            layers_of(lesson.build_generator(tiny(lesson)), "UpsampleConv2D")[-1].compute_dtype == "float32"
        )
    finally:
        policy.set_dtype_policy(before)


# --- Losses ------------------------------------------------------------------


def test_generator_loss_is_the_score_with_a_minus_sign(lesson):
    assert lesson.generator_loss(tf.constant([[1.0], [2.0], [6.0]])).numpy() == -3


def test_wasserstein_loss_falls_as_real_pieces_score_higher(lesson):
    real, fake = tf.constant([[3.0], [5.0]]), tf.constant([[1.0], [2.0]])
    assert lesson.wasserstein_loss(real, fake).numpy() == -2.5
    assert lesson.wasserstein_loss(fake, real).numpy() == 2.5


def test_reconstruction_loss_on_known_chances(lesson):
    real = bach(2)
    cells = 32 * 4
    assert lesson.reconstruction_loss(real, real).numpy() == pytest.approx(0, abs=1e-4)
    even = tf.fill(real.shape, 2 / 128 - 1)
    assert lesson.reconstruction_loss(real, even).numpy() == pytest.approx(cells * np.log(128), rel=1e-4)
    assert np.isfinite(lesson.reconstruction_loss(real, -real))

    fake = 2 * tf.nn.softmax(normal(*real.shape), axis=2) - 1
    chance = (1 + fake.numpy()) / 2
    expected = -np.log(chance[real.numpy() > 0]).sum() / 2
    assert lesson.reconstruction_loss(real, fake).numpy() == pytest.approx(expected, rel=1e-4)


def test_the_best_take_of_each_sample_is_pulled(lesson):
    real = bach(3)
    takes = [2 * tf.nn.softmax(normal(*real.shape, seed=seed), axis=2) - 1 for seed in range(4)]
    takes[0] = tf.where(np.arange(3)[:, None, None, None] == 1, real, takes[0])  # right once, by all means
    samples = [slice(i, i + 1) for i in range(3)]
    each = np.array([[lesson.reconstruction_loss(real[i], take[i]) for take in takes] for i in samples])
    assert len(set(each.argmin(axis=1))) > 1
    best = lesson.reconstruction_loss(real, *takes).numpy()
    assert best == pytest.approx(each.min(axis=1).mean(), rel=1e-4)


def test_rests_of_the_real_piece_cost_nothing(lesson):
    real = bach(2).numpy()
    real[0, 4:20, :, 2] = -1
    even = tf.fill(real.shape, 2 / 128 - 1)
    expected = (2 * 128 - 16) / 2 * np.log(128)
    assert lesson.reconstruction_loss(real, even).numpy() == pytest.approx(expected, rel=1e-4)


def test_diversity_is_total_variation_of_harmonies_on_the_beats(lesson):
    rolls = [2 * tf.nn.softmax(3 * normal(2, 32, 128, 4, seed=seed), axis=2) - 1 for seed in range(2)]
    distances = np.zeros((2, 8))
    for sample, beat in np.ndindex(2, 8):
        p, q = ((1 + roll[sample, 4 * beat].numpy()) / 2 for roll in rolls)
        p, q = (np.array([x[k::12, 1:].sum() / 3 for k in range(12)]) for x in (p, q))
        distances[sample, beat] = np.abs(p - q).sum() / 2
    assert 0.1 < distances.mean() < 0.9
    assert lesson.diversity_loss(*rolls, bound=1.0).numpy() == pytest.approx(-distances.mean(), rel=1e-4)


def test_another_harmony_is_rewarded_another_position_is_not(lesson):
    soprano, alto, tenor, bass = tf.split(bach(2), 4, axis=3)
    off_beat = np.arange(32)[:, None, None] % 4 > 0

    def distance(*voices):
        return -lesson.diversity_loss(bach(2), tf.concat(voices, axis=3), bound=1.0).numpy()

    up = partial(tf.roll, axis=2)
    assert distance(soprano, alto, tenor, bass) == 0
    assert distance(up(soprano, 1), alto, tenor, bass) == 0  # it is given
    assert distance(soprano, up(alto, 12), tenor, up(bass, -12)) == pytest.approx(0, abs=1e-6)
    assert distance(soprano, bass, alto, tenor) == pytest.approx(0, abs=1e-6)
    assert distance(soprano, tf.where(off_beat, up(alto, 1), alto), tenor, bass) == 0
    assert distance(soprano, up(alto, 1), tenor, bass) == pytest.approx(1 / 3)


def test_diversity_is_bounded_sample_by_sample(lesson):
    soprano, alto, *others = tf.split(bach(2), 4, axis=3)
    steps = np.arange(32)[:, None, None] < np.array([8, 32])[:, None, None, None]
    moved = tf.where(steps, tf.roll(alto, 1, axis=2), alto)  # a quarter of the one, all of the other
    other = tf.concat([soprano, moved, *others], axis=3)
    for bound, rewarded in ((1, 0.625 / 3), (0.2, (0.25 / 3 + 0.2) / 2), (0.05, 0.05)):
        assert lesson.diversity_loss(bach(2), other, bound).numpy() == pytest.approx(-rewarded, rel=1e-5)


# --- The gradient penalty ----------------------------------------------------


def linear(w, scale=1.0):
    """A critic with a known slope: ``scale * w``, and none of the melody's business in it."""

    def critic(inputs, training):
        rolls, melody = inputs
        return scale * tf.reduce_sum(w * rolls, (1, 2, 3)) + 50 * tf.reduce_sum(melody**2, (1, 2, 3))

    return critic


def pair(samples=4):
    return normal(samples, 32, 128, 4, seed=2), normal(samples, 32, 128, 4, seed=3)


def test_penalty_of_a_linear_critic(lesson):
    real, fake = pair()
    w = normal(32, 128, 4)
    w /= tf.norm(w)
    for norm in (0.5, 1.0, 3.0):
        penalty = penalty_of(lesson, linear(norm * w), real, fake, real[..., :1], SEED)
        assert penalty.shape == ()
        assert penalty.numpy() == pytest.approx((norm - 1) ** 2, abs=1e-5)


def test_penalty_takes_every_sample_by_itself(lesson):
    real, fake = pair()
    w = normal(32, 128, 4)
    steep = tf.constant([0.0, 1.0, 2.0, 5.0])
    penalty = penalty_of(lesson, linear(w / tf.norm(w), steep), real, fake, real[..., :1], SEED)
    assert penalty.numpy() == pytest.approx((1 + 0 + 1 + 16) / 4, rel=1e-4)


def test_penalty_of_a_flat_critic_has_a_finite_gradient(lesson):
    real, fake = pair()
    steepness = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        critic = linear(tf.ones((32, 128, 4)), steepness)
        penalty = penalty_of(lesson, critic, real, fake, real[..., :1], SEED)
    assert penalty.numpy() == pytest.approx(1, abs=1e-4)
    assert np.isfinite(tape.gradient(penalty, steepness))


def test_penalty_gradient_against_numerical_differences(lesson):
    # D(x) = a . tanh(V x) has the slope (a (1 - tanh(V x)^2)) V, here in float64 as the oracle.
    shape, hidden = (3, 2, 3, 2), 3
    a = tf.Variable(normal(hidden, seed=4))
    v = tf.Variable(normal(hidden, 12, seed=5))
    critic = Spy(
        lambda given, training: tf.linalg.matvec(tf.tanh(tf.reshape(given[0], (3, 12)) @ tf.transpose(v)), a)
    )
    real, fake = normal(*shape, seed=6), normal(*shape, seed=7)
    with tf.GradientTape() as tape:
        penalty = penalty_of(lesson, critic, real, fake, real[..., :1], SEED)
    found = np.concatenate([g.numpy().ravel() for g in tape.gradient(penalty, [a, v])])
    between = critic.given[0][0].numpy().reshape(3, 12).astype(np.float64)

    def oracle(weights):
        a, v = weights[:hidden], weights[hidden:].reshape(hidden, 12)
        slope = (a * (1 - np.tanh(between @ v.T) ** 2)) @ v
        return np.mean((np.linalg.norm(slope, axis=1) - 1) ** 2)

    weights = np.concatenate([a.numpy(), v.numpy().ravel()]).astype(np.float64)
    steps = 1e-6 * np.eye(len(weights))
    expected = [(oracle(weights + step) - oracle(weights - step)) / 2e-6 for step in steps]
    assert penalty.numpy() == pytest.approx(oracle(weights), rel=1e-5)
    assert_close([found], [np.array(expected)])


def points_between(lesson, real, fake, seed=SEED):
    critic = Spy(lambda given, training: tf.reduce_sum(given[0], (1, 2, 3)))
    lesson.slopes_between(critic, real, fake, real[..., :1], seed)
    return critic.given[0][0].numpy()


def weights_of_real(lesson, shape, seed=SEED):
    return points_between(lesson, tf.ones(shape), tf.zeros(shape), seed)


def test_interpolation_weight_is_uniform(lesson):
    weights = weights_of_real(lesson, (4000, 1, 1, 1)).ravel()
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert kstest(weights, "uniform").pvalue > 0.01


def test_uniformity_is_told_from_other_distributions():
    rng = np.random.default_rng(0)
    others = [rng.normal(size=4000), np.clip(rng.normal(0.5, 0.29, 4000), 0, 1), rng.beta(1.2, 1.2, 4000)]
    assert [kstest(other, "uniform").pvalue < 1e-4 for other in others] == [True] * 3


def test_interpolation_weight_is_one_number_a_sample(lesson):
    weights = weights_of_real(lesson, (64, 3, 4, 2))
    np.testing.assert_array_equal(weights, np.broadcast_to(weights[:, :1, :1, :1], weights.shape))
    assert len(np.unique(weights)) == 64


def test_interpolation_lies_on_the_line_from_real_to_fake(lesson):
    real, fake = normal(8, 3, 4, 2, seed=1), normal(8, 3, 4, 2, seed=2)
    weights = weights_of_real(lesson, real.shape)
    np.testing.assert_allclose(
        points_between(lesson, real, fake), weights * real + (1 - weights) * fake, rtol=1e-4, atol=1e-6
    )


def test_interpolation_follows_the_seed(lesson):
    one, again, other = (weights_of_real(lesson, (8, 1, 1, 1), seed) for seed in (SEED, SEED, (7, 2)))
    np.testing.assert_array_equal(one, again)
    assert not np.isin(one, other).any()


# --- One GAN -----------------------------------------------------------------


def test_gan_follows_the_config(lesson):
    config = tiny(lesson, learning_rate=3e-4, beta_1=0.3, beta_2=0.7)
    gan = lesson.make_gan(config)
    for network, optimizer in ((gan.generator, gan.generator_optimizer), (gan.critic, gan.critic_optimizer)):
        assert isinstance(optimizer, lesson.keras.optimizers.Adam)
        assert float(optimizer.learning_rate.numpy()) == pytest.approx(3e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.3, 0.7)
        slots = 2 * len(network.trainable_variables)  # Adam's two moments, built before the first step
        assert len(optimizer.variables) == slots + 2


def test_gan_weights_follow_the_seed(lesson):
    one, again, other = (lesson.make_gan(tiny(lesson, seed=seed)) for seed in (0, 0, 1))
    for network in ("generator", "critic"):
        kept = getattr(one, network).get_weights()
        assert all(equal(kept, getattr(again, network).get_weights()))
        assert not all(equal(kept, getattr(other, network).get_weights()))


# --- One step each -----------------------------------------------------------


def kernels(network):
    return [w.numpy() for w in network.trainable_variables if "kernel" in w.path]


def moving_statistics(network):
    norms = layers_of(network, "BatchNormalization")
    return [w.numpy() for norm in norms for w in norm.non_trainable_variables]


def test_critic_step_moves_the_critic_alone(lesson):
    config = tiny(lesson)
    gan = lesson.make_gan(config)
    supplier, ear = gan.generator.get_weights(), kernels(gan.critic)
    optimizer = [v.numpy() for v in gan.generator_optimizer.variables]
    lesson.critic_step(gan, config, bach(2), bach(2, 2), melody_of(bach(2)), SEED)
    assert all(equal(gan.generator.get_weights(), supplier))
    assert all(equal(gan.generator_optimizer.variables, optimizer))
    assert not any(equal(kernels(gan.critic), ear))


def test_generator_step_moves_the_generator_alone(lesson):
    config = tiny(lesson)
    gan = lesson.make_gan(config)
    hand, statistics, ear = kernels(gan.generator), moving_statistics(gan.generator), gan.critic.get_weights()
    optimizer = [v.numpy() for v in gan.critic_optimizer.variables]
    lesson.generator_step(gan, config, bach(2), melody_of(bach(2)), SEED)
    assert all(equal(gan.critic.get_weights(), ear))
    assert all(equal(gan.critic_optimizer.variables, optimizer))
    assert not any(equal(kernels(gan.generator), hand))
    assert len(statistics) == 12
    assert not any(equal(moving_statistics(gan.generator), statistics))


def test_fused_critic_step_equals_separate_passes(lesson):
    config = tiny(lesson, penalty_weight=7.0)
    gan = spied(lesson, config)
    real, fake = bach(3), normal(3, 32, 128, 4)
    melody = melody_of(real)
    loss, slope = lesson.critic_step(gan, config, real, fake, melody, SEED)

    plain = gan.critic.network
    with tf.GradientTape() as tape:
        difference = tf.reduce_mean(plain((fake, melody))) - tf.reduce_mean(plain((real, melody)))
        penalty = penalty_of(lesson, plain, real, fake, melody, SEED)
        expected = difference + 7 * penalty
    assert_close([loss], [expected])
    slopes = lesson.slopes_between(plain, real, fake, melody, SEED)
    assert float(slope) == pytest.approx(float(tf.reduce_mean(slopes)), rel=1e-5)
    assert_close(gan.critic_optimizer.gradients, tape.gradient(expected, plain.trainable_variables))


def test_critic_hears_every_piece_with_its_melody(lesson):
    config = tiny(lesson)
    gan = dummies(lesson)
    real, fake = bach(2), normal(2, 32, 128, 4)
    lesson.critic_step(gan, config, real, fake, melody_of(real), SEED)
    heard = sum(len(melody) for _, melody in gan.critic.given)
    assert heard == 6  # real, fake and between
    for _, melody in gan.critic.given:
        np.testing.assert_array_equal(melody, np.tile(real[..., :1], (len(melody) // 2, 1, 1, 1)))


def test_generator_step_raises_the_score_of_what_it_writes(lesson):
    config = tiny(lesson)
    gan = spied(lesson, config)
    loss = lesson.generator_step(gan, config, bach(2), melody_of(bach(2)), SEED)
    (melody, noise), writer, ear = gan.generator.given[0], gan.generator.network, gan.critic.network
    assert gan.generator.modes == [True]
    np.testing.assert_array_equal(melody, bach(2)[..., :1])
    with tf.GradientTape() as tape:
        expected = -tf.reduce_mean(ear((writer((melody, noise), training=True), melody)))
    assert_close([loss], [expected])
    assert_close(gan.generator_optimizer.gradients, tape.gradient(expected, writer.trainable_variables), 1e-3)


def test_generator_step_pulls_toward_the_real_piece_if_asked(lesson):
    config = tiny(lesson, head="voice_softmax", reconstruction_weight=0.5)
    gan = spied(lesson, config)
    loss = lesson.generator_step(gan, config, bach(2), melody_of(bach(2)), SEED)
    pull = lesson.reconstruction_loss(bach(2), gan.generator.answers[0])
    expected = -tf.reduce_mean(gan.critic.answers[0]) + 0.5 * pull
    assert loss.numpy() == pytest.approx(float(expected), rel=1e-5)


def test_two_takes_of_every_melody_have_noise_of_their_own(lesson):
    gan = dummies(lesson)
    lesson.generator_step(gan, tiny(lesson, takes=2), bach(3), melody_of(bach(3)), SEED)
    ((melodies, noise),) = gan.generator.given
    np.testing.assert_array_equal(melodies, tf.concat([bach(3)[..., :1]] * 2, 0))
    ((_, heard),) = gan.critic.given
    np.testing.assert_array_equal(heard, melodies)
    for one, other in itertools.combinations(noise.numpy(), 2):
        assert not np.isclose(one, other).all(axis=-1).any()


def test_generator_step_rewards_the_distance_between_takes(lesson):
    choices = {"takes": 2, "diversity_weight": 3.0, "diversity_bound": 0.8, "reconstruction_weight": 0.5}
    config = tiny(lesson, head="voice_softmax", **choices)
    gan = spied(lesson, config)
    loss = lesson.generator_step(gan, config, bach(2), melody_of(bach(2)), SEED)
    takes = tf.split(gan.generator.answers[0], 2)
    distance = -lesson.diversity_loss(*takes, bound=0.8)
    assert 0 < distance < 0.8
    pull = lesson.reconstruction_loss(bach(2), *takes)
    expected = -tf.reduce_mean(gan.critic.answers[0]) + 0.5 * pull - 3 * distance
    assert loss.numpy() == pytest.approx(float(expected), rel=1e-5)


def test_noise_is_truncated_normal_and_follows_the_seed(lesson):
    config = tiny(lesson)
    gan = dummies(lesson)
    for seed in (SEED, SEED, (7, 2)):
        lesson.generator_step(gan, config, bach(2), melody_of(bach(2)), seed)
    one, again, other = (noise.numpy() for _, noise in gan.generator.given)
    assert one.shape == (2, 2, 8, 512)
    assert 1.9 < np.abs(one).max() <= 2
    assert one.std() == pytest.approx(0.88, abs=0.02)
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, other).all(axis=-1).any()
    assert not np.array_equal(one[0], one[1])


# --- One iteration -----------------------------------------------------------


def six_batches(config):
    return [bach(config.batch_size, 10 * k) for k in range(config.critic_steps + 1)]


def spy_on_iteration(lesson, gan, config, iteration=0):
    """Run one iteration with steps that only note what they get: [(who, real, fake, given, seed)]."""
    steps = []

    def critic_step(gan, config, real, fake, given, seed):
        steps.append(("critic", real, fake, given, seed))
        return tf.constant(len(steps)), tf.constant(1)

    def generator_step(gan, config, real, given, seed):
        steps.append(("generator", real, None, given, seed))
        return tf.constant(-1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "critic_step", critic_step)
        patch.setattr(lesson, "generator_step", generator_step)
        train_iteration = lesson.make_train_iteration(gan, config)
        losses = train_iteration.python_function(six_batches(config), tf.constant(iteration))
    return steps, losses


def test_iteration_is_five_critic_steps_then_one_of_the_generator(lesson):
    steps, losses = spy_on_iteration(lesson, dummies(lesson), tiny(lesson))
    assert [who for who, *_ in steps] == 5 * ["critic"] + ["generator"]
    assert [int(loss) for loss in losses] == [5, -1, 1]  # the critic's last loss, the generator's, the slope


def test_every_step_gets_a_fresh_batch_and_a_fresh_seed(lesson):
    config = tiny(lesson)
    runs = [(config, 0), (config, 1), (replace(config, seed=1), 0)]
    steps = [step for run in runs for step in spy_on_iteration(lesson, dummies(lesson), *run)[0]]
    for (_, real, _, given, _), batch in zip(steps, 3 * six_batches(config), strict=True):
        np.testing.assert_array_equal(real, batch)
        np.testing.assert_array_equal(given, melody_of(batch))
    assert len({tuple(seed.numpy()) for *_, seed in steps}) == 18


def test_fakes_written_at_once_equal_fakes_written_batch_by_batch(lesson):
    config = tiny(lesson)
    gan = spied(lesson, config)
    steps, _ = spy_on_iteration(lesson, gan, config)
    (_, noise), writer = gan.generator.given[0], gan.generator.network
    assert len(gan.generator.given) == 1
    noises = tf.split(noise, 5)
    for (_, _, fake, *_), real, noise in zip(steps, six_batches(config), noises, strict=False):
        np.testing.assert_allclose(fake, writer((real[..., :1], noise), training=False), atol=1e-5)
    for one, other in itertools.combinations(noises, 2):
        assert not np.array_equal(one, other)


def test_supplying_the_critic_leaves_the_generator_as_it_was(lesson):
    config = tiny(lesson)
    gan = spied(lesson, config)
    before = gan.generator.network.get_weights()
    spy_on_iteration(lesson, gan, config)
    assert all(equal(gan.generator.network.get_weights(), before))


def test_noise_differs_between_the_players_and_between_iterations(lesson):
    config = tiny(lesson)
    gan = dummies(lesson)
    train_iteration = lesson.make_train_iteration(gan, replace(config, critic_steps=1)).python_function
    for iteration in (0, 0, 1):
        train_iteration(six_batches(config)[:2], tf.constant(iteration))
    critic, generator, critic_again, generator_again, *later = (z.numpy() for _, z in gan.generator.given)
    np.testing.assert_array_equal(critic, critic_again)
    np.testing.assert_array_equal(generator, generator_again)
    for one, other in itertools.combinations((critic, generator, *later), 2):
        assert not np.array_equal(one, other)


def test_a_shared_batch_is_sung_once_for_both(lesson, monkeypatch):
    config = tiny(lesson, shared_batch=True, critic_steps=2)
    assert lesson.batches_needed(config) == 1
    gan, real, steps = spied(lesson, config), bach(2), []

    def critic_step(gan, config, real, fake, given, seed):
        np.testing.assert_array_equal(given, melody_of(real))
        steps.append((real, fake, tuple(seed.numpy())))
        return tf.constant(7.0), tf.constant(1.0)

    monkeypatch.setattr(lesson, "critic_step", critic_step)
    losses = lesson.make_train_iteration(gan, config).python_function([real], tf.constant(0))
    assert float(losses[0]) == 7.0
    assert len(gan.generator.given) == 1
    (one, fake, seed), (other, fake_again, other_seed) = steps
    assert fake is fake_again
    assert seed != other_seed
    for batch in (one, other):
        np.testing.assert_array_equal(batch, real)
    (judged, melody), *more = gan.critic.given
    assert not more
    np.testing.assert_array_equal(judged, fake)
    np.testing.assert_array_equal(melody, real[..., :1])


@pytest.mark.parametrize("takes", [1, 2])
def test_a_shared_step_moves_each_network_by_its_own_loss(lesson, takes):
    config = tiny(lesson, shared_batch=True, critic_steps=1, reconstruction_weight=0.1, head="voice_softmax")
    config = replace(config, takes=takes, diversity_weight=takes - 1)
    gan, real = spied(lesson, config), bach(2)
    seeds = [tf.constant(seed) for seed in ((1, 2), (3, 4))]
    losses = lesson.shared_step(gan, config, real, melody_of(real), seeds)
    alone = spied(lesson, config)
    expected = lesson.generator_step(alone, config, real, melody_of(real), seeds[0])
    assert float(losses[1]) == pytest.approx(float(expected), rel=1e-5)
    found, wanted = gan.generator_optimizer.gradients, alone.generator_optimizer.gradients
    assert_close(found, wanted)
    (noise,) = [noise for _, noise in alone.generator.given]
    melodies = tf.concat([real[..., :1]] * takes, 0)
    fake = spied(lesson, config).generator.network((melodies, noise), training=True)[:2]
    expected, _ = lesson.critic_step(alone, config, real, fake, melody_of(real), seeds[1])
    assert float(losses[0]) == pytest.approx(float(expected), rel=1e-5)
    found, wanted = gan.critic_optimizer.gradients, alone.critic_optimizer.gradients
    assert_close(found, wanted)


def test_without_a_critic_the_generator_learns_by_the_other_losses_alone(lesson):
    config = tiny(lesson, shared_batch=True, critic_steps=0, reconstruction_weight=0.1, head="voice_softmax")
    gan, real = spied(lesson, config), bach(2)
    losses = lesson.make_train_iteration(gan, config).python_function([real], tf.constant(0))
    pull = lesson.reconstruction_loss(real, gan.generator.answers[0])
    assert [float(loss) for loss in losses] == pytest.approx([0, 0.1 * float(pull), 0], rel=1e-5)
    assert not hasattr(gan.critic_optimizer, "gradients")
    assert lesson.make_gan(replace(config, cosine_decay=True)).critic_optimizer.iterations == 0


def test_equal_seeds_train_equally(lesson):
    config = tiny(lesson, critic_steps=1)
    gan, batches = lesson.make_gan(config), six_batches(config)
    train_iteration = lesson.make_train_iteration(gan, config)
    state = [variable for member in gan for variable in member.variables]
    start = [variable.numpy() for variable in state]

    def run_twice():
        for variable, value in zip(state, start, strict=True):
            variable.assign(value)
        losses = [train_iteration(batches, tf.constant(iteration)) for iteration in (0, 1)]
        assert gan.critic_optimizer.iterations.numpy() == gan.generator_optimizer.iterations.numpy() == 2
        return [*np.ravel(losses), *(variable.numpy() for variable in state)]

    assert all(equal(run_twice(), run_twice()))
    assert train_iteration.experimental_get_tracing_count() == 1


# --- The loop ----------------------------------------------------------------


class Notes:
    """A run that only notes what it is told."""

    def __init__(self, iteration):
        self.iteration = iteration
        self.dirs = {"train": None, "sample": None}
        self.logged, self.measured, self.tested, self.saved = [], [], [], []

    def until(self, iterations):
        first = self.iteration
        for iteration in range(first, iterations):
            yield iteration
            self.iteration += 1

    def log(self, *losses):
        self.logged.append(losses)

    def measure(self, rolls):
        assert set(np.unique(rolls)) <= {-1, 1}
        self.measured.append(self.iteration)

    def note_test(self, figures, bach):
        assert figures["accuracy"] < bach["accuracy"] == 1
        self.tested.append(self.iteration)

    def save(self):
        self.saved.append(self.iteration)


@pytest.fixture(scope="module")
def samples():
    """Fixed melodies and noise, as the lesson's cell draws them."""
    return inference_utils.load_melody_samples(4, path=VALID)


@pytest.fixture
def ready(lesson, monkeypatch):
    """The lesson with pictures and MIDI files left out."""
    lesson.drawn, lesson.written = [], []
    monkeypatch.setattr(lesson.display_utils, "plot_pianoroll", lambda i, *_, **__: lesson.drawn.append(i))
    monkeypatch.setattr(
        lesson.midi_utils,
        "save_pianoroll_as_midi",
        lambda _, destination_path: lesson.written.append(destination_path),
    )
    return lesson


def test_loop_serves_measures_and_saves_in_time(ready, samples, monkeypatch):
    config = tiny(ready, iterations=103, save_every=101, test_every=102)
    served = []

    def train_iteration(batches, iteration):
        served.append((batches, int(iteration)))
        return len(served), -len(served), 1

    monkeypatch.setattr(ready, "make_train_iteration", lambda gan, config: train_iteration)
    run = Notes(iteration=98)
    ready.train(ready.make_gan(config), run, config, *samples)
    assert [iteration for _, iteration in served] == [98, 99, 100, 101, 102]
    assert run.logged == [(n, -n, 1) for n in range(1, 6)]
    assert run.measured == [98, 99, 101]
    assert run.tested == [100, 102]
    assert run.saved == ready.drawn == [101]
    assert ready.written == ["iteration-101.mid"]

    windows = dataset_utils.load_windows(TRAIN)
    expected = dataset_utils.batches(windows, config.batch_size, config.seed, config.transpose, start=98 * 6)
    for batch, real in zip([b for batches, _ in served for b in batches], expected, strict=False):
        np.testing.assert_array_equal(batch, real)


@pytest.mark.parametrize("recipe", ["classic", "best"])
def test_resumed_training_equals_uninterrupted(ready, samples, tmp_path, monkeypatch, recipe):
    small = {"filters": 2, "batch_size": 2, "save_every": 1, "critic_steps": 1, "cosine_decay": False}
    config = replace(ready.PRESETS[recipe], data=TRAIN, valid=VALID, **small)
    # What is left out at random, and what is given, go on, too.
    assert bool(config.dropout) == (config.condition_track_idx == ready.ANY_PART) == (recipe == "best")
    make = ready.make_train_iteration  # not compiled here: that takes longer than the training
    monkeypatch.setattr(ready, "make_train_iteration", lambda *given: make(*given).python_function)

    def train_for(folder, *stops):
        folder.mkdir()
        monkeypatch.chdir(folder)
        for iterations in stops:
            gan, run = ready.start_run("test", replace(config, iterations=iterations))
            ready.train(gan, run, replace(config, iterations=iterations), *samples)
        return run.history, [w.numpy() for w in (*gan.generator.weights, *gan.critic.weights)]

    history, weights = train_for(tmp_path / "whole", 2)
    history_again, weights_again = train_for(tmp_path / "halves", 1, 2)
    assert len(history["critic_loss"]) == 2
    for loss in ("critic_loss", "generator_loss"):
        assert history[loss] == history_again[loss]
    assert all(equal(weights, weights_again))


# --- Plausible mistakes ------------------------------------------------------

MISTAKES = [
    (test_generator_layers, "(x) if normalize else x", "(x)"),
    (test_generator_layers, "(momentum=0.8)(x) if normalize", "()(x) if normalize"),
    (test_generator_levels, "bottom, d3, config.filters * 4", "bottom, d3, config.filters * 2"),
    (
        test_generator_takes_songs_of_any_length,
        "classic_generator(config, tracks=4):\n    given = keras.Input((None, midi_utils.PITCHES",
        "classic_generator(config, tracks=4):\n    given = keras.Input((32, midi_utils.PITCHES",
    ),
    (test_every_level_of_the_melody_is_skipped_across, "Concatenate()([x, skip])", "Concatenate()([x, x])"),
    (test_noise_changes_the_take, "Concatenate()([d4, noise])", "Concatenate()([d4, 0 * noise])"),
    (
        test_heads_bound_the_output,
        "noise), layer_utils.output_head(config.head)",
        'noise), layer_utils.output_head("tanh")',
    ),
    (test_critic_layers, "x = layer_utils.LeakyReLU(0.2)(x)\n    score", "score"),
    (
        test_critic_scores_each_sample_alone_in_both_modes,
        "layers.Flatten()(x)",
        "layers.Flatten()(layers.BatchNormalization()(x))",
    ),
    (test_critic_hears_voices_and_melody, "Concatenate()([rolls, given])", "Concatenate()([rolls, rolls])"),
    (test_last_layers_keep_float32_in_mixed_precision, 'Dense(1, dtype="float32", ', "Dense(1, "),
    (
        test_generator_loss_is_the_score_with_a_minus_sign,
        "-tf.reduce_mean(fake_score)\n",
        "-tf.reduce_sum(fake_score)\n",
    ),
    (
        test_wasserstein_loss_falls_as_real_pieces_score_higher,
        "tf.reduce_mean(fake_score) - tf.reduce_mean(real_score)",
        "tf.reduce_mean(real_score) - tf.reduce_mean(fake_score)",
    ),
    (test_reconstruction_loss_on_known_chances, "(1 + fake) / 2", "fake"),
    (test_reconstruction_loss_on_known_chances, "chance + 1e-7), axis=(1, 2))", "chance + 1e-7), axis=1)"),
    (test_the_best_take_of_each_sample_is_pulled, "tf.reduce_min([surprise", "tf.reduce_mean([surprise"),
    (test_the_best_take_of_each_sample_is_pulled, "for fake in takes], axis=0)", "for fake in takes])"),
    (
        test_diversity_is_total_variation_of_harmonies_on_the_beats,
        "tf.abs(harmony(fake) - harmony(other))",
        "tf.square(harmony(fake) - harmony(other))",
    ),
    (test_another_harmony_is_rewarded_another_position_is_not, "STEPS_PER_BEAT, :, 1:]", "STEPS_PER_BEAT]"),
    (
        test_another_harmony_is_rewarded_another_position_is_not,
        "[:, :: midi_utils.STEPS_PER_BEAT, :",
        "[:, :, :",
    ),
    (test_another_harmony_is_rewarded_another_position_is_not, "mtpv,pk->mtk", "mtpv,pk->mtv"),
    (
        test_diversity_is_bounded_sample_by_sample,
        "tf.minimum(tf.reduce_mean(distance, axis=1), bound)",
        "tf.minimum(distance, bound)",
    ),
    (
        test_diversity_is_bounded_sample_by_sample,
        "tf.reduce_mean(tf.minimum(tf.reduce_mean(distance, axis=1), bound))",
        "tf.minimum(tf.reduce_mean(distance), bound)",
    ),
    (
        test_generator_step_rewards_the_distance_between_takes,
        "diversity_loss(takes[0], takes[1]",
        "diversity_loss(takes[0], takes[0]",
    ),
    (
        test_generator_step_rewards_the_distance_between_takes,
        "config.reconstruction_weight * reconstruction_loss(real, *takes)",
        "config.reconstruction_weight * reconstruction_loss(real, takes[0])",
    ),
    (test_rests_of_the_real_piece_cost_nothing, "sings * tf.math.log", "tf.math.log"),
    (test_penalty_of_a_linear_critic, "tf.sqrt(tf.reduce_sum(", "(tf.reduce_sum("),
    (test_penalty_of_a_linear_critic, "tf.square(slopes - 1)", "tf.square(tf.maximum(slopes - 1, 0))"),
    (test_penalty_of_a_linear_critic, "critic((between, given)", "critic((between, between[..., :1])"),
    (test_penalty_takes_every_sample_by_itself, "axis=(1, 2, 3)) + 1e-12", "axis=(0, 1, 2, 3)) + 1e-12"),
    (test_penalty_takes_every_sample_by_itself, "axis=(1, 2, 3)) + 1e-12", "axis=(1, 2)) + 1e-12"),
    (test_penalty_of_a_flat_critic_has_a_finite_gradient, "axis=(1, 2, 3)) + 1e-12", "axis=(1, 2, 3))"),
    (
        test_penalty_gradient_against_numerical_differences,
        "tf.square(slope), axis",
        "slope * tf.stop_gradient(slope), axis",
    ),
    (
        test_interpolation_weight_is_uniform,
        "stateless_uniform((tf",
        "stateless_truncated_normal((tf",
    ),
    (test_interpolation_weight_is_one_number_a_sample, "(tf.shape(real)[0], 1, 1, 1)", "(1, 1, 1, 1)"),
    (test_interpolation_weight_is_one_number_a_sample, "(tf.shape(real)[0], 1, 1, 1)", "tf.shape(real)"),
    (test_interpolation_lies_on_the_line_from_real_to_fake, "(1 - epsilon) * fake", "epsilon * fake"),
    (test_interpolation_follows_the_seed, "1, 1, 1), seed)", "1, 1, 1), (0, 0))"),
    (test_gan_follows_the_config, "beta_1=config.beta_1, beta_2=config.beta_2", "beta_1=config.beta_1"),
    (test_gan_follows_the_config, "optimizer.build(network.trainable_variables)", "pass"),
    (test_gan_weights_follow_the_seed, "keras.utils.set_random_seed(config.seed)", "pass"),
    (
        test_generator_step_moves_the_generator_alone,
        "(given, noise), training=True), config.takes",
        "(given, noise), training=False), config.takes",
    ),
    (test_fused_critic_step_equals_separate_passes, "[real, fake], 0)", "[fake, real], 0)"),
    (
        test_fused_critic_step_equals_separate_passes,
        "config.penalty_weight * gradient_penalty",
        "10 * gradient_penalty",
    ),
    (
        test_critic_hears_every_piece_with_its_melody,
        "[given, given], 0)",
        "[given, fake[..., :1]], 0)",
    ),
    (
        test_generator_step_raises_the_score_of_what_it_writes,
        "takes = write_takes(gan, config, given, seed)\n",
        "takes = write_takes(gan, config, real[..., 1:2], seed)\n",
    ),
    (
        test_generator_step_raises_the_score_of_what_it_writes,
        "gan.critic((tf.concat(takes, 0), given)",
        "gan.critic((tf.concat([real] * config.takes, 0), given)",
    ),
    (
        test_generator_step_pulls_toward_the_real_piece_if_asked,
        "config.reconstruction_weight * reconstruction_loss(real, *takes)",
        "config.reconstruction_weight * reconstruction_loss(*takes, real)",
    ),
    (
        test_noise_is_truncated_normal_and_follows_the_seed,
        "noise = tf.random.stateless_truncated_normal((tf.shape(given)[0]",
        "noise = tf.random.stateless_normal((tf.shape(given)[0]",
    ),
    (
        test_every_step_gets_a_fresh_batch_and_a_fresh_seed,
        "zip(critic_batches, fakes",
        "zip(critic_batches[:1] * config.critic_steps, fakes",
    ),
    (test_every_step_gets_a_fresh_batch_and_a_fresh_seed, "(config.seed, iteration)", "(config.seed, 0)"),
    (test_every_step_gets_a_fresh_batch_and_a_fresh_seed, "(config.seed, iteration)", "(0, iteration)"),
    (
        test_fakes_written_at_once_equal_fakes_written_batch_by_batch,
        "written = gan.generator((tf.concat(critic_given, 0), noise), training=False)",
        "written = gan.generator((tf.concat(critic_given, 0), noise), training=True)",
    ),
    (
        test_supplying_the_critic_leaves_the_generator_as_it_was,
        "written = gan.generator((tf.concat(critic_given, 0), noise), training=False)",
        "written = gan.generator((tf.concat(critic_given, 0), noise), training=True)",
    ),
    (
        test_noise_differs_between_the_players_and_between_iterations,
        "generator_batch, given, seeds[-1]",
        "generator_batch, given, seeds[0]",
    ),
]


def assert_noticed(test, right, wrong, folder):
    """See a test fail on a lesson with a mistake in it."""
    source = "\n\n".join(code_cells())
    assert source.count(right) == 1, f"The lesson no longer says {right!r} once; update this mistake."
    cell = {"cell_type": "code", "source": source.replace(right, wrong)}
    notebook = folder / "mistaken.ipynb"
    notebook.write_text(json.dumps({"cells": [cell]}))
    with pytest.raises((AssertionError, ValueError)):
        test(load_lesson(notebook))


@pytest.mark.parametrize(("test", "right", "wrong"), MISTAKES, ids=[wrong for *_, wrong in MISTAKES])
def test_a_plausible_mistake_is_noticed(test, right, wrong, tmp_path):
    assert_noticed(test, right, wrong, tmp_path)
