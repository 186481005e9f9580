"""What users give where a callback takes tensors, and the files that they write of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..checkpoint import read_checkpoint, weights_in
from ..errors import BendingCallbackException, BendingError
from .tensor_file import SUFFIX, HeldTensors, PathLike, TensorFile, Tensors

__all__ = [
    "as_tensor",
    "as_weights",
    "checked_values",
    "chosen_part",
    "read_weights",
    "save_tensors",
]


# -- what users give ---------------------------------------------------------------------
def as_tensor(given: object, what: str) -> Tensors:
    """Take one tensor: itself, numbers in lists, a safetensors file with one, a ``TensorFile``.

    Args:
        given: by the user; a tensor is copied, as float32.
        what: it is for, for messages.

    Raises:
        BendingCallbackException: it is none of these, or not of finite numbers with fractions.
        BendingError: there is no such file, or several tensors are in it.
    """
    if isinstance(given, (str, os.PathLike)):
        given = TensorFile(given)
    if isinstance(given, Tensors):
        checked_values(given.tensor(), what, given.origin)
        return given
    try:
        if isinstance(given, (list, tuple)):
            given = torch.tensor(given, dtype=torch.float32)
        values = torch.as_tensor(cast(Any, given)).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise BendingCallbackException(
            f"{what} is a tensor, a list of numbers or a {SUFFIX} file; got "
            f"{type(given).__name__}: {error}"
        ) from error
    checked_values(values, what, "what was given")
    return HeldTensors(values.to("cpu", torch.float32, copy=True), what)


def checked_values(values: Tensor, what: str, origin: str) -> None:
    """Check that a tensor has finite numbers with fractions.

    Raises:
        BendingCallbackException: it has not.
    """
    if not values.is_floating_point():
        raise BendingCallbackException(
            f"{what} is of numbers with fractions; {origin} is of {values.dtype}"
        )
    wrong = int((~torch.isfinite(values)).sum())
    if wrong:
        raise BendingCallbackException(
            f"{what} is of finite numbers; {origin} has {wrong} of {values.numel()} that are NaN "
            "or infinite"
        )


def as_weights(given: object, what: str) -> Tensors:
    """Take the weights of a net: a safetensors file, a state dict, a module, a bent one.

    Args:
        given: by the user; tensors are not copied.
        what: it is for, for messages.

    Raises:
        BendingCallbackException: it is none of these.
        BendingError: there is no such file.
    """
    if isinstance(given, (str, os.PathLike)):
        return TensorFile(given)
    if isinstance(given, Tensors):
        return given
    state = getattr(given, "state_dict", None)
    if not isinstance(given, Mapping) and callable(state):
        found = {k: v for k, v in state().items() if isinstance(v, Tensor)}
        return HeldTensors(_detached(found), f"the {type(given).__name__}")
    if isinstance(given, Mapping):
        tensors = {k: v for k, v in given.items() if isinstance(v, Tensor)}
        if not tensors:
            raise BendingCallbackException(
                f"{what} is a state dict, names and tensors; there is no tensor in the one given, "
                f"which has {[str(key) for key in given][:4]}"
            )
        return HeldTensors(_detached(tensors), "the state dict")
    raise BendingCallbackException(
        f"{what} is a {SUFFIX} file, a state dict or a module; got {type(given).__name__}"
    )


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in tensors.items()}


# -- files -------------------------------------------------------------------------------
def read_weights(path: PathLike, key: str | None = None) -> dict[str, Tensor]:
    """Read the weights in a checkpoint, or in a safetensors file. Nothing in it is run.

    Args:
        path: what ``torch.save`` wrote (a state dict, or a checkpoint with one, as Lightning's),
            or a ``.safetensors`` file.
        key: what the weights are under, where a checkpoint has several sets.

    Returns:
        Tensors by name.

    Raises:
        TorchbendError: it cannot be read as data, or there are no weights in it.
    """
    if Path(path).suffix == SUFFIX:
        return weights_in(TensorFile(path).named(), repr(str(path)), key)
    return weights_in(read_checkpoint(path), repr(str(path)), key)


def save_tensors(
    path: PathLike, tensors: Mapping[str, Tensor] | nn.Module | None = None, /, **named: Tensor
) -> TensorFile:
    """Write tensors to a safetensors file, for bends and their configurations to name.

        warm = tb.save_tensors("warm.safetensors", warm=activations["decoder_net_3"])
        other = tb.save_tensors("other.safetensors", tb.read_weights("other.ckpt"))

    Args:
        path: of the file, which ends in ``.safetensors``. An existing one is replaced.
        tensors: several by name, or the module that has them.
        **named: further ones.

    Returns:
        The file; of a single tensor, that one in it.

    Raises:
        BendingError: the path ends otherwise; or something is no tensor.
        OSError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise BendingError(f"the file's name ends in {SUFFIX}; got {str(path)!r}")
    given: dict[str, Any] = {}
    if tensors is not None:
        given.update(as_weights(tensors, "what is saved").named())
    given.update(named)
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise BendingError(f"{name!r} is no tensor, but a {type(value).__name__}")
    if not given:
        raise BendingError("there is no tensor to save: save_tensors(path, name=tensor)")
    own = {n: v.detach().to("cpu", copy=True).contiguous() for n, v in given.items()}
    # one that is cut short by an error is never seen under the name
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tensors-") as folder:
        whole = Path(folder) / target.name
        save_file(own, whole)
        os.replace(whole, target)
    return TensorFile(target, next(iter(own)) if len(own) == 1 and tensors is None else None)


def chosen_part(
    whole: Tensor, cuts: Sequence[tuple[int, tuple[int, ...]]], dims: Mapping[int, int]
) -> Tensor:
    """What belongs to the channels that a bend chose, of a tensor for a whole place.

    Args:
        whole: the tensor.
        cuts: the place's ``part``.
        dims: the tensor's dimension for a dimension of the place.
    """
    for dim, numbers in cuts:
        own = dims.get(dim)
        if own is not None and max(numbers) < whole.size(own):
            whole = whole.index_select(own, torch.tensor(numbers, device=whole.device))
    return whole
