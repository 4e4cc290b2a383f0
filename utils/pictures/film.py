"""The film of a training: its samples, one after the other, with sound and losses."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Video
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from ..path_utils import atomic_write, generated_midi_path_for_iteration
from .curves import plot_loss_logs
from .style import DPI, new_figure, styled

FPS = 8  # of the video
FADING_FRAMES = 5
SECONDS_HEARD = 4.8  # two bars at tempo 100
VIDEO_SAMPLE_RATE = 44100  # Hz; at lower rates MP3 inside MP4 is not known everywhere
CHART_HEIGHT = 2.2  # inches
MARKER = "#000000"


def make_training_video(
    folder_dir, movie_path="movie.mp4", history=None, sample_dir=None, seconds=None, smoothing=0.05
):
    """Make a film of a training: its samples turn into one another, one picture after the other.

    Parameters
    ----------
    folder_dir : str or Path
        With ``sample_iteration_*.png`` of one size, as :func:`plot_pianoroll` writes them.
    movie_path : str or Path
        H.264 in the pixel format that browsers play, with MP3 sound, which VS Code plays too; an odd width
        or height is padded by one pixel.
    history : dict of str to list of float, optional
        ``generator_loss`` and ``critic_loss``, one item an iteration: drawn below the samples, with a
        marker that moves along.
    sample_dir : str or Path, optional
        With ``iteration-*.mid`` beside the pictures: heard from its beginning while a picture is seen.
    seconds : float, optional
        Of each picture; by default 4.8 with sound, two bars at tempo 100, and 1 without.
    smoothing : float in (0, 1]
        Of the losses, as in :func:`plot_loss_logs`.

    Returns
    -------
    IPython.display.Video
        With the video inside the page.

    Raises
    ------
    ValueError
        The folder holds no such picture, or pictures of different sizes.
    FileNotFoundError
        ``sample_dir`` lacks the MIDI file of a picture.
    """
    found = Path(folder_dir).glob("sample_iteration_*.png")
    files = sorted(found, key=lambda path: (len(path.name), path.name))  # 99950 before 100000
    if not files:
        raise ValueError(
            f"No sample_iteration_*.png in {folder_dir}. Train until the first samples are drawn, or give "
            "the folder where they are."
        )
    pictures = [np.uint8(np.round(255 * plt.imread(file)[..., :3])) for file in files]
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(
            f"The pictures in {folder_dir} have different sizes: {sizes}. Keep those of one run."
        )
    iterations = [int(file.stem.rpartition("_")[2]) for file in files]
    seconds = seconds or (SECONDS_HEARD if sample_dir is not None else 1.0)
    sound = None if sample_dir is None else _sound_of_samples(iterations, sample_dir, seconds)
    chart = None if history is None else _loss_chart(history, smoothing, pictures[0].shape[1])
    frames = _film(pictures, iterations, round(seconds * FPS), chart)
    movie = atomic_write(movie_path, lambda name: _write_film(name, frames, sound))

    label = f"Samples of the training, {len(pictures)} pictures"
    attributes = f'controls aria-label="{label}" style="max-width:100%"'
    return Video(str(movie), embed=True, mimetype="video/mp4", html_attributes=attributes)


def _film(pictures, iterations, frames, chart):
    """Yield the frames of a film, uint8 [height, width, 3] of even size.

    Each picture stands still and then fades into the next, while the marker moves on to its iteration.
    """
    fading = min(FADING_FRAMES, frames - 1)
    last = len(pictures) - 1
    for number, (picture, iteration) in enumerate(zip(pictures, iterations, strict=True)):
        following = min(number + 1, last)
        for frame in range(frames):
            share = max(0, frame - (frames - 1 - fading)) / (fading + 1) if number < last else 0
            blend = picture
            if share:
                blend = np.uint8(np.round((1 - share) * picture + share * pictures[following].astype(float)))
            if chart is not None:
                blend = np.concatenate(
                    [blend, chart((1 - share) * iteration + share * iterations[following])]
                )
            odd = [(0, size % 2) for size in blend.shape[:2]]
            yield np.pad(blend, (*odd, (0, 0)), constant_values=255)


@styled
def _loss_chart(history, smoothing, width):
    """Draw the losses once; the answer, called with an iteration, draws the marker into a copy."""
    figure = new_figure((width / DPI, CHART_HEIGHT))
    ax = figure.subplots()
    plot_loss_logs(history["generator_loss"], history["critic_loss"], smoothing=smoothing, ax=ax)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.array(canvas.buffer_rgba())[..., :3]
    (_, bottom), (_, top) = np.round(ax.bbox.get_points()).astype(int)
    rows = slice(len(picture) - top, len(picture) - bottom)
    red, green, blue = (round(255 * part) for part in to_rgb(MARKER))

    def marked(iteration):
        column = round(ax.transData.transform((iteration, 0))[0])
        copy = picture.copy()
        copy[rows, max(column - 1, 0) : column + 2] = red, green, blue
        return copy

    return marked


def _sound_of_samples(iterations, sample_dir, seconds):
    """Play the samples one after the other, each for so long: MP3."""
    from ..songs.sound import encode_mp3, render

    paths = [generated_midi_path_for_iteration(number, sample_dir) for number in iterations]
    length = round(seconds * VIDEO_SAMPLE_RATE)
    parts = []
    for path in paths:
        heard = render(path, VIDEO_SAMPLE_RATE, seconds=seconds)
        parts.append(np.pad(heard, ((0, length - len(heard)), (0, 0))))
    return encode_mp3(np.concatenate(parts), VIDEO_SAMPLE_RATE)


def _write_film(name, frames, sound):
    """Encode frames and join the sound as it is."""
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    first = next(frames)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "sound.mp3"
        clip.write_bytes(sound or b"")
        encoding = ["-crf", "30", "-tune", "animation", "-movflags", "+faststart"]
        size, audio = first.shape[1::-1], str(clip) if sound else None
        with FFMPEG_VideoWriter(name, size, FPS, audiofile=audio, ffmpeg_params=encoding) as writer:
            for frame in itertools.chain([first], frames):
                writer.write_frame(np.ascontiguousarray(frame))
