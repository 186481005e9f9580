"""What can be bent in a TorchScript file: every value inside its methods, with a name.

A module's output is named by the module's path, as in the file (``decoder.net.11``); an
operation inside by the path and what it does (``decoder.net.12/leaky_relu``). An operation
of the method itself has no path (``tanh``). Of several outputs each has a number behind
(``gru.0``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .graphs import Node, Value, is_tensor, object_at, operation, receiver
from .memory import Memory, behind
from .names import OURS, is_part, kept_names, name_of_call
from .surgery import OUTPUT, Entry, Operation, Site

__all__ = ["Spot", "survey", "survey_entries"]


@dataclass(frozen=True)
class Spot:
    """A value inside a method.

    Attributes:
        name: unique in the method.
        site: where it is computed.
        op: ``"call_module"``, ``"call_method"`` (one with a leading ``_``),
            ``"call_function"`` or ``"placeholder"``.
        target: class of the module, or the operation as torch calls it.
        module: path of the module in whose forward it is computed.
        state: whether it is memory that is written again: a bend would cut the write off.
    """

    name: str
    site: Site
    op: str
    target: str
    module: str
    state: bool = False


def survey(operated: Operation, fn: str) -> list[Spot]:
    """Find every value of a method, in the order in which they are computed.

    Args:
        operated: on a copy that is for surveys alone; all calls in the method are opened.
        fn: the method.
    """
    seen = _Survey(operated)
    seen.walk(Entry((), fn), fn)
    return list(_numbered(seen.found()))


def survey_entries(operated: Operation, fn: str) -> list[Entry]:
    """Open all calls in a method, and return the methods that it is made of.

    They are more than one where it goes through interfaces.
    """
    seen = _Survey(operated)
    seen.walk(Entry((), fn), fn)
    return list(seen.entries)


class _Survey:
    def __init__(self, operated: Operation) -> None:
        self.operated = operated
        self.spots: list[tuple[Spot, Value]] = []
        self.entries: dict[Entry, None] = {}
        self.names: dict[tuple[Entry, int], str] = {}  # of what calls gave

    def walk(self, entry: Entry, fn: str) -> None:
        """Go through a method of the root, or of an object behind an interface."""
        if entry in self.entries:
            return
        self.entries[entry] = None
        graph = self.operated.graph(entry)
        names = [argument.name for argument in self.operated.method(entry).schema.arguments]
        for index, (name, value) in enumerate(zip(names, graph.inputs(), strict=True)):
            if index and is_tensor(value) and not entry.path:
                spot = Spot(name, Site(entry, (), index), "placeholder", name, "")
                self.spots.append((spot, value))
        self._walk(entry, list(self.operated.nodes(entry)), (), fn)

    def _walk(
        self, entry: Entry, steps: Iterable[tuple[int, ...]], frame: tuple[str, ...], fn: str
    ) -> None:
        for here in steps:
            node = self.operated.nodes(entry)[here]
            kind = node.kind()
            kept = [kept_names(value) for value in node.outputs()]
            if kind == "prim::CallMethod":
                self._call(entry, here, node, frame, fn)
            elif kind in ("prim::TupleUnpack", "prim::ListUnpack"):
                made_by = self.names.get((entry, node.input().unique()))
                name = made_by or _inside(frame, operation(node.input().node()))
                op = "call_module" if made_by else "call_function"
                self._outputs(name, entry, here, node, op, frame)
            elif kind.startswith("aten::") or kind == "prim::CallFunction":
                paths = [path for names in kept for path in names.values()]
                inner = tuple(max(paths, key=len).split(".")) if paths else frame
                name = _inside(inner, operation(node))
                self._outputs(name, entry, here, node, "call_function", inner)
            if any(kept):
                self._replaced(entry, here, kept, fn)

    def _replaced(
        self, entry: Entry, here: tuple[int, ...], kept: Iterable[Iterable[str]], fn: str
    ) -> None:
        """Add what was given by calls that an operation before has replaced."""
        values = self.operated.nodes(entry)[here].outputs()  # the node may have been opened
        for output, (value, names) in enumerate(zip(values, kept, strict=True)):
            for name in names:
                self.names[entry, value.unique()] = name
                if is_tensor(value) and name != fn:
                    frame = name.rpartition(".")[0]
                    site = Site(entry, here, output)
                    spot = Spot(name, site, "call_module", value.node().kind(), frame)
                    self.spots.append((spot, value))

    def _outputs(
        self,
        name: str,
        entry: Entry,
        here: tuple[int, ...],
        node: Node,
        op: str,
        frame: tuple[str, ...],
    ) -> None:
        values = list(node.outputs())
        numbered = len(values) > 1 or node.kind().endswith("Unpack")
        for output, value in enumerate(values):
            each = f"{name}.{output}" if numbered else name
            if op == "call_module":
                self.names[entry, value.unique()] = each  # it may be a tuple again
            if is_tensor(value):
                spot = Spot(each, Site(entry, here, output), op, node.kind(), ".".join(frame))
                self.spots.append((spot, value))

    def _call(
        self,
        entry: Entry,
        here: tuple[int, ...],
        call: Node,
        frame: tuple[str, ...],
        fn: str,
    ) -> None:
        method = call.s("name")
        path = receiver(call.inputsAt(0))
        if path is None:  # one of several modules, known only when it runs
            name = _inside(frame, name_of_call((), method) or method)
            self._outputs(name, entry, here, call, "call_function", frame)
            return
        if path and OURS.match(path[0]):
            self._stands_for(Site(entry, here), call)
            return
        interface = _behind_interface(call.inputsAt(0), path)
        if interface is not None:
            self.walk(Entry((*entry.path, *interface), method), fn)
            return
        handed_on = not path and method == fn  # by a face, to the method of its own name
        part = is_part(method)
        name = name_of_call(path, method)
        inner = frame if handed_on else path if part else tuple(name.split("."))
        site = Site(entry, here)
        returns = is_tensor(call.output())
        count = len(self.operated.open(entry, here))
        output = self.operated.value(site)
        self.names[entry, output.unique()] = name
        self._walk(entry, [(*here, k) for k in range(count)], inner, fn)
        if returns and not handed_on:
            kind = object_at(self.operated.root, (*entry.path, *path))._type().name()
            op = "call_method" if part else "call_module"
            self.spots.append((Spot(name, site, op, kind, ".".join(frame)), output))

    def _stands_for(self, site: Site, bend: Node) -> None:
        """Let a bend of the file stand for what it bends: further ones come behind it."""
        bent, output = bend.inputsAt(1).unique(), bend.output()
        self.spots = [
            (replace(spot, site=site), output)
            if spot.site.entry == site.entry and value.unique() == bent
            else (spot, value)
            for spot, value in self.spots
        ]

    def found(self) -> Iterator[Spot]:
        """The spots, with those marked that share memory which is written."""
        spots = [(spot, behind(value, OUTPUT)) for spot, value in self.spots]
        self.operated.tidy()
        memory = {entry: Memory(self.operated.graph(entry)) for entry in self.entries}
        for spot, value in spots:
            there = memory[spot.site.entry]
            if spot.op == "call_function":
                yield replace(spot, state=there.of_operation(value))
            else:
                kept = spot.op != "placeholder" and there.of_module(value)
                yield replace(spot, state=kept)


def _inside(frame: tuple[str, ...], name: str) -> str:
    return f"{'.'.join(frame)}/{name}" if frame else name


def _behind_interface(value: Value, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The path up to the last interface on the way to a value."""
    end = len(path)
    while value.node().kind() == "prim::GetAttr":
        if value.type().kind() == "InterfaceType":
            return path[:end]
        value = value.node().input()
        end -= 1
    return None


def _numbered(spots: Iterable[Spot]) -> Iterator[Spot]:
    """The spots, those of one name told apart by a number."""
    seen: dict[str, int] = {}
    for spot in spots:
        count = seen.get(spot.name, 0)
        seen[spot.name] = count + 1
        yield replace(spot, name=f"{spot.name}_{count}") if count else spot
