from collections import Counter

import numpy as np
import pytest

from utils.music.grid import grid_to_roll
from utils.training import batches
from utils.training.shards import Shards, write_shards


def numbered(windows, first=0, voices=4):
    """Windows that tell their number: in base 100, by the pitches of the first two steps."""
    number = np.arange(first, first + windows)
    grid = np.full((windows, 32, voices), 60, np.int8)
    grid[:, 0, 0], grid[:, 1, 0] = number // 100, number % 100
    return grid


def numbers(grid):
    return grid[:, 0, 0].astype(int) * 100 + grid[:, 1, 0]


@pytest.fixture
def folder(tmp_path):
    write_shards(tmp_path, [numbered(700), numbered(300, 700)], size=100)
    return tmp_path


def test_shards_hold_what_was_written_in_order(tmp_path):
    pieces = [numbered(250), numbered(1, 250), numbered(74, 251)]
    assert write_shards(tmp_path, iter(pieces), size=100) == 4
    files = [np.load(file) for file in sorted(tmp_path.glob("*"))]
    assert [len(file) for file in files] == [100, 100, 100, 25]
    np.testing.assert_array_equal(np.concatenate(files), np.concatenate(pieces))
    assert len(Shards(tmp_path)) == 325
    with pytest.raises(FileExistsError, match="has shards already"):
        write_shards(tmp_path, pieces)


def test_an_epoch_has_every_window_once_and_the_next_in_another_order(folder):
    shards = Shards(folder)
    read = shards.reader(batch_size=20, seed=0)  # five lanes of two files
    assert shards.lanes(20) == 5
    first, second = (numbers(read(range(start, start + 1000))) for start in (0, 1000))
    for epoch in (first, second):
        assert set(Counter(epoch.tolist()).values()) == {1} and len(epoch) == 1000
    assert (first != second).mean() > 0.9
    assert (numbers(shards.reader(20, seed=1)(range(1000))) != first).mean() > 0.9


def test_a_batch_mixes_as_many_files_as_there_are_lanes(folder):
    read = Shards(folder).reader(batch_size=20, seed=0)  # five lanes of two files
    for k in range(12):
        files = Counter((numbers(read(range(20 * k, 20 * k + 20))) // 100).tolist())
        assert sorted(files.values()) == [4] * 5


@pytest.mark.parametrize(("windows", "size"), [(250, 100), (203, 200), (250, 28)])
def test_windows_of_unequal_files_are_served_alike(windows, size, tmp_path):
    write_shards(tmp_path, [numbered(windows)], size=size)
    shards = Shards(tmp_path)
    assert shards.lanes(24) > 1
    seen = Counter(numbers(shards.reader(24, 0)(range(24 * 100))).tolist())
    fair = 2400 / windows
    assert set(seen) == set(range(windows)) and all(fair - 2 < times < fair + 2 for times in seen.values())


def test_a_batch_of_everything_has_everything(tmp_path):
    write_shards(tmp_path, [numbered(250)], size=100)
    whole = numbers(Shards(tmp_path).reader(250, 0)(range(250)))
    assert sorted(whole.tolist()) == list(range(250))


def test_batches_stream_and_depend_on_seed_and_number_alone(folder):
    windows = batches.load_windows(folder)

    def serve(start, number, **share):
        served = batches.batches(windows, 16, 3, transpose=True, start=start, **share)
        return list(served.take(number).as_numpy_iterator())

    whole = serve(0, 5)
    assert whole[0].shape == (16, 32, 128, 4) and whole[0].dtype == np.int8
    np.testing.assert_array_equal(serve(3, 2), whole[3:])
    for parts in (2, 4):
        shares = [serve(0, 5, parts=parts, served=range(part, part + 1)) for part in range(parts)]
        np.testing.assert_array_equal(np.concatenate(shares, axis=1), whole)
    still = next(batches.batches(windows, 16, 3).as_numpy_iterator())
    expected = grid_to_roll(windows.reader(16, 3)(range(16)), np.int8)
    np.testing.assert_array_equal(still, expected)


def test_a_worker_opens_only_the_files_of_its_lanes(folder, monkeypatch):
    opened, load = set(), np.load
    monkeypatch.setattr(np, "load", lambda file, **how: (opened.add(file.name), load(file, **how))[1])
    windows = batches.load_windows(folder)
    opened.clear()
    served = batches.batches(windows, 20, seed=0, parts=5, served=range(1, 2))
    for _ in served.take(60):
        pass
    assert opened == {"shard-00002.npy", "shard-00003.npy"}


def test_no_more_files_are_kept_than_there_are_lanes(folder):
    import tracemalloc

    big = folder / "big"
    write_shards(big, [numbered(9000)] * 4, size=1000)
    read = Shards(big).reader(8, 0)
    tracemalloc.start()
    for k in range(500):
        read(range(8 * k, 8 * k + 8))
    first = tracemalloc.get_traced_memory()[0]
    for k in range(500, 4500):
        read(range(8 * k, 8 * k + 8))
    assert tracemalloc.get_traced_memory()[0] < 1.2 * first < 2e6
    tracemalloc.stop()


def test_bad_folders_and_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"holds no shard-\*\.npy"):
        batches.load_windows(tmp_path)
    np.save(tmp_path / "shard-00000.npy", numbered(3))
    np.save(tmp_path / "shard-00001.npy", numbered(3, voices=3))
    with pytest.raises(ValueError, match=r"shard-00001\.npy has 3 voices.*shard-00000\.npy has 4"):
        Shards(tmp_path)
    np.save(tmp_path / "shard-00001.npy", np.zeros((2, 32, 128, 4), np.int8))
    with pytest.raises(ValueError, match=r"shard-00001\.npy holds int8 \(2, 32, 128, 4\); expected"):
        Shards(tmp_path)
    (tmp_path / "shard-00001.npy").write_text("none")
    with pytest.raises(ValueError, match=r"shard-00001\.npy is no array"):
        Shards(tmp_path)
