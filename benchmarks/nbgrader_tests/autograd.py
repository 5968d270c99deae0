"""Grade cells for nbgrader, one per task: what an instructor writes there who tests the same things as our checks.

Each test runs on newly drawn inputs, once each as our checks do. `# %% TASK` begins the cell of a task.
"""
# ruff: noqa - names come from the notebook that these cells are put into

# %% predicted_gradient
assert float(predicted_gradient) == 17

# %% predicted_detached
assert float(predicted_detached) == 3

# %% value_and_grad
for seed in range(1):
    torch.manual_seed(seed)
    cubic = lambda t: (t**3 + 2 * t).sum()
    for x in [
        torch.randn(3, 4),
        torch.randn(3, 4, dtype=torch.float64).t(),
        torch.randn(()),
        torch.randn(3, requires_grad=True),
        torch.randn(3, requires_grad=True) * 2,
    ]:
        before = x.detach().clone()
        for _ in range(2):
            value, gradient = value_and_grad(cubic, x)
            torch.testing.assert_close(value, cubic(before))
            torch.testing.assert_close(gradient, 3 * before**2 + 2)
            assert not value.requires_grad and not gradient.requires_grad
        assert torch.equal(x.detach(), before)
    x = torch.randn(3, requires_grad=True)
    x.grad = torch.ones(3)
    value_and_grad(cubic, x)
    assert x.requires_grad and torch.equal(x.grad, torch.ones(3))
    layer = nn.Linear(3, 1)
    value_and_grad(lambda t: layer(t).sum(), torch.randn(2, 3))
    assert layer.weight.grad is None and layer.bias.grad is None
    for constant in (lambda t: torch.tensor(2.0), lambda t: layer.weight.sum()):
        assert torch.equal(value_and_grad(constant, torch.randn(4))[1], torch.zeros(4))
    for vector in (lambda t: t * 2, lambda t: t.sum().reshape(1)):
        try:
            value_and_grad(vector, torch.randn(3))
        except ValueError:
            pass
        else:
            raise AssertionError("no ValueError for a vector")

# %% per_sample_grads
for seed in range(1):
    torch.manual_seed(seed)
    cases = [
        (nn.Linear(3, 2), nn.functional.cross_entropy, 7, torch.randint(0, 2, (7,))),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), nn.functional.mse_loss, 7, torch.randn(7, 1).double()),
        (nn.Linear(3, 1), nn.functional.mse_loss, 1, torch.randn(1, 1).double()),
    ]
    for model, loss, n, y in cases:
        model = model.double()
        X = torch.randn(n, 3, dtype=torch.float64)
        frozen = next(model.parameters())
        frozen.requires_grad_(n == 1)
        trainable = {k: p for k, p in model.named_parameters() if p.requires_grad}
        some = next(iter(trainable.values()))
        some.grad = torch.ones_like(some)
        result = per_sample_grads(model, loss, X, y)
        assert set(result) == set(trainable)
        for i in range(n):
            expected = torch.autograd.grad(loss(model(X[i : i + 1]), y[i : i + 1]), list(trainable.values()))
            for name, gradient in zip(trainable, expected):
                assert result[name].shape == (n, *gradient.shape) and not result[name].requires_grad
                torch.testing.assert_close(result[name][i], gradient)
        assert torch.equal(some.grad, torch.ones_like(some))


# %% gradient_penalty
def expected_penalty(critic, x):
    total = 0
    for i in range(len(x)):
        leaf = x[i : i + 1].detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
        total = total + (gradient.pow(2).sum().sqrt() - 1) ** 2
    return total / len(x)


for seed in range(1):
    torch.manual_seed(seed)
    for shape in [(5, 4), (3, 2, 4, 4), (1, 4)]:
        size = torch.Size(shape[1:]).numel()
        critic = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.Tanh(), nn.Linear(6, 1)).double()
        for scores in (critic, lambda t: critic(t).squeeze(1)):
            x = torch.randn(shape, dtype=torch.float64)
            before = x.clone()
            penalty = gradient_penalty(scores, x)
            assert penalty.shape == ()
            torch.testing.assert_close(penalty, expected_penalty(critic, x))
            assert torch.equal(x, before) and all(p.grad is None for p in critic.parameters())
            penalty.backward()
            got = [p.grad.clone() for p in critic.parameters() if p.grad is not None]
            critic.zero_grad()
            expected_penalty(critic, x).backward()
            wanted = [p.grad.clone() for p in critic.parameters() if p.grad is not None]
            critic.zero_grad()
            assert len(got) == len(wanted)
            for one, other in zip(got, wanted):
                torch.testing.assert_close(one, other)

# %% accumulate_gradients
for seed in range(1):
    torch.manual_seed(seed)
    for sizes in [(4, 4, 4), (5, 5, 2), (1, 6), (7,)]:
        for stale in (False, True):
            model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
            model[0].bias.requires_grad_(False)
            batches = [(torch.randn(n, 3).double(), torch.randn(n, 1).double()) for n in sizes]
            X, y = (torch.cat(column) for column in zip(*batches))
            whole = nn.functional.mse_loss(model(X), y)
            trainable = [p for p in model.parameters() if p.requires_grad]
            expected = torch.autograd.grad(whole, trainable)
            if stale:
                for p in trainable:
                    p.grad = torch.full_like(p, 7.0)
            seen = []
            handle = model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
            result = accumulate_gradients(model, nn.functional.mse_loss, batches)
            handle.remove()
            assert type(result) is float and abs(result - whole.item()) < 1e-9
            assert len(seen) == len(batches) and all(torch.equal(a, b[0]) for a, b in zip(seen, batches))
            for p, gradient in zip(trainable, expected):
                torch.testing.assert_close(p.grad, gradient)
            assert model[0].bias.grad is None

# %% sign_ste
for seed in range(1):
    torch.manual_seed(seed)
    edge = torch.tensor([0.0, -0.0, 1.0, -1.0, 1.5, -1.5])
    for x in [edge, torch.randn(4, 5) * 2, torch.randn(4, 5).double().t(), torch.randn(()), torch.empty(0, 3)]:
        before = x.clone()
        result = sign_ste(x)
        assert result.dtype == x.dtype and result.shape == x.shape
        torch.testing.assert_close(result, torch.where(x >= 0, 1.0, -1.0).to(x.dtype))
        leaf, weight = x.clone().requires_grad_(), torch.randn(x.shape).to(x.dtype)
        (sign_ste(leaf) * weight).sum().backward()
        torch.testing.assert_close(leaf.grad, weight * (x.abs() <= 1))
        assert torch.equal(x, before)
