"""Train the real loop on the real data in processes of their own: one device, several, or several workers.

Every process lives in a folder, ends within a stated time, and is killed with the test that started it.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import filelock

from utils.lesson.execution import KEEP_MEMORY

ROOT = Path(__file__).parent.parent
PORTS = (21000, 30000)


def shows_only(source):
    """Tell whether a training can do without a cell of the lesson."""
    needed = ("def ", "import", "training_data =")
    return "display_utils." in source and not any(word in source for word in needed)


@contextlib.contextmanager
def reserved_ports(number):
    """Give ports of 127.0.0.1 that no other test gets until the block ends.

    A port that is only found free may be taken before it is used. These are below those that the system
    hands out by itself, and each is locked by a file.
    """
    ports = []
    with contextlib.ExitStack() as stack:
        for port in range(*PORTS):
            lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"bach-accompaniment-port-{port}.lock")
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                continue
            stack.callback(lock.release)
            with contextlib.suppress(OSError), socket.socket() as test:
                test.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == number:
                break
        yield ports


@contextlib.contextmanager
def loopback():
    """Give the beginning of a command that runs where there is no network but 127.0.0.1.

    TensorFlow's servers listen on every address, and ask nobody who he is. Where the system lets us make a
    network of our own, no other machine can reach them; elsewhere the command begins with nothing.
    """
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        "ip link set lo up && echo up && cat",
    ]
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        yield []
        return
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        up = holder.stdout.readline() == b"up\n"
        enter = ["nsenter", "--target", str(holder.pid), "--user", "--net", "--preserve-credentials"]
        yield enter if up else []
        holder.kill()


def environment(**changes):
    """This process's environment without what would make it a worker, and with some changes."""
    env = {k: v for k, v in os.environ.items() if k not in ("TF_CONFIG", "EXPERIMENTS_DIR", "CPU_DEVICES")}
    return env | {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"} | changes


@contextlib.contextmanager
def train(folder, workers=1, devices=1, **choices):
    """Train in ``folder``; the processes are dead when the block ends.

    Parameters
    ----------
    folder : Path
        All workers share it.
    workers, devices : int
        Processes, and logical CPUs of each.
    **choices
        Fields of the config that differ from a tiny one; and ``precision``; ``descent``, plain gradient
        descent instead of Adam; ``pause``, seconds at every checkpoint; ``nudge``, by which to change the
        first kernel at the start; ``pin``, to give each process one core of its own.

    Yields
    ------
    list of subprocess.Popen
        The chief first. Each writes ``log-<index>.txt``, and when it is done ``result-<index>.json``.
    """
    folder.mkdir(exist_ok=True)
    processes = []
    stack = contextlib.ExitStack()
    addresses = [f"127.0.0.1:{port}" for port in stack.enter_context(reserved_ports(workers))]
    try:
        enter = stack.enter_context(loopback()) if workers > 1 else []
        for index in range(workers):
            env = environment(CPU_DEVICES=str(devices), PYTHONPATH=str(ROOT))
            if workers > 1 or choices.get("pin"):
                env["GLIBC_TUNABLES"] = KEEP_MEMORY
            if workers > 1:
                task = {"type": "worker", "index": index}
                env["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
            command = [*enter, sys.executable, __file__, json.dumps(choices)]
            with (folder / f"log-{index}.txt").open("a") as log:
                processes.append(
                    subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
                )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
        stack.close()


def trained(folder, seconds=150, **how):
    """Train to the end and give the chief's result; see :func:`train`."""
    with train(folder, **how) as processes:
        codes = [process.wait(seconds) for process in processes]
    logs = "\n".join(log(folder, index) for index in range(len(codes)))
    assert codes == [0] * len(codes), logs
    return result(folder)


def log(folder, index=0):
    return (folder / f"log-{index}.txt").read_text()


def result(folder, index=0):
    return json.loads((folder / f"result-{index}.json").read_text())


def main(choices):
    """What each process does."""
    if choices.pop("pin", False):  # before TensorFlow counts the cores
        task = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]
        os.sched_setaffinity(0, {task["index"] % os.cpu_count()})
    from dataclasses import replace
    from types import SimpleNamespace

    import tensorflow as tf

    from utils import inference_utils, path_utils, training_utils
    from utils.lesson.definitions import load_lesson

    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * int(os.environ["CPU_DEVICES"])
    tf.config.set_logical_device_configuration(cpu, parts)
    strategy = training_utils.choose_strategy()
    lesson = load_lesson()
    if choices.pop("descent", False):
        lesson.keras.optimizers.Adam = lambda rate, **_: lesson.keras.optimizers.SGD(rate)
    nudge, pause = choices.pop("nudge", 0), choices.pop("pause", 0)
    lesson.keras.config.set_dtype_policy(choices.pop("precision", "float32"))
    data = str(ROOT / "dataset" / choices.pop("data", "train.npy"))
    preset = lesson.PRESETS[choices.pop("preset", "smoke")]
    tiny = {"filters": 4, "batch_size": 8, "critic_steps": 1, "iterations": 6, "save_every": 1}
    valid = str(ROOT / "dataset" / "valid.npy")
    config = replace(preset, **(tiny | choices), data=data, valid=valid)
    samples = inference_utils.load_melody_samples(n_sample=4, seed=config.seed, path=config.valid)
    lesson.display_utils = SimpleNamespace(plot_pianoroll=lambda *_, **__: time.sleep(pause))
    gan, run = lesson.start_run("lesson", config)
    for kernel in gan.generator.trainable_variables[:1]:
        kernel.assign(kernel * (1 + nudge))
    lesson.train(gan, run, config, *samples)
    result = {
        "strategy": type(strategy).__name__,
        "replicas": strategy.num_replicas_in_sync,
        "history": run.history,
        "metrics": run.metrics.state(),
        "weights": [w.tolist() for w in gan.generator.get_weights() + gan.critic.get_weights()],
    }
    Path(f"result-{path_utils.worker()[0]}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
