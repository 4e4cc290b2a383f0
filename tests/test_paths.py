from pathlib import Path

import pytest

from utils import path_utils


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")

    def write(name):
        Path(name).write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        path_utils.atomic_write(path, write)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]
    assert path.read_bytes() == b"old"


def test_names_are_those_of_the_old_lesson(tmp_path):
    assert path_utils.generated_midi_path_for_iteration(50, tmp_path) == str(tmp_path / "iteration-50.mid")
    assert path_utils.generated_midi_path_for_iteration(0, saveto_dir="a").endswith("iteration-0.mid")


def test_pictures_sort_by_iteration(tmp_path):
    names = [path_utils.pianoroll_path_for_iteration(i, tmp_path) for i in (0, 50, 950, 1000)]
    assert names == sorted(names)


def test_experiment_folders(tmp_path):
    dirs = path_utils.experiment_dirs("classic", tmp_path)
    assert set(dirs) == {"train", "preload", "sample", "eval"}
    assert all(path.is_dir() and path.parent == tmp_path / "classic" for path in dirs.values())
