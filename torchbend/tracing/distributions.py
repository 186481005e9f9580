"""Distributions in a traced method.

``torch.distributions`` checks its arguments and fixes its shapes when an object is made,
which a graph cannot hold. While a method is traced, the four families of
:mod:`torchbend.distributions` are built from symbols without checks, and sample by plain
operations whose shapes follow the parameters. One that a method returns is one of ours in
the graph, and is turned back where the graph ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import distributions as td
from torch import fx

from .. import distributions as ours

if TYPE_CHECKING:
    from .tracer import BendingTracer

__all__ = ["distribution_node", "has_distributions", "traceable_distributions"]

_FAMILIES: dict[type[td.Distribution], tuple[Any, tuple[str, str]]] = {
    td.Normal: (ours.Normal, ("loc", "scale")),
    td.Uniform: (ours.Uniform, ("low", "high")),
    td.Bernoulli: (ours.Bernoulli, ("probs", "logits")),
    td.Categorical: (ours.Categorical, ("probs", "logits")),
}


def _is_symbol(value: object) -> bool:
    return issubclass(type(value), fx.Proxy)


def _pair(family: type[td.Distribution], a: Any, b: Any) -> tuple[Any, Any]:
    """Parameters as the family keeps them, from symbols."""
    if family in (td.Normal, td.Uniform):
        if not _is_symbol(a):
            a = torch.full_like(b, a) if not isinstance(a, torch.Tensor) else a
        if not _is_symbol(b):
            b = torch.full_like(a, b) if not isinstance(b, torch.Tensor) else b
        return a, b
    if family is td.Categorical:
        if a is not None:
            return ours.normalized_probs(a), None
        return None, ours.normalized_logits(b)
    return a, b


def _made(family: type[td.Distribution], original: Callable[..., None]) -> Callable[..., None]:
    names = _FAMILIES[family][1]

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        given = dict(zip(names, args, strict=False)) | kwargs
        first, second = (given.get(name) for name in names)
        if not (_is_symbol(first) or _is_symbol(second)):
            original(self, *args, **kwargs)
            return
        for name, value in zip(names, _pair(family, first, second), strict=True):
            if value is not None:
                self.__dict__[name] = value
        kept = next(self.__dict__[name] for name in names if name in self.__dict__)
        self.__dict__["_param"] = kept
        shape = kept.value.shape if _is_symbol(kept) else kept.shape
        self.__dict__["_num_events"] = shape[-1] if len(shape) else 1
        self._batch_shape = shape[:-1] if family is td.Categorical else shape
        self._event_shape = torch.Size()
        self._validate_args = False

    return __init__


def _drawn(
    family: type[td.Distribution], name: str, original: Callable[..., Any]
) -> Callable[..., Any]:
    kind, fields = _FAMILIES[family]

    def draw(self: Any, sample_shape: Sequence[int] = ()) -> Any:
        if not any(_is_symbol(self.__dict__.get(field)) for field in fields):
            return original(self, torch.Size(sample_shape))
        return getattr(kind(*_parameters(self)), name)(sample_shape)

    return draw


def _parameters(distribution: Any) -> tuple[Any, Any]:
    fields = _FAMILIES[type(distribution)][1]
    first, second = (getattr(distribution, field) for field in fields)
    return first, second


@contextlib.contextmanager
def traceable_distributions() -> Iterator[None]:
    """Meanwhile, distributions can be made of symbols and sampled."""
    patched: list[tuple[Any, str, Any]] = []

    def patch(family: Any, name: str, new: Any) -> None:
        patched.append((family, name, vars(family)[name]))
        setattr(family, name, new)

    for family in _FAMILIES:
        patch(family, "__init__", _made(family, vars(family)["__init__"]))
        for name in ("sample", "rsample"):
            if name in vars(family):
                patch(family, name, _drawn(family, name, vars(family)[name]))
        if "sample" not in vars(family):  # the base's: rsample without gradients
            family.sample = _drawn(family, "sample", td.Distribution.sample)  # type: ignore[method-assign]
            patched.append((family, "sample", None))
    try:
        yield
    finally:
        for family, name, original in reversed(patched):
            if original is None:
                delattr(family, name)
            else:
                setattr(family, name, original)


def distribution_node(tracer: BendingTracer, distribution: td.Distribution) -> Any:
    """The node that makes one of our distributions of what a traced method returns.

    Raises:
        NotImplementedError: it is of a family that we do not have.
    """
    family = type(distribution)
    if family not in _FAMILIES:
        raise NotImplementedError(
            f"a traced method returns a {family.__name__}; a graph can return "
            f"{', '.join(f.__name__ for f in _FAMILIES)}"
        )
    kind = _FAMILIES[family][0]
    return tracer.create_proxy("call_function", kind, _parameters(distribution), {})


def has_distributions(graph: fx.Graph) -> bool:
    """Whether a graph makes distributions."""
    kinds = tuple(kind for kind, _ in _FAMILIES.values())
    return any(node.target in kinds for node in graph.nodes if node.op == "call_function")
