"""Scores of notes with a shared prefix, against two full passes per note in plain batches.

In the baseline every note has two rows: the text before it with what follows, and the same with the note in between.
The rows come in the given order, in left-padded batches of 16, with logits for the last tokens only. Both sides score
the same tokens; gains must agree to 1e-3 in float32.

    python -m benchmarks.rationale_filter --model models/instruct/smollm2
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

import torch

from benchmarks.documents import prose
from benchmarks.inference import add_options, build, report
from stepwise.generation.engine.prefill import left_padded
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst import note_likelihoods
from stepwise.methods.rationalyst.filtering import gain
from stepwise.methods.rationalyst.mining.mine import places
from stepwise.methods.rationalyst.rendering import bracketed
from stepwise.methods.rationalyst.sentences import sentences
from stepwise.params.rationalyst import RationalystMiningParams, RationalystScoringParams
from stepwise.records import Document, Rationale
from stepwise.tokens import tokenise

DISCOUNT = 0.9
PARAMS = RationalystScoringParams()


def random_notes(documents: list[Document]) -> list[Rationale]:
    """A random sentence of the documents at every border, cut to the length of a note."""
    chance = random.Random(0)
    texts = [
        " ".join(sentence.split()[:20])
        for document in documents
        for sentence in sentences(document.text)
        if sentence.split()
    ]
    every = RationalystMiningParams(notes=1000)
    return [
        Rationale(
            document_id=document.id,
            source=document.source,
            position=place.position,
            end=place.end,
            text=chance.choice(texts),
        )
        for document in documents
        for place in places(document, every)
    ]


def two_readings(model: Any, tokenizer: Any, documents: list[Document], notes: list[Rationale]) -> tuple[Any, int]:
    """Both scores of each note from full passes, and how many tokens were read."""
    known = {document.id: document.text for document in documents}
    rows: list[tuple[list[int], list[int]]] = []
    for note in notes:
        text = known[note.document_id]
        before, inserted, tail = tokenise(
            tokenizer, [text[: note.position], bracketed(note.text), text[note.position : note.end]]
        )
        tail = tail[: PARAMS.tokens]
        rows += [(before, tail), (before + inserted, tail)]
    scores: list[list[float]] = []
    for start in range(0, len(rows), 16):
        batch = rows[start : start + 16]
        ids, mask = left_padded([head + tail for head, tail in batch], 0, model.device)
        kept = max(len(tail) for _, tail in batch) + 1
        with torch.inference_mode():
            positions = (mask.cumsum(-1) - 1).clamp(min=0)
            logits = model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=kept
            ).logits[:, :-1]
            chosen = logits.gather(-1, ids[:, 1 - kept :, None])[..., 0].float() - logits.float().logsumexp(-1)
        scores += [row[len(row) - len(tail) :] for row, (_, tail) in zip(chosen.tolist(), batch, strict=True)]
    return list(zip(scores[::2], scores[1::2], strict=True)), sum(len(head) + len(tail) for head, tail in rows)


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--characters", type=int, default=2000, help="longest document; the paper's is 2000")
    options = parser.parse_args()
    documents = prose(options.documents, options.characters)
    model, tokenizer = build(options, [document.text for document in documents])
    notes = random_notes(documents)
    backend = TransformersBackend(model, tokenizer, batch_tokens=16384)
    seconds: dict[str, list[float]] = {"two readings a note": [], "stepwise": []}
    two_readings(model, tokenizer, documents, notes[:2])  # warms up
    note_likelihoods.score(documents, notes[:2], backend, PARAMS)
    for _ in range(options.repeats):
        start = time.perf_counter()
        plain, plain_tokens = two_readings(model, tokenizer, documents, notes)
        middle = time.perf_counter()
        shared = note_likelihoods.score(documents, notes, backend, PARAMS)
        seconds["two readings a note"].append(middle - start)
        seconds["stepwise"].append(time.perf_counter() - middle)
    tokens = note_likelihoods.tokens_read(tokenizer, documents, notes, PARAMS)
    differences = [
        abs(gain(scored.plain, scored.aided, DISCOUNT) - gain(without, aided, DISCOUNT))
        for scored, (without, aided) in zip(shared, plain, strict=True)
    ]
    figures = {
        "documents": len(documents),
        "notes": len(notes),
        "tokens": {"two readings a note": plain_tokens, "stepwise": tokens},
        "fewer_tokens": round(plain_tokens / tokens, 2),
        "largest_difference_of_gains": max(differences),
    }
    rates = {name: [len(notes) / elapsed for elapsed in times] for name, times in seconds.items()}
    report(options, "notes/s", rates, "stepwise", figures, {})


if __name__ == "__main__":
    main()
