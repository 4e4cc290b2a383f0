"""The classic model and its training iteration in PyTorch, as fast as it would go.

Channels last, bfloat16 autocast where the CPU has it, real and generated pieces through the critic in one
batch, the fakes of all critic steps in one batch, the penalty's slope written out, fused Adam, compiled
where there is a compiler (it gains a twentieth at most). With ``summed_taps`` it also borrows the lesson's
own way of upsampling.
"""

import itertools
import shutil

import torch
from torch import nn
from torch.nn import functional


class _SameConv2d(nn.Conv2d):
    """4x4 with as much padding as TensorFlow's ``same``: one cell before, two after."""

    def forward(self, x):
        return super().forward(functional.pad(x, (1, 2, 1, 2)))


class _UpsampledConv2d(nn.Conv2d):
    """Repetition, then convolution, at low resolution: ``layer_utils.UpsampleConv2D`` in PyTorch."""

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            even = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], device=x.device)
            odd = torch.tensor([[0.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]], device=x.device)
            phase = torch.stack([even, odd])  # [phase, tap, 4]
            taps = torch.einsum("pab,qcd,oibd->opqiac", phase, phase, self.weight)
            taps = taps.reshape(-1, self.in_channels, 3, 3).contiguous(memory_format=torch.channels_last)
        phases = functional.conv2d(x, taps, padding=1)
        return functional.pixel_shuffle(phases, 2) + self.bias[:, None, None].to(phases.dtype)


class _BatchNorm2d(nn.BatchNorm2d):
    """With Keras' moving variance, which is the batch's own: PyTorch corrects it by n / (n - 1)."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-3, momentum=0.2)

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        kept = (1 - self.momentum) * self.running_var
        y = super().forward(x)
        # Past autograd, which believes that the backward pass needs it.
        self.running_var.data.lerp_(kept, x.shape[1] / x.numel())
        return y


class _Down(nn.Sequential):
    def __init__(self, channels, filters, normalize=True):
        conv = nn.Conv2d(channels, filters, 4, stride=2, padding=1)
        super().__init__(conv, nn.LeakyReLU(0.2), *([_BatchNorm2d(filters)] if normalize else []))


def _upsampled(channels, filters, summed_taps):
    if summed_taps:
        return [_UpsampledConv2d(channels, filters, 4)]
    return [nn.Upsample(scale_factor=2), _SameConv2d(channels, filters, 4)]


class _Up(nn.Sequential):
    def __init__(self, channels, filters, summed_taps):
        upsampled = _upsampled(channels, filters, summed_taps)
        super().__init__(*upsampled, _BatchNorm2d(filters), nn.ReLU())


class Generator(nn.Module):
    def __init__(self, filters, summed_taps):
        super().__init__()
        f = filters
        self.down = nn.ModuleList(
            [_Down(1, f, normalize=False), _Down(f, 2 * f), _Down(2 * f, 4 * f), _Down(4 * f, 8 * f)]
        )
        self.up = nn.ModuleList(
            [_Up(a, b, summed_taps) for a, b in ((8 * f + 512, 4 * f), (8 * f, 2 * f), (4 * f, f))]
        )
        self.last = nn.Sequential(*_upsampled(2 * f, 4, summed_taps))

    def forward(self, melody, noise):
        skips = [melody]
        for block in self.down:
            skips.append(block(skips[-1]))
        x = torch.cat([skips[4], noise.to(skips[4].dtype)], 1)
        for block, skip in zip(self.up, reversed(skips[1:4]), strict=True):
            x = torch.cat([block(x), skip], 1)
        return torch.tanh(self.last(x).float())


class Critic(nn.Module):
    def __init__(self, filters):
        super().__init__()
        sizes = (5, filters, 2 * filters, 4 * filters, 8 * filters)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in itertools.pairwise(sizes)
        )
        self.score = nn.Linear(8 * filters * 2 * 8, 1)

    def forward(self, rolls, melody):
        x = torch.cat([rolls, melody], 1)
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), 0.2)
        x = x.permute(0, 2, 3, 1).flatten(1).float()  # in Keras' order
        with torch.autocast(x.device.type, enabled=False):
            return self.score(x)

    def slope(self, rolls, melody):
        """Give the score's gradient in the rolls, as an expression that can be derived once more.

        The critic is piecewise linear: it takes its layers backward, with the signs of the way forward. A
        second derivative by autograd gives the same, but also walks back through the signs, for nothing.
        """
        signs, x = [], torch.cat([rolls, melody], 1)
        with torch.no_grad():
            for conv in self.convs:
                x = conv(x)
                signs.append(torch.where(x > 0, 1.0, 0.2).to(x.dtype))
                x = x * signs[-1]
        slope = self.score.weight.view(1, *x.shape[2:], -1).permute(0, 3, 1, 2).to(x.dtype)
        kernels = [conv.weight for conv in self.convs]
        kernels[0] = kernels[0][:, : rolls.shape[1]]
        for kernel, sign in zip(reversed(kernels), reversed(signs), strict=True):
            slope = functional.conv_transpose2d(slope * sign, kernel, stride=2, padding=1)
        return slope


class Engine:
    """See ``worker.py`` for what is asked of an engine."""

    def __init__(self, config, precision, summed_taps=False):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.bfloat16 = "bfloat16" in precision
        networks = Generator(config["filters"], summed_taps), Critic(config["filters"])
        self.generator, self.critic = (
            network.to(self.device, memory_format=torch.channels_last) for network in networks
        )
        self._train_generator, self._train_critic_loss = self.generator, self._critic_loss
        if shutil.which("g++") or self.device.type == "cuda":
            self._train_generator = torch.compile(self.generator)
            self._train_critic_loss = torch.compile(self._critic_loss)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 1e-3, (0.5, 0.9), eps=1e-7, fused=True)
            for network in (self.generator, self.critic)
        ]

    def load(self, generator, critic):
        with torch.no_grad():
            for tensor, weight in zip(_in_keras_order(self.generator), generator, strict=True):
                tensor.copy_(_from_keras(weight))
            for tensor, weight in zip(_in_keras_order(self.critic), critic, strict=True):
                tensor.copy_(_from_keras(weight))

    def inspect(self, real, noise, epsilon):
        real, noise, epsilon = map(self._upload, (real, noise, epsilon))
        fake = self._fakes(self.generator, real[:, :1], noise)
        critic_loss = self._critic_loss(real, fake, epsilon, 10.0)
        critic_gradients = torch.autograd.grad(critic_loss, list(self.critic.parameters()))
        kernel = self.critic.convs[1].weight
        (plain,) = torch.autograd.grad(self._critic_loss(real, fake, epsilon, 0.0), kernel)
        generator_loss = self._generator_loss(self.generator, real, noise)
        weights = [w for w in _in_keras_order(self.generator) if w.requires_grad]
        generator_gradients = torch.autograd.grad(generator_loss, weights)
        found = {
            "fakes": fake.permute(0, 2, 3, 1),
            "critic loss": critic_loss,
            "generator loss": generator_loss,
            **{f"critic gradient {i}": _to_keras(g) for i, g in enumerate(critic_gradients)},
            "penalty gradient": _to_keras(critic_gradients[2] - plain),
            **{f"generator gradient {i}": _to_keras(g) for i, g in enumerate(generator_gradients)},
            "moving variance": self.generator.down[3][2].running_var,
        }
        return {name: value.detach().cpu().numpy() for name, value in found.items()}

    def iterate(self, batches):
        *critic_batches, generator_batch = map(self._upload, batches)
        melodies = torch.cat([real[:, :1] for real in critic_batches])
        fakes = self._fakes(self._train_generator, melodies, self._noise(len(melodies)))
        for real, fake in zip(critic_batches, fakes.split(len(generator_batch)), strict=True):
            epsilon = torch.rand((len(real), 1, 1, 1), device=self.device)
            critic_loss = self._train_critic_loss(real, fake, epsilon, 10.0)
            _descend(self.optimizers[1], critic_loss)
        self.critic.requires_grad_(False)
        noise = self._noise(len(generator_batch))
        generator_loss = self._generator_loss(self._train_generator, generator_batch, noise)
        _descend(self.optimizers[0], generator_loss)
        self.critic.requires_grad_(True)
        return critic_loss.item(), generator_loss.item()

    def _upload(self, array):
        """Turn an array [sample, height, width, channel] into a tensor of PyTorch's order, channels last."""
        return torch.as_tensor(array).to(self.device).permute(0, 3, 1, 2)

    def _noise(self, samples):
        noise = torch.empty((samples, 2, 8, 512), device=self.device)
        return nn.init.trunc_normal_(noise, a=-2.0, b=2.0).permute(0, 3, 1, 2)

    def _autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _fakes(self, generator, melody, noise):
        generator.eval()
        with torch.no_grad(), self._autocast():
            return generator(melody, noise)

    def _critic_loss(self, real, fake, epsilon, penalty_weight):
        melody = real[:, :1]
        with self._autocast():
            scores = self.critic(torch.cat([real, fake]), torch.cat([melody, melody]))
            slope = self.critic.slope(epsilon * real + (1 - epsilon) * fake, melody)
        norm = (slope.float().square().sum((1, 2, 3)) + 1e-12).sqrt()
        real_score, fake_score = scores.chunk(2)
        return fake_score.mean() - real_score.mean() + penalty_weight * (norm - 1).square().mean()

    def _generator_loss(self, generator, real, noise):
        generator.train()
        melody = real[:, :1]
        with self._autocast():
            return -self.critic(generator(melody, noise), melody).mean()


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _in_keras_order(network):
    """List the tensors of a network as ``keras.Model.weights`` does."""
    tensors = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            tensors += [module.weight, module.bias]
        elif isinstance(module, nn.BatchNorm2d):
            tensors += [module.weight, module.bias, module.running_mean, module.running_var]
    return tensors


def _from_keras(weight):
    """Turn [height, width, in, out] or [in, out] into PyTorch's [out, in, ...]."""
    weight = torch.as_tensor(weight)
    return weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight.T if weight.ndim == 2 else weight


def _to_keras(weight):
    return weight.permute(2, 3, 1, 0) if weight.ndim == 4 else weight.T if weight.ndim == 2 else weight


def square_matmul(size, precision):
    """Prepare the product of two square matrices: a function without arguments that waits for it."""
    matrix = torch.randn(size, size, device="cuda" if torch.cuda.is_available() else "cpu")
    matrix = matrix.to(torch.bfloat16 if "bfloat16" in precision else torch.float32)
    return lambda: float((matrix @ matrix)[0, 0])
