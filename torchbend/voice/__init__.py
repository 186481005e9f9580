"""The built-in instrument: a small trained network that plays at once, bent by eight knobs.

    from torchbend.voice import loop, performance, voice

    bent = voice()
    bent.update("haze", 0.1)
    sound = bent.forward(loop()[None])          # (1, 1, frames) at 48000 Hz
    sound = bent.decode(performance(938))       # ten seconds by itself

:mod:`.net` is the network, :mod:`.sound` what it listens to, :mod:`.instrument` its knobs,
:mod:`.playing` what it plays by itself. scripts/make_voice.py trained it.
"""

from .instrument import BendedVoice, load_voice, voice, voice_bends
from .net import HOP, LATENTS, SAMPLE_RATE, Voice
from .playing import gesture, performance, render_voice
from .sound import loop

__all__ = [
    "HOP",
    "LATENTS",
    "SAMPLE_RATE",
    "BendedVoice",
    "Voice",
    "gesture",
    "load_voice",
    "loop",
    "performance",
    "render_voice",
    "voice",
    "voice_bends",
]
