"""The vocabulary: every file between two stages is JSONL of exactly one of these records.

Text is parsed into records once, where it comes in; nothing downstream parses another stage's text. No torch here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from stepwise.errors import StepwiseError

Split = Literal["train", "dev", "test"]
Form = Literal["n_cot", "p_cot", "formula", "scripted"]
"""How a solution is written: natural language, Python program, linear formula, a solver's numbered steps."""

Prompt = tuple[str, ...]
"""A prompt as pieces of text. Each piece is tokenised separately; an Example's spans have the same boundaries."""


class Record(BaseModel):
    """Base of all records: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(Record):
    """One step of a solution: a numbered line, a sentence or a program line."""

    text: str
    id: str = ""
    """The step's printed number, dotted where nested (`3.2`); empty where steps are not numbered."""


class Solution(Record):
    """Steps and the answer they lead to. `text` is the whole of what a model reads or writes."""

    text: str
    steps: tuple[Step, ...] = ()
    answer: str | None = None


class Problem(Record):
    """A question with its gold answer and, if the data has one, a reference solution."""

    id: str
    task: str
    split: Split
    question: str
    answer: str
    reference: Solution | None = None
    bin: str = "seen"
    """Difficulty as shown in reports: `seen` or `unseen` in training."""
    difficulty: str = ""
    """A finer division of the bin (`l3-4d22`, `8-10`, `2 steps`)."""
    choices: tuple[str, ...] = ()
    meta: dict[str, JsonValue] = Field(default_factory=dict)


class Document(Record):
    """A text to mine: a piece of a corpus, or a question with its solution."""

    id: str
    source: str
    """Name of the corpus source or of the task."""
    text: str
    answer: str | None = None
    """Gold answer of a solved question; a rationale must not give it away."""
    start: int = 0
    """Offset where mining begins; in a solved question, the end of the question."""
    meta: dict[str, JsonValue] = Field(default_factory=dict)


class DocumentScore(Record):
    """How similar a document is to texts that contain reasoning, as a cosine."""

    document_id: str
    source: str
    score: float = Field(ge=-1.0, le=1.0)


class Rationale(Record):
    """An implicit rationale: a note at a position in a document that should help to predict the text after it."""

    document_id: str
    source: str
    position: int
    """Character offset of the note in the document."""
    end: int
    """Offset of the end of the text that it should help to predict."""
    text: str


class ScoredRationale(Record):
    """Log-probabilities in nats of the tokens of `document[position:end]`, without and with the note before them."""

    rationale: Rationale
    plain: tuple[float, ...]
    aided: tuple[float, ...]


class JudgedRationale(Record):
    """A scored note and whether it is kept; `reasons` says why not."""

    rationale: Rationale
    gain: float
    """Discounted log-probability with the note minus that without, in nats."""
    keep: bool
    reasons: tuple[str, ...] = ()


class Feedback(Record):
    """A critic's or verifier's comment on a solution. `step` is None if nothing is wrong."""

    text: str
    kind: str = ""
    step: str | None = None
    segment: str | None = None


class Turn(Record):
    """A solution and the feedback on it."""

    solution: Solution
    feedback: Feedback | None = None


class Trajectory(Record):
    """Turns of text on the same problem, starting with the first attempt."""

    problem_id: str
    turns: tuple[Turn, ...]


class SampledTrajectory(Record):
    """A trajectory as a model wrote it."""

    problem_id: str
    sample: int = 0
    turns: tuple[Turn, ...] = ()
    """What could be read of it."""
    fault: str = ""
    """Why the last text cannot be read to its end; empty if it can."""
    unreadable: str = ""
    """The whole of that text."""
    tokens: int = 0
    """Tokens that the model wrote."""


class EditedTrajectory(Record):
    """A trajectory after its errors were corrected, or one that was rejected."""

    trajectory: Trajectory
    """As edited; if it was rejected, as the model wrote it."""
    sample: int = 0
    outcome: str = ""
    """How it was edited; empty if it was rejected."""
    rejected: str = ""
    """Why it was rejected; empty if it is kept."""


class Span(Record):
    """A stretch of a training text. With `weight` 0 the model reads it but gets no loss on it."""

    text: str
    weight: float = Field(default=1.0, ge=0.0)


class Example(Record):
    """A training text as spans, each tokenised separately, so that boundaries match in training and generation."""

    id: str
    spans: tuple[Span, ...]


class Verdict(Record):
    """A completion checked twice: with the paper's strict extraction and with the robust one."""

    strict_answer: str | None = None
    strict_correct: bool = False
    answer: str | None = None
    correct: bool = False
    isolation: str = ""
    """How a model-written program was run: `evaluator` (the sandbox's interpreter), `bwrap`, `unshare`, `unsafe` or
    `refused`; empty if there was none."""


class Prediction(Record):
    """A completion of a problem, with its verdict."""

    problem_id: str
    sample: int = 0
    text: str
    verdict: Verdict
    bin: str = "seen"
    difficulty: str = ""
    tokens: int = 0
    finish_reason: Literal["eos", "stop", "length"] = "eos"
    logprob: float | None = None
    """Sum of the completion's token log-probabilities in nats, if the backend returned them."""


class SampleScore(Record):
    """A reranker's score of a sample: the probability that it is right."""

    problem_id: str
    sample: int = 0
    score: float = Field(ge=0.0, le=1.0)


R = TypeVar("R", bound=BaseModel)
_REMEDY = "run the stage that writes it (`dvc repro` runs all stages)"


class RecordError(StepwiseError, ValueError):
    """A record file that is missing or invalid; the message names the file, the line and the remedy."""


def read_jsonl(path: str | Path, record: type[R]) -> list[R]:
    """Read a JSONL file of one record type. Raises RecordError naming the file and line of the first bad row."""
    return list(iterate_jsonl(path, record))


def iterate_jsonl(path: str | Path, record: type[R]) -> Iterator[R]:
    """Stream a JSONL file of one record type; see read_jsonl."""
    path = Path(path)
    if not path.is_file():
        raise RecordError(f"{path} does not exist; {_REMEDY}")
    number = 1
    with path.open(encoding="utf-8") as lines:
        try:
            for line in lines:
                yield record.model_validate_json(line)
                number += 1
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise RecordError(f"{path}, line {number}: {where}: {first['msg']}") from error
        except UnicodeDecodeError as error:
            raise RecordError(f"{path}, line {number} or later: no UTF-8 ({error.reason}); {_REMEDY}") from error


def write_jsonl(path: str | Path, records: Iterable[BaseModel]) -> int:
    """Write records as JSONL, whole or not at all. Returns the number of records."""
    count = 0
    with new_file(Path(path)) as out:
        for record in records:
            out.write(record.model_dump_json(exclude_defaults=True) + "\n")
            count += 1
    return count


def write_json(path: str | Path, value: Mapping[str, object] | Sequence[object]) -> None:
    """Write a JSON document (sorted keys, final newline), whole or not at all. Refuses NaN."""
    with new_file(Path(path)) as out:
        out.write(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_plot(path: str | Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows of a plot as JSON. Every row gets every column, null where it has no value.

    `dvc plots` drops a file whose first row lacks a column of a later one.
    """
    columns = dict.fromkeys(column for row in rows for column in row)
    write_json(path, [{column: row.get(column) for column in columns} for row in rows])


def file_hash(path: str | Path, algorithm: Literal["md5", "sha256"]) -> str:
    """The hexadecimal hash of a file's bytes; md5 is DVC's."""
    with Path(path).open("rb") as data:
        return hashlib.file_digest(data, algorithm).hexdigest()


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears under its name when the block succeeds."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        yield out


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`: what the block writes there replaces `path` when the block succeeds.

    The temporary name is always the same, so the next run overwrites what a killed one left behind, and it is never
    published beside the output.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
