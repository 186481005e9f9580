"""What a bend costs: bent against bare, interleaved in one run.

Each pair is timed in turn, A B A B ..., and the ratio is the median of the pairs' ratios,
so that a machine whose speed drifts does not decide. The bounds are the product's promise;
the script fails above them.

    python benchmarks/overhead.py
"""

from __future__ import annotations

import argparse
import copy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from measure import Report, ratio
from torch import nn

import torchbend as tb

WEIGHTS, ACTIVATIONS = 1.05, 1.02


class Net(nn.Module):
    """Twelve convolutions of 96 channels, and a line for a gain after each."""

    def __init__(self, gains: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(96, 96, 3, padding=1) for _ in range(12))
        self.gains = gains

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve twelve times; ``gains`` are the layers that are scaled by hand."""
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if i in self.gains:
                x = x * 0.9
        return x


def small_net(report: Report, seconds: float) -> None:
    """The small net: every weight bent, one and twelve activations bent."""
    x = torch.randn(1, 96, 128)
    bare = Net().eval()
    bended = tb.BendedModule(copy.deepcopy(bare))
    bended.bend(tb.Scale(0.9), "convs.*")
    value, ms = ratio(lambda: bended(x), lambda: bare(x), seconds)
    report.row("net, all 24 weights bent / bare", value, WEIGHTS, f"bare {ms:.2f} ms")
    for gains in ((5,), tuple(range(12))):
        by_hand = Net(gains).eval()
        by_hand.load_state_dict(bare.state_dict())
        bended = tb.BendedModule(copy.deepcopy(bare))
        bended.trace(x=x)
        for i in gains:
            bended.bend(tb.Scale(0.9), f"convs_{i}$")
        if not torch.equal(bended(x), by_hand(x)):
            raise SystemExit("the bent net and the one written by hand differ")
        value, ms = ratio(lambda b=bended: b(x), lambda b=by_hand: b(x), seconds)  # type: ignore[misc]
        report.row(f"net, {len(gains)} Scale / written by hand", value, ACTIVATIONS, f"{ms:.2f} ms")
    owned(report, "net", bare, "convs.*")
    gain = tb.BendingParameter("gain", 0.9)
    bended = tb.BendedModule(bare)
    bended.bend(tb.Scale(gain), "convs.*")
    times("net: update of a Scale on 24 weights", report, lambda v: bended.update("gain", v))


class ByHand(nn.Module):
    """A RAVE decoder with gains after five of its layers, written into ``forward``."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the layer, and scale what it gives."""
        return self.layer(x) * 0.9


def rave(report: Report, seconds: float) -> None:
    """RAVE v2_small, decode: every decoder weight bent; five activations bent."""
    from torchbend.interfaces._rave_build import build_rave

    model = build_rave("v2_small")
    z = torch.randn(1, 128, 1)
    bended = tb.BendedModule(model)
    bare = copy.deepcopy(model)
    bended.bend(tb.Scale(0.9), "decoder.*")
    count = len(bended.bended_keys())
    value, ms = ratio(lambda: bended.decode(z), lambda: bare.decode(z), seconds)
    report.row(f"RAVE decode, all {count} weights bent / bare", value, WEIGHTS, f"bare {ms:.2f} ms")

    bended = tb.BendedModule(model)
    bended.trace("decode", z)
    leaves = [
        name
        for name, place in bended.activations("decode", op="call_module").items()
        if place.target.startswith("decoder.net.") and place.target.count(".") == 2
    ]
    chosen = leaves[:5]
    if len(chosen) < 5:
        raise SystemExit(f"the decoder has only {len(chosen)} leaf layers at its top: {leaves}")
    for name in chosen:
        bended.bend(tb.Scale(0.9), f"decode:{name}$")
    by_hand = copy.deepcopy(model)
    for name in chosen:
        path = bended.activations("decode")[name].target
        parent, _, last = path.rpartition(".")
        layers = by_hand.get_submodule(parent)
        layers._modules[last] = ByHand(layers._modules[last])  # type: ignore[arg-type]
    torch.manual_seed(0)
    a = bended.decode(z)
    torch.manual_seed(0)
    if not torch.equal(a, by_hand.decode(z)):
        raise SystemExit("the bent RAVE and the one written by hand differ")
    value, ms = ratio(lambda: bended.decode(z), lambda: by_hand.decode(z), seconds)
    report.row("RAVE decode, 5 Scale / written by hand", value, ACTIVATIONS, f"{ms:.2f} ms")
    owned(report, "RAVE", model, "decoder.*")
    gain = tb.BendingParameter("gain", 0.9)
    moving = tb.BendedModule(model)
    moving.bend(tb.Scale(gain), "decoder.*")
    times("RAVE: update of a Scale on the decoder", report, lambda v: moving.update("gain", v))
    began = time.perf_counter()
    fresh = tb.BendedModule(model)
    x = torch.randn(1, 1, 8192)
    for fn, value_in in (("encode", x), ("decode", z), ("forward", x)):
        fresh.trace(fn, value_in)
    report.row("RAVE: tracing three methods, s", time.perf_counter() - began, 5.0)


def owned(report: Report, what: str, module: nn.Module, pattern: str) -> None:
    """Bytes that bent weights own, against those of the weights they replace."""
    bended = tb.BendedModule(module)
    handle = bended.bend(tb.Scale(0.5), pattern)
    names = set(bended.bended_keys())
    original = sum(p.nbytes for n, p in module.named_parameters() if n in names)
    report.row(
        f"{what}: bytes owned / bytes of the bent weights", bended.bent_bytes() / original, 1.0
    )
    handle.undo()


def times(what: str, report: Report, move: Callable[[float], None]) -> None:
    """The median time of moving a control, in ms."""
    taken = []
    for i in range(50):
        began = time.perf_counter()
        move(0.5 + i / 100)
        taken.append((time.perf_counter() - began) * 1e3)
    report.row(f"{what}, ms", statistics.median(taken), None)


def imports(report: Report) -> None:
    """What ``import torchbend`` adds to ``import torch``."""
    code = (
        "import time, torch; a = time.perf_counter(); import torchbend; "
        "print(time.perf_counter() - a)"
    )
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    report.row("import torchbend after torch, s", statistics.median(taken), 0.3)


def main() -> int:
    """Run everything; 1 if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="per comparison")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report = Report()
    small_net(report, options.seconds)
    rave(report, options.seconds)
    imports(report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
