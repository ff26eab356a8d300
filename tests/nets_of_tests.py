"""Torch modules for tests: each has something that a dense network has not."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    """Images [B, 1, 6, 6]: convolution, batch normalization, dropout of channels."""

    def __init__(self, channels: int = 3, p: float = 0.0, n_outputs: int = 2) -> None:
        super().__init__()
        # A bias in front of normalization has no gradient but rounding, which Adam makes steps of that differ by processor.
        self.conv = nn.Conv2d(1, channels, 3, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout2d(p)
        self.out = nn.Linear(channels * 4, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        a = self.drop(torch.tanh(self.norm(self.conv(x))))
        return self.out(F.avg_pool2d(a, 2).flatten(1))


class Words(nn.Module):
    """Tokens [B, L]: an embedding, attention with dropout of its shares, layer normalization."""

    def __init__(self, n_words: int = 7, width: int = 4, p: float = 0.3, n_outputs: int = 2) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_words, width)
        self.attend = nn.MultiheadAttention(width, 2, dropout=p, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, n_outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        a = self.embed(tokens)
        a = self.norm(a + self.attend(a, a, a, need_weights=False)[0])
        return self.out(a.mean(1))


class Two(nn.Module):
    """Two inputs by name: numbers [B, 3] and a token [B]."""

    def __init__(self, width: int = 4, p: float = 0.2, n_outputs: int = 2) -> None:
        super().__init__()
        self.numbers = nn.Linear(3, width)
        self.token = nn.Embedding(5, width)
        self.out = nn.Linear(width, n_outputs)
        self.p = p

    def forward(self, token: Tensor, numbers: Tensor) -> Tensor:
        a = torch.tanh(self.numbers(numbers) + self.token(token))
        return self.out(F.dropout(a, self.p, self.training))


class Layers(nn.Sequential):
    """What `Dense((5,), "tanh")` is, with dropout where it has it."""

    def __init__(self, n_inputs: int = 3, p: float = 0.0, p_inputs: float = 0.0, n_outputs: int = 2) -> None:
        super().__init__(
            nn.Dropout(p_inputs), nn.Linear(n_inputs, 5), nn.Tanh(), nn.Dropout(p), nn.Linear(5, n_outputs)
        )


class Noisy(nn.Module):
    """Has randomness of its own."""

    def __init__(self, scale: float = 0.1, n_outputs: int = 2) -> None:
        super().__init__()
        self.out = nn.Linear(3, n_outputs)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x + self.scale * torch.randn_like(x) if self.training else x)


class Branching(nn.Module):
    """Looks at its values to decide what to compute."""

    def __init__(self, n_outputs: int = 2) -> None:
        super().__init__()
        self.out = nn.Linear(3, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        a = self.out(x)
        return a if a.sum() > 0 else 2 * a


class Broken(nn.Module):
    """Fails on a batch that holds a large number, as something that looks up a table does."""

    def __init__(self, n_outputs: int = 2) -> None:
        super().__init__()
        self.out = nn.Linear(3, n_outputs)
        self.table = nn.Embedding(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x + self.table(x[:, 0].abs().long()))


class Partly(nn.Module):
    """A frozen layer before one that is trained, and a buffer of whole numbers."""

    def __init__(self, n_outputs: int = 2) -> None:
        super().__init__()
        self.fixed = nn.Linear(3, 4).requires_grad_(False)
        self.out = nn.Linear(4, n_outputs)
        self.register_buffer("order", torch.tensor([2, 0, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.fixed(x[:, self.order])))
