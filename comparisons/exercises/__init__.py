"""Exercises that answer back: what a learner writes, compared with the truth, and what is wrong.

``exercises()`` is all of them by name, in the order of the lesson. A teacher's own are ``Exercise``
objects in a Python file: see docs/exercises.md.

    exercise      what an exercise is
    chapters      the exercises, one chapter a file
    registry      all of them, those of the teacher included
    questions     what is asked, as problems that a diagnosis understands
    signature     the learner's words for arrays, and ours
    attempt       the learner's code: loaded, called, its answer taken as it is
    checking      an attempt, case by case, to an outcome
    words         a diagnosis in the learner's words
    starting      the file that a learner starts from
    worker        the process that runs a learner's code, and ``running`` who watches it
    progress      what a learner has done so far
    grading       a whole class's files
    elsewhere     who computes the same thing in PyTorch and in JAX
"""

from __future__ import annotations

from .exercise import Case, Exercise, ExerciseError, Formula, Learning
from .registry import exercises

__all__ = ["Case", "Exercise", "ExerciseError", "Formula", "Learning", "exercises"]
