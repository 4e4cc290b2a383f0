"""Where a model stands beside Bach, on held-out chorales: ``python -m utils.evaluation_utils --help``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .exam.exam import (
    evaluate,
    evaluate_alone,
    evaluate_creativity,
    evaluate_takes,
    read_evaluation,
    write_evaluation,
)
from .exam.given import evaluate_given, table_given
from .exam.tables import SHOWN, summarize, table, table_recipes
from .networks.store import load_network
from .path_utils import MODEL_DIR, PRETRAINED_DIR, atomic_write

__all__ = [
    "SHOWN",
    "evaluate",
    "evaluate_alone",
    "evaluate_creativity",
    "evaluate_given",
    "evaluate_takes",
    "read_evaluation",
    "summarize",
    "table",
    "table_given",
    "table_recipes",
    "write_evaluation",
]


def main(arguments=None):
    """Measure a model from the command line."""
    parser = argparse.ArgumentParser(description="Measure a model beside Bach on held-out chorales.")
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--networks", type=Path, default=PRETRAINED_DIR, metavar="FOLDER")
    parser.add_argument(
        "--alone", nargs="*", default=[], metavar="ROW=FILE", help="more generators to measure"
    )
    parser.add_argument("--creativity", action="store_true", help="measure the knob instead of the rows")
    parser.add_argument("--each-take", action="store_true", help="measure every take, as they are delivered")
    parser.add_argument("--given", action="store_true", help="measure what is written to any part")
    parser.add_argument("--takes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=MODEL_DIR / "evaluation.json")
    chosen = parser.parse_args(arguments)
    from .exam.figure import plot_evaluation

    generator, critic = (load_network(chosen.networks / f"{name}.npz") for name in ("generator", "critic"))
    others = dict(pair.split("=", 1) for pair in chosen.alone)
    others = {row: load_network(file) for row, file in others.items()}
    if chosen.given:
        evaluations = evaluate_given(chosen.split, generator, others)
        write_evaluation(chosen.output, evaluations)
        print(f"{table_given(evaluations)}\n\nTable: {chosen.output}")
        return
    if chosen.each_take:
        evaluation = evaluate_takes(chosen.split, generator, chosen.takes, chosen.seed)
        write_evaluation(chosen.output, evaluation)
        print(f"{table(summarize(evaluation), intervals=False)}\n\nTable: {chosen.output}")
        return
    if chosen.creativity:
        evaluation = evaluate_creativity(chosen.split, generator, takes=chosen.takes, seed=chosen.seed)
    else:
        evaluation = evaluate(chosen.split, generator, critic, others, chosen.takes, chosen.seed)
    write_evaluation(chosen.output, evaluation)
    picture = chosen.output.with_suffix(".png")
    summary = summarize(evaluation)
    figure = plot_evaluation(evaluation, SHOWN)
    atomic_write(picture, lambda name: figure.savefig(name, dpi=100))
    print(f"{table(summary)}\n\nTable: {chosen.output}\nFigure: {picture}")


if __name__ == "__main__":
    main()
