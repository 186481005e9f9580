"""All of the control surface in one: what the host starts, and hears from.

The surface does itself what concerns controls only: presets, morphs, learning MIDI, and the
bends' part of a panic. All else reaches the host through its sink.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from torchbend.description import FileInfo
from torchbend.realtime.control.announce import Announcement, announce
from torchbend.realtime.control.building import BENDS, bends, outputs, strip
from torchbend.realtime.control.controls import Control, Values
from torchbend.realtime.control.errors import ControlError, FileError, RefusedError
from torchbend.realtime.control.gestures import Recorder
from torchbend.realtime.control.layout import write_session
from torchbend.realtime.control.midi import MidiMap
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

    Args:
        info: what is inside the model's file; a surface without one has the strip only.
        sink: told each change and trigger: ``(address, values, time)``; must return at once.
        clock: the time in frames.
        in_channels: of the input's meter.
        out_channels: of the output's.
        host: where OSC and OSCQuery listen. The default hears this computer only.
        osc_port: of UDP; 0 takes a free one, None has no OSC.
        query_port: of TCP; 0 takes a free one, None has no OSCQuery.
        zeroconf: whether to announce both; a network that does not let us is a warning.
        presets: the folder of the presets.
        name: of the application.

    Raises:
        ControlError: a port cannot be had, or a package is missing.
    """

    def __init__(
        self,
        info: FileInfo | None = None,
        *,
        sink: Sink | None = None,
        clock: Callable[[], int] | None = None,
        in_channels: int = 1,
        out_channels: int = 1,
        host: str = "127.0.0.1",
        osc_port: int | None = 9000,
        query_port: int | None = 0,
        zeroconf: bool = False,
        presets: str | Path = "presets",
        name: str = "torchbend",
    ) -> None:
        controls: list[Control] = [*strip(), *outputs(in_channels, out_channels)]
        if info is not None:
            controls += bends(info)
        self.tree = ControlTree(controls, sink=sink, clock=clock)
        self.tree.add_sink(self._do)
        self.presets = Presets(presets)
        self.midi = MidiMap(self.tree)
        self.osc: OscServer | None = None
        self.query: QueryServer | None = None
        self.name = name
        self._zeroconf = zeroconf
        self._announcement: Announcement | None = None
        self._recorder: Recorder | None = None
        self._asked: deque[tuple[str, Values]] = deque(maxlen=MOST_ASKED)
        self._morph: Morph | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        if osc_port is not None:
            self.osc = OscServer(self.tree, host, osc_port)
        if query_port is not None:
            place = self.osc.place if self.osc is not None else (host, 0)
            self.query = QueryServer(self.tree, place, host, query_port, name)

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
            try:
                self._announcement = announce(self.query.place, self.osc.place, self.name)
            except ControlError as error:
                logger.warning("OSCQuery is not announced: %s", error)
        return self

    def close(self) -> None:
        """Stop everything, and free the ports."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._announcement is not None:
            self._announcement.close()
            self._announcement = None
        if self.query is not None:
            self.query.close()
        if self.osc is not None:
            self.osc.close()
        self.record_gestures(None)

    def __enter__(self) -> ControlSurface:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, info: FileInfo) -> None:
        """Put another model's controls where the last one's were.

        Raises:
            ControlError: it cannot be controlled; the controls are then as before.
        """
        self.tree.replace(BENDS, bends(info))

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
            self._recorder = Recorder(path, sample_rate, self.tree.values(), frame)
            self.tree.add_sink(self._note)

    def _note(self, address: str, values: Values, time: int) -> None:
        # What a recalled preset moves is written down; played again, it needs no preset.
        if self._recorder is not None and not address.startswith(_OWN):
            self._recorder.record(address, values, time)

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
            address, values = self._asked.popleft()
            try:
                self._serve(address, values, now)
            except (FileError, RefusedError) as error:
                self.tree.counts["failed"] += 1
                logger.warning("%s: %s", address, error)
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

    def _do(self, address: str, values: Values, _: int) -> None:
        """The sink of the surface itself: files are not read in the thread of OSC."""
        if address == "/panic":
            self._morph = None
            self.tree.reset(BENDS)
        elif address.startswith(_OWN):
            self._asked.append((address, values))
            self._wake.set()

    def _serve(self, address: str, values: Values, now: float) -> None:
        which = str(values[0])
        if address == "/preset/store":
            self.presets.store(which, self.tree.values(stored=True), self.name)
        elif address == "/preset/recall":
            self._morph = None
            _tell_left(which, recall(self.tree, self.presets.load(which)))
        elif address == "/preset/morph":
            seconds = float(values[1]) if len(values) > 1 else MORPH_SECONDS
            self._morph = Morph(self.tree, self.presets.load(which), seconds, now)
            _tell_left(which, self._morph.left)
        elif address == "/midi/learn":
            self.midi.learn(which)
        elif address == "/midi/forget":
            self.midi.forget(which)


def _tell_left(which: str, left: Iterable[str]) -> None:
    addresses = list(left)
    if addresses:
        logger.warning(
            "Preset %s holds %d values of another model: %s.",
            which,
            len(addresses),
            ", ".join(addresses[:8]),
        )
