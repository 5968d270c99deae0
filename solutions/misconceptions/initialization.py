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


@misconception(
    "predicted_fans", "Both numbers are right, but look at which of them belongs to the sum for one single output."
)
def other_way_round():
    return 576, 144


@misconception("predicted_fans", "How many numbers does one output of this layer add up? Look at how many pixels it sees.")
def channels_only():
    return 16, 64


@misconception("predicted_fans", "A kernel of size 3 has a height and a width.")
def one_side_of_the_kernel():
    return 48, 192


@misconception("predicted_fans", "Does the number of pixels that take part belong to one of the two fans only?")
def kernel_for_fan_in_only():
    return 144, 64


@misconception("predicted_fans", "One output sees 16 channels; at how many pixels in each of them?")
def kernel_for_fan_out_only():
    return 16, 576


@misconception("predicted_bound", "Which of the two sizes of the layer is the number of its inputs?")
def from_fan_out():
    return 0.2


@misconception("predicted_bound", "This is what He's method would use. The text gives another formula for a fresh layer.")
def bound_of_he():
    return math.sqrt(6 / 400)


@misconception("predicted_bound", "This is Glorot's bound. Does the formula for a fresh layer mention both fans?")
def bound_of_glorot():
    return math.sqrt(6 / 425)


@misconception(
    "predicted_bound", "There is a root in the formula; what does a layer with 100 inputs give, according to the text?"
)
def without_the_root():
    return 1 / 400


@misconception("predicted_bound", "You gave the spread of the weights. How far do uniform numbers with that spread reach?")
def standard_deviation():
    return 0.05 / math.sqrt(3)


@misconception(
    "glorot_uniform_", "Your largest value is too small: is the formula you used a bound or a standard deviation?"
)
def std_as_bound(w, gain=1.0, generator=None):
    a = gain * math.sqrt(2 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "For a convolution your bound is too large: how many inputs does one output see?")
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


@misconception("glorot_uniform_", "The caller's tensor still holds what it held before.")
def new_tensor(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return torch.empty_like(w).uniform_(-a, a, generator=generator)


@misconception(
    "glorot_uniform_", "Try the weight of an nn.Linear: may such a tensor be changed in place while PyTorch is recording?"
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


@misconception("glorot_uniform_", "One argument changes nothing in what your function does: call it with gain=2.0.")
def forgets_the_gain(w, gain=1.0, generator=None):
    a = math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Check where the gain stands in the formula: beside the root, or under it?")
def gain_under_the_root(w, gain=1.0, generator=None):
    a = math.sqrt(gain * 6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Your bound knows one side of the layer only; which two numbers does Glorot add up?")
def fan_in_only(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / _fans(w)[0])
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "You count all weights of the layer. How many of them has one single output?")
def counts_all_weights(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / (w.numel() if sum(_fans(w)) else 1))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Check which parts of the formula stand under the root.")
def six_beside_the_root(w, gain=1.0, generator=None):
    a = gain * 6 / math.sqrt(sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Compare the rows of your weight with each other.")
def one_row_for_all(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.copy_(torch.empty_like(w[0]).uniform_(-a, a, generator=generator).expand_as(w))


@misconception("glorot_uniform_", "For a convolution your bound is too small: how often do you count the kernel?")
def kernel_twice(w, gain=1.0, generator=None):
    positions = math.prod(w.shape[2:])
    a = gain * math.sqrt(6 / (sum(_fans(w)) * positions))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "A generator was handed over; does the call that draws the numbers know about it?")
def forgets_the_generator(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a)


@misconception(
    "glorot_uniform_", "A generator goes on from where it is. Fill two weights with the same one, and compare them."
)
def starts_the_generator_again(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    if generator is not None:
        generator = torch.Generator(w.device).manual_seed(generator.initial_seed())
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception(
    "glorot_uniform_", "Everybody's random numbers start again after your call. To whom does the global generator belong?"
)
def seeds_the_global_generator(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    if generator is not None:
        torch.manual_seed(generator.initial_seed())
    with torch.no_grad():
        return w.uniform_(-a, a)


@misconception(
    "glorot_uniform_",
    "Call your function twice without a generator, and compare: a fresh generator always has the same seed.",
)
def always_a_generator_of_its_own(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator or torch.Generator(w.device))


@misconception("glorot_uniform_", "What is the fan-in of a bias? A tensor without an (out, in) has none.")
def accepts_vectors(w, gain=1.0, generator=None):
    fan_out = w.shape[0] if w.dim() else 1
    fan_in = w[0].numel() if w.dim() and w.shape[0] else 1
    a = gain * math.sqrt(6 / (fan_in + fan_out * math.prod(w.shape[2:])))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception(
    "glorot_uniform_", "An index that does not exist raises, but another exception than the specification asks for."
)
def lets_the_index_fail(w, gain=1.0, generator=None):
    positions = math.prod(w.shape[2:])
    a = gain * math.sqrt(6 / ((w.shape[1] + w.shape[0]) * positions))
    with torch.no_grad():
        return w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "w is filled; what does your function give back to its caller?")
def returns_nothing(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        w.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "Hand over an nn.Parameter and look at what comes back: is it the same object?")
def returns_data(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return w.data.uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "After your call the parameter is not trained any more: look at its requires_grad.")
def switches_gradients_off(w, gain=1.0, generator=None):
    a = gain * math.sqrt(6 / sum(_fans(w)))
    return w.requires_grad_(False).uniform_(-a, a, generator=generator)


@misconception("glorot_uniform_", "The specification says which module is not available in this task.")
def by_nn_init(w, gain=1.0, generator=None):
    if w.dim() < 2:
        raise ValueError
    return nn.init.xavier_uniform_(w, gain, generator=generator)


@misconception("he_normal_", "With 400 outputs and 50 inputs the spread is off: which dimension counts the inputs?")
def swapped(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    std = _he_std(w, "fan_out" if mode == "fan_in" else "fan_in")
    with torch.no_grad():
        return w.normal_(0, std, generator=generator)


@misconception(
    "he_normal_",
    "Your spread is that of a layer without ReLU: half of the signal is lost at zero - which factor makes up for it?",
)
def no_gain(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode) / math.sqrt(2), generator=generator)


@misconception("he_normal_", "Right spread, wrong shape: there are no values beyond 1.8 standard deviations.")
def uniform(w, mode="fan_in", generator=None):
    bound = math.sqrt(3) * _he_std(w, mode)
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("he_normal_", "The gain of ReLU is in He's formula already. How often do you multiply by it?")
def gain_twice(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2) * _he_std(w, mode), generator=generator)


@misconception("he_normal_", "Your numbers have no tails. Does the specification cut them off?")
def cuts_off_the_tails(w, mode="fan_in", generator=None):
    std = _he_std(w, mode)
    with torch.no_grad():
        w.normal_(0, std, generator=generator)
        while (outside := w.abs() > 2 * std).any():
            w[outside] = w[outside].normal_(0, std, generator=generator)
        return w


@misconception("he_normal_", "Call your function twice without a generator, and compare the weights.")
def he_with_a_generator_of_its_own(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode), generator=generator or torch.Generator(w.device).manual_seed(0))


@misconception("he_normal_", "The modes are two exact words. What does your function do with 'FAN_IN'?")
def modes_in_capitals(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode.lower()), generator=generator)


@misconception("he_normal_", "Your numbers are far too small: which of variance and standard deviation does normal_ expect?")
def variance_as_std(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode) ** 2, generator=generator)


@misconception(
    "he_normal_", "One argument changes nothing in what your function does: compare both modes on a weight of (400, 50)."
)
def forgets_the_mode(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    with torch.no_grad():
        return w.normal_(0, _he_std(w, "fan_in"), generator=generator)


@misconception("he_normal_", "What does your function do with a mode that is misspelt?")
def accepts_any_mode(w, mode="fan_in", generator=None):
    std = _he_std(w, "fan_in" if mode == "fan_in" else "fan_out")
    with torch.no_grad():
        return w.normal_(0, std, generator=generator)


@misconception("he_normal_", "A dict that lacks a key raises, but another exception than the specification asks for.")
def lets_the_key_fail(w, mode="fan_in", generator=None):
    fan_in, fan_out = _fans(w)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[mode]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "For a convolution the numbers are too large: how many inputs does one output see?")
def without_the_kernel(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / w.shape[1 if mode == "fan_in" else 0]), generator=generator)


@misconception("he_normal_", "In which place of a convolution's shape do the input channels stand? Try (64, 16, 3, 3).")
def counts_from_the_end(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    fan = w.shape[-1] if mode == "fan_in" else w.shape[0]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception(
    "he_normal_", "The kernel counts for one of the two fans in your function; on the way back it counts as well."
)
def kernel_in_fan_in_only(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    fan = w[0].numel() if mode == "fan_in" else w.shape[0]
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "This is Glorot's standard deviation. How many fans does He's formula have?")
def glorots_std(w, mode="fan_in", generator=None):
    _he_std(w, mode)
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / sum(_fans(w))), generator=generator)


@misconception(
    "he_normal_", "Try the weight of an nn.Linear: may such a tensor be changed in place while PyTorch is recording?"
)
def recorded(w, mode="fan_in", generator=None):
    return w.normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "The caller's tensor still holds what it held before.")
def gives_a_new_tensor(w, mode="fan_in", generator=None):
    return torch.empty_like(w).normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "A generator was handed over; does the call that draws the numbers know about it?")
def without_the_generator(w, mode="fan_in", generator=None):
    with torch.no_grad():
        return w.normal_(0, _he_std(w, mode))


@misconception("he_normal_", "w is filled; what does your function give back to its caller?")
def he_returns_nothing(w, mode="fan_in", generator=None):
    with torch.no_grad():
        w.normal_(0, _he_std(w, mode), generator=generator)


@misconception("he_normal_", "What is the fan-in of a bias? A tensor without an (out, in) has none.")
def he_of_a_vector(w, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError
    fan = w[0].numel() if mode == "fan_in" and w.dim() else w.shape[0] * math.prod(w.shape[2:]) if w.dim() else 1
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / fan), generator=generator)


@misconception("he_normal_", "The specification says which module is not available in this task.")
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


@misconception("init_model_", "After your call everybody else's random numbers start again from the same seed.")
def manual_seed(model, seed):
    torch.manual_seed(seed)
    _initialise(model.modules(), lambda: None)


@misconception("init_model_", "The seed is not used anywhere: initialise two models with the same one, and compare them.")
def without_the_seed(model, seed):
    _initialise(model.modules(), lambda: None)


@misconception("init_model_", "Whatever the seed is, your generator starts from the same place.")
def always_the_same_seed(model, seed):
    generator = torch.Generator().manual_seed(0)
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "Layers inside a nested Sequential were never reached.")
def children_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.children(), lambda: generator)


@misconception("init_model_", "Two layers of the same shape got the same numbers: how often is the generator seeded?")
def seeds_for_each_layer(model, seed):
    _initialise(model.modules(), lambda: torch.Generator().manual_seed(seed))


@misconception("init_model_", "An optimizer created before this call now trains parameters that are no longer in the model.")
def new_parameters(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight = nn.Parameter(module.weight.detach().clone(), requires_grad=module.weight.requires_grad)


@misconception("init_model_", "A rule by number of dimensions also hits parameters that were none of your business.")
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


@misconception("init_model_", "Which layers are named in the specification? You also changed one that is not.")
def similar_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Bilinear)
    _initialise(model.modules(), lambda: generator, linear=layers)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
                module.weight.fill_(1)
                module.bias.zero_()


@misconception("init_model_", "Does your function know convolutions? Look at the spread of their weights.")
def linear_layers_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, linear=nn.Linear)


@misconception(
    "init_model_", "The weights of the convolutions are too large: how many inputs does one of their outputs see?"
)
def convolutions_without_kernel(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / w.shape[1]))


@misconception(
    "init_model_", "The spread fits a layer that is turned around: where do the inputs stand in a weight's shape?"
)
def by_fan_out(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / w[:, 0].numel()))


@misconception("init_model_", "N(0, v) names the variance v; which of variance and standard deviation does normal_ expect?")
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


@misconception("init_model_", "Not every layer has a bias: what is there instead, and can it be set to zero?")
def expects_a_bias(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
                module.bias.zero_()
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "A BatchNorm layer need not have a weight: what does your function do with affine=False?")
def expects_affine(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data.fill_(1)
            module.bias.data.zero_()
    _initialise(model.modules(), lambda: generator)


@misconception("init_model_", "The weights are drawn anew; what became of the biases beside them?")
def forgets_biases(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.data.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
    _initialise(model.modules(), lambda: generator, linear=())


@misconception("init_model_", "Which of the layers in the specification does your function leave as it is?")
def forgets_norms(model, seed):
    generator = torch.Generator().manual_seed(seed)
    others = [module for module in model.modules() if not isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    _initialise(others, lambda: generator)


@misconception("init_model_", "Two kinds of BatchNorm are named in the specification. You also changed a third one.")
def every_batch_norm(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.weight.data.fill_(1)
            module.bias.data.zero_()


@misconception("init_model_", "The spread is that of a layer without ReLU: is there a 2 in your formula?")
def without_the_two(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(1 / w[0].numel()))


@misconception("init_model_", "Biases are not drawn; which value are they to have?")
def draws_biases(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and module.bias is not None:
            module.bias.data.normal_(0, 0.01, generator=generator)


@misconception("init_model_", "Your weights depend on both fans. Which ones are named in the specification?")
def by_both_fans(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, std=lambda w: math.sqrt(2 / (w[0].numel() + w[:, 0].numel())))


@misconception("init_model_", "Embeddings have a rule of their own in the specification.")
def embeddings_like_linear_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator, linear=(nn.Linear, nn.Conv2d))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, math.sqrt(2 / module.weight.shape[1]), generator=generator)


@misconception("init_model_", "0.02**2 stands in the specification, and it is a variance.")
def embeddings_by_variance(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.02**2, generator=generator)


@misconception("init_model_", "The statistics that the BatchNorm layers have collected are gone. Are those parameters?")
def resets_statistics(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_parameters()


@misconception("init_model_", "What has happened to the frozen layers? The specification makes no exception for them.")
def skips_frozen_layers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    trainable = [module for module in model.modules() if all(p.requires_grad for p in module.parameters(recurse=False))]
    _initialise(trainable, lambda: generator)


@misconception("init_model_", "A layer that was frozen before your call takes part in training after it.")
def unfreezes(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    model.requires_grad_(True)


@misconception("init_model_", "Everything is initialised as it should be; read what the function is to return.")
def returns_the_model(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    return model


@misconception(
    "init_model_", "Parameters of a model are leaves that require grad: may they be filled while PyTorch is recording?"
)
def model_while_recording(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)


@misconception("init_model_", "What do you do with a model that is itself a layer, like nn.Linear(3, 2)?")
def below_the_top_only(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise([module for module in model.modules() if module is not model], lambda: generator)


@misconception(
    "trunc_normal_", "Count how many values lie exactly on the border: clamping moves the tails, it does not draw again."
)
def clamp(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        return w.normal_(mean, std, generator=generator).clamp_(mean - 2 * std, mean + 2 * std)


@misconception("trunc_normal_", "Dividing by the largest value squeezes all the others: the spread is far too small.")
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
    "Truncating makes the spread smaller than std - that is right; you scaled it up again and left the allowed interval.",
)
def restd(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std / 0.8796).add_(mean)


@misconception("trunc_normal_", "You have drawn the outliers again, once. Who says that the second draw lies inside?")
def draws_again_once(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        outside = (w - mean).abs() > 2 * std
        w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception(
    "trunc_normal_", "An outlier is moved inside in your function. Where would a number land that is drawn again?"
)
def folds_the_tails_back(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(0, 1, generator=generator)
        folded = torch.where(w.abs() > 2, 4 * w.sign() - w, w).clamp(-2, 2)
        return w.copy_(folded * std + mean)


@misconception("trunc_normal_", "What leaves at one side comes back at the other. Is that what drawing again would give?")
def wraps_around(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(0, 1, generator=generator)
        return w.copy_((torch.remainder(w + 2, 4) - 2) * std + mean)


@misconception("trunc_normal_", "normal_ takes a standard deviation. What do you hand over? Try std=0.5.")
def variance_for_std(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std**2, generator=generator)
        for _ in range(50):
            outside = (w - mean).abs() > 2 * std
            w[outside] = w[outside].normal_(mean, std**2, generator=generator)
        return w.clamp_(mean - 2 * std, mean + 2 * std)


@misconception("trunc_normal_", "You replace outliers by one fixed number. How often does it occur in your result?")
def outliers_to_zero(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        return w.masked_fill_((w - mean).abs() > 2 * std, 0.0)


@misconception(
    "trunc_normal_", "No value lies outside, but what do most of the outliers become? Compare the middle of both histograms."
)
def outliers_to_the_mean(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        return w.masked_fill_((w - mean).abs() > 2 * std, mean)


@misconception(
    "trunc_normal_", "All numbers between the limits are equally likely in your function. Are they in a normal distribution?"
)
def uniform_between_the_limits(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        return w.uniform_(mean - 2 * std, mean + 2 * std, generator=generator)


@misconception("trunc_normal_", "The outliers are replaced, but from which distribution do the new numbers come?")
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


@misconception("trunc_normal_", "The limits lie around the mean. Try one that is not 0.")
def limits_around_zero(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        for _ in range(50):
            outside = w.abs() > 2 * std
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w


@misconception("trunc_normal_", "You cut at one side only: how small is your smallest number?")
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


@misconception("trunc_normal_", "A generator was handed over; do the calls that draw the numbers know about it?")
def truncated_without_generator(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, None)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "The caller's tensor still holds what it held before.")
def truncated_new_tensor(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    result = torch.empty_like(w)
    with torch.no_grad():
        _truncated(result, generator)
        return result.mul_(std).add_(mean)


@misconception("trunc_normal_", "Try an nn.Parameter: may such a tensor be changed in place while PyTorch is recording?")
def truncated_while_recording(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    _truncated(w, generator)
    return w.mul_(std).add_(mean)


@misconception(
    "trunc_normal_", "w may have any shape: try one that cannot be flattened without a copy, and one with nothing in it."
)
def fills_a_flat_copy(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        flat = w.flatten()
        _truncated(flat, generator)
        flat.mul_(std).add_(mean)
        return w


@misconception("trunc_normal_", "Not every tensor has a length; the specification allows 0-d ones.")
def row_by_row(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    with torch.no_grad():
        for index in range(len(w)):
            row = torch.empty_like(w[index])
            _truncated(row, generator)
            w[index] = row * std + mean
        return w


@misconception("trunc_normal_", "What is a normal distribution with a spread of zero? The specification names an error.")
def accepts_zero(w, mean=0.0, std=1.0, generator=None):
    if std < 0:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "A distribution cannot have a negative spread; the specification names an error.")
def accepts_negative(w, mean=0.0, std=1.0, generator=None):
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)


@misconception("trunc_normal_", "The specification says which module is not available in this task.")
def truncated_by_nn_init(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    return nn.init.trunc_normal_(w, mean, std, mean - 2 * std, mean + 2 * std, generator=generator)


@misconception("glorot_uniform_", "The tensor has other memory now: what do those see who held a view of the old one?")
def exchanges_the_memory(w, gain=1.0, generator=None):
    bound = gain * math.sqrt(6 / sum(_fans(w)))
    w.data = torch.empty(w.shape, dtype=w.dtype, device=w.device).uniform_(-bound, bound, generator=generator)
    return w


@misconception("glorot_uniform_", "How does the bound change if the gain is doubled?")
def gain_beside_and_under_the_root(w, gain=1.0, generator=None):
    bound = gain**2 * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("glorot_uniform_", "A convolution has two fans. Does each of them know the size of the kernel?")
def kernel_in_one_fan_only(w, gain=1.0, generator=None):
    fan_in, _ = _fans(w)
    bound = gain * math.sqrt(6 / (fan_in + w.shape[0]))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


@misconception("init_model_", "Weights were to be drawn. In which mode was the model before, and in which one is it now?")
def training_mode_as_well(model, seed):
    generator = torch.Generator().manual_seed(seed)
    _initialise(model.modules(), lambda: generator)
    model.train()


@misconception("trunc_normal_", "One of the rules that you took over is about fans. Does this function need any?")
def refuses_vectors(w, mean=0.0, std=1.0, generator=None):
    if std <= 0 or w.dim() < 2:
        raise ValueError
    with torch.no_grad():
        _truncated(w, generator)
        return w.mul_(std).add_(mean)
