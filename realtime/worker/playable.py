"""A chain that is open, warm and ready to be turned, wherever that is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torchbend.realtime.worker.chain import Chain, Step
from torchbend.realtime.worker.cuda import cuda_device
from torchbend.realtime.worker.process import Loaded
from torchbend.realtime.worker.resampling import Resampled
from torchbend.realtime.worker.turn import Blocks, Player
from torchbend.realtime.worker.twins import Twins

__all__ = ["Playable"]


class Playable:
    """A chain that is open and warm, with what resamples around it.

    Args:
        settings: as `Worker.load` sends them.
        say: told what an attribute refused.

    Attributes:
        device: where it plays.
        where: the same for people, with a word on CUDA graphs.
        note: why not elsewhere; empty if nothing is to be said.
        rate: of the models, in Hz.
        twins: what plays.
        blocks: these, block after block.
        player: these again, or what resamples around them.
        resampler_frames: its delay, at the device's rate.

    Raises:
        TorchbendError: it cannot be played.
    """

    def __init__(self, settings: Mapping[str, Any], say: Callable[[str], object]) -> None:
        self.device, self.note = cuda_device(bool(settings["cuda"]))
        steps = [Step(int(s["model"]), str(s["method"])) for s in settings["steps"]]

        def make() -> Chain:
            return Chain(
                settings["paths"],
                steps,
                block=settings["block"],
                least_block=settings["least_block"],
                inputs=settings["inputs"],
                device=self.device,
            )

        self.rate = rate = int(settings["model_rate"] or settings["device_rate"])
        self.twins = Twins(make, rate, knobs=settings["knobs"], say=say, seed=settings["seed"])
        self.twins.warm_up()
        self.where = str(self.device)
        if self.device.type == "cuda":
            reason = self.twins.record()
            self.where += "" if reason else " graph"
            self.note = f"it plays without a CUDA graph: {reason}" if reason else ""
        self.blocks = Blocks(self.twins)
        self.player: Player = self.blocks
        self.resampler_frames = 0
        if rate != settings["device_rate"]:
            resampled = Resampled(self.blocks, settings["device_rate"], rate)
            self.player, self.resampler_frames = resampled, resampled.latency_frames

    def loaded(self) -> Loaded:
        """What it is, for those who cannot see it."""
        return Loaded(
            block=self.player.block,
            in_channels=self.player.in_channels,
            out_channels=self.player.out_channels,
            model_block=self.twins.block,
            resampler_frames=self.resampler_frames,
            device=self.where,
            note=self.note,
            knobs=self.twins.knobs,
            bad_blocks=self.twins.bad_blocks,
        )
