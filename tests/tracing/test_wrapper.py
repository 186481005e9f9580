"""``BendedWrapper``: a plain object that holds modules."""

from __future__ import annotations

import copy

import pytest
import torch
from support import Codec, StreamingNet, Untouched, noise, same_buffers, seeded
from torch import Tensor, nn

import torchbend as tb


class Pipeline:
    """No module: holds two, a number, and methods that use all of them."""

    def __init__(self) -> None:
        self.codec = seeded(Codec)
        self.stream = seeded(StreamingNet)
        self.gain = 2.0
        self.calls: list[str] = []

    def generate(self, z: Tensor, times: int = 2) -> Tensor:
        return torch.cat([self.codec.decode(z) * self.gain for _ in range(times)], -1)

    def play(self, x: Tensor) -> Tensor:
        return self.stream(x) + self.gain

    def __call__(self, x: Tensor) -> Tensor:
        return self.codec(x) * self.gain


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@torch.no_grad()
def test_weights_are_named_by_the_attribute_that_holds_them(pipeline: Pipeline) -> None:
    bended = tb.BendedWrapper(pipeline)
    assert bended.wrapped_module is pipeline
    names = [f"codec.{n}" for n, _ in pipeline.codec.named_parameters()]
    names += [f"stream.{n}" for n, _ in pipeline.stream.named_parameters()]
    assert bended.weight_names == names
    assert "codec.bottleneck.weight" in bended.print_weights(flt="codec")


@torch.no_grad()
def test_bent_methods_of_the_object(pipeline: Pipeline) -> None:
    untouched = Untouched(pipeline.codec), Untouched(pipeline.stream)
    attributes = dict(vars(pipeline))
    bended = tb.BendedWrapper(pipeline)
    z, x = noise(2, 2, 5), noise(1, 1, 8)
    assert torch.equal(bended.generate(z), pipeline.generate(z))
    bended.bend(tb.Scale(0.5), r"codec\.decoder\.0\.weight")
    twin = copy.deepcopy(pipeline)
    twin.codec.decoder[0].weight.mul_(0.5)
    assert torch.equal(bended.generate(z), twin.generate(z))
    assert torch.equal(bended.generate(z, times=3), twin.generate(z, 3))
    assert torch.equal(bended(x), twin(x))
    assert bended.gain == 2.0
    assert torch.equal(bended.codec.decode(z), twin.codec.decode(z))
    bended.reset()
    assert torch.equal(bended.generate(z), pipeline.generate(z))
    for each in untouched:
        each.check()
    assert dict(vars(pipeline)) == attributes


@torch.no_grad()
def test_traced_methods_of_the_object(pipeline: Pipeline) -> None:
    bended = tb.BendedWrapper(pipeline)
    z, x = noise(2, 2, 5), noise(1, 1, 8)
    bended.trace("generate", z)
    assert "codec_decoder_0" in bended.activation_names("generate")
    bended.bend(tb.Scale(0.5), "codec_decoder_0$")
    codec = pipeline.codec
    inner = codec.decoder[0](z) * 0.5
    decoded = torch.tanh(codec.decoder[2](torch.relu(inner))) * 2.0
    # the method calls the decoder twice, under two names: the first of them was bent
    whole = torch.cat([decoded, codec.decode(z) * 2.0], -1)
    assert torch.equal(bended.generate(z), whole)
    bended.trace("forward", x)
    values = bended.get_activations("codec_bottleneck$", x=x)
    assert torch.equal(values["codec_bottleneck"], codec.encode(x))


@torch.no_grad()
def test_the_state_of_a_held_module_is_the_wrappers_own(pipeline: Pipeline) -> None:
    untouched = Untouched(pipeline.stream)
    bended = tb.BendedWrapper(pipeline)
    twin = copy.deepcopy(pipeline)
    bended.trace("play", noise(2, 2, 6))
    bended.bend(tb.Scale(0.5), "stream_first_conv$")
    hook = twin.stream.first.conv.register_forward_hook(lambda m, i, out: out * 0.5)
    for seed in range(3):
        block = noise(2, 2, 6, seed=seed)
        assert torch.equal(bended.play(block), twin.play(block))
        same_buffers(bended.stream, twin.stream)
    hook.remove()
    untouched.check()


def test_an_object_without_modules_is_refused() -> None:
    class Empty:
        def __init__(self) -> None:
            self.number = 3

    with pytest.raises(tb.BendingError, match="Empty"):
        tb.BendedWrapper(Empty())
    with pytest.raises(tb.BendingError, match="BendedWrapper"):
        tb.BendedModule(Empty())


@torch.no_grad()
def test_a_module_can_be_wrapped_too() -> None:
    module = seeded(Codec)
    bended = tb.BendedWrapper(module)
    assert bended.wrapped_module is module
    x = noise(1, 1, 8)
    bended.bend(tb.Scale(0.0), r"decoder\.2\..*")
    assert torch.equal(bended(x), torch.zeros(1, 1, 8))


def test_an_attribute_that_is_nowhere(pipeline: Pipeline) -> None:
    bended = tb.BendedWrapper(pipeline)
    with pytest.raises(AttributeError, match="genrate"):
        bended.genrate(noise(1, 2, 5))
    module = tb.BendedModule(seeded(Codec))
    with pytest.raises(AttributeError, match=r"(?s)'decod'.*decode"):
        module.decod(noise(1, 2, 5))
    assert not hasattr(nn.Module, "decod")


class Reader(nn.Module):
    """Keeps a frozen encoder out of its own weights, as AudioCraft keeps T5."""

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["encoder"] = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
        self.out = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.__dict__["encoder"](x))
        return out


@torch.no_grad()
def test_weights_of_a_module_that_is_kept_apart_are_shared() -> None:
    reader = seeded(Reader)
    bended = tb.BendedModule(reader)
    theirs, ours = reader.__dict__["encoder"], bended._shadow.__dict__["encoder"]
    assert ours is not theirs
    for mine, original in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine is original
    assert ours[1].running_mean is not theirs[1].running_mean
    assert torch.equal(bended(noise(4, 3)), reader(noise(4, 3)))


def test_attributes_are_set_on_the_object_that_plays(pipeline: Pipeline) -> None:
    bended = tb.BendedWrapper(pipeline)
    bended.gain = 3.0
    z = noise(2, 2, 5)
    with torch.no_grad():
        assert torch.equal(bended.generate(z), pipeline.generate(z) / 2 * 3)
    assert pipeline.gain == 2.0
