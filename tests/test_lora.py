"""LoRA as it runs in training is peft's: outputs, gradients, dropout; and what it does not know is left to peft."""

from pathlib import Path

import pytest
import tiny
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear
from test_step import started
from transformers import MistralModel

from pairsmith.trainer.encoder import load_encoder
from pairsmith.trainer.lora import LeanLinear
from pairsmith.trainer.recipe import Recipe


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_mistral(tmp_path_factory.mktemp("mistral"))


def passed(model: PeftModel, **inputs: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Last states with this seed's dropout, and the gradients of their sum."""
    torch.manual_seed(5)
    states = model(**inputs, use_cache=False).last_hidden_state
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return states.detach(), list(torch.autograd.grad(states.sum(), weights))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_in_training_it_gives_the_outputs_and_gradients_of_pefts_own(mistral: Path, dropout: float) -> None:
    encoder = load_encoder(mistral, Recipe(dropout=dropout, precision="fp32"), "cpu")
    started(encoder)
    encoder.model.double()
    config = encoder.model.peft_config["default"]
    own = LoraConfig(
        r=config.r, lora_alpha=config.lora_alpha, lora_dropout=dropout, target_modules=config.target_modules
    )
    plain = get_peft_model(MistralModel.from_pretrained(mistral, dtype=torch.float64), own)
    plain.double().load_state_dict(encoder.model.state_dict())
    assert [sum(type(m) is kind for m in encoder.model.modules()) for kind in (Linear, LeanLinear)] == [0, 14]
    assert sum(type(module) is Linear for module in plain.modules()) == 14
    ids = torch.arange(3, 43).reshape(2, 20)
    for training in (True, False):
        (found, slopes), (expected, wanted) = (
            passed(model.train(training), input_ids=ids) for model in (encoder.model, plain)
        )
        assert (found - expected).abs().max() <= (1e-12 if training else 0) * expected.abs().max()
        # most of a norm's work is in float32, whatever the model's numbers
        for one, other in zip(slopes, wanted, strict=True):
            assert (one - other).norm() <= (1e-6 if training else 0) * other.norm()


def test_an_adapter_of_another_kind_is_gone_on_from_as_peft_runs_it(mistral: Path, tmp_path: Path) -> None:
    model = MistralModel.from_pretrained(mistral)
    dora = LoraConfig(r=16, lora_alpha=64, target_modules=["q_proj", "v_proj"], use_dora=True)
    get_peft_model(model, dora).save_pretrained(str(tmp_path))
    model = load_encoder(mistral, Recipe(dropout=0.0), "cpu", tmp_path).model
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora" in name:
                weight.add_(0.1)
    ids = torch.arange(3, 43).reshape(2, 20)
    trained, read = (model.train(how)(input_ids=ids, use_cache=False).last_hidden_state for how in (True, False))
    assert torch.equal(trained, read)
