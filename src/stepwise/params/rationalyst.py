"""Parameters of RATIONALYST (arXiv 2410.01044): its corpus, notes, training and supervision of an agent.

Section 3.1 of the paper is about mining and filtering, 3.2 about training, 3.3 about supervision.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import SftParams

Chooser = Literal["greedy", "random", "self_consistency", "likelihood", "verifier", "explicit", "implicit"]
BASELINES: tuple[Chooser, ...] = ("greedy", "random")
"""What every chooser is compared to: the agent on its own, greedy and sampled."""


class CorpusSource(Section):
    """One source of text."""

    name: str
    kind: Literal["packaged", "jsonl", "parquet", "text"]
    """`packaged` means documents inside pinned packages, which the repository lists by name, hash and licence."""
    address: str = ""
    """A path in the data folder or any fsspec address, with wildcards (`hf://datasets/allenai/c4/en/*.json.gz`)."""
    text_key: str = "text"
    """Field or column with the text."""
    licence: str = "unknown"


class BenchmarkFile(Section):
    """A file of test questions that documents must not contain, besides the test splits of the run's tasks."""

    path: str
    """Path in the data folder: .jsonl or .json, plain or gzipped."""
    fields: list[str]
    """Fields of a row that contain text."""


class SlurmArray(Section):
    """Resources of an array job of datatrove's Slurm executor."""

    partition: str
    time: str = "12:00:00"
    memory_gb: Positive = 4


class RationalystCorpusParams(Section):
    """From sources to documents within a token budget (stage rationalyst_chunk)."""

    sources: list[CorpusSource] = Field(default_factory=lambda: [CorpusSource(name="packaged", kind="packaged")])
    tokenizer: str = "checkpoints/tiny"
    """The tokenizer that counts tokens: a folder or hub id, or `package:NAME/FOLDER`."""
    tokens: Positive = 256
    """Most tokens in a document; longer texts are cut at sentence borders into pieces of about equal size."""
    least_tokens: Count = 32
    """A text or piece with fewer tokens has no room for notes; it is dropped and counted."""
    shards: Positive = 1
    """Number of parts in which the corpus is built and stored; it cannot change while a run is resumed."""
    workers: Positive = 1
    """Processes at a time, with one thread each."""
    slurm: SlurmArray | None = None
    """If set, every shard is a task of a Slurm array instead of a local process."""
    row_bytes: Positive = 8_000_000
    """A longer row is dropped and counted, without ever being in memory."""
    file_bytes: Positive = 1 << 37
    """A file that unpacks to more is refused."""
    expansion: Positive = 100
    """A file that unpacks to more than so many times its size is refused: text compresses 5:1, zip bombs 1000:1."""
    ngrams: list[Positive] = Field(default_factory=lambda: [13, 8], min_length=1)
    """Sizes of word n-grams that count as an overlap with a test problem. The first removes documents, the others are
    only reported."""
    benchmarks: list[BenchmarkFile] = Field(default_factory=list)
    minhash_ngram: Positive = 5
    """Words per shingle."""
    minhash_buckets: Positive = 14
    minhash_hashes: Positive = 8
    """Hashes per bucket: documents of similarity s are found with probability 1 - (1 - s^hashes)^buckets."""


class RationalystEmbeddingParams(Section):
    """How similar documents are to reasoning data sets (stage rationalyst_embed)."""

    embedder: str = "hashing"
    """A sentence-transformers folder or hub id, `package:NAME/FOLDER`, or `hashing`, which needs no model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the matrix products; bfloat16 is about three times as fast on processors that support it."""
    references: Count = 1000
    """Training problems per data set that its mean embedding is computed from; 0 means all."""
    batch_tokens: Positive = 8192
    """Most tokens in a batch, including padding."""
    window: Positive = 2048
    """Documents that are sorted by length together; one window at a time is in memory."""
    workers: Positive = 1
    """Processes at a time, with one thread each."""


class RationalystPrefilterParams(Section):
    """Which documents are mined (stage rationalyst_prefilter)."""

    threshold: float = Field(0.3, ge=-1, le=1)
    """Least cosine of a document to keep."""
    documents: Count = 0
    """Most documents to keep, those with the highest scores; 0 means all above the threshold."""
    problems: Count = 0
    """Most solved training problems per data set; 0 means all."""


class RationalystMiningParams(Section):
    """An instruct model writes notes between the sentences of documents (stage rationalyst_mine)."""

    model: str = "smollm2"
    """The model, an entry of the instruct group."""
    mode: Literal["woven", "echo"] = "woven"
    """`woven` generates notes at sentence borders and never changes the text; `echo` is the released protocol, in which
    the model copies the whole document and inserts notes."""
    shots: Count = 3
    """Examples in the prompt, at most as many as the prompt file has."""
    notes: Positive = 8
    """Most notes per document, evenly spaced over its sentence borders (`woven`)."""
    sentences: Count = 1
    """Sentences that a note should help with; 0 means all up to the next note."""
    new_tokens: Positive = 48
    """Longest note, in tokens (`woven`)."""
    whole: bool = True
    """Drop notes that reach the longest length before their sentence ends (`woven`)."""
    fidelity: Share = 0.9
    """Least similarity of an echoed document to the original; 1 requires equality except for white space (`echo`)."""
    batch_tokens: Positive = 8192
    """Most cached tokens of the documents in a batch."""


class RationalystScoringParams(Section):
    """A model scores the text after each note, with and without the note (stage rationalyst_score)."""

    model: str = "smollm2"
    """The model, an entry of the instruct group."""
    tokens: Positive = 96
    """Tokens after a note to score; with a discount of 0.9 every later token would weigh less than 5e-5."""
    batch_tokens: Positive = 1024
    """Most tokens of the documents in a batch, including padding."""


class RationalystFilterParams(Section):
    """Which notes are kept (stage rationalyst_filter). A change here needs no model."""

    discount: Share = 0.9
    """Weight of each token after the note relative to the token before it."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Least gain in nats, by a document's source."""
    threshold: float = 0.0
    """Least gain for sources that `thresholds` does not name."""
    normalised: bool = False
    """Divide a gain by the sum of its weights, so that long and short continuations are comparable; thresholds are then
    in nats per token."""
    copied_words: Count = 5
    """A note gives away what follows if it shares so many words in a row with it that the text before does not have; 0
    disables the check."""


class RationalystSetup(Section):
    """Test problems, and the models that solve and supervise. Models are folders that stages write."""

    task: str
    """The task whose test problems are solved."""
    agent: str
    """The model that proposes steps; it is not trained any further."""
    scorer: str
    """The model whose likelihood of a step decides; the paper takes the untrained base model."""
    verifier: str
    """The model that grades steps 0 to 3, for comparison."""
    items: Count = 0
    """Test problems; 0 means all."""
    shots: Count = 0
    """Solved training problems before the agent's question; an agent trained on the task needs none."""
    demonstration: bool = False
    """Whether the run is too small for its table to show more than that it works."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of all models in memory."""
    max_length: Positive = 1024
    """Tokens that RATIONALYST reads, in training too; if the text so far is longer, it loses its beginning."""


class RationalystRun(RationalystSetup):
    """A RATIONALYST and the agent that it supervises."""

    base: str
    """The model that RATIONALYST is trained from."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of training."""
    epochs: Positive = 3
    """Passes over the notes; the released script makes 20."""
    learning_rate_scale: float = Field(1.0, gt=0)
    """Factor on `rationalyst_training.fine_tuning.learning_rate`."""
    lora_rank: Count = 0
    """0 trains all weights, as the paper does."""
    limit: Count = 0
    """Notes to train on, evenly spaced over all; 0 means all."""

    def fine_tuning(self, common: SftParams) -> SftParams:
        """The common training parameters with this run's changes."""
        lora = common.lora.model_copy(update={"rank": self.lora_rank})
        return common.model_copy(update={"max_length": self.max_length, "precision": self.precision, "lora": lora})


class RationalystTransfer(RationalystSetup):
    """A run's RATIONALYST on another task, whose notes it may not have seen."""

    run: str
    """One of `rationalyst_runs`."""


class RationalystTrainingParams(Section):
    """Training of RATIONALYST on the notes, the same for all runs."""

    notes: Literal["kept", "unfiltered", "shuffled"] = "kept"
    """The notes that the filter kept, all notes, or the kept notes moved to other texts (the last two to compare)."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the documents to train on."""
    dev_share: float = Field(0.1, gt=0, lt=1)
    """Share of the documents held out to choose the best state; the released code splits by note, 95 to 5."""
    fine_tuning: SftParams = SftParams()
    """Its `max_length`, precision and LoRA rank are replaced by the run's."""


class RationalystSupervisionParams(Section):
    """How an agent's steps are chosen."""

    choosers: tuple[Chooser, ...] = Field(("greedy", "random", "implicit"), min_length=1)
    candidates: Positive = 3
    """Candidates that the agent proposes for each step (paper: 3)."""
    temperature: float = Field(0.7, gt=0)
    """Sampling temperature of the proposals (paper: 0.7); notes are greedy."""
    steps: Positive = 15
    """Most steps in a solution (paper: 15)."""
    step_end: str = Field("\n", min_length=1)
    """String that ends a step. In the released code a step ends where the agent's answer does."""
    step_tokens: Positive = 128
    """Longest step (released: 1000 tokens)."""
    note_tokens: Positive = 64
    """Longest note (released: 1000 tokens)."""
    discount: float = Field(1.0, gt=0, le=1)
    """Weight of each token of a step relative to the one before; 1 is the mean log-probability."""
    agent_servers: list[str] = Field(default_factory=list)
    """Addresses of servers with the agent, for the openai backend; the same for the other three roles."""
    rationalyst_servers: list[str] = Field(default_factory=list)
    scorer_servers: list[str] = Field(default_factory=list)
    verifier_servers: list[str] = Field(default_factory=list)


class RationalystAblation(Section):
    """What a variant of RATIONALYST changes; anything it does not name stays the same."""

    notes: Literal["kept", "unfiltered", "shuffled"] | None = None
    share: float | None = Field(None, gt=0, le=1)
    agent: bool = False
    """Train the agent on the mined solutions instead of a RATIONALYST on the notes."""
    chooser: Chooser = "implicit"

    def applied_to(self, params: RationalystTrainingParams) -> RationalystTrainingParams:
        """The training parameters of the variant."""
        return params.model_copy(update=self.model_dump(exclude_none=True, include={"notes", "share"}))


class RationalystKeys(Section):
    """RATIONALYST's keys of params.yaml."""

    rationalyst_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run whose training problems are RATIONALYST's reasoning data: the prefilter selects texts similar to
    them, and their solutions are mined alongside the corpus."""
    rationalyst_corpus: RationalystCorpusParams = RationalystCorpusParams()
    rationalyst_embedding: RationalystEmbeddingParams = RationalystEmbeddingParams()
    rationalyst_prefilter: RationalystPrefilterParams = RationalystPrefilterParams()
    rationalyst_mining: RationalystMiningParams = RationalystMiningParams()
    rationalyst_scoring: RationalystScoringParams = RationalystScoringParams()
    rationalyst_filter: RationalystFilterParams = RationalystFilterParams()
    rationalyst_runs: dict[str, RationalystRun] = Field(default_factory=dict)
    """RATIONALYST's runs by name; each trains a model and supervises an agent with it."""
    rationalyst_transfers: dict[str, RationalystTransfer] = Field(default_factory=dict)
    """The runs' RATIONALYSTs on other tasks, by name."""
    rationalyst_training: RationalystTrainingParams = RationalystTrainingParams()
    rationalyst_supervision: RationalystSupervisionParams = RationalystSupervisionParams()
    rationalyst_ablations: dict[str, RationalystAblation] = Field(default_factory=dict)
    """Variants of RATIONALYST by name, for the studies."""
