"""The exporter: writes a bent module as one TorchScript file for nn~ and NN.ar.

Import it as ``torchbend.export``; this folder is that package's source.
"""
