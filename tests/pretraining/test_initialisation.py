import pytest
import torch

from stepwise.models.loading import load_model, save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import ArchitectureParams
from stepwise.pretraining.initialisation import DECODER_OFFSETS, ENCODER_OFFSETS, first_model

SHAPE = ArchitectureParams(family="t5", hidden=160, layers=3, heads=5, intermediate=32, vocabulary=600)
SOURCE = torch.randperm(500, generator=torch.Generator().manual_seed(1))[None, :40] + 50


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(["a tokenizer of few words"], vocabulary=600, words=frozenset(), max_length=64)


@pytest.fixture(scope="module")
def t5(tokenizer):
    return first_model(SHAPE, tokenizer, seed=1).eval()


@pytest.fixture(scope="module")
def attentions(t5):
    """Attention of each kind, as a tensor (layers, heads, queries, keys); the decoder reads the source."""
    t5.set_attn_implementation("eager")
    with torch.no_grad():
        outputs = t5(input_ids=SOURCE, decoder_input_ids=SOURCE, output_attentions=True)
    kinds = {
        "encoder": outputs.encoder_attentions,
        "decoder": outputs.decoder_attentions,
        "cross": outputs.cross_attentions,
    }
    return {kind: torch.cat(layers) for kind, layers in kinds.items()}


@pytest.mark.parametrize(("side", "offsets"), [("encoder", ENCODER_OFFSETS), ("decoder", DECODER_OFFSETS)])
def test_first_heads_of_all_layers_look_at_their_offsets(attentions, side, offsets):
    for head, offset in enumerate(offsets):
        aimed = attentions[side][:, head].diagonal(offset, dim1=-2, dim2=-1)
        assert aimed.shape == (3, 40 - abs(offset))
        assert aimed.min() > 0.6, "e^6 / (e^6 + 39) is 0.91, minus what the tokens add"
    other = attentions[side][:, len(offsets) :]
    assert other[..., -1, :].max() < 0.15, "the others look everywhere"


def test_tokens_attend_to_themselves_in_the_source(attentions):
    assert (attentions["cross"].mean(1).argmax(-1) == torch.arange(40)).all()


def test_the_seed_decides_the_first_weights(t5, tokenizer):
    again, other = (first_model(SHAPE, tokenizer, seed).state_dict() for seed in (1, 2))
    assert all(torch.equal(value, again[name]) for name, value in t5.state_dict().items())
    assert not torch.equal(again["shared.weight"], other["shared.weight"])


def test_a_saved_model_computes_the_same(t5, tokenizer, tmp_path):
    save_model(t5, tokenizer, tmp_path / "saved")
    loaded, _ = load_model(tmp_path / "saved")
    with torch.no_grad():
        before, after = (model(input_ids=SOURCE, decoder_input_ids=SOURCE).logits for model in (t5, loaded))
    torch.testing.assert_close(after, before)
    assert not loaded.config.scale_decoder_outputs
    assert loaded.lm_head.weight is loaded.shared.weight
