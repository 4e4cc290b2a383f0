"""The lesson as a job: what its processes do when they are left alone with a log and a deadline."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
import workers

from utils.networks.store import load_network

ROOT = workers.ROOT
LAST = "c810f412"  # the cell that trains
KEPT_LATER = ("3bbadc24", "6643290c")  # takes the run up again; stores the networks
LEFT_OUT = ("5bc4e12d", "2b8547d1")  # build the classic networks as well
PATIENCE = 300

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project whose notebook ends with the training, and has little to train."""
    folder = tmp_path_factory.mktemp("job") / "project"
    left_behind = shutil.ignore_patterns(".git", ".venv", "Experiments", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=left_behind)
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    end = [cell.id for cell in code].index(LAST) + 1
    notebook.cells = [
        cell
        for index, cell in enumerate(code)
        if (index < end and not workers.shows_only(cell.source) and cell.id not in LEFT_OUT)
        or cell.id in KEPT_LATER
    ]
    for cell in notebook.cells:
        cell.source = cell.source.replace("(CLASSIC, filters=4, ", "(CLASSIC, filters=2, critic_steps=1, ")
    nbformat.write(notebook, folder / "notebook.ipynb")
    return folder


@contextlib.contextmanager
def started(command, log, prefix=(), **options):
    """A process that is gone, with all that it has started, when the block ends."""
    with log.open("a") as file:
        command = [*prefix, sys.executable, *command]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        process.kill()
        process.wait()


# --- Told to terminate -------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("told", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_job_that_is_told_to_end_saves_and_is_gone_within_30_seconds(told, project, tmp_path):
    place, log = tmp_path / "experiments", tmp_path / "log.txt"
    command = ["-m", "utils.run_notebook", "--job", "--preset", "smoke", "--iterations", "100000"]
    env = workers.environment(EXPERIMENTS_DIR=str(place))
    checkpoints = "2Bar/smoke-*/preload/checkpoint-*"
    with started([*command, "--tensorboard", str(tmp_path / "board")], log, cwd=project, env=env) as process:
        ends = time.monotonic() + PATIENCE
        while not list(place.glob(checkpoints)):
            assert process.poll() is None and time.monotonic() < ends, log.read_text()
            time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family  # the kernel
        process.send_signal(told)
        began = time.monotonic()
        code = process.wait(30)
        _, alive = psutil.wait_procs(family, timeout=max(0, 30 - (time.monotonic() - began)))
        print(f"gone after {time.monotonic() - began:.1f} s")
        assert alive == []
    assert code == 128 + told
    text = log.read_text()
    assert "all is saved" in text and "iterations, " in text  # progress, in lines
    history = json.loads((max(place.glob(checkpoints)) / "history.json").read_text())["history"]
    assert f"Terminated after {len(history['critic_loss'])} of 100000" in text
    assert board_tags(tmp_path / "board") >= {
        "critic_loss",
        "generator_loss",
        "real and generated",
        "generated",
    }


def board_tags(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    (run,) = folder.iterdir()
    events = accumulator.EventAccumulator(str(run))
    events.Reload()
    return set(events.Tags()["tensors"])


# --- SageMaker ---------------------------------------------------------------


def container(project, root, hosts=(), current="", prefix=(), **choices):
    """Run the entry script in a tree like /opt/ml; a context manager of its process."""
    data = root / "input" / "data" / "training"
    data.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "dataset" / "valid.npy", data / "own.npy")
    env = workers.environment(
        ML_ROOT=str(root),
        SM_MODEL_DIR=str(root / "model"),
        SM_CHANNEL_TRAINING=str(data),
        SM_HPS=json.dumps({"preset": "smoke"} | choices),
        SM_HOSTS=json.dumps(hosts),
        SM_CURRENT_HOST=current,
    )
    return started([str(project / "sagemaker" / "train.py")], root / "log.txt", prefix, env=env, cwd=root)


def history(root):
    return json.loads((root / "model" / "history.json").read_text())["history"]


@pytest.fixture(scope="module")
def one_host(project, tmp_path_factory):
    root = tmp_path_factory.mktemp("one-host")
    with container(project, root) as process:
        assert process.wait(PATIENCE) == 0, (root / "log.txt").read_text()
    return root


def test_a_container_of_one_host_leaves_its_networks(one_host):
    assert not (one_host / "output" / "failure").exists()
    names = {file.name for file in (one_host / "model").iterdir()}
    assert names == {"generator.npz", "critic.npz", "history.json", "notebook.ipynb", "notebook.html"}
    load_network(one_host / "model" / "generator.npz")
    (description,) = (one_host / "checkpoints" / "2Bar").glob("smoke-*/run.json")
    assert json.loads(description.read_text())["config"]["data"].endswith("training/own.npy")


@pytest.mark.slow
def test_a_container_started_again_goes_on_from_its_checkpoints(one_host, project):
    before = history(one_host)
    with container(project, one_host, iterations=4) as process:
        assert process.wait(PATIENCE) == 0, (one_host / "log.txt").read_text()
    assert "Resumed from" in (one_host / "log.txt").read_text()
    after = history(one_host)
    assert len(after["critic_loss"]) == 4 and after["critic_loss"][:3] == before["critic_loss"]


def test_a_container_that_fails_says_why(project, tmp_path):
    with container(project, tmp_path, preset="nonsense") as process:
        assert process.wait(PATIENCE) == 1
    assert "PRESET is 'nonsense'" in (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_two_hosts_train_one_pair_of_networks(one_host, project, tmp_path):
    hosts = ["127.0.0.1", "localhost"]  # two names of this machine
    roots = [tmp_path / host for host in hosts]
    for root in roots:
        root.mkdir()
    # Ports one after the other, as train.py numbers them.
    with workers.reserved_ports(20) as ports:
        port = next(p for p in ports if p + 1 < 65536 and is_free(p + 1))
    with contextlib.ExitStack() as stack:
        prefix = stack.enter_context(workers.loopback())
        processes = [
            stack.enter_context(container(project, root, hosts, host, prefix, port=port))
            for root, host in zip(roots, hosts, strict=True)
        ]
        codes = [process.wait(PATIENCE) for process in processes]
    logs = [(root / "log.txt").read_text() for root in roots]
    assert codes == [0, 0], "\n".join(logs)
    assert all("2 replicas train together" in log for log in logs)
    assert (roots[0] / "model" / "generator.npz").is_file() and not (roots[1] / "model").exists()
    assert not list((roots[1] / "checkpoints").rglob("checkpoint-*"))
    for loss in ("critic_loss", "generator_loss"):
        np.testing.assert_allclose(
            history(roots[0])[loss][:3], history(one_host)[loss][:3], rtol=1e-2, atol=1e-3
        )


def is_free(port):
    import socket

    with socket.socket() as test:
        return test.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_requirements_go_with_the_versions_of_sagemaker_distribution(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    reachable = subprocess.run(
        [*pip, "download", "--no-deps", "--dest", tmp_path, "mido"], capture_output=True
    )
    if reachable.returncode:
        pytest.skip("no package index can be reached")
    command = [
        *pip,
        "install",
        "--dry-run",
        "--quiet",
        "--ignore-installed",
        "--report",
        str(tmp_path / "report"),
    ]
    files = ["-r", str(ROOT / "requirements.txt"), "-c", str(ROOT / "sagemaker" / "constraints.txt")]
    result = subprocess.run([*command, *files], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    chosen = {
        item["metadata"]["name"].lower(): item["metadata"]["version"]
        for item in json.loads((tmp_path / "report").read_text())["install"]
    }
    pins = (ROOT / "sagemaker" / "constraints.txt").read_text().splitlines()
    wanted = dict(line.split("==") for line in pins if not line.startswith("#"))
    assert {name: chosen[name] for name in wanted if name in chosen} == {
        name: version for name, version in wanted.items() if name in chosen
    }
    assert {"tensorflow", "keras", "numpy", "scipy", "matplotlib"} <= set(chosen)


@pytest.mark.parametrize("script", sorted(Path(ROOT / "sagemaker").glob("*.sh")), ids=lambda path: path.name)
def test_lifecycle_scripts_are_scripts(script):
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
