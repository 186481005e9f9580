"""Controls, their views, and the operands that follow them."""

from __future__ import annotations

import copy
import gc
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbend.bending import BendingParameter, BendingView, Bias, Scale, as_operand
from torchbend.bending.control import make_control
from torchbend.errors import BendingCallbackException, BendingParameterException

VIEWS = [
    lambda p: p + 1.5,
    lambda p: 1.5 + p,
    lambda p: p - 2,
    lambda p: 2 - p,
    lambda p: p * 0.3,
    lambda p: 0.3 * p,
    lambda p: p / 3,
    lambda p: 3 / p,
    lambda p: p**2,
    lambda p: 2.0**p,
    lambda p: -p,
    lambda p: +p,
    lambda p: abs(p),
    lambda p: 2.0 * p + 1,
    lambda p: -(3 - abs(p * 0.1 - 7)) / 0.7,
    lambda p: (1 / (p + 100.0)) ** 0.5,
]


def bits(a, b):
    return type(a) is type(b) and (a == b or (a != a and b != b))


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_python_arithmetic(view):
    for first, others in ((0.7, (3.0, -1.25, 1e-3)), (2, (5, -3, 7))):
        p = BendingParameter("p", first)
        mapped = view(p)
        held = as_operand(mapped)
        for value in (first, *others):
            p.set_value(value)
            right = view(value)
            assert bits(float(held.value), float(right))
            assert bits(mapped.get_python_value(), held.value)
            assert float(mapped.get_value()) == torch.tensor(held.value).item()


def test_an_int_stays_an_int_where_python_keeps_it():
    p = BendingParameter("n", 3, range=[0, 10])
    for view, value in (
        (2 * p + 1, 7),
        (p**2, 9),
        (1 - p, -2),
        (abs(-p), 3),
        (p + True, 4),
    ):
        assert bits(view.get_python_value(), value)
    for view, value in ((p / 2, 1.5), (2.0 * p, 6.0), (p**-1, 1 / 3)):
        assert bits(view.get_python_value(), value)
    # 2 * p and 2.0 * p are two operands: one gives an integer weight integers
    x = torch.tensor([1, 2])
    whole, fractional = Scale(2 * p), Scale(2.0 * p)
    assert whole(x).dtype == torch.int64
    assert fractional(x).dtype == torch.float32


def test_one_operand_for_each_view_and_it_is_shared():
    p = BendingParameter("p", 0.5)
    assert as_operand(2.0 * p + 1) is as_operand(2.0 * p + 1)
    assert as_operand(p) is as_operand(p)
    assert as_operand(p) is not as_operand(2.0 * p)
    kernel = Scale(p)
    assert kernel.operand("scale") is as_operand(p)


def test_operands_that_nobody_reads_go_away():
    p = BendingParameter("p", 0.5)
    for i in range(50):
        as_operand(p * float(i))
    gc.collect()
    assert len(p._operands) == 0


def test_views_of_vectors():
    p = BendingParameter("v", [1.0, -2.0, 4.0])
    view = abs(2.0 * p - 1) ** 2
    v = torch.tensor([1.0, -2.0, 4.0])
    assert torch.equal(view.get_value(), torch.abs(2.0 * v - 1) ** 2)
    p.set_value(torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64))
    v = torch.tensor([0.5, 0.25, 0.125])
    assert torch.equal(view.get_value(), torch.abs(2.0 * v - 1) ** 2)
    assert p.get_python_value() == [0.5, 0.25, 0.125]
    given_out = p.get_value()
    given_out.zero_()
    assert p.get_python_value() == [0.5, 0.25, 0.125]


def test_views_of_complex_numbers():
    p = BendingParameter("z", 1 + 2j)
    view = (2j * p + 1) / (1 - 1j)
    assert abs(view.get_python_value() - (2j * (1 + 2j) + 1) / (1 - 1j)) < 1e-15
    assert bits((p + 1j).get_python_value(), 1 + 3j)
    assert bits((p * (3 - 1j)).get_python_value(), (1 + 2j) * (3 - 1j))
    assert (-p).get_python_value() == -1 - 2j
    with pytest.raises(BendingParameterException, match="complex"):
        p**2


def test_weight_and_bias_are_a_view_built_in():
    p = BendingParameter("p", 0.5, range=[0, 1], weight=10.0, bias=-2)
    assert p.get_python_value() == 0.5
    assert as_operand(p).value == 10.0 * 0.5 - 2
    assert (2.0 * p).get_python_value() == 2.0 * (10.0 * 0.5 - 2)
    p.set_value(0.75)
    assert as_operand(p).value == 10.0 * 0.75 - 2
    assert as_operand(p) is as_operand(p)
    assert bits(as_operand(BendingParameter("n", 3, weight=2)).value, 6)
    assert bits(as_operand(BendingParameter("n", 3, bias=0.5)).value, 3.5)


@pytest.mark.parametrize(
    ("value", "kind", "got"),
    [
        (0.5, "float", 0.5),
        (3, "int", 3),
        (True, "bool", True),
        (1j, "complex", 1j),
        ([1, 2.5], "vector", [1.0, 2.5]),
        ((1.0,), "vector", [1.0]),
        (torch.tensor(2.0), "float", 2.0),
        (np.float64(2.0), "float", 2.0),
        (np.int32(2), "int", 2),
        (np.arange(2.0), "vector", [0.0, 1.0]),
    ],
)
def test_kinds(value, kind, got):
    p = BendingParameter("p", value)
    assert p.kind == kind
    assert type(p.get_python_value()) is type(got)
    assert p.get_python_value() == got
    tensor = p.get_value()
    assert isinstance(tensor, torch.Tensor)
    assert tensor.tolist() == pytest.approx(got)


def test_choice():
    p = BendingParameter("op", "add", choices=["add", "mul"])
    assert p.kind == "choice"
    assert p.get_value() == p.get_python_value() == "add"
    p.set_value("mul")
    assert as_operand(p).value == "mul"
    for bad in ("sub", 1, None):
        with pytest.raises(BendingParameterException, match=r"one of \['add', 'mul'\]"):
            p.set_value(bad)
    with pytest.raises(BendingParameterException, match="no arithmetic"):
        2 * p
    with pytest.raises(BendingParameterException, match="needs its choices"):
        BendingParameter("op", "add")
    for choices in ([], "add", [1], ["a", "a"]):
        with pytest.raises(BendingParameterException, match="choices"):
            BendingParameter("op", "add", choices=choices)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a.b", "a-b", "é", 3, None, "a\n"])
def test_bad_names(name):
    with pytest.raises(BendingParameterException, match="identifier"):
        BendingParameter(name, 0.5)


BAD_VALUES = [
    (0.5, ["loud", None, [1.0], 1j, float("nan"), float("inf"), 10**400, torch.zeros(2)]),
    (3, [2.5, "3", None, float("nan"), float("inf"), 2**63, -(2**63) - 1, 1j]),
    (True, [2, 0.5, "on", None, float("nan")]),
    (1j, ["j", None, complex("nan"), complex("inf"), [1, 2]]),
    (
        [1.0, 2.0],
        [[1.0], [1.0, 2.0, 3.0], 1.0, "ab", [1.0, float("nan")], [[1.0, 2.0]], [1.0, "a"]],
    ),
]


@pytest.mark.parametrize(("start", "bad"), BAD_VALUES)
def test_a_refused_value_changes_nothing(start, bad):
    p = BendingParameter("p", start)
    operand = as_operand(p)
    told = Listener()
    p.subscribe(told)
    before = p.get_python_value()
    for value in bad:
        with pytest.raises(BendingParameterException, match="'p'"):
            p.set_value(value)
        assert p.get_python_value() == before
        assert torch.equal(torch.as_tensor(operand.value), torch.as_tensor(before))
    assert told.values == []


def test_values_of_kindred_types_are_taken():
    p = BendingParameter("p", 0.5)
    p.set_value(2)
    assert bits(p.get_python_value(), 2.0)
    n = BendingParameter("n", 1)
    n.set_value(4.0)
    assert bits(n.get_python_value(), 4)
    b = BendingParameter("b", False)
    b.set_value(1)
    assert b.get_python_value() is True
    z = BendingParameter("z", 1j)
    z.set_value(3)
    assert bits(z.get_python_value(), 3 + 0j)
    n.set_value(torch.tensor(7))
    assert bits(n.get_python_value(), 7)


@given(value=st.floats(allow_nan=False), low=st.floats(-100, 100), width=st.floats(0, 100))
def test_range_refuses_or_clamps(value, low, width):
    high = low + width
    start = low
    strict = BendingParameter("p", start, range=[low, high])
    clamped = BendingParameter("p", start, range=[low, high], clamp=True)
    clamped.set_value(value)
    assert clamped.get_python_value() == min(max(value, low), high)
    if low <= value <= high:
        strict.set_value(value)
        assert strict.get_python_value() == value
    else:
        with pytest.raises(BendingParameterException, match="out of its range"):
            strict.set_value(value)
        assert strict.get_python_value() == start


def test_ranges():
    p = BendingParameter("p", 0.5, range=[0, None])
    p.set_value(1e9)
    with pytest.raises(BendingParameterException, match="out of its range"):
        p.set_value(-0.1)
    with pytest.raises(BendingParameterException, match="out of its range"):
        BendingParameter("p", 2.0, range=[0, 1])
    assert BendingParameter("p", 2.0, range=[0, 1], clamp=True).get_python_value() == 1.0
    assert BendingParameter("p", 5, range=[0, 3], clamp=True).get_python_value() == 3
    v = BendingParameter("v", [0.0, 1.0], range=[0, 1])
    with pytest.raises(BendingParameterException, match=r"\[2.0\] out of its range"):
        v.set_value([0.5, 2.0])
    v = BendingParameter("v", [0.0, 9.0], range=[0, 1], clamp=True)
    assert v.get_python_value() == [0.0, 1.0]
    for bad in ([1, 0], [0], "ab", 3, [0, float("nan")], [0, "b"], [True, 2]):
        with pytest.raises(BendingParameterException, match="range"):
            BendingParameter("p", 0.5, range=bad)
    with pytest.raises(BendingParameterException, match="int: its range"):
        BendingParameter("p", 1, range=[0, 1.5])
    with pytest.raises(BendingParameterException, match="has no range"):
        BendingParameter("p", True, range=[0, 1])


def test_arithmetic_with_anything_else():
    p, q = BendingParameter("p", 0.5), BendingParameter("q", 0.5)
    for action in (lambda: p + q, lambda: p * (2 * q), lambda: (p + 1) - q, lambda: p**q):
        with pytest.raises(BendingParameterException, match="not by another control"):
            action()
    for number in ("a", [1.0], None, 1j, float("nan"), float("inf"), torch.zeros(2)):
        with pytest.raises(BendingParameterException, match="'p'"):
            p * number
    with pytest.raises(BendingParameterException, match="zero"):
        p / 0
    for number in (np.float64(2.0), torch.tensor(2.0)):
        for view in (number * p, p * number):
            assert isinstance(view, BendingView)
            assert view.get_python_value() == 1.0


def test_a_view_without_a_value_refuses_the_move():
    p = BendingParameter("p", 0.5)
    views = [1 / p, p**0.5, 10.0 ** (100 * p)]
    held = [as_operand(view) for view in views]
    before = [operand.value for operand in held]
    for bad in (0.0, -1.0, 9.0):
        with pytest.raises(BendingParameterException, match="no finite value"):
            p.set_value(bad)
        assert p.get_python_value() == 0.5
        assert [operand.value for operand in held] == before
    with pytest.raises(BendingCallbackException, match="scale.*no finite value"):
        Scale((p - 1) ** 0.5)


def test_a_view_is_read_only_and_knows_its_control():
    p = BendingParameter("p", 0.5)
    view = 2 * p + 1
    assert view.name == "p"
    assert view.parameter is p
    with pytest.raises(BendingParameterException, match=r"2 \* p \+ 1 is a view"):
        view.set_value(1.0)


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (lambda p: 2.0 * p + 1, "2.0 * p + 1"),
        (lambda p: 2 * (p + 1), "2 * (p + 1)"),
        (lambda p: (1 - p) / 3, "(1 - p) / 3"),
        (lambda p: -(p**2), "-(p ** 2)"),
        (lambda p: abs(p - 1) * 2, "2 * abs(p - 1)"),
    ],
)
def test_repr_is_the_arithmetic(view, text):
    p = BendingParameter("p", 0.5)
    assert repr(view(p)) == text
    assert bits(eval_free(text, 0.5), view(p).get_python_value())


def eval_free(text, p):
    """Compute one of the texts above by hand: a table, not an interpreter."""
    return {
        "2.0 * p + 1": 2.0 * p + 1,
        "2 * (p + 1)": 2 * (p + 1),
        "(1 - p) / 3": (1 - p) / 3,
        "-(p ** 2)": -(p**2),
        "2 * abs(p - 1)": 2 * abs(p - 1),
    }[text]


class Listener:
    def __init__(self):
        self.values = []

    def _control_moved(self, parameter):
        self.values.append(
            (parameter.name, parameter.get_python_value(), as_operand(2 * parameter).value)
        )

    def other(self, parameter):
        self.values.append(parameter.name)


def test_listeners_are_told_after_the_operands_followed():
    p = BendingParameter("p", 0.5)
    kernel = Scale(2 * p)
    listener = Listener()
    p.subscribe(listener)
    p.subscribe(listener)
    p.set_value(0.75)
    assert listener.values == [("p", 0.75, 1.5)]
    p.unsubscribe(listener)
    p.set_value(0.5)
    assert len(listener.values) == 1
    assert kernel.get("scale") == 1.0


def test_a_listener_that_fails_takes_the_move_back():
    class Failing:
        def _control_moved(self, parameter):
            if parameter.get_python_value() > 1:
                raise ZeroDivisionError("too much")

    p = BendingParameter("p", 0.5)
    held = as_operand(2 * p)
    first, failing = Listener(), Failing()
    for listener in (first, failing):
        p.subscribe(listener)
    with pytest.raises(ZeroDivisionError, match="too much"):
        p.set_value(2.0)
    assert p.get_python_value() == 0.5
    assert held.value == 1.0
    assert first.values == [("p", 2.0, 4.0), ("p", 0.5, 1.0)]
    p.set_value(0.75)
    assert held.value == 1.5
    assert first.values[-1] == ("p", 0.75, 1.5)


def test_listeners_are_held_weakly():
    p = BendingParameter("p", 0.5)
    kept = Listener()
    p.subscribe(kept.other)
    p.subscribe(Listener())
    gc.collect()
    p.set_value(0.6)
    assert kept.values == ["p"]
    assert len(p._listeners) == 1
    with pytest.raises(BendingParameterException, match="listener"):
        p.subscribe(lambda q: None)


def test_identity_is_equality():
    p, q = BendingParameter("p", 0.5), BendingParameter("p", 0.5)
    assert p != q
    assert len({p, q}) == 2


def test_a_copied_callback_follows_a_copied_control():
    p = BendingParameter("p", 0.5, range=[0, 1])
    chain = Scale(2 * p) >> Bias(p)
    twin = copy.deepcopy(chain)
    q = twin.controls["p"]
    assert q is not p
    p.set_value(1.0)
    x = torch.ones(2)
    assert torch.equal(twin(x), x * 1.0 + 0.5)
    q.set_value(0.25)
    assert torch.equal(twin(x), x * 0.5 + 0.25)
    assert torch.equal(chain(x), x * 2.0 + 1.0)
    kernel = copy.deepcopy(chain.kernel(_place(x)))
    assert torch.equal(kernel(x), x * 2.0 + 1.0)


def _place(x):
    from torchbend.places import Place

    return Place("a", "activation", tuple(x.shape), x.dtype)


# -- the same in an exported file ------------------------------------------------------


def control_of(p, *views):
    held = [as_operand(view) for view in views]
    scripted = [torch.jit.script(operand.fresh()) for operand in held]
    return torch.jit.script(make_control(p, scripted)), scripted, held


@pytest.mark.parametrize("view", VIEWS)
def test_an_exported_view_has_the_same_bits(view):
    for first, others in ((0.7, (3.0, -1.25, 1e-3, 77.7)), (2, (5, -3, 7))):
        p = BendingParameter("p", first)
        control, scripted, held = control_of(p, view(p))
        for value in (first, *others):
            p.set_value(value)
            assert control.set(value) == 0
            assert bits(scripted[0].value, held[0].value)


@given(value=st.floats(width=64))
def test_an_exported_float_is_clamped_and_never_nan(value):
    control, scripted, _ = CLAMPED
    before = control.get(), scripted[0].value
    done = control.set(value)
    if math.isnan(value):
        assert done == -1
        assert (control.get(), scripted[0].value) == before
    else:
        assert done == 0
        assert control.get() == min(max(value, -1.0), 2.0)
        assert scripted[0].value == 3.0 * control.get()


_CLAMPED_PARAMETER = BendingParameter("p", 0.5, range=[-1, 2])
CLAMPED = control_of(_CLAMPED_PARAMETER, 3.0 * _CLAMPED_PARAMETER)


def test_exported_controls_of_the_other_kinds():
    n = BendingParameter("n", 3, range=[0, 9])
    control, scripted, _ = control_of(n, n, n / 2)
    assert control.set(99) == 0
    assert (control.get(), scripted[0].value, scripted[1].value) == (9, 9, 4.5)
    open_end = BendingParameter("n", 3)
    control, scripted, _ = control_of(open_end, open_end)
    assert control.set(2**62) == 0
    assert scripted[0].value == 2**62
    b = BendingParameter("b", False)
    control, scripted, _ = control_of(b, b, 2 * b + 1, b * 0.5)
    assert control.set(True) == 0
    assert [s.value for s in scripted] == [True, 3, 0.5]
    assert control.get() is True
    z = BendingParameter("z", 1 + 2j)
    control, scripted, _ = control_of(z, z, 2 * z)
    assert control.set(0.5, -1.0) == 0
    assert [s.value for s in scripted] == [0.5 - 1j, 1 - 2j]
    assert control.set(float("nan"), 0.0) == -1
    assert control.set(0.0, float("inf")) == -1
    assert control.get() == (0.5, -1.0)
    op = BendingParameter("op", "add", choices=["add", "mul"])
    control, scripted, _ = control_of(op, op)
    assert control.set("mul") == 0
    assert control.set("sub") == -1
    assert (control.get(), scripted[0].value) == ("mul", "mul")
    v = BendingParameter("v", [0.0, 1.0], range=[-1, 1])
    control, scripted, _ = control_of(v, 2 * v)
    assert control.set(torch.tensor([0.5, 7.0])) == 0
    assert control.get().tolist() == [0.5, 1.0]
    assert scripted[0].value.tolist() == [1.0, 2.0]
    for bad in (torch.zeros(3), torch.tensor([0.0, float("nan")]), torch.zeros(1, 2)):
        assert control.set(bad) == -1
    assert control.set_list([0.25, -9.0]) == 0
    assert scripted[0].value.tolist() == [0.5, -2.0]


def test_an_exported_control_refuses_where_a_view_has_no_value():
    p = BendingParameter("p", 0.5)
    control, scripted, _ = control_of(p, 1 / p, p**0.5)
    for bad in (0.0, -1.0, float("inf")):
        assert control.set(bad) == -1
    assert control.get() == 0.5
    assert [s.value for s in scripted] == [2.0, 0.5**0.5]
