"""The worker process: loads a chain, measures it, and plays it in a slot.

`Worker` starts it. Commands and events are lines of JSON::

    {"do": "load", "chain": {...}}             -> {"event": "loaded", ...}
    {"do": "measure", "seconds": 2.0}          -> {"event": "measured", ...}
    {"do": "attach", "latency": 2560, ...}     -> {"event": "attached"}
    {"do": "text", "number": 3, "text": "..."}
    {"do": "detach"}

and, while it plays, ``{"event": "report", ...}`` once a second where something changed; attached
with ``"account": true`` also ``{"event": "account", ...}`` where something was set. An error
is ``{"event": "error", "message": ...}``; a model that raises while it plays leaves its slot with
``{"event": "stopped", "message": ...}``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import queue
import sys
import time
import traceback
from typing import Any, NoReturn

import torch

from torchbend.errors import TorchbendError, script_line
from torchbend.realtime.audio.memory import AudioMemory
from torchbend.realtime.offspring import commands, leave_with, take_stdout
from torchbend.realtime.worker.execution import set_up_torch
from torchbend.realtime.worker.playable import Playable
from torchbend.realtime.worker.probing import own_delay, percentile, too_slow, turn_times
from torchbend.realtime.worker.turn import Turns
from torchbend.realtime.worker.twins import CROSS_FADE

__all__ = ["main"]

_REPORT_SECONDS = 1.0
_PRIORITY = 10  # of the real-time scheduler, where it is permitted
_NICE = -10
_REST = 0.5  # of the time that it plays, while it measures


def main() -> NoReturn:
    """Run until told to stop; never returns."""
    send = take_stdout()
    leave_with(int(sys.argv[1]))
    set_up_torch()
    send(event="awake")
    status = 1
    try:
        _Worker(send).run()
        status = 0
    except BaseException:  # noqa: BLE001  the parent is told the last line
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


class _Worker:
    def __init__(self, send: Any) -> None:
        self._send = send
        self._told = commands()
        self._playable: Playable | None = None
        self._memory: AudioMemory | None = None
        self._turns: Turns | None = None
        self._reported: tuple[float, int] = (0.0, 0)

    def run(self) -> None:
        while True:
            command = self._next()
            if command is _NOTHING:
                self._turn()
            elif command is None:
                return
            else:
                try:
                    getattr(self, f"_do_{command['do']}")(command)
                except TorchbendError as error:
                    self._send(event="error", message=str(error))
                # A file may raise anything when it is played.
                except Exception as error:  # noqa: BLE001
                    self._send(event="error", message=script_line(error))

    def _next(self) -> Any:
        """The next command; `_NOTHING` if there is none and a block is to be played."""
        if self._turns is None:
            return self._told.get()
        with contextlib.suppress(queue.Empty):
            return self._told.get_nowait()
        return _NOTHING

    def _turn(self) -> None:
        turns = self._turns
        if turns is not None:
            try:
                turns.turn(0.5)
            # Whatever the model raises: the slot falls silent, and the host hears why.
            except Exception as error:  # noqa: BLE001
                self._turns = None
                self._send(event="stopped", message=script_line(error))
            self._tell_account(turns)
            self._report()

    def _tell_account(self, turns: Turns) -> None:
        """Tell a take what was set and played, and what was passed over."""
        twins = self._loaded().twins
        if twins.account is not None and (twins.account or turns.jumps or turns.late):
            missed = {"jumps": list(turns.jumps), "late": list(turns.late)}
            self._send(event="account", blocks=twins.account, **missed)
            twins.account = []
            turns.jumps.clear()
            turns.late.clear()

    def _report(self) -> None:
        now, playable = time.monotonic(), self._playable
        if playable is not None and now - self._reported[0] > _REPORT_SECONDS:
            bad = playable.twins.bad_blocks
            if bad != self._reported[1]:
                self._send(event="report", bad_blocks=bad)
            self._reported = (now, bad)

    def _say(self, line: str) -> None:
        self._send(event="said", message=line)

    def _do_load(self, command: dict[str, Any]) -> None:
        settings = command["chain"]
        self._turns = self._playable = None
        self._memory = AudioMemory.attach(settings["memory"])
        self._playable = playable = Playable(settings, self._say)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._send(event="loaded", **dataclasses.asdict(playable.loaded()))

    def _do_measure(self, command: dict[str, Any]) -> None:
        playable = self._loaded()
        twins, seconds = playable.twins, float(command["seconds"])
        # Silence costs less.
        noise = torch.randn(twins.block, twins.in_channels) * 0.1
        fresh = twins.save_state()
        single = double = turn_times(lambda: twins.play(noise, 0), 0.0, least=3)
        delay = None
        # What is too slow by far is not worth the time that all of it would take.
        if not too_slow(min(single), twins.block, playable.rate):
            delay = own_delay(twins) if command["delay"] else None
            _hurry(_PRIORITY - 1)  # as it will when it plays, and after what plays
            single = turn_times(lambda: twins.play(noise, 0), seconds / 2, rest=_REST)
            double = single
            if twins.knobs == CROSS_FADE:
                double = turn_times(lambda: twins.play_both(noise, 0), seconds / 2, rest=_REST)
        # What is heard begins as a rendering does.
        twins.restore_state(fresh)
        self._send(
            event="measured",
            turn=percentile(single, 99.9),
            usual=percentile(single, 50),
            double=percentile(double, 99.9),
            usual_double=percentile(double, 50),
            count=len(single),
            own_delay=delay,
        )

    def _do_alone(self, command: dict[str, Any]) -> None:
        self._loaded().twins.play_alone()

    def _do_attach(self, command: dict[str, Any]) -> None:
        playable, memory = self._loaded(), self._memory
        if memory is None:
            return
        _hurry(_PRIORITY)
        if command.get("account") and playable.twins.account is None:
            playable.twins.keep_account()
        turns = Turns(memory, int(command["slot"]), playable.twins, playable.player)
        turns.attach(int(command["latency"]), float(command["granted"]), command.get("start"))
        self._turns = turns
        self._send(event="attached", start=turns.slot.next)

    def _do_text(self, command: dict[str, Any]) -> None:
        self._loaded().twins.want_text(int(command["number"]), str(command["text"]))

    def _do_detach(self, command: dict[str, Any]) -> None:
        if self._turns is not None:
            self._turns.slot.detach()
            self._turns = None
        self._send(event="detached")

    def _loaded(self) -> Playable:
        if self._playable is None:
            raise TorchbendError("there is no model loaded")
        return self._playable


_NOTHING = object()


def _hurry(priority: int) -> None:
    """Real-time priority where it is permitted; otherwise a better one, or none."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        return
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
