"""Checks of the lesson's exercises."""

from .lesson.exercises import check_count, check_one_sided, check_parallel_fifths, check_transposed

__all__ = ["check_count", "check_one_sided", "check_parallel_fifths", "check_transposed"]
