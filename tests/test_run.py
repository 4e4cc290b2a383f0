import base64
import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg

from utils import inference_utils
from utils.lesson.definitions import load_lesson
from utils.networks import heads, layers, store
from utils.training import device, live_view
from utils.training.checkpoints import CheckpointStore
from utils.training.run import Run, run_name

ROOT = Path(__file__).parent.parent
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@dataclass(frozen=True)
class Config:
    learning_rate: float = 0.5
    shape: tuple = (2, 3)
    iterations: int = 10
    save_every: int = 2


def make_networks(units=3):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)], name="network")
    optimizer = keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    return {"network": network, "optimizer": optimizer}


def start(folder, config=Config(), networks=None, name="run"):
    return Run(name, config, networks or make_networks(), folder)


def weight(run):
    return float(run._networks["network"].weights[0][0, 0])


def train(run, iterations, save_every=2, loss=0.5, at=None):
    """Count up in the first weight; ``at(iteration)`` may do harm."""
    kernel = run._networks["network"].weights[0]
    for iteration in run.until(iterations):
        kernel.assign(tf.fill(kernel.shape, float(iteration)))
        if at:
            at(iteration)
        run.log(loss, tf.constant(loss + iteration))
        run.measure(np.ones((2, 32, 128, 4)))
        if iteration % save_every == 0:
            run.save()


def files(run, pattern="*"):
    """All in the folder of checkpoints but what keeps other processes out."""
    return sorted(
        path for path in run.dirs["preload"].rglob(pattern) if path.name not in (".lock", ".holder.json")
    )


def checkpoints(run):
    return [path.name for path in files(run) if path.parent == run.dirs["preload"]]


# --- Saving and going on -----------------------------------------------------


def test_five_checkpoints_are_kept_and_nothing_else(tmp_path):
    run = start(tmp_path)
    train(run, 20)
    assert checkpoints(run) == [f"checkpoint-{n:06d}" for n in (13, 15, 17, 19, 20)]


def test_no_more_than_a_minute_of_work_is_lost_with_a_killed_process(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.training.run.LONGEST_UNSAVED", 0.2)
    run = start(tmp_path)

    def at(iteration):
        if iteration == 2:
            time.sleep(0.3)
        if iteration == 4:
            raise KeyError("killed")

    with pytest.raises(KeyError):
        train(run, 10, save_every=1000, at=at)
    assert checkpoints(run) == ["checkpoint-000001", "checkpoint-000003"]


def test_a_run_goes_on_where_it_stood(tmp_path, capsys):
    first = start(tmp_path)
    train(first, 6)
    optimizer = first._networks["optimizer"]
    optimizer.iterations.assign(42)
    first.save()
    second = start(tmp_path)
    assert "Resumed from" in capsys.readouterr().out
    assert second.iteration == 6 and weight(second) == 5.0
    assert int(second._networks["optimizer"].iterations) == 42
    assert second.history == first.history
    assert second.history["generator_loss"] == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert {len(column) for column in second.history.values()} == {6}
    assert second.metrics.metrics()["iteration"].tolist() == list(range(6))
    train(second, 8)
    assert second.iteration == 8 and {len(column) for column in second.history.values()} == {8}


def test_slopes_are_noted_and_unknown_in_older_checkpoints(tmp_path):
    run = start(tmp_path)
    for _ in run.until(2):
        run.log(1.0, 2.0, tf.constant(1.25))
    file = run.dirs["preload"] / "checkpoint-000002" / "history.json"
    state = json.loads(file.read_text())
    assert state["history"].pop("critic_slope") == [1.25, 1.25]
    file.write_text(json.dumps(state))
    again = start(tmp_path)
    train(again, 3)
    assert again.history["critic_slope"] == [None, None, None]
    assert {len(column) for column in again.history.values()} == {3}


def test_a_finished_run_does_nothing(tmp_path):
    train(start(tmp_path), 4)
    again = start(tmp_path)
    before = [(path, path.stat().st_mtime_ns) for path in files(again)]
    train(again, 4, at=lambda _: pytest.fail("trained on"))
    assert [(path, path.stat().st_mtime_ns) for path in files(again)] == before


def test_every_iteration_must_be_logged_once(tmp_path):
    run = start(tmp_path)
    with pytest.raises(RuntimeError, match=r"run\.log"):
        for _ in run.until(3):
            pass


def test_a_checkpoint_has_its_name_only_when_it_is_whole(tmp_path, monkeypatch):
    run = start(tmp_path)
    train(run, 2)
    seen = []
    before_history_is_written(monkeypatch, lambda _: seen.append(checkpoints(run)))
    train(run, 3)
    assert seen == [[".checkpoint-000003.part", "checkpoint-000001", "checkpoint-000002"]]
    assert "checkpoint-000003" in checkpoints(run)


def before_history_is_written(monkeypatch, do):
    """Let ``do(folder)`` look at every checkpoint that is half written."""
    write = Path.write_text

    def write_text(path, text):
        if path.name == "history.json":
            do(path.parent)
        write(path, text)

    monkeypatch.setattr(Path, "write_text", write_text)


def test_what_a_killed_save_left_is_cleared_away(tmp_path):
    run = start(tmp_path)
    train(run, 2)
    left = run.dirs["preload"] / ".checkpoint-000003.part"
    left.mkdir()
    (left / "networks.data-00000-of-00001").write_bytes(b"half")
    assert start(tmp_path).iteration == 2
    assert not left.exists()


DAMAGE = {
    "truncated data": lambda folder: cut(folder / "networks.data-00000-of-00001"),
    "altered data": lambda folder: alter(folder / "networks.data-00000-of-00001"),
    "truncated history": lambda folder: cut(folder / "history.json"),
    "missing history": lambda folder: (folder / "history.json").unlink(),
    "missing index": lambda folder: (folder / "networks.index").unlink(),
    "truncated index": lambda folder: cut(folder / "networks.index"),
    "missing data": lambda folder: (folder / "networks.data-00000-of-00001").unlink(),
}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def alter(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_reported_and_the_one_before_used(tmp_path, capsys, damage):
    run = start(tmp_path)
    train(run, 6)
    DAMAGE[damage](run.dirs["preload"] / "checkpoint-000006")
    again = start(tmp_path)
    report = capsys.readouterr().out
    assert "checkpoint-000006 is damaged" in report and "Resumed from" in report.splitlines()[-1]
    assert again.iteration == 5 and weight(again) == 4.0
    train(again, 7)
    assert start(tmp_path).iteration == 7


def test_damaged_checkpoints_change_no_weight_and_crowd_out_no_good_one(tmp_path):
    run = start(tmp_path)
    train(run, 20)
    for name in checkpoints(run):
        cut(run.dirs["preload"] / name / "networks.data-00000-of-00001")
    again = start(tmp_path)
    fresh = make_networks()["network"]
    assert again.iteration == 0 and weight(again) == float(fresh.weights[0][0, 0])
    train(again, 3)
    assert start(tmp_path).iteration == 3


def test_networks_of_another_shape_are_refused(tmp_path):
    train(start(tmp_path), 2)
    with pytest.raises(ValueError, match=r"checkpoint-000002 holds other networks.*another name"):
        start(tmp_path, networks=make_networks(units=5))
    bigger = make_networks() | {"critic": make_networks()["network"]}
    with pytest.raises(ValueError, match="holds other networks"):
        start(tmp_path, networks=bigger)
    assert start(tmp_path).iteration == 2


@contextmanager
def full_disk(size):
    """No file may grow beyond ``size`` bytes, as on a disk that has no more room."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_full_disk_leaves_the_last_good_state_and_says_what_to_do(tmp_path, size, capsys):
    networks = make_networks(units=30_000)  # half a megabyte
    run = start(tmp_path, networks=networks)
    train(run, 3)
    with full_disk(size), pytest.raises(OSError, match="could not be written") as error:
        train(run, 4)
    message = str(error.value)
    assert "checkpoint-000004" in message and "Free some space and run again" in message
    assert f"last good checkpoint: {run.dirs['preload'] / 'checkpoint-000003'}" in message
    assert checkpoints(run)[-1] == "checkpoint-000003"
    assert not any(name.endswith(".part") for name in checkpoints(run))
    again = start(tmp_path, networks=make_networks(units=30_000))
    assert again.iteration == 3 and weight(again) == 2.0
    train(run, 4)  # once there is room, the same run goes on too
    assert start(tmp_path, networks=make_networks(units=30_000)).iteration == 4


# --- Configs -----------------------------------------------------------------


def test_a_changed_config_is_named_field_by_field(tmp_path):
    start(tmp_path)
    start(tmp_path, replace(Config(), iterations=99, save_every=1))
    with pytest.raises(ValueError, match=r"learning_rate was 0\.5, is 0\.25.*another name") as error:
        start(tmp_path, replace(Config(), learning_rate=0.25))
    assert "shape" not in str(error.value) and "iterations" not in str(error.value)
    description = json.loads((tmp_path / "run" / "run.json").read_text())
    assert description["config"]["learning_rate"] == 0.5
    assert set(description) == {"config", "versions", "revision"}


def test_names_tell_configs_apart_but_not_how_far_they_go(lesson):
    config = lesson.CLASSIC
    changed = {"str": "x", "int": 7, "float": 0.123, "bool": True}
    variants = [
        replace(config, **{field.name: changed[getattr(field.type, "__name__", field.type)]})
        for field in config.__dataclass_fields__.values()
        if field.name not in ("iterations", "save_every", "test_every")
    ]
    names = {run_name("a", variant) for variant in [config, *variants]}
    assert len(names) == len(variants) + 1 > 10
    further = replace(config, iterations=5, save_every=1, test_every=7)
    assert run_name("a", further) == run_name("a", config)
    assert run_name("b", config) not in names
    assert all(name.startswith("a-") and len(name) == 8 for name in names)


# --- Stopping ----------------------------------------------------------------


def test_an_interrupt_ends_after_the_iteration_with_everything_saved(tmp_path, capsys):
    handler = signal.getsignal(signal.SIGINT)
    run = start(tmp_path)
    train(run, 10, save_every=100, at=lambda n: n == 3 and signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is handler
    assert "Interrupted after 4 of 10" in capsys.readouterr().out
    again = start(tmp_path)
    assert again.iteration == 4 and weight(again) == 3.0
    train(again, 10)
    assert again.iteration == 10


def test_an_interrupt_that_comes_while_the_workers_confer_is_not_lost(tmp_path, monkeypatch):
    run, said = start(tmp_path), []

    def confer(value):
        said.append(value)
        if len(said) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return [value, 0]

    monkeypatch.setattr("utils.training.run.gather_from_workers", confer)
    train(run, 10)
    assert run.iteration == 2 and said == [0, 0, signal.SIGINT, signal.SIGINT]


def test_a_second_interrupt_ends_at_once(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    run = start(tmp_path)

    def insist(iteration):
        if iteration == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(run, 10, at=insist)
    assert run.iteration == 3 and signal.getsignal(signal.SIGINT) is handler
    assert start(tmp_path).iteration == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_and_spares_the_checkpoints(tmp_path, capsys, bad):
    run = start(tmp_path)
    train(run, 3)
    before = checkpoints(run)
    train(run, 10, save_every=1, loss=bad)
    assert run.iteration == 4  # noted, but no further
    report = capsys.readouterr().out
    assert "No checkpoint after 4 iterations" in report and "training stopped" in report
    assert checkpoints(run) == before
    assert start(tmp_path).iteration == 3


def test_weights_that_are_no_numbers_are_not_saved(tmp_path, capsys):
    run = start(tmp_path)
    train(run, 3)
    bias = run._networks["network"].weights[1]
    train(run, 5, save_every=1, at=lambda _: bias.assign(tf.fill(bias.shape, np.nan)))  # losses still finite
    assert "No checkpoint after 4 iterations" in capsys.readouterr().out
    again = start(tmp_path)
    assert again.iteration == 3 and np.isfinite(again._networks["network"].weights[1].numpy()).all()


# --- Two at once -------------------------------------------------------------


def launch(work, *arguments):
    # One server imports TensorFlow once; processes fork from it before it has computed anything.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["utils.inference_utils", "utils.training_utils"])
    process = context.Process(target=work, args=arguments)
    process.start()
    return process


@contextmanager
def elsewhere(work, folder):
    """Let another process ``work(folder, say)``; gives the process and what it says first."""
    hear, say = multiprocessing.Pipe(duplex=False)
    process = launch(work, folder, say)
    try:
        assert hear.poll(60)
        yield process, hear.recv()
    finally:
        process.kill()
        process.join()


def open_run(folder, say):
    try:
        start(folder)
        say.send("opened")
    except RuntimeError as error:
        say.send(str(error))


def train_further(folder, say):
    run = start(folder)
    train(run, run.iteration + 2)
    say.send(run.iteration)


def hold_run(folder, say):
    with CheckpointStore(folder / "run" / "preload", {}).locked():
        say.send("held")
        time.sleep(60)


@needs_signals
def test_a_run_that_is_being_trained_is_not_opened_by_another_process(tmp_path, monkeypatch):
    run, said = start(tmp_path), []

    def meanwhile(unfinished):
        with elsewhere(open_run, tmp_path) as (_, answer):
            said.append(answer)
        assert any(unfinished.iterdir())

    before_history_is_written(monkeypatch, meanwhile)
    train(run, 3, save_every=100)
    assert len(said) == 2  # at the first save and at the last
    assert all(f"being trained by process {os.getpid()} on " in answer for answer in said)
    assert checkpoints(run) == ["checkpoint-000001", "checkpoint-000003"]
    again = start(tmp_path)
    assert again.iteration == 3 and weight(again) == 2.0


@needs_signals
def test_a_run_that_another_process_has_trained_further_is_not_trained_from_before(tmp_path):
    run = start(tmp_path)
    train(run, 2)
    with elsewhere(train_further, tmp_path) as (_, iteration):
        assert iteration == 4
    before = checkpoints(run)
    with pytest.raises(RuntimeError, match=r"checkpoint-000004, this run is at 2\. Start the run again"):
        train(run, 10)
    assert run.iteration == 2 and checkpoints(run) == before
    again = start(tmp_path)
    assert again.iteration == 4
    train(again, 5)
    assert checkpoints(run)[-1] == "checkpoint-000005"


def test_an_error_in_the_loop_keeps_nobody_of_the_same_process_out(tmp_path):
    run = start(tmp_path)

    def fail(iteration):
        if iteration == 2:
            raise KeyError("a mistake")

    with pytest.raises(KeyError):
        train(run, 10, at=fail)
    left = run.until(10)  # an iteration that is never done, whose loop nobody has closed
    next(left)
    again = start(tmp_path)
    train(again, 4)
    assert start(tmp_path).iteration == 4


@needs_signals
def test_the_lock_of_a_killed_process_is_free(tmp_path):
    run = start(tmp_path)
    with elsewhere(hold_run, tmp_path) as (holder, _):
        for attempt in (lambda: start(tmp_path), lambda: train(run, 1), run.save):
            with pytest.raises(RuntimeError, match=f"being trained by process {holder.pid} on "):
                attempt()
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        train(start(tmp_path), 1)
    assert checkpoints(run) == ["checkpoint-000001"]


# --- What the monitor says ---------------------------------------------------

ROLLS = np.full((3, 32, 128, 4), -1.0)
ROLLS[:, :, 60] = 1.0
ROLLS[0, :, 64, 2] = 1.0


def losses(critic, generator=None):
    generator = np.zeros(len(critic)) if generator is None else generator
    return {"critic_loss": list(critic), "generator_loss": list(generator)}


HEALTHY = np.sin(np.arange(300.0))
SICK = {
    "not a number": (losses([*HEALTHY, np.nan]), ROLLS),
    "explodes": (losses(HEALTHY, [*HEALTHY[:-1], -2e4]), ROLLS),
    "stopped learning": (losses([*HEALTHY, *[0.3] * 100]), ROLLS),
    "silent: of 4 samples, soprano in 1, alto in 1, tenor in 1, bass in 1": (
        losses(HEALTHY),
        np.concatenate([ROLLS, np.full((1, 32, 128, 4), -1.0)]),
    ),
    "silent: of 3 samples, bass in 3": (losses(HEALTHY), np.where(np.arange(4) == 3, -1.0, ROLLS)),
    "collapsed": (losses(HEALTHY), np.repeat(ROLLS[:1], 3, axis=0)),
}


@pytest.mark.parametrize("word", SICK)
def test_sickness_is_named(word):
    history, samples = SICK[word]
    findings = live_view.diagnose(history, samples)
    assert len(findings) == 1 and word in findings[0]


def test_a_generator_loss_that_is_no_number_counts_too():
    assert live_view.diverged(losses([0.0], [np.inf])) and live_view.diverged(losses([np.nan]))


@pytest.mark.parametrize(
    ("history", "samples"),
    [
        (losses([]), None),
        (losses([0.3]), ROLLS),
        (losses([0.3] * 99), ROLLS),  # too early to call it stuck
        (losses(HEALTHY), None),
        (losses(HEALTHY), ROLLS[:1]),  # one sample has nothing to be equal to
        (losses([1e5, *HEALTHY[:100]]), ROLLS),  # long past
        (losses([*[0.3] * 100, *HEALTHY]), ROLLS),
    ],
)
def test_health_is_passed_over_in_silence(history, samples):
    assert live_view.diagnose(history, samples) == []


def test_samples_that_differ_in_the_melody_alone_have_collapsed():
    samples = np.repeat(ROLLS[:1], 2, axis=0)
    samples[1, :, 72, 0] = 1.0
    assert "collapsed" in live_view.diagnose(losses(HEALTHY), samples)[0]


class Screen:
    """Takes pictures as a notebook's display handle does."""

    def __init__(self):
        self.pictures, self.metadata = [], []

    def update(self, picture, metadata, raw):
        assert raw
        self.pictures.append(picture)
        self.metadata.append(metadata)


def view_of(tmp_path, length, pause=0.0):
    run = start(tmp_path, name=f"run-{length}")
    rng = np.random.default_rng(0)
    run.history = {name: rng.normal(size=length).tolist() for name in run.history}
    view = live_view.LiveView(run, 2 * length)
    view._handle, view.LEAST_PAUSE = Screen(), pause
    return view


@pytest.mark.alone
def test_drawing_costs_the_same_however_long_the_history(tmp_path):
    def cost(length):
        view = view_of(tmp_path, length)
        times = []
        for _ in range(4):
            begun = time.process_time()
            view.finish()
            times.append(time.process_time() - begun)
        return min(times)

    assert cost(100_000) < 2 * cost(1_000)


def test_a_long_history_keeps_its_scale(tmp_path):
    view = view_of(tmp_path, 100_000)
    axis = view._figure(view._progress(), [], []).axes[0]
    assert all(len(line.get_xdata()) <= 1001 for line in axis.lines)
    place = axis.lines[0].get_xdata()[-1]
    assert 99_800 <= int(axis.xaxis.get_major_formatter()(place, None).replace(",", "")) <= 100_000


def test_every_picture_of_the_view_has_the_same_size_and_axes(tmp_path):
    view = view_of(tmp_path, 0)
    view._draw()
    view._run.history = {name: [0.1, 1e6] for name in view._run.history}
    view._run.samples = np.repeat(ROLLS[:1], 2, axis=0)  # two warnings
    view._draw()
    before, after = view._handle.pictures
    pngs = [base64.b64decode(picture["image/png"]) for picture in (before, after)]
    shapes = [plt.imread(io.BytesIO(png)).shape for png in pngs]
    assert shapes[0] == shapes[1]
    assert f'width="{shapes[1][1]}" height="{shapes[1][0]}"' in after["text/html"]
    figures = [view._figure("", findings, []) for findings in ([], ["one", "two", "three"])]
    places = [[axis.get_position().bounds for axis in figure.axes] for figure in figures]
    assert places[0] == places[1]


def test_the_view_says_how_far_what_is_wrong_and_what_it_sounds_like(tmp_path):
    view = view_of(tmp_path, 10)
    view._run.history["critic_loss"][-1] = float("nan")
    view._run.samples = ROLLS
    view._run.note_test({"conditioning gap": 0.25, "accuracy": 0.5}, {"conditioning gap": 0.625})
    view._draw()
    assert view._handle.metadata[0]["iterations"] == [10, 20]  # for the bar in the terminal
    alt = view._handle.metadata[0]["image/png"]["alt"]
    assert f'alt="{alt}"' in view._handle.pictures[0]["text/html"]
    assert "10 of 20 iterations" in alt and "conditioning gap 0.25, accuracy 0.50. A loss is not a num" in alt
    figure = view._figure(view._progress(), ["Something is wrong."], [])
    assert "Warning: Something is wrong." in [text.get_text() for text in figure.texts]
    _, tests, sample = figure.axes
    assert [line.get_ydata()[-1] for line in tests.lines] == [0.25, 0.5, 0.625]  # Bach's beside them
    assert len(sample.collections) >= ROLLS.shape[-1]
    assert "sample" in sample.get_xlabel()


def test_a_generator_that_falls_silent_is_told_of_then_and_afterwards(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(live_view.LiveView, "LINES_PAUSE", 0.0)
    monkeypatch.setattr(live_view.LiveView, "SHARE_OF_TIME", 1e9)  # a line each iteration
    run = start(tmp_path)
    silent = np.full(ROLLS.shape, -1.0)
    bass_rests = np.where(np.arange(4) == 3, -1.0, ROLLS)
    heard = ROLLS, silent, bass_rests, ROLLS
    for iteration in run.until(len(heard)):
        run.log(0.0, 0.0)
        run.measure(heard[iteration])
    sings, rests, sang, again, last = capsys.readouterr().out.splitlines()
    assert "ilent" not in sings
    assert "Voices are silent: of 3 samples, soprano in 3, alto in 3, tenor in 3, bass in 3." in rests
    assert "Voices are silent: of 3 samples, bass in 3." in sang
    past = "Silent in half of the bars or more, at iterations: soprano 1, alto 1, tenor 1, bass 1 to 2."
    assert past in again and past in last and "Voices are silent" not in again
    view = view_of(tmp_path, 10)
    view._run.samples, view._run.metrics = ROLLS, run.metrics
    view._draw()
    assert past in view._handle.metadata[0]["image/png"]["alt"]
    told = view._figure("", [], live_view.look_back(run.metrics, 4)).texts[1].get_text()
    assert told.replace("\n", " ") == f"Nothing unusual now. {past}"


@pytest.mark.parametrize("largest", [0.001, 5.0, 3e5])
def test_labels_of_the_view_lie_inside_it(tmp_path, largest):
    view = view_of(tmp_path, 1000)
    view._run.history = {name: (largest * np.sin(np.arange(1000))).tolist() for name in view._run.history}
    view._run.samples = ROLLS
    past = ["Silent in half of the bars or more, at iterations: " + "soprano 1000 to 2000, " * 6]
    silent = "Voices are silent: of 10 samples, " + ", ".join(f"track {n} in 10" for n in range(6))
    for findings in (
        [],
        [silent, "The critic's loss has not moved for 100 iterations: it has stopped learning."],
    ):
        figure = view._figure(view._progress(), findings, past)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        (left, bottom), (right, top) = figure.get_tightbbox(canvas.get_renderer()).get_points() * figure.dpi
        assert left >= 0 and bottom >= 0 and right <= figure.bbox.width and top <= figure.bbox.height
        said, axes = figure.texts[1].get_window_extent(), [ax.get_tightbbox() for ax in figure.axes]
        assert not any(said.overlaps(box) for box in axes)


def test_the_time_left_leaves_the_first_iteration_out(tmp_path, monkeypatch):
    view = view_of(tmp_path, 0)
    view._iterations, now = 13, [view._started]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert "not known" in view._progress()
    for seconds in (60.0, 1.0, 1.0):  # compiled in the first
        now[0] += seconds
        for losses_so_far in view._run.history.values():
            losses_so_far.append(0.0)
        view.update()
    assert view._progress().endswith("3 of 13 iterations, 1:02 gone, 0:10 left")


def test_the_view_takes_no_more_than_its_share_of_the_time(tmp_path, monkeypatch):
    view = view_of(tmp_path, 10)
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    view._next = 0.0
    monkeypatch.setattr(view, "_draw", lambda: now.__setitem__(0, now[0] + 0.1))
    drawn = 0
    while now[0] < 100:  # iterations of a tenth of a second, drawings of another
        before = now[0]
        view.update()
        drawn += now[0] > before
        now[0] += 0.1
    assert 0.015 < drawn * 0.1 / 100 <= 0.021


# --- Trained networks on disk ------------------------------------------------


def small_generator(dtype):
    keras.utils.set_random_seed(1)
    x = melody = keras.Input((None, 8, 1))
    x = keras.layers.Conv2D(4, 4, strides=2, padding="same", dtype=dtype)(x)
    x = keras.layers.BatchNormalization(dtype=dtype)(x)
    x = layers.UpsampleConv2D(3, dtype=dtype)(x)
    return keras.Model(melody, heads.output_head("voice_softmax")(x), name="generator")


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_networks_survive_the_file_in_half_the_room(tmp_path, dtype):
    model = small_generator(dtype)
    store.save_network(tmp_path / "small.npz", model)
    with np.load(tmp_path / "small.npz", allow_pickle=False) as file:
        assert {file[key].dtype for key in file.files if key != "architecture"} == {np.dtype(np.float16)}
    back = store.load_network(tmp_path / "small.npz")
    assert {layer.compute_dtype for layer in back.layers} == {"float32"}
    for one, other in zip(model.get_weights(), back.get_weights(), strict=True):
        assert other.dtype == np.float32 and np.allclose(one, other, rtol=1e-3, atol=1e-6)
    melody = np.random.default_rng(0).normal(size=(2, 6, 8, 1)).astype(np.float32)
    plain = small_generator("float32")
    plain.set_weights(back.get_weights())
    assert np.array_equal(back.predict(melody, verbose=0), plain.predict(melody, verbose=0))


class Bomb:
    """Leaves a file behind if anybody unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("shipped", "cure"),
    [(True, "git checkout pretrained"), (False, "Check the name, or store a network there")],
)
def test_bad_network_files_are_named_with_a_cure(tmp_path, monkeypatch, shipped, cure):
    if shipped:
        monkeypatch.setattr(store, "PRETRAINED_DIR", tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"none\.npz is missing.*{cure}"):
        store.load_network(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no network")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.savez(tmp_path / "pickled.npz", architecture=np.array([Bomb(tmp_path / "exploded")], object))
    store.save_network(tmp_path / "cut.npz", small_generator("float32"))
    cut(tmp_path / "cut.npz")
    for name in ("text", "other", "pickled", "cut"):
        with pytest.raises(ValueError, match=rf"{name}\.npz holds no network.*save_network.*{cure}"):
            store.load_network(tmp_path / f"{name}.npz")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("value", [np.nan, 1e5])
def test_weights_beyond_half_precision_are_not_written(tmp_path, value):
    model = make_networks()["network"]
    model.set_weights([np.full((4, 3), value), np.zeros(3)])
    with pytest.raises(ValueError, match="network has weights"):
        store.save_network(tmp_path / "bad.npz", model)
    assert not any(tmp_path.iterdir())


def test_the_device_is_named():
    assert device.describe_device()
    assert device.choose_precision() in ("float32", "mixed_bfloat16")
    assert device.versions()["keras"] == keras.__version__


# --- Exactness: the real lesson, killed --------------------------------------

KILLS = int(os.environ.get("KILLS", "4"))  # more of them for a longer trial
ITERATIONS = 8 * (KILLS + 2)
CHECKPOINTS = "Experiments/2Bar/*/preload/checkpoint-*"
UNFINISHED = "Experiments/2Bar/*/preload/.checkpoint-*.part"


def train_lesson(folder):
    """Train the lesson of the notebook in a folder: what each process does."""
    os.chdir(folder)
    sys.stdout = Path("log.txt").open("a", buffering=1)  # noqa: SIM115 (open until the process ends)
    lesson = load_lesson()
    config = replace(
        lesson.PRESETS["smoke"],
        data=str(ROOT / "dataset" / "train.npy"),
        valid=str(ROOT / "dataset" / "valid.npy"),
        filters=2,
        batch_size=4,
        critic_steps=2,
        iterations=ITERATIONS,
        save_every=2,
    )
    samples = inference_utils.load_melody_samples(n_sample=4, seed=config.seed, path=config.valid)
    # Drawing takes a second. A little time it must take, or a fast machine is done before it is killed.
    lesson.display_utils = SimpleNamespace(plot_pianoroll=lambda *_, **__: time.sleep(0.05))
    gan, run = lesson.start_run("lesson", config)
    lesson.train(gan, run, config, *samples)
    weights = b"".join(w.tobytes() for w in gan.generator.get_weights() + gan.critic.get_weights())
    result = {
        "critic_loss": run.history["critic_loss"],
        "generator_loss": run.history["generator_loss"],
        "metrics": run.metrics.state(),
        "tests": run.tests,
        "weights": hashlib.sha256(weights).hexdigest(),
    }
    if run.iteration == config.iterations:
        Path("result.json").write_text(json.dumps(result))


def stop_underway(folder, number, during_save=False, delay=0.0):
    """Train until one checkpoint more is there, and stop the process with a signal."""
    process = launch(train_lesson, folder)

    def wait_for(condition):
        while process.is_alive() and not condition():
            time.sleep(0.0005)

    before = max(folder.glob(CHECKPOINTS), default=folder)
    wait_for(lambda: max(folder.glob(CHECKPOINTS), default=folder) != before)
    if during_save:
        wait_for(lambda: any(folder.glob(UNFINISHED)))
    time.sleep(delay)
    os.kill(process.pid, number)
    process.join()
    return process.exitcode


@pytest.mark.alone
@needs_signals
def test_killed_training_goes_on_as_if_nothing_had_been_bit_for_bit(tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir(), stopped.mkdir()
    reference = launch(train_lesson, whole)
    rng, killed, unfinished = random.Random(0), 0, 0
    for kill in range(KILLS):
        during_save = kill % 2 == 1
        delay = rng.uniform(0, 0.005 if during_save else 0.1)
        killed += stop_underway(stopped, signal.SIGKILL, during_save, delay) == -signal.SIGKILL
        unfinished += any(stopped.glob(UNFINISHED))
    assert stop_underway(stopped, signal.SIGINT) == 0
    last = launch(train_lesson, stopped)
    last.join(), reference.join()
    log = (stopped / "log.txt").read_text()
    print(f"{killed} kills, {unfinished} of them during a save, {log.count('Resumed from')} resumes")
    assert killed == KILLS
    assert "Interrupted after" in log and "damaged" not in log
    assert log.count("Resumed from") == KILLS + 1
    assert unfinished or KILLS < 2
    expected, found = (json.loads((folder / "result.json").read_text()) for folder in (whole, stopped))
    assert len(set(expected["critic_loss"])) == ITERATIONS
    assert found == expected
