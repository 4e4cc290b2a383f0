"""Many replicas compute what one would: devices and workers in processes of their own train the real loop."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
import workers

from utils import path_utils
from utils.lesson.definitions import load_lesson
from utils.training.batches import batches, load_windows
from utils.training.replicas import (
    count_replicas,
    gather_from_workers,
    on_all_replicas,
)

CHECKPOINTS = "Experiments/2Bar/*/preload/checkpoint-*"
# A worker that dies is missed by the coordination service after some ten seconds without a heartbeat.
NOTICED = 60

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


# --- Shares ------------------------------------------------------------------


@cache
def grids():
    return load_windows(workers.ROOT / "dataset" / "train.npy")


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_parts_of_a_batch_make_up_the_batch(parts):
    def serve(number, **share):
        served = batches(grids(), 8, seed=3, transpose=True, start=27, **share)
        return list(served.take(number))

    whole = serve(3)
    assert len(grids()) < 8 * (27 + 3)  # an epoch ends meanwhile
    shares = [serve(3, parts=parts, served=range(part, part + 1)) for part in range(parts)]
    for batch, cuts in zip(whole, zip(*shares, strict=True), strict=True):
        np.testing.assert_array_equal(batch, tf.concat(cuts, 0))
    in_turn = serve(3 * parts, parts=parts, served=range(parts))  # as to a worker with all the devices
    np.testing.assert_array_equal(tf.concat(whole, 0), tf.concat(in_turn, 0))


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match=r"batch of 8 cannot be shared equally by 3 replicas.*multiple of 3"):
        batches(grids(), 8, seed=0, parts=3)


def test_on_one_device_nothing_is_changed():
    compiled = tf.function(lambda batches, iteration: iteration)
    assert on_all_replicas((), compiled, batches) == (compiled, batches)
    assert count_replicas() == 1 and gather_from_workers(7) == [7]


@pytest.mark.parametrize(
    ("task", "place"),
    [
        (None, (0, 1)),
        ({"type": "chief", "index": 0}, (0, 3)),
        ({"type": "worker", "index": 1}, (2, 3)),
        ({"type": "evaluator", "index": 0}, (0, 1)),
    ],
)
def test_a_worker_knows_its_place(task, place, monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "evaluator": ["d:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}) if task else "")
    assert path_utils.worker() == place


# --- Equality ----------------------------------------------------------------

DESCENT = {
    "descent": True,
    "transpose": True,
    "head": "voice_softmax",
    "reconstruction_weight": 0.1,
    "takes": 2,
    "diversity_weight": 5.0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("replicas")


@pytest.fixture(scope="module")
def alone(folder):
    return workers.trained(folder / "alone", **DESCENT)


@pytest.fixture(scope="module")
def pair(folder):
    return workers.trained(folder / "pair", workers=2, **DESCENT)


def difference(result, expected):
    """The largest difference of two weights, as a share of the largest weight."""
    pairs = zip(result["weights"], expected["weights"], strict=True)
    largest = max(np.abs(np.array(b)).max() for b in expected["weights"])
    return max(np.abs(np.array(a) - np.array(b)).max() for a, b in pairs) / largest


def assert_equal(result, expected, strategy, replicas):
    assert (result["strategy"], result["replicas"]) == (strategy, replicas)
    assert len(result["history"]["critic_loss"]) == 6
    for loss in ("critic_loss", "generator_loss"):
        np.testing.assert_allclose(result["history"][loss], expected["history"][loss], rtol=1e-4, atol=1e-5)
    assert difference(result, expected) < 1e-5


def test_two_devices_train_as_one(alone, folder):
    result = workers.trained(folder / "devices", devices=2, **DESCENT)
    assert_equal(result, alone, "MirroredStrategy", 2)


def test_what_is_too_small_to_share_is_trained_on_one_device():
    """The lesson's tiny critics, whose plain loop does not know of replicas."""
    program = """
        import utils.quiet_tensorflow
        import numpy as np
        import tensorflow as tf
        from utils import training_utils
        from utils.lesson.definitions import load_lesson

        cpu, = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = training_utils.choose_strategy()
        lesson = load_lesson()
        lesson.real, lesson.fake = (tf.fill((8, 1, 1, 1), heap) for heap in (2.0, -1.0))
        tiny = lesson.train_tiny_critic(10, steps=2)
        real, fake = (tiny(tf.constant([[heap]])).numpy().item() for heap in (2.0, -1.0))
        print(real > fake, tf.distribute.get_strategy() is strategy, training_utils.count_replicas())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=workers.ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "True", "2"], done.stderr


def test_two_devices_give_the_parts_that_one_would(folder):
    any_part = load_lesson().ANY_PART
    some_part = DESCENT | {"condition_track_idx": any_part, "generator": "in_every_key", "shared_batch": True}
    alone = workers.trained(folder / "alone-any-part", **some_part)
    result = workers.trained(folder / "devices-any-part", devices=2, **some_part)
    assert_equal(result, alone, "MirroredStrategy", 2)


def test_two_workers_train_as_one(alone, pair, folder):
    assert_equal(pair, alone, "CollectiveAllReduceStrategy", 2)
    other = workers.result(folder / "pair", 1)
    assert (
        other["weights"] == pair["weights"]
        and other["history"]["critic_loss"] == pair["history"]["critic_loss"]
    )


def test_only_the_chief_writes_what_all_share(pair, folder):
    written = {path.name for path in (folder / "pair" / "Experiments").iterdir()}
    assert written == {"2Bar", "worker-1"}
    assert len(list((folder / "pair").glob(CHECKPOINTS))) == 5
    assert not list((folder / "pair" / "Experiments" / "worker-1").rglob("checkpoint-*"))


@pytest.mark.slow
def test_four_workers_train_as_one(alone, folder):
    result = workers.trained(folder / "four", workers=4, **DESCENT)
    assert_equal(result, alone, "CollectiveAllReduceStrategy", 4)


# --- Failure -----------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_killed_worker_ends_the_job_loudly_and_the_next_start_loses_nothing(victim, pair, folder):
    place = folder / f"killed-{victim}"
    with workers.train(place, workers=2, pause=0.5, **DESCENT) as processes:
        wait_for(lambda: len(list(place.glob(CHECKPOINTS))) >= 2, processes)
        processes[victim].send_signal(signal.SIGKILL)
        began = time.monotonic()
        code = processes[1 - victim].wait(NOTICED)
        noticed = time.monotonic() - began
    assert code != 0
    assert "Collective ops is aborted" in workers.log(place, 1 - victim)
    began = time.monotonic()
    again = workers.trained(place, workers=2, **DESCENT)
    print(f"noticed after {noticed:.1f} s, done {time.monotonic() - began:.1f} s after the new start")
    assert all("Resumed from" in workers.log(place, index) for index in (0, 1))
    for key in ("critic_loss", "generator_loss"):
        assert again["history"][key] == pair["history"][key]
    assert again["weights"] == pair["weights"] and again["metrics"] == pair["metrics"]


@pytest.mark.slow
def test_when_one_worker_is_told_to_terminate_all_save_and_end(folder):
    place = folder / "terminated"
    with workers.train(place, workers=2, pause=0.5, iterations=1000, **DESCENT) as processes:
        wait_for(lambda: len(list(place.glob(CHECKPOINTS))) >= 2, processes)
        processes[1].send_signal(signal.SIGTERM)
        codes = [process.wait(30) for process in processes]
    assert codes == [1, 1]
    assert "all is saved" in workers.log(place)
    last = max(place.glob(CHECKPOINTS))
    history = json.loads((last / "history.json").read_text())["history"]
    assert f"Terminated after {len(history['critic_loss'])} of 1000" in workers.log(place)


def wait_for(condition, processes, seconds=120):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends and all(process.poll() is None for process in processes)
        time.sleep(0.05)
