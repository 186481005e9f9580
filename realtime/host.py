"""The live host: a model that plays, under OSC.

Three tiers (see ``docs/live.md``): this process, which may do anything; the I/O process with the
audio callback; and a worker process for what plays. Here they are started, watched over and told
what to do::

    with tb.realtime.Host(bended, input="mic") as host:
        host.set("gain", 0.5)
        time.sleep(60)
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from torchbend.errors import LiveError, TorchbendError
from torchbend.realtime.audio.io_process import Device
from torchbend.realtime.control.controls import Values
from torchbend.realtime.control.surface import ControlSurface
from torchbend.realtime.errands import Errands
from torchbend.realtime.feeding import FilePlayer
from torchbend.realtime.lineup import Lineup
from torchbend.realtime.mixing import decibels, strip_settings
from torchbend.realtime.part import Chosen, Part, latent_labels, steps_of
from torchbend.realtime.recordings import Recordings
from torchbend.realtime.repertoire import Repertoire
from torchbend.realtime.request import bus_channels, sample_rate_of
from torchbend.realtime.stage import Stage
from torchbend.realtime.status import LatencyReport, Status
from torchbend.realtime.takes import GESTURES, TakeWriter
from torchbend.realtime.worker.process import Worker

__all__ = ["Host"]

_log = logging.getLogger(__name__)

FADE_SECONDS = 1.0
WATCH_SECONDS = 0.05
TELL_SECONDS = 0.05
FILES_SECONDS = 0.5
_KEPT_LINES = 50


class Host:
    """Plays models live.

    Args:
        model: a ``.ts`` file, a RAVE run, a bent module, or a sequence of these, which play one
            after the other; None is the built-in voice.
        method: what to play of it, such as ``"forward"`` or ``"decode"``; one for each of a
            chain; or several of one model, one after the other.
        bend: a bending configuration, or the file that holds one.
        python: ``FILE`` or ``FILE:NAME`` in place of a model; that file is run.
        input: ``"mic"`` (the device's input), ``"loop"`` (the built-in sound), ``"none"``, the
            path of a sound file, or an array ``(frames, channels)`` at the host's rate.
        device: which device, and how; ``Device(output="none")`` is an internal clock.
        model_block: frames of a turn at the model's rate; without it the least that serves.
        channels: of the input; several voices where a model has less. Without it the model's.
        loop: whether a sound begins again at its end; otherwise silence comes after it.
        cuda: whether to play on a GPU, where there is one.
        host: where OSC and OSCQuery listen; the default hears this computer only.
        osc_port: of UDP; 0 takes a free one, None has no OSC.
        query_port: of TCP; the same for OSCQuery.
        zeroconf: whether to announce them in the network.
        midi: a MIDI port to listen to, by name or number.
        record: a WAV file to write what is heard to.
        take: a folder to write a take to, from which ``torchbend render`` plays all of it again.
        latency: frames from what is read to where it is heard; without it measured.
        knobs: how weights jump: ``"cross-fade"`` or ``"steps"``.
        presets: the folder of the presets.
        late: what is heard while a model is late: ``"silent"`` or ``"dry"``.
        say: told what people should know, a line at a time, from any thread.
        **rave: how to open a RAVE run, as ``BendedRAVE`` takes it.

    Attributes:
        memory: the shared memory, once started.
        strip: of the callback.
        audio: the I/O process.
        surface: of the controls.

    Raises:
        TorchbendError: the model cannot be opened; from `start`, what else cannot be had.
    """

    def __init__(
        self,
        model: Any = None,
        *,
        method: str | Sequence[str] | None = None,
        bend: Any = None,
        python: str | None = None,
        input: Any = "mic",
        device: Device | None = None,
        model_block: int | None = None,
        channels: int | None = None,
        loop: bool = True,
        cuda: bool = False,
        host: str = "127.0.0.1",
        osc_port: int | None = 9000,
        query_port: int | None = 0,
        zeroconf: bool = False,
        midi: str | int | None = None,
        record: str | Path | None = None,
        take: str | Path | None = None,
        latency: int | None = None,
        knobs: str = "cross-fade",
        presets: str | Path = "presets",
        late: str = "silent",
        say: Callable[[str], object] | None = None,
        **rave: Any,
    ) -> None:
        self.messages: deque[str] = deque(maxlen=_KEPT_LINES)
        self._tell = say
        self._input, self._loop = input, loop
        self._channels = channels
        self._device = device or Device()
        self._network = {"host": host, "osc_port": osc_port, "query_port": query_port}
        self._zeroconf, self._midi, self._presets, self._late = zeroconf, midi, presets, late
        self._record = record
        self._take = None if take is None else TakeWriter(take, self._say)
        chosen = Chosen(block=model_block, latency=latency, knobs=knobs, cuda=cuda)
        asked = {"models": model, "method": method, "bend": bend, "python": python, **rave}
        self._repertoire = Repertoire(asked, chosen, self._say)
        self._lineup: Lineup | None = None
        self._closers = contextlib.ExitStack()
        self._closing = threading.Event()
        # A recording does not wait until a model is loaded.
        self._loads, self._switches = Errands(), Errands()
        self._begun = False
        self._started = 0.0

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> Host:
        """Open the device, load and measure the model, and play.

        Raises:
            LiveError: the device, a port or a file cannot be had, or the model cannot play; or it
                was started before.
        """
        if self._begun or self._closing.is_set():
            raise LiveError("a host plays once: make another one to play again")
        self._begun = True
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End everything, in order: fade out, then the processes."""
        if self._closing.is_set():
            return
        parts = self._lineup.parts if self._lineup else ()
        if parts and self._stage.keeper.state == "running":
            self.strip.fade({part.slot: 0.0 for part in parts}, seconds=0.02)
            time.sleep(0.05)
        self._closing.set()
        with contextlib.ExitStack() as last:
            last.callback(self._repertoire.close)
            if self._take is not None:
                last.callback(self._take.close)
            if self._lineup is not None:  # after the device: they play all that is heard
                last.callback(self._lineup.close)
            self._closers.close()

    def __enter__(self) -> Host:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        # It is up before it is needed: starting Python and torch takes longer than a model.
        spare = Worker()
        try:
            self._set_stage()
        except BaseException:
            spare.kill()
            raise
        device_block = self._stage.device_block
        told = self._say, spare, self._take
        lineup = Lineup(self.memory, self.strip, device_block, self._set_all, *told)
        self._lineup = lineup
        self._recordings = Recordings(self.memory, self._show_recording, self._say)
        self._closers.callback(self._recordings.close)
        self._closers.callback(self._switches.close)
        self._closers.callback(self._loads.close)
        self._closers.callback(lineup.break_off)
        ins, outs = self.memory.inputs, self.memory.outputs
        chain, chosen = self._repertoire.chain, self._repertoire.chosen
        self.surface = ControlSurface(
            [(model.name, model.info) for model in chain],
            latents=latent_labels(chain, steps_of(chain, chosen)),
            sink=self._sink,
            clock=lambda: self.memory.position,
            in_channels=max(1, ins),
            out_channels=outs,
            zeroconf=self._zeroconf,
            presets=self._presets,
            midi_map=Path(self._presets) / "midi" / "map.json",
            **self._network,  # type: ignore[arg-type]
        )
        self._closers.callback(self.surface.close)
        self.surface.tree.set("/late", (self._late,))
        part = lineup.begin(chain, chosen)
        self._begin_take(device_block)
        self._begin_input()
        lineup.fade_in(part)
        if self._record is not None:
            self.record(self._record)
        self.surface.start()
        if self._midi is not None:
            self.surface.open_midi(self._midi)
        self._started = time.monotonic()
        watch = threading.Thread(target=self._watch, name="torchbend-host", daemon=True)
        watch.start()
        self._closers.callback(watch.join)

    def _set_stage(self) -> None:
        """Make the memory and open the device, at the model's rate or else at the device's."""
        chain = self._repertoire.chain
        channels = bus_channels(chain, self._repertoire.chosen, self._channels)
        source = self._source(channels[0])
        rate = sample_rate_of(chain)
        self._stage = stage = Stage(self._device, rate, channels, source, self._late, self._say)
        self._closers.callback(self._stage.close)
        self.memory, self.strip, self.audio = stage.memory, stage.strip, stage.audio
        if self._take is None:
            self.strip.set(source=source)

    def _source(self, inputs: int) -> str:
        if not inputs or (isinstance(self._input, str) and self._input == "none"):
            return "none"
        return "device" if isinstance(self._input, str) and self._input == "mic" else "feed"

    def _begin_take(self, device_block: int) -> None:
        take, memory = self._take, self.memory
        if take is not None:
            take.begin(memory, self.strip, device_block, native=self.audio.use_native)
            gestures = take.folder / GESTURES
            self.surface.record_gestures(gestures, memory.sample_rate, take.first)
            self.strip.set(source=self._source(memory.inputs))

    def _begin_input(self) -> None:
        if self._source(self.memory.inputs) == "feed":
            loop = self._loop
            self._player = FilePlayer(self.memory, self._input, loop=loop, say=self._say)
            self._player.start()
            self._closers.callback(self._player.close)

    # -- models ---------------------------------------------------------------------------------

    def load(self, model: Any, seconds: float = FADE_SECONDS, **asked: Any) -> Future[object]:
        """Play another model, faded in when it is ready; what plays goes on until then.

        Args:
            model: as for the host itself.
            seconds: of the cross-fade.
            **asked: ``method``, ``bend`` and ``python``, as for the host itself.

        Returns:
            What to wait for: its result is None, or the error for which nothing changed.

        Raises:
            LiveError: the host does not play.
        """
        self._playing()
        return self._loads.run(partial(self._load, {"models": model, **asked}, seconds))

    def _load(self, asked: dict[str, Any] | None, seconds: float) -> None:
        """Let something else play, or what plays as its files are now."""
        try:
            bring_in = partial(self._playing().swap, seconds=seconds, take_over=self._take_over)
            if asked is None:
                self._repertoire.read_again(bring_in)
            else:
                self._repertoire.exchange(asked, bring_in)
        except Exception as error:
            if not self._closing.is_set():
                self._explain(error)
            raise

    def _explain(self, error: Exception) -> None:
        """Say why a model did not come in."""
        why = str(error)
        if not isinstance(error, TorchbendError):
            _log.exception("a model could not be loaded")
            why = "an error of torchbend's own; see the log"
        self._say(f"the old model plays on: {why}")
        if self.surface.osc is not None:
            self.surface.osc.tell_error("/model/load", why)

    def _playing(self) -> Lineup:
        if self._lineup is None or self._closing.is_set():
            raise LiveError("the host does not play: use it in a with statement, or start it")
        return self._lineup

    def _take_over(self, part: Part) -> None:
        self.surface.load(part.models, latent_labels(part.chain, part.steps))

    @property
    def parts(self) -> tuple[Part, ...]:
        """What plays, the newest first."""
        return self._lineup.parts if self._lineup else ()

    # -- controls -------------------------------------------------------------------------------

    def set(self, name: str, *values: Any) -> None:
        """Move a control.

        Args:
            name: of a control, such as ``"drive"`` or ``"fold_amount"``, or an address such as
                ``"/gain/out"``.
            values: what to.

        Raises:
            RefusedError: there is none, or it does not take them.
            LiveError: the host does not play.
        """
        self._playing()
        self.surface.tree.set(self.surface.address_of(name), values)

    def panic(self) -> None:
        """Silence, and every bend neutral; ``set("/panic", False)`` lets sound through again."""
        self.set("/panic", True)

    def _set_all(self, part: Part) -> None:
        """Give a part all values as they are."""
        surface = self.surface
        with surface.tree.tick():  # nothing moves meanwhile, and is lost
            part.set_all({at: surface.effective(at) for at in surface.tree.values()})

    def _sink(self, address: str, values: Values, time: int) -> None:
        """Told each change; returns at once."""
        settings = strip_settings(address, values)
        if settings:
            self.strip.set(**settings)
        elif address == "/rec":
            self._switches.latest("rec", partial(self._recordings.switch, bool(values[0])))
        elif address == "/model/load":
            seconds = float(values[1]) if len(values) > 1 else FADE_SECONDS
            load = partial(self._load, {"models": str(values[0])}, seconds)
            self._loads.latest("load", load)
        elif self._lineup is not None:
            self._lineup.set(address, values)

    # -- recording ------------------------------------------------------------------------------

    def record(self, path: str | Path | None) -> None:
        """Write what is heard to a WAV file, from now on; None ends it.

        Raises:
            LiveError: the file cannot be made, or the host does not play.
        """
        self._playing()
        self._recordings.record(path)

    def _show_recording(self, on: bool) -> None:
        self.surface.tree.publish("/rec", (on,))

    # -- watching -------------------------------------------------------------------------------

    def _watch(self) -> None:
        told = looked = 0.0
        faults: set[type[Exception]] = set()
        while not self._closing.wait(WATCH_SECONDS):
            try:
                self._stage.keeper.watch()
                self._look_after()
                now = time.monotonic()
                if now - told >= TELL_SECONDS:
                    told = now
                    self._publish()
                if now - looked >= FILES_SECONDS:
                    looked = now
                    self._look_at_files()
            # Whatever goes wrong here, somebody has to go on watching, and not fill the log.
            except Exception as error:  # noqa: BLE001
                if type(error) not in faults:
                    faults.add(type(error))
                    _log.exception("the supervisor of the live host")

    def _look_after(self) -> None:
        if self._lineup is not None:
            self._lineup.look_after(device_runs=self._stage.keeper.state == "running")

    def _publish(self) -> None:
        status, tree = self.status(), self.surface.tree
        tree.publish("/meter/in", status.input_db or (decibels(0.0),))
        tree.publish("/meter/out", status.output_db)
        tree.publish("/limiter/reduction", (status.reduction_db,))
        load = sum(model.load for model in status.models if model.load == model.load)
        tree.publish("/cpu", (100 * load,))
        tree.publish("/xruns", (status.xruns,))
        tree.publish("/underruns", (status.underruns,))
        tree.publish("/latency", (status.latency.total_ms,))
        tree.publish("/device", (status.output,))
        tree.publish("/model/name", (status.models[0].name if status.models else "",))
        if self._recordings.has_failed:
            self._switches.latest("rec", partial(self._recordings.switch, False))

    def _look_at_files(self) -> None:
        if self._repertoire.has_changed():
            self._say("a file of the model changed: it is loaded again")
            self._loads.latest("reload", partial(self._load, None, FADE_SECONDS))

    # -- how it does ----------------------------------------------------------------------------

    def status(self) -> Status:
        """How everything stands."""
        counters, meters = self.strip.counters(), self.strip.meters()
        playing, osc = self.audio.playing, self.surface.osc
        counts = self.surface.tree.counts
        refused = 0 if osc is None else osc.refused
        return Status(
            seconds=time.monotonic() - self._started if self._started else 0.0,
            audio=self._stage.keeper.state,
            input=self._input_name(),
            output=playing.output if playing else str(self._device.output),
            host_api=playing.host_api if playing else "",
            sample_rate=self.memory.sample_rate,
            device_block=counters.block_frames,
            callback="C" if self.audio.use_native else "Python",
            models=tuple(part.status(self.strip) for part in self.parts),
            latency=self.latency(),
            input_db=tuple(decibels(peak) for peak in meters.input_peak),
            output_db=tuple(decibels(peak) for peak in meters.output_peak),
            reduction_db=decibels(1 - meters.reduction),
            underruns=counters.underruns,
            xruns=counters.xruns,
            bad_inputs=counters.bad_inputs,
            bad_outputs=counters.bad_outputs,
            dropped_messages=refused + counts["failed"],
            recording=self._recordings.path,
            messages=tuple(self.messages),
        )

    def latency(self) -> LatencyReport:
        """Where the time between a sound and its answer goes."""
        part = next(iter(self.parts), None)
        if part is None:
            return self._stage.latency(0, 0, None)
        return self._stage.latency(part.latency, part.resampler_frames, part.own_delay)

    def _input_name(self) -> str:
        source = self._source(self.memory.inputs)
        if source == "feed":
            return self._input if isinstance(self._input, str) else "a sound"
        playing = self.audio.playing
        return playing.input if playing and source == "device" else "none"

    def _say(self, line: str) -> None:
        self.messages.append(line)
        _log.info("%s", line)
        if self._tell is not None:
            try:
                self._tell(line)
            # Who listens must not end what plays.
            except Exception:  # noqa: BLE001
                _log.exception("a line could not be told")
