"""Checks of the attributes: set, read back, heard, clamped, and unharmed by nonsense.

An attribute's change glides over the block after it was set. So after each setting one block
is played to settle, and then the streaming state is put back before the sound is compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch

from torchbend.description import AttributeInfo, MethodInfo
from torchbend.errors import script_line
from torchbend.export.check_values import atmost, elements, near, values_to_try
from torchbend.export.report import FAIL, NOTE, OK, Row
from torchbend.export.sound import difference, same
from torchbend.export.subject import Subject, noise

__all__ = ["check_attributes"]

LEAST_BLOCK = 512  # frames of sound; shorter blocks tell less of what is heard
HUGE_INTS = (2**31 - 1, -(2**31), 2**62, -(2**62))
ODD_TEXTS = ("", "no such choice", "0.000000", "\N{GREEK SMALL LETTER PI}" * 1000)


def check_attributes(subject: Subject, odd: Collection[str] = ()) -> Iterator[Row]:
    """Set each attribute to what it should take and to what it should not.

    Each returns to what it was before the next one's turn.

    Args:
        subject: blocks of every method have been played already, so that a setter which
            writes into what they made is found out.
        odd: methods that give no finite numbers without bends, either: a knob may go unheard
            where there is nothing but those.
    """
    listener = _Listener(subject, odd)
    for attribute in subject.info.attributes:
        yield from _Attribute(subject, attribute, listener).rows()
    subject.restore()


class _Listener:
    """Plays the same sound through every method that plays at all."""

    def __init__(self, subject: Subject, odd: Collection[str]) -> None:
        self._subject = subject
        self._odd = odd
        self._inputs: list[tuple[MethodInfo, torch.Tensor, int]] = []
        for method in subject.info.methods:
            block = next(
                (b for b in subject.blocks(method, 2 * LEAST_BLOCK) if b >= LEAST_BLOCK),
                subject.least_block(method),
            )
            x = noise(method, 1, 2 * block)
            try:
                subject.play_again(method, x, block)
            except Exception:  # noqa: BLE001 - the check of the method has told
                continue
            self._inputs.append((method, x, block))
        self.methods = [method.name for method, _, _ in self._inputs]

    @property
    def tells(self) -> bool:
        """Whether a knob that does something must be heard."""
        return any(name not in self._odd for name in self.methods)

    def sounds(self) -> Iterator[torch.Tensor]:
        """The settled sound of each method, one after the other."""
        for method, x, block in self._inputs:
            self._subject.settle(method, x, block)
            yield self._subject.play_again(method, x, block)


class _Attribute:
    def __init__(self, subject: Subject, attribute: AttributeInfo, listener: _Listener) -> None:
        self._subject = subject
        self._info = attribute
        self._listener = listener
        self._before = list(listener.sounds())
        self._array = attribute.types == ("buffer",)
        self._strict = subject.ours and not attribute.kept

    def rows(self) -> Iterator[Row]:
        """Each check of the attribute; without its setter or getter, only the first."""
        name = self._info.name
        try:
            start = self._subject.get(self._info)
            home = list(self._info.default if self._array else start)
            starts = self._differs(start, self._info.default)
        except Exception as error:  # noqa: BLE001 - a file may raise anything
            yield Row(f"{name}: read", FAIL, f"raises: {script_line(error)}")
            return
        if starts:
            yield Row(f"{name}: read", FAIL, f"starts at {starts}")
        yield self._row("set and read", lambda: self._set_and_read(home))
        yield self._row("heard", lambda: self._heard(home))
        if self._info.low is not None or self._info.high is not None:
            yield self._row("clamped", lambda: self._clamped(home))
        if self._floats():
            yield self._row("refuses NaN", lambda: self._refuses_nan(home))
        yield self._row("survives", lambda: self._survives(home))
        yield self._row("returns", lambda: self._returns(home))

    def _row(self, what: str, look: Any) -> Row:
        try:
            result, detail = look()
        except Exception as error:  # noqa: BLE001 - a file may raise anything
            result, detail = FAIL, f"raises: {script_line(error)}"
        if self._info.kept and result == FAIL:  # it was like that before torchbend came
            result = NOTE
        return Row(f"{self._info.name}: {what}", result, detail)

    # -- what is set -----------------------------------------------------------------------
    def _floats(self) -> bool:
        return any(kind in ("float", "tensor", "buffer") for kind in self._info.types)

    # -- the checks ------------------------------------------------------------------------
    def _set_and_read(self, home: list[Any]) -> tuple[str, str]:
        """In range: done, and read back as it was set."""
        mismatch = FAIL if self._strict else NOTE
        trials = values_to_try(self._info, home)
        for values in [*trials, home]:
            result = self._subject.set(self._info, values)
            if result != 0:
                return mismatch, f"refuses {_short(values)} with {result}"
            wrong = self._differs(self._subject.get(self._info), values)
            if wrong:
                return mismatch, f"was set to {_short(values)}, reads {wrong}"
        if not trials:
            return NOTE, f"no other value than {_short(home)} is known"
        return OK, f"{len(trials) + 1} values, such as {_short(trials[0])}"

    def _heard(self, home: list[Any]) -> tuple[str, str]:
        trials = values_to_try(self._info, home)
        heard = self._first_heard(trials, self._before)
        if not heard and trials:
            # as with all others moved: what a bend does is not heard while its amount is 0, nor
            # is an amount while the bend's own knobs stand where it does nothing
            heard = self._heard_beside_others(trials, home)
        self._subject.set(self._info, home)
        if heard:
            return OK, heard
        # A setting of the model's own (what to learn, say) need not sound at once.
        must = self._strict and self._info.bends and trials and self._listener.tells
        silent = FAIL if must else NOTE
        return silent, (
            f"not at any of {len(trials)} values, in no method: what it moves makes no difference. "
            "Bend another place"
        )

    def _heard_beside_others(self, trials: Sequence[list[Any]], home: list[Any]) -> str:
        """The first value that is heard while the other attributes stand elsewhere."""
        for which in range(4):
            others = self._others(which)
            self._subject.set_all({a.name: moved for a, (_, moved) in others.items()})
            self._subject.set(self._info, home)
            heard = self._first_heard(trials, list(self._listener.sounds()))
            self._subject.set_all({a.name: back for a, (back, _) in others.items()})
            if heard:
                return heard
        return ""

    def _first_heard(self, trials: Sequence[list[Any]], before: Sequence[torch.Tensor]) -> str:
        """The first value that is heard, and where; empty if none is."""
        for values in trials:
            self._subject.set(self._info, values)
            heard = [
                name
                for name, sound, was in zip(
                    self._listener.methods, self._listener.sounds(), before, strict=True
                )
                if not same(sound, was)
            ]
            if heard:
                return f"at {_short(values)}, in {', '.join(heard)}"
        return ""

    def _others(self, which: int) -> dict[AttributeInfo, tuple[list[Any], list[Any]]]:
        """The other attributes that bend: as they are, and moved; no bend is switched off.

        An amount is never moved to nothing.

        Args:
            which: of the values to try.
        """
        found = {}
        for other in self._subject.info.attributes:
            if other.name == self._info.name or other.kept or not other.bends:
                continue
            home = list(other.default if other.types == ("buffer",) else self._subject.get(other))
            trials = values_to_try(other, home)
            if other.part in ("bypass", "solo"):
                trials = [[0]]
            elif other.kind == "bool":  # one that may switch off what is to be heard
                trials = [*trials, home]
            if trials:
                found[other] = home, trials[0 if other.part == "amount" else which % len(trials)]
        return found

    def _clamped(self, home: list[Any]) -> tuple[str, str]:
        count = len(elements(home))
        bounds = [
            (bound, step)
            for bound, step in ((self._info.low, -1.0), (self._info.high, 1.0))
            if bound is not None
        ]
        for bound, step in bounds:
            for far in (1.0, 1000.0):
                asked = [bound + step * far * max(1.0, abs(bound))] * count
                result = self._subject.set(self._info, asked)
                if result != 0:
                    return FAIL, f"refuses {asked[0]:g} with {result}"
                wrong = self._differs(self._subject.get(self._info), [bound] * count)
                if wrong:
                    return FAIL, f"was set to {asked[0]:g}, reads {wrong}, not {bound:g}"
        self._subject.set(self._info, home)
        return OK, " and ".join(f"{bound:g}" for bound, _ in bounds)

    def _refuses_nan(self, home: list[Any]) -> tuple[str, str]:
        before = self._subject.get(self._info)
        flat = elements(home)
        # In every place at once, and in each alone.
        spots = [range(len(flat)), *([at] for at in range(min(len(flat), 8)) if len(flat) > 1)]
        for spot in spots:
            values = [
                math.nan if at in spot and isinstance(v, float) else v for at, v in enumerate(flat)
            ]
            result = self._subject.set(self._info, values)
            wrong = self._differs(self._subject.get(self._info), before)
            if wrong:
                return FAIL, f"answers {result} to NaN, and reads {wrong}"
            if result != -1:
                return FAIL, f"answers {result} to NaN; -1 says that it was refused"
        return OK, "with -1, unchanged"

    def _survives(self, home: list[Any]) -> tuple[str, str]:
        """Nothing that a performer can send makes the setter, the getter or a block raise."""
        tried = 0
        for values in self._nonsense(home):
            tried += 1
            try:
                self._subject.set(self._info, values)
                read = self._subject.get(self._info)
                wrong = self._outside(read)
                for _ in self._listener.sounds():
                    pass
            except Exception as error:  # noqa: BLE001 - a file may raise anything
                return FAIL, f"{_short(values)}: raises: {script_line(error)}"
            if wrong:
                return FAIL, f"{_short(values)}: reads {wrong}"
        self._subject.set(self._info, home)
        return OK, f"{tried} odd values"

    def _nonsense(self, home: list[Any]) -> Iterator[list[Any]]:
        types = self._info.types
        if self._array or types == ("tensor",):
            flat = [float(v) for v in elements(home)]
            yield from (
                [],
                flat[:-1],
                [*flat, 1.0],
                [math.inf] * len(flat),
                [-math.inf] * len(flat),
            )
            return
        odd: dict[str, Sequence[Any]] = {
            "float": (math.inf, -math.inf, 1e38, -1e38, 1e-45, 1e300, -0.0),
            "int": HUGE_INTS,
            "bool": (True, False),
            "str": ODD_TEXTS,
        }
        for at, kind in enumerate(types[:2]):  # the others are no different
            for value in odd.get(kind, ()):
                yield [*home[:at], value, *home[at + 1 :]]

    def _outside(self, read: Sequence[Any]) -> str:
        """What is out of the known range in what is read, if anything."""
        low = -math.inf if self._info.low is None else self._info.low
        high = math.inf if self._info.high is None else self._info.high
        for value in elements(read):
            if isinstance(value, str):
                if self._info.choices and value not in self._info.choices:
                    return repr(value)
            elif math.isnan(value) or not atmost(low, value) or not atmost(value, high):
                return f"{value:g}"
        return ""

    def _returns(self, home: list[Any]) -> tuple[str, str]:
        """Set back, it sounds to the bit as it did at first."""
        self._subject.set(self._info, home)
        for name, sound, before in zip(
            self._listener.methods, self._listener.sounds(), self._before, strict=True
        ):
            if not same(sound, before):
                off = difference(sound, before)
                changed = FAIL if self._strict else NOTE
                return changed, f"{name} is off by {off:.3g} from how it sounded before"
        return OK, f"at {_short(home)} it sounds as before, to the bit"

    def _differs(self, read: Sequence[Any], wanted: Sequence[Any]) -> str:
        """What is read, if it is not what is wanted."""
        a, b = elements(read), elements(wanted)
        if self._array and not any(isinstance(v, str) for v in b):
            return ""  # its getter answers with words
        if len(a) == len(b) and near(a, b):
            return ""
        return _short(a)


def _short(values: Sequence[Any]) -> str:
    flat = elements(values)
    words = [f"{v:.4g}" if isinstance(v, float) else repr(v) for v in flat[:4]]
    text = ", ".join(w if len(w) < 30 else f"{w[:26]}...'" for w in words)
    return f"({text}, ...)" if len(flat) > 4 else text or "nothing"
