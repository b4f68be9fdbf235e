"""The reranker reads at the last token whatever pads the batch, learns to tell apart, and resumes after a kill."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from stepwise.methods.reft import reranker
from stepwise.methods.reft.reranker import distinct, labelled, split, train_reranker
from stepwise.methods.reft.scorer import RerankerError, Scorer
from stepwise.models.classifier import load_classifier
from stepwise.models.loading import ModelError, load_model
from stepwise.params import LoraParams, SftParams
from stepwise.params.reft import RerankerParams
from stepwise.records import Prediction, Verdict
from stepwise.tokens import encode
from stepwise.training.resumable_run import TrainSetup
from stepwise.training.sft_loop import SftLoop

TRAINING = SftParams(
    batch_examples=8, batch_tokens=2048, max_length=700, learning_rate=0.02, evaluations=3, saves=3, warm_up_share=0.0
)
PARAMS = RerankerParams(epochs=2, training=TRAINING, dev_share=0.34)


def sample(problem, number, right, answer="1"):
    text = f"    return {number} # {'yes' if right else 'no'}"
    return Prediction(problem_id=problem, sample=number, text=text, verdict=Verdict(answer=answer, correct=right))


@pytest.fixture
def samples(train):
    """Of six problems, right ones that end in `yes` and wrong ones that end in `no`, in no order."""
    return [
        sample(problem.id, k, right=(k * 3 + place) % 2 == 0) for place, problem in enumerate(train) for k in range(6)
    ]


def scorer(folder, task, **options):
    model, tokenizer = load_classifier(folder, seed=1)
    return Scorer(model, tokenizer, task, **{"max_length": 700, "batch_tokens": 2048, **options})


# --- reading ---


def test_the_layer_of_classes_depends_on_the_seed_alone_and_the_rest_is_the_model_s(small_model):
    model, tokenizer = load_classifier(small_model, seed=1)
    again, other = load_classifier(small_model, seed=1)[0], load_classifier(small_model, seed=2)[0]
    assert model.score.weight.shape == (2, 16)
    assert torch.equal(model.score.weight, again.score.weight)
    assert not torch.equal(model.score.weight, other.score.weight)
    backbone = load_model(small_model)[0].model.state_dict()
    assert all(torch.equal(backbone[name], value) for name, value in model.model.state_dict().items())
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_probabilities_are_read_at_the_last_token_even_if_it_is_the_padding_token(small_model, task):
    reranker = scorer(small_model, task)
    end = reranker.tokenizer.eos_token_id
    rows = [[5, 6, 7, end, end], [8, end], [9, 10, 11, 12, 13, 14]]
    together = reranker.probabilities(rows)
    for row, probability in zip(rows, together, strict=True):
        hidden = reranker.model.model(input_ids=torch.tensor([row])).last_hidden_state[0, -1]
        by_hand = reranker.model.score(hidden).softmax(-1)[1].item()
        assert probability == pytest.approx(by_hand, abs=1e-6)
    assert reranker.probabilities([rows[0][:3]]) != pytest.approx([together[0]], abs=1e-6), "the end tokens are read"


def test_a_text_is_the_prompt_and_the_sample_cut_on_the_right(small_model, task, train, samples):
    reranker = scorer(small_model, task)
    (row,) = reranker.encode(train, samples[:1])
    assert row == encode(reranker.tokenizer, [*task.prompt(train[0]), samples[0].text])
    assert scorer(small_model, task, max_length=9).encode(train, samples[:1]) == [row[:9]]
    with pytest.raises(RerankerError, match="samples of elsewhere-1, which is none of the problems"):
        reranker.encode(train, [sample("elsewhere-1", 0, True)])


def test_scores_are_in_order_and_do_not_depend_on_the_batch(small_model, task, train, samples):
    scores = scorer(small_model, task).score(train, samples)
    assert [(row.problem_id, row.sample) for row in scores] == [(row.problem_id, row.sample) for row in samples]
    apart = scorer(small_model, task, batch_tokens=1).score(train, samples)
    assert [row.score for row in scores] == pytest.approx([row.score for row in apart], abs=1e-6)


def test_equal_texts_are_read_once(small_model, task, train, samples, monkeypatch):
    reranker, read = scorer(small_model, task), []
    plain = reranker.probabilities
    monkeypatch.setattr(reranker, "probabilities", lambda rows: read.extend(rows) or plain(rows))
    copies = [row.model_copy(update={"sample": row.sample + 6}) for row in samples]
    scores = reranker.score(train, [*samples, *copies])
    assert len(read) == len(samples)
    assert [row.score for row in scores[: len(samples)]] == [row.score for row in scores[len(samples) :]]


def test_a_killed_scoring_pass_resumes(small_model, task, train, samples, tmp_path, monkeypatch):
    journal = tmp_path / "scores.jsonl"
    undisturbed = scorer(small_model, task, batch_tokens=600).score(train, samples)
    reranker, batches = scorer(small_model, task, batch_tokens=600), []
    plain = reranker.probabilities

    def dying(rows):
        if len(batches) == 2:
            raise KilledError
        batches.append(rows)
        return plain(rows)

    monkeypatch.setattr(reranker, "probabilities", dying)
    with pytest.raises(KilledError):
        reranker.score(train, samples, journal=journal)
    before = journal.read_text()
    assert scorer(small_model, task, batch_tokens=600).score(train, samples, journal=journal) == undisturbed
    assert journal.read_text().startswith(before)
    assert len({json.loads(line)["key"] for line in journal.open()}) == len(list(journal.open())) > 2


# --- what is learned ---


def test_equal_texts_of_a_problem_count_once():
    rows = [("p", "a"), ("p", "b"), ("p", "a"), ("q", "a")]
    several = [Prediction(problem_id=p, sample=i, text=text, verdict=Verdict()) for i, (p, text) in enumerate(rows)]
    assert [row.sample for row in distinct(several)] == [0, 1, 3]


def test_a_problem_is_learned_from_or_held_out_never_both(samples):
    learned, held = split(samples, 0.34, seed=1)
    assert len(learned) + len(held) == len(samples)
    assert len({row.problem_id for row in held}) == 2
    assert not {row.problem_id for row in learned} & {row.problem_id for row in held}
    assert split(samples, 0.01, seed=1)[1], "at least one is held out"
    with pytest.raises(RerankerError, match="1 sampled problems are too few"):
        split(samples[:6], 0.5, seed=1)


def test_labels_stand_at_the_last_token_and_balance_on_demand(caplog):
    several = [sample("p", 0, True), sample("p", 1, False, answer=None), sample("p", 2, False), sample("p", 3, False)]
    rows = [[7, 8], [7], [7], [7]]
    plain = labelled(rows, several, balance=False)
    assert (plain[0].tokens, plain[0].weights) == ((7, 8, 1), (0.0, 0.0, 1.0))
    assert (plain[1].tokens, plain[1].weights) == ((7, 0), (0.0, 1.0)), "a program that fails is a wrong one"
    balanced = [text.weights[-1] for text in labelled(rows, several, balance=True)]
    assert balanced == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    assert not caplog.messages
    one_class = labelled(rows[1:], several[1:], balance=True)
    assert [text.tokens[-1] for text in one_class] == [0, 0, 0]
    assert "all 3 samples are wrong: there is nothing to tell apart" in caplog.text


# --- training ---


def run(small_model, task, train, samples, tmp_path, name, params=PARAMS):
    setup = TrainSetup(seed=1, work=tmp_path / f"{name}.work", out=tmp_path / name)
    return train_reranker(small_model, task, train, samples, params, setup)


@pytest.mark.parametrize("rank", [0, 4])
def test_training_learns_to_tell_apart_and_the_saved_reranker_scores_the_same(
    small_model, task, train, samples, tmp_path, rank
):
    lora = LoraParams(rank=rank, targets=["q_proj", "v_proj"])
    training = TRAINING.model_copy(update={"lora": lora, "learning_rate": 0.05 if rank else 0.02})
    params = PARAMS.model_copy(update={"epochs": 20, "select": "loss", "training": training})
    trained = run(small_model, task, train, samples, tmp_path, "out", params)
    assert trained.numbers["dev_loss"] < 0.3 < math.log(2)
    assert trained.numbers["dev_rerank"] == trained.numbers["dev_class_accuracy"] == 1.0
    assert trained.dev == dict.fromkeys({row.problem_id for row in split(samples, 0.34, seed=1)[1]}, True)
    assert set(load_file(tmp_path / "out" / "model.safetensors")) >= {"score.weight"}
    scores = scorer(tmp_path / "out", task).score(train, samples)
    assert all((scored.score > 0.5) == row.verdict.correct for scored, row in zip(scores, samples, strict=True))


class KilledError(Exception):
    pass


@pytest.mark.parametrize(("kill_at", "resumes_at"), [(3, 3), (4, 3), (6, 5)])
def test_a_killed_run_ends_with_the_same_bytes(
    small_model, task, train, samples, tmp_path, monkeypatch, kill_at, resumes_at
):
    whole = run(small_model, task, train, samples, tmp_path, "whole")
    step, begun = SftLoop._step, []

    def dying(self, number):
        begun.append(number)
        if number == kill_at:
            raise KilledError
        return step(self, number)

    monkeypatch.setattr(SftLoop, "_step", dying)
    with pytest.raises(KilledError):
        run(small_model, task, train, samples, tmp_path, "parts")
    monkeypatch.setattr(SftLoop, "_step", lambda self, number: begun.append(number) or step(self, number))
    resumed = run(small_model, task, train, samples, tmp_path, "parts")
    assert begun[kill_at] == resumes_at, "earlier work was reused"
    assert resumed == whole
    assert (tmp_path / "whole/model.safetensors").read_bytes() == (tmp_path / "parts/model.safetensors").read_bytes()


def test_only_training_problems_decide(small_model, task, train, samples, tmp_path, monkeypatch):
    """The best state is chosen on held-out problems: with `rerank_accuracy` by their best-scored samples."""
    seen = []
    judge = reranker.HeldOut.judge
    monkeypatch.setattr(reranker.HeldOut, "judge", lambda self: seen.append(judge(self)) or seen[-1])
    trained = run(small_model, task, train, samples, tmp_path, "out")
    scores = [row["dev_score"] for row in trained.curve if "dev_score" in row]
    assert scores == [numbers["dev_rerank"] for numbers, _ in seen[:-1]]
    assert trained.numbers["dev_rerank"] == max(scores)


def test_anything_but_a_causal_model_is_one_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_classifier(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5", "is_encoder_decoder": True}))
    header = b"{}"
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="is an encoder-decoder; a classifier needs a decoder-only model"):
        load_classifier(tmp_path)
