"""Wrong solutions that students write, each with the sentence that helps."""

import math

import torch
from torch import nn

from autograder import misconception


def _fans(w):
    if w.dim() < 2:
        raise ValueError
    positions = math.prod(w.shape[2:])
    return w.shape[1] * positions, w.shape[0] * positions


def _he_std(w, mode):
    fan_in, fan_out = _fans(w)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    return math.sqrt(2 / (fan_in if mode == "fan_in" else fan_out))


@misconception("predicted_fans", "Both numbers are right, but which one counts the terms in the sum for a single output?")
def other_way_round():
    return 576, 144


@misconception("predicted_fans", "How many numbers does one output of this layer add up? Think of how many pixels it sees.")
def channels_only():
    return 16, 64


@misconception("predicted_fans", "A kernel of size 3 has a height and a width.")
def one_side_of_the_kernel():
    return 48, 192


@misconception("predicted_fans", "Does the number of pixels involved affect only one of the two fans?")
def kernel_for_fan_in_only():
    return 144, 64


@misconception("predicted_fans", "One output sees 16 channels, but how many pixels in each of them?")
def kernel_for_fan_out_only():
    return 16, 576


@misconception("predicted_bound", "Which of the layer's two sizes is the number of its inputs?")
def from_fan_out():
    return 0.2


@misconception("predicted_bound", "This is what He's method would use. The text gives another formula for a fresh layer.")
def bound_of_he():
    return math.sqrt(6 / 400)


@misconception("predicted_bound", "This is Glorot's bound. Does the formula for a fresh layer mention both fans?")
def bound_of_glorot():
    return math.sqrt(6 / 425)


@misconception("predicted_bound", "There is a square root in the formula. What does the text say b is for 100 inputs?")
def without_the_root():
    return 1 / 400


@misconception(
    "predicted_bound", "This is the standard deviation of the weights. How far do uniform numbers with that spread reach?"
)
def standard_deviation():
    return 0.05 / math.sqrt(3)


@misconception(
    "glorot_uniform_", "Your largest value is too small: is the formula you used a bound or a standard deviation?"
)
def std_as_bound(w, gain=1.0, generator=None):
    a = gain * math.sqrt(2 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Your bound is too large for a convolution: how many inputs does one output see?")
def no_kernel(w, gain=1.0, generator=None):
    if w.dim() < 2:
        raise ValueError
    a = gain * math.sqrt(6 / (w.shape[0] + w.shape[1]))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Not every kernel is a square; try weights of shape (8, 4, 3) and (8, 4, 3, 5).")
def square_kernels_only(w, gain=1.0, generator=None):
    if w.dim() < 2:
        raise ValueError
    positions = w.shape[2] ** 2 if w.dim() > 2 else 1
    a = gain * math.sqrt(6 / ((w.shape[0] + w.shape[1]) * positions))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "The caller's tensor still holds its old values.")
def new_tensor(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return torch.empty_like(w).uniform_(-a, a, generator=generator)


@misconception(
    "glorot_uniform_", "Try the weight of an nn.Linear: may you change such a tensor in place while PyTorch is recording?"
)
def while_recording(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "The spread is right; draw a histogram and look at its shape.")
def normal_numbers(w, gain=1.0, generator=None):
    std = gain * math.sqrt(2 / sum(_fans(w)))
    with torch.no_grad():
        return w.normal_(0, std, generator=generator)


@misconception("glorot_uniform_", "Are there negative numbers among your weights?")
def positive_numbers_only(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(0, a, generator=generator)


@misconception("glorot_uniform_", "One argument makes no difference to your function: call it with gain=2.0.")
def forgets_the_gain(w, gain=1.0, generator=None):
    a = math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Where is the gain in the formula: outside the root, or under it?")
def gain_under_the_root(w, gain=1.0, generator=None):
    a = math.sqrt(gain * 6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Your bound depends on only one side of the layer. Which two numbers does Glorot add up?")
def fan_in_only(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / _fans(w)[0])
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "You count all the weights of the layer. How many of them belong to a single output?")
def counts_all_weights(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / (w.numel() if sum(_fans(w)) else 1))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Check which parts of the formula are under the root.")
def six_beside_the_root(w, gain=1.0, generator=None):
    a = gain * 6 / math.sqrt(sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Compare the rows of your weight with each other.")
def one_row_for_all(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.copy_(torch.empty_like(w[0]).uniform_(-a, a, generator=generator).expand_as(w))


@misconception("glorot_uniform_", "Your bound is too small for a convolution: how many times do you count the kernel?")
def kernel_twice(w, gain=1.0, generator=None):
    positions = math.prod(w.shape[2:])
    a = gain * math.sqrt(6 / (sum(_fans(w)) * positions))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "You were given a generator. Does the call that draws the numbers know about it?")
def forgets_the_generator(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a)


@misconception(
    "glorot_uniform_", "A generator continues from where it is. Fill two weights with the same one and compare them."
)
def starts_the_generator_again(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    if generator is not None:
        generator = torch.Generator(w.device).manual_seed(generator.initial_seed())
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Your call restarts everyone's random numbers. Who owns the global generator?")
def seeds_the_global_generator(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    if generator is not None:
        torch.manual_seed(generator.initial_seed())
    with torch.no_grad():
        return w.uniform_(-a, a)


@misconception(
    "glorot_uniform_",
    "Call your function twice without a generator and compare: a new generator always starts from the same seed.",
)
def always_a_generator_of_its_own(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator or torch.Generator(w.device))


@misconception(
    "glorot_uniform_", "What would the fan-in of a bias be? A tensor that is not (out, in, ...) has none.", minor=True
)
def accepts_vectors(w, gain=1.0, generator=None):
    fan_out = w.shape[0] if w.dim() else 1
    fan_in = w[0].numel() if w.dim() and w.shape[0] else 1
    a = gain * math.sqrt(6 / (fan_in + fan_out * math.prod(w.shape[2:])))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "A missing index raises an exception, but not the one the docstring asks for.", minor=True)
def lets_the_index_fail(w, gain=1.0, generator=None):
    positions = math.prod(w.shape[2:])
    a = gain * math.sqrt(6 / ((w.shape[1] + w.shape[0]) * positions))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "w is filled, but what does your function return?")
def returns_nothing(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Pass in an nn.Parameter and look at what comes back: is it the same object?")
def returns_data(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return w.data.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "After your call, the parameter is no longer trained: look at its requires_grad.")
def switches_gradients_off(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return w.requires_grad_(False).uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "The docstring says which module is not available in this task.")
def by_nn_init(w, gain=1.0, generator=None):
    if w.dim() < 2:
        raise ValueError
    return nn.init.xavier_uniform_(w, gain, generator=generator)


@misconception("he_normal_", "With 400 outputs and 50 inputs, the spread is off: which dimension counts the inputs?")
def swapped(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    std = _he_std(w, "fan_out" if mode == "fan_in" else "fan_in")
    with torch.no_grad():
        return w.normal_(0, std, generator=generator)


@misconception(
    "he_normal_",
    "Your spread suits a layer without ReLU. ReLU loses half of the signal: which factor makes up for that?",
)
def no_gain(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode) / math.sqrt(2), generator=generator)


@misconception("he_normal_", "The spread is right, the shape is not: no value is beyond 1.8 standard deviations.")
def uniform(w, mode="fan_in", generator=None):
    bound = math.sqrt(3) * _he_std(w, mode)
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("he_normal_", "He's formula already contains the gain for ReLU. How many times do you apply it?")
def gain_twice(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2) * _he_std(w, mode), generator=generator)


@misconception("he_normal_", "Your numbers have no tails. Does the docstring ask you to cut them off?")
def cuts_off_the_tails(w, mode="fan_in", generator=None):
    std = _he_std(w, mode)
    with torch.no_grad():
        w.normal_(0, std, generator=generator)
        while (outside := w.abs() > 2 * std).any():
            w[outside] = w[outside].normal_(0, std, generator=generator)
        return w


@misconception("he_normal_", "Call your function twice without a generator and compare the weights.")
def he_with_a_generator_of_its_own(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode), generator=generator or torch.Generator(w.device).manual_seed(0))


@misconception("he_normal_", "The modes are two exact words. What does your function do with 'FAN_IN'?", minor=True)
def modes_in_capitals(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode.lower()), generator=generator)


@misconception("he_normal_", "Your numbers are far too small: does normal_ expect the variance or the standard deviation?")
def variance_as_std(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode) ** 2, generator=generator)


@misconception(
    "he_normal_", "One argument makes no difference to your function: compare both modes on a weight of shape (400, 50)."
)
def forgets_the_mode(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    with torch.no_grad():
        return w.normal_(0, _he_std(w, "fan_in"), generator=generator)


@misconception("he_normal_", "What does your function do with a misspelt mode?", minor=True)
def accepts_any_mode(w, mode="fan_in", generator=None):
    std = _he_std(w, "fan_in" if mode == "fan_in" else "fan_out")
    with torch.no_grad():
        return w.normal_(0, std, generator=generator)


@misconception("he_normal_", "A missing dict key raises an exception, but not the one the docstring asks for.", minor=True)
def lets_the_key_fail(w, mode="fan_in", generator=None):
    fan_in, fan_out = _fans(w)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[mode]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "The numbers are too large for a convolution: how many inputs does one output see?")
def without_the_kernel(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / w.shape[1 if mode == "fan_in" else 0]), generator=generator)


@misconception("he_normal_", "Which position in a convolution's shape holds the input channels? Try (64, 16, 3, 3).")
def counts_from_the_end(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    fan = w.shape[-1] if mode == "fan_in" else w.shape[0]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "Only one of your two fans includes the kernel. Does the other one depend on it too?")
def kernel_in_fan_in_only(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    fan = w[0].numel() if mode == "fan_in" else w.shape[0]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "This is Glorot's standard deviation. How many fans does He's formula use?")
def glorots_std(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / sum(_fans(w))), generator=generator)


@misconception(
    "he_normal_", "Try the weight of an nn.Linear: may you change such a tensor in place while PyTorch is recording?"
)
def recorded(w, mode="fan_in", generator=None):
    return w.normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "The caller's tensor still holds its old values.")
def gives_a_new_tensor(w, mode="fan_in", generator=None):
    return torch.empty_like(w).normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "You were given a generator. Does the call that draws the numbers know about it?")
def without_the_generator(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode))


@misconception("he_normal_", "w is filled, but what does your function return?")
def he_returns_nothing(w, mode="fan_in", generator=None):
    with torch.no_grad():
        w.normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "What would the fan-in of a bias be? A tensor that is not (out, in, ...) has none.", minor=True)
def he_of_a_vector(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    fan = w[0].numel() if mode == "fan_in" and w.dim() else w.shape[0] * math.prod(w.shape[2:]) if w.dim() else 1
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "The docstring says which module is not available in this task.")
def he_by_nn_init(w, mode="fan_in", generator=None):
    if w.dim() < 2 or mode not in ("fan_in", "fan_out"):
        raise ValueError
    return nn.init.kaiming_normal_(w, mode=mode, nonlinearity="relu", generator=generator)


def _initialise(modules, generator_of, *, std=lambda w: math.sqrt(2 / w[0].numel()), linear=(nn.Linear, nn.Conv2d)):
    with torch.no_grad():
        for module in modules:
            if isinstance(module, linear):
                module.weight.normal_(0, std(module.weight), generator=generator_of())
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.affine:
                module.weight.fill_(1)
                module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.02, generator=generator_of())


@misconception("init_model_", "Your call restarts everyone else's random numbers from the same seed.")
def manual_seed(model, seed):
    torch.manual_seed(seed)
    _initialise(model.modules(), lambda: None)


@misconception("init_model_", "You never use the seed: initialise two models with the same one and compare them.")
def without_the_seed(model, seed):
    _initialise(model.modules(), lambda: None)


@misconception("init_model_", "Whatever the seed, your generator starts from the same place.")
def always_the_same_seed(model, seed):
    generator = torch.Generator().manual_seed(0)
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "Your function never reaches layers inside a nested Sequential.")
def children_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.children(), lambda: generator)


@misconception("init_model_", "Two layers of the same shape got the same numbers: how many times do you seed the generator?")
def seeds_for_each_layer(model, seed):
    _initialise(model.modules(), lambda: torch.Generator().manual_seed(seed))


@misconception("init_model_", "An optimizer created before this call now trains parameters that are no longer in the model.")
def new_parameters(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight = nn.Parameter(module.weight.detach().clone(), requires_grad=module.weight.requires_grad)


@misconception("init_model_", "A rule based on the number of dimensions also changes parameters you should leave alone.")
def by_dim(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, math.sqrt(2 / parameter[0].numel()), generator=generator)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.fill_(1)
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.02, generator=generator)


@misconception("init_model_", "Which layers does the docstring name? You also changed one that it does not.")
def similar_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Bilinear)
    _initialise(model.modules(), lambda: generator, linear=layers)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
                module.weight.fill_(1)
                module.bias.zero_()


@misconception("init_model_", "Does your function handle convolutions? Look at the spread of their weights.")
def linear_layers_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, linear=nn.Linear)


@misconception("init_model_", "The convolutions' weights are too large: how many inputs does one of their outputs see?")
def convolutions_without_kernel(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / w.shape[1]))


@misconception("init_model_", "The spread fits a layer the other way round: which dimension of a weight counts the inputs?")
def by_fan_out(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / w[:, 0].numel()))


@misconception("init_model_", "N(0, v) has variance v. Does normal_ expect the variance or the standard deviation?")
def variances_as_stds(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: 2 / w[0].numel())


@misconception("init_model_", "The spread is right; draw a histogram of one weight and look at its shape.")
def uniform_weights(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)


@misconception("init_model_", "Not every layer has a bias: what is there instead, and can you set it to zero?")
def expects_a_bias(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
                module.bias.zero_()
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "A BatchNorm layer may have no weight: what does your function do with affine=False?")
def expects_affine(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data.fill_(1)
            module.bias.data.zero_()
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "You drew new weights, but what about the biases next to them?")
def forgets_biases(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.data.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
    _initialise(model.modules(), lambda: generator, linear=())


@misconception("init_model_", "Which layer named in the docstring does your function leave unchanged?")
def forgets_norms(model, seed):
    generator = torch.Generator().manual_seed(seed)
    others = [module for module in model.modules() if not isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    _initialise(others, lambda: generator)


@misconception("init_model_", "The docstring names two kinds of BatchNorm. You also changed a third one.")
def every_batch_norm(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.weight.data.fill_(1)
            module.bias.data.zero_()


@misconception("init_model_", "Your spread suits a layer without ReLU: is there a 2 in your formula?")
def without_the_two(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(1 / w[0].numel()))


@misconception("init_model_", "Biases are not random. What value should they have?")
def draws_biases(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and module.bias is not None:
            module.bias.data.normal_(0, 0.01, generator=generator)


@misconception("init_model_", "Your weights depend on both fans. Which one does the docstring name?")
def by_both_fans(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / (w[0].numel() + w[:, 0].numel())))


@misconception("init_model_", "The docstring has a separate rule for embeddings.")
def embeddings_like_linear_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, linear=(nn.Linear, nn.Conv2d))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, math.sqrt(2 / module.weight.shape[1]), generator=generator)


@misconception("init_model_", "The docstring says 0.02**2, and that is a variance.")
def embeddings_by_variance(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.02**2, generator=generator)


@misconception("init_model_", "The statistics collected by the BatchNorm layers are gone. Are those parameters?")
def resets_statistics(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_parameters()


@misconception("init_model_", "What happened to the frozen layers? The docstring makes no exception for them.")
def skips_frozen_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    trainable = [module for module in model.modules() if all(p.requires_grad for p in module.parameters(recurse=False))]
    _initialise(trainable, lambda: generator)


@misconception("init_model_", "A layer that was frozen before your call is trainable after it.")
def unfreezes(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    model.requires_grad_(True)


@misconception("init_model_", "Everything is initialised correctly. Now read what the function should return.")
def returns_the_model(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    return model


@misconception(
    "init_model_", "A model's parameters are leaves that require grad: may you fill them while PyTorch is recording?"
)
def model_while_recording(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)


@misconception("init_model_", "What happens with a model that is itself a layer, like nn.Linear(3, 2)?")
def below_the_top_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise([module for module in model.modules() if module is not model], lambda: generator)


@misconception(
    "trunc_normal_", "Count the values that lie exactly on a limit: clamping moves the tails instead of drawing again."
)
def clamp(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        return w.normal_(mean, std, generator=generator).clamp_(mean - 2 * std, mean + 2 * std)


@misconception("trunc_normal_", "Dividing by the largest value shrinks all the others: the spread is far too small.")
def rescale(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(0, 1, generator=generator)
        return w.mul_(2 * std / w.abs().max().clamp(min=2) if w.numel() else 1).add_(mean)


def _truncated(w, generator):
    w.normal_(0, 1, generator=generator)
    while (outside := w.abs() > 2).any():
        w[outside] = torch.empty(int(outside.sum()), dtype=w.dtype).normal_(generator=generator)


@misconception(
    "trunc_normal_",
    "Truncating makes the spread smaller than std, as it should. You scaled it back up and left the allowed interval.",
)
def restd(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std / 0.8796).add_(mean)


@misconception(
    "trunc_normal_",
    "Some numbers still lie outside. If you draw outliers again: what guarantees that the second draw lies inside?",
    also_true_of=("one_side_only",),
)
def draws_again_once(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        outside = (w - mean).abs() > 2 * std
        w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception(
    "trunc_normal_",
    "Where do your outliers end up, and where would numbers drawn again from the same distribution land?",
    also_true_of=("wraps_around", "outliers_uniform", "draws_again_once"),
)
def folds_the_tails_back(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(0, 1, generator=generator)
        folded = torch.where(w.abs() > 2, 4 * w.sign() - w, w).clamp(-2, 2)
        return w.copy_(folded * std + mean)


@misconception(
    "trunc_normal_",
    "Is where your outliers end up as likely as where numbers drawn again would?",
    also_true_of=("folds_the_tails_back", "outliers_uniform"),
)
def wraps_around(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(0, 1, generator=generator)
        return w.copy_((torch.remainder(w + 2, 4) - 2) * std + mean)


@misconception("trunc_normal_", "normal_ takes a standard deviation. What do you pass? Try std=0.5.")
def variance_for_std(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std**2, generator=generator)
        for _ in range(50):
            outside = (w - mean).abs() > 2 * std
            w[outside] = w[outside].normal_(mean, std**2, generator=generator)
        return w.clamp_(mean - 2 * std, mean + 2 * std)


@misconception("trunc_normal_", "You replace outliers with one fixed number. How often does it occur in your result?")
def outliers_to_zero(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        return w.masked_fill_((w - mean).abs() > 2 * std, 0.0)


@misconception(
    "trunc_normal_", "No value lies outside, but what do the outliers become? Compare the middle of the two histograms."
)
def outliers_to_the_mean(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        return w.masked_fill_((w - mean).abs() > 2 * std, mean)


@misconception(
    "trunc_normal_", "You make all numbers between the limits equally likely. Are they, in a normal distribution?"
)
def uniform_between_the_limits(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        return w.uniform_(mean - 2 * std, mean + 2 * std, generator=generator)


@misconception(
    "trunc_normal_",
    "You replaced the outliers, but which distribution do the new numbers come from?",
    also_true_of=("folds_the_tails_back", "wraps_around"),
)
def outliers_uniform(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        outside = (w - mean).abs() > 2 * std
        w[outside] = w[outside].uniform_(mean - 2 * std, mean + 2 * std, generator=generator)
        return w


@misconception("trunc_normal_", "Your limits are -2 and 2 whatever mean and std are: try std=0.02.")
def fixed_limits(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        for _ in range(50):
            outside = w.abs() > 2
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "The limits are centred on the mean. Try a mean that is not 0.")
def limits_around_zero(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        for _ in range(50):
            outside = w.abs() > 2 * std
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "You cut off one side only: how small is your smallest number?")
def one_side_only(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean) > 2 * std).any():
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "One standard deviation, or two? Look at how far your numbers reach.")
def limits_at_one_std(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean).abs() > std).any():
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "The first draw uses the generator. Does the second?")
def second_draw_without_generator(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean).abs() > 2 * std).any():
            w[outside] = w[outside].normal_(mean, std)
        return w


@misconception("trunc_normal_", "You were given a generator. Do the calls that draw the numbers know about it?")
def truncated_without_generator(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, None)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "The caller's tensor still holds its old values.")
def truncated_new_tensor(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    result = torch.empty_like(w)
    with torch.no_grad():
        _truncated(result, generator)
        return result.mul_(std).add_(mean)


@misconception("trunc_normal_", "Try an nn.Parameter: may you change such a tensor in place while PyTorch is recording?")
def truncated_while_recording(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    _truncated(w, generator)
    return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "w may have any layout: try one that cannot be flattened without a copy.")
def fills_a_flat_copy(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        flat = w.flatten()
        _truncated(flat, generator)
        flat.mul_(std).add_(mean)
        return w


@misconception("trunc_normal_", "Not every tensor has a length: the docstring allows 0-d ones.")
def row_by_row(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        for index in range(len(w)):
            row = torch.empty_like(w[index])
            _truncated(row, generator)
            w[index] = row * std + mean
        return w


@misconception(
    "trunc_normal_", "What is a normal distribution with a spread of zero? The docstring asks for an error.", minor=True
)
def accepts_zero(w, mean=0.0, std=1.0, generator=None):
    if std < 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "A distribution cannot have a negative spread. The docstring asks for an error.", minor=True)
def accepts_negative(w, mean=0.0, std=1.0, generator=None):
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "The docstring says which module is not available in this task.")
def truncated_by_nn_init(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    return nn.init.trunc_normal_(w, mean, std, mean - 2 * std, mean + 2 * std, generator=generator)


@misconception(
    "glorot_uniform_", "The tensor now uses different memory: what does someone who holds a view of the old memory see?"
)
def exchanges_the_memory(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_fans(w)))
    w.data = torch.empty(w.shape, dtype=w.dtype, device=w.device).uniform_(-bound, bound, generator=generator)
    return w


@misconception("glorot_uniform_", "How should the bound change when the gain is doubled?")
def gain_beside_and_under_the_root(w, gain=1.0, generator=None):
    bound = gain**2 * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("glorot_uniform_", "A convolution has two fans. Do both of yours include the kernel size?")
def kernel_in_one_fan_only(w, gain=1.0, generator=None):
    fan_in, _ = _fans(w)
    bound = gain * math.sqrt(6 / (fan_in + w.shape[0]))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception(
    "init_model_", "You were asked only to set parameters. Which mode was the model in before, and which is it in now?"
)
def training_mode_as_well(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    model.train()


@misconception("trunc_normal_", "You kept a rule that is about fans. Does this function need any?")
def refuses_vectors(w, mean=0.0, std=1.0, generator=None):
    if std <= 0 or w.dim() < 2:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)
