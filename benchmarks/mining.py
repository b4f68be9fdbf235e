"""Notes generated at given places of a document, against the released protocol, in which the model copies the document.

Both sides use the same model, documents and examples, in batches with the same number of cached tokens.

    python -m benchmarks.mining --model models/instruct/smollm2
"""

from __future__ import annotations

import argparse
import time

from benchmarks.documents import prose
from benchmarks.inference import add_options, build, report
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst.mining.mine import mine
from stepwise.methods.rationalyst.mining.prompts import guide
from stepwise.params.rationalyst import RationalystMiningParams


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(repeats=1)
    parser.add_argument("--documents", type=int, default=16)
    parser.add_argument("--characters", type=int, default=700)
    parser.add_argument("--batch-tokens", type=int, default=16384)
    parser.add_argument("--notes", type=int, default=6)
    options = parser.parse_args()
    documents = prose(options.documents, options.characters)
    corpus_guide = guide("corpus")
    texts = [document.text for document in documents] + [corpus_guide.model_dump_json()]
    model, tokenizer = build(options, texts)
    backend = TransformersBackend(model, tokenizer, batch_tokens=options.batch_tokens)
    rates: dict[str, list[float]] = {"echo": [], "woven": []}
    figures: dict[str, dict[str, float]] = {}
    mine(documents[:1], backend, tokenizer, corpus_guide, RationalystMiningParams(new_tokens=2))  # warms up
    for _ in range(options.repeats):
        for mode in ("echo", "woven"):
            params = RationalystMiningParams(mode=mode, notes=options.notes, batch_tokens=options.batch_tokens)
            start = time.perf_counter()
            _, figures[mode] = mine(documents, backend, tokenizer, corpus_guide, params)
            rates[mode].append(len(documents) / (time.perf_counter() - start))
    fidelity = {mode: f"{100 * numbers['fidelity']:.1f} %" for mode, numbers in figures.items()}
    report(options, "documents/s", rates, "woven", figures, fidelity)


if __name__ == "__main__":
    main()
