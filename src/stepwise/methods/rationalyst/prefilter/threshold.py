"""Which documents are mined: those near enough to texts that reason. Scores are given, so a new threshold is cheap."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.corpus.sources import CorpusError
from stepwise.params.rationalyst import RationalystPrefilterParams
from stepwise.records import Document, DocumentScore, iterate_jsonl


class Prefilter:
    """Documents whose score reaches the threshold, at most so many, the nearest first to be kept.

    `read` and `kept` count documents by source, once `documents` has been run through.
    """

    def __init__(self, params: RationalystPrefilterParams, documents: Path, scores: Path) -> None:
        self.folder, self.scores = documents, scores
        self.read: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.least = (params.threshold, -math.inf)
        """Score and negated place of the last document that is kept."""
        if params.documents:
            ranked = ((one.score, -float(place)) for place, one in enumerate(iterate_jsonl(scores, DocumentScore)))
            self.least = max(self.least, min(heapq.nlargest(params.documents, ranked), default=self.least))

    def documents(self) -> Iterator[Document]:
        """Kept documents in the order of the corpus.

        Raises:
            CorpusError: scores of other documents than these, or none that reaches the threshold.
        """
        scores = iterate_jsonl(self.scores, DocumentScore)
        for place, document in enumerate(manifest.all_documents(self.folder)):
            score = next(scores, None)
            if score is None or score.document_id != document.id:
                raise CorpusError(
                    f"{self.scores} is not about {document.id} of {self.folder}; run the stage rationalyst_embed again"
                )
            self.read[document.source] += 1
            if (score.score, -place) >= self.least:
                self.kept[document.source] += 1
                yield document
        if not self.kept:
            nearest = max(one.score for one in iterate_jsonl(self.scores, DocumentScore))
            raise CorpusError(
                f"no document of {self.folder} is kept: the nearest scores {nearest:.3f}; lower "
                "rationalyst_prefilter.threshold"
            )

    def counts(self) -> dict[str, float]:
        """Flat figures: documents read and kept, and the share kept, in total and by source."""
        total = sum(self.read.values())
        found: dict[str, float] = {"read": total, "kept": sum(self.kept.values())}
        found["share"] = round(found["kept"] / total, 4) if total else 0.0
        for source, count in sorted(self.read.items()):
            found[f"kept.{source}"] = self.kept[source]
            found[f"share.{source}"] = round(self.kept[source] / count, 4)
        return found
