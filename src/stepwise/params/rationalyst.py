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
"""What every way is compared with: the agent on its own, without and with chance."""


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


class RationalystMiningParams(Section):
    """An instruct model writes notes between the sentences of documents."""

    model: str = "smollm2"
    """Entry of the instruct group that writes them."""
    mode: Literal["woven", "echo"] = "woven"
    """`woven` asks at sentence borders, the text is kept by construction; `echo` is the released protocol, in which the
    model copies the whole document and puts notes into it."""
    shots: Count = 3
    """Examples in the prompt, at most those of its file."""
    notes: Positive = 8
    """Most notes in a document, at even distances over its sentence borders (`woven`)."""
    sentences: Count = 1
    """Sentences that a note should help with; 0 means all up to the next note."""
    new_tokens: Positive = 48
    """Longest note, in tokens (`woven`)."""
    whole: bool = True
    """Leave out notes that reach the greatest length before their sentence ends (`woven`)."""
    fidelity: Share = 0.9
    """Least likeness of an echoed document to the original; 1 asks for equality but for white space (`echo`)."""
    batch_tokens: Positive = 8192
    """Most cached tokens of documents that are worked on together."""


class RationalystScoringParams(Section):
    """A model says how likely what follows is, with and without a note."""

    model: str = "smollm2"
    """Entry of the instruct group that scores."""
    tokens: Positive = 96
    """Tokens of what follows that are scored; a discount of 0.9 leaves those behind them a weight below 5e-5 each."""
    batch_tokens: Positive = 1024
    """Most tokens of documents that are read together, padding included."""


class RationalystFilterParams(Section):
    """Which notes are kept. A change here needs no model."""

    discount: Share = 0.9
    """Weight of each token of what follows against the one before it."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Least gain in nats by a document's source."""
    threshold: float = 0.0
    """Least gain for sources that `thresholds` does not name."""
    normalised: bool = False
    """Divide a gain by the sum of its weights, so that long and short continuations compare; thresholds are then
    nats a token."""
    copied_words: Count = 5
    """A note that shares so many words in a row with what follows, and not with what precedes, gives it away; 0 for
    no limit."""


class RationalystSetup(Section):
    """Test problems, and who solves and supervises. Models are folders that stages make."""

    task: str
    """Whose test problems are solved."""
    agent: str
    """The model that proposes steps; RATIONALYST leaves it as it is."""
    scorer: str
    """The model whose likelihood of a step decides; the paper takes the untrained base model."""
    verifier: str
    """The model that grades steps 0 to 3, for comparison."""
    items: Count = 0
    """Test problems; 0 means all."""
    shots: Count = 0
    """Solved training problems before the agent's question; an agent trained on the task needs none."""
    demonstration: bool = False
    """Whether the run is too small for its table to show anything but that it works."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of all its models in memory."""
    max_length: Positive = 1024
    """Tokens that RATIONALYST reads, in training too; a longer text so far loses its beginning."""


class RationalystRun(RationalystSetup):
    """One RATIONALYST and the agent that it supervises."""

    base: str
    """What RATIONALYST is trained from."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of training."""
    epochs: Positive = 3
    """Passes over the notes; the released script makes 20."""
    learning_rate_scale: float = Field(1.0, gt=0)
    """Factor on `rationalyst_training.fine_tuning.learning_rate`."""
    lora_rank: Count = 0
    """0 trains all weights, as the paper does."""
    limit: Count = 0
    """Notes that are trained on, spread over all; 0 means all."""

    def fine_tuning(self, common: SftParams) -> SftParams:
        """The common parameters of training with what this run changes."""
        lora = common.lora.model_copy(update={"rank": self.lora_rank})
        return common.model_copy(update={"max_length": self.max_length, "precision": self.precision, "lora": lora})


class RationalystTransfer(RationalystSetup):
    """The RATIONALYST of a run on another task, whose notes it need not have read."""

    run: str
    """One of `rationalyst_runs`."""


class RationalystTrainingParams(Section):
    """From the text so far to the note: what RATIONALYST learns, the same for all runs."""

    notes: Literal["kept", "unfiltered", "shuffled"] = "kept"
    """Those that the filter kept, all, or the kept ones given to other texts (the last two for comparison)."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the documents that is trained on."""
    dev_share: float = Field(0.1, gt=0, lt=1)
    """Share of the documents held out to choose the best state; the released code splits by note, 95 to 5."""
    fine_tuning: SftParams = SftParams()
    """`max_length`, precision and LoRA's rank are the run's."""


class RationalystSupervisionParams(Section):
    """How an agent's steps are chosen."""

    choosers: tuple[Chooser, ...] = Field(("greedy", "random", "implicit"), min_length=1)
    candidates: Positive = 3
    """Steps that the agent proposes at a time (paper: 3)."""
    temperature: float = Field(0.7, gt=0)
    """Of the proposals (paper: 0.7); notes are greedy."""
    steps: Positive = 15
    """Most steps of a solution (paper: 15)."""
    step_end: str = Field("\n", min_length=1)
    """Where a step ends. In the released code it ends where the agent's answer does."""
    step_tokens: Positive = 128
    """Longest step (released: 1000 tokens)."""
    note_tokens: Positive = 64
    """Longest note (released: 1000 tokens)."""
    discount: float = Field(1.0, gt=0, le=1)
    """Weight of each token of a step relative to the one before; 1 is the mean log-probability."""
    agent_servers: list[str] = Field(default_factory=list)
    """Addresses where a server has the agent, for the openai backend; the same for the other three."""
    rationalyst_servers: list[str] = Field(default_factory=list)
    scorer_servers: list[str] = Field(default_factory=list)
    verifier_servers: list[str] = Field(default_factory=list)


class RationalystAblation(Section):
    """What a variant of RATIONALYST does otherwise; what it does not name stays."""

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
    """Tasks of the run whose training problems are RATIONALYST's reasoning data: its prefilter looks for texts like
    them, and their solutions are mined beside the corpus."""
    rationalyst_corpus: RationalystCorpusParams = RationalystCorpusParams()
    rationalyst_embedding: RationalystEmbeddingParams = RationalystEmbeddingParams()
    rationalyst_prefilter: RationalystPrefilterParams = RationalystPrefilterParams()
    rationalyst_mining: RationalystMiningParams = RationalystMiningParams()
    rationalyst_scoring: RationalystScoringParams = RationalystScoringParams()
    rationalyst_filter: RationalystFilterParams = RationalystFilterParams()
    rationalyst_runs: dict[str, RationalystRun] = Field(default_factory=dict)
    """RATIONALYST's runs by name; each trains a model and supervises an agent with it."""
    rationalyst_transfers: dict[str, RationalystTransfer] = Field(default_factory=dict)
    """RATIONALYSTs of these runs on other tasks, by name."""
    rationalyst_training: RationalystTrainingParams = RationalystTrainingParams()
    rationalyst_supervision: RationalystSupervisionParams = RationalystSupervisionParams()
    rationalyst_ablations: dict[str, RationalystAblation] = Field(default_factory=dict)
    """Variants of RATIONALYST by name, for the studies."""
