"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy

import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, vmap

from autograder import alternative


@alternative("predicted_gradient")
def gradient_as_an_integer():
    return 17


@alternative("predicted_gradient")
def gradient_as_a_tensor():
    return torch.tensor(17.0)


@alternative("predicted_detached")
def detached_as_a_computed_tensor():
    w = torch.tensor(3.0, requires_grad=True)
    (w * w.detach()).backward()
    return w.grad


@alternative("predicted_detached")
def detached_as_an_integer():
    return 3


@alternative("value_and_grad")
def value_and_grad_by_functorch(f, x):
    if f(x.detach().clone()).dim() != 0:
        raise ValueError("not 0-dim")
    gradient, value = grad_and_value(f)(x.detach())
    return value.detach(), gradient.detach()


@alternative("value_and_grad")
def value_and_grad_by_jacobian(f, x):
    with torch.no_grad():
        value = f(x)
    if value.shape != ():
        raise ValueError("not 0-dim")
    return value.detach(), torch.autograd.functional.jacobian(f, x.detach())


@alternative("value_and_grad")
def value_and_grad_by_backward_into_a_copy(f, x):
    mine = torch.empty_like(x, requires_grad=False).copy_(x.detach()).requires_grad_(True)
    value = f(mine)
    if value.ndim:
        raise ValueError("not 0-dim")
    if value.requires_grad:
        value.backward(inputs=[mine])
    return value.detach(), torch.zeros_like(x) if mine.grad is None else mine.grad


@alternative("value_and_grad")
def value_and_grad_by_a_sum_with_zero(f, x):
    leaf = x.detach().requires_grad_()
    value = f(leaf)
    if value.dim() > 0:
        raise ValueError("not 0-dim")
    (gradient,) = torch.autograd.grad(value + 0 * leaf.sum(), [leaf])
    return value.detach(), gradient


@alternative("per_sample_grads")
def per_sample_grads_by_vmap(model, loss_fn, X, y):
    trainable = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def loss_of_one(parameters, x_one, y_one):
        return loss_fn(functional_call(model, parameters, (x_one.unsqueeze(0),)), y_one.unsqueeze(0))

    rows = vmap(grad(loss_of_one), in_dims=(None, 0, 0))(trainable, X, y)
    return {name: gradients.detach() for name, gradients in rows.items()}


@alternative("per_sample_grads")
def per_sample_grads_into_preallocated(model, loss_fn, X, y):
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    parameters = [p for p in model.parameters() if p.requires_grad]
    result = {name: torch.empty(len(X), *p.shape, dtype=p.dtype) for name, p in zip(names, parameters, strict=True)}
    for i, (x_one, y_one) in enumerate(zip(X.split(1), y.split(1), strict=True)):
        gradients = torch.autograd.grad(loss_fn(model(x_one), y_one), parameters)
        for name, gradient in zip(names, gradients, strict=True):
            result[name][i] = gradient
    return result


@alternative("per_sample_grads")
def per_sample_grads_on_a_copy_of_the_model(model, loss_fn, X, y):
    twin = copy.deepcopy(model)
    rows = {name: [] for name, p in twin.named_parameters() if p.requires_grad}
    for i in range(X.shape[0]):
        twin.zero_grad(set_to_none=True)
        loss_fn(twin(X[[i]]), y[[i]]).backward()
        for name in rows:
            rows[name].append(twin.get_parameter(name).grad.unsqueeze(0))
    return {name: torch.cat(gradients) for name, gradients in rows.items()}


@alternative("per_sample_grads")
def per_sample_grads_of_a_vector_of_losses(model, loss_fn, X, y):
    losses = torch.stack([loss_fn(model(X[i].unsqueeze(0)), y[i].unsqueeze(0)) for i in range(len(X))])
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    basis = torch.eye(len(X), dtype=losses.dtype)
    rows = torch.autograd.grad(losses, [p for _, p in trainable], basis, is_grads_batched=True)
    return {name: gradients for (name, _), gradients in zip(trainable, rows, strict=True)}


@alternative("gradient_penalty")
def penalty_by_samples(critic, x):
    terms = []
    for sample in x.detach().unbind(0):
        leaf = sample.clone().unsqueeze(0).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(leaf).reshape(()), leaf, create_graph=True)
        terms.append((gradient.pow(2).sum().sqrt() - 1).square())
    return sum(terms) / len(terms)


@alternative("gradient_penalty")
def penalty_by_grad_outputs(critic, x):
    inputs = torch.clone(x.detach()).requires_grad_(True)
    scores = critic(inputs)
    (gradient,) = torch.autograd.grad(
        outputs=scores, inputs=inputs, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    norms = gradient.reshape(x.shape[0], -1).norm(2, dim=1)
    return torch.mean((norms - 1).pow(2))


@alternative("gradient_penalty")
def penalty_by_functorch(critic, x):
    def score(sample):
        return critic(sample.unsqueeze(0)).squeeze()

    gradient = vmap(grad(score))(x.detach())
    norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return nn.functional.mse_loss(norms, torch.ones_like(norms))


@alternative("gradient_penalty")
def penalty_over_all_dims(critic, x):
    leaf = x.detach().requires_grad_()
    total = critic(leaf).sum()
    gradient = torch.autograd.grad(total, [leaf], create_graph=True)[0]
    norms = torch.linalg.vector_norm(gradient, dim=tuple(range(1, gradient.dim())))
    return ((norms - 1) ** 2).sum() / len(norms)


@alternative("accumulate_gradients")
def accumulate_and_divide_at_the_end(model, loss_fn, batches):
    for parameter in model.parameters():
        parameter.grad = None
    samples, total = 0, 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * xb.shape[0]
        loss.backward()
        samples += xb.shape[0]
        total += float(loss.detach())
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad /= samples
    return total / samples


@alternative("accumulate_gradients")
def accumulate_one_graph(model, loss_fn, batches):
    model.zero_grad(set_to_none=False)
    sizes = [len(xb) for xb, _ in batches]
    losses = [loss_fn(model(xb), yb) for xb, yb in batches]
    loss = sum(size * one for size, one in zip(sizes, losses, strict=True)) / sum(sizes)
    loss.backward()
    return loss.item()


@alternative("accumulate_gradients")
def accumulate_by_hand(model, loss_fn, batches):
    trainable = [p for p in model.parameters() if p.requires_grad]
    sums = [torch.zeros_like(p) for p in trainable]
    samples, total = 0, 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        for one, gradient in zip(sums, torch.autograd.grad(loss, trainable), strict=True):
            one += len(xb) * gradient
        samples += len(xb)
        total += len(xb) * loss.item()
    for p, one in zip(trainable, sums, strict=True):
        p.grad = (one / samples).detach()
    return total / samples


@alternative("accumulate_gradients")
def accumulate_with_weighted_gradients(model, loss_fn, batches):
    torch.optim.SGD(model.parameters(), lr=0.1).zero_grad()
    weights = torch.tensor([len(xb) for xb, _ in batches], dtype=torch.float64)
    weights /= weights.sum()
    means = []
    for (xb, yb), weight in zip(batches, weights, strict=True):
        loss = loss_fn(model(xb), yb)
        loss.backward(gradient=weight.to(loss.dtype))
        means.append(loss.item())
    return sum(weight * mean for weight, mean in zip(weights.tolist(), means, strict=True))


@alternative("sign_ste")
def sign_by_autograd_function(x):
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return grad_output * (x.abs() <= 1)

    return Sign.apply(x)


@alternative("sign_ste")
def sign_by_a_detached_difference(x):
    soft = torch.clamp(x, min=-1, max=1)
    hard = (x >= 0).to(x.dtype) * 2 - 1
    return soft + (hard - soft).detach()


@alternative("sign_ste")
def sign_by_a_masked_identity(x):
    with torch.no_grad():
        hard = torch.ones_like(x)
        hard[x < 0] = -1
        window = x.abs() <= 1
        offset = hard - x.where(window, torch.zeros_like(x))
    return x.where(window, torch.zeros_like(x)) + offset


@alternative("sign_ste")
def sign_by_a_hook(x):
    near = x.clamp(-2, 2)
    shifted = near - near.detach()
    if shifted.requires_grad:
        window = x.detach().abs() <= 1
        shifted.register_hook(lambda gradient: gradient.where(window, torch.zeros_like(gradient)))
    return shifted + torch.where(x.detach() >= 0, 1, -1).to(x)


@alternative("accumulate_gradients")
def accumulate_by_functorch(model, loss_fn, batches):
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in trainable.items()}
    samples, total = 0, 0.0
    for xb, yb in batches:

        def loss_of(parameters, xb=xb, yb=yb):
            return loss_fn(functional_call(model, parameters, (xb,)), yb)

        gradients, loss = grad_and_value(loss_of)({name: p.detach() for name, p in trainable.items()})
        samples += len(xb)
        total += len(xb) * loss.item()
        for name, gradient in gradients.items():
            sums[name] += len(xb) * gradient
    for name, p in trainable.items():
        p.grad = sums[name].detach() / samples
    return total / samples
