import base64
import itertools
import re
import subprocess
import sys
from fractions import Fraction

import imageio_ffmpeg
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.display import HTML, Video
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from utils.exam.figure import plot_evaluation
from utils.music.grid import grid_to_roll
from utils.pictures.curves import plot_loss_logs, plot_metrics, plot_runs, plot_slopes
from utils.pictures.film import make_training_video
from utils.pictures.heaps import draw_critics
from utils.pictures.page import players, playmidi, show_score
from utils.pictures.rolls import draw_roll, plot_pianoroll, show_pianoroll
from utils.pictures.style import COLORS, FAINT, save_png, show_picture
from utils.songs.score import write_musicxml
from utils.songs.write_midi import write_midi

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


def blocks(ax, color):
    """List the note blocks of one color: (start, end, pitch)."""
    corners = [
        path.vertices[:4]
        for collection in ax.collections
        if len(collection.get_facecolor()) and tuple(collection.get_facecolor()[0]) == to_rgba(color)
        for path in collection.get_paths()
    ]
    return sorted((c[:, 0].min(), c[:, 0].max(), c[:, 1].mean().round(6)) for c in corners)


def labels_fit(figure):
    """Check that nothing drawn leaves the canvas, and that no two labels of an axis touch."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (left, bottom), (right, top) = figure.get_tightbbox(canvas.get_renderer()).get_points() * figure.dpi
    width, height = figure.bbox.size
    assert left >= 0 and bottom >= 0 and right <= width and top <= height
    for ax in figure.axes:
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            labels = [
                tick.label1.get_window_extent()
                for tick in axis.get_major_ticks()
                if tick.label1.get_visible() and tick.label1.get_text() and low <= tick.get_loc() <= high
            ]
            assert not any(one.overlaps(other) for one, other in itertools.pairwise(labels))


def test_every_note_is_one_block_at_its_time_and_pitch(grid, onset):
    ax = draw_roll(grid, onset).axes[0]
    assert blocks(ax, COLORS[0]) == [(0, 16, 72), (16, 32, 74)]
    assert blocks(ax, COLORS[1]) == [(0, 8, 64), (8, 32, 64)]
    assert blocks(ax, COLORS[2]) == [(20, 24, 55)]
    assert blocks(ax, COLORS[3]) == [(0, 32, 43)]
    low, high = ax.get_ylim()
    assert low < 42.5 and high > 74.5


def test_without_onsets_repeated_notes_fuse(grid):
    assert blocks(draw_roll(grid).axes[0], COLORS[1]) == [(0, 32, 64)]


def test_a_raw_roll_shows_every_cell_above_zero():
    roll = np.full((8, 128, 2), -0.5, np.float32)
    roll[2:5, 60, 0] = 0.1
    roll[4:8, 67, 0] = 0.9
    roll[6:, 60, 0] = 0.2
    roll[0, 50, 1] = 1e-3
    ax = draw_roll(Tensor(roll)).axes[0]
    assert blocks(ax, COLORS[0]) == [(2, 5, 60), (4, 8, 67), (6, 8, 60)]
    assert blocks(ax, COLORS[1]) == [(0, 1, 50)]


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


def test_many_axes_are_drawn_into_and_handed_back(rolls):
    axes = Figure().subplots(2, 2)
    assert plot_pianoroll(3, rolls, rolls, axes=axes[:1]) is not None
    assert blocks(axes[0, 1], COLORS[0]) and not axes[1, 0].collections
    evaluation = {"rows": {"real Bach": {"a": [0.5, 1.5]}, "network": {"a": [1.5, None]}}}
    assert plot_evaluation(evaluation, ["a"], axes=axes) is axes
    measures = {"iteration": np.arange(3), "share": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])}
    band = {"share": np.array([[0.4, 0.5], [0.6, 0.7]])}
    drawn = Figure().subplots(1, 2, squeeze=False)
    options = {"reference": {"share": np.array([0.5, 0.6])}, "band": band, "axes": drawn}
    assert plot_metrics(measures, {"share": "a share"}, **options) is drawn
    (patch,) = drawn[0, 1].patches
    assert (patch.get_y(), patch.get_height()) == pytest.approx((0.5, 0.2))
    legend = [text.get_text() for text in drawn[0, 0].get_legend().get_texts()]
    assert legend == ["real, 90%", "generated", "real"]


def test_bars_and_notes_are_named(grid):
    ax = draw_roll(np.tile(grid, (2, 1)), pickup=4).axes[0]
    assert list(ax.get_xticks()) == [4, 20, 36, 52]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3", "4"]
    names = dict(zip(ax.get_yticks(), [tick.get_text() for tick in ax.get_yticklabels()], strict=True))
    assert names[60] == "C4" and names[48] == "C3"
    assert list(draw_roll(grid, steps_per_bar=12).axes[0].get_xticks()) == [0, 12, 24]


def lines_at(ax, color):
    """List where vertical lines of one color stand."""
    return sorted(
        path.vertices[0, 0]
        for collection in ax.collections
        if len(collection.get_edgecolor()) and tuple(collection.get_edgecolor()[0]) == to_rgba(color)
        if collection.get_zorder() < 3
        for path in collection.get_paths()
    )


def test_bars_of_any_meter_can_be_drawn(grid):
    ax = draw_roll(grid, steps_per_bar=12, steps_per_beat=6, pickup=2).axes[0]  # 6/8
    assert lines_at(ax, "#888888") == [2, 14, 26]
    assert lines_at(ax, FAINT) == [2, 8, 14, 20, 26, 32]
    ax = draw_roll(grid, bars=[3, 19, 31]).axes[0]  # 4/4, then 3/4
    assert lines_at(ax, "#888888") == [3, 19, 31] == list(ax.get_xticks())
    assert lines_at(ax, FAINT) == [3, 7, 11, 15, 19, 23, 27, 31]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3"]


@pytest.mark.parametrize("steps", [1, 7, 3000])
def test_any_length_can_be_drawn(steps):
    ax = draw_roll(np.full((steps, 4), 60)).axes[0]
    assert ax.get_xlim()[1] == steps
    assert 1 <= len(ax.get_xticks()) <= 20


def test_silence_can_be_drawn():
    assert blocks(draw_roll(np.full((32, 4), -1)).axes[0], COLORS[0]) == []


def test_notes_outside_the_axis_are_counted(grid):
    remarks = [text.get_text() for text in draw_roll(grid, min_pitch=45, max_pitch=85).axes[0].texts]
    assert remarks == ["1 note lies outside A2 to C#6, not drawn"]
    assert not draw_roll(grid, min_pitch=43).axes[0].texts


def test_the_legend_names_the_voices(grid):
    legend = draw_roll(grid).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["soprano", "alto", "tenor", "bass"]
    assert [line.get_color() for line in legend.get_lines()] == list(COLORS[:4])
    five = draw_roll(np.full((4, 5), 60)).axes[0].get_legend()
    assert len(five.get_texts()) == 5
    assert draw_roll(grid, legend=False).axes[0].get_legend() is None


@pytest.mark.parametrize(
    ("music", "onset", "message"),
    [
        (np.zeros((1, 32, 128, 4)), None, r"take one sample"),
        (np.zeros((32, 84, 4)), None, r"found shape \(32, 84, 4\)"),
        (np.zeros((32, 4), int), np.zeros((32, 3), bool), r"Expected onsets of shape \(32, 4\)"),
        (np.zeros((32, 128, 4)), np.zeros((32, 4), bool), "Onsets belong to a grid"),
        (np.zeros((32, 10), int), None, "at most 9 voices"),
    ],
)
def test_what_is_no_music_is_refused(music, onset, message):
    with pytest.raises(ValueError, match=message):
        draw_roll(music, onset)


def test_show_pianoroll_displays_the_first_sample_once(rolls, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("utils.pictures.rolls.display", lambda figure, **_: shown.append(figure))
    assert show_pianoroll(Tensor(rolls), 45, 85, [0, 0, 0, 19], tmp_path) is None
    (figure,) = shown
    assert [blocks(ax, color) for ax, color in zip(figure.axes, COLORS, strict=False)] == [
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
    monkeypatch.setattr("utils.pictures.rolls.display", lambda figure, **_: shown.append(figure))
    show_pianoroll(rolls[..., :3], programs=[0, 0, 0])
    assert [bool(blocks(ax, c)) for ax, c in zip(shown[0].axes, COLORS, strict=False)] == [True] * 3 + [False]
    assert not shown[0].axes[3].axison
    show_pianoroll(rolls[..., :2])
    assert len(shown[1].axes) == 2


def test_plot_pianoroll_puts_real_beside_generated(rolls, tmp_path):
    figure = plot_pianoroll(np.int64(50), Tensor(rolls), Tensor(rolls - 1.5), 45, 85, [0, 0, 0, 0], tmp_path)
    assert len(figure.axes) == 8
    melodies = [blocks(ax, COLORS[0]) for ax in figure.axes]
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


MEASURES = {name: f"{name}\n(semitones)" for name in ("share", "pitch_histogram_distance")}
EXTREME = np.array([[-38700.0, 106.0], *[[-7.0 - n / 1e3, 8.0] for n in range(99)]])


def evaluation_of(rows):
    rng = np.random.default_rng(0)
    return {"rows": {row: {name: rng.normal(size=9) for name in ("a share", "phrases end")} for row in rows}}


def drawn_metrics():
    values = np.repeat([[70.0, 3.0]], 100, axis=0) / np.arange(1, 101)[:, None]
    metrics = {"iteration": np.arange(100)} | dict.fromkeys(MEASURES, values)
    return plot_metrics(metrics, MEASURES, dict.fromkeys(MEASURES, values[-1]))


# Every function that draws a figure, with what is hard to fit in, and words that its description must hold.
FIGURES = {
    "roll": (lambda grid: draw_roll(grid, title="A hymn"), "A hymn. soprano 2 notes, C5 to D5; alto 1 note"),
    "long roll": (lambda grid: draw_roll(np.tile(grid, (99, 1)), min_pitch=60), "bass 1 note, G2 to G2"),
    "real and generated": (
        lambda grid: plot_pianoroll(12345, *2 * [grid_to_roll(np.stack([grid] * 4))]),
        "generated, iteration 12345: soprano 8 notes",
    ),
    "losses": (lambda _: plot_loss_logs(*EXTREME.T), "generator goes from -38700.00 to"),
    "runs": (
        lambda _: plot_runs({name: {"critic_loss": EXTREME[:, 0]} for name in ("one", "two" * 20)}),
        "critic loss against iteration: one (100) goes from -38700.00",
    ),
    "gap": (
        lambda _: plot_runs(
            {"a": {"critic_loss": [0], "seconds": [1], "tests": {"iteration": [0], "gap": [0.5]}}},
            "gap",
            0.54,
        ),
        "a (1) stays at 0.50; Bach 0.54",
    ),
    "metrics": (lambda _: drawn_metrics(), "share (semitones): track 0 0.70 (real 0.70), track 1 0.03"),
    "slopes": (
        lambda _: plot_slopes([None, *np.abs(EXTREME[:, 0])]),
        "Slope of the critic against the iterations: goes from 38700.00",
    ),
    "critics": (
        lambda _: draw_critics({"free": lambda x: 9 * x, "bounded": lambda x: x}, np.ones(3), np.zeros(3)),
        "free: real - generated = 9.0; at its steepest the score rises by 9.0 a unit.",
    ),
    "evaluation": (
        lambda _: plot_evaluation(evaluation_of(["real Bach", "a row " * 6]), ["a share", "phrases end"]),
        "a share: real Bach",
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_labels_lie_inside_their_picture_and_apart(name, grid):
    draw, words = FIGURES[name]
    figure = draw(grid)
    assert words in figure.alt
    labels_fit(figure)


def test_a_voice_a_panel_fits_in_as_well(rolls, monkeypatch):
    shown = []
    monkeypatch.setattr("utils.pictures.rolls.display", shown.append)
    show_pianoroll(rolls, programs=(19, 71, 70, 43))
    assert "bass 1 note, G2 to G2" in shown[0].alt
    labels_fit(shown[0])


@pytest.mark.parametrize("side", [1, -1])
def test_the_beginning_does_not_squeeze_the_rest(side):
    loss = side * EXTREME[:, 0]
    ax = plot_runs({"one": {"critic_loss": loss}}, smoothing=1).axes[0]
    assert np.abs(ax.get_ylim()).max() < 20
    which = "down to \N{MINUS SIGN}" if side == 1 else "up to "
    assert [text.get_text() for text in ax.texts] == [f"at first, {which}38,700"]
    late = plot_runs({"one": {"critic_loss": loss[::-1]}}, smoothing=1).axes[0]  # an explosion is to be seen
    assert np.abs(late.get_ylim()).max() > 38_700 and not late.texts


def test_a_run_with_one_test_is_a_dot():
    ax = FIGURES["gap"][0](None).axes[0]
    assert [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "o"] == [[0.5]]


def test_a_figure_is_shown_with_its_words(grid, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append((data, how)))
    figure = draw_roll(grid, title='"A" & B')
    figure._ipython_display_()
    save_png(figure, tmp_path / "a.png")
    show_picture(tmp_path / "a.png", width=550)
    for (data, how), size in zip(shown, [(1100, 450), (550, 225)], strict=True):
        assert how == {
            "raw": True,
            "metadata": {"image/png": {"alt": figure.alt, "width": size[0], "height": size[1]}},
        }
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert data["text/plain"] == figure.alt
        escaped = figure.alt.replace("&", "&amp;").replace('"', "&quot;")
        assert f'<img alt="{escaped}" width="{size[0]}" height="{size[1]}"' in data["text/html"]
        assert data["image/png"] in data["text/html"]


def test_drawing_leaves_no_trace(grid, rolls, tmp_path, monkeypatch):
    monkeypatch.setattr("utils.pictures.rolls.display", lambda *_, **__: None)
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


def test_playmidi_holds_a_labeled_mp3(grid, onset, tmp_path):
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
    assert re.findall(r' title="(.*?)"', page) == labels  # what Jupyter leaves of it, untrusted


def test_a_limit_in_seconds_is_named_where_it_cuts(grid, onset, tmp_path):
    long = write_midi(tmp_path / "long.mid", np.tile(grid, (4, 1)), np.tile(onset, (4, 1)))
    short = write_midi(tmp_path / "short.mid", grid[:8], onset[:8])
    page = players({"long": long, "short": short}, seconds=4).data
    assert re.findall(r'aria-label="(.*?)"', page) == ["long (first 4 s)", "short"]
    clips = [base64.b64decode(clip) for clip in re.findall(r'base64,([^"]+)"', page)]
    assert len(clips[0]) == pytest.approx(4 * 40_000 / 8, rel=0.1)


def score(path, title=None):
    """Write two bars of 3/4 after a pickup."""
    upper = [(Fraction(n), Fraction(n + 1), 67 + n % 3) for n in range(7)]
    lower = [(Fraction(0), Fraction(1), 43), (Fraction(1), Fraction(7), 48)]
    return write_musicxml(path, [("high & low", 0, upper), ("bass", 0, lower)], [(0, 3, 4)], pickup=1)


def pictures_of(page):
    """List the pictures of a page: alt text, kind, bytes."""
    found = re.findall(r'<img alt="(.*?)"[^>]*src="data:image/(.*?);base64,(.*?)">', page.data)
    return [(alt, kind, base64.b64decode(data)) for alt, kind, data in found]


def test_a_score_is_shown_on_white_paper_with_a_label(tmp_path):
    pytest.importorskip("verovio")
    page = show_score(score(tmp_path / "my <song>.musicxml"), bars=1)
    assert isinstance(page, HTML) and "background:white" in page.data
    ((alt, kind, svg),) = pictures_of(page)
    assert alt == "Score of my &lt;song&gt;, the first 1 of 2 bars" and kind == "svg+xml"
    assert svg.count(b'class="measure"') == 2
    ((alt, _, closed),) = pictures_of(show_score(tmp_path / "my <song>.musicxml", "choir", label="A song"))
    assert alt == "A song" and closed.count(b'class="staff"') == 3
    with pytest.raises(FileNotFoundError, match=r"gone\.musicxml"):
        show_score("gone.musicxml")


def test_without_verovio_a_score_is_shown_as_a_roll(tmp_path, monkeypatch):
    path = score(tmp_path / "a.musicxml")
    drawn = []
    monkeypatch.setitem(sys.modules, "verovio", None)
    monkeypatch.setattr(
        "utils.pictures.page.draw_roll", lambda *a, **k: drawn.append((a, k)) or draw_roll(*a, **k)
    )
    ((alt, kind, png),) = pictures_of(show_score(path))
    assert alt == "Score of a, 2 bars" and kind == "png" and png.startswith(b"\x89PNG")
    (((grid, onset), options),) = drawn
    assert grid.shape == (28, 2) and list(grid[[0, 4, 27], 0]) == [67, 68, 67]
    assert list(np.flatnonzero(onset[:, 1])) == [0, 4]
    assert options["bars"] == [4, 16, 28] and options["names"] == ["high & low", "bass"]


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"gone\.mid"):
        playmidi("gone.mid")


def film(movie, height, width):
    """Decode a film: what ffmpeg says of it, and its frames in gray."""
    command = [FFMPEG, "-i", movie, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stderr.decode(), np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)


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

    head, frames = film(movie, 52, 102)
    assert re.search(r"Video: h264.*yuv420p\W.*102x52", head) and "Audio" not in head, head
    gray = frames.reshape(3, -1, 52, 102)[:, :, 20, 50] / 255
    np.testing.assert_allclose(gray[:, 0], list(shades.values()), atol=0.05)
    assert 0.05 < gray[0, -1] < 0.5 < gray[1, -1] < 0.95  # on the way to the next
    assert np.all(np.diff(gray[0]) > -0.02)
    assert imageio_ffmpeg.count_frames_and_secs(str(movie))[1] == pytest.approx(3, abs=0.1)


def test_the_video_has_losses_with_a_marker_and_sound(grid, onset, tmp_path):
    pitches = {0: 60, 10: 72, 20: 67}
    for iteration, pitch in pitches.items():
        plt.imsave(tmp_path / f"sample_iteration_{iteration:05d}.png", np.ones((60, 400, 3)))
        voice = np.full((32, 1), pitch)
        write_midi(tmp_path / f"iteration-{iteration}.mid", voice, voice == 0, names=["one"], programs=[19])
    history = {"generator_loss": [1.0] * 21, "critic_loss": [2.0] * 21}
    movie = tmp_path / "movie.mp4"
    make_training_video(tmp_path, movie, history, tmp_path, seconds=2)
    assert movie.stat().st_size < 100_000
    head, frames = film(movie, 60 + 220, 400)
    assert re.search(r"Audio: mp3.*44100 Hz, stereo", head), head

    # Only the marker is dark all the way up and down.
    columns = [int(np.flatnonzero(np.all(frame[110:170] < 100, axis=0)).mean()) for frame in frames]
    assert np.all(np.diff(columns) >= 0) and len(columns) == 6 * 8
    places = [columns[0], columns[16], columns[-1]]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=2) and places[1] > places[0] + 50

    command = [FFMPEG, "-v", "error", "-i", movie, "-f", "f32le", "-"]
    sound = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)[::2]
    assert -6 < 20 * np.log10(np.abs(sound).max()) < -0.5
    for second, pitch in zip((0.3, 2.3, 4.3), pitches.values(), strict=True):
        heard = sound[int(second * 44100) : int((second + 1) * 44100)]
        loudest = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).argmax() * 44100 / len(heard)
        assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.01)
    with pytest.raises(FileNotFoundError, match=r"iteration-20\.mid"):
        (tmp_path / "iteration-20.mid").unlink()
        make_training_video(tmp_path, movie, history, tmp_path)


def test_a_folder_that_makes_no_video_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"No sample_iteration_"):
        make_training_video(tmp_path / "gone")
    for iteration in (1, 2):
        plt.imsave(tmp_path / f"sample_iteration_{iteration:05d}.png", np.zeros((10, 10 + iteration, 3)))
    with pytest.raises(ValueError, match="different sizes"):
        make_training_video(tmp_path)


def test_runs_lie_over_one_another_each_with_its_own_line():
    histories = {f"run {n}": {"critic_loss": [float(n)] * (n + 2)} for n in range(9)}
    (ax,) = plot_runs(histories).axes
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == [f"run {n} ({n + 2})" for n in range(9)]
    lines = [line for line in ax.lines if len(line.get_ydata()) > 1 and line.get_linewidth() == 2]
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx(range(9))
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 9


def test_listening_tests_stand_at_their_seconds_of_training_and_old_runs_have_none():
    tests = {"iteration": [0, 2], "conditioning gap": [0.1, 0.4]}
    new = {"critic_loss": [0.0] * 3, "seconds": [5.0, 1.0, 2.0], "tests": tests}
    histories = {"old": {"critic_loss": [0.0], "seconds": [1.0]}, "new": new}
    (ax,) = plot_runs(histories, "conditioning gap", bach=0.5).axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["new (3)", "Bach"]
    (curve,) = (line for line in ax.lines if line.get_linewidth() == 2 and len(line.get_xdata()) > 1)
    assert curve.get_xdata().tolist() == [5, 8] and curve.get_ydata().tolist() == [0.1, 0.4]
    assert [0.5, 0.5] in [list(line.get_ydata()) for line in ax.lines] and "seconds" in ax.get_xlabel()
