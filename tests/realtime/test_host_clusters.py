"""The clusters of a RAVE's layer, moved live one by one, and each of them heard."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from control_support import Surface
from host_support import playing, until
from ten_sounds import ten_sounds

import torchbend as tb

pytestmark = [pytest.mark.rave, pytest.mark.slow]

LAYER = "decoder_net_15"
BLOCK = 4096
LOOP = 8 * BLOCK  # frames of what comes in, again and again
BANDS = 24
TIMES = 4.0  # how much louder a cluster becomes


@pytest.fixture(scope="module")
def rave(tmp_path_factory):
    """An untrained v2_small: the layers and the cost of a trained one."""
    from torchbend.interfaces._rave_build import save_run
    from torchbend.interfaces.rave import BendedRAVE

    return BendedRAVE(save_run(tmp_path_factory.mktemp("rave"), "v2_small", seed=0))


@pytest.fixture(scope="module")
def clusters(rave):
    return tb.cluster(rave, LAYER, list(ten_sounds().values()), n=5, seed=0)


def bands(sound):
    """The level in each of 24 bands, in dB."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2048)[::512] * np.hanning(2048)
    power = np.mean(np.abs(np.fft.rfft(windows)) ** 2, 0)
    edges = np.geomspace(4, len(power), BANDS + 1).astype(int)
    return 10 * np.log10([power[a:b].mean() for a, b in zip(edges[:-1], edges[1:], strict=True)])


def apart(one, other):
    """How far two sounds are apart, in dB."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def test_a_layer_in_five_clusters(clusters):
    print(f"\n{clusters}")  # noqa: T201
    assert list(clusters) == ["c0", "c1", "c2", "c3", "c4"]
    assert sorted(c for name in clusters for c in clusters[name].channels) == list(range(96))
    centroids = [group.means["centroid"] for group in clusters.groups]
    assert centroids == sorted(centroids) and centroids[-1] > 1.2 * centroids[0]


def test_they_are_the_same_every_time(rave, clusters):
    some = list(ten_sounds().values())[:3]
    first = tb.cluster(rave, LAYER, some, n=5, seed=0)
    rave(ten_sounds()["noise"][None, :, : 8 * rave.ratio])  # whatever it has played
    assert tb.cluster(rave, LAYER, some, n=5, seed=0) == first != clusters


def test_each_cluster_is_moved_live_and_heard(rave, clusters, tmp_path):
    for name in clusters:
        louder = tb.Bend(tb.Scale(TIMES), channels=clusters[name], name=name)
        rave.bend(louder, clusters.pattern)
        rave.update(f"{name}_amount", 0.0)
    rave.export(tmp_path / "five.ts", methods=["forward"], check=False, patches=False)
    rave.reset()
    sounds = ten_sounds()
    loop = sounds["low plucks"][0] + 0.3 * sounds["noise"][0][: len(sounds["low plucks"][0])]
    loop = loop[:LOOP, None].numpy()
    settings = {"input": loop, "model_block": BLOCK, "osc_port": 0}
    heard = {}
    with playing(tmp_path / "five.ts", tmp_path, **settings) as session:
        memory = session.host.memory

        def listen():
            """What is heard once it has settled, over whole loops."""
            start = memory.position
            until(lambda: memory.position > start + session.latency + 3 * BLOCK)
            return np.mean([bands(session.heard_now(LOOP)[:, 0]) for _ in range(2)], 0)

        with Surface(session.host.surface.osc.place) as knobs:
            plain = listen()
            again = [apart(plain, listen())]
            for name in clusters:
                knobs.send(f"/bend/{name}/amount", 1.0)
                heard[name] = listen()
                knobs.send(f"/bend/{name}/amount", 0.0)
                again.append(apart(plain, listen()))
        assert session.status.bad_outputs == 0
    moved = {name: apart(plain, bent) for name, bent in heard.items()}
    pairs = {(a, b): apart(heard[a], heard[b]) for a, b in combinations(heard, 2)}
    print(  # noqa: T201
        f"\nunbent {max(again):.2f} dB apart at the most; "
        + ", ".join(f"{name} {far:.2f} dB" for name, far in moved.items())
        + f"; nearest pair {min(pairs.values()):.2f} dB"
    )
    assert min(moved.values()) > 3 * max(again), (moved, again)
    assert min(pairs.values()) > 2 * max(again), (pairs, again)
