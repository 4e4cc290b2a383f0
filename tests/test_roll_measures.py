import json

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils.metrics_utils import metrics_manager
from utils.music import roll_measures
from utils.training.metrics import LABELS, MetricsManager

C_MAJOR = (60, 62, 64, 65, 67, 69, 71)
D_MAJOR = (62, 64, 66, 67, 69, 71, 73)


def roll_of(*tracks, steps=32, samples=1):
    """Roll in -1/+1 from one {step: pitches} a track."""
    roll = -np.ones((samples, steps, 128, len(tracks)), np.float32)
    for track, cells in enumerate(tracks):
        for step, pitches in cells.items():
            roll[:, step, np.atleast_1d(pitches), track] = 1
    return roll


def test_empty_bar_rate_counts_empty_bars_not_filled_ones():
    roll = roll_of({0: 60, 31: 60}, {15: 60}, {})
    np.testing.assert_array_equal(roll_measures.empty_bar_rate(roll), [0, 0.5, 1])


def test_empty_bar_rate_pools_samples_and_knows_its_bar():
    roll = np.concatenate([roll_of({0: 60, 16: 60}), roll_of({20: 60})])
    np.testing.assert_array_equal(roll_measures.empty_bar_rate(roll), [0.25])
    np.testing.assert_array_equal(roll_measures.empty_bar_rate(roll, steps_per_bar=32), [0])


def test_a_cell_sounds_above_zero_only():
    roll = np.zeros((1, 16, 128, 1))
    np.testing.assert_array_equal(roll_measures.empty_bar_rate(roll), [1])
    roll[0, 3, 60] = 0.01
    np.testing.assert_array_equal(roll_measures.empty_bar_rate(roll), [0])


def test_empty_bar_rate_without_bars_is_nan():
    assert np.isnan(roll_measures.empty_bar_rate(np.zeros((0, 32, 128, 4)))).all()


def test_transposition_moves_the_histogram_by_as_many_semitones():
    roll = roll_of({0: 60, 1: 64, 2: 67}, {0: 48, 1: 50, 2: 52})
    moved = np.roll(roll, 5, axis=2)
    np.testing.assert_allclose(roll_measures.pitch_histogram_distance(moved, roll), [5, 5])
    octave = np.roll(roll, 12, axis=2)
    np.testing.assert_allclose(roll_measures.pitch_histogram_distance(octave, roll), [12, 12])


def test_histogram_distance_compares_shares_of_cells():
    once = roll_of({0: 60, 1: 64})
    thrice = np.concatenate([once] * 3)
    np.testing.assert_allclose(roll_measures.pitch_histogram_distance(thrice, once), [0], atol=1e-12)
    mostly_low = roll_of({0: 60, 1: 60, 2: 60, 3: 64})
    np.testing.assert_allclose(roll_measures.pitch_histogram_distance(mostly_low, once), [1])


@pytest.mark.parametrize("swap", [False, True])
def test_a_silent_track_has_no_histogram(swap):
    rolls = roll_of({0: 60}, {}), roll_of({0: 60}, {0: 60})
    distance = roll_measures.pitch_histogram_distance(*(rolls[::-1] if swap else rolls))
    np.testing.assert_array_equal(distance, [0, np.nan])


def test_in_scale_takes_the_same_note_in_every_octave():
    roll = roll_of({0: 48, 1: 60, 2: 72}, {0: 49, 1: 61, 2: 73}, {0: (48, 54), 5: 66, 7: 76}, {})
    np.testing.assert_array_equal(roll_measures.in_scale_ratio(roll), [1, 0, 0.5, np.nan])


def test_in_scale_of_every_pitch_class():
    roll = roll_of(*({0: pitch} for pitch in range(60, 72)))
    np.testing.assert_array_equal(roll_measures.in_scale_ratio(roll), [1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(
        roll_measures.in_scale_ratio(roll, key=("A", "minor")), roll_measures.in_scale_ratio(roll, key="C")
    )
    np.testing.assert_array_equal(
        roll_measures.in_scale_ratio(roll, key=("Bb", "major")), [1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0]
    )
    np.testing.assert_array_equal(
        roll_measures.in_scale_ratio(roll, key="F#"), roll_measures.in_scale_ratio(roll, key=(6, "major"))
    )


def test_best_key_is_chosen_for_each_sample():
    in_c, in_d = (dict(enumerate(scale)) for scale in (C_MAJOR, D_MAJOR))
    roll = np.concatenate([roll_of(in_c), roll_of(in_d)])
    np.testing.assert_array_equal(roll_measures.in_scale_ratio(roll), [12 / 14])
    np.testing.assert_array_equal(roll_measures.in_scale_ratio(roll, key="best"), [1])


def test_best_key_is_one_for_all_tracks():
    in_c = dict(enumerate((*C_MAJOR, 77)))  # F twice
    roll = roll_of(in_c, {0: 66})
    np.testing.assert_array_equal(roll_measures.in_scale_ratio(roll, key="best"), [1, 0])


@pytest.mark.parametrize("key", ["H", "", "Cm", ("C", "lydian"), ("C#b", "major")])
def test_unknown_key_is_named(key):
    with pytest.raises(ValueError, match="unknown key"):
        roll_measures.in_scale_ratio(roll_of({0: 60}), key=key)


def test_monophony_wants_exactly_one_pitch():
    roll = roll_of({0: 60, 1: (60, 64), 2: 62}, {0: 48, 1: 48, 2: 48}, steps=4)
    assert roll_measures.monophony(roll) == 5 / 8


def test_melody_kept_sees_octaves_additions_and_broken_rests():
    melody = roll_of({0: 60, 1: 62, 2: 64, 3: 65}, steps=8)
    roll = roll_of({0: 72, 1: (62, 50), 2: 64, 3: 65, 7: 60}, {0: 60}, steps=8)
    assert roll_measures.melody_kept(roll, melody) == 5 / 8
    assert roll_measures.melody_kept(melody, melody) == 1
    with pytest.raises(ValueError, match="compare a roll with the melody"):
        roll_measures.melody_kept(roll, melody[:, :4])


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"found the shape \(1, 128, 32, 4\)"):
        roll_measures.empty_bar_rate(np.zeros((1, 128, 32, 4)))
    with pytest.raises(ValueError, match="24 steps are not whole bars"):
        roll_measures.empty_bar_rate(np.zeros((1, 24, 128, 4)))
    with pytest.raises(ValueError, match="4 tracks cannot be compared with a reference of 3"):
        roll_measures.pitch_histogram_distance(np.zeros((1, 16, 128, 4)), np.zeros((1, 16, 128, 3)))


def rolls(seed, samples=3):
    return np.where(np.random.default_rng(seed).random((samples, 32, 128, 4)) < 0.02, 1, -1)


def test_manager_measures_as_the_functions_do_with_the_reference_last():
    manager = MetricsManager()
    silent_bass = rolls(1)
    silent_bass[..., 3] = -1
    manager.append_metrics_for_iteration(rolls(0), 0)
    manager.append_metrics_for_iteration(silent_bass, 50)
    assert np.isnan(manager.metrics()["pitch_histogram_distance"]).all()
    assert manager.reference_metrics() is None
    manager.set_reference_metrics(rolls(2))
    found = manager.metrics()
    assert found["iteration"].tolist() == [0, 50]
    for row, roll in enumerate((rolls(0), silent_bass)):
        np.testing.assert_allclose(found["empty_bar_rate"][row], roll_measures.empty_bar_rate(roll))
        np.testing.assert_allclose(found["in_scale_ratio"][row], roll_measures.in_scale_ratio(roll))
        np.testing.assert_allclose(
            found["pitch_histogram_distance"][row], roll_measures.pitch_histogram_distance(roll, rolls(2))
        )
    np.testing.assert_array_equal(manager.reference_metrics()["pitch_histogram_distance"], [0, 0, 0, 0])


def test_manager_goes_on_from_its_state_exactly():
    whole, first = MetricsManager(), MetricsManager()
    for manager in (whole, first):
        manager.set_reference_metrics(rolls(9))
        manager.append_metrics_for_iteration(rolls(0), np.int64(0))
    second = MetricsManager.from_state(json.loads(json.dumps(first.state(), allow_nan=False)))
    for manager in (whole, second):
        manager.append_metrics_for_iteration(rolls(1), 1)
    assert second.state() == whole.state()
    assert first.metrics()["iteration"].tolist() == [0]
    for name, values in whole.metrics().items():
        np.testing.assert_array_equal(second.metrics()[name], values)


def test_manager_forgets_and_takes_an_iteration_twice_as_the_later():
    manager = MetricsManager()
    manager.append_metrics_for_iteration(rolls(0), 7)
    manager.append_metrics_for_iteration(rolls(1), 3)
    manager.append_metrics_for_iteration(rolls(2), 7)
    assert manager.metrics()["iteration"].tolist() == [3, 7]
    np.testing.assert_allclose(manager.metrics()["in_scale_ratio"][1], roll_measures.in_scale_ratio(rolls(2)))
    manager.initialize()
    assert not len(manager.metrics()["iteration"])


def test_module_has_the_manager_of_the_old_lesson():
    metrics_manager.initialize()
    metrics_manager.append_metrics_for_iteration(rolls(0), 0)
    metrics_manager.set_reference_metrics(rolls(1))
    assert metrics_manager.plot_metrics() is not None
    metrics_manager.initialize()


def test_plot_is_closed_complete_and_leaves_gaps():
    manager = MetricsManager()
    for iteration, shift in enumerate((2, 0, 30)):
        roll = np.roll(rolls(iteration), shift, axis=2)
        if iteration == 1:
            roll[..., 2] = -1
        manager.append_metrics_for_iteration(roll, iteration * 50)
    manager.set_reference_metrics(rolls(0))
    figure = manager.plot_metrics()
    assert plt.get_fignums() == []
    axes = np.reshape(figure.axes, (3, 4))
    assert [axis.get_title(loc="left") for axis in axes[0]] == ["soprano", "alto", "tenor", "bass"]
    assert all(axis.get_xlabel() == "iteration" for axis in axes[-1])
    assert all(axis.get_ylabel() for axis in axes[:, 0])
    for row, name in enumerate(LABELS):
        for track in range(4):
            generated, reference = axes[row, track].get_lines()
            values = manager.metrics()[name][:, track]
            np.testing.assert_array_equal(generated.get_ydata(), values)
            np.testing.assert_allclose(reference.get_ydata(), manager.reference_metrics()[name][track])
            low, high = axes[row, track].get_ylim()
            assert low < np.nanmin(values) and np.nanmax(values) < high
    assert np.isnan(axes[1, 2].get_lines()[0].get_ydata()[1])


def test_plot_takes_other_numbers_of_tracks_and_given_axes():
    manager = MetricsManager()
    with pytest.raises(ValueError, match="append_metrics_for_iteration comes first"):
        manager.plot_metrics()
    manager.append_metrics_for_iteration(rolls(0)[..., :2], 0)
    assert len(manager.plot_metrics().axes) == 6
    axes = plt.subplots(3, 2)[1]
    assert manager.plot_metrics(axes) is axes
    assert axes[0, 1].get_title(loc="left") == "track 1"
    plt.close("all")


def test_the_band_is_where_groups_of_real_samples_lie():
    manager = MetricsManager()
    assert manager.reference_band() is None
    real = np.concatenate([rolls(seed) for seed in range(12)])
    manager.set_reference_metrics(real)
    band, middle = manager.reference_band(), manager.reference_metrics()
    assert set(band) == set(LABELS)
    low, high = band["in_scale_ratio"]
    assert np.all(low < middle["in_scale_ratio"]) and np.all(middle["in_scale_ratio"] < high)
    groups = [roll_measures.in_scale_ratio(real[start : start + 10]) for start in range(0, len(real) - 9, 10)]
    assert np.mean((low <= groups) & (groups <= high)) > 0.6
    again = MetricsManager.from_state(json.loads(json.dumps(manager.state())))
    np.testing.assert_array_equal(again.reference_band()["empty_bar_rate"], band["empty_bar_rate"])
    manager.set_reference_metrics(real[:5])
    assert manager.reference_band() is None
