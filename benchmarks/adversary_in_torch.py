"""The networks and the training step of `keras_models/gan*.py` in PyTorch, to be timed against.

They read the settings of a preset, as far as the presets use them: square images whose sides can
be halved, transposed convolutions, no residuals.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

SIDE, CLASSES = 28, 10
SPEED = 10.0
"""Of the last offset, as in `keras_models/gan_layers.py`."""


def _halvings(model: dict) -> int:
    side, count = SIDE // model["patch"], 0
    while side > model["coarsest"]:
        side, count = side // 2, count + 1
    return count


def _convolution(inputs: int, outputs: int, size: int, stride: int, bias: bool = True) -> nn.Module:
    size = size if stride > 1 or size % 2 else size - 1
    return nn.Conv2d(inputs, outputs, size, stride, padding=(size - 1) // 2, bias=bias)


def _doubling(inputs: int, outputs: int, size: int, bias: bool) -> nn.Module:
    return nn.ConvTranspose2d(
        inputs, outputs, size, 2, padding=(size - 1) // 2, output_padding=size % 2, bias=bias
    )


class Generator(nn.Module):
    """float32 [batch, latent], int64 [batch] → [batch, 1, 28, 28] in [-1, 1]."""

    def __init__(self, model: dict) -> None:
        """Builds it from the fields of `GANConfig`."""
        super().__init__()
        halvings, size = _halvings(model), model["kernel_size"]
        plain, is_patched = model["normalization"] == "none", model["patch"] > 1
        filters = [*model["generator_filters"], model["patch"] ** 2]
        self.side, self.channels = SIDE // model["patch"] // 2**halvings, filters[0]
        self.embedding = nn.Embedding(CLASSES, model["embedding"])
        width = model["latent"] + model["embedding"]
        self.base = nn.Linear(width, self.side**2 * self.channels, bias=plain)
        steps: list[nn.Module] = []
        last = len(filters) - 1
        for number, (inputs, outputs) in enumerate(pairwise(filters), 1):
            steps += [] if plain else [nn.BatchNorm2d(inputs, momentum=0.1)]
            steps.append(nn.LeakyReLU(model["slope"]))
            bias = plain or number == last
            is_doubling = last - is_patched - halvings < number <= last - is_patched
            make = _doubling if is_doubling else _convolution
            sizes = (size,) if is_doubling else (size, 1)
            steps.append(make(inputs, outputs, *sizes, bias=bias))
        self.steps = nn.Sequential(*steps)
        self.patch = model["patch"]

    def forward(self, latent: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Makes images."""
        x = self.base(torch.cat([latent, self.embedding(label)], 1))
        x = x.view(-1, self.channels, self.side, self.side)
        x = self.steps(x.contiguous(memory_format=torch.channels_last))
        return torch.tanh(functional.pixel_shuffle(x, self.patch).float())


class Discriminator(nn.Module):
    """[batch, 1, 28, 28], int64 [batch] → float32 [batch], logits, and [batch, classes], scores."""

    def __init__(self, model: dict) -> None:
        """Builds it from the fields of `GANConfig`."""
        super().__init__()
        halvings, is_patched = _halvings(model), model["patch"] > 1
        channels, side, steps = model["patch"] ** 2, SIDE // model["patch"], []
        for number, filters in enumerate(model["discriminator_filters"], 1):
            stride = 2 if 0 < number - is_patched <= halvings else 1
            steps.append(_convolution(channels, filters, model["kernel_size"], stride))
            steps.append(nn.LeakyReLU(model["slope"]))
            steps += [nn.Dropout(model["dropout"])] if model["dropout"] else []
            channels, side = filters, side // stride
        self.patch = model["patch"]
        self.steps = nn.Sequential(*steps)
        self.realness = nn.Linear(channels * side**2, 1, bias=False)
        self.class_realness = nn.Linear(channels * side**2, CLASSES, bias=False)
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(
        self, image: torch.Tensor, label: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Judges images."""
        x = functional.pixel_unshuffle(image, self.patch)
        x = self.steps(x.contiguous(memory_format=torch.channels_last)).flatten(1)
        scores = self.class_realness(x)
        score = self.realness(x) + scores.gather(1, label[:, None])
        return score[:, 0].float() + SPEED * self.offset, scores.float()


def _relativistic(real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return functional.softplus(fake - real).mean(), functional.softplus(real - fake).mean()


def _non_saturating(real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    by_judge = functional.softplus(-real) + functional.softplus(fake)
    return by_judge.mean(), functional.softplus(-fake).mean()


LOSSES = {"relativistic": _relativistic, "non_saturating": _non_saturating}


class Game:
    """Both networks, their optimizers, and two ways to train them."""

    def __init__(self, described: dict, *, is_bfloat16: bool) -> None:
        """Builds all; refuses where weights are not as many as in Keras' networks."""
        self.rules, model = described["training"], described["model"]
        self.generator, self.discriminator = (
            network(model).to(memory_format=torch.channels_last)
            for network in (Generator, Discriminator)
        )
        self.makers = list(self.generator.parameters())
        self.judges = list(self.discriminator.parameters())
        counts = [sum(w.numel() for w in network) for network in (self.makers, self.judges)]
        if counts != described["trainable"]:
            raise SystemExit(f"{counts} weights, but Keras has {described['trainable']}")
        self.averages = [weight.detach().clone() for weight in self.makers]
        settings = {"lr": self.rules["learning_rate"], "fused": True}
        settings["betas"] = (self.rules["beta_1"], self.rules["beta_2"])
        self.makers_optimizer = torch.optim.Adam(self.makers, **settings)
        self.judges_optimizer = torch.optim.Adam(self.judges, **settings)
        self.loss, self.latent = LOSSES[self.rules["loss"]], model["latent"]
        self.precision = torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16)
        self.steps = 0

    def two_passes(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """The discriminator learns, then the generator from what it has become; made once."""
        real, twice = self._floats(images), torch.cat([labels, labels])
        with self.precision:
            fake = self.generator(torch.randn(len(real), self.latent), labels)
            seen = torch.cat([real, fake.detach()])
            logits, scores = self.discriminator(seen, twice)
        by_judge, _ = self.loss(*logits.chunk(2))
        by_judge = by_judge + self._by_class(scores[: len(real)], labels)
        self.judges_optimizer.zero_grad()
        by_judge.backward()
        self._penalize(seen, twice)
        self._offset(logits)
        self.judges_optimizer.step()
        for weight in self.judges:
            weight.requires_grad_(False)
        with self.precision:
            made, told = self.discriminator(fake, labels)
        _, by_maker = self.loss(logits.detach().chunk(2)[0], made)
        by_maker = by_maker + self._by_class(told, labels)
        self.makers_optimizer.zero_grad()
        by_maker.backward()
        for weight in self.judges:
            weight.requires_grad_(True)
        self._finish(by_maker)

    def one_pass(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Both learn from one pass, as `keras_models.gan_model.GAN` does."""
        real, twice = self._floats(images), torch.cat([labels, labels])
        with self.precision:
            fake = self.generator(torch.randn(len(real), self.latent), labels)
            seen = torch.cat([real, fake.detach()]).requires_grad_(True)
            logits, scores = self.discriminator(seen, twice)
        free = logits.detach().requires_grad_(True)
        by_judge, by_maker = self.loss(*free.chunk(2))
        (wanted,) = torch.autograd.grad(by_judge, free, retain_graph=True)
        (makers,) = torch.autograd.grad(by_maker, free)
        wanted = torch.cat([wanted[: len(real)], wanted[len(real) :].clamp(min=1e-6 / len(real))])
        self.judges_optimizer.zero_grad()
        of_real, of_fake = (self._by_class(one, labels) for one in scores.chunk(2))
        is_classifying = bool(self.rules["class_weight"])
        torch.autograd.backward(
            [logits, *([of_real] if is_classifying else [])],
            [wanted, *([None] if is_classifying else [])],
            retain_graph=is_classifying,
        )
        weight = (makers / wanted)[len(real) :].view(-1, 1, 1, 1)
        by_fake = seen.grad[len(real) :] * weight
        if is_classifying:
            by_fake += torch.autograd.grad(of_fake, seen)[0][len(real) :]
        self._penalize(seen.detach(), twice)
        self._offset(logits)
        self.judges_optimizer.step()
        self.makers_optimizer.zero_grad()
        fake.backward(by_fake)
        self._finish(by_maker)

    def _by_class(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if not self.rules["class_weight"]:
            return torch.zeros(())
        return self.rules["class_weight"] * functional.cross_entropy(scores, labels)

    def _floats(self, images: torch.Tensor) -> torch.Tensor:
        return images.float() / 127.5 - 1.0

    def _penalize(self, seen: torch.Tensor, labels: torch.Tensor) -> None:
        """R1 and R2, every few steps."""
        if not self.rules["gradient_penalty"] or self.steps % self.rules["penalty_every"]:
            return
        half = len(seen) // 2
        if not self.rules["penalize_fake"]:
            seen, labels = seen[:half], labels[:half]
        images = seen.detach().requires_grad_(True)
        with self.precision:
            logits, _ = self.discriminator(images, labels)
        (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        weight = 0.5 * self.rules["gradient_penalty"] * self.rules["penalty_every"]
        (weight * slopes.float().square().sum() / half).backward()

    def _offset(self, logits: torch.Tensor) -> None:
        """Where the loss leaves the logits' offset free, it follows cross-entropy."""
        if self.rules["loss"] == "relativistic":
            real, fake = logits.detach().chunk(2)
            slope = torch.sigmoid(fake).mean() - torch.sigmoid(-real).mean()
            self.discriminator.offset.grad = slope

    def _finish(self, loss: torch.Tensor) -> None:
        self.makers_optimizer.step()
        if self.rules["average_decay"]:
            torch._foreach_lerp_(self.averages, self.makers, 1.0 - self.rules["average_decay"])
        self.steps += 1
        loss.item()
