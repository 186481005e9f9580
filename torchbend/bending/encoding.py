"""Callbacks and controls as JSON, and back, with the line of everything that is wrong."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor

from ..errors import BendingError, ConfigError, suggest
from .callback import BendingCallback
from .chain import CallbackChain
from .function import Lambda, function_name
from .operand import plain_number
from .parameter import BendingParameter, BendingView
from .registry import builtin_callbacks

__all__ = ["Decoder", "Encoder", "Located", "decode_file"]

Path_ = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\n\r]*")
_DEEPEST = 40


class Encoder:
    """Turns callbacks and controls into what JSON can hold."""

    def __init__(self, strict: bool = True) -> None:
        """Make an encoder.

        Args:
            strict: refuse what JSON cannot hold; else leave it as it is, to be compared.
        """
        self.strict = strict

    def callback(self, callback: BendingCallback) -> dict[str, Any]:
        """Encode a callback: its class's name and its settings.

        Raises:
            ConfigError: a setting cannot be written.
        """
        if isinstance(callback, CallbackChain):
            settings = {"callbacks": [self.callback(member) for member in callback.callbacks]}
        else:
            settings = {
                name: self.value(value, callback, name)
                for name, value in callback.settings().items()
            }
        return {"callback": type(callback).__name__, "settings": settings}

    def parameter(self, parameter: BendingParameter) -> dict[str, Any]:
        """Encode a control with its present value."""
        encoded: dict[str, Any] = {
            "kind": parameter.kind,
            "value": self.value(parameter.get_python_value(), parameter, "value"),
        }
        if parameter.choices:
            encoded["choices"] = list(parameter.choices)
        if parameter.range is not None:
            encoded["range"] = list(parameter.range)
        if parameter.clamp:
            encoded["clamp"] = True
        for name in ("weight", "bias"):
            if getattr(parameter, name) is not None:
                encoded[name] = self.value(getattr(parameter, name), parameter, name)
        return encoded

    def value(self, value: object, who: object, name: str) -> Any:
        """Encode one setting of ``who``.

        Raises:
            ConfigError: it cannot be written.
        """
        if isinstance(value, BendingParameter):
            return {"parameter": value.name}
        if isinstance(value, BendingView):
            steps = [[step, self.value(number, who, name)] for step, number in value.steps]
            return {"parameter": value.name, "steps": steps}
        if isinstance(value, BendingCallback):
            return self.callback(value)
        value = plain_number(value)
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, complex):
            parts = (value.real, value.imag)
            return {"complex": [self.value(part, who, name) for part in parts]}
        if isinstance(value, Tensor):
            value = value.tolist()
        elif hasattr(value, "__array__") and hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (list, tuple)):
            return [self.value(item, who, name) for item in value]
        if not self.strict:
            return value
        if isinstance(who, Lambda):
            raise ConfigError(
                f"{who!r} cannot be saved: it holds the Python function "
                f"{function_name(value)!r}, and a file that runs code is not opened. "
                "Use a built-in callback, or write a BendingCallback of your own"
            )
        raise ConfigError(
            f"{who!r} cannot be saved: its setting {name!r} is a {type(value).__name__}; "
            "a file holds numbers, words, lists and controls"
        )


class Located:
    """Plain data read from JSON text, with the line of every part of it."""

    def __init__(self, name: str, text: str) -> None:
        """Parse ``text``.

        Args:
            name: the file's name, for messages.
            text: JSON.

        Raises:
            ConfigError: the text is not JSON; says the line.
        """
        self.name = name
        self.text = text
        self._at: dict[Path_, int] = {(): 0}
        try:
            self.data = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: not JSON that can be read: {error}") from error
        self._locate(self._skip(0), (), json.JSONDecoder())

    def error(
        self,
        path: Path_,
        message: str,
        asked: str | None = None,
        existing: Collection[str] = (),
    ) -> ConfigError:
        """Make the exception for a part of the file.

        Args:
            path: which part.
            message: what is wrong with it.
            asked: a name that does not exist, if that is it.
            existing: the names that do.
        """
        line = self.text.count("\n", 0, self._at.get(path, 0)) + 1
        nearest = "" if asked is None else ". " + suggest(asked, existing)
        return ConfigError(f"{self.name}, line {line}: {message}{nearest}")

    def get(self, path: Path_) -> Any:
        """Return a part."""
        part = self.data
        for step in path:
            part = part[step]
        return part

    def list(self, path: Path_) -> list[Any]:
        """Return a part that has to be a list.

        Raises:
            ConfigError: it is not.
        """
        part = self.get(path)
        if not isinstance(part, list):
            raise self.error(path, f"{_where(path)} is a list; got {_shown(part)}")
        return part

    def object(
        self, path: Path_, required: Sequence[str] = (), optional: Sequence[str] | None = ()
    ) -> dict[str, Any]:
        """Return a part that has to be an object with certain keys.

        Args:
            path: which part.
            required: keys that must be there.
            optional: keys that may be there; None for any.

        Raises:
            ConfigError: it is not.
        """
        part = self.get(path)
        if not isinstance(part, dict):
            raise self.error(path, f"{_where(path)} is an object {{...}}; got {_shown(part)}")
        if optional is not None:
            known = [*required, *optional]
            for key in part:
                if key not in known:
                    raise self.error((*path, key), f"{_where(path)} has no {key!r}", key, known)
        for key in required:
            if key not in part:
                raise self.error(path, f"{_where(path)} lacks {key!r}")
        return part

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return at if space is None else space.end()

    def _locate(self, at: int, path: Path_, scalars: json.JSONDecoder) -> int:
        """Note where the value at ``at`` and its parts begin; return where it ends.

        The text is known to be JSON.
        """
        self._at[path] = at
        if len(path) > _DEEPEST:
            raise self.error(path[:_DEEPEST], "nested too deeply")
        opening = self.text[at]
        if opening not in "{[":
            return scalars.raw_decode(self.text, at)[1]
        closing = "}" if opening == "{" else "]"
        seen: set[str | int] = set()
        at = self._skip(at + 1)
        while self.text[at] != closing:
            key: str | int = len(seen)
            if opening == "{":
                start = at
                key, at = scalars.raw_decode(self.text, at)
                if key in seen:
                    self._at[(*path, key)] = start
                    raise self.error((*path, key), f"{key!r} is given twice")
                at = self._skip(self._skip(at) + 1)
            seen.add(key)
            at = self._skip(self._locate(at, (*path, key), scalars))
            if self.text[at] == ",":
                at = self._skip(at + 1)
        return at + 1


class Decoder:
    """Makes controls and callbacks of what a file holds."""

    def __init__(self, file: Located, callbacks: Mapping[str, type[BendingCallback]]) -> None:
        """Make a decoder.

        Args:
            file: what was read.
            callbacks: users' own classes by name, beside the built-in ones.
        """
        self.file = file
        self.classes = {**builtin_callbacks(), **callbacks}
        self.parameters: dict[str, BendingParameter] = {}

    def read_parameters(self) -> None:
        """Make the file's controls.

        Raises:
            ConfigError: one is wrong.
        """
        for name in self.file.object(("parameters",), optional=None):
            path: Path_ = ("parameters", name)
            spec = self.file.object(
                path, ("kind", "value"), ("choices", "range", "clamp", "weight", "bias")
            )
            value = self.value((*path, "value"))
            if spec["kind"] == "float" and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            clamp = spec.get("clamp", False)
            if not isinstance(clamp, bool):
                raise self.file.error((*path, "clamp"), f"clamp is true or false; got {clamp!r}")
            try:
                parameter = BendingParameter(
                    name,
                    value,
                    spec.get("range"),
                    clamp,
                    self.value((*path, "weight")) if "weight" in spec else None,
                    self.value((*path, "bias")) if "bias" in spec else None,
                    choices=spec.get("choices"),
                )
            except (BendingError, OverflowError) as error:
                raise self.file.error(path, str(error)) from error
            if parameter.kind != spec["kind"]:
                raise self.file.error(
                    (*path, "kind"),
                    f"control {name!r} is called a {spec['kind']!r}, and its value "
                    f"{_shown(spec['value'])} makes it a {parameter.kind!r}",
                )
            self.parameters[name] = parameter

    def callback(self, path: Path_) -> BendingCallback:
        """Make the callback described at ``path``.

        Raises:
            ConfigError: there is no such callback, or a setting is wrong.
        """
        name = self.file.get((*path, "callback"))
        if not isinstance(name, str) or name not in self.classes:
            own = "; a class of your own is passed as callbacks={name: class}"
            if name == "Lambda":
                own = ": it would hold a Python function, and opening a file runs none"
            raise self.file.error(
                (*path, "callback"),
                f"there is no callback {name!r} to load{own}",
                str(name),
                self.classes,
            )
        inside: Path_ = (*path, "settings")
        if name == "CallbackChain":
            return self._chain(inside)
        cls = self.classes[name]
        takes = inspect.signature(cls.__init__).parameters
        names = [
            key
            for key, parameter in takes.items()
            if key != "self"
            and parameter.kind
            in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        ]
        anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values())
        names += [key for key in cls.controllable_params if anything and key not in names]
        needed = [
            key for key in names if key in takes and takes[key].default is inspect.Parameter.empty
        ]
        optional = [key for key in names if key not in needed]
        given = self.file.object(inside, needed, optional)
        settings = {key: self.value((*inside, key)) for key in given}
        return self._made(cls, settings, inside)

    def _chain(self, inside: Path_) -> BendingCallback:
        self.file.object(inside, ("callbacks",))
        members: Path_ = (*inside, "callbacks")
        made = []
        for i in range(len(self.file.list(members))):
            self.file.object((*members, i), ("callback", "settings"))
            made.append(self.callback((*members, i)))
        try:
            return CallbackChain(*made)
        except BendingError as error:
            raise self.file.error(members, str(error)) from error

    def _made(
        self, cls: type[BendingCallback], settings: dict[str, Any], inside: Path_
    ) -> BendingCallback:
        try:
            return cls(**settings)
        except (BendingError, TypeError, ValueError, OverflowError) as error:
            # the line of the setting that the message speaks of, if it names one
            named = [key for key in settings if re.search(rf"\b{re.escape(key)}\b", str(error))]
            path = (*inside, named[0]) if named else inside
            raise self.file.error(path, str(error)) from error

    def value(self, path: Path_) -> Any:
        """Make the setting at ``path``.

        Raises:
            ConfigError: it is none.
        """
        found = self.file.get(path)
        if isinstance(found, list):
            return [self.value((*path, i)) for i in range(len(found))]
        if not isinstance(found, dict):
            return found
        if "parameter" in found:
            return self._view(path)
        if "callback" in found:
            self.file.object(path, ("callback", "settings"))
            return self.callback(path)
        if set(found) == {"complex"}:
            parts = self.value((*path, "complex"))
            if isinstance(parts, list) and len(parts) == 2 and all(map(_is_number, parts)):
                return complex(*parts)
        if found in ({"float": "inf"}, {"float": "-inf"}, {"float": "nan"}):
            return float(found["float"])
        raise self.file.error(
            path,
            'a setting is a number, a word, a list, {"parameter": name}, '
            f'{{"complex": [real, imaginary]}} or {{"float": "inf"}}; got {_shown(found)}',
        )

    def _view(self, path: Path_) -> BendingParameter | BendingView:
        found = self.file.object(path, ("parameter",), ("steps",))
        name = found["parameter"]
        if not isinstance(name, str) or name not in self.parameters:
            raise self.file.error(
                (*path, "parameter"),
                f"there is no control {name!r} in this file",
                str(name),
                self.parameters,
            )
        parameter = self.parameters[name]
        if "steps" not in found:
            return parameter
        steps = []
        for i, step in enumerate(self.file.list((*path, "steps"))):
            if not isinstance(step, list) or len(step) != 2 or not isinstance(step[0], str):
                raise self.file.error(
                    (*path, "steps", i), f'a step is such as ["mul", 2.0]; got {_shown(step)}'
                )
            steps.append((step[0], self.value((*path, "steps", i, 1))))
        try:
            return BendingView(parameter, tuple(steps))
        except BendingError as error:
            raise self.file.error((*path, "steps"), str(error)) from error


def decode_file(path: Path) -> Located:
    """Read a JSON file.

    Raises:
        ConfigError: it is not text, or not JSON.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file: {error}") from error
    return Located(str(path), text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; an infinity is written {{'float': 'inf'}}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _where(path: Path_) -> str:
    if not path:
        return "the file"
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
