import base64
import re
import subprocess

import imageio_ffmpeg
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.display import HTML, Video
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from utils import display_utils
from utils.display_utils import (
    COLOURS,
    draw_roll,
    make_training_video,
    players,
    playmidi,
    plot_loss_logs,
    plot_pianoroll,
    show_pianoroll,
)
from utils.midi_utils import grid_to_roll, write_midi

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture
def grid():
    """Hold 72 for a bar; repeat 64 after half a bar; rest, then 55; bass 43 throughout."""
    grid = np.full((32, 4), -1, np.int8)
    grid[:16, 0], grid[16:, 0] = 72, 74
    grid[:, 1] = 64
    grid[20:24, 2] = 55
    grid[:, 3] = 43
    return grid


@pytest.fixture
def onset(grid):
    onset = np.zeros_like(grid, bool)
    onset[[0, 16, 0, 8, 20, 0], [0, 0, 1, 1, 2, 3]] = True
    return onset


@pytest.fixture
def rolls(grid):
    return np.stack([grid_to_roll(grid + shift * (grid >= 0)) for shift in range(5)])


class Tensor:
    """Like a framework's tensor: known to NumPy only through ``__array__``."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def blocks(ax, colour):
    """List the note blocks of one colour: (start, end, pitch)."""
    corners = [
        path.vertices[:4]
        for collection in ax.collections
        if len(collection.get_facecolor()) and tuple(collection.get_facecolor()[0]) == to_rgba(colour)
        for path in collection.get_paths()
    ]
    return sorted((c[:, 0].min(), c[:, 0].max(), c[:, 1].mean().round(6)) for c in corners)


def test_every_note_is_one_block_at_its_time_and_pitch(grid, onset):
    ax = draw_roll(grid, onset).axes[0]
    assert blocks(ax, COLOURS[0]) == [(0, 16, 72), (16, 32, 74)]
    assert blocks(ax, COLOURS[1]) == [(0, 8, 64), (8, 32, 64)]
    assert blocks(ax, COLOURS[2]) == [(20, 24, 55)]
    assert blocks(ax, COLOURS[3]) == [(0, 32, 43)]
    low, high = ax.get_ylim()
    assert low < 42.5 and high > 74.5


def test_without_onsets_repeated_notes_fuse(grid):
    assert blocks(draw_roll(grid).axes[0], COLOURS[1]) == [(0, 32, 64)]


def test_a_raw_roll_shows_every_cell_above_zero():
    roll = np.full((8, 128, 2), -0.5, np.float32)
    roll[2:5, 60, 0] = 0.1
    roll[4:8, 67, 0] = 0.9
    roll[6:, 60, 0] = 0.2
    roll[0, 50, 1] = 1e-3
    ax = draw_roll(Tensor(roll)).axes[0]
    assert blocks(ax, COLOURS[0]) == [(2, 5, 60), (4, 8, 67), (6, 8, 60)]
    assert blocks(ax, COLOURS[1]) == [(0, 1, 50)]


def test_onsets_are_marked(grid, onset):
    figure = draw_roll(grid, onset)
    marks = [c for c in figure.axes[0].collections if c.get_zorder() == 4]
    starts = [sorted(np.floor(path.vertices[0, 0]) for path in c.get_paths()) for c in marks]
    assert starts == [[0, 16], [0, 8], [20], [0]]


def test_given_axes_are_drawn_into_and_handed_back(grid):
    _, (left, right) = Figure().subplots(1, 2), Figure().subplots(1, 2)
    assert draw_roll(grid, ax=right) is right
    assert not left.collections and right.collections
    assert plot_loss_logs([1, 2], [3, 4], ax=left) is left


def test_bars_and_notes_are_named(grid):
    ax = draw_roll(np.tile(grid, (2, 1)), pickup=4).axes[0]
    assert list(ax.get_xticks()) == [4, 20, 36, 52]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3", "4"]
    names = dict(zip(ax.get_yticks(), [tick.get_text() for tick in ax.get_yticklabels()], strict=True))
    assert names[60] == "C4" and names[48] == "C3"
    assert list(draw_roll(grid, steps_per_bar=12).axes[0].get_xticks()) == [0, 12, 24]


@pytest.mark.parametrize("steps", [1, 7, 3000])
def test_any_length_can_be_drawn(steps):
    ax = draw_roll(np.full((steps, 4), 60)).axes[0]
    assert ax.get_xlim()[1] == steps
    assert 1 <= len(ax.get_xticks()) <= 20


def test_silence_can_be_drawn():
    assert blocks(draw_roll(np.full((32, 4), -1)).axes[0], COLOURS[0]) == []


def test_notes_outside_the_axis_are_counted(grid):
    remarks = [text.get_text() for text in draw_roll(grid, min_pitch=45, max_pitch=85).axes[0].texts]
    assert remarks == ["1 note outside"]
    assert not draw_roll(grid, min_pitch=43).axes[0].texts


def test_the_legend_names_the_voices(grid):
    legend = draw_roll(grid).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["soprano", "alto", "tenor", "bass"]
    assert [line.get_color() for line in legend.get_lines()] == list(COLOURS[:4])
    five = draw_roll(np.full((4, 5), 60)).axes[0].get_legend()
    assert len(five.get_texts()) == 5


@pytest.mark.parametrize(
    ("music", "onset", "message"),
    [
        (np.zeros((1, 32, 128, 4)), None, r"take one sample"),
        (np.zeros((32, 84, 4)), None, r"found shape \(32, 84, 4\)"),
        (np.zeros((32, 4), int), np.zeros((32, 3), bool), r"Expected onsets of shape \(32, 4\)"),
        (np.zeros((32, 128, 4)), np.zeros((32, 4), bool), "Onsets belong to a grid"),
        (np.zeros((32, 9), int), None, "at most 8 voices"),
    ],
)
def test_what_is_no_music_is_refused(music, onset, message):
    with pytest.raises(ValueError, match=message):
        draw_roll(music, onset)


def test_show_pianoroll_displays_the_first_sample_once(rolls, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(display_utils, "display", lambda figure, **_: shown.append(figure))
    assert show_pianoroll(Tensor(rolls), 45, 85, [0, 0, 0, 19], tmp_path) is None
    (figure,) = shown
    assert [blocks(ax, colour) for ax, colour in zip(figure.axes, COLOURS, strict=False)] == [
        [(0, 16, 72), (16, 32, 74)],
        [(0, 32, 64)],
        [(20, 24, 55)],
        [(0, 32, 43)],
    ]
    assert [ax.get_title(loc="left") for ax in figure.axes][3] == "bass · Church Organ"
    assert figure.axes[0].get_ylim() == (44.5, 85.5)
    assert [path.name for path in tmp_path.iterdir()] == ["pianoroll.png"]


def test_show_pianoroll_follows_the_number_of_tracks(rolls, monkeypatch):
    shown = []
    monkeypatch.setattr(display_utils, "display", lambda figure, **_: shown.append(figure))
    show_pianoroll(rolls[..., :3], programs=[0, 0, 0])
    assert [bool(blocks(ax, c)) for ax, c in zip(shown[0].axes, COLOURS, strict=False)] == [True] * 3 + [
        False
    ]
    assert not shown[0].axes[3].axison
    show_pianoroll(rolls[..., :2])
    assert len(shown[1].axes) == 2


def test_plot_pianoroll_puts_real_beside_generated(rolls, tmp_path):
    figure = plot_pianoroll(np.int64(50), Tensor(rolls), Tensor(rolls - 1.5), 45, 85, [0, 0, 0, 0], tmp_path)
    assert len(figure.axes) == 8
    melodies = [blocks(ax, COLOURS[0]) for ax in figure.axes]
    assert melodies[0::2] == [[(0, 16, 72 + n), (16, 32, 74 + n)] for n in range(4)]
    assert melodies[1::2] == [[]] * 4
    assert "50" in figure.axes[1].get_title(loc="left")
    plot_pianoroll("inference", rolls[:1], rolls[:1], save_dir=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sample_inference.png",
        "sample_iteration_00050.png",
    ]
    for path in tmp_path.iterdir():
        picture = plt.imread(path)
        assert picture.shape[0] % 2 == 0 and picture.shape[1] % 2 == 0
        assert np.all(picture[..., 3] == 1) and np.all(picture[0, 0] == 1)


def test_a_batch_of_another_shape_is_refused(rolls):
    with pytest.raises(ValueError, match=r"Expected xs \[sample"):
        show_pianoroll(rolls[0])
    with pytest.raises(ValueError, match=r"Expected fake_xs"):
        plot_pianoroll(1, rolls, rolls[:, :, :84])


def test_losses_are_drawn_raw_and_smoothed():
    rng = np.random.default_rng(0)
    generator, critic = rng.normal(size=40), rng.normal(3, 1, size=40)
    critic[7] = np.nan
    ax = plot_loss_logs(list(generator), critic, (6, 3), 0.2).axes[0]
    raw_g, smooth_g, raw_c, smooth_c = [line.get_ydata() for line in ax.lines[:4]]
    np.testing.assert_array_equal(raw_g, generator)
    np.testing.assert_array_equal(raw_c, critic)
    weight = 0.8 ** np.arange(39, -1, -1.0)
    assert smooth_g[-1] == pytest.approx(np.average(generator, weights=weight))
    assert smooth_g[0] == pytest.approx(generator[0])
    seen = np.isfinite(critic)
    assert smooth_c[-1] == pytest.approx(np.average(critic[seen], weights=weight[seen]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["generator", "critic"]
    with pytest.raises(ValueError, match="smoothing"):
        plot_loss_logs([1], [1], smoothing=0)


def test_drawing_leaves_no_trace(grid, rolls, tmp_path, monkeypatch):
    monkeypatch.setattr(display_utils, "display", lambda *_, **__: None)
    with mpl.rc_context():
        plt.style.use("dark_background")
        before = dict(mpl.rcParams)
        figure = draw_roll(grid)
        show_pianoroll(rolls)
        plot_pianoroll(0, rolls, rolls, save_dir=tmp_path)
        plot_loss_logs([1, 2], [2, 3])
        make_training_video(tmp_path, tmp_path / "movie.mp4")
        with pytest.raises(ValueError):
            draw_roll(rolls)
        assert dict(mpl.rcParams) == before
        assert not plt.isinteractive() and plt.get_fignums() == []
        assert figure.get_facecolor() == (1, 1, 1, 1)
        assert to_rgba(figure.axes[0].get_xticklabels()[0].get_color()) != (1, 1, 1, 1)


def test_playmidi_holds_a_labelled_mp3(grid, onset, tmp_path):
    player = playmidi(write_midi(tmp_path / "a & b.mid", grid, onset))
    assert isinstance(player, HTML)
    assert re.search(r'<audio controls [^>]*aria-label="a &amp; b.mid"', player.data)
    clip = base64.b64decode(re.search(r'src="data:audio/mpeg;base64,([^"]+)"', player.data).group(1))
    done = subprocess.run(
        [FFMPEG, "-f", "mp3", "-i", "pipe:0", "-f", "null", "-"], input=clip, capture_output=True
    )
    assert done.returncode == 0 and b"Audio: mp3" in done.stderr
    assert len(clip) < 100_000


def test_players_stand_side_by_side_in_order(grid, onset, tmp_path):
    path = write_midi(tmp_path / "a.mid", grid, onset)
    page = players({"melody <alone>": path, "take 1": str(path)}).data
    labels = ["melody &lt;alone&gt;", "take 1"]
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == labels
    assert re.findall(r'aria-label="(.*?)"', page) == labels


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"gone\.mid"):
        playmidi("gone.mid")


def test_the_video_plays_the_pictures_in_order(tmp_path, capfd):
    shades = {50: 0.0, 99_950: 0.5, 100_000: 1.0}  # as plain names, 100000 would come before 99950
    for iteration, shade in shades.items():
        plt.imsave(tmp_path / f"sample_iteration_{iteration:05d}.png", np.full((51, 101, 3), shade))
    plt.imsave(tmp_path / "sample_inference.png", np.zeros((10, 10, 3)))
    movie = tmp_path / "new" / "movie.mp4"
    video = make_training_video(tmp_path, movie)
    assert capfd.readouterr() == ("", "")
    assert isinstance(video, Video) and base64.b64encode(movie.read_bytes()).decode() in video._repr_html_()
    assert [path.name for path in movie.parent.iterdir()] == ["movie.mp4"]

    done = subprocess.run(
        [FFMPEG, "-i", movie, "-f", "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True
    )
    head = done.stderr.decode()
    assert re.search(r"Video: h264.*yuv420p\W.*102x52", head), head
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, 52, 102)
    np.testing.assert_allclose(frames[:, 20, 50] / 255, list(shades.values()), atol=0.05)
    assert imageio_ffmpeg.count_frames_and_secs(str(movie)) == (3, pytest.approx(3, abs=0.1))


def test_a_folder_that_makes_no_video_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"No sample_iteration_"):
        make_training_video(tmp_path / "gone")
    for iteration in (1, 2):
        plt.imsave(tmp_path / f"sample_iteration_{iteration:05d}.png", np.zeros((10, 10 + iteration, 3)))
    with pytest.raises(ValueError, match="different sizes"):
        make_training_video(tmp_path)


def test_runs_lie_over_one_another_each_with_its_own_line():
    histories = {f"run {n}": {"critic_loss": [float(n)] * (n + 2)} for n in range(9)}
    figure = display_utils.plot_runs(histories)
    lines = [line for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == [f"run {n} ({n + 2})" for n in range(9)]
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx(range(9))
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 9
