"""A hundred and more small scripted modules: does the guard agree with the real libtorch?

    python scripts/guard_corpus.py OLDER_PYTHON

Each is scripted by the torch that runs this, judged by ``torchbend.export.guard``, and loaded
by the torch of OLDER_PYTHON, which must be the release that the guard speaks of. One
disagreement is a failure, either way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: F401 - the expressions below use it
from torch import nn

from torchbend.errors import first_line
from torchbend.export.guard import LIBTORCH, guard

EXPRESSIONS = """
torch.stft(x[0], 64, return_complex=True)
torch.istft(torch.view_as_complex(x), 4)
torch.ops.aten.stft(x[0], 64, 16, 64, None, False, True, True)
F.interpolate(x, scale_factor=2.0)
F.interpolate(x, 8, mode="linear")
torch.ops.aten.upsample_linear1d(x, [8], False, None)
torch.ops.aten.upsample_nearest1d(x, [8], None)
F.pad(x, [1, 1])
F.pad(x, [1, 1], mode="reflect")
F.grid_sample(x, x)
F.affine_grid(x, [1, 1, 4, 4])
F.normalize(x)
F.one_hot(x.long())
F.gumbel_softmax(x)
F.scaled_dot_product_attention(x, x, x)
F.scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.5)
F.rms_norm(x, [4])
F.glu(x)
torch.fft.rfft(x)
torch.fft.irfft(torch.fft.rfft(x))
torch.fft.fft2(x)
torch.hann_window(8)
torch.kaiser_window(8)
torch.einsum("bct,bct->bt", [x, x])
torch.tensordot(x, x, [[0], [0]])
torch.roll(x, 1, -1)
torch.flip(x, [-1])
torch.lerp(x, x, 0.5)
torch.lerp(x, x, x)
torch.where(x > 0, x, 0.0)
torch.clamp(x, 0.0, 1.0)
torch.clamp(x, min=x)
torch.nan_to_num(x)
torch.cumsum(x, -1)
torch.quantile(x, 0.5)
torch.topk(x, 2)[0]
torch.sort(x, dim=-1)[0]
torch.searchsorted(x, x)
torch.bucketize(x, x)
torch.gather(x, -1, x.long())
torch.index_select(x, -1, torch.tensor([0]))
torch.scatter(x, -1, x.long(), x)
torch.rand_like(x)
torch.randn_like(x)
torch.randn_like(x, generator=None)
torch.normal(0.0, 1.0, [4])
torch.bernoulli(x)
torch.multinomial(x[0], 2)
torch.randperm(4)
torch.randint(0, 4, [4])
torch.linspace(0.0, 1.0, 4)
torch.logspace(0.0, 1.0, 4)
torch.arange(0, 4)
torch.meshgrid([x, x])[0]
torch.cdist(x, x)
torch.linalg.vector_norm(x)
torch.linalg.svd(x)[0]
torch.linalg.inv(x)
torch.bmm(x, x)
torch.baddbmm(x, x, x)
torch.addcmul(x, x, x, value=0.5)
torch.unfold_copy(x, 0, 1, 1)
torch.special.i0(x)
torch.special.bessel_j0(x)
torch.view_as_real(torch.polar(x, x))
torch.complex(x, x).abs()
torch.sinc(x)
torch.heaviside(x, x)
torch.frac(x).sgn()
torch.remainder(x, 2)
torch.atan2(x, x)
torch.hypot(x, x)
torch.logaddexp(x, x)
torch.bitwise_and(x.long(), 3)
torch.isin(x, x)
torch.unique(x)
torch.histc(x)
torch.stack([x, x]).unbind()[0]
torch.tensor_split(x, 2)[0]
torch.atleast_3d(x)
torch.broadcast_shapes([2, 1], [1, 2])
torch.rand_like(x, generator=torch.Generator())
torch.broadcast_to(x, [2, 2, 2])
torch.conv1d(x, x, None, [1], [0], [1], 1)
torch.as_strided(x, [2], [1])
torch.empty_like(x).copy_(x).fill_(0.5)
torch.mul(x, 0.5, out=x)
torch.add(x, x, alpha=0.5, out=x)
torch.lerp(x, x, 0.5, out=x)
torch.lt(x, 0.5, out=x.to(torch.bool)).mul(x)
torch.ops.aten.hash_tensor(x)
torch.ops.aten._foreach_clone([x])[0]
torch.ops.aten.mm(x[0], x[0], torch.float32)
torch.ops.aten.avg_pool1d(x, [2], out=x)
torch.ops.aten._fused_rms_norm(x, [4], None, None)[0]
torch.ops.aten.stft(x[0], 64, None, None, None, True, "reflect", False, True, True)
""".strip().splitlines()

LOAD = """
import json, sys, torch
torch.manual_seed(0)
answers = {}
for path in sys.argv[1:]:
    try:
        torch.jit.load(path)
        answers[path] = ""
    except Exception as error:
        answers[path] = " ".join(str(error).split())[:160] or repr(error)
print(json.dumps({"torch": torch.__version__, "answers": answers}))
"""


def layers() -> list[nn.Module]:
    """The layers of torch.nn that scripts are made of."""
    return [
        nn.Conv1d(4, 4, 3),
        nn.Conv2d(4, 4, 3),
        nn.ConvTranspose1d(4, 4, 4, 2),
        nn.ConvTranspose2d(4, 4, 4, 2),
        nn.Conv1d(4, 4, 3, padding="same"),
        nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular"),
        nn.Conv1d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Linear(4, 4),
        nn.Bilinear(4, 4, 4),
        nn.Identity(),
        nn.GRU(4, 4),
        nn.LSTM(4, 4, 2),
        nn.LSTM(4, 4, proj_size=2),
        nn.RNN(4, 4),
        nn.GRUCell(4, 4),
        nn.LSTMCell(4, 4),
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm1d(4, affine=True),
        nn.LayerNorm(4),
        nn.RMSNorm(4),
        nn.LocalResponseNorm(2),
        nn.ReLU(),
        nn.LeakyReLU(0.2),
        nn.PReLU(),
        nn.RReLU(),
        nn.ELU(),
        nn.CELU(),
        nn.SELU(),
        nn.GELU(),
        nn.GELU("tanh"),
        nn.SiLU(),
        nn.Mish(),
        nn.Softplus(),
        nn.Softsign(),
        nn.Softshrink(),
        nn.Hardshrink(),
        nn.Hardtanh(),
        nn.Hardsigmoid(),
        nn.Hardswish(),
        nn.Tanh(),
        nn.Tanhshrink(),
        nn.Sigmoid(),
        nn.LogSigmoid(),
        nn.Softmax(1),
        nn.LogSoftmax(1),
        nn.Softmin(1),
        nn.Softmax2d(),
        nn.GLU(1),
        nn.Threshold(0.1, 0.0),
        nn.Dropout(),
        nn.Dropout1d(),
        nn.AlphaDropout(),
        nn.AvgPool1d(2),
        nn.AvgPool2d(2),
        nn.MaxPool1d(2),
        nn.MaxPool2d(2),
        nn.LPPool1d(2.0, 2),
        nn.AdaptiveAvgPool1d(2),
        nn.AdaptiveMaxPool1d(2),
        nn.ZeroPad1d(1),
        nn.AdaptiveAvgPool2d(2),
        nn.FractionalMaxPool2d(2, 2),
        nn.ConstantPad1d(1, 0.0),
        nn.ReflectionPad1d(1),
        nn.ReplicationPad1d(1),
        nn.CircularPad1d(1),
        nn.PixelShuffle(2),
        nn.PixelUnshuffle(2),
        nn.ChannelShuffle(2),
        nn.Flatten(),
        nn.Unflatten(1, (2, 2)),
        nn.Fold((4, 4), 2),
        nn.Unfold(2),
        nn.Embedding(4, 4),
        nn.EmbeddingBag(4, 4),
        nn.CosineSimilarity(),
        nn.PairwiseDistance(),
        nn.MultiheadAttention(4, 2),
        nn.TransformerEncoderLayer(4, 2),
        nn.TransformerDecoderLayer(4, 2),
        nn.MSELoss(),
        nn.L1Loss(),
        nn.HuberLoss(),
        nn.CrossEntropyLoss(),
        nn.Upsample(scale_factor=2.0),
        nn.Upsample(scale_factor=2.0, mode="linear"),
        nn.UpsamplingNearest2d(8),
        nn.UpsamplingBilinear2d(8),
    ]


def scripted() -> Iterator[tuple[str, torch.jit.ScriptModule | torch.jit.ScriptFunction]]:
    """Every module that this torch can script, with what to call it."""
    warnings.simplefilter("ignore")
    for layer in layers():
        yield str(layer).splitlines()[0], torch.jit.script(layer.eval())
    for text in EXPRESSIONS:
        try:
            unit = torch.jit.CompilationUnit(f"def forward(x: Tensor):\n    return {text}\n")
        except RuntimeError as error:
            print(f"left out, this torch does not compile {text}: {first_line(error)}")
            continue
        yield text, unit.forward


def main(older: str) -> int:
    """Compare, print the disagreements, and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for number, (text, module) in enumerate(scripted()):
            path = str(Path(folder) / f"{number}.ts")
            module.save(path)
            files[path] = text
        flagged = {path: [str(problem) for problem in guard(path)] for path in files}
        done = subprocess.run(
            [older, "-W", "ignore", "-c", LOAD, *files], capture_output=True, text=True, check=True
        )
        loaded = json.loads(done.stdout)
    print(f"{len(files)} modules scripted by torch {torch.__version__}", end=", ")
    print(f"loaded by torch {loaded['torch']}; the guard's table is of {LIBTORCH}")
    wrong = 0
    for path, text in files.items():
        refused, found = loaded["answers"][path], flagged[path]
        if refused and found:
            print(f"refused by both: {text}: {found[0].split(' (')[0]}")
        elif refused or found:
            wrong += 1
            print(f"DISAGREEMENT: {text}\n  guard: {found}\n  torch {loaded['torch']}: {refused}")
    print(f"{wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
