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

__all__ = [
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
    "spread",
    "summarise",
]
