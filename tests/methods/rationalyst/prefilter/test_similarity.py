from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.prefilter import similarity
from stepwise.methods.rationalyst.prefilter.embedders import HashingEmbedder, SentenceEmbedder, normalised
from stepwise.models.loading import ModelError
from stepwise.params.rationalyst import RationalystEmbeddingParams
from stepwise.records import Document, DocumentScore, read_jsonl, write_jsonl

TEXTS = [
    "Tom has 3 apples and buys 4 more, so he has 7.",
    "Ann has 3 pears and buys 5 more, so she has 8.",
    "The parliament debated the new law on Tuesday.",
    "Apples.",
    "Rain fell on the old harbour while the ferries waited for the storm to pass over the bay and the hills.",
]


def document(number: int, text: str, source: str = "s") -> Document:
    return Document(id=f"{source}-{number}", source=source, text=text)


def corpus(folder: Path, texts: list[str], shards: int) -> Path:
    parts = [
        [document(number, text) for number, text in enumerate(texts) if number % shards == part]
        for part in range(shards)
    ]
    names = [f"shard-{part:05d}.jsonl" for part in range(shards)]
    for name, part in zip(names, parts, strict=True):
        write_jsonl(folder / name, part)
    shard_list = [manifest.Shard(name=name, rows=len(part), sha256="") for name, part in zip(names, parts, strict=True)]
    manifest.write(folder, manifest.Manifest(shards=tuple(shard_list), inputs="i", settings="s"))
    return folder


def references(**sets: list[str]) -> dict[str, Iterator[Document]]:
    return {name: iter([document(n, text, name) for n, text in enumerate(texts)]) for name, texts in sets.items()}


def scores(folder: Path, texts: list[str], sets: dict[str, Iterator[Document]], **changes: object) -> dict[str, float]:
    params = RationalystEmbeddingParams.model_validate({"window": 2, **changes})
    documents = corpus(folder / "documents", texts, shards=2)
    out = folder / "scores.jsonl"
    similarity.score_documents(params, documents=documents, references=sets, work=folder / "work", out=out)
    return {row.document_id: row.score for row in read_jsonl(out, DocumentScore)}


def test_texts_like_the_references_score_higher(tmp_path: Path) -> None:
    cosines = scores(tmp_path, TEXTS, references(wp=["Leo has 9 plums and buys 2 more, so he has 11."]))
    assert min(cosines["s-0"], cosines["s-1"]) > max(cosines["s-2"], cosines["s-4"]) + 0.2


def test_a_text_scores_one_against_itself(tmp_path: Path) -> None:
    assert scores(tmp_path, TEXTS, references(a=[TEXTS[0]]))["s-0"] == pytest.approx(1.0, abs=1e-5)


def test_data_sets_weigh_the_same_whatever_their_size(tmp_path: Path) -> None:
    small, large = references(a=[TEXTS[0]], b=[TEXTS[2]]), references(a=[TEXTS[0]] * 50, b=[TEXTS[2]])
    assert scores(tmp_path / "x", TEXTS, small) == scores(tmp_path / "y", TEXTS, large)


def test_the_score_is_the_cosine_with_the_middle_of_the_centroids(tmp_path: Path) -> None:
    cosines = scores(tmp_path, TEXTS, references(a=[TEXTS[0], TEXTS[3]], b=[TEXTS[2]]))
    vectors = HashingEmbedder().embed(TEXTS)
    middle = normalised(normalised(vectors[0] + vectors[3]) + vectors[2])
    for number, vector in enumerate(vectors):
        assert cosines[f"s-{number}"] == pytest.approx(float(vector @ middle), abs=1e-5)


def test_workers_and_windows_change_no_score(tmp_path: Path) -> None:
    wanted = scores(tmp_path / "x", TEXTS, references(a=[TEXTS[0]]))
    assert scores(tmp_path / "y", TEXTS, references(a=[TEXTS[0]]), window=1, workers=2) == wanted


def test_a_killed_pass_resumes_from_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = scores(tmp_path / "whole", TEXTS, references(a=[TEXTS[0]]))
    embed, calls = HashingEmbedder.embed, []

    def dies(self: HashingEmbedder, texts: list[str]) -> np.ndarray:
        calls.append(list(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed", dies)
    with pytest.raises(KeyboardInterrupt):
        scores(tmp_path / "killed", TEXTS, references(a=[TEXTS[0]]))
    done = calls[1]
    assert scores(tmp_path / "killed", TEXTS, references(a=[TEXTS[0]])) == wanted
    assert calls[3:].count(done) == 0, "what is in the journal is not embedded again"


def test_no_reasoning_data_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="rationalyst_tasks is empty"):
        scores(tmp_path, TEXTS, {})
    with pytest.raises(CorpusError, match="no solved training problem"):
        scores(tmp_path, TEXTS, references(a=[]))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random sentence-transformers model, mean pooled."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = sorted({word for text in TEXTS for word in text.lower().replace(".", " ").replace(",", " ").split()})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=16,
    )  # fmt: skip
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=32,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("bert")
    BertModel(config).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(32)]
    SentenceTransformer(modules=modules).save(str(folder / "model"))
    return folder / "model"


def test_batches_of_tokens_embed_as_the_library_does(model_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    wanted = normalised(SentenceTransformer(str(model_folder)).encode(TEXTS))
    for batch_tokens in (1, 24, 10_000):
        vectors = SentenceEmbedder(str(model_folder), "float32", batch_tokens).embed(TEXTS)
        assert np.abs(vectors - wanted).max() < 1e-5


def test_batches_have_few_widths_and_none_beyond_the_models_context(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts of 1 to 60 words: without rounding there would be a width for every length, each with its own memory."""
    embedder = SentenceEmbedder(str(model_folder), "float32", 64)
    embedder.model.max_seq_length = 24
    widths: list[int] = []
    features = embedder._features

    def recording(rows: list[list[int]]) -> dict[str, Any]:
        batch = features(rows)
        widths.append(batch["input_ids"].shape[1])
        return batch

    monkeypatch.setattr(embedder, "_features", recording)
    embedder.embed([" ".join(["apples"] * count) for count in range(1, 61)])
    assert set(widths) == {16, 24}


def test_two_workers_share_a_loaded_model(model_folder: Path, tmp_path: Path) -> None:
    changes = {"embedder": str(model_folder), "batch_tokens": 64}
    alone = scores(tmp_path / "x", TEXTS, references(a=[TEXTS[0]]), **changes)
    shared = scores(tmp_path / "y", TEXTS, references(a=[TEXTS[0]]), **changes, workers=2)
    assert shared == alone


@pytest.mark.parametrize("embedder", ["package:no_such_package/model", "/nowhere/at/all"])
def test_a_missing_model_is_one_clear_error(embedder: str) -> None:
    with pytest.raises(
        ModelError, match=r"no_such_package .*is missing; `python requirements|is not a sentence-transformers"
    ):
        SentenceEmbedder(embedder, "float32", 64)
