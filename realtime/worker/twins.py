"""Two copies of a chain, so that weights can jump without a click.

A knob that the file glides to by itself is set on both copies. Any other is set on the one that
rests; then both play one block from the same streaming state and are cross-faded, and the other
plays on. Where there is no time for both, there is one copy, and values go there in steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torchbend.realtime.worker.chain import Chain
from torchbend.realtime.worker.layout import Value, as_values

__all__ = ["CROSS_FADE", "SEED", "STEPS", "Twins"]

CROSS_FADE = "cross-fade"
STEPS = "steps"
STEP_COUNT = 16  # blocks that a value takes to get there in steps
MOST_WAITING = 8  # blocks after which a value is set even where there is no time for it
SEED = 0x70BE
PLAYING, RESTING, DESK, SETTLED = "playing", "resting", "desk", "settled"

Doing = tuple[str, int, tuple[Value, ...]]
"""What was set: on which copy, the number of the place, and the values; or the latent desk."""
FADE_SECONDS = 0.005  # out of the sound before a block that was no sound, and in again


class Twins:
    """Plays a chain, and moves its attributes between two blocks.

    Args:
        make: opens a copy of the chain.
        sample_rate: of the model, in Hz.
        knobs: ``"cross-fade"`` or ``"steps"``.
        say: told why an attribute did not take its values.
        seed: of the noise in the model.

    Attributes:
        layout: where the values lie.
        block: frames of a turn.
        in_channels: of what comes in.
        out_channels: of what comes out.
        knobs: as given.
        bad_blocks: how many came out with NaN or infinities.
        account: of each block what was set before it and how it was played, for `replay`; None
            if nobody keeps it.
    """

    def __init__(
        self,
        make: Callable[[], Chain],
        sample_rate: int,
        *,
        knobs: str = CROSS_FADE,
        say: Callable[[str], object] = lambda line: None,
        seed: int = SEED,
    ) -> None:
        self._say = say
        self._seed = seed
        self.knobs = knobs
        self.bad_blocks = 0
        self.account: list[Any] | None = None
        self._doings: list[Doing] = []
        self.playing = chain = make()
        self.resting = make() if knobs == CROSS_FADE else None
        self.layout, self.block = chain.layout, chain.block
        self.in_channels, self.out_channels = chain.in_channels, chain.out_channels
        self._wanted = list(chain.given)
        self._waited = dict.fromkeys(range(len(self._wanted)), 0)
        self._left = dict(self._waited)  # steps to go
        self._costs: dict[int, float] = {}
        self._refusing: set[int] = set()
        self._stamp = 0
        self._desk: list[float] = []
        ramp = torch.arange(1, self.block + 1) / self.block
        self._ramp = ramp[:, None].to(chain.device)
        fade = torch.arange(1, self.block + 1) / (FADE_SECONDS * sample_rate)
        self._rise = fade.clamp(max=1.0)[:, None]
        self._last = torch.zeros(self.out_channels)
        self._was_bad = False
        self._fresh: list[object] = []

    def warm_up(self, blocks: int = 3) -> None:
        """Play a few blocks that nobody hears, and find out what is streaming state."""
        noise = torch.randn(self.block, self.in_channels) * 0.1
        for chain in self._copies():
            chain.rehearse()
        with torch.inference_mode():
            for chain in self._copies():
                chain.find_state()
                fresh = chain.save_state()
                for _ in range(blocks):
                    chain.play(noise, 0)
                chain.restore_state(fresh)
        self._fresh = self.playing.save_state()

    def record(self) -> str:
        """Record CUDA graphs; returns why there are none, or nothing."""
        return next(filter(None, [chain.record() for chain in self._copies()]), "")

    def play_alone(self) -> None:
        """Give up the second copy; values go in steps from now on."""
        self.resting = None
        self.knobs = STEPS

    def save_state(self) -> object:
        """The streaming state of the copy that plays."""
        return self.playing.save_state()

    def restore_state(self, saved: Any) -> None:
        """Put back what `save_state` gave."""
        self.playing.restore_state(saved)

    # -- values -----------------------------------------------------------------------------

    def want(self, numbers: Sequence[float]) -> None:
        """Say where all values should be; `prepare` and `play` bring them there."""
        for number, place in enumerate(self.layout.places):
            if place.count:
                found = numbers[place.start : place.start + place.count]
                self._want(number, as_values(place.attribute, found))
        desk = list(numbers[self.layout.latents])
        if desk and desk != self._desk:
            self._aim(desk)

    def want_text(self, number: int, text: str) -> None:
        """The same for an attribute that is text, by the number of its place."""
        self._want(number, (text,))

    def settle(self) -> None:
        """Bring all values there at once, before anything is heard."""
        for chain in self._copies():
            for number in self._behind(chain):
                self._give(chain, number, self._wanted[number])
        self._settle_desk()

    def keep_account(self) -> None:
        """Write down from now on what is set, beginning with how everything stands."""
        self.account = []
        for who, chain in ((PLAYING, self.playing), (RESTING, self.resting)):
            if chain is not None:
                pairs = enumerate(zip(chain.given, self.layout.places, strict=True))
                self._doings += [
                    (who, number, given)
                    for number, (given, place) in pairs
                    if given != tuple(place.attribute.default)
                ]
        if self._desk:
            self._note((DESK, 0, tuple(self._desk)))

    @property
    def waiting(self) -> bool:
        """Whether there is something for `prepare` to do."""
        return bool(self._behind(self.resting or self.playing))

    def prepare(self, seconds: float) -> None:
        """Use the time between two blocks to set what was moved.

        Args:
            seconds: how much there is. What takes longer waits for a better moment, but not for
                ever.
        """
        end = time.monotonic() + seconds
        for number in self._behind(self.resting or self.playing):
            enough = self._costs.get(number, 0.0) <= end - time.monotonic()
            if enough or self._waited[number] > MOST_WAITING:
                if self.layout.places[number].attribute.glides:
                    for chain in self._copies():
                        self._give(chain, number, self._wanted[number])
                elif self.resting is not None:
                    self._give(self.resting, number, self._wanted[number])

    def _want(self, number: int, values: tuple[Value, ...]) -> None:
        if values != self._wanted[number]:
            self._wanted[number] = values
            self._waited[number] = 0
            self._left[number] = STEP_COUNT

    def _behind(self, chain: Chain) -> list[int]:
        pairs = enumerate(zip(self._wanted, chain.given, strict=True))
        return [number for number, (wanted, given) in pairs if wanted != given]

    def _aim(self, desk: list[float]) -> None:
        self._desk = desk
        for chain in self._copies():
            if chain.desk is not None:
                chain.desk.aim(desk)
        self._note((DESK, 0, tuple(desk)))

    def _settle_desk(self) -> None:
        for chain in self._copies():
            if chain.desk is not None:
                chain.desk.settle()
        self._note((SETTLED, 0, ()))

    def _note(self, doing: Doing) -> None:
        if self.account is not None:
            self._doings.append(doing)

    def _give(self, chain: Chain, number: int, values: tuple[Value, ...]) -> None:
        self._note((PLAYING if chain is self.playing else RESTING, number, values))
        began = time.monotonic()
        self._stamp += 1
        why = chain.set(number, values, self._stamp)
        self._costs[number] = time.monotonic() - began
        if not why:
            self._refusing.discard(number)
        elif number not in self._refusing:  # said once, however often it is moved
            self._refusing.add(number)
            self._say(why)

    def _step(self) -> None:
        """One step nearer to where the values should be, without a second copy."""
        chain = self.playing
        for number in self._behind(chain):
            attribute = self.layout.places[number].attribute
            given, wanted = chain.given[number], self._wanted[number]
            left, self._left[number] = self._left[number], self._left[number] - 1
            smooth = attribute.kind in ("float", "vector", "complex")
            if attribute.glides or not smooth or left <= 1:
                self._give(chain, number, wanted)
            else:
                pairs = zip(given, wanted, strict=True)
                self._give(chain, number, tuple(_nearer(a, b, left) for a, b in pairs))

    def _is_ahead(self) -> bool:
        """Whether the resting copy is nearer to what is wanted, and nowhere farther from it."""
        if self.resting is None:
            return False
        nearer = False
        for number, given in enumerate(self.resting.given):
            if given != self.playing.given[number]:
                older = self.resting.stamps[number] < self.playing.stamps[number]
                if older and given != self._wanted[number]:
                    return False
                nearer = True
        return nearer

    # -- sound ------------------------------------------------------------------------------

    def play(self, frames: Tensor, position: int) -> Tensor:
        """Play one block, ``(block, in_channels)`` to ``(block, out_channels)``, on the CPU.

        Args:
            frames: what comes in.
            position: of the first of them.
        """
        if self.resting is None:
            self._step()
        for number in self._behind(self.playing):
            self._waited[number] += 1
        both = self._is_ahead()
        if self.account is not None and (both or self._doings):
            self.account.append((position, both, self._doings))
            self._doings = []
        return self._cleaned(self._played(frames, position, both=both))

    def replay(self, frames: Tensor, position: int, both: bool, doings: Sequence[Doing]) -> Tensor:
        """Play one block as the account says that it was played.

        Args:
            frames: what comes in.
            position: of the first of them.
            both: whether it was a cross-fade.
            doings: what was set before it.
        """
        for who, number, values in doings:
            if who == DESK:
                self._aim([float(value) for value in values])
            elif who == SETTLED:
                self._settle_desk()
            elif who == PLAYING or self.resting is None:
                self._give(self.playing, number, values)
            else:
                self._give(self.resting, number, values)
        return self._cleaned(self._played(frames, position, both=both))

    def play_both(self, frames: Tensor, position: int) -> Tensor:
        """Play one block as a cross-fade does, for measuring how long that takes."""
        return self._cleaned(self._played(frames, position, both=self.resting is not None))

    def _played(self, frames: Tensor, position: int, *, both: bool) -> Tensor:
        with torch.inference_mode():
            if not both or self.resting is None:
                made = self._one(self.playing, frames, position)
            else:
                self.resting.copy_state(self.playing)
                before = self._one(self.playing, frames, position)
                after = self._one(self.resting, frames, position)
                made = torch.lerp(before, after, self._ramp)
                self.playing, self.resting = self.resting, self.playing
            return made.cpu() if made.is_cuda else made

    def _one(self, chain: Chain, frames: Tensor, position: int) -> Tensor:
        # Noise follows from the position: a take renders the same again, and both copies of a
        # cross-fade draw the same.
        seed = (self._seed + position) & 0x7FFFFFFF
        # torch.manual_seed would keep a stack trace of each call for a GPU that is not in use.
        torch.default_generator.manual_seed(seed)
        if chain.device.type == "cuda":
            torch.cuda.default_generators[chain.device.index or 0].manual_seed(seed)
        return chain.play(frames, position)

    def _cleaned(self, made: Tensor) -> Tensor:
        """The block; or where it came out as no sound, the end of the last one, faded out."""
        if bool(torch.isfinite(made).all()):
            made = made * self._rise if self._was_bad else made
            self._was_bad = False
        else:
            self.bad_blocks += 1
            self._was_bad = True
            self.playing.restore_state(self._fresh)
            made = (1 - self._rise) * self._last
        self._last = made[-1].clone()
        return made

    def _copies(self) -> list[Chain]:
        return [each for each in (self.playing, self.resting) if each is not None]


def _nearer(a: Value, b: Value, left: int) -> Value:
    if isinstance(a, str) or isinstance(b, str):
        return b
    return a + (b - a) / left
