"""One value a control, told to the sink and to everyone who listens."""

from __future__ import annotations

import math
import threading

import pytest
from control_support import INFO, Clock, Heard, make_tree

from torchbend.description import AttributeInfo, FileInfo
from torchbend.realtime.control import (
    Changes,
    Control,
    ControlError,
    ControlTree,
    RefusedError,
    Values,
    bends,
)
from torchbend.realtime.control.tree import SETTLE_SECONDS


def test_a_change_reaches_the_sink_clamped_with_its_time() -> None:
    tree, heard = make_tree()
    assert tree.set("/bend/drive", (99.0,)) == (2.0,)
    assert heard.all == [("/bend/drive", (2.0,), 7)]
    assert tree.value("/bend/drive") == (2.0,)


def test_what_does_not_change_is_not_told_again() -> None:
    tree, heard = make_tree()
    watcher = tree.watch()
    tree.set("/bend/drive", (0.5,))
    assert heard.all == []
    assert watcher.take(tree.now()) == []


def test_within_a_tick_the_latest_value_of_an_address_wins() -> None:
    tree, heard = make_tree()
    with tree.tick():
        for n in range(50):
            tree.set("/bend/drive", (n / 100,))
            tree.set("/bend/steps", (n % 9,))
        assert heard.all == []
    assert heard.moves == [("/bend/drive", (0.49,)), ("/bend/steps", (4,))]


def test_a_trigger_comes_after_what_was_set_before_it() -> None:
    tree, heard = make_tree()
    with tree.tick():
        tree.set("/bend/drive", (1.0,))
        tree.set("/preset/store", (3,))
        tree.set("/bend/drive", (1.5,))
    assert heard.moves == [
        ("/bend/drive", (1.0,)),
        ("/preset/store", ("3",)),
        ("/bend/drive", (1.5,)),
    ]


def test_a_button_fires_when_pressed_and_not_when_let_go() -> None:
    tree, heard = make_tree(Control("/go", "trigger", access="w"))
    for sent in ((1.0,), (0.0,), (), (True,), (0,)):
        tree.set("/go", sent)
    assert heard.moves == [("/go", ())] * 3
    tree.set("/preset/morph", ("a",))
    tree.set("/preset/morph", ("a", 9999.0))
    assert heard.moves[3:] == [("/preset/morph", ("a",)), ("/preset/morph", ("a", 3600.0))]


def test_an_urgent_switch_acts_in_its_place_at_each_message() -> None:
    tree, heard = make_tree()
    watcher = tree.watch()
    with tree.tick():
        tree.set("/bend/drive", (1.0,))
        for sent in ((), (1,), (0,), (0.0,)):
            assert tree.set("/panic", sent) == (not sent or sent[0] > 0,)
        tree.set("/bend/drive", (1.5,))
    on, off = ("/panic", (True,)), ("/panic", (False,))
    drives = [("/bend/drive", (value,)) for value in (1.0, 1.5)]
    assert heard.moves == [drives[0], on, on, off, off, drives[1]]
    tree.set("/panic", ())
    assert dict(watcher.take(tree.now()))["/panic"] == (True,)
    assert tree.value("/panic") == (True,)


def test_an_element_moves_its_vector() -> None:
    tree, heard = make_tree()
    watcher = tree.watch()
    tree.set("/bend/mix/0", (0.25,))
    assert heard.moves == [("/bend/mix", (0.25, 0.5, 1.0))]
    told = [("/bend/mix", (0.25, 0.5, 1.0)), ("/bend/mix/0", (0.25,))]
    assert watcher.take(tree.now()) == told
    tree.set("/bend/mix", (0.25, 0.5, 0.0))
    assert [address for address, _ in watcher.take(tree.now())] == ["/bend/mix", "/bend/mix/2"]


@pytest.mark.parametrize(
    ("address", "sent", "reason"),
    [
        ("/bend/driv", (1.0,), "unknown"),
        ("/cpu", (1.0,), "access"),
        ("/bend/drive", (math.nan,), "number"),
        ("/bend/mix/0", ("x",), "type"),
        ("/panic", ("x",), "type"),
        ("/panic", (1, 2), "count"),
        ("/panic", (math.nan,), "number"),
        ("/device", ("x",), "access"),
        ("/preset/store", (), "count"),
    ],
)
def test_what_is_refused_changes_nothing(
    address: str, sent: tuple[object, ...], reason: str
) -> None:
    tree, heard = make_tree()
    before = tree.values()
    with pytest.raises(RefusedError) as refused:
        tree.set(address, sent)
    assert refused.value.reason == reason
    assert tree.values() == before
    assert heard.all == []


def test_an_unknown_address_names_the_nearest() -> None:
    tree, _ = make_tree()
    with pytest.raises(RefusedError, match="'/bend/drive'"):
        tree.set("/bend/driv", (1.0,))


def test_two_surfaces_stay_in_step_and_no_fader_is_pulled_back() -> None:
    clock = Clock()
    tree, _ = make_tree(now=clock)
    left, right = tree.watch(), tree.watch()
    tree.set("/bend/drive", (1.0,), left)
    assert right.take(clock()) == [("/bend/drive", (1.0,))]
    assert left.take(clock()) == []  # its finger is still on it
    clock.seconds += SETTLE_SECONDS * 0.9
    tree.set("/bend/drive", (1.25,), left)
    clock.seconds += SETTLE_SECONDS * 0.9
    assert left.take(clock()) == []
    clock.seconds += SETTLE_SECONDS * 0.2
    assert left.take(clock()) == [("/bend/drive", (1.25,))]
    assert left.take(clock()) == []


def test_who_sent_too_much_is_told_at_once() -> None:
    clock = Clock()
    tree, _ = make_tree(now=clock)
    mine = tree.watch()
    tree.set("/bend/drive", (5.0,), mine)
    assert mine.take(clock()) == [("/bend/drive", (2.0,))]
    tree.set("/bend/drive", (5.0,), mine)  # no change, but the surface shows 5 again
    assert mine.take(clock()) == [("/bend/drive", (2.0,))]


def test_a_listener_that_never_takes_costs_an_entry_an_address() -> None:
    tree, _ = make_tree()
    watcher = tree.watch()
    for n in range(10_000):
        tree.set("/bend/drive", (n / 10_000,))
        tree.publish("/cpu", (n,))
    assert len(watcher) == 2
    assert watcher.take(tree.now()) == [("/bend/drive", (0.9999,)), ("/cpu", (9999.0,))]
    tree.unwatch(watcher)
    tree.set("/bend/drive", (0.0,))
    assert len(watcher) == 0


def test_outputs_are_told_and_are_no_business_of_the_audio_side() -> None:
    tree, heard = make_tree()
    watcher = tree.watch()
    tree.publish("/xruns", (3,))
    assert watcher.take(tree.now()) == [("/xruns", (3,))]
    assert heard.all == []
    assert "/xruns" not in tree.values()


def test_values_to_store_are_the_bends_and_the_strip() -> None:
    tree, _ = make_tree()
    stored = tree.values(stored=True)
    assert {"/bend/drive", "/bend/mix", "/drywet", "/gain/in"} <= set(stored)
    assert not {"/rec", "/bypass", "/bend/mix/0", "/panic", "/cpu"} & set(stored)


def test_reset_puts_the_defaults_back() -> None:
    tree, heard = make_tree()
    tree.set("/bend/drive", (1.0,))
    tree.set("/bend/mix/1", (0.0,))
    tree.set("/drywet", (0.0,))
    tree.reset("/bend")
    assert tree.value("/bend/drive") == (0.5,)
    assert tree.value("/bend/mix") == (0.0, 0.5, 1.0)
    assert tree.value("/drywet") == (0.0,)
    assert heard.moves[-2:] == [("/bend/drive", (0.5,)), ("/bend/mix", (0.0, 0.5, 1.0))]


def test_another_model_replaces_the_bends_and_keeps_what_fits() -> None:
    tree, heard = make_tree()
    tree.set("/bend/drive", (1.5,))
    tree.set("/bend/shape", ("fold",))
    tree.set("/drywet", (0.3,))
    watcher, called = tree.watch(), []
    tree.on_replace(called.append)
    watcher.mark("/bend/steps")
    heard.all.clear()
    drive = AttributeInfo("drive", "float", ("float",), (0.0,), 0.0, 1.0)
    shape = AttributeInfo("shape", "choice", ("str",), ("a",), choices=("a", "b"))
    new = AttributeInfo("new", "int", ("int",), (1,), 0, 4)
    tree.replace(bends(FileInfo("m", (), (drive, shape, new))), "/bend", "/none")
    assert {a: v for a, v in tree.values().items() if a.startswith("/bend")} == {
        "/bend/drive": (1.0,),
        "/bend/shape": ("a",),
        "/bend/new": (1,),
    }
    assert heard.moves == [("/bend/drive", (1.0,))]  # the audio side's new model has 0
    assert tree.value("/drywet") == (0.3,)
    told = dict(watcher.take(tree.now()))
    assert set(told) == {"/bend/drive", "/bend/shape", "/bend/new"}
    assert called == ["/bend", "/none"]
    with pytest.raises(RefusedError):
        tree.set("/bend/mix/0", (0.1,))


def test_a_replacement_that_fails_leaves_everything() -> None:
    tree, _ = make_tree()
    tree.set("/bend/drive", (1.5,))
    before = tree.values(), dict(tree.controls)
    twice = Control("/bend/x", "float", (0.0,))
    with pytest.raises(ControlError, match="two controls"):
        tree.replace([twice, twice], "/bend")
    assert (tree.values(), dict(tree.controls)) == before
    tree.set("/bend/mix/0", (0.1,))


TOP = "gate drywet width ceiling limiter dc late bypass rec panic"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/bend/dri*", {"/bend/drive"}),
        ("/bend/{on,steps,none}", {"/bend/on", "/bend/steps"}),
        ("/gain/[io]*", {"/gain/in", "/gain/out"}),
        ("/gain/[!o]*", {"/gain/in"}),
        ("/bend/mix/?", {"/bend/mix/0", "/bend/mix/1", "/bend/mix/2"}),
        ("/?pu", set()),  # told only
        ("/*", {f"/{name}" for name in TOP.split()}),
        ("/bend/drive", set()),  # no pattern
        ("/bend/[", set()),
        ("/bend/{on,", set()),
        ("/" + "*a" * 200, set()),
    ],
)
def test_patterns_match_within_a_part(pattern: str, found: set[str]) -> None:
    tree, _ = make_tree()
    assert set(tree.match(pattern)) == found


def test_patterns_that_are_made_to_take_long_do_not() -> None:
    tree, _ = make_tree(Control("/" + "a" * 60, "float", (0.0,)))
    done = threading.Event()

    def match() -> None:
        for _ in range(20):
            tree.match("/" + "*a" * 120 + "b")
            tree.match("/" + "{a,b,*}" * 35)
        done.set()

    threading.Thread(target=match, daemon=True).start()
    assert done.wait(5)


def test_many_threads_and_a_listener_agree_at_the_end() -> None:
    tree, heard = make_tree()
    watcher: Changes = tree.watch()
    shown: dict[str, object] = {}

    def move(address: str) -> None:
        for n in range(500):
            with tree.tick():
                tree.set(address, (n / 500,))
                tree.set("/gain/in", (-n / 10,))
            shown.update(watcher.take(tree.now()))

    threads = [
        threading.Thread(target=move, args=(a,)) for a in ("/bend/drive", "/bend/free", "/drywet")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown.update(watcher.take(tree.now()))
    last = {address: values for address, values, _ in heard.all}
    assert shown == last == {a: tree.value(a) for a in last}
    assert len(last) == 4


def test_a_tree_needs_no_sink_and_counts_frames_by_itself() -> None:
    clock, heard = Clock(), Heard()
    tree = ControlTree(bends(INFO), sink=heard, now=clock)
    clock.seconds += 0.5
    tree.set("/bend/drive", (1.0,))
    assert heard.all == [("/bend/drive", (1.0,), 24_000)]
    ControlTree(bends(INFO)).set("/bend/drive", (1.0,))


def test_what_a_sink_sets_comes_after_what_it_heard_for_every_sink() -> None:
    tree, heard = make_tree(Control("/go", "trigger"))

    def follow(address: str, values: Values, _: int) -> None:
        if address in ("/drywet", "/go"):
            with tree.tick():
                tree.set("/bend/drive", (len(heard.all) / 8,))
                tree.set("/gate", (-len(heard.all),))

    late = Heard()
    tree.add_sink(follow)
    tree.add_sink(late)
    tree.set("/drywet", (0.25,))
    tree.set("/go", ())
    with tree.tick():
        tree.set("/drywet", (0.5,))
        tree.set("/go", ())
    assert late.all == heard.all
    assert [address for address, _ in late.moves] == [
        *("/drywet", "/bend/drive", "/gate"),
        *("/go", "/bend/drive", "/gate"),
        *("/drywet", "/bend/drive", "/gate"),
        *("/go", "/bend/drive", "/gate"),
    ]


def test_a_sink_that_raises_does_not_keep_the_rest_from_being_handed_over() -> None:
    tree, heard = make_tree(Control("/go", "trigger"))

    def fail(address: str, values: Values, _: int) -> None:
        if values in ((), (0.25,)):
            raise RuntimeError("of the sink")

    tree.add_sink(fail)
    for address, sent in (("/go", ()), ("/drywet", (0.25,))):
        with pytest.raises(RuntimeError):
            tree.set(address, sent)
        tree.set("/gate", (-len(heard.all),))
        assert heard.moves[-1][0] == "/gate"


def test_more_sinks_hear_the_same() -> None:
    tree, heard = make_tree()
    other = Heard()
    tree.add_sink(other)
    tree.set("/bend/drive", (1.0,))
    tree.remove_sink(other)
    tree.set("/bend/drive", (1.1,))
    assert heard.all[:1] == other.all
