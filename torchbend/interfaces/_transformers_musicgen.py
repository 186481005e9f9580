"""transformers' MusicGen with the methods of AudioCraft's.

Codes are written by transformers' own ``generate``: with the same seed and settings, its sound,
bit for bit. Only what AudioCraft does around it is here: settings, prompts, and sounds that are
longer than what the model was trained on, which are written in windows.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from torchbend.bending.steps import tell_step
from torchbend.errors import BendingError
from torchbend.interfaces._transformers_names import renamed

__all__ = ["MusicGen"]

_LONGEST_WINDOW = 30.0  # seconds, that MusicGen was trained on


class MusicGen:
    """A MusicGen that plays through transformers.

    Args:
        model: a ``MusicgenForConditionalGeneration``; its modules are renamed in place.
        tokenizer: of its texts.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        config = model.config
        codec: Any
        lm: Any
        codec, lm = renamed(model)
        self.compression_model = codec
        self.lm = lm
        self.writer = _without_weights(model)
        self._tokenizer = tokenizer
        self.device = next(lm.parameters()).device

        self.sample_rate = int(config.audio_encoder.sampling_rate)
        self.frame_rate = float(config.audio_encoder.frame_rate)
        self.audio_channels = int(config.decoder.audio_channels)
        self._codebooks = int(config.decoder.num_codebooks)
        self._delays = self._codebooks // self.audio_channels - 1
        positions = int(config.decoder.max_position_embeddings) - self._delays - 1
        self.max_duration = min(_LONGEST_WINDOW, positions / self.frame_rate)

        # what AudioCraft's own classes tell of themselves
        lm.card = int(config.decoder.vocab_size)
        codec.cardinality = int(config.audio_encoder.codebook_size)
        codec.sample_rate, codec.channels = (
            self.sample_rate,
            int(config.audio_encoder.audio_channels),
        )
        codec.renormalize = bool(config.audio_encoder.normalize)
        codec.num_codebooks = codec.quantizer.num_codebooks = self._codebooks // self.audio_channels
        hop = round(self.sample_rate / self.frame_rate)
        codec.encoder.hop_length = codec.decoder.hop_length = hop

        lm.register_forward_pre_hook(_enter_step, with_kwargs=True)
        self._progress_callback: Callable[[int, int], None] | None = None
        self.set_generation_params(duration=15)

    def set_custom_progress_callback(
        self, progress_callback: Callable[[int, int], None] | None = None
    ) -> None:
        """Tell progress to a function, ``(steps done, steps in all)``, instead of printing it."""
        self._progress_callback = progress_callback

    def set_generation_params(
        self,
        use_sampling: bool = True,
        top_k: int = 250,
        top_p: float = 0.0,
        temperature: float = 1.0,
        duration: float = 30.0,
        cfg_coef: float = 3.0,
        two_step_cfg: bool = False,
        extend_stride: float = 18,
    ) -> None:
        """Set how sound is generated, with AudioCraft's settings and their defaults."""
        if two_step_cfg:
            raise BendingError("transformers runs guidance in one step: leave two_step_cfg False")
        if cfg_coef < 1:
            raise BendingError(
                f"cfg_coef is {cfg_coef}: transformers guides from 1, the text as it is, up"
            )
        self.duration, self.extend_stride = duration, extend_stride
        self._guidance = float(cfg_coef)
        self._settings: dict[str, Any] = {"do_sample": bool(use_sampling and temperature > 0)}
        if self._settings["do_sample"]:
            self._settings.update(
                temperature=float(temperature),
                top_k=0 if top_p > 0 else top_k,
                top_p=float(top_p) if top_p > 0 else 1.0,
            )

    # -- generating --------------------------------------------------------------------
    def generate(
        self, descriptions: Sequence[str], progress: bool = False, return_tokens: bool = False
    ) -> Any:
        """Sound from texts."""
        return self._sound(self._conditions(descriptions), None, progress, return_tokens)

    def generate_unconditional(
        self, num_samples: int, progress: bool = False, return_tokens: bool = False
    ) -> Any:
        """Sound from no text."""
        conditions = dict(self.writer.get_unconditional_inputs(num_samples))
        return self._sound(conditions, None, progress, return_tokens)

    def generate_continuation(
        self,
        prompt: Tensor,
        prompt_sample_rate: int,
        descriptions: Sequence[str | None] | None = None,
        progress: bool = False,
        return_tokens: bool = False,
    ) -> Any:
        """How a sound goes on."""
        sound = self._as_ours(prompt if prompt.ndim == 3 else prompt[None], prompt_sample_rate)
        if descriptions is None or not any(descriptions):
            conditions = dict(self.writer.get_unconditional_inputs(len(sound)))
        else:
            conditions = self._conditions(descriptions)
        return self._sound(conditions, self._encoded(sound), progress, return_tokens)

    @torch.no_grad()
    def generate_audio(self, gen_tokens: Tensor) -> Tensor:
        """Sound of codes ``(sounds, codebooks, frames)``."""
        tell_step(None)
        nothing = [None] * len(gen_tokens)
        sides = [gen_tokens[:, i :: self.audio_channels] for i in range(self.audio_channels)]
        codec = self.compression_model
        heard = [codec.decode(codes[None], audio_scales=nothing).audio_values for codes in sides]
        return torch.cat(heard, 1)

    def _sound(
        self, conditions: Mapping[str, Any], prompt: Tensor | None, progress: bool, tokens: bool
    ) -> Any:
        codes = self._codes(conditions, prompt, progress)
        sound = self.generate_audio(codes)
        return (sound, codes) if tokens else sound

    def _codes(
        self, conditions: Mapping[str, Any], prompt: Tensor | None, progress: bool
    ) -> Tensor:
        total = int(self.duration * self.frame_rate)
        most = int(self.max_duration * self.frame_rate)
        stride = max(1, int(self.extend_stride * self.frame_rate))
        codes, start = prompt, 0
        while True:
            known = None if codes is None else codes[..., start:]
            told = self._told(start) if progress else None
            window = self._window(conditions, known, min(total - start, most), told)
            codes = window if codes is None else torch.cat([codes[..., :start], window], -1)
            if codes.shape[-1] >= total:
                return codes
            start += stride

    def _window(
        self, conditions: Mapping[str, Any], prompt: Tensor | None, frames: int, told: Any
    ) -> Tensor:
        given = 0 if prompt is None else prompt.shape[-1]
        # where there is less, transformers does not delay the codebooks
        new = max(frames, self._delays) - given + self._delays
        inputs = dict(conditions)
        if "guidance_scale" not in inputs:
            inputs["guidance_scale"] = self._guidance
        if prompt is not None:
            inputs["decoder_input_ids"] = prompt.reshape(-1, given)
        if told is not None:
            # asked after each step whether to stop; a streamer is not told by every release
            inputs["stopping_criteria"] = [_Progress(told, new)]
        codes: Tensor = self.writer.generate(**inputs, **self._settings, max_new_tokens=new)
        if self.audio_channels == 2:  # left and right come one behind the other
            left, right = codes.chunk(2, 1)
            codes = torch.stack([left, right], 2).flatten(1, 2)
        return codes[..., :frames]

    def _told(self, start: int) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if self._progress_callback is not None:
                self._progress_callback(start + done, total)
            else:
                sys.stdout.write(f"{start + done: 6d} / {total: 6d}\r")

        return tell

    # -- inputs ------------------------------------------------------------------------
    def _conditions(self, texts: Sequence[str | None]) -> dict[str, Any]:
        read = self._tokenizer([text or "" for text in texts], padding=True, return_tensors="pt")
        mask = read["attention_mask"]
        mask[[i for i, text in enumerate(texts) if not text]] = 0
        ids = read["input_ids"]
        return {"input_ids": ids.to(self.device), "attention_mask": mask.to(self.device)}

    def _as_ours(self, sound: Tensor, rate: int) -> Tensor:
        """A sound at the model's rate and with its channels."""
        if rate != self.sample_rate:
            soxr: Any = importlib.import_module("soxr")
            rows = sound.detach().cpu().float().flatten(0, 1).T.contiguous().numpy()
            new = torch.from_numpy(soxr.resample(rows, rate, self.sample_rate))
            sound = new.reshape(len(new), -1).T.reshape(*sound.shape[:2], -1)
        if sound.shape[1] != self.audio_channels:
            sound = sound.mean(1, keepdim=True).expand(-1, self.audio_channels, -1)
        return sound.to(self.device, next(self.lm.parameters()).dtype)

    @torch.no_grad()
    def _encoded(self, sound: Tensor) -> Tensor:
        sides = [sound[:, i : i + 1] for i in range(self.audio_channels)]
        codes = [self.compression_model.encode(side).audio_codes[0] for side in sides]
        return torch.stack(codes, 2).flatten(1, 2)

    def moved_to(self, device: torch.device) -> None:
        """Tell where the modules have been moved, and bring along what is none of them."""
        self.device = device
        self.writer.text_encoder.to(device, next(self.lm.parameters()).dtype)


# -- what writes the codes -------------------------------------------------------------
def _without_weights(model: Any) -> Any:
    """Let transformers' model run its parts, which are held elsewhere.

    In place of sound it gives the codes, so that they can be given back, too.
    """
    kind = type(model)

    def parameter(self: Any) -> Tensor:
        found: Tensor = next(self.decoder.parameters())
        return found

    model.__class__ = type(
        kind.__name__,
        (kind,),
        {
            "device": property(lambda self: parameter(self).device),
            "dtype": property(lambda self: parameter(self).dtype),
        },
    )
    model.__dict__["audio_encoder"] = _Codes()
    model.text_encoder.requires_grad_(False)
    return model


class _Codes:
    """Stands where transformers asks the codec for sound."""

    def decode(self, audio_codes: Tensor, **_: Any) -> Any:
        """The codes themselves."""
        return SimpleNamespace(audio_values=audio_codes[0])


class _Progress:
    """Is asked by transformers after each step whether to stop, and never wants to."""

    def __init__(self, told: Callable[[int, int], None], steps: int) -> None:
        self._told, self._steps, self._done = told, steps, 0

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        self._done += 1
        self._told(self._done, self._steps)
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def _enter_step(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    sequence = args[0] if args else kwargs["input_ids"]
    past = kwargs.get("past_key_values")
    before = 0 if past is None else int(past.get_seq_length())
    tell_step(before + sequence.shape[-1] - 1)
