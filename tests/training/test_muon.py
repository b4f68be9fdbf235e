import pytest
import torch

from stepwise.training.devices import make_optimizer
from stepwise.training.muon import Muon, adam_update, orthogonal, orthogonal_update


@pytest.mark.parametrize("shape", [(8, 8), (8, 24), (24, 8)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix)
    values = torch.linalg.svdvals(found)
    assert 0.3 < values.min() <= values.max() < 1.3
    assert torch.nn.functional.cosine_similarity(found.flatten(), (left @ right).flatten(), dim=0) > 0.95


def test_updates_have_the_size_of_adamws():
    torch.manual_seed(0)
    update = orthogonal_update(torch.randn(32, 96), {})
    assert update.square().mean().sqrt() == pytest.approx(0.2, rel=0.2)


def test_adam_part_equals_torch():
    torch.manual_seed(0)
    mine, theirs = torch.nn.Parameter(torch.ones(5)), torch.nn.Parameter(torch.ones(5))
    ours = Muon([{"params": [mine], "orthogonal": False, "weight_decay": 0.1}], lr=0.01)
    reference = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
    for _ in range(4):
        mine.grad = torch.randn(5)
        theirs.grad = mine.grad.clone()
        ours.step()
        reference.step()
    assert torch.allclose(mine, theirs, atol=1e-6)
    assert torch.allclose(adam_update(torch.tensor([3.0]), {}), torch.tensor([1.0]))


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
    assert [[id(one) for one in group["params"]] for group in groups if group["orthogonal"]] == [
        [id(model.inner.weight)]
    ]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0.0]
    assert sum(len(group["params"]) for group in groups) == 4
