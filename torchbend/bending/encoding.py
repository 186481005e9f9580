"""Callbacks and controls as JSON, and back, with the line of everything that is wrong."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import BendingError, ConfigError
from .callback import BendingCallback
from .chain import CallbackChain
from .cluster import Cluster, Clusters, read_clusters
from .function import Lambda, function_name
from .located import Located, Path_, is_finite, shown
from .operand import plain_number
from .parameter import BendingParameter, BendingView
from .registry import builtin_callbacks
from .selectors import Selector, selector_from
from .tensor_file import Tensors, read_tensor_file

__all__ = ["Decoder", "Encoder"]


class Encoder:
    """Turns callbacks and controls into what JSON can hold."""

    def __init__(self, strict: bool = True, folder: Path | None = None) -> None:
        """Make an encoder.

        Args:
            strict: refuse what JSON cannot hold; else leave it as it is, to be compared.
            folder: of the configuration's file, which paths are relative to; None for none.
        """
        self.strict = strict
        self.folder = folder
        self.clusters: dict[str, Clusters] = {}

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
        if isinstance(value, Cluster):
            kept = self._kept(value.clusters)
            return {"select": value.kind, "clusters": kept, **value.to_json()}
        if isinstance(value, Selector):
            return {"select": value.kind, **value.to_json()}
        if isinstance(value, Tensors):
            return value.encoded(self.folder, who, name) if self.strict else value
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

    def _kept(self, clusters: Clusters) -> str:
        """The name under which clusters are written, which are written once."""
        name, number = clusters.place, 1
        while self.clusters.setdefault(name, clusters) != clusters:
            number += 1
            name = f"{clusters.place} ({number})"
        return name


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
        self.clusters: dict[str, Clusters] = {}

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
                if not is_finite(value):
                    raise self.file.error(
                        (*path, "value"), f"control {name!r}: {shown(value)} is not a finite number"
                    )
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
            except (BendingError, TypeError, ValueError, OverflowError) as error:
                raise self.file.error(path, str(error)) from error
            if parameter.kind != spec["kind"]:
                raise self.file.error(
                    (*path, "kind"),
                    f"control {name!r} is called a {spec['kind']!r}, and its value "
                    f"{shown(spec['value'])} makes it a {parameter.kind!r}",
                )
            self.parameters[name] = parameter

    def read_clusters(self) -> None:
        """Make the file's clusters, if it has some.

        Raises:
            ConfigError: something is wrong with them.
        """
        if "clusters" in self.file.data:
            for name in self.file.object(("clusters",), optional=None):
                self.clusters[name] = read_clusters(self.file, ("clusters", name))

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
        for key in cls.tensor_settings:
            if isinstance(settings.get(key), str):
                raise self.file.error(
                    (*inside, key),
                    f"{key} is a word, {shown(settings[key])}: a configuration names a file of "
                    'tensors with its hash, {"tensors": path, "sha256": 64 digits}',
                )
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
        if "select" in found:
            if found["select"] == Cluster.kind:
                return self._cluster(path)
            settings = {key: self.value((*path, key)) for key in found if key != "select"}
            try:
                return selector_from(str(found["select"]), settings)
            except BendingError as error:
                raise self.file.error(path, str(error)) from error
        if "tensors" in found:
            return read_tensor_file(self.file, path)
        if set(found) == {"complex"}:
            parts = self.value((*path, "complex"))
            if (
                isinstance(parts, list)
                and len(parts) == 2
                and all(isinstance(part, float) or is_finite(part) for part in parts)
            ):
                return complex(*parts)
        if found in ({"float": "inf"}, {"float": "-inf"}, {"float": "nan"}):
            return float(found["float"])
        raise self.file.error(
            path,
            'a setting is a number, a word, a list, {"parameter": name}, '
            f'{{"complex": [real, imaginary]}} or {{"float": "inf"}}; got {shown(found)}',
        )

    def _cluster(self, path: Path_) -> Cluster:
        found = self.file.object(path, ("select", "clusters", "cluster"))
        name = found["clusters"]
        if not isinstance(name, str) or name not in self.clusters:
            raise self.file.error(
                (*path, "clusters"),
                f"there are no clusters {name!r} in this file",
                str(name),
                self.clusters,
            )
        try:
            return self.clusters[name][found["cluster"]]
        except BendingError as error:
            raise self.file.error((*path, "cluster"), str(error)) from error

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
                    (*path, "steps", i), f'a step is such as ["mul", 2.0]; got {shown(step)}'
                )
            steps.append((step[0], self.value((*path, "steps", i, 1))))
        try:
            return BendingView(parameter, tuple(steps))
        except (BendingError, OverflowError) as error:
            raise self.file.error((*path, "steps"), str(error)) from error
