"""Train the tiny Whisper anew: `python -m tests.support.models.train_recogniser OUT [--steps N]`. Needs espeak-ng.

Cross-entropy alone learns the sentences by heart without listening, so an auxiliary CTC head on the encoder, thrown
away afterwards, makes it listen from the start. The one beside had 270 steps.
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from ctranslate2.converters.transformers import WhisperLoader
from ctranslate2.specs import whisper_spec
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import WhisperConfig, WhisperForConditionalGeneration
from whisperx.audio import log_mel_spectrogram

from tests.support.models.synthesis import ENGLISH, ENGLISH_VOICES, KOREAN, KOREAN_VOICES, RATE_HZ, speak

WIDTH, LAYERS, HEADS = 64, 2, 2
VOCABULARY = 520  # text tokens; Whisper's own are added
FULL_FRAMES = 3000
WAYS_OF_SPEAKING = ((150, 50), (170, 45), (185, 60))  # words per minute, pitch
STAGES = ((0.4, 24, 1, 6.0), (0.67, 16, 3, 14.0), (1.0, 6, 7, 30.0))  # until (share), batch, sentences, seconds
LANGUAGES = (
    # Whisper's order, which its token numbers follow
    """
    en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml
    cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am
    yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
    """.split()  # noqa: SIM905 - as in the engine's own table
)
Clip = tuple[list[int], NDArray[np.float32]]


def main() -> None:
    """Train, convert to CTranslate2's int8, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=270)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    model = train(tokenizer, arguments.steps)
    convert(model, tokenizer, arguments.out)


def build_tokenizer() -> Tokenizer:
    """Byte-level BPE over the sentences, then Whisper's special tokens in their order without gaps."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, min_frequency=1, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([f" {sentence}" for sentence in (*ENGLISH, *KOREAN)], trainer)
    names = ("endoftext", "startoftranscript", *LANGUAGES)
    tasks = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
    tokenizer.add_special_tokens(
        [AddedToken(f"<|{name}|>", special=True, normalized=False) for name in (*names, *tasks)]
    )
    times = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    tokenizer.add_tokens([AddedToken(time, special=False, normalized=False) for time in times])
    return tokenizer


def clips(tokenizer: Tokenizer) -> dict[str, list[Clip]]:
    """Every sentence by every voice in every way, with its tokens."""
    spoken = {"en": (ENGLISH, ENGLISH_VOICES), "ko": (KOREAN, KOREAN_VOICES)}
    return {
        language: [
            (
                tokenizer.encode(f" {sentence}", add_special_tokens=False).ids,
                speak(sentence, voice, words_per_minute=speed, pitch=pitch).samples,
            )
            for sentence in sentences
            for voice in voices
            for speed, pitch in WAYS_OF_SPEAKING
        ]
        for language, (sentences, voices) in spoken.items()
    }


def window(material: dict[str, list[Clip]], most: int, longest_s: float) -> tuple[str, list[int], NDArray[np.float32]]:
    """Some sentences of one language, faster or slower, louder or softer, with pauses and noise."""
    language = "ko" if random.random() < 0.33 else "en"
    pieces = [np.zeros(int(random.random() ** 2 * RATE_HZ), np.float32)]
    tokens: list[int] = []
    for _ in range(random.randint(1, most)):
        ids, samples = random.choice(material[language])
        places = np.arange(0, len(samples) - 1, random.uniform(0.95, 1.05))
        bent = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
        if sum(map(len, pieces)) + len(bent) > longest_s * RATE_HZ:
            break
        pause = np.zeros(int(random.uniform(0.15, 1.2) * RATE_HZ), np.float32)
        pieces += [bent * random.uniform(0.5, 1.3), pause]
        tokens += ids
    whole = np.concatenate(pieces)[: int(longest_s * RATE_HZ)]
    noise = np.random.standard_normal(len(whole)) * 10 ** random.uniform(-4.5, -2.3)
    return language, tokens, (whole + noise).astype(np.float32)


def batch(
    material: dict[str, list[Clip]], tokenizer: Tokenizer, size: int, most: int, longest_s: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mel frames (batch, 80, frames), decoder input and labels (batch, tokens); -100 is not learned."""
    windows = [window(material, most, longest_s) for _ in range(size)]
    samples = -(-max(len(one[2]) for one in windows) // 320) * 320
    mels = [log_mel_spectrogram(one[2], n_mels=80, padding=samples - len(one[2])) for one in windows]
    mel = torch.stack([one[:, : samples // 160] for one in mels])
    if longest_s == 30.0:  # as Whisper is used: silence up to 30 s
        full = mel.amin(dim=(1, 2), keepdim=True).expand(size, 80, FULL_FRAMES).clone()
        full[:, :, : mel.shape[2]] = mel[:, :, :FULL_FRAMES]
        mel = full
    end = tokenizer.token_to_id("<|endoftext|>")
    longest = max(len(one[1]) for one in windows) + 5
    tokens, labels = torch.full((size, longest), end), torch.full((size, longest), -100)
    for row, (language, ids, _samples) in enumerate(windows):
        prompt = ("startoftranscript", language, "transcribe", "notimestamps")
        line = torch.tensor([*(tokenizer.token_to_id(f"<|{name}|>") for name in prompt), *ids, end])
        tokens[row, : len(line)], labels[row, : len(line) - 1] = line, line[1:]
        labels[row, 1:3] = -100
    return mel, tokens[:, :-1], labels[:, :-1]


def train(tokenizer: Tokenizer, steps: int) -> WhisperForConditionalGeneration:
    """From one sentence to a full 30 s window."""
    model = WhisperForConditionalGeneration(configuration(tokenizer))
    blank = tokenizer.token_to_id("<|endoftext|>")
    listener = torch.nn.Linear(WIDTH, blank + 1)
    parameters = [*model.parameters(), *listener.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.01, betas=(0.9, 0.98))
    material = clips(tokenizer)
    for step in range(1, steps + 1):
        _until, size, most, longest_s = next(stage for stage in STAGES if step <= stage[0] * steps)
        rate = 3e-3 * min(1, step / 60) * (0.485 * (1 + math.cos(math.pi * step / steps)) + 0.03)
        for group in optimizer.param_groups:
            group["lr"] = rate
        mel, tokens, labels = batch(material, tokenizer, size, most, longest_s)
        loss = loss_of(model, listener, mel, tokens, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for one in parameters if one.requires_grad], 1.0)
        optimizer.step()
        if step == 1 or step % 25 == 0:
            sys.stdout.write(f"step {step} of {steps}: loss {loss.item():.3f}\n")
    return model.eval()


def loss_of(
    model: WhisperForConditionalGeneration,
    listener: torch.nn.Linear,
    mel: torch.Tensor,
    tokens: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy, the tokens that only listening can tell (language, first words) weighed up, plus half the CTC."""
    encoder = model.model.encoder
    # the encoder's own forward wants 30 s
    hidden = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(mel)))).permute(0, 2, 1)
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    for layer in encoder.layers:
        found = layer(hidden, attention_mask=None, layer_head_mask=None)
        hidden = found[0] if isinstance(found, tuple) else found
    hidden = encoder.layer_norm(hidden)
    decoded = model.model.decoder(input_ids=tokens, encoder_hidden_states=hidden, use_cache=False).last_hidden_state
    scores = model.proj_out(decoded)
    each = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="none")
    weights = torch.ones(labels.shape)
    weights[:, 0], weights[:, 3], weights[:, 4] = 3, 6, 2
    weights = weights * (labels != -100)
    spoken = (each.view(labels.shape) * weights).sum() / weights.sum()
    blank = listener.out_features - 1
    texts = [line[(line >= 0) & (line < blank)] for line in labels]
    heard = functional.ctc_loss(
        listener(hidden).log_softmax(-1).transpose(0, 1),
        torch.cat(texts),
        torch.full((len(texts),), hidden.shape[1]),
        torch.tensor([len(text) for text in texts]),
        blank=blank,
        zero_infinity=True,
    )
    return spoken + 0.5 * heard


def configuration(tokenizer: Tokenizer) -> WhisperConfig:
    """Two layers of 64 on both sides: 0.9 MB in int8."""
    end = tokenizer.token_to_id("<|endoftext|>")
    return WhisperConfig(
        vocab_size=-(-tokenizer.get_vocab_size() // 8) * 8,
        num_mel_bins=80,
        d_model=WIDTH,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )


def convert(model: WhisperForConditionalGeneration, tokenizer: Tokenizer, out: Path) -> None:
    """Write what CTranslate2 and faster-whisper read, as int8."""
    model.generation_config.suppress_tokens = model.generation_config.begin_suppress_tokens = []
    tokens = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    tokens[0] = ""  # CTranslate2 takes a model for multilingual where there is an empty token
    tokens += [f"<|pad{index}|>" for index in range(model.config.vocab_size - len(tokens))]
    with torch.no_grad():
        spec = WhisperLoader().get_model_spec(model)
    english = tokenizer.token_to_id("<|en|>")
    spec._config = whisper_spec.WhisperConfig(
        suppress_ids=[],
        suppress_ids_begin=[],
        lang_ids=[english + index for index in range(len(LANGUAGES))],
        alignment_heads=[[layer, head] for layer in range(1, LAYERS) for head in range(HEADS)],
    )
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    out.mkdir(parents=True, exist_ok=True)
    spec.save(str(out))
    tokenizer.save(str(out / "tokenizer.json"))
    extractor = {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 80,
        "sampling_rate": RATE_HZ,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
        "nb_max_frames": FULL_FRAMES,
        "n_samples": 30 * RATE_HZ,
    }
    (out / "preprocessor_config.json").write_text(json.dumps(extractor))


if __name__ == "__main__":
    main()
