import copy

import torch
from transformers import T5Config, T5ForConditionalGeneration

from stepwise.training.optimizers import MuonWithAdamW, make_optimizer


def groups(matrix, vector):
    return [
        {"params": [matrix], "orthogonal": True, "weight_decay": 0.1},
        {"params": [vector], "weight_decay": 0.0},
    ]


def descend(matrix, vector, step, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for parameter in (matrix, vector):
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        step()


def parameters():
    torch.manual_seed(1)
    return torch.nn.Parameter(torch.randn(8, 24)), torch.nn.Parameter(torch.randn(5))


def test_each_part_takes_the_step_of_torchs_optimiser():
    ours, theirs = parameters(), parameters()
    both = MuonWithAdamW(groups(*ours), lr=0.01)
    muon = torch.optim.Muon([theirs[0]], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW([theirs[1]], lr=0.01, betas=(0.9, 0.95), weight_decay=0.0)
    descend(*ours, both.step, 4)
    descend(*theirs, lambda: (muon.step(), adam.step()), 4)
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])


def test_its_learning_rate_is_that_of_both_parts():
    ours = parameters()
    both = MuonWithAdamW(groups(*ours), lr=0.01)
    before = [parameter.clone() for parameter in ours]
    for group in both.param_groups:
        group["lr"] = 0.0
    descend(*ours, both.step, 1)
    assert all(torch.equal(old, new) for old, new in zip(before, ours, strict=True))


def test_a_restored_state_takes_the_same_steps():
    whole, parts = parameters(), parameters()
    first = MuonWithAdamW(groups(*whole), lr=0.01)
    descend(*whole, first.step, 3)
    saved = copy.deepcopy(first.state_dict())
    for mine, its in zip(parts, whole, strict=True):
        mine.data.copy_(its.data)
    second = MuonWithAdamW(groups(*parts), lr=0.01)
    second.load_state_dict(saved)
    descend(*whole, first.step, 2, seed=7)
    descend(*parts, second.step, 2, seed=7)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_only_inner_matrices_are_made_orthogonal():
    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(6, 4)
            self.inner = torch.nn.Linear(4, 4)
            self.head = torch.nn.Linear(4, 6, bias=False)

        def get_output_embeddings(self):
            return self.head

    model = Small()
    groups = make_optimizer(model, "muon", 0.1).param_groups
    assert [[id(parameter) for parameter in group["params"]] for group in groups if group["orthogonal"]] == [
        [id(model.inner.weight)]
    ]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0.0]
    assert sum(len(group["params"]) for group in groups) == 4


def test_t5s_queries_take_smaller_and_its_position_biases_larger_steps():
    config = T5Config(d_model=32, d_kv=16, d_ff=8, num_layers=1, num_heads=2, vocab_size=20)
    model = T5ForConditionalGeneration(config)
    groups = make_optimizer(model, "muon", 0.0).param_groups
    by_id = {id(parameter): group["rate"] for group in groups for parameter in group["params"]}
    rates = {name: by_id.pop(id(parameter)) for name, parameter in model.named_parameters()}
    assert not by_id
    assert {name for name, rate in rates.items() if rate == 0.25} == {n for n in rates if n.endswith(".q.weight")}
    assert {n for n, rate in rates.items() if rate == 10.0} == {n for n in rates if "relative_attention_bias" in n}
    assert set(rates.values()) == {0.25, 1.0, 10.0}
    assert {group["rate"] for group in make_optimizer(torch.nn.Linear(2, 2), "muon", 0.0).param_groups} == {1.0}
