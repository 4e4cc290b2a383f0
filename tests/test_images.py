from dataclasses import replace
from itertools import combinations

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from images import draw

PICTURES = ("architecture", "pianoroll", "generator", "critic", "arrangement", "own")
GRID = np.array([[72, 65, 57, 50]] * 32)


@pytest.fixture(scope="module")
def tiny(lesson):
    """The lesson's networks with few filters, so that they run in no time."""
    config = replace(lesson.CLASSIC, filters=3, critic_steps=7)
    return config, lesson.build_generator(config), lesson.build_critic(config)


@pytest.fixture(scope="module")
def figures(tiny):
    config, generator, critic = tiny[0], *map(draw.read_levels, tiny[1:])
    return {
        "generator": draw.draw_generator(generator, GRID, draw.caption_of(config, config)),
        "critic": draw.draw_critic(critic, GRID, draw.caption_of(config, config)),
        "architecture": draw.draw_architecture(config, generator, critic, GRID, GRID),
    }


def texts_of(figure):
    return [text for ax in figure.axes for text in ax.texts]


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_wide_small_and_opaque(name):
    path = draw.ROOT / "images" / f"{name}.png"
    picture = plt.imread(path)
    assert picture.shape[1] >= 800
    assert path.stat().st_size < 150_000
    assert np.all(picture[..., 3:] == 1)
    assert np.all(picture[0] == 1)


def test_pictures_show_the_networks_of_the_lesson(lesson):
    generator = draw.describe(draw.read_levels(lesson.build_generator(lesson.CLASSIC)))
    critic = draw.describe(draw.read_levels(lesson.build_critic(lesson.CLASSIC)))
    drawn_from = {"generator": generator, "critic": critic, "architecture": f"{generator}; {critic}"}
    for name, description in drawn_from.items():
        picture = (draw.ROOT / "images" / f"{name}.png").read_bytes()
        assert description.encode("latin-1") in picture, f"{name}.png is out of date: make images"


def test_levels_have_the_shapes_that_come_out_of_the_layers(tiny, lesson):
    _, generator, critic = tiny
    melody, rolls, noise = (
        np.zeros((1, *s), "float32") for s in ((32, 128, 1), (32, 128, 4), lesson.NOISE_SHAPE)
    )
    for model, inputs in ((generator, (melody, noise)), (critic, (rolls, melody))):
        outputs = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers})(inputs)
        levels = draw.read_levels(model)
        assert len(levels) < len(outputs)
        for level in levels:
            assert level.shape == outputs[level.name].shape[1:], level.name
        assert levels[-1].shape == model(inputs).shape[1:]


def test_bridges_lead_from_each_size_to_the_same_size(tiny):
    levels = draw.read_levels(tiny[1])
    joins = [level for level in levels if level.kind == "Concatenate"]
    pairs = [
        [(levels[source].kind.split()[0], levels[source].shape) for source in join.sources] for join in joins
    ]
    assert pairs == [
        [("Conv2D", (2, 8, 24)), ("InputLayer", (2, 8, 512))],
        [("UpsampleConv2D", (4, 16, 12)), ("Conv2D", (4, 16, 12))],
        [("UpsampleConv2D", (8, 32, 6)), ("Conv2D", (8, 32, 6))],
        [("UpsampleConv2D", (16, 64, 3)), ("Conv2D", (16, 64, 3))],
    ]


def test_layers_that_keep_the_shape_follow_their_level(tiny):
    first, *others = (
        level.followers for level in draw.read_levels(tiny[1]) if level.kind.startswith("Conv2D")
    )
    assert first == ("LeakyReLU",)
    assert others == [("LeakyReLU", "BatchNormalization")] * 3


def test_a_changed_network_changes_the_picture(figures):
    written = {name: {text.get_text() for text in texts_of(figure)} for name, figure in figures.items()}
    assert all(
        "the classic recipe, 3 filters (the tour has 3)" in written[name] for name in ("generator", "critic")
    )
    assert written["generator"] >= {"16 × 64 × 3", "2 × 8 × 24", "2 × 8 × (24 + 512)", "16 × 64 × (3 + 3)"}
    assert written["critic"] >= {"32 × 128 × 5", "16 × 64 × 3", "2 × 8 × 24", "384", "score"}
    assert "7 updates" in written["architecture"]


@pytest.mark.parametrize("name", ("generator", "critic", "architecture"))
def test_texts_are_large_enough_on_the_page_and_apart(figures, name):
    figure = figures[name]
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = texts_of(figure)
    assert min(text.get_fontsize() for text in texts) >= 11 * draw.POINT
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert all(figure.bbox.containsx(x) for box in boxes for x in box.intervalx)
    assert all(figure.bbox.containsy(y) for box in boxes for y in box.intervaly)
    for (one, a), (other, b) in combinations(zip(texts, boxes, strict=True), 2):
        assert not a.overlaps(b), f"{one.get_text()!r} lies on {other.get_text()!r}"


def test_the_speedrun_shows_a_line_for_each_run_and_where_bach_is():
    one = {"alto": 0.3, "tenor": 0.2, "bass": 0.1, "chordal": 0.9}
    results = {
        f"{recipe}-{seed}": {
            "recipe": recipe,
            "evaluations": [{"seconds": s, "gap": s / 100 + seed / 10, **one} for s in (10.0, 30.0)],
        }
        for recipe in ("tour", "best")
        for seed in (0, 1)
    }
    gap, accuracy = draw.draw_speedrun(results, bach=0.55).axes
    ends = sorted(
        line.get_ydata()[-1] for line in gap.lines if len(line.get_ydata()) and line.get_lw() == 1.5
    )
    assert [end for end in ends if end > 0] == pytest.approx([0.3, 0.3, 0.4, 0.4])
    assert 0.55 in [line.get_ydata()[0] for line in gap.lines if len(line.get_ydata())]
    assert [text.get_text() for text in gap.get_legend().get_texts()] == ["tour", "best"]
    assert max(line.get_ydata().max() for line in accuracy.lines if len(line.get_ydata())) == pytest.approx(
        0.2
    )
