"""Wrong answers that nothing in solutions/ lists: each breaks one clause of a docstring, and has to lose points."""

import math

import torch
from torch import nn

from autograder import misconception


def _both_fans(w):
    if w.dim() < 2:
        raise ValueError
    positions = math.prod(w.shape[2:])
    return w.shape[1] * positions, w.shape[0] * positions


@misconception("glorot_uniform_", "The numbers are stretched until the largest one is exactly the bound.")
def glorot_stretched_to_the_bound(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    with torch.no_grad():
        w.uniform_(-1, 1, generator=generator)
        return w.mul_(bound / w.abs().max())


@misconception("glorot_uniform_", "The sizes of the kernel are added instead of multiplied.")
def glorot_with_the_sum_of_the_kernel(w, gain=1.0, generator=None):
    if w.dim() < 2:
        raise ValueError
    positions = sum(w.shape[2:]) or 1
    bound = gain * math.sqrt(6 / ((w.shape[0] + w.shape[1]) * positions))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("glorot_uniform_", "The mean of the two fans is rounded down.")
def glorot_with_whole_fans(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(3 / (sum(_both_fans(w)) // 2))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("glorot_uniform_", "Recording stays switched off when the shape is refused.", minor=True)
def glorot_leaves_recording_off(w, gain=1.0, generator=None):
    recording = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    w.uniform_(-bound, bound, generator=generator)
    torch.set_grad_enabled(recording)
    return w


@misconception("glorot_uniform_", "The second half of the numbers is the first half with the other sign.")
def glorot_in_pairs_of_both_signs(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    half = torch.empty((w.numel() + 1) // 2, dtype=w.dtype, device=w.device).uniform_(-bound, bound, generator=generator)
    with torch.no_grad():
        w.copy_(torch.cat([half, -half])[: w.numel()].reshape(w.shape))
    return w


@misconception("glorot_uniform_", "A frozen parameter is trainable afterwards.")
def glorot_thaws(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    leaf = isinstance(w, nn.Parameter)
    w.requires_grad_(False).uniform_(-bound, bound, generator=generator)
    return w.requires_grad_(leaf)


@misconception("he_normal_", "The numbers are sums of three uniform ones: the spread is right, and the tails are short.")
def he_from_three_uniform_numbers(w, mode="fan_in", generator=None):
    fans = dict(zip(("fan_in", "fan_out"), _both_fans(w), strict=True))
    if mode not in fans:
        raise ValueError
    total = torch.zeros(w.shape, dtype=w.dtype, device=w.device)
    for _ in range(3):
        total += torch.empty_like(total).uniform_(-1, 1, generator=generator)
    with torch.no_grad():
        return w.copy_(total * math.sqrt(2 / fans[mode]))


@misconception("he_normal_", "The sample is scaled to have exactly the wanted spread, which a single number cannot have.")
def he_with_an_exact_spread(w, mode="fan_in", generator=None):
    fans = dict(zip(("fan_in", "fan_out"), _both_fans(w), strict=True))
    if mode not in fans:
        raise ValueError
    with torch.no_grad():
        w.normal_(generator=generator)
        return w.sub_(w.mean()).mul_(math.sqrt(2 / fans[mode]) / w.std())


@misconception("he_normal_", "Whatever begins with fan_in is taken for it.", minor=True)
def he_by_the_beginning_of_the_mode(w, mode="fan_in", generator=None):
    fan_in, fan_out = _both_fans(w)
    if not mode.startswith(("fan_in", "fan_out")):
        raise ValueError
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / (fan_in if mode.startswith("fan_in") else fan_out)), generator=generator)


@misconception("he_normal_", "The numbers are drawn with the few digits of float16.")
def he_in_half_precision(w, mode="fan_in", generator=None):
    fans = dict(zip(("fan_in", "fan_out"), _both_fans(w), strict=True))
    if mode not in fans:
        raise ValueError
    coarse = torch.empty(w.shape, dtype=torch.float16, device=w.device).normal_(generator=generator)
    with torch.no_grad():
        return w.copy_(coarse.to(w.dtype) * math.sqrt(2 / fans[mode]))


@misconception("he_normal_", "The tails are cut off at three standard deviations.")
def he_without_far_tails(w, mode="fan_in", generator=None):
    fans = dict(zip(("fan_in", "fan_out"), _both_fans(w), strict=True))
    if mode not in fans:
        raise ValueError
    std = math.sqrt(2 / fans[mode])
    with torch.no_grad():
        w.normal_(0, std, generator=generator)
        while (outside := w.abs() > 3 * std).any():
            w[outside] = w[outside].normal_(0, std, generator=generator)
        return w


def _set_up(model, seed, is_dense, is_norm):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if is_dense(module):
                module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.02, generator=generator)
            elif is_norm(module) and module.affine:
                module.weight.fill_(1)
                module.bias.zero_()


def _dense(module):
    return isinstance(module, nn.Linear | nn.Conv2d)


def _norm(module):
    return isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)


@misconception("init_model_", "Layers are known by the name of their class, which another class may have as well.")
def model_by_class_names(model, seed):
    _set_up(model, seed, lambda module: type(module).__name__ in ("Linear", "Conv2d"), _norm)


@misconception("init_model_", "InstanceNorm and its like are taken for BatchNorm.")
def model_with_every_norm(model, seed):
    _set_up(model, seed, _dense, lambda module: isinstance(module, nn.modules.batchnorm._NormBase))


@misconception("init_model_", "Convolutions of one and three dimensions are initialised, too.")
def model_with_every_convolution(model, seed):
    convolutions = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    _set_up(model, seed, lambda module: isinstance(module, convolutions), _norm)


@misconception("init_model_", "Every parameter called bias becomes 0.")
def model_with_every_bias_at_zero(model, seed):
    _set_up(model, seed, _dense, _norm)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.zero_()


@misconception("init_model_", "The global generator is seeded, and afterwards seeded with chance instead of put back.")
def model_with_a_new_global_state(model, seed):
    torch.manual_seed(seed)
    state = torch.get_rng_state()
    _set_up(model, int(state.sum()) * 100_003 + seed, _dense, _norm)
    torch.seed()


@misconception("init_model_", "Each layer's generator starts from its shape and the seed: equal shapes get equal numbers.")
def model_with_seeds_by_shape(model, seed):
    _set_up(model, seed, lambda module: False, _norm)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
                generator = torch.Generator().manual_seed(seed * 1_000_003 + module.weight.numel())
                std = 0.02 if isinstance(module, nn.Embedding) else math.sqrt(2 / module.weight[0].numel())
                module.weight.normal_(0, std, generator=generator)
                if getattr(module, "bias", None) is not None:
                    module.bias.zero_()


@misconception("init_model_", "The parameters lose their dtype: float64 becomes float32.")
def model_in_float32(model, seed):
    _set_up(model, seed, _dense, _norm)
    model.float()


@misconception("trunc_normal_", "The limits come from the spread of the numbers drawn, not from std.")
def truncated_by_the_measured_spread(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        limit = 2 * w.std()
        while (outside := (w - mean).abs() > limit).any():
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "A tensor without elements never gets as far as the look at std.", minor=True)
def truncated_with_nothing_to_refuse(w, mean=0.0, std=1.0, generator=None):
    if w.numel() == 0:
        return w
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean).abs() > 2 * std).any():
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "Numbers outside are exchanged for numbers inside that are there already.")
def truncated_with_borrowed_numbers(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        outside = (w - mean).abs() > 2 * std
        inside = w[~outside]
        if inside.numel() == 0:
            return w.fill_(mean)
        w[outside] = inside.repeat(2)[: int(outside.sum())]
        return w


@misconception("trunc_normal_", "Numbers outside come back with the sign of their own tail.")
def truncated_within_one_tail(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean).abs() > 2 * std).any():
            again = w[outside].normal_(0, std, generator=generator).abs()
            w[outside] = mean + again.clamp(max=1.99 * std)
        return w


@misconception("trunc_normal_", "The parameter's flag is lost where it is a parameter that requires grad.")
def truncated_frozen(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    w.requires_grad_(False).normal_(mean, std, generator=generator)
    while (outside := (w - mean).abs() > 2 * std).any():
        w[outside] = w[outside].normal_(mean, std, generator=generator)
    return w


def fans(w):
    if w.dim() < 2:
        raise ValueError
    r = math.prod(w.shape[2:])
    return w.shape[1] * r, w.shape[0] * r


@misconception("glorot_uniform_", "It multiplies what is there by 0, which nan survives.")
def g_mul(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(fans(w)))
    with torch.no_grad():
        u = torch.rand(w.shape, generator=generator, device=w.device, dtype=torch.float32).to(w.dtype)
        return w.mul_(0).add_(u).mul_(2 * a).sub_(a)


@misconception("glorot_uniform_", "It throws away w's .grad.")
def g_grad(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(fans(w)))
    w.grad = None
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "A gain of 0 counts as none.")
def g_gain_or(w, gain=1.0, generator=None):
    a = (gain or 1.0) * math.sqrt(6 / sum(fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


def m_reset_ok(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d)):
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, math.sqrt(2 / m.weight[0].numel()), generator=g))
                if m.bias is not None:
                    m.bias.zero_()
            elif isinstance(m, nn.Embedding):
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, 0.02, generator=g))
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) and m.affine:
                m.weight.fill_(1)
                m.bias.zero_()


@misconception("init_model_", "Only the seed's last byte counts.")
def m_small_seed(model, seed):
    m_reset_ok(model, seed % 256)


@misconception("init_model_", "Grouped convolutions are taken for plain ones.")
def m_groups(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, nn.Linear):
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, math.sqrt(2 / m.in_features), generator=g))
                if m.bias is not None:
                    m.bias.zero_()
            elif isinstance(m, nn.Conv2d):
                fan = m.in_channels * math.prod(m.kernel_size)
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, math.sqrt(2 / fan), generator=g))
                if m.bias is not None:
                    m.bias.zero_()
            elif isinstance(m, nn.Embedding):
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, 0.02, generator=g))
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) and m.affine:
                m.weight.fill_(1)
                m.bias.zero_()


@misconception("init_model_", "It multiplies the old weights by 0, which nan survives.")
def m_reset(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d)):
                m.weight.mul_(0).add_(
                    torch.empty(m.weight.shape).normal_(0, math.sqrt(2 / m.weight[0].numel()), generator=g)
                )
                if m.bias is not None:
                    m.bias.mul_(0)
            elif isinstance(m, nn.Embedding):
                m.weight.copy_(torch.empty(m.weight.shape).normal_(0, 0.02, generator=g))
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) and m.affine:
                m.weight.fill_(1)
                m.bias.zero_()


@misconception("glorot_uniform_", "Half precisions are refused.")
def glorot_in_wide_dtypes_only(w, gain=1.0, generator=None):
    if w.dtype not in (torch.float32, torch.float64):
        raise TypeError
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("he_normal_", "Half precisions are left as they are.")
def he_without_half_precisions(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    fan = _both_fans(w)[mode == "fan_out"]
    with torch.no_grad():
        return w if w.dtype in (torch.float16, torch.bfloat16) else w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "Numbers beyond three standard deviations are cut off.")
def he_without_tails(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    std = math.sqrt(2 / _both_fans(w)[mode == "fan_out"])
    with torch.no_grad():
        return w.normal_(0, std, generator=generator).clamp_(-3 * std, 3 * std)


@misconception("init_model_", "The kernels of a Conv2d are taken for squares.")
def model_with_square_kernels(model, seed):
    _set_up(model, seed, _dense, _norm)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                height, width = module.kernel_size
                module.weight.mul_(math.sqrt(width / height))


def _evenly_spread(w, generator):
    """One number in each of as many equal parts of (0, 1) as w has entries, in random order."""
    count, kind = w.numel(), {"dtype": torch.float64, "device": w.device, "generator": generator}
    shares = (torch.arange(count, dtype=torch.float64, device=w.device) + torch.rand(count, **kind)) / count
    return shares[torch.randperm(count, generator=generator, device=w.device)].reshape(w.shape)


def _he_std(w, mode):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    return math.sqrt(2 / _both_fans(w)[mode == "fan_out"])


@misconception("glorot_uniform_", "One number is drawn from each of as many equal parts as there are entries.")
@torch.no_grad()
def glorot_from_equal_parts(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    return w.copy_((2 * _evenly_spread(w, generator) - 1) * bound)


@misconception("glorot_uniform_", "The numbers are a quasi-random sequence in random order.")
@torch.no_grad()
def glorot_by_sobol(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_both_fans(w)))
    seed = torch.randint(2**31, (), generator=generator).item()
    shares = torch.quasirandom.SobolEngine(1, scramble=True, seed=seed).draw(w.numel(), dtype=torch.float64).flatten()
    return w.copy_((2 * shares[torch.randperm(w.numel(), generator=generator)].reshape(w.shape) - 1) * bound)


@misconception("he_normal_", "One number is drawn from each of as many equally likely parts as there are entries.")
@torch.no_grad()
def he_from_equal_parts(w, mode="fan_in", generator=None):
    return w.copy_(torch.special.ndtri(_evenly_spread(w, generator)) * _he_std(w, mode))


@misconception("he_normal_", "Every row has one number from each of as many equally likely parts as it has entries.")
@torch.no_grad()
def he_from_equal_parts_by_row(w, mode="fan_in", generator=None):
    std = _he_std(w, mode)
    for row in w:
        row.copy_(torch.special.ndtri(_evenly_spread(row, generator)) * std)
    return w


@misconception("he_normal_", "Every sample of more than one number is scaled to have exactly the wanted spread.")
@torch.no_grad()
def he_with_an_exact_spread_where_possible(w, mode="fan_in", generator=None):
    std = _he_std(w, mode)
    w.normal_(0, std, generator=generator)
    return w.mul_(std / w.std()) if w.numel() > 1 else w


@misconception("he_normal_", "The second half of the rows is the first half with the other sign.")
@torch.no_grad()
def he_in_rows_of_both_signs(w, mode="fan_in", generator=None):
    w.normal_(0, _he_std(w, mode), generator=generator)
    half = len(w) // 2
    w[half : 2 * half] = -w[:half]
    return w


@misconception("he_normal_", "The numbers are sums of twelve uniform ones, whose far tails are thin.")
@torch.no_grad()
def he_from_twelve_uniform_numbers(w, mode="fan_in", generator=None):
    kind = {"dtype": torch.float64, "device": w.device, "generator": generator}
    return w.copy_((sum(torch.rand(w.shape, **kind) for _ in range(12)) - 6) * _he_std(w, mode))


@misconception("trunc_normal_", "One number is drawn from each of as many equally likely parts as there are entries.")
@torch.no_grad()
def truncated_from_equal_parts(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    low, high = torch.special.ndtr(torch.tensor([-2.0, 2.0], dtype=torch.float64)).tolist()
    return w.copy_(mean + std * torch.special.ndtri(low + (high - low) * _evenly_spread(w, generator)))


@misconception("init_model_", "Only the last sixteen bits of the seed count.")
def model_by_sixteen_bits(model, seed):
    m_reset_ok(model, seed % 2**16)


@misconception("init_model_", "Only the last six digits of the seed count.")
def model_by_six_digits(model, seed):
    m_reset_ok(model, seed % 10**6)


def _adjusted(model, seed, adjust):
    m_reset_ok(model, seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                adjust(module.weight, math.sqrt(2 / module.weight[0].numel()))
            elif isinstance(module, nn.Embedding):
                adjust(module.weight, 0.02)


@misconception("init_model_", "Every weight is scaled to have exactly the wanted spread.")
def model_with_exact_spreads(model, seed):
    _adjusted(model, seed, lambda weight, std: weight.mul_(std / weight.std()))


@misconception("init_model_", "Every weight is moved to have exactly the mean 0.")
def model_with_exact_means(model, seed):
    _adjusted(model, seed, lambda weight, std: weight.sub_(weight.mean()))
