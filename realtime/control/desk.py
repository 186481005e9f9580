"""The controls that are there whatever plays: the strip around the models, and what is told."""

from __future__ import annotations

from torchbend.realtime.control.controls import SILENCE_DB, Control, Values

__all__ = ["outputs", "strip"]

RAMP_MS = 20.0
LONGEST_SECONDS = 3600.0


def strip() -> list[Control]:
    """The controls around the models."""
    return [
        _level("/gain/in", "input gain; -90 is silence", (SILENCE_DB, 24.0), ramped=True),
        _level("/gain/out", "output gain; -90 is silence", (SILENCE_DB, 24.0), ramped=True),
        _level(
            "/gate",
            "input below this level is silenced; -90 is off",
            (SILENCE_DB, 0.0),
            default=SILENCE_DB,
        ),
        Control(
            "/drywet",
            "float",
            (1.0,),
            low=0.0,
            high=1.0,
            ramp_ms=RAMP_MS,
            description="0: the input, delayed as the model is; 1: the model",
            stored=True,
        ),
        Control(
            "/width",
            "float",
            (1.0,),
            low=0.0,
            high=2.0,
            ramp_ms=RAMP_MS,
            description="of the stereo image: 0 is mono, 2 twice as wide",
            stored=True,
        ),
        # A preset leaves alone what belongs to the room and its loudspeakers.
        _level("/ceiling", "the limiter lets nothing above it", (-24.0, 0.0), -0.3, stored=False),
        _switch("/limiter", "the limiter at the output", on=True),
        _switch("/dc", "take a constant offset out of the output", on=True),
        Control(
            "/late",
            "choice",
            ("silent",),
            choices=("silent", "dry"),
            description="what is heard while a model is late",
        ),
        _switch("/bypass", "the input, without the model"),
        _switch("/rec", "record what is heard"),
        Control(
            "/panic",
            "bool",
            (False,),
            urgent=True,
            description="1: silence at once, and every bend neutral; 0: sound again",
        ),
        _does("/model/load", "play another model, faded in over seconds", "text", "float"),
        _does("/preset/store", "store under a name or number", "text"),
        _does("/preset/recall", "recall by name or number", "text"),
        _does("/preset/morph", "glide to a preset in so many seconds", "text", "float"),
        _does("/midi/learn", "the next MIDI control moves this address", "text"),
        _does("/midi/forget", "no MIDI control moves this address", "text"),
    ]


def _level(
    address: str,
    description: str,
    span: tuple[float, float],
    default: float = 0.0,
    *,
    ramped: bool = False,
    stored: bool = True,
) -> Control:
    return Control(
        address,
        "float",
        (default,),
        low=span[0],
        high=span[1],
        unit="dB",
        ramp_ms=RAMP_MS if ramped else 0.0,
        description=description,
        stored=stored,
    )


def _switch(address: str, description: str, *, on: bool = False) -> Control:
    return Control(address, "bool", (on,), description=description)


def _does(address: str, description: str, *types: str) -> Control:
    """A trigger with a text, and seconds that may be left out."""
    seconds = "float" in types
    return Control(
        address,
        "trigger",
        description=description,
        access="w",
        types=types,
        optional=1 if seconds else 0,
        low=0.0 if seconds else None,
        high=LONGEST_SECONDS if seconds else None,
    )


def outputs(in_channels: int = 1, out_channels: int = 1) -> list[Control]:
    """What the host tells, and nobody sets.

    Args:
        in_channels: of the input's meter.
        out_channels: of the output's.
    """
    quiet = SILENCE_DB
    told: list[tuple[str, str, Values, str, str]] = [
        ("/meter/in", "vector", (quiet,) * in_channels, "dB", "peak of each input channel"),
        ("/meter/out", "vector", (quiet,) * out_channels, "dB", "peak of each output channel"),
        ("/limiter/reduction", "float", (0.0,), "dB", "what the limiter takes off"),
        ("/cpu", "float", (0.0,), "percent", "the models' time, of the time there is"),
        ("/xruns", "int", (0,), "", "interruptions, as the device reports them"),
        ("/underruns", "int", (0,), "", "device blocks that lacked a model's sound"),
        ("/latency", "float", (0.0,), "ms", "from the input to the output"),
        ("/device", "text", ("",), "", "where the sound goes"),
        ("/model/name", "text", ("",), "", "what plays"),
    ]
    return [
        Control(address, kind, default, unit=unit, description=what, access="r")  # type: ignore[arg-type]
        for address, kind, default, unit, what in told
    ]
