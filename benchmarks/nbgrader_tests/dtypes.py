"""Grade cells for nbgrader, one per task: what an instructor writes there who tests the same things as our checks.

Each test runs on newly drawn inputs, once each as our checks do. `# %% TASK` begins the cell of a task.
"""
# ruff: noqa - names come from the notebook that these cells are put into

# %% predicted_pixel
assert predicted_pixel == 44

# %% predicted_dtypes
assert tuple(predicted_dtypes) == (torch.int64, torch.float64)

# %% scale_pixels
for seed in range(1):
    torch.manual_seed(seed)
    images = [torch.randint(0, 256, shape, dtype=torch.uint8) for shape in [(), (5, 7), (2, 3, 4, 5), (0, 3, 4)]] + [
        torch.randint(0, 256, (4, 6), dtype=torch.uint8).t()
    ]
    for image in images:
        before = image.clone()
        result = scale_pixels(image)
        assert result.dtype == torch.float32 and result.shape == image.shape and result.device == image.device
        torch.testing.assert_close(result, image.to(torch.float32) / 255)
        assert torch.equal(image, before)
    torch.set_default_dtype(torch.float64)
    try:
        assert scale_pixels(images[1]).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    for dtype in (torch.int64, torch.float32, torch.bool):
        try:
            scale_pixels(torch.ones(3, dtype=dtype))
        except TypeError:
            pass
        else:
            raise AssertionError(f"no TypeError for {dtype}")

# %% match
for seed in range(1):
    torch.manual_seed(seed)
    kinds = [torch.float32, torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool]
    for source in kinds:
        for target in kinds:
            x = (torch.rand(3, 4) * 100).to(source)
            before = x.clone()
            result = match(x, torch.zeros(2, dtype=target))
            assert result.dtype == target
            torch.testing.assert_close(result, x.to(target))
            assert torch.equal(x, before)
    assert match(torch.rand(3), torch.zeros(1, device="meta")).device.type == "meta"
    for target in (torch.float32, torch.float64):
        x, weight = torch.randn(4, requires_grad=True), torch.randn(4, dtype=target)
        (match(x, torch.zeros(1, dtype=target)) * weight).sum().backward()
        torch.testing.assert_close(x.grad, weight.float())
    x = torch.randn(4, 3).t()
    shared = match(x, torch.zeros(1))
    assert shared.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()

# %% round_to_int
for seed in range(1):
    torch.manual_seed(seed)
    for x in [
        torch.randn(5, 6) * 10,
        (torch.randn(5, 6, dtype=torch.float64) * 10).t(),
        torch.tensor(-1.7),
        torch.empty(0, 3),
        torch.randint(-5, 5, (4,), dtype=torch.int32),
        torch.randint(0, 255, (4,), dtype=torch.uint8),
        torch.tensor([True, False]),
    ]:
        before = x.clone()
        result = round_to_int(x)
        expected = (x.round() if x.is_floating_point() else x).long()
        assert result.dtype == torch.int64 and torch.equal(result, expected)
        assert torch.equal(x, before)
    ties = torch.arange(-10, 10) + 0.5
    assert torch.equal(round_to_int(ties), ties.round().long())
    for bad in ("nan", "inf", "-inf"):
        x = torch.randn(4)
        x[2] = float(bad)
        try:
            round_to_int(x)
        except ValueError:
            pass
        else:
            raise AssertionError(f"no ValueError for {bad}")

# %% mean_any
for seed in range(1):
    torch.manual_seed(seed)
    for x in [torch.rand(5, 4) > 0.5, torch.randint(100, 256, (50,), dtype=torch.uint8), torch.randint(-9, 9, (4, 5))]:
        torch.testing.assert_close(mean_any(x), x.float().mean())
    for dtype in (torch.float16, torch.float32, torch.float64):
        x = torch.randn(3, 5).to(dtype).t()
        result = mean_any(x)
        assert result.dtype == dtype and result.shape == ()
        torch.testing.assert_close(result, x.mean())
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            assert mean_any(torch.arange(4)).dtype == dtype
        finally:
            torch.set_default_dtype(torch.float32)
    x = torch.randn(2, 3, requires_grad=True)
    mean_any(x).backward()
    torch.testing.assert_close(x.grad, torch.full((2, 3), 1 / 6))
    for empty in (torch.empty(0), torch.empty(0, 3, dtype=torch.int64)):
        try:
            mean_any(empty)
        except ValueError:
            pass
        else:
            raise AssertionError("no ValueError for an empty tensor")

# %% with_default_dtype
for seed in range(1):
    for dtype in (torch.float64, torch.float16):
        calls = []

        def seen():
            calls.append(torch.get_default_dtype())
            return torch.ones(1)

        assert with_default_dtype(dtype, seen).dtype == dtype and calls == [dtype]
        assert torch.get_default_dtype() == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        with_default_dtype(torch.float32, lambda: with_default_dtype(torch.float16, lambda: None))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)

    def fails():
        raise KeyError("on purpose")

    try:
        with_default_dtype(torch.float64, fails)
    except KeyError:
        pass
    else:
        raise AssertionError("the KeyError did not arrive")
    assert torch.get_default_dtype() == torch.float32
