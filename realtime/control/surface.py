"""All of the control surface in one: what the host starts, and hears from.

The surface does itself what concerns controls only: presets, morphs, learning MIDI, bypassed
bends, and the bends' part of a panic. All else reaches the host through its sink.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from torchbend.realtime.control.announce import Announcement, announce
from torchbend.realtime.control.building import (
    BENDS,
    LATENTS,
    Models,
    attribute_addresses,
    bends,
    bypasses,
    latents,
    neutral_values,
)
from torchbend.realtime.control.clients import Place
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.desk import outputs, strip
from torchbend.realtime.control.errors import ControlError, FileError, RefusedError
from torchbend.realtime.control.gestures import Recorder
from torchbend.realtime.control.layout import write_session
from torchbend.realtime.control.midi import MidiMap
from torchbend.realtime.control.midi_port import MidiPort, open_midi
from torchbend.realtime.control.osc import OscServer
from torchbend.realtime.control.presets import Morph, Presets, recall
from torchbend.realtime.control.query import QueryServer
from torchbend.realtime.control.tree import ControlTree, Sink

__all__ = ["ControlSurface"]

logger = logging.getLogger(__name__)

MORPH_SECONDS = 2.0
STEP_SECONDS = 0.01
MOST_ASKED = 64
_OWN = ("/preset/", "/midi/")


class ControlSurface:
    """The tree with OSC, OSCQuery, MIDI, presets and gestures around it.

    The sink hears what the models are to have, so it needs to know nothing of bypassed bends:
    of these it hears the neutral values under the bend's own address, and ``.../bypass`` never
    reaches it; that of a named bend does, which is the model's own. A surface, a preset and a
    recorded gesture hold the control's own values.

    A panic silences at once and makes every bend neutral (or puts it where it started, where
    that is not known), ends morphs, and makes recalls that were asked for before it void. The
    sink hears ``/panic`` first. ``/panic 0`` is sound again; the bends stay neutral.

    Args:
        models: what plays; nothing has the strip only.
        latents: what the latents are called that the latent desk moves; there is none without.
        sink: told each change and trigger: ``(address, values, time)``; must return at once.
        clock: the time in frames.
        in_channels: of the input's meter.
        out_channels: of the output's.
        host: where OSC and OSCQuery listen. The default hears this computer only.
        osc_port: of UDP; 0 takes a free one, None has no OSC.
        query_port: of TCP; 0 takes a free one, None has no OSCQuery.
        zeroconf: whether to announce both; a network that does not let us is a warning.
        presets: the folder of the presets.
        midi_map: the file of what MIDI moves: read where there is one, and written with each
            change; None remembers nothing.
        name: of the application.

    Raises:
        ControlError: a port cannot be had, a package is missing, or the MIDI map is none.
    """

    def __init__(
        self,
        models: Models = None,
        *,
        latents: Sequence[str] = (),
        sink: Sink | None = None,
        clock: Callable[[], int] | None = None,
        in_channels: int = 1,
        out_channels: int = 1,
        host: str = "127.0.0.1",
        osc_port: int | None = 9000,
        query_port: int | None = 0,
        zeroconf: bool = False,
        presets: str | Path = "presets",
        midi_map: str | Path | None = None,
        name: str = "torchbend",
    ) -> None:
        controls: list[Control] = [*strip(), *outputs(in_channels, out_channels)]
        controls += _of_models(models, latents)
        self._know(models)
        self._host_sink = sink
        self.tree = ControlTree(controls, sink=self._pass_on, clock=clock)
        self.tree.add_sink(self._do)
        self.presets = Presets(presets)
        self._midi_file = None if midi_map is None else Path(midi_map)
        self._midi_changed = False
        self._midi_port: MidiPort | None = None
        self.midi = MidiMap(self.tree, self._note_midi)
        if self._midi_file is not None and self._midi_file.exists():
            self.midi.load(self._midi_file)
        self.osc: OscServer | None = None
        self.query: QueryServer | None = None
        self.name = name
        self._zeroconf = zeroconf
        self._announcement: Announcement | None = None
        self._announcer: threading.Thread | None = None
        self._recorder: Recorder | None = None
        self._panics = 0
        self._asked: deque[tuple[str, Values, int]] = deque(maxlen=MOST_ASKED)
        self._morph: Morph | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        if osc_port is not None:
            self.osc = OscServer(self.tree, host, osc_port)
        if query_port is not None:
            place = self.osc.place if self.osc is not None else (host, 0)
            try:
                self.query = QueryServer(self.tree, place, host, query_port, name)
            except ControlError:
                self.close()
                raise

    def start(self) -> ControlSurface:
        """Serve, each server from a thread of its own.

        Raises:
            ControlError: a port cannot be had; nothing runs then.
        """
        try:
            if self.query is not None:
                self.query.start()
        except ControlError:
            self.close()
            raise
        if self.osc is not None:
            self.osc.start()
        self._thread = threading.Thread(target=self._run, name="torchbend-surface", daemon=True)
        self._thread.start()
        if self._zeroconf and self.query is not None and self.osc is not None:
            places = self.query.place, self.osc.place
            # The network is asked first whether the name is free, which takes seconds.
            self._announcer = threading.Thread(
                target=self._announce, args=places, name="torchbend-announce", daemon=True
            )
            self._announcer.start()
        return self

    def _announce(self, query: Place, osc: Place) -> None:
        try:
            self._announcement = announce(query, osc, self.name)
        except ControlError as error:
            logger.warning("OSCQuery is not announced: %s", error)

    def close(self) -> None:
        """Stop everything, and free the ports."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._announcer is not None:
            self._announcer.join()
        if self._announcement is not None:
            self._announcement.close()
            self._announcement = None
        self.close_midi()
        if self.query is not None:
            self.query.close()
        if self.osc is not None:
            self.osc.close()
        self.record_gestures(None)

    def __enter__(self) -> ControlSurface:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def listening(self) -> str:
        """Where it is heard, for people; OSCQuery once it is started."""
        places = []
        if self.osc is not None:
            places.append("OSC {}:{}".format(*self.osc.place))
        if self.query is not None and self._thread is not None:
            places.append("OSCQuery http://{}:{}".format(*self.query.place))
        return "  ".join(places)

    def load(self, models: Models, latents: Sequence[str] = ()) -> None:
        """Put other models' controls where the last ones' were.

        Controls that are there before and after keep their values, and the sink is told all
        those that are not where the new models start.

        Args:
            models: what plays from now on.
            latents: of its latent desk.

        Raises:
            ControlError: they cannot be controlled; the controls are then as before.
        """
        controls = _of_models(models, latents)
        with self.tree.tick():  # the sink is told at the end, by the new models' neutral values
            self.tree.replace(controls, BENDS, LATENTS)
            self._know(models)

    def _know(self, models: Models) -> None:
        self._neutral = neutral_values(models)
        self._bypasses = bypasses(models)
        self._bypassed_by = {bend: switch for switch, bend in self._bypasses.items()}
        self._by_name = attribute_addresses(models)

    def address_of(self, name: str) -> str:
        """The address of what Python names: an address itself, or a bend's or a control's name.

        Args:
            name: such as ``"/gain/out"``, ``"fold/amount"``, ``"fold_amount"``, or in a chain
                ``"<model>/gain"``.
        """
        if name.startswith("/"):
            return name
        address = f"{BENDS}/{name}"
        return self._by_name.get(address, address)

    def effective(self, address: str) -> Values:
        """What a model is to have: a bend's value, or the neutral one while it is bypassed.

        Args:
            address: of any control.

        Raises:
            RefusedError: there is no such control.
        """
        with self.tree.tick():  # no other model comes in between
            switch = self._bypassed_by.get(address)
            if switch is not None and self.tree.value(switch)[0]:
                return self._neutral[address]
            return self.tree.value(address)

    def open_midi(self, port: str | int | None = None) -> MidiPort:
        """Let a MIDI input move the controls, in place of another that did.

        Args:
            port: its name or a part of it, or its number; see `open_midi`.

        Raises:
            ControlError: MIDI is not to be had, or there is no such input, or several.
        """
        opened = open_midi(self.midi, port)
        self.close_midi()
        self._midi_port = opened
        return opened

    def close_midi(self) -> None:
        """Let no MIDI input move the controls."""
        if self._midi_port is not None:
            self._midi_port.close()
            self._midi_port = None

    def _note_midi(self) -> None:
        self._midi_changed = True
        self._wake.set()

    def record_gestures(
        self, path: str | Path | None, sample_rate: int = 48_000, frame: int = 0
    ) -> None:
        """Write down every change from now on, or no more.

        Args:
            path: of the file; None ends the recording.
            sample_rate: in Hz, of the frames.
            frame: the time that is zero.

        Raises:
            FileError: the file cannot be opened.
        """
        if self._recorder is not None:
            self.tree.remove_sink(self._note)
            self._recorder.close()
            self._recorder = None
        if path is not None:
            with self.tree.tick():  # no change comes in between
                self._recorder = Recorder(path, sample_rate, self.tree.values(), frame)
                self.tree.add_sink(self._note)

    def _note(self, address: str, values: Values, time: int) -> None:
        # What a recalled preset moves is written down; played again, it needs no preset.
        if self._recorder is not None and not address.startswith(_OWN):
            self._recorder.record(address, values, time)

    def complain(self, address: str, why: str) -> None:
        """Say that something which was asked for could not be done: in the log, and on ``/error``.

        Args:
            address: where it was asked for.
            why: for people.
        """
        logger.warning("%s: %s", address, why)
        self.tree.counts["failed"] += 1
        if self.osc is not None:
            self.osc.tell_error(address, why)

    def write_layout(self, path: str | Path, title: str = "torchbend") -> None:
        """Write a session of Open Stage Control for the controls as they are now.

        Raises:
            FileError: it cannot be written.
        """
        write_session(path, self.tree.owners, title)

    def step(self, now: float) -> bool:
        """Do what was asked for, and move a morph on.

        Args:
            now: in monotonic seconds.

        Returns:
            Whether a morph is under way.
        """
        while self._asked:
            address, values, panics = self._asked.popleft()
            try:
                self._serve(address, values, panics, now)
            except (FileError, RefusedError) as error:
                self.complain(address, str(error))
        if self._midi_changed and self._midi_file is not None:
            self._midi_changed = False
            try:
                self.midi.save(self._midi_file)
            except FileError as error:
                logger.warning("What MIDI moves is not remembered: %s", error)
        with self.tree.tick():  # a panic waits for the step, and then ends the morph
            if self._morph is not None and not self._morph.step(now):
                self._morph = None
            return self._morph is not None

    def _run(self) -> None:
        morphing = False
        while not self._closing:
            self._wake.wait(STEP_SECONDS if morphing else None)
            self._wake.clear()
            morphing = self.step(self.tree.now())

    def _pass_on(self, address: str, values: Values, time: int) -> None:
        """What the host's sink hears: of bends, what the models are to have."""
        if self._host_sink is None:
            return
        address = self._bypasses.get(address, address)
        if address in self._bypassed_by:
            values = self.effective(address)
        self._host_sink(address, values, time)

    def _do(self, address: str, values: Values, _: int) -> None:
        """The sink of the surface itself: files are not read in the thread of OSC."""
        if address == "/panic":
            if values[0]:
                self._calm()
        elif address.startswith(_OWN):
            self._asked.append((address, values, self._panics))
            self._wake.set()

    def _calm(self) -> None:
        """Make every bend neutral. Called under the tree's lock, as every sink is."""
        self._panics += 1
        self._morph = None
        with self.tree.tick():
            self.tree.reset(BENDS)
            self.tree.reset(LATENTS)
            for address, neutral in self._neutral.items():
                self.tree.set(address, neutral)

    def _serve(self, address: str, values: Values, panics: int, now: float) -> None:
        which = str(values[0])
        if address == "/preset/store":
            self.presets.store(which, self.tree.values(stored=True), self.name)
        elif address in ("/preset/recall", "/preset/morph"):
            preset = self.presets.load(which)
            with self.tree.tick():
                if panics != self._panics:
                    return  # a panic came after it
                if address == "/preset/recall":
                    self._morph, left = None, recall(self.tree, preset)
                else:
                    seconds = float(values[1]) if len(values) > 1 else MORPH_SECONDS
                    self._morph = Morph(self.tree, preset, seconds, now)
                    left = self._morph.left
            _tell_left(which, left)
        elif address == "/midi/learn":
            self.midi.learn(which)
        elif address == "/midi/forget":
            self.midi.forget(which)


def _of_models(models: Models, labels: Sequence[str]) -> list[Control]:
    return [*bends(models), *latents(labels)]


def _tell_left(which: str, left: Iterable[str]) -> None:
    addresses = list(left)
    if addresses:
        logger.warning(
            "Preset %s holds %d values of another model: %s.",
            which,
            len(addresses),
            ", ".join(addresses[:8]),
        )
