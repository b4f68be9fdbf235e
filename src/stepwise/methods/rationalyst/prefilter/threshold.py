"""Selects the documents to mine: those similar enough to reasoning data. Scores exist already, so this is cheap."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.params.rationalyst import RationalystPrefilterParams
from stepwise.records import Document, DocumentScore, iterate_jsonl


class Prefilter:
    """Selects the documents whose score reaches the threshold and, if their number is limited, the best of them.

    `read` and `kept` count documents by source; they are complete once `documents` is exhausted.
    """

    def __init__(self, params: RationalystPrefilterParams, documents: Path, scores: Path) -> None:
        self.folder, self.scores = documents, scores
        self.read: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.least = (params.threshold, -math.inf)
        """Score and negated place of the lowest-ranked document that is kept."""
        if params.documents:
            rows = enumerate(iterate_jsonl(scores, DocumentScore))
            ranked = ((document.score, -float(place)) for place, document in rows)
            self.least = max(self.least, min(heapq.nlargest(params.documents, ranked), default=self.least))

    def documents(self) -> Iterator[Document]:
        """The selected documents in the order of the corpus.

        Raises:
            CorpusError: the scores belong to other documents, or none reaches the threshold.
        """
        scores = iterate_jsonl(self.scores, DocumentScore)
        for place, document in enumerate(manifest.all_documents(self.folder)):
            score = next(scores, None)
            if score is None or score.document_id != document.id:
                raise CorpusError(
                    f"{self.scores} has no score of {document.id} of {self.folder} in its place; "
                    "run the stage rationalyst_embed again"
                )
            self.read[document.source] += 1
            if (score.score, -place) >= self.least:
                self.kept[document.source] += 1
                yield document
        if not self.kept:
            best = max(document.score for document in iterate_jsonl(self.scores, DocumentScore))
            raise CorpusError(
                f"no document of {self.folder} is kept: the best score is {best:.3f}; lower "
                "rationalyst_prefilter.threshold"
            )

    def counts(self) -> dict[str, float]:
        """Flat metrics: documents read and kept, and the share kept, in total and by source."""
        total = sum(self.read.values())
        metrics: dict[str, float] = {"read": total, "kept": sum(self.kept.values())}
        metrics["share"] = round(metrics["kept"] / total, 4) if total else 0.0
        for source, count in sorted(self.read.items()):
            metrics[f"kept.{source}"] = self.kept[source]
            metrics[f"share.{source}"] = round(self.kept[source] / count, 4)
        return metrics
