"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import contextlib

import numpy as np
import torch

from autograder import alternative


@alternative("predicted_pixel")
def pixel_as_a_tensor():
    return (torch.tensor([200], dtype=torch.uint8) + torch.tensor([100], dtype=torch.uint8))[0]


@alternative("predicted_pixel")
def pixel_as_a_float():
    return 44.0


@alternative("predicted_dtypes")
def dtypes_in_a_list():
    return [torch.long, torch.double]


@alternative("predicted_dtypes")
def names_of_dtypes():
    return "torch.int64", "float64"


@alternative("scale_pixels")
def scale_in_place_on_a_copy(img):
    if img.dtype is not torch.uint8:
        raise TypeError(img.dtype)
    result = img.float()
    result /= 255
    return result


@alternative("scale_pixels")
def scale_by_a_typed_divisor(img):
    if img.dtype != torch.uint8:
        raise TypeError(img.dtype)
    return img / torch.tensor(255, dtype=torch.float32, device=img.device)


@alternative("scale_pixels")
def scale_and_then_convert(img):
    if img.dtype != torch.uint8:
        raise TypeError(img.dtype)
    return torch.true_divide(img, 255.0).type(torch.float32)


@alternative("scale_pixels")
def scale_by_table(img):
    if img.dtype != torch.uint8:
        raise TypeError(img.dtype)
    table = torch.arange(256, dtype=torch.float32, device=img.device) / 255
    return table[img.long()]


@alternative("scale_pixels")
def scale_pixel_by_pixel(img):
    if img.dtype != torch.uint8:
        raise TypeError(img.dtype)
    scaled = [pixel / 255 for pixel in img.flatten().tolist()]
    return torch.tensor(scaled, dtype=torch.float32, device=img.device).reshape(img.shape)


@alternative("scale_pixels")
def scale_with_numpy(img):
    if img.dtype != torch.uint8:
        raise TypeError(img.dtype)
    return torch.as_tensor(img.cpu().numpy() / np.float32(255), dtype=torch.float32, device=img.device)


class UnsuitableImage(TypeError):
    """A subclass of the error the task asks for."""


@alternative("scale_pixels")
def scale_by_multiplying(img):
    if str(img.dtype) != "torch.uint8":
        raise UnsuitableImage
    return torch.mul(img.to(dtype=torch.float32, copy=True), 1 / 255)


@alternative("scale_pixels")
def scale_into_a_new_tensor(img):
    if img.type() not in ("torch.ByteTensor", "torch.cuda.ByteTensor"):
        raise TypeError(img.type())
    with torch.no_grad():
        return torch.empty(img.shape, dtype=torch.float32, device=img.device).copy_(img).div_(255)


@alternative("match")
def match_a_tensor(x, like):
    return x.to(like)


@alternative("match")
def match_in_two_steps(x, like):
    return x.type(like.dtype).to(like.device)


@alternative("match")
def match_type_as(x, like):
    return x.type_as(like)


@alternative("match")
def match_as_tensor(x, like):
    return torch.as_tensor(x, dtype=like.dtype, device=like.device)


@alternative("match")
def match_by_copying_into_a_new_one(x, like):
    if x.dtype == like.dtype and x.device == like.device:
        return x
    return torch.empty(x.shape, dtype=like.dtype, device=like.device).copy_(x)


@alternative("match")
def match_a_view(x, like):
    if (x.dtype, x.device) == (like.dtype, like.device):
        return x.view_as(x)
    return x.to(like.device, like.dtype, non_blocking=True)


@alternative("match")
def match_step_by_step(x, like):
    if x.dtype != like.dtype:
        x = x.type(like.dtype)
    return x if x.device == like.device else x.to(device=like.device)


@alternative("round_to_int")
def round_element_by_element(x):
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise ValueError("not finite")
    rounded = [round(number) for number in x.flatten().tolist()]
    return torch.tensor(rounded, dtype=torch.long, device=x.device).reshape(x.shape)


@alternative("round_to_int")
def round_in_double_precision(x):
    numbers = x.double()
    if (numbers.isnan() | numbers.isinf()).any():
        raise ValueError("not finite")
    return numbers.round().long()


@alternative("round_to_int")
def round_by_floor_and_parity(x):
    if x.dtype.is_floating_point:
        if not torch.isfinite(x).all():
            raise ValueError("not finite")
        below = x.double().floor()
        rest = x.double() - below
        up = (rest > 0.5) | ((rest == 0.5) & (below % 2 == 1))
        x = below + up
    return x.type(torch.int64)


@alternative("round_to_int")
def round_with_numpy(x):
    numbers = x.detach().cpu().double().numpy()
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return torch.as_tensor(np.rint(numbers).astype(np.int64), device=x.device)


@alternative("round_to_int")
def round_in_place_on_a_copy(x):
    if not x.is_floating_point():
        return x + torch.zeros_like(x, dtype=torch.int64)
    copy = x.detach().clone()
    if not (copy.abs() < float("inf")).all():
        raise ValueError("not finite")
    return copy.round_().to(dtype=torch.int64)


@alternative("round_to_int")
def round_by_truncating(x):
    if not x.is_floating_point():
        return torch.as_tensor(x, dtype=torch.int64)
    if not (x - x == 0).all():
        raise ValueError("not finite")
    whole = torch.trunc(x.double())
    rest = x.double() - whole
    away = (rest.abs() > 0.5) | ((rest.abs() == 0.5) & (whole % 2 != 0))
    whole[away] += rest[away].sign()
    return whole.long()


@alternative("mean_any")
def mean_of_converted(x):
    if not x.numel():
        raise ValueError("no elements")
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    return torch.mean(x)


@alternative("mean_any")
def mean_in_double_precision(x):
    if x.nelement() == 0:
        raise ValueError("no elements")
    dtype = x.dtype if x.dtype.is_floating_point else torch.get_default_dtype()
    return x.double().mean().to(dtype)


@alternative("mean_any")
def mean_by_a_dot_product(x):
    if 0 in x.shape:
        raise ValueError("no elements")
    flat = (x if x.is_floating_point() else x * 1.0).reshape(-1)
    return flat @ torch.full_like(flat, 1 / len(flat))


@alternative("mean_any")
def mean_from_the_dtype_of_a_fresh_tensor(x):
    if x.numel() == 0:
        raise ValueError("no elements")
    wanted = x.dtype if x.is_floating_point() else torch.empty(0).dtype
    return x.flatten().mean(dim=0, dtype=wanted)


@alternative("mean_any")
def mean_in_a_loop(x):
    if len(x.reshape(-1)) == 0:
        raise ValueError("no elements")
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for element in x.flatten():
        total = total + element.double()
    return (total / x.numel()).to(x.dtype if torch.is_floating_point(x) else torch.get_default_dtype())


@contextlib.contextmanager
def _default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@alternative("with_default_dtype")
def default_dtype_by_context_manager(dtype, fn):
    with _default_dtype(dtype):
        return fn()


@alternative("with_default_dtype")
def default_dtype_by_exit_stack(dtype, fn):
    with contextlib.ExitStack() as stack:
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(dtype)
        return fn()


@alternative("with_default_dtype")
def default_dtype_by_except(dtype, fn):
    before = torch.ones(()).dtype
    torch.set_default_dtype(dtype)
    try:
        result = fn()
    except BaseException:
        torch.set_default_dtype(before)
        raise
    torch.set_default_dtype(before)
    return result


class _Restoring:
    def __enter__(self):
        self.before = torch.get_default_dtype()
        return self

    def __exit__(self, *exception):
        torch.set_default_dtype(self.before)


@alternative("with_default_dtype")
def default_dtype_by_class(dtype, fn):
    with _Restoring():
        torch.set_default_dtype(dtype)
        return fn()


@alternative("with_default_dtype")
def default_dtype_by_decorator(dtype, fn):
    return _default_dtype(dtype)(fn)()
