"""The engine of the notebook itself, as the benchmark drives it."""

import keras
import numpy as np
import tensorflow as tf

from tests.benchmarks.tensorflow_port import square_matmul  # noqa: F401 (TensorFlow's is TensorFlow's)
from utils.lesson.definitions import load_lesson

SEED = (2, 3)


def interpolation(samples):
    """Draw what ``gradient_penalty`` draws from ``SEED``: float [sample, 1, 1, 1]."""
    return tf.random.stateless_uniform((samples, 1, 1, 1), SEED).numpy()


def noise(samples):
    """Draw what ``generator_step`` draws from ``SEED``: float [sample, bar=2, 8, 512]."""
    return tf.random.stateless_truncated_normal((samples, 2, 8, 512), SEED).numpy()


class Engine:
    """See ``worker.py`` for what is asked of an engine."""

    def __init__(self, config, precision):
        keras.config.set_dtype_policy(precision)
        self.lesson = load_lesson()
        self.config = self.lesson.Config(**config)
        self.gan = self.lesson.make_gan(self.config)
        self._train_iteration = self.lesson.make_train_iteration(self.gan, self.config)
        self._iteration = 0

    def load(self, generator, critic):
        self.gan.generator.set_weights(generator)
        self.gan.critic.set_weights(critic)

    def inspect(self, real, noise, epsilon):
        """Take each step once, with optimizers that only write down what they are given."""
        real, noise = tf.constant(real), tf.constant(noise)
        given = self.lesson.give(self.config, real)
        fake = self.gan.generator((given, noise), training=False)
        critic_notes, plain_notes, generator_notes = Notes(), Notes(), Notes()
        gan = self.gan._replace(critic_optimizer=critic_notes, generator_optimizer=generator_notes)
        plain = self.lesson.replace(self.config, penalty_weight=0.0)
        critic_loss, _ = self.lesson.critic_step(gan, self.config, real, fake, given, SEED)
        self.lesson.critic_step(gan._replace(critic_optimizer=plain_notes), plain, real, fake, given, SEED)
        generator_loss = self.lesson.generator_step(gan, self.config, real, given, SEED)
        found = {
            "fakes": fake,
            "critic loss": critic_loss,
            "generator loss": generator_loss,
            **{f"critic gradient {i}": g for i, g in enumerate(critic_notes.gradients)},
            "penalty gradient": critic_notes.gradients[2] - plain_notes.gradients[2],
            **{f"generator gradient {i}": g for i, g in enumerate(generator_notes.gradients)},
            "moving variance": self.gan.generator.non_trainable_variables[5],
        }
        return {name: np.asarray(value) for name, value in found.items()}

    def iterate(self, batches):
        *losses, _ = self._train_iteration([tf.constant(b) for b in batches], tf.constant(self._iteration))
        self._iteration += 1
        return tuple(map(float, losses))


class Notes:
    """Stands where an optimizer stands, and keeps the gradients."""

    def apply(self, gradients, variables):
        self.gradients = list(gradients)
