"""Clusters: which channels of a place do the same, found by listening to them.

    clusters = tb.cluster(bended, "conv1d_3", sounds, n=5)
    print(clusters)
    bended.bend(tb.Bend(tb.Scale(0.0), channels=clusters["c0"], name="c0"), clusters.pattern)

The user's sounds run through the model (:mod:`.sounds`), each channel of the place is described
by a few numbers (:mod:`.descriptors`), and channels with like numbers are put together
(:mod:`.grouping`). What comes out is a :class:`~torchbend.bending.cluster.Clusters`.

After Broad, Leymarie and Grierson, "Network bending" (2020, arXiv 2005.12420), who cluster the
features of a layer by what they draw.
"""

from .grouping import cluster

__all__ = ["cluster"]
