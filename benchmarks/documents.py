"""Documents that the benchmarks of RATIONALYST read."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.inference import mixed_texts
from stepwise.methods.rationalyst.sentences import borders
from stepwise.records import Document

SOURCES = ("openstax_physics", "rust_rfcs", "openstax_economics", "python_peps", "book_on_liberty")


def prose(count: int, length: int) -> list[Document]:
    """Pieces of at most `length` characters: web text of several sources in turn from STEPWISE_DATA, else random words.

    A piece begins and ends at a sentence's border.
    """
    folder = Path(os.environ.get("STEPWISE_DATA", "/nowhere")) / "webtext"
    if not folder.is_dir():
        texts = [f"{prompt.rstrip()}. {answer}. " for prompt, answer in mixed_texts(count * length // 100)]
        size = len(texts) // count
        joined = [
            "".join(texts[start : start + size])[:length].rpartition(".")[0] for start in range(0, len(texts), size)
        ]
        return [Document(id=f"random-{n}", source="random", text=f"{text}.") for n, text in enumerate(joined[:count])]
    streams = [_pieces(folder / f"{source}.jsonl.gz", source, length) for source in SOURCES]
    return [next(streams[number % len(streams)]) for number in range(count)]


def _pieces(path: Path, source: str, length: int) -> Iterator[Document]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(islice(lines, 2, None)):
            text = json.loads(line)["text"]
            cuts = [0, *borders(text)]
            start = next((cut for cut in cuts if cut >= length), None)
            stop = max((cut for cut in cuts if start is not None and start < cut <= start + length), default=None)
            if start is not None and stop is not None:
                yield Document(id=f"{source}-{number}", source=source, text=text[start:stop].strip())
