"""``BendedScript``: a TorchScript module, or a file without its source, that can be bent."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..bending.fingerprint import fingerprint
from ..errors import BendingError, TracingError
from ..hints import ExportHints
from ..tracing import looking as _looking
from ..tracing.inputs import bind
from ..tracing.module import BendedModule
from ..tracing.script import Scripted, Times
from ..tracing.shadow import part_of, plain_tensors
from .assembly import FileAssembly
from .bank import FileBank
from .layers import is_layer
from .looking import look_inside, record, values_in
from .runner import FileRunner
from .source import Source

__all__ = ["BendedScript", "load"]

log = logging.getLogger(__name__)

_FRAMES = 8192  # of sound that nn~'s methods are traced with, at least


class BendedScript(BendedModule):
    """A TorchScript module whose weights and activations can be bent.

    It has the vocabulary of :class:`BendedModule`. Its activations are the outputs of its
    submodules, by their paths, and every operation inside, reached by patterns with a ``/``.
    The methods that nn~ plays need no :meth:`trace`; others do, with real inputs.

    Calls run without gradients. A bend on an activation costs some ten microseconds a call
    beside its own work; in an exported file it is compiled.

    Args:
        module: scripted, traced or opened; it is not changed.
        source: where copies of it come from; by default it is saved and opened again.

    Raises:
        BendingError: it is no TorchScript module, or cannot be saved.
    """

    _module: torch.jit.ScriptModule
    _bank: FileBank
    _runner: FileRunner

    def __init__(self, module: torch.jit.ScriptModule, source: Source | None = None) -> None:
        if not isinstance(module, torch.jit.ScriptModule):
            raise BendingError(
                f"BendedScript takes a TorchScript module, not {type(module).__name__}: "
                "tb.load opens a file, tb.BendedModule takes any torch.nn.Module"
            )
        self.__dict__["_source"] = source or Source.of_module(module)
        super().__init__(module)

    def _parts(self) -> tuple[FileBank, FileRunner]:
        source: Source = self._source
        first = source.open()
        if {n for n, _ in first.named_parameters()} == {
            n for n, _ in self._module.named_parameters()
        }:
            _share_weights(self._module, first)
        else:  # of a frozen module, weights that it holds as constants
            object.__setattr__(self, "_module", source.open())
        first.train(getattr(self._module, "training", False))  # a frozen one has none
        bank = FileBank(source, first, self._book.weight_chain)
        look = self._trace_methods_of_nn
        return bank, FileRunner(source, first, bank, self._book, self._knobs, look)

    @property
    def path(self) -> Path | None:
        """The file that it was opened from."""
        source: Source = self._source
        return source.path

    def _calls_shadow(self, value: Any) -> bool:
        return isinstance(value, torch._C.ScriptMethod)

    def _state(self, version: str | None, bent: bool) -> dict[str, Any]:
        """The state, with the weights under the names that they are bent by."""
        named = {n: names[0] for names in self._bank._ties().values() for n in names}
        state = super()._state(version, bent)
        return {named.get(name, name): value for name, value in state.items()}

    # -- tracing -------------------------------------------------------------------
    def trace(
        self,
        fn: Any = "forward",
        *args: Any,
        _return_out: bool = False,
        _proxied_buffers: Sequence[str] = (),
        **inputs: Any,
    ) -> Any:
        """Run a copy once on real inputs, and record the shape of every value in it.

        Args:
            fn: the method's name.
            *args: its inputs.
            _return_out: return what the method gave, too.
            _proxied_buffers: of no use here: buffers cannot be bent.
            **inputs: its inputs by name.

        Returns:
            None; with ``_return_out``, None and the outputs.

        Raises:
            BendingError: there is no such method, or the inputs do not fit it.
            TracingError: the method fails on these inputs.
        """
        if not isinstance(fn, str):
            fn, args = "forward", (fn, *args)
        if _proxied_buffers:
            raise TracingError("the buffers of a TorchScript module cannot be bent")
        out = self._trace(fn, args, inputs)
        return (None, out) if _return_out else None

    def _trace(self, fn: str, args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        runner = self._runner
        runner.method(fn)
        signature = _signature(self._runner.shadow, fn)
        arguments = bind(fn, signature, args, inputs)
        with self._changing:
            trace, out = record(runner, fn, arguments, signature)
            self._adopt(trace)
        return out

    def _trace_methods_of_nn(self) -> None:
        buffers = {n: b for n, b in self._shadow.named_buffers() if n.endswith("_params")}
        largest = max([1, *(int(b.max()) for b in buffers.values() if b.numel() == 4)])
        for fn in self._runner.shadow._c._method_names():
            params = buffers.get(f"{fn}_params")
            if params is None or params.numel() != 4:
                continue
            channels, ratio = int(params[0]), int(params[1])
            frames = max(_FRAMES, 2 * largest) // max(ratio, 1)
            generator = torch.Generator().manual_seed(0)
            x = torch.randn(1, channels, frames, generator=generator) * 0.3
            try:
                self._trace(fn, (x.to(self.device),), {})
            except TracingError as error:
                log.warning("%s: its activations are not known until trace(%r, ...)", error, fn)

    def _fingerprint(self) -> str:
        """A short name for the file's weights, but for those that knobs of the file move."""
        moved = self._bank.moved_by_the_file
        return fingerprint((n, p) for n, p in self._bank.original.items() if n not in moved)

    def _read_by(self, weight: str, methods: Sequence[str]) -> bool:
        holder = weight.rpartition(".")[0]
        return any(
            holder == p.module or (p.op == "call_module" and holder == p.name)
            for fn in methods
            for p in self._runner.traces[fn].places
        )

    # -- looking -------------------------------------------------------------------
    def graph(self, fn: str = "forward", bended: bool = False) -> Any:
        """The TorchScript graph of a method, with the bends in it if asked for."""
        runner = self._runner
        module = runner.bent_stage().module if bended else runner.source.open()
        return runner.method(fn, module).graph  # type: ignore[attr-defined]

    def graph_module(self, fn: str = "forward") -> Any:
        """There is none of a TorchScript module.

        Raises:
            BendingError: always.
        """
        raise BendingError("a TorchScript module has no torch.fx graph; graph(fn) shows its own")

    def print_graph(self, fn: str = "forward", bended: bool = False, out: Any = None) -> str:
        """Print every operation of a traced method, one row each, and return the table."""
        ops = ("placeholder", "call_module", "call_method", "call_function")
        return self.print_activations(fn, op=ops, out=out)

    def get_activations(
        self,
        *patterns: str,
        fn: str = "forward",
        bended: bool = True,
        _filter_bended: bool = False,
        _save_as_method: str | None = None,
        **inputs: Any,
    ) -> dict[str, torch.Tensor]:
        """Run a traced method and return inner values; see :meth:`BendedModule.get_activations`.

        Raises:
            BendingError: a pattern reaches nothing, the run fails, or a method was to be made
                of it, which a TorchScript module cannot have.
        """
        if _save_as_method is not None:
            raise BendingError("a TorchScript module cannot get further methods")
        trace = self._trace_of(fn)
        names = _looking.names_of(trace, patterns)
        runner = self._runner
        found = look_inside(runner, trace, names, inputs, bended)
        return _looking.bent_once(found) if _filter_bended else found

    def from_activations(self, *patterns: str, **options: Any) -> Any:
        """Not possible with a TorchScript module.

        Raises:
            BendingError: always.
        """
        raise BendingError(
            "a TorchScript module runs as a whole: bend the activation with a Lambda that "
            "returns your values instead"
        )

    def export_hints(self) -> ExportHints:
        """The file that it came from."""
        return ExportHints(source=self.path)

    def _shapes_in(
        self, fn: str, runs: Sequence[Sequence[torch.Tensor]]
    ) -> list[Mapping[str, Sequence[int]]]:
        """The shapes of bent activations and of layers in runs of a copy, by name."""
        trace, runner = self._trace_of(fn), self._runner
        bent = runner.chains(trace)
        values = [p for p in trace.places if p.tensor]
        names = [p.name for p in values if p.name in bent or is_layer(p.target)]
        given = [dict(zip(trace.inputs, inputs, strict=True)) for inputs in runs]
        return list(values_in(runner, fn, names, given))

    def _scripted(self, times: Times) -> Scripted:
        """The parts of a file that plays, with the streaming state of this one's file."""
        runner = self._runner
        runner.settle()
        with plain_tensors():
            assembly = FileAssembly(runner, self._book, times, state=False)
            return assembly.build(list(runner.traces))

    def script(self) -> torch.jit.ScriptModule:
        """A ``ScriptModule`` with all methods of this one, bends and controls included.

        See :meth:`BendedModule.script`.

        Raises:
            ScriptError: a bend cannot become TorchScript; names it.
            BendingError: the file has a method with the name of a control's.
        """
        runner = self._runner
        runner.settle()
        with plain_tensors():
            assembly = FileAssembly(runner, self._book, None, state=True)
            return assembly.with_knobs(list(runner.traces))


def load(path: str | Path) -> BendedScript:
    """Open a TorchScript file, such as an exported RAVE, and bend it.

    The file is read as data and checked before torch opens it; nothing in it is run. ``.ts``
    files of any origin are taken: of RAVE, of nn_tilde, of torchbend, or your own.

    Args:
        path: of the file.

    Returns:
        An object with the vocabulary of :class:`BendedModule`.

    Raises:
        ArchiveError: it is no TorchScript, is damaged, or holds what a model does not need.
    """
    source = Source.of_file(path)
    return BendedScript(source.open(), source)


def _share_weights(module: torch.jit.ScriptModule, copy: torch.jit.ScriptModule) -> None:
    theirs = dict(module.named_parameters(remove_duplicate=False))
    for name, _ in list(copy.named_parameters(remove_duplicate=False)):
        holder, _, last = name.rpartition(".")
        setattr(part_of(copy, holder), last, theirs[name])


def _signature(module: torch.jit.ScriptModule, fn: str) -> inspect.Signature:
    """The signature of a scripted method, without ``self``."""
    schema = module._c._get_method(fn).schema
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else _EMPTY,
            )
            for argument in schema.arguments[1:]
        ]
    )


_EMPTY = inspect.Parameter.empty
