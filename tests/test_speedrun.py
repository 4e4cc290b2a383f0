"""What the speedrun counts and tells."""

import json

import pytest

from pretrained import speedrun


def test_compilation_is_told_apart():
    seconds = [9.0, 1.0, 1.0, 2.0, 5.0, 1.0]  # begun twice: compiled in the first and the fifth
    assert speedrun.seconds_of_training(seconds, [0, 4]) == pytest.approx((8.0, 11.0))
    assert speedrun.seconds_of_training(seconds, [0]) == pytest.approx((11.5, 7.5))


def test_a_start_without_an_iteration_counts_nothing():
    assert speedrun.seconds_of_training([2.0, 2.0], [0, 2]) == pytest.approx((4.0, 0.0))


EVALUATIONS = [
    {"seconds": 5.0, "iteration": 50, "alto": 0.3, "tenor": 0.3, "bass": 0.2, "gap": 0.444, "chordal": 0.7},
    {"seconds": 31.0, "iteration": 300, "alto": 0.4, "tenor": 0.3, "bass": 0.3, "gap": 0.546, "chordal": 0.8},
    {"seconds": 120.0, "iteration": 999, "alto": 0.4, "tenor": 0.4, "bass": 0.4, "gap": 0.6, "chordal": 0.9},
]


def test_first_seconds_by_rounded_figures():
    assert speedrun.first_seconds(EVALUATIONS, {"gap": 0.45}) == 31.0
    assert speedrun.first_seconds(EVALUATIONS, {"gap": 0.55}) == 31.0  # .546 is shown as .55
    assert speedrun.first_seconds(EVALUATIONS, {"gap": 0.55, "tenor": 0.35}) == 120.0
    assert speedrun.first_seconds(EVALUATIONS, {"gap": 0.7}) is None


def test_quality_after_so_many_seconds():
    assert speedrun.at_seconds(EVALUATIONS, 30)["iteration"] == 300
    assert speedrun.at_seconds(EVALUATIONS, 60)["iteration"] == 300
    assert speedrun.at_seconds(EVALUATIONS, 120)["iteration"] == 999
    assert speedrun.at_seconds(EVALUATIONS, 300) is None
    assert speedrun.at_seconds([], 30) is None


def test_a_smoke_run_is_judged_told_and_not_run_twice(tmp_path, monkeypatch, capsys):
    songs = dict(list(speedrun.load_songs("valid").items())[:2])
    monkeypatch.setattr(speedrun, "load_songs", lambda split: songs)
    monkeypatch.setattr(speedrun, "MODEL_DIR", tmp_path)
    monkeypatch.setattr(speedrun, "limit_threads", lambda threads: None)  # TensorFlow is awake already
    given = ["smoke", "--results", str(tmp_path / "speedrun.json")]
    speedrun.main(given)
    assert "(3 iterations, " in capsys.readouterr().out
    before = json.loads((tmp_path / "speedrun.json").read_text())
    (one,) = before.values()
    assert one["done"]
    assert one["starts"] == [0]
    assert "seconds" not in one  # of single iterations: nobody wants them any more
    assert one["evaluations"][-1]["iteration"] == 3
    speedrun.main(given)
    (again,) = json.loads((tmp_path / "speedrun.json").read_text()).values()
    assert again["evaluations"] == one["evaluations"]
    with pytest.raises(SystemExit):
        speedrun.main(["no such recipe"])
