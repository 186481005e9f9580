"""The live host: plays a bent model through the sound card, under OSC.

Import it as ``torchbend.realtime``; this folder is that package's source.
"""
