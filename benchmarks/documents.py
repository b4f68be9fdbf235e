"""Documents for the benchmarks of RATIONALYST."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stepwise.methods.rationalyst.sentences import borders
from stepwise.records import Document

SOURCES = ("openstax_physics", "rust_rfcs", "openstax_economics", "python_peps", "book_on_liberty")


def prose(count: int, length: int) -> list[Document]:
    """Pieces of at most `length` characters: web text from STEPWISE_DATA, its sources in turn, else random words.

    A piece begins and ends at a sentence border.
    """
    folder = Path(os.environ.get("STEPWISE_DATA", "/nowhere")) / "webtext"
    if not folder.is_dir():
        return [
            Document(id=f"random-{number}", source="random", text=_random(number, length)) for number in range(count)
        ]
    streams = [_pieces(folder / f"{source}.jsonl.gz", source, length) for source in SOURCES]
    return [next(streams[number % len(streams)]) for number in range(count)]


def _random(number: int, length: int) -> str:
    chance, text = random.Random(number), ""
    words = ["farmer", "apples", "gives", "pears", "friend", "sells", "market"]
    while len(text) < length - 120:
        text += " ".join(["The", *chance.choices(words, k=chance.randint(6, 14))]) + ". "
    return text.strip()


def _pieces(path: Path, source: str, length: int) -> Iterator[Document]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(islice(lines, 2, None)):
            text = json.loads(line)["text"]
            cuts = [0, *borders(text)]
            start = next((cut for cut in cuts if cut >= length), None)
            stop = max((cut for cut in cuts if start is not None and start < cut <= start + length), default=None)
            if start is not None and stop is not None:
                yield Document(id=f"{source}-{number}", source=source, text=text[start:stop].strip())
