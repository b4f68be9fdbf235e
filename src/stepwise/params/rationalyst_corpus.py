"""Parameters of RATIONALYST's corpus: where text comes from, how it is cut, embedded and filtered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section


class CorpusSource(Section):
    """One source of text."""

    name: str
    kind: Literal["packaged", "jsonl", "parquet", "text"]
    """`packaged` are the documents inside pinned packages that the repository lists by name, hash and licence."""
    address: str = ""
    """A path under the data folder or any fsspec address, with wildcards (`hf://datasets/allenai/c4/en/*.json.gz`)."""
    text_key: str = "text"
    """Field or column that holds the text."""
    licence: str = "unknown"


class BenchmarkFile(Section):
    """A file of test questions that documents must not hold, beside the test splits of the run's tasks."""

    path: str
    """Under the data folder: .jsonl or .json, plain or gzipped."""
    fields: list[str]
    """Fields of a row that hold text."""


class SlurmArray(Section):
    """What an array job of datatrove's Slurm executor asks for."""

    partition: str
    time: str = "12:00:00"
    memory_gb: Positive = 4


class RationalystCorpusParams(Section):
    """From sources to documents of a token budget (stage rationalyst_chunk)."""

    sources: list[CorpusSource] = Field(default_factory=lambda: [CorpusSource(name="packaged", kind="packaged")])
    tokenizer: str = "checkpoints/tiny"
    """What counts tokens: a folder or hub id, or `package:NAME/FOLDER`."""
    tokens: Positive = 256
    """Most tokens of a document; longer texts are cut at sentence borders into even pieces."""
    least_tokens: Count = 32
    """A text or piece with fewer has no room for notes; it is left out and counted."""
    shards: Positive = 1
    """Parts in which the corpus is made and kept; fixed once a run has begun."""
    workers: Positive = 1
    """Processes at once, of one thread each."""
    slurm: SlurmArray | None = None
    """Where given, every shard is a task of a Slurm array instead of a process here."""
    row_bytes: Positive = 8_000_000
    """A longer row is left out and counted, without ever being in memory."""
    file_bytes: Positive = 1 << 37
    """A file that unpacks to more is refused."""
    expansion: Positive = 100
    """A file that unpacks to so many times its size is refused: text is packed five times smaller, bombs a thousand."""
    ngrams: list[Positive] = Field(default_factory=lambda: [13, 8], min_length=1)
    """Words in a row that, shared with a test problem, are an overlap. The first size removes, others are reported."""
    benchmarks: list[BenchmarkFile] = Field(default_factory=list)
    minhash_ngram: Positive = 5
    """Words a shingle."""
    minhash_buckets: Positive = 14
    minhash_hashes: Positive = 8
    """Hashes a bucket: documents of similarity s are found with probability 1 - (1 - s^hashes)^buckets."""


class RationalystEmbeddingParams(Section):
    """How near documents are to reasoning data sets (stage rationalyst_embed)."""

    embedder: str = "hashing"
    """A sentence-transformers folder or hub id, `package:NAME/FOLDER`, or `hashing`, which needs no model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the matrix products; bfloat16 is about three times as fast where the processor has it."""
    references: Count = 1000
    """Training problems of each data set in its mean embedding; 0 means all."""
    batch_tokens: Positive = 8192
    """Most tokens in a batch, padding included."""
    window: Positive = 2048
    """Documents that are sorted by length together; memory holds one window."""
    workers: Positive = 1
    """Processes at once, of one thread each."""


class RationalystPrefilterParams(Section):
    """Which documents are mined (stage rationalyst_prefilter)."""

    threshold: float = Field(0.3, ge=-1, le=1)
    """Least cosine of a document that is kept."""
    documents: Count = 0
    """Most documents, the nearest first; 0 means all above the threshold."""
    problems: Count = 0
    """Most solved training problems a data set; 0 means all."""
