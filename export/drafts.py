"""What the exporter needs of a bent module, and how a file without source gives it.

A module with source is exported as a graph of its own, behind a face that is all new. A
TorchScript file is exported whole, with its methods, labels and attributes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from torchbend.bending.kernel import state_buffers
from torchbend.contents import ask, read_info
from torchbend.description import FileInfo, MethodInfo
from torchbend.export.attributes import Attribute
from torchbend.export.face import build_face
from torchbend.export.file_face import build_file_face
from torchbend.export.shapes import Method, Plays, known, unbent, with_labels
from torchbend.export.sound import is_finite
from torchbend.export.subject import noise
from torchbend.scripts import BendedScript
from torchbend.scripts.source import contents_of
from torchbend.tracing.gains import BENDS
from torchbend.tracing.lower import keep_constants
from torchbend.tracing.script import Scripted, Times, script_parts
from torchbend.tracing.shadow import own_parameters, shadow_of

if TYPE_CHECKING:
    from torchbend.tracing import BendedModule

__all__ = ["Draft", "FileDraft", "draft_of"]


_LONG_BLOCK = 8192  # frames


class Draft:
    """A bent module on its way to a file.

    Attributes:
        bended: the module.
        kept: what its file played and set before, if it came as one.
        state: what a file starts with: for a module, its streaming state by buffer.
    """

    def __init__(self, bended: BendedModule, methods: Sequence[str]) -> None:
        self.bended = bended
        self.kept: FileInfo | None = None
        self.state: Any = _start_state(bended, methods)

    def state_names(self, parts: Scripted) -> tuple[str, ...] | None:
        """Names of the buffers of the file that hold its state, and what bends remember."""
        remembered = (p for p, _ in state_buffers(parts.module) if p.startswith(BENDS))
        return tuple(f"_model.{buffer}" for buffer in (*self.state, *remembered))

    def known(self, fn: str) -> Method | None:
        """How nn~ plays a method, if that need not be found out."""
        return None

    def reset(self, module: nn.Module) -> None:
        """Put the state of the module that plays, or of the original, to the start."""
        buffers = dict(module.named_buffers())
        for name, value in self.state.items():
            buffers[name].copy_(value)
        self.bended._runner.forget()

    def is_finite(self, method: Method) -> bool:
        """Whether a method gives finite numbers without bends."""
        trace = self.bended._runner.traces[method.info.name]
        if trace.source is not None:
            return True  # a method that the module itself does not have
        plays = unbent(trace, self.original(), method)
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=[]):
            return _gives_numbers(plays, method.info, method.info.least_block or 1)

    def original(self) -> nn.Module:
        """A copy of the module without bends, as it was wrapped."""
        return _without_grad(shadow_of(self.bended.module))

    def shapes_in(
        self, fn: str, runs: Sequence[Sequence[torch.Tensor]]
    ) -> list[Mapping[str, Sequence[int]]]:
        """The shapes of inner values, by name, in runs of the unbent module."""
        trace = self.bended._runner.traces[fn]
        found: list[Mapping[str, Sequence[int]]] = []
        for inputs in runs:
            if trace.graph is None:
                return [{}] * len(runs)
            twin = self.bended._bank.twin(bent=False)
            keep_constants(trace.constants, twin)
            run = _Shapes(twin, trace.graph)
            with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=[]):
                run.run(*inputs)
            found.append(run.shapes)
        return found

    def parts(self, times: Times, methods: Sequence[str]) -> Scripted:
        """The bent module, scripted."""
        return script_parts(self.bended._runner, self.bended._book, times, self.state, methods)

    def face(
        self,
        parts: Scripted,
        methods: Sequence[Method],
        attributes: Sequence[Attribute],
        sample_rate: int | None,
    ) -> torch.jit.ScriptModule:
        """What nn~ sees."""
        return build_face(parts.module, methods, attributes, sample_rate)


class FileDraft(Draft):
    """A bent file on its way to another."""

    bended: BendedScript

    def __init__(self, bended: BendedScript, methods: Sequence[str]) -> None:
        self.bended = bended
        self.runner = bended._runner
        module = self.runner.source.open()
        self.state = contents_of(self.runner.source, module)
        self.kept = _told(bended, module)

    def state_names(self, parts: Scripted) -> tuple[str, ...] | None:
        """Not known: any value may be state, and playing shows which are."""
        return None

    def known(self, fn: str) -> Method | None:
        """What the file tells."""
        told: Sequence[MethodInfo] = self.kept.methods if self.kept is not None else ()
        return next((known(m, self.bended._trace_of(fn)) for m in told if m.name == fn), None)

    def is_finite(self, method: Method) -> bool:
        """What was found when the file was opened, if it tells of the method."""
        return method.info.finite if self.kept is not None else super().is_finite(method)

    def reset(self, module: Any) -> None:
        """Put everything but the weights back to what it is in the file."""
        self.runner.start_again(module, self.state)
        self.runner.forget()

    def original(self) -> nn.Module:
        """The file, opened again."""
        return self.runner.source.open()

    def shapes_in(
        self, fn: str, runs: Sequence[Sequence[torch.Tensor]]
    ) -> list[Mapping[str, Sequence[int]]]:
        """The shapes of what may have to glide, by name, in runs of a copy."""
        return self.bended._shapes_in(fn, runs)

    def parts(self, times: Times, methods: Sequence[str]) -> Scripted:
        """The bent file."""
        return self.bended._scripted(times)

    def face(
        self,
        parts: Scripted,
        methods: Sequence[Method],
        attributes: Sequence[Attribute],
        sample_rate: int | None,
    ) -> torch.jit.ScriptModule:
        """The file's own face with more in it; a new one, if it has none."""
        if self.kept is None:
            return build_face(parts.module, methods, attributes, sample_rate)
        return build_file_face(parts.module, self.kept, attributes, sample_rate)


def draft_of(bended: BendedModule, methods: Sequence[str]) -> Draft:
    """Prepare a bent module for export.

    Args:
        bended: of either kind.
        methods: what is to be exported.
    """
    return (FileDraft if isinstance(bended, BendedScript) else Draft)(bended, methods)  # type: ignore[arg-type]


def _told(bended: BendedScript, module: torch.jit.ScriptModule) -> FileInfo | None:
    """What a file plays for nn~, asked of a fresh copy, which is played; None if nothing."""
    source = bended._source
    told = read_info(source.archive) if source.archive is not None else None
    module.eval()
    if told is None:
        name = source.path.stem if source.path is not None else "model"
        told = ask(module, name).info
    attributes = tuple(replace(a, kept=True) for a in told.attributes)
    largest = max((max(m.in_ratio, m.out_ratio) for m in told.methods), default=1)
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        methods = tuple(
            replace(with_labels(m), finite=_gives_numbers(getattr(module, m.name), m, largest))
            for m in told.methods
        )
    return replace(told, methods=methods, attributes=attributes) if methods else None


def _gives_numbers(plays: Plays, method: MethodInfo, least_block: int) -> bool:
    """Whether a method gives finite numbers, in noise and in silence; it may refuse a block."""
    for block in (least_block, max(least_block, _LONG_BLOCK)):
        for level in (1.0, 0.0):
            sound = noise(method, 1, block) * level
            with contextlib.suppress(Exception):
                if not all(is_finite(plays(sound.clone())) for _ in range(2)):
                    return False
    return True


def _start_state(bended: BendedModule, methods: Sequence[str]) -> dict[str, torch.Tensor]:
    """The streaming state that a file of these methods starts with: the wrapped module's own.

    Caches that the module makes only when it first runs start with zeros.
    """
    theirs = dict(bended.module.named_buffers())
    ours = dict(bended._shadow.named_buffers())
    written = {n for fn in methods for n in bended._runner.traces[fn].written_buffers}
    state = {}
    for name in sorted(written & set(ours)):
        value = theirs.get(name)
        if value is None or value.shape != ours[name].shape:
            value = torch.zeros_like(ours[name])
        state[name] = value.detach().clone()
    return state


def _without_grad(copy: nn.Module) -> nn.Module:
    """Give a copy parameters that ask for no gradient, as a file's, over the same memory.

    Torch multiplies matrices in another order where one of them asks for a gradient.
    """
    made: dict[int, nn.Parameter] = {}
    for sub in copy.modules():
        for key, parameter in own_parameters(sub).items():
            if id(parameter) not in made:
                made[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
            setattr(sub, key, made[id(parameter)])
    return copy


class _Shapes(fx.Interpreter):
    """Runs a graph and notes the shape of every value."""

    def __init__(self, twin: nn.Module, graph: fx.Graph) -> None:
        super().__init__(twin, graph=graph)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        out = super().run_node(n)
        if isinstance(out, torch.Tensor):
            self.shapes[n.name] = tuple(out.shape)
        return out
