"""Wrong solutions that students write, each with a sentence that helps them."""

import torch
from torch import nn

from autograder import misconception


@misconception("predicted_gradient", "This is dx/da alone. How many backward() calls reached `a`?")
def only_the_first():
    return 12.0


@misconception("predicted_gradient", "This is dz/da alone. Does the second backward() overwrite what the first one left?")
def only_the_last():
    return 5.0


@misconception("predicted_gradient", "You added up the values of x and z; what does a gradient measure?")
def sum_of_values():
    return 18.0


@misconception(
    "predicted_gradient", "Both derivatives are there, but how does `.grad` combine them? Look at the loop above."
)
def product():
    return 60.0


@misconception("predicted_gradient", "Your derivative of a³ is the one at 1. What is a here?")
def at_another_point():
    return 8.0


@misconception(
    "predicted_gradient", "One of the two derivatives is off: which power of a is left when a³ is differentiated?"
)
def a_power_too_few():
    return 11.0


@misconception("predicted_detached", "This is the derivative of w². Which of the two paths back to w is still open?")
def ignores_detach():
    return 6.0


@misconception("predicted_detached", "One factor is detached. Is the other one?")
def everything_is_cut():
    return 0.0


@misconception("predicted_detached", "This is the value of the product, not its derivative.")
def the_value():
    return 9.0


@misconception("predicted_detached", "A detached tensor keeps its value: what is the derivative of w times a constant?")
def detached_counts_as_one():
    return 1.0


@misconception("predicted_detached", "You expect no gradient to arrive at all. How many of the two factors are detached?")
def no_gradient_at_all():
    return None


@misconception(
    "value_and_grad", "After your function ran, look at x.requires_grad and x.grad: the caller's tensor has changed."
)
def on_x(f, x):
    x.requires_grad_()
    y = f(x)
    if y.dim():
        raise ValueError
    y.backward()
    return y.detach(), x.grad


@misconception("value_and_grad", "The value you return still carries its whole graph.")
def attached(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    gradient = torch.autograd.grad(y, z, retain_graph=True, allow_unused=True)[0] if y.requires_grad else None
    return y, gradient if gradient is not None else torch.zeros_like(x)


@misconception(
    "value_and_grad",
    "Which results of f does your function accept, and does each of them have a single derivative?",
    minor=True,
)
def sums(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z).sum()
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros_like(x)


@misconception("value_and_grad", "Besides your own leaf, which other leaves did backward() meet inside f?")
def backward_reaches_parameters(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    if y.requires_grad:
        y.backward()
    return y.detach(), z.grad if z.grad is not None else torch.zeros_like(x)


@misconception(
    "value_and_grad",
    "What is the gradient of a function that ignores its argument? Try lambda t: torch.tensor(1.0).",
)
def f_must_use_x(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    (gradient,) = torch.autograd.grad(y, z)
    return y.detach(), gradient


@misconception(
    "value_and_grad",
    "Constants work. But f(x) may also require grad for a reason other than x: try an f that uses parameters only.",
)
def constants_only(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    if not y.requires_grad:
        return y, torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(y, z)
    return y.detach(), gradient


@misconception("value_and_grad", "A gradient of None is not a gradient of zeros.")
def none_instead_of_zeros(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient


@misconception("value_and_grad", "One element does not mean no dimensions: compare the shapes (1,) and ().", minor=True)
def one_element_is_enough(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.numel() != 1:
        raise ValueError
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros_like(x)


@misconception(
    "value_and_grad", "The gradient still has a graph of its own: print what you return. What made autograd record it?"
)
def keeps_the_gradients_graph(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    gradient = torch.autograd.grad(y, z, create_graph=True, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros_like(x)


@misconception(
    "value_and_grad",
    "`clone()` copies the numbers and keeps the history. Do you need x's history here, and which tensors get a gradient?",
)
def clone_without_detach(f, x):
    z = x.clone()
    if not z.requires_grad:
        z.requires_grad_()
    z.retain_grad()
    y = f(z)
    if y.dim():
        raise ValueError
    if y.requires_grad:
        y.backward(inputs=[z, x] if x.requires_grad and x.is_leaf else [z])
    return y.detach(), z.grad if z.grad is not None else torch.zeros_like(x)


@misconception(
    "value_and_grad", "A difference quotient is only an approximation: compare the digits, especially in float32."
)
def finite_differences(f, x):
    with torch.no_grad():
        y = f(x)
        if y.dim():
            raise ValueError
        gradient = torch.zeros_like(x)
        for i in range(x.numel()):
            step = torch.zeros(x.numel(), dtype=x.dtype)
            step[i] = 1e-3
            gradient.view(-1)[i] = (f(x + step.view(x.shape)) - y) / 1e-3
    return y.detach(), gradient


@misconception("value_and_grad", "Compare the dtype of the gradient you return with that of x, also when f does not use x.")
def always_float32(f, x):
    z = x.detach().float().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros_like(z)


@misconception(
    "value_and_grad",
    "autograd does complain about a vector, but with which exception? And what about shape (1,)?",
    minor=True,
)
def leaves_the_shape_to_autograd(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros_like(x)


@misconception("value_and_grad", "Compare the dtype of the gradient you return with that of x, also when f does not use x.")
def zeros_of_the_default_dtype(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError
    gradient = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), gradient if gradient is not None else torch.zeros(x.shape)


@misconception("value_and_grad", "x belongs to the caller. What was in its .grad before your backward()?")
def on_x_and_tidied_up(f, x):
    flag = x.requires_grad
    x.requires_grad_(True)
    y = f(x)
    if y.dim():
        raise ValueError
    y.backward()
    gradient = x.grad.clone()
    x.grad = None
    x.requires_grad_(flag)
    return y.detach(), gradient


@misconception(
    "per_sample_grads", "Row i should be sample i alone: yours grows from row to row. What does backward() do to .grad?"
)
def accumulates(model, loss_fn, X, y):
    out = {k: [] for k, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    for i in range(len(X)):
        loss_fn(model(X[i : i + 1]), y[i : i + 1]).backward()
        for k, p in model.named_parameters():
            if p.requires_grad:
                out[k].append(p.grad.clone())
    return {k: torch.stack(v) for k, v in out.items()}


@misconception("per_sample_grads", "You average the batch before you look: by then the samples are mixed.")
def batch(model, loss_fn, X, y):
    named = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss_fn(model(X), y), [p for _, p in named])
    return {k: g.expand(len(X), *g.shape) for (k, _), g in zip(named, gradients, strict=True)}


@misconception(
    "per_sample_grads",
    "Compare one row with the gradient of that sample alone: what has the mean over the batch done to its size?",
)
def divided_by_batch_size(model, loss_fn, X, y):
    named = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    rows = []
    for i in range(len(X)):
        loss = loss_fn(model(X[i : i + 1]), y[i : i + 1]) / len(X)
        rows.append(torch.autograd.grad(loss, [p for _, p in named]))
    return {k: torch.stack(gs) for (k, _), gs in zip(named, zip(*rows, strict=True), strict=True)}


@misconception(
    "per_sample_grads", "All rows are the same: do you keep the tensor .grad itself, or what was in it at that moment?"
)
def keeps_the_same_tensor(model, loss_fn, X, y):
    out = {k: [] for k, p in model.named_parameters() if p.requires_grad}
    for i in range(len(X)):
        for p in model.parameters():
            if p.grad is not None:
                p.grad.zero_()
        loss_fn(model(X[i : i + 1]), y[i : i + 1]).backward()
        for k, p in model.named_parameters():
            if p.requires_grad:
                out[k].append(p.grad)
    return {k: torch.stack(v) for k, v in out.items()}


@misconception("per_sample_grads", "The rows are right. What was in .grad before, and what is there now?")
def leaves_grad_behind(model, loss_fn, X, y):
    out = {k: [] for k, p in model.named_parameters() if p.requires_grad}
    for i in range(len(X)):
        model.zero_grad()
        loss_fn(model(X[i : i + 1]), y[i : i + 1]).backward()
        for k, p in model.named_parameters():
            if p.requires_grad:
                out[k].append(p.grad.clone())
    return {k: torch.stack(v) for k, v in out.items()}


@misconception("per_sample_grads", "You tidied up at the end; but what if the caller still needed the gradients in .grad?")
def clears_at_the_end(model, loss_fn, X, y):
    out = leaves_grad_behind(model, loss_fn, X, y)
    model.zero_grad()
    return out


@misconception("per_sample_grads", "A frozen parameter has no gradient; which parameters should have an entry?")
def zeros_for_frozen(model, loss_fn, X, y):
    trainable = [p for p in model.parameters() if p.requires_grad]
    rows = [torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), trainable) for i in range(len(X))]
    gradients = iter([torch.stack(gs) for gs in zip(*rows, strict=True)])
    return {
        k: next(gradients) if p.requires_grad else torch.zeros(len(X), *p.shape, dtype=p.dtype)
        for k, p in model.named_parameters()
    }


@misconception("per_sample_grads", "You ask autograd for the gradient of every parameter; are all of them trainable?")
def all_parameters(model, loss_fn, X, y):
    rows = []
    for i in range(len(X)):
        rows.append(torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), list(model.parameters())))
    names = [k for k, _ in model.named_parameters()]
    return {k: torch.stack(gs) for k, gs in zip(names, zip(*rows, strict=True), strict=True)}


@misconception("per_sample_grads", "Your results require grad themselves: which graph do they still carry?")
def keeps_graphs(model, loss_fn, X, y):
    named = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    rows = []
    for i in range(len(X)):
        loss = loss_fn(model(X[i : i + 1]), y[i : i + 1])
        rows.append(torch.autograd.grad(loss, [p for _, p in named], create_graph=True))
    return {k: torch.stack(gs) for (k, _), gs in zip(named, zip(*rows, strict=True), strict=True)}


@misconception("per_sample_grads", "Look at the shapes: where is the dimension that counts the samples?")
def sums_samples(model, loss_fn, X, y):
    named = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    rows = [torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), [p for _, p in named]) for i in range(len(X))]
    return {k: torch.stack(gs).sum(dim=0) for (k, _), gs in zip(named, zip(*rows, strict=True), strict=True)}


@misconception(
    "gradient_penalty",
    "The value is right, but nothing can be learned from it: was the inner gradient's own computation recorded?",
)
def no_graph(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@misconception("gradient_penalty", "Averaging the scores first makes every sample's gradient smaller: by which factor?")
def mean_scores(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@misconception(
    "gradient_penalty",
    "For images, each sample's gradient is a whole (C, H, W) block: over how much of it do you take the norm?",
)
def dim1(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.norm(dim=1) - 1) ** 2).mean()


@misconception("gradient_penalty", "How many norms do you average: one per sample, or one per entry of a sample?")
def norm_over_the_samples(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=0) - 1) ** 2).mean()


@misconception("gradient_penalty", "The sum of absolute values is also a norm, but not the 2-norm.")
def sum_of_absolute_values(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).abs().sum(dim=1) - 1) ** 2).mean()


@misconception("gradient_penalty", "Each sample has its own norm; you take a single one over the whole batch.")
def one_norm_for_all(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.norm() - 1) ** 2


@misconception(
    "gradient_penalty", "First the square and then the mean, or the other way round? Read the formula from the inside out."
)
def square_of_the_mean(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1).mean() - 1) ** 2


@misconception("gradient_penalty", "Is your penalty 0 for a gradient of length 1? Compute it by hand for one sample.")
def zero_centred(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1) ** 2).mean()


@misconception("gradient_penalty", "A norm has a square root in it; compare yours with the length you get by hand.")
def squared_norm(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (((g.flatten(1) ** 2).sum(dim=1) - 1) ** 2).mean()


@misconception("gradient_penalty", "A gradient that is too small counts as much as one that is too large; yours ignores it.")
def one_sided(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1).clamp(min=0) ** 2).mean()


@misconception("gradient_penalty", "The penalty is a mean over the samples; you add them up.")
def sum_over_samples(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).sum()


@misconception("gradient_penalty", "After your function ran, look at x.requires_grad: the caller's tensor has changed.")
def marks_the_input(critic, x):
    x.requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@misconception(
    "gradient_penalty",
    "Computing the penalty already put something into the critic's .grad, before anyone called backward() on it.",
)
def inner_backward(critic, x):
    z = x.detach().clone().requires_grad_()
    critic(z).sum().backward(create_graph=True)
    return ((z.grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


@misconception("accumulate_gradients", "Your average treats a batch of 2 like a batch of 5: compare with one big batch.")
def mean_of_means(model, loss_fn, batches):
    model.zero_grad()
    total = 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) / len(batches)
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "You clear .grad between batches: whose gradient is left at the end?")
def clear_each(model, loss_fn, batches):
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        model.zero_grad()
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "You return a tensor that still holds the graphs of all batches.")
def tensor(model, loss_fn, batches):
    model.zero_grad()
    n = sum(len(x) for x, _ in batches)
    total = 0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward(retain_graph=True)
        total = total + loss
    return total


@misconception(
    "accumulate_gradients",
    "Call your function twice in a row: the second time it should leave the same gradients as the first time.",
)
def never_clears(model, loss_fn, batches):
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "You add every batch's gradient at full size; compare the result with one big batch.")
def sum_of_means(model, loss_fn, batches):
    model.zero_grad()
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        loss.backward()
        total += loss.item() * len(xb) / n
    return total


@misconception("accumulate_gradients", "The gradients are right. Does the number you return cover all batches?")
def returns_the_last_loss(model, loss_fn, batches):
    model.zero_grad()
    n = sum(len(x) for x, _ in batches)
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        (loss * len(xb) / n).backward()
    return loss.item()


@misconception(
    "accumulate_gradients", "The gradients are right. Does the number you return grow with the number of batches?"
)
def returns_the_sum_of_losses(model, loss_fn, batches):
    model.zero_grad()
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        (loss * len(xb) / n).backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "What is in .grad after your function returns, and what should be there?")
def clears_at_the_end_of_accumulation(model, loss_fn, batches):
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward()
        total += loss.item()
    model.zero_grad()
    return total


@misconception("accumulate_gradients", "The gradients are weighted by batch size; the number you return is not.")
def unweighted_return(model, loss_fn, batches):
    model.zero_grad()
    n, losses = sum(len(x) for x, _ in batches), []
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb)
        (loss * len(xb) / n).backward()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@misconception(
    "accumulate_gradients",
    "The point is that one big batch does not fit into memory: how often do you call the model, and on what?",
)
def one_big_batch(model, loss_fn, batches):
    model.zero_grad()
    loss = loss_fn(model(torch.cat([x for x, _ in batches])), torch.cat([y for _, y in batches]))
    loss.backward()
    return loss.item()


@misconception("accumulate_gradients", "Count the calls of the model: you run each batch a second time to get the loss.")
def runs_the_model_twice(model, loss_fn, batches):
    model.zero_grad()
    n = sum(len(x) for x, _ in batches)
    for xb, yb in batches:
        (loss_fn(model(xb), yb) * len(xb) / n).backward()
    with torch.no_grad():
        return sum(loss_fn(model(xb), yb).item() * len(xb) / n for xb, yb in batches)


@misconception("accumulate_gradients", "Compare the parameters before and after: this should not be a training step.")
def takes_a_step(model, loss_fn, batches):
    model.zero_grad()
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward()
        total += loss.item()
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p -= 0.1 * p.grad
    return total


@misconception("accumulate_gradients", "A parameter was frozen before the call; is it still?")
def thaws(model, loss_fn, batches):
    model.zero_grad()
    model.requires_grad_(True)
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / n
        loss.backward()
        total += loss.item()
    return total


@misconception("sign_ste", "What is sign(0)? Only +1 and -1 are allowed.")
def sign(x):
    soft = x.clamp(-1, 1)
    return soft + (torch.sign(x) - soft).detach()


@misconception("sign_ste", "Your gradient gets through even at x = 3: outside a window it should be 0.")
def no_window(x):
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return x + (hard - x).detach()


@misconception("sign_ste", "No path leads from your result back to x: which part of it must stay in the graph?")
def a_step_of_constants(x):
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


@misconception("sign_ste", "Look at the dtype of your result for an x that is not float32.")
def float32_only(x):
    soft = x.float().clamp(-1, 1)
    hard = torch.where(x >= 0, 1.0, -1.0)
    return soft + (hard - soft).detach()


@misconception("sign_ste", "Between -1 and 1 your result is x itself; is that what the forward pass should give?")
def clamp_alone(x):
    return x.clamp(-1, 1)


@misconception("sign_ste", "No path leads from your result back to x: which part of it must stay in the graph?")
def all_detached(x):
    return torch.where(x.detach() >= 0, torch.ones_like(x), -torch.ones_like(x)).requires_grad_()


@misconception(
    "sign_ste", "The forward values are a step, and autograd differentiates exactly that: what is the slope of a step?"
)
def plain_step(x):
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x)) + 0 * x


@misconception("sign_ste", "Look at the two ends of the window, x = 1 and x = -1: are they inside?")
def ends_excluded(x):
    soft = nn.functional.hardtanh(x)
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return soft + (hard - soft).detach()


@misconception(
    "sign_ste", "Multiply your result by different weights before the sum: what happens to the incoming gradient?"
)
def ignores_the_incoming_gradient(x):
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return (x.abs() <= 1).to(x.dtype)

    return Step.apply(x)


@misconception("sign_ste", "You clip the incoming gradient; the window is about where x is.")
def clips_the_gradient(x):
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clamp(-1, 1)

    return Step.apply(x)


@misconception("sign_ste", "Between -1 and 1 the slope should be the same everywhere; yours depends on x.")
def smooth(x):
    soft = torch.tanh(x)
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return soft + (hard - soft).detach()


@misconception(
    "sign_ste", "Your forward values are not a step: what should the forward pass give, and what the backward pass?"
)
def swapped(x):
    soft = x.clamp(-1, 1)
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return hard + (soft - hard).detach() + 0 * x


@misconception("sign_ste", "-0.0 equals 0.0, although its sign bit is set.")
def sign_bit(x):
    soft = x.clamp(-1, 1)
    return soft + (torch.copysign(torch.ones_like(x), x) - soft).detach()


@misconception("sign_ste", "Your window ends on one side only: try a large negative x as well.")
def half_a_window(x):
    soft = x.clamp(max=1)
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return soft + (hard - soft).detach()


@misconception("sign_ste", "Which side does 0 itself belong to? Read the line about the forward pass again.")
def zero_is_negative(x):
    soft = x.clamp(-1, 1)
    hard = torch.where(x > 0, torch.ones_like(x), -torch.ones_like(x))
    return soft + (hard - soft).detach()


@misconception("value_and_grad", "After your function ran, look at x.requires_grad: the caller's tensor has changed.")
def switches_the_flag_of_x_on(f, x):
    x.requires_grad_(True)
    value = f(x)
    if value.dim() != 0:
        raise ValueError
    if not value.requires_grad:
        return value, torch.zeros_like(x, requires_grad=False)
    (gradient,) = torch.autograd.grad(value, x, allow_unused=True, materialize_grads=True)
    return value.detach(), gradient


@misconception("value_and_grad", "Both results should be tensors: print the type of yours.")
def value_as_a_number(f, x):
    leaf = x.detach().clone().requires_grad_(True)
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError
    if not value.requires_grad:
        return value.item(), torch.zeros_like(x, requires_grad=False)
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
    return value.item(), gradient


@misconception("per_sample_grads", "What is the shape of X[i], and which dimension does the model expect in front?")
def samples_without_batch_dimension(model, loss_fn, X, y):
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    losses = [loss_fn(model(X[i]), y[i]) for i in range(len(X))]
    rows = [torch.autograd.grad(loss, list(trainable.values())) for loss in losses]
    return {name: torch.stack(gradients) for name, gradients in zip(trainable, zip(*rows, strict=True), strict=True)}


@misconception("per_sample_grads", "Look at the type of each entry: it should be one tensor.")
def lists_of_gradients(model, loss_fn, X, y):
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    losses = [loss_fn(model(X[i : i + 1]), y[i : i + 1]) for i in range(len(X))]
    rows = [torch.autograd.grad(loss, list(trainable.values())) for loss in losses]
    return {name: list(gradients) for name, gradients in zip(trainable, zip(*rows, strict=True), strict=True)}


@misconception("gradient_penalty", "Print the shape of the critic's scores: what is the shape of the ones you pass in?")
def ones_of_one_shape_only(critic, x):
    leaf = x.detach().clone().requires_grad_(True)
    ones = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
    (gradient,) = torch.autograd.grad(critic(leaf), leaf, grad_outputs=ones, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


@misconception("accumulate_gradients", "The weights of the batches should add up to 1; do yours, if the last one is small?")
def weighted_by_the_first_size(model, loss_fn, batches):
    model.zero_grad()
    samples, total = sum(len(xb) for xb, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(batches[0][0]) / samples
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "The model was in eval mode, and now it is not: did anyone ask for that?")
def switches_to_training_mode(model, loss_fn, batches):
    model.train()
    model.zero_grad()
    samples, total = sum(len(xb) for xb, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / samples
        loss.backward()
        total += loss.item()
    return total


@misconception("per_sample_grads", "You call model.forward. What does model(...) do besides?")
def calls_forward_directly(model, loss_fn, X, y):
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    losses = [loss_fn(model.forward(X[i : i + 1]), y[i : i + 1]) for i in range(len(X))]
    rows = [torch.autograd.grad(loss, list(trainable.values())) for loss in losses]
    return {name: torch.stack(gradients) for name, gradients in zip(trainable, zip(*rows, strict=True), strict=True)}


@misconception("accumulate_gradients", "A gradient of zeros is still a gradient: which parameters should have none at all?")
def zeros_for_frozen_parameters(model, loss_fn, batches):
    for p in model.parameters():
        p.grad = torch.zeros_like(p, requires_grad=False)
    samples, total = sum(len(xb) for xb, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb) / samples
        loss.backward()
        total += loss.item()
    return total


@misconception("sign_ste", "Your gradient has the wrong sign: which of your terms still leads back to x?")
def other_term_detached(x):
    step = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    window = x.clamp(-1, 1)
    return window.detach() + (step - window)


@misconception(
    "sign_ste", "Add something else to your result: you write into a gradient that the other summand receives as well."
)
def zeroes_the_incoming_gradient(x):
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            if grad_output.is_contiguous():
                grad_output[x.abs() > 1] = 0
                return grad_output
            return grad_output * (x.abs() <= 1)

    return Step.apply(x)


@misconception("sign_ste", "What does your formula give when x is exactly 0?")
def divides_by_the_absolute_value(x):
    window = x.clamp(-1, 1)
    return window + (x / x.abs() - window).detach()


@misconception("sign_ste", "Print the gradient at exactly 1 and -1: your function lets half of it through.")
def half_a_gradient_at_the_ends(x):
    step = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    window = torch.minimum(torch.maximum(x, -torch.ones_like(x)), torch.ones_like(x))
    return window + (step - window).detach()
