"""On a GPU everything moves: weights, bends, state, versions and controls."""

from __future__ import annotations

import pytest
import torch
from support import ConvNet, Reference, StreamingNet, Untouched, noise, seeded, with_weights
from torch import Tensor, nn

import torchbend as tb

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(autouse=True)
def exact() -> None:
    """No TF32: what is compared is the bend, not the rounding of a convolution."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def close(got: Tensor, want: Tensor) -> None:
    assert got.device.type == "cuda"
    assert got.dtype == want.dtype
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-5)


CALLBACKS = [
    lambda p: tb.Scale(p),
    lambda p: tb.Bias(2.0 * p + 1),
    lambda p: tb.Affine(0.25, p),
    lambda p: tb.Mask(p, seed=1),
    lambda p: tb.Mask(p, seed=1, dim=1),
    lambda p: tb.OrderedMask(p, seed=1),
    lambda p: tb.Normal(p, seed=1),
    lambda p: tb.ThresholdActivation(p),
    lambda p: tb.ThresholdPermute(p, seed=1),
    lambda p: tb.Scale(p) >> tb.Permute(1, seed=2),
    lambda p: tb.Scale(p) >> tb.Lambda(torch.abs),
    lambda p: tb.Scale(p) >> tb.Scale([1.0, 0.0, 2.0, -1.0]),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(len(CALLBACKS)))
@torch.no_grad()
def test_bends_and_controls_compare_with_the_cpu(number: int, when: str) -> None:
    here, there = tb.BendedModule(seeded(ConvNet)), tb.BendedModule(seeded(ConvNet))
    untouched = Untouched(there.module)
    knobs = []
    for bended in (here, there):
        bended.trace(x=noise(2, 4, 8))
        knobs.append(tb.BendingParameter("p", 0.5, range=[0.0, 1.0]))
    if when == "after":
        there.to("cuda")
    for bended, knob in zip((here, there), knobs, strict=True):
        bended.bend(CALLBACKS[number](knob), "gain", "act$")
    if when == "before":
        assert there.to("cuda") is there
    assert there.device.type == "cuda"
    for value in (0.5, 0.25, 1.0):
        for bended in (here, there):
            bended.update("p", value)
        x = noise(2, 4, 8, seed=3)
        close(there(x.cuda()), here(x))
        got = there.get_activations("act$", x=x.cuda())
        want = here.get_activations("act$", x=x)
        close(got["act_bended"], want["act_bended"])
    there.reset()
    here.reset()
    close(there(x.cuda()), here(x))
    untouched.check()
    assert {p.device.type for p in there.module.parameters()} == {"cpu"}


@torch.no_grad()
def test_streaming_state_moves_and_advances() -> None:
    module = seeded(StreamingNet)
    here, there = tb.BendedModule(module), tb.BendedModule(module)
    for bended in (here, there):
        bended.trace(x=noise(2, 2, 6))
        bended.bend(tb.Scale(0.5), "first.conv.weight", "relu")
        bended(noise(2, 2, 6))
    there.to("cuda")
    for seed in range(4):
        block = noise(2, 2, 6, seed=seed)
        close(there(block.cuda()), here(block))
        for (name, got), (_, want) in zip(there.named_buffers(), here.named_buffers(), strict=True):
            close(got, want)
            assert got.device.type == "cuda", name
    there.cpu()
    block = noise(2, 2, 6, seed=9)
    torch.testing.assert_close(there(block), here(block), rtol=1e-4, atol=1e-5)
    assert {b.device.type for _, b in there.named_buffers()} == {"cpu"}
    assert {b.device.type for b in module.buffers()} == {"cpu"}


@torch.no_grad()
def test_versions_and_configurations_move() -> None:
    module, other = seeded(ConvNet), seeded(ConvNet, seed=3)
    here, there = tb.BendedModule(module), tb.BendedModule(module)
    x = noise(2, 4, 8)
    for bended in (here, there):
        bended.trace(x=x)
        bended.create_version("other", other)
        bended.save_config_as("second")
        bended.bend(tb.Scale(0.5), "gain", config="second")
        bended.bend(tb.Mask(0.5, seed=2), "gain", "tanh$", config="second")
    there.cuda()
    for config in ("second", None):
        for version in ("other", None):
            for bended in (here, there):
                bended.config, bended.version = config, version
            close(there(x.cuda()), here(x))
            with here.interpolate(1.0, other=2.0), there.interpolate(1.0, other=2.0):
                close(there(x.cuda()), here(x))
    there.create_version("third", seeded(ConvNet, seed=4))
    with there.set_version("third"):
        close(there(x.cuda()), seeded(ConvNet, seed=4)(x))


class Makes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(4))
        self.held = torch.linspace(0, 1, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros(x.shape[0], 4, device=x.device) + self.held.to(x.device)
        return torch.sin(x * self.w + y)


@pytest.mark.parametrize("moved", ["before the trace", "after the trace"])
@torch.no_grad()
def test_tensors_made_on_the_way_are_made_there(moved: str) -> None:
    bended = tb.BendedModule(Makes())
    x = noise(2, 4)
    if moved == "before the trace":
        bended.to("cuda")
        bended.trace(x=x.cuda())
    else:
        bended.trace(x=x)
        bended.to("cuda")
    bended.bend(tb.Scale(0.5), "sin", "w")
    want = torch.sin(x * 0.5 + torch.linspace(0, 1, 4)) * 0.5
    close(bended(x.cuda()), want)


@torch.no_grad()
def test_a_module_that_lives_there() -> None:
    module = seeded(ConvNet).cuda()
    bended = tb.BendedModule(module)
    bended.trace(x=noise(2, 4, 8).cuda())
    bended.bend(tb.Scale(0.5), "gain", "convs_0$")
    bended.bend(tb.Normal(0.1, seed=1), "gain")
    x = noise(1, 4, 8).cuda()
    with bended.bend(tb.Scale(2.0), "tanh$"):
        pass
    gain = bended.bended_state_dict()["gain"]
    state = with_weights(module, {"gain": lambda _: gain})
    want = Reference(bended, {"convs_0": lambda v: v * 0.5}, state=state)(x)
    close(bended(x), want.cpu())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@torch.no_grad()
def test_the_script_of_a_model_that_moved() -> None:
    bended = tb.BendedModule(seeded(StreamingNet))
    bended.trace(x=noise(2, 2, 6))
    bended.bend(tb.Scale(tb.BendingParameter("p", 0.5)), "first.conv.weight", "tanh")
    bended.to("cuda")
    script = bended.script()
    for seed, value in enumerate((0.5, 2.0)):
        bended.update("p", value)
        script.set_p(value)
        block = noise(2, 2, 6, seed=seed).cuda()
        close(script(block), bended(block).cpu())
