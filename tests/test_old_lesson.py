"""The helpers under the names and arguments that readers of the old lesson know."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from utils import display_utils, inference_utils, metrics_utils, midi_utils, path_utils

ROOT = Path(__file__).parent.parent


@pytest.fixture
def generator(lesson):
    tf.keras.utils.set_random_seed(0)
    return lesson.build_generator(lesson.PRESETS["smoke"])


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """The old lesson runs where its data is, and makes its folders itself."""
    for name in ("dataset", "original_midi", "input_twinkle_twinkle.mid"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    folders = {kind: os.path.join("./Experiments", "2Bar", kind) for kind in ("train", "sample", "eval")}  # noqa: PTH118 (old cells pass str)
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    return folders


def test_the_old_cells_run(generator, experiment):
    display_utils.playmidi("./original_midi/MIDI-0.mid")
    training_data = np.load("./dataset/train.npy")
    display_utils.show_pianoroll(training_data)

    sample_x, sample_z = inference_utils.load_melody_samples(n_sample=10)
    sample_c = tf.expand_dims(sample_x[..., 0], -1)
    metrics_utils.metrics_manager.initialize()
    for iteration in (0, 50):
        fake_sample_x = generator((sample_c, sample_z), training=False)
        metrics_utils.metrics_manager.append_metrics_for_iteration(fake_sample_x.numpy(), iteration)
        fake_sample_x = fake_sample_x.numpy()
        display_utils.plot_pianoroll(iteration, sample_x[:4], fake_sample_x[:4], save_dir=experiment["train"])
        destination_path = path_utils.generated_midi_path_for_iteration(
            iteration, saveto_dir=experiment["sample"]
        )
        midi_utils.save_pianoroll_as_midi(fake_sample_x[:4], destination_path=destination_path)

    losses = [tf.constant(1.0), tf.constant(-2.0)]
    display_utils.plot_loss_logs(losses, losses, figsize=(15, 5), smoothing=0.01)
    metrics_utils.metrics_manager.set_reference_metrics(training_data)
    metrics_utils.metrics_manager.plot_metrics()
    display_utils.playmidi(Path(experiment["sample"]) / "iteration-50.mid")
    assert (Path(experiment["train"]) / "sample_iteration_00050.png").is_file()
    display_utils.make_training_video(experiment["train"])
    assert Path("movie.mp4").is_file()

    latest_midi = inference_utils.generate_midi(
        generator, experiment["eval"], input_midi_file="./input_twinkle_twinkle.mid"
    )
    display_utils.playmidi(latest_midi)
    inference_utils.show_generated_pianorolls(
        generator, experiment["eval"], input_midi_file="./input_twinkle_twinkle.mid"
    )
