"""How well a model answers: `answer` gives checked predictions, `summarise` and `compare` the numbers of them."""

from stepwise.evaluation.answering import answer, dev_accuracy, evaluate, spread
from stepwise.evaluation.metrics import (
    EvaluationError,
    accuracy,
    at_k,
    by_cell,
    cluster,
    compare,
    one_each,
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
    "dev_accuracy",
    "evaluate",
    "one_each",
    "spread",
    "summarise",
]
