"""Train the tiny English aligner anew: `python -m tests.support.models.train_aligner OUT [--steps N]`. Needs espeak-ng.

Words are spoken one by one and strung together, so that it is known where each letter sounds; the model learns to fire
at the first frames of each letter. It takes some hundred steps.
"""

import argparse
import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

from tests.support.models.synthesis import ENGLISH, ENGLISH_VOICES, RATE_HZ, speak

FRAMES_PER_S = 50
BATCH = 10
WIDTH = 96
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
SEPARATOR = SPECIAL.index("|")
VOICES = ENGLISH_VOICES[:4]  # the others are for judging
SPEEDS = (155, 180)


@dataclass(frozen=True)
class Example:
    """Sound and, for each word, where it begins and ends."""

    samples: NDArray[np.float32]
    words: tuple[tuple[str, float, float], ...]


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    letters = sorted({letter for sentence in ENGLISH for word in sentence.split() for letter in plain(word)})
    vocabulary = {symbol: number for number, symbol in enumerate((*SPECIAL, *letters))}
    model = train(vocabulary, arguments.steps)
    save(model, vocabulary, arguments.out)


def plain(word: str) -> str:
    """A word as the aligner spells it."""
    return "".join(letter for letter in word.lower() if letter.isalpha() or letter == "'")


def example(rng: random.Random) -> Example:
    """A sentence or a part of one, each word spoken by itself, with pauses and noise."""
    words = rng.choice(ENGLISH).split()
    if rng.random() < 0.5:
        first = rng.randrange(len(words) - 2)
        words = words[first : first + rng.randint(2, 5)]
    voice, speed = rng.choice(VOICES), rng.choice(SPEEDS)
    pieces = [silence(rng.uniform(0.05, 0.4))]
    placed = []
    for word in words:
        clip = speak(plain(word), voice, words_per_minute=speed).samples
        start_s = sum(map(len, pieces)) / RATE_HZ
        placed.append((plain(word), start_s, start_s + len(clip) / RATE_HZ))
        pieces += [clip, silence(rng.uniform(0.02, 0.25))]
    samples = np.concatenate(pieces) * rng.uniform(0.4, 1.3)
    noise = np.random.default_rng(rng.randrange(1 << 30)).standard_normal(len(samples)) * 10 ** rng.uniform(-4.5, -2.5)
    return Example((samples + noise).astype(np.float32), tuple(placed))


def silence(duration_s: float) -> NDArray[np.float32]:
    """Nothing for so long."""
    return np.zeros(int(duration_s * RATE_HZ), np.float32)


def targets(batch: list[Example], frames: int, vocabulary: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Per frame, (batch, frames): the letter that begins there (else blank), and the letter that is being spoken."""
    begun = torch.zeros(len(batch), frames, dtype=torch.long)
    spoken = torch.full((len(batch), frames), len(vocabulary))
    for row, one in enumerate(batch):
        for number, (word, start_s, end_s) in enumerate(one.words):
            edges = [round(edge) for edge in np.linspace(start_s, end_s, len(word) + 1) * FRAMES_PER_S]
            for letter, first, last in zip(word, edges, edges[1:], strict=False):
                spoken[row, first:last] = vocabulary[letter]
                begun[row, first : max(first + 1, min(first + 2, last))] = vocabulary[letter]
            if number + 1 < len(one.words):
                begun[row, edges[-1] : edges[-1] + 1] = SEPARATOR
    return begun, spoken


def train(vocabulary: dict[str, int], steps: int) -> Wav2Vec2ForCTC:
    """Cross-entropy on both targets; the head for the second is thrown away, it makes the network listen."""
    model = Wav2Vec2ForCTC(configuration(len(vocabulary)))
    listener = torch.nn.Linear(WIDTH, len(vocabulary) + 1)
    parameters = [*model.parameters(), *listener.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.01, betas=(0.9, 0.98))
    weights = torch.ones(len(vocabulary))
    weights[0] = 0.4  # most frames are blank
    rng = random.Random(0)
    for step in range(1, steps + 1):
        rate = 3e-3 * min(1, step / 30) * (0.475 * (1 + math.cos(math.pi * step / steps)) + 0.05)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = [example(rng) for _ in range(BATCH)]
        samples = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one.samples) for one in batch], batch_first=True)
        hidden = model.wav2vec2(samples).last_hidden_state
        begun, spoken = targets(batch, hidden.shape[1], vocabulary)
        loss = functional.cross_entropy(model.lm_head(hidden).flatten(0, 1), begun.flatten(), weight=weights)
        loss = loss + 0.5 * functional.cross_entropy(listener(hidden).flatten(0, 1), spoken.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step == 1 or step % 25 == 0:
            sys.stdout.write(f"step {step} of {steps}: loss {loss.item():.3f}\n")
    return model.eval()


def configuration(symbols: int) -> Wav2Vec2Config:
    """Two layers of 96: 0.5 MB in half precision."""
    return Wav2Vec2Config(
        vocab_size=symbols,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        conv_dim=(32, 32, 48, 48, 64, 64, 64),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        apply_spec_augment=False,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def save(model: Wav2Vec2ForCTC, vocabulary: dict[str, int], out: Path) -> None:
    """Write what `Wav2Vec2ForCTC.from_pretrained` and its processor read."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(out / "vocab.json")
    extractor = Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=False)
    Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(out)
    model.half().save_pretrained(out)


if __name__ == "__main__":
    main()
