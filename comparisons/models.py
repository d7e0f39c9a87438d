"""Small models of the architectures that people train, each to be named on the command line."""

from __future__ import annotations

from collections.abc import Callable

from ..reference.layers.avg_pool2d import AvgPool2d
from ..reference.layers.batchnorm2d import BatchNorm2d
from ..reference.layers.conv2d import Conv2d
from ..reference.layers.dense import Dense
from ..reference.layers.embedding import Embedding
from ..reference.layers.flatten import Flatten
from ..reference.layers.gelu import GELU
from ..reference.layers.global_avg_pool2d import GlobalAvgPool2d
from ..reference.layers.layernorm import LayerNorm
from ..reference.layers.learned_positions import LearnedPositions
from ..reference.layers.lstm import LSTM
from ..reference.layers.multi_head_attention import MultiHeadAttention
from ..reference.layers.outputs import Outputs
from ..reference.layers.relu import ReLU
from ..reference.layers.reshape import Reshape
from ..reference.layers.residual import Residual
from ..reference.layers.sequential import Sequential
from ..reference.layers.tanh import Tanh
from ..reference.layers.tied_head import TiedHead
from ..reference.layers.token_mean import TokenMean
from ..reference.layers.transpose import Transpose
from ..reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..reference.protocols import Layer
from . import data
from .named_network import NamedNetwork

RATES = {"sgd": 0.05, "adam": 0.01, "adamw": 0.01}
V = len(data.CHARACTERS)


def lenet() -> NamedNetwork:
    """LeCun et al., "Gradient-based learning applied to document recognition" (1998), figure 2."""
    network = Sequential(
        Conv2d(1, 4, 3, padding=1), Tanh(), AvgPool2d(2),
        Conv2d(4, 8, 3, padding=1), Tanh(), AvgPool2d(2),
        Flatten(), Dense(32, 16), Tanh(), Dense(16, 10),
    )  # fmt: skip
    return _on_digits("lenet", "LeNet: two convolutions with average pooling, on digits", network)


def _normalised(n_in: int, n_out: int, stride: int = 1) -> tuple[Layer, Layer]:
    return Conv2d(n_in, n_out, 3, stride=stride, padding=1), BatchNorm2d(n_out)


def resnet() -> NamedNetwork:
    """He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016), figure 3."""

    def block(n: int) -> Layer:
        return Residual(Sequential(*_normalised(n, n), ReLU(), *_normalised(n, n)))

    network = Sequential(
        *_normalised(1, 4), ReLU(), block(4), ReLU(),
        *_normalised(4, 8, stride=2), ReLU(), block(8), ReLU(),
        GlobalAvgPool2d(), Dense(8, 10),
    )  # fmt: skip
    return _on_digits("resnet", "ResNet: two residual blocks with batch norm, on digits", network)


def transformer_block(n: int, heads: int, causal: bool, wider: int = 2) -> tuple[Layer, Layer]:
    """A transformer block that normalises first: Xiong et al. (2020), figure 1b."""
    attention = MultiHeadAttention(n, heads, causal=causal)
    perceptron = Sequential(LayerNorm(n), Dense(n, wider * n), GELU("tanh"), Dense(wider * n, n))
    return Residual(Sequential(LayerNorm(n), attention)), Residual(perceptron)


def vit() -> NamedNetwork:
    """Dosovitskiy et al., "An image is worth 16x16 words" (2021), equations 1 to 4."""
    network = Sequential(
        Reshape((4, 2, 4, 2)), Transpose((0, 1, 3, 2, 4)), Reshape((16, 4)),  # 2 x 2 patches
        Dense(4, 16), LearnedPositions(16, 16),
        *transformer_block(16, 2, causal=False), *transformer_block(16, 2, causal=False),
        LayerNorm(16), TokenMean(), Dense(16, 10),
    )  # fmt: skip
    return _on_digits("vit", "ViT: patches of 2 x 2, two transformer blocks, on digits", network)


def tagger() -> NamedNetwork:
    """Graves and Schmidhuber, "Framewise phoneme classification with bidirectional LSTM" (2005)."""
    return NamedNetwork(
        "lstm-tagger", "bidirectional LSTM that tags where words begin and end, on a poem",
        Sequential(Embedding(V, 8), Outputs(LSTM(8, 8, bidirectional=True)), Dense(16, 4)),
        SoftmaxCrossEntropy(), data.places_in_words, rates=RATES,
    )  # fmt: skip


def char_lstm() -> NamedNetwork:
    """Graves, "Generating sequences with recurrent neural networks" (2013), section 3."""
    return NamedNetwork(
        "char-lstm", "LSTM that predicts the next character of a poem",
        Sequential(Embedding(V, 8), Outputs(LSTM(8, 16)), Dense(16, V)),
        SoftmaxCrossEntropy(), data.next_characters, rates=RATES,
    )  # fmt: skip


def gpt() -> NamedNetwork:
    """Radford et al., "Language models are unsupervised multitask learners" (2019), section 2.3."""
    body = Sequential(
        LearnedPositions(data.WINDOW, 16), *transformer_block(16, 2, causal=True),
        *transformer_block(16, 2, causal=True), LayerNorm(16),
    )  # fmt: skip
    return NamedNetwork(
        "gpt", "GPT: two causal transformer blocks and a tied head, on a poem",
        TiedHead(V, 16, body), SoftmaxCrossEntropy(), data.next_characters, rates=RATES,
    )  # fmt: skip


def _on_digits(name: str, description: str, network: Layer) -> NamedNetwork:
    return NamedNetwork(
        name, description, network, SoftmaxCrossEntropy(), data.images, rates=RATES,
        needs=("sklearn",),
    )  # fmt: skip


MODELS: dict[str, Callable[[], NamedNetwork]] = {
    "lenet": lenet,
    "resnet": resnet,
    "lstm-tagger": tagger,
    "char-lstm": char_lstm,
    "gpt": gpt,
    "vit": vit,
}
