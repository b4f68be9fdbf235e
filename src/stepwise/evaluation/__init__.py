"""How well a model answers problems: `answer` returns checked predictions, `summarise` and `compare` score them."""

from stepwise.evaluation.answering import answer, dev_accuracy, evaluate, spread
from stepwise.evaluation.metrics import (
    EvaluationError,
    accuracy,
    at_k,
    by_cell,
    cluster,
    compare,
    correct_by_problem,
    summarise,
)
from stepwise.evaluation.self_correction import Attempts, self_correction

__all__ = [
    "Attempts",
    "EvaluationError",
    "accuracy",
    "answer",
    "at_k",
    "by_cell",
    "cluster",
    "compare",
    "correct_by_problem",
    "dev_accuracy",
    "evaluate",
    "self_correction",
    "spread",
    "summarise",
]
