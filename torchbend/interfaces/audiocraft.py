"""MusicGen and AudioGen: opened, played and bent.

MusicGen (Copet et al., "Simple and controllable music generation", 2023) writes the codes of a
neural codec, step by step, with a language model that reads a text; the codec turns the codes
into sound. AudioGen (Kreuk et al., 2022) does the same for other sounds. Install both with
``torchbend install musicgen``. Without AudioCraft, a MusicGen is played through ``transformers``.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torchbend.bending import BendingCallback, BendingConfig, DuringSteps
from torchbend.bending.steps import tell_step
from torchbend.errors import BendingError, ExportError, TorchbendError, first_line, suggest
from torchbend.interfaces._audiocraft_bended import BendedCodec
from torchbend.interfaces._audiocraft_calls import seeded, texts_of
from torchbend.interfaces._generator_backend import moved, open_generator
from torchbend.places import Place
from torchbend.tracing import BendedWrapper, BendHandle
from torchbend.tracing.hooks import outputs_of_submodules
from torchbend.tracing.inputs import signature_of
from torchbend.tracing.record import Trace
from torchbend.tracing.shadow import noise_kept, plain_tensors

__all__ = ["BendedAudioGen", "BendedCodec", "BendedMusicGen"]

_LONGEST_SECONDS = 600.0
_CODEC, _ENCODER = "compression_model.", "compression_model.encoder."
# As a well-known notebook names a layer, whose weights are below lm.transformer.layers.6
_LAYER = re.compile(r"^lm\\?\.transformer\\?\.(\d+)\\?\.")
_LOOK_FRAMES = 2  # of sound, generated once to see what is inside


class _BendedGenerator(BendedWrapper):
    _kind: str

    def __init__(
        self,
        name_or_path: str | Path,
        cache_dir: str | Path | None = None,
        *,
        device: str | torch.device | None = None,
        backend: str | None = None,
    ) -> None:
        device = str(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise TorchbendError(f"there is no device {device!r}: {first_line(error)}") from error
        model = open_generator(self._kind, name_or_path, cache_dir, device, backend)
        for part in (model.lm, model.compression_model):
            part.requires_grad_(False)
        super().__init__(model)
        self._look_inside()

    # -- generating --------------------------------------------------------------------
    def __call__(self, descriptions: str | Sequence[str], **options: Any) -> Any:
        """The same as :meth:`generate`."""
        return self.generate(descriptions, **options)

    def forward(self, descriptions: str | Sequence[str], **options: Any) -> Any:
        """The same as :meth:`generate`."""
        return self.generate(descriptions, **options)

    def generate(
        self,
        descriptions: str | Sequence[str],
        progress: bool = False,
        return_tokens: bool = False,
        *,
        seed: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Generate sound from texts, bent.

        Args:
            descriptions: the texts, one for each sound; or one text.
            progress: tell how far it is, by printing or as
                ``set_custom_progress_callback`` says.
            return_tokens: give the codes, too.
            seed: of what is drawn. The same seed gives the same sound, and torch's own
                random numbers go on as if nothing had been drawn. Without it, those are used.
            **arguments: of callbacks that take some from the call.

        Returns:
            Sound ``(texts, channels, frames)``; with ``return_tokens``, that and the codes
            ``(texts, codebooks, frames of codes)``.

        Raises:
            BendingError: there is no text, one is empty, or the duration does not fit.
        """
        texts = texts_of(descriptions)
        return self._generated("generate", seed, texts, progress, return_tokens, **arguments)

    def generate_unconditional(
        self,
        num_samples: int = 1,
        progress: bool = False,
        return_tokens: bool = False,
        *,
        seed: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Generate sound from no text; see :meth:`generate`.

        Args:
            num_samples: how many sounds.
            progress: tell how far it is.
            return_tokens: give the codes, too.
            seed: of what is drawn.
            **arguments: of callbacks that take some from the call.
        """
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples < 1:
            raise BendingError(f"num_samples is a number of sounds from 1 up; got {num_samples!r}")
        method = "generate_unconditional"
        return self._generated(method, seed, num_samples, progress, return_tokens, **arguments)

    def generate_continuation(
        self,
        prompt: Tensor,
        prompt_sample_rate: int,
        descriptions: str | Sequence[str | None] | None = None,
        progress: bool = False,
        return_tokens: bool = False,
        *,
        seed: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Generate how a sound goes on; see :meth:`generate`.

        Args:
            prompt: the sound's beginning, ``(sounds, channels, frames)`` or
                ``(channels, frames)``. What comes back begins with it, as the codec plays it.
            prompt_sample_rate: its rate in Hz; it is resampled to the model's.
            descriptions: a text for each sound, if any.
            progress: tell how far it is.
            return_tokens: give the codes, too.
            seed: of what is drawn.
            **arguments: of callbacks that take some from the call.
        """
        if not isinstance(prompt, Tensor) or prompt.ndim not in (2, 3) or not prompt.numel():
            shape = tuple(prompt.shape) if isinstance(prompt, Tensor) else type(prompt).__name__
            raise BendingError(
                f"a prompt is sound (channels, frames) or (sounds, channels, frames), not {shape}"
            )
        if not isinstance(prompt_sample_rate, int) or prompt_sample_rate < 1:
            raise BendingError(f"prompt_sample_rate is a rate in Hz; got {prompt_sample_rate!r}")
        held, seconds = self._held, prompt.shape[-1] / prompt_sample_rate
        most = min(held.duration, held.max_duration)
        if seconds >= most:
            raise BendingError(
                f"the prompt lasts {seconds:g} s, and {most:g} s are to be generated, prompt "
                "included: shorten it, or set_generation_params(duration=...)"
            )
        sounds = 1 if prompt.ndim == 2 else len(prompt)
        if descriptions is not None:
            descriptions = texts_of(descriptions, none=True)
            if len(descriptions) != sounds:
                raise BendingError(f"{sounds} prompts and {len(descriptions)} texts: give as many")
        given = (prompt, prompt_sample_rate, descriptions, progress, return_tokens)
        return self._generated("generate_continuation", seed, *given, **arguments)

    def generate_audio(self, gen_tokens: Tensor, **arguments: Any) -> Tensor:
        """Turn codes into sound, through the bent decoder.

        Args:
            gen_tokens: codes ``(sounds, codebooks, frames of codes)``.
            **arguments: of callbacks that take some from the call.

        Returns:
            Sound ``(sounds, channels, frames)``.
        """
        codec = self._held.compression_model
        if not isinstance(gen_tokens, Tensor) or gen_tokens.ndim != 3:
            shape = getattr(gen_tokens, "shape", type(gen_tokens).__name__)
            raise BendingError(f"codes are (sounds, codebooks, frames), not {shape}")
        if gen_tokens.is_floating_point():
            raise BendingError(f"codes are whole numbers, not {gen_tokens.dtype}")
        low, high = (int(v) for v in gen_tokens.aminmax()) if gen_tokens.numel() else (0, 0)
        if low < 0 or high >= codec.cardinality:
            raise BendingError(
                f"codes go from 0 to {codec.cardinality - 1}; these go from {low} to {high}"
            )
        tokens = gen_tokens.to(self.device)
        out: Tensor = self._runner.run("generate_audio", (tokens,), arguments)
        return out

    def _generated(self, method: str, seed: int | None, *given: Any, **arguments: Any) -> Any:
        self._check_duration(self._held.duration)
        with seeded(seed):
            try:
                return self._runner.run(method, given, arguments)
            finally:
                tell_step(None)

    def set_generation_params(self, **settings: Any) -> None:
        """Set how sound is generated: AudioCraft's settings, each back at its default if left out.

        Args:
            **settings: ``duration`` in seconds, ``use_sampling``, ``top_k``, ``top_p``,
                ``temperature``, ``cfg_coef`` (how much the text counts), ``two_step_cfg``,
                ``extend_stride`` (seconds by which the window moves in sounds that are longer
                than ``max_duration``).

        Raises:
            BendingError: there is no such setting, or its value does not fit.
        """
        held = self._held
        known = inspect.signature(held.set_generation_params).parameters
        for name in settings:
            if name not in known:
                raise BendingError(f"there is no setting {name!r}. {suggest(name, known)}")
        chosen = {name: settings.get(name, p.default) for name, p in known.items()}
        if "duration" in settings:
            self._check_duration(chosen["duration"])
        if chosen["use_sampling"] and not 0 <= chosen["top_k"] <= held.lm.card:
            raise BendingError(
                f"top_k is {chosen['top_k']}, and this model has {held.lm.card} codes to choose "
                "from; 0 chooses from all"
            )
        if not 0 < chosen["extend_stride"] < held.max_duration:
            raise BendingError(
                f"extend_stride is {chosen['extend_stride']} s: give more than 0 and less than "
                f"max_duration, {held.max_duration:g} s"
            )
        held.set_generation_params(**settings)

    def _check_duration(self, seconds: Any) -> None:
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        least = 1 / self._held.frame_rate
        if not number or not math.isfinite(seconds) or not least <= seconds <= _LONGEST_SECONDS:
            raise BendingError(
                f"duration is {seconds!r}: give seconds from {least:g}, one frame of codes, to "
                f"{_LONGEST_SECONDS:g}"
            )

    # -- bending -----------------------------------------------------------------------
    def bend(
        self,
        callback: BendingCallback | BendingConfig,
        *patterns: str,
        steps: tuple[int, int | None] | None = None,
        **options: Any,
    ) -> BendHandle:
        """Put a callback on every place that a pattern reaches; see ``BendedModule.bend``.

        Activations are the outputs of modules: of the language model at every step, of the
        codec once. In the language model a place has ``(rows, steps, channels)``: first a row
        for each text, then one for each without its text, for guidance.

        Args:
            callback: what to do there.
            *patterns: regular expressions, matched from the start of a name.
                ``lm.transformer.6.weight`` means every weight of that layer, too.
            steps: ``(start, stop)``: bend in these steps only, of the language model's
                activations. There are ``frame_rate`` a second: step n makes frame n of the
                first codebook, n - 1 of the second, and so on; after a prompt they go on from
                its length, and in a sound longer than ``max_duration`` they count from the
                start of each window. ``stop`` may be None.
            **options: those of ``BendedModule.bend``.
        """
        patterns = tuple(
            _LAYER.sub(r"lm\\.transformer\\.layers\\.\1\\.(?:.*[._])?", p)
            if isinstance(p, str)
            else p
            for p in patterns
        )
        if steps is None:
            return super().bend(callback, *patterns, **options)
        if isinstance(callback, BendingConfig):
            raise BendingError("a configuration brings its own steps, as DuringSteps")
        start, stop = steps
        return super().bend(DuringSteps(callback, start, stop), *patterns, **options)

    def _look_inside(self) -> None:
        """Generate two frames on a copy, and note what its modules give."""
        twin: Any = self._bank.twin(bent=False)
        held = twin.held
        held.duration = _LOOK_FRAMES / held.frame_rate
        frames = int(_LOOK_FRAMES * held.sample_rate / held.frame_rate)
        with plain_tensors(), noise_kept():
            places = outputs_of_submodules(twin, "generate", {"descriptions": ["sound"]})
            silence = torch.zeros(1, held.compression_model.channels, frames, device=held.device)
            holder: Any = nn.Module()
            holder.compression_model = held.compression_model
            holder.encode = lambda x: held.compression_model.encode(x)
            encoding = outputs_of_submodules(holder, "encode", {"x": silence})
        there = {p.name for p in places}
        before = tuple(p for p in encoding if p.name not in there and p.name.startswith(_CODEC))
        after = tuple(p for p in places if p.name.startswith(_CODEC))
        self._note("generate", places)
        self._note("generate_unconditional", places)
        self._note("generate_continuation", before + places)
        self._note("generate_audio", after)
        if hasattr(held, "generate_with_chroma"):
            self._note("generate_with_chroma", places)

    def _note(self, fn: str, places: Sequence[Place]) -> None:
        signature = signature_of(self._runner.method(fn))
        own = tuple(replace(p, fn=fn) for p in places)
        why = "it generates step by step"
        self._adopt(Trace(fn, "hooks", own, (), {}, signature, reason=why))

    def _trace_of(self, fn: str) -> Trace:
        """The trace of a method; calling the object is to generate."""
        return super()._trace_of("generate" if fn == "forward" else fn)

    # -- the object --------------------------------------------------------------------
    @property
    def _held(self) -> Any:
        """AudioCraft's object that plays."""
        return self._shadow.__dict__["held"]

    @functools.cached_property
    def compression_model(self) -> BendedCodec:
        """The codec by itself: it is bent on its own, unbent at first, and can be exported.

        Raises:
            TorchbendError: a codec of this kind does not play block by block.
        """
        return BendedCodec(self.wrapped_module.compression_model)

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> Any:
        """Move everything; see ``BendedModule.to``."""
        super().to(device, dtype)
        moved(self._held, self.device)
        return self

    def export(self, path: Any, **options: Any) -> Any:
        """Not of the whole: it writes a sound step by step, which nn~ cannot call.

        Raises:
            ExportError: always; the codec can be exported.
        """
        raise ExportError(
            f"a {self._kind} generates step by step, from text: nn~ cannot play that. Its codec "
            "plays live: export compression_model"
        )


class BendedMusicGen(_BendedGenerator):
    """A MusicGen, ready to bend: text to music.

    Same seed, unbent: the same sound as AudioCraft's, bit for bit. Weights have the names they
    have there, below ``compression_model`` and ``lm``; activations are the outputs of modules,
    by the modules' names. What AudioCraft's object has besides (``frame_rate``,
    ``max_duration``, ``generate_with_chroma``, ``set_custom_progress_callback``...) is
    reachable here.

    Where AudioCraft is not installed, ``transformers`` plays the same models: same seed, unbent,
    the same sound as its own, bit for bit. Weights and activations keep AudioCraft's names, so
    that patterns and configurations reach the same places; by name, weights of one are those of
    the other. It differs in this: what is drawn from a seed; the outputs of ``lm`` and
    ``lm.transformer`` as wholes, which are not among the activations (``lm.linears`` and
    ``lm.out_norm`` are); a stereo model's codec, which is named without ``model`` in between;
    ``two_step_cfg``, ``cfg_coef`` below 1, following a melody and ``"debug"``, which are
    AudioCraft's alone; and float32 on a GPU, too, unless moved ``to`` another type.

    Args:
        name_or_path: a name on the hub (``"facebook/musicgen-small"``), a folder with
            ``state_dict.bin`` and ``compression_state_dict.bin`` as ``audiocraft.utils.export``
            writes them, a folder in transformers' format (safetensors), or ``"debug"``, a tiny
            one with random weights.
        cache_dir: where to keep what comes from the hub.
        device: where it plays; a GPU if there is one.
        backend: ``"audiocraft"`` or ``"transformers"``, to have that one. Otherwise a folder is
            played by the package whose format it has, a name by AudioCraft if it is installed.

    Raises:
        TorchbendError: neither package is installed, there is no such model, or its files cannot
            be read. To open a file runs nothing that is in it.
    """

    _kind = "MusicGen"


class BendedAudioGen(_BendedGenerator):
    """An AudioGen, ready to bend: text to sound; see :class:`BendedMusicGen`."""

    _kind = "AudioGen"
