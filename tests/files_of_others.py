"""TorchScript files as others make them, and a new root put before them."""

# TorchScript reads the annotations here, so they must not be text (no __future__ import)
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

import torchbend as tb
from torchbend.bending.scripting import Scripter
from torchbend.contents import ask
from torchbend.description import FileInfo
from torchbend.export.attributes import Attribute, of_control
from torchbend.export.file_face import build_file_face
from torchbend.places import Place

Script = torch.jit.ScriptModule


class Layer(nn.Module):
    """Keeps the last frame: a streaming state below the root."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[[0.3, 0.6]], [[-0.2, 0.5]]]))
        self.register_buffer("last", torch.zeros(1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        padded = torch.cat([self.last, x], -1)
        self.last.copy_(x[..., -1:])
        return torch.nn.functional.conv1d(padded, self.weight)


class Table(nn.Module):
    """Has a tensor and no method at all."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.arange(4.0))


class Net(nn.Module):
    """What others export: settings with bare getters, labels, odd methods."""

    hop: Final[int]

    def __init__(self) -> None:
        super().__init__()
        self.layer = Layer()
        self.table = Table()
        self.hop = 1
        self.bias = nn.Parameter(torch.tensor([[[0.1]]]))
        self.register_buffer("mean", torch.tensor([0.25]))
        self.register_buffer("phase", torch.zeros(1))
        self.register_buffer("forward_params", torch.tensor([1, 1, 2, 1]))
        self.forward_input_labels = ["in"]
        self.forward_output_labels = ["left", "right"]
        self.register_buffer("shifted_params", torch.tensor([1, 1, 2, 1]))
        self.shifted_input_labels = ["the one"]
        self.register_buffer("on_params", torch.tensor([0]))
        self.on = True
        self.register_buffer("gain_params", torch.tensor([2]))
        self.gain = 1.0
        self.register_buffer("pair_params", torch.tensor([1, 2]))
        self.pair = (3, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x) * self.gain + self.bias + self.mean
        self.phase += x.size(-1)
        return y + self.table.rows[0] if self.on else y * 0

    @torch.jit.export
    def shifted(self, x: Tensor, by: float = 0.5, times: int = 2) -> Tensor:
        return self.forward(x) + by * times

    @torch.jit.export
    def mixed(
        self, a: dict[str, Tensor], b: list[int] | None = None, c: str = "é'\n"
    ) -> tuple[int, str]:
        return len(a) + (0 if b is None else len(b)), c

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "shifted"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["on", "gain", "pair"]

    @torch.jit.export
    def get_on(self) -> bool:
        return self.on

    @torch.jit.export
    def set_on(self, on: bool) -> None:
        self.on = on

    @torch.jit.export
    def get_gain(self) -> list[float]:
        return [self.gain]

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        if gain < 0:
            return 7
        self.gain = gain
        return 0

    @torch.jit.export
    def get_pair(self) -> tuple[int, float]:
        return self.pair

    @torch.jit.export
    def set_pair(self, a: int, b: float) -> int:
        self.pair = (a, b)
        return 0


class Two(nn.Module):
    """With source."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv1d(1, 4, 1)
        self.two = nn.Conv1d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(torch.tanh(self.one(x)))


class Player(nn.Module):
    """The least that plays; others are built on it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.forward_input_labels = ["in"]
        self.forward_output_labels = ["out"]

    def forward(self, x: Tensor) -> Tensor:
        return x


def opened(path: Path) -> Any:
    return torch.jit.load(str(path), map_location="cpu").eval()


def info_of(path: Path) -> FileInfo:
    return ask(opened(path), "theirs").info


def knob(name: str = "loud", value: object = 1.0, **kwargs: Any) -> tuple[Attribute, Script]:
    """An attribute, and the kernel that it moves."""
    parameter = tb.BendingParameter(name, value, range=[0, 2])
    scripter = Scripter([parameter])
    place = Place("y", "activation", (1, 2, 8), torch.float32, "forward", "call_module")
    kernel = scripter.kernel(tb.Scale(parameter).kernel(place))
    control = scripter.controls()[name]
    return of_control(parameter, control, (), (), kwargs.get("vector")), kernel


def operate(model: Any, method: str, kernel: Script, name: str) -> None:
    """Put a kernel behind the output of a method, in its graph."""
    model._c._register_attribute(name, kernel._c._type(), kernel._c)
    graph = model._c._get_method(method).graph
    held = graph.create("prim::GetAttr", [next(iter(graph.inputs()))], 1)
    held.s_("name", name)
    held.output().setType(kernel._c._type())
    call = graph.create("prim::CallMethod", [held.output(), next(iter(graph.outputs()))], 1)
    call.s_("name", "forward")
    call.output().setType(torch._C.TensorType.get())
    graph.appendNode(held)
    graph.appendNode(call)
    graph.eraseOutput(0)
    graph.registerOutput(call.output())


def reface(
    path: Path,
    attributes: Sequence[Attribute] = (),
    *,
    model: Any = None,
    info: FileInfo | None = None,
    sample_rate: int | None = None,
    name: str = "ours.ts",
) -> Path:
    """The file of a face before a file, or before a model opened from it."""
    face = build_file_face(
        opened(path) if model is None else model, info or info_of(path), attributes, sample_rate
    )
    out = path.with_name(name)
    torch.jit.save(face, str(out))
    return out


def with_knob(
    path: Path, name: str = "loud", method: str = "forward", out: str = "ours.ts"
) -> Path:
    attribute, kernel = knob(name)
    model = opened(path)
    operate(model, method, kernel, f"_bend_{name}")
    return reface(path, [attribute], model=model, name=out)


def play(module: Any, method: str, x: Tensor, block: int = 16) -> Tensor:
    torch.default_generator.manual_seed(3)
    with torch.inference_mode():
        outs = [getattr(module, method)(part.clone()).clone() for part in x.split(block, -1)]
    return torch.cat(outs, -1).clone()


def names(module: Any) -> set[str]:
    return {n for n, _ in (*module.named_buffers(), *module.named_parameters())}
