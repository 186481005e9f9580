"""The pickled members of a TorchScript archive, read as data: do the tensors fit their bytes?

Torch's own reader believes what the object tree says. A tensor said to be larger than the bytes
stored for it is read past their end, which crashes or shows other memory, and objects nested too
deep overflow the stack. So the tree's instructions are followed here first, without making any of
its objects, and whatever TorchScript does not write is refused.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Iterator, Mapping

__all__ = ["misshapen_pickle"]

# A model's modules lie a dozen deep.
_DEEPEST = 300
# More than this, and more than is stored, is no weight: such a tensor repeats one number.
_MOST_ELEMENTS = 2**28

_ITEM_BYTES = {
    "torch " + name + "Storage": size
    for size, names in {
        1: "Bool Byte Char QInt8 QUInt8 QUInt4x2 QUInt2x4 Float8_e5m2 Float8_e4m3fn "
        "Float8_e5m2fnuz Float8_e4m3fnuz Float8_e8m0fnu",
        2: "Short Half BFloat16 UInt16",
        4: "Int Float QInt32 UInt32 ComplexHalf",
        8: "Long Double ComplexFloat UInt64",
        16: "ComplexDouble",
    }.items()
    for name in names.split()
}
_TENSORS = ("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_qtensor")


class _Wrong(Exception):
    """Something TorchScript does not write."""


class _Value:
    """A value of the tree: what is known of it, and how deep it goes.

    `known` is a number or a text, a class's name, or a tuple's items; None for all that does
    not matter. `fresh` is a container that may still be filled.
    """

    __slots__ = ("depth", "fresh", "known")

    def __init__(self, known: object = None, depth: int = 0, fresh: bool = False) -> None:
        self.known = known
        self.depth = depth
        self.fresh = fresh

    def take(self, items: list[_Value]) -> None:
        """Grow as deep as what is put inside."""
        self.depth = max([self.depth, *(item.depth + 1 for item in items)])
        if self.depth > _DEEPEST:
            raise _Wrong(f"nests objects more than {_DEEPEST} deep")


class _Storage(_Value):
    """The numbers behind a tensor; `known` is how many there are."""


def misshapen_pickle(data: bytes, folder: str, sizes: Mapping[str, int]) -> Iterator[str]:
    """Find a tree that TorchScript would not write, or a tensor larger than its bytes.

    Args:
        data: the member's bytes.
        folder: where the tensors' bytes lie: ``"data"`` or ``"constants"``.
        sizes: of all members, in bytes, by name.

    Yields:
        What was found; at most one thing.
    """
    try:
        _Reader(folder, sizes).read(data)
    except _Wrong as wrong:
        yield str(wrong)
    # What pickletools raises for instructions that are none, or that are cut short.
    except (ValueError, IndexError) as error:
        yield f"is damaged: {str(error) or 'it takes more than it holds'}"


class _Reader:
    """Follows the instructions with stand-ins; see `misshapen_pickle`."""

    def __init__(self, folder: str, sizes: Mapping[str, int]) -> None:
        self.folder = folder
        self.sizes = sizes
        self.stack: list[_Value] = []
        self.marks: list[int] = []
        self.memo: dict[int, _Value] = {}

    def read(self, data: bytes) -> None:
        for instruction, argument, _ in pickletools.genops(data):
            name = instruction.name
            if name in _PLAIN:
                self.stack.append(_Value(_PLAIN[name] if argument is None else argument))
            elif name in ("BINPUT", "LONG_BINPUT"):
                self.memo[int(argument or 0)] = self.stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                self.stack.append(self._again(int(argument or 0)))
            else:
                step = getattr(self, f"_{name.lower()}", None)
                if step is None:
                    raise _Wrong(f"holds the instruction {name}, which TorchScript does not write")
                step()

    def _again(self, number: int) -> _Value:
        if number not in self.memo:
            raise _Wrong("refers to an object that it does not hold")
        value = self.memo[number]
        # What is referred to can be filled no more: so no object gets into itself.
        value.fresh = False
        return value

    def _marked(self) -> list[_Value]:
        """Take what was put down since the last mark."""
        start = self.marks.pop()
        if start > len(self.stack):
            raise _Wrong("is damaged: it takes more than it holds")
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _group(self, count: int) -> None:
        if count > len(self.stack):
            raise _Wrong("is damaged: it takes more than it holds")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        self._push_tuple(items)

    def _push_tuple(self, items: list[_Value]) -> None:
        value = _Value(tuple(items))
        value.take(items)
        self.stack.append(value)

    def _fill(self, items: list[_Value]) -> None:
        target = self.stack[-1]
        if not target.fresh:
            raise _Wrong("fills an object that was finished, or puts one into itself")
        target.take(items)

    def _proto(self) -> None:
        pass

    def _stop(self) -> None:
        if len(self.stack) != 1 or self.marks:
            raise _Wrong("is damaged: it ends in the middle")

    def _mark(self) -> None:
        self.marks.append(len(self.stack))

    def _tuple(self) -> None:
        self._push_tuple(self._marked())

    def _empty_tuple(self) -> None:
        self._group(0)

    def _tuple1(self) -> None:
        self._group(1)

    def _tuple2(self) -> None:
        self._group(2)

    def _tuple3(self) -> None:
        self._group(3)

    def _empty_list(self) -> None:
        self.stack.append(_Value(fresh=True))

    _empty_dict = _empty_list

    def _appends(self) -> None:
        self._fill(self._marked())

    _setitems = _appends

    def _append(self) -> None:
        self._fill([self.stack.pop()])

    def _setitem(self) -> None:
        self._fill([self.stack.pop(), self.stack.pop()])

    def _newobj(self) -> None:
        self.stack.pop()
        self.stack[-1] = _Value(fresh=True)

    def _build(self) -> None:
        state = self.stack.pop()
        self._fill([state])
        self.stack[-1].fresh = False

    def _reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if function.known in _TENSORS:
            self._check_tensor(arguments)
        elif "_rebuild" in str(function.known) or "storage" in str(function.known).casefold():
            raise _Wrong(f"holds a tensor of a kind that is not handled ({function.known})")
        made = _Value(fresh=True)
        made.take([arguments])
        self.stack.append(made)

    def _binpersid(self) -> None:
        match _plain(self.stack.pop()):
            case ("storage", str(kind), str(key), str(), int(count), *_) if kind in _ITEM_BYTES:
                name = f"{self.folder}/{key}"
                if not key.isdecimal() or name not in self.sizes:
                    raise _Wrong(f"holds a tensor whose numbers are missing ({name})")
                if not 0 <= count * _ITEM_BYTES[kind] <= self.sizes[name]:
                    raise _Wrong(
                        f"says that {name} holds {count} numbers; it has {self.sizes[name]} bytes"
                    )
                self.stack.append(_Storage(count))
            case other:
                raise _Wrong(f"holds a tensor of a kind that is not handled ({other})")

    def _check_tensor(self, arguments: _Value) -> None:
        items = arguments.known if isinstance(arguments.known, tuple) else ()
        if len(items) < 4 or not isinstance(items[0], _Storage):
            raise _Wrong("holds a tensor without numbers")
        held = items[0].known
        offset, sizes, strides = (_plain(item) for item in items[1:4])
        if not (
            isinstance(held, int)
            and _are_counts([offset])
            and isinstance(sizes, tuple)
            and isinstance(strides, tuple)
            and _are_counts([*sizes, *strides])
            and len(sizes) == len(strides)
        ):
            raise _Wrong("holds a tensor of no shape")
        elements = math.prod(sizes)
        last = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        if elements > 0 and offset + last >= held or elements > max(held, _MOST_ELEMENTS):
            raise _Wrong(
                f"holds a tensor of shape {list(sizes)}, for which {held} numbers are stored"
            )


def _are_counts(values: list[object]) -> bool:
    """Whether these are whole numbers from 0 up; True and False are none."""
    return all(type(value) is int and 0 <= value < 2**63 for value in values)


def _plain(value: _Value) -> object:
    """A value with the stand-ins inside its tuples replaced by what is known of them."""
    if isinstance(value.known, tuple):
        return tuple(item.known for item in value.known)
    return value.known


# Instructions that put down one value, and which it is where it is not in the argument.
_PLAIN: dict[str, object] = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False,
    "BININT": None, "BININT1": None, "BININT2": None, "LONG1": None, "BINFLOAT": None,
    "BINUNICODE": None, "SHORT_BINSTRING": None, "BINSTRING": None, "STRING": None, "GLOBAL": None,
}  # fmt: skip
