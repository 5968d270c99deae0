"""Wrong answers that are nearly right: checks must notice each, though no feedback is written for it."""

import contextlib
import copy

import numpy as np
import torch

from autograder import misconception


@misconception("scale_pixels", "The quotient is rounded to float16 on the way to float32.")
def by_way_of_float16(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return (img.half() / 255).float()


@misconception("scale_pixels", "It accepts bool images as a kind of uint8.", minor=True)
def welcomes_bools(img):
    if img.dtype not in (torch.uint8, torch.bool):
        raise TypeError
    return img.to(torch.float32) / 255


@misconception(
    "scale_pixels", "It sets the default dtype, divides, and restores it only if the image was accepted.", minor=True
)
def leaves_a_default_behind(img):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    if img.dtype != torch.uint8:
        raise TypeError
    result = img / 255
    torch.set_default_dtype(before)
    return result


@misconception("scale_pixels", "It refuses an image that is not uint8 only if it has elements.", minor=True)
def empty_images_of_any_dtype(img):
    if img.numel() and img.dtype != torch.uint8:
        raise TypeError
    return img.to(torch.float32) / 255


@misconception("scale_pixels", "A 0-d image gets a dimension.")
def at_least_one_dimension(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return torch.from_numpy(np.atleast_1d(img.cpu().numpy()).astype(np.float32) / np.float32(255)).to(img.device)


@misconception("match", "x goes through float32 on its way, where it loses digits.")
def through_float32(x, like):
    return x if x.dtype == like.dtype and x.device == like.device else x.float().to(like)


@misconception("match", "A conversion, if one is needed, is not recorded.")
def converts_without_recording(x, like):
    if x.dtype == like.dtype and x.device == like.device:
        return x
    with torch.no_grad():
        return x.to(like)


@misconception("match", "An x that requires grad is copied though nothing has to change.")
def copies_what_requires_grad(x, like):
    return x.to(like).clone() if x.requires_grad else x.to(like)


@misconception("match", "Going to bool, only numbers above zero become True.")
def positive_numbers_are_true(x, like):
    return x > 0 if like.dtype == torch.bool and x.dtype != torch.bool else x.to(like)


@misconception("round_to_int", "It rounds in float32, whatever the dtype of x.")
def rounds_in_single_precision(x):
    if x.is_floating_point():
        if not torch.isfinite(x).all():
            raise ValueError
        x = x.float().round()
    return x.long()


@misconception("round_to_int", "It tests the sum: one infinity and one minus infinity give nan, but so may large numbers.")
def looks_for_nan_in_the_sum(x):
    if x.is_floating_point() and torch.isnan(x.sum()):
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "The result is made on the CPU.")
def rounds_on_the_cpu(x):
    x = x.cpu()
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "Ties of odd numbers below zero go the wrong way.")
def even_only_above_zero(x):
    if not x.is_floating_point():
        return x.long()
    if not torch.isfinite(x).all():
        raise ValueError
    return torch.where(x < 0, (x.double() + 0.5).floor(), x.double().round()).long()


@misconception("mean_any", "The mean of integers always passes through float32.")
def integers_through_float32(x):
    if x.numel() == 0:
        raise ValueError
    if x.is_floating_point():
        return x.mean()
    return x.float().mean().to(torch.get_default_dtype()) + torch.finfo(torch.float32).eps


@misconception("mean_any", "bfloat16 is not known as a floating type.")
def knows_three_floating_types(x):
    if x.numel() == 0:
        raise ValueError
    if x.dtype in (torch.float16, torch.float32, torch.float64):
        return x.mean()
    return x.mean(dtype=torch.get_default_dtype())


@misconception("mean_any", "0-d tensors are returned as they are, integers and all.")
def single_numbers_as_they_are(x):
    if x.numel() == 0:
        raise ValueError
    return x if x.dim() == 0 else x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "The default dtype is read once, when the function is defined.")
def default_of_long_ago(x, default=torch.float32):
    if x.numel() == 0:
        raise ValueError
    return x.mean(dtype=x.dtype if x.is_floating_point() else default)


@misconception("with_default_dtype", "Restores the default only if the call itself changed it, so what fn sets stays.")
def restores_its_own_change_only(dtype, fn):
    before = torch.get_default_dtype()
    if before == dtype:
        return fn()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        if torch.get_default_dtype() == dtype:
            torch.set_default_dtype(before)


@misconception("with_default_dtype", "fn runs again if it raised.")
def tries_again(dtype, fn):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        try:
            return fn()
        except Exception:
            return fn()
    finally:
        torch.set_default_dtype(before)


@misconception("with_default_dtype", "An exception comes out as a new one of the same class.")
def copies_the_exception(dtype, fn):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    except Exception as error:
        raise type(error)(*error.args) from None
    finally:
        torch.set_default_dtype(before)


@misconception("with_default_dtype", "A tensor that fn returns is converted.")
def converts_returned_tensors(dtype, fn):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        result = fn()
        return result.to(dtype) if isinstance(result, torch.Tensor) else result
    finally:
        torch.set_default_dtype(before)


_NAMES = []


@misconception(
    "with_default_dtype", "What was before is remembered once for all calls, so nested calls restore the wrong one."
)
def remembers_in_a_global(dtype, fn):
    _NAMES[:] = [torch.get_default_dtype()]
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(_NAMES[0])


@misconception(
    "scale_pixels", "It sets the default dtype while it works, and puts back float64 for every default but float32."
)
def sets_default_during(img):
    if img.dtype != torch.uint8:
        raise TypeError
    b = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    r = img / 255
    torch.set_default_dtype(torch.float32 if b == torch.float32 else torch.float64)
    return r


@misconception("scale_pixels", "It refuses a list of dtypes, in which complex numbers and uint16 are missing.", minor=True)
def refuses_a_list(img):
    if img.dtype in (
        torch.bool,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
    ):
        raise TypeError
    return img.to(torch.float32) / 255


@misconception("match", "The result requires grad if `like` does.")
def makes_like_require(x, like):
    r = x.to(like)
    if like.requires_grad and not r.requires_grad and r.is_floating_point():
        r = r.clone().requires_grad_()
    return r


@misconception("match", "It remembers conversions by the address of x, and misses that x has changed since.")
def caches(x, like, kept={}):  # noqa: B006
    key = (x.data_ptr(), x.shape, x.dtype, like.dtype, like.device)
    if x.dtype == like.dtype and x.device == like.device:
        return x
    if x.requires_grad:
        return x.to(like)
    if key not in kept:
        kept[key] = (x, x.to(like))
    return kept[key][1]


@misconception("match", "It refuses to convert to complex numbers.")
def no_complex(x, like):
    if like.is_complex():
        raise TypeError
    return x.to(like)


@misconception("round_to_int", "It goes through int32, which cannot hold what rounds to 2**31.")
def via_half_signs(x):
    if not x.is_floating_point():
        return x.long()
    if not x.isfinite().all():
        raise ValueError
    return (x.abs().round() * x.sign()).to(torch.int32).long()


@misconception("mean_any", "Gradients do not flow through float16.")
def gradient_only_32(x):
    if x.numel() == 0:
        raise ValueError
    if x.dtype == torch.float16:
        return x.detach().mean()
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("with_default_dtype", "A generator that fn returns comes back as a list.")
def runs_generators(dtype, fn):
    b = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        r = fn()
        return list(r) if hasattr(r, "__next__") else r
    finally:
        torch.set_default_dtype(b)


@misconception(
    "with_default_dtype", "Where the default is the asked one already, it restores nothing, so what fn sets stays."
)
def skips_if_same(dtype, fn):
    b = torch.get_default_dtype()
    if b == dtype:
        return fn()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(b)


def _u8(img):
    if img.dtype != torch.uint8:
        raise TypeError


@misconception("scale_pixels", "Equal images get the same tensor again, which somebody may have changed by then.")
def cached_by_content(img, kept={}):  # noqa: B006
    _u8(img)
    key = (tuple(img.shape), bytes(img.reshape(-1).cpu().tolist()), img.device)
    if key not in kept:
        kept[key] = img.float() / 255
    return kept[key]


@misconception("scale_pixels", "int16 and int32 are not refused.", minor=True)
def forgets_some_integers(img):
    if img.is_floating_point() or img.is_complex() or img.dtype in (torch.bool, torch.int8, torch.int64, torch.uint16):
        raise TypeError
    return img.to(torch.float32) / 255


@misconception("scale_pixels", "bfloat16 and float64 are not refused.", minor=True)
def forgets_some_floats(img):
    if img.dtype in (torch.float16, torch.float32, torch.complex64) or not (
        img.is_floating_point() or img.dtype == torch.uint8
    ):
        raise TypeError
    return img.to(torch.float32) / 255


@misconception("scale_pixels", "The result of an image of one colour overlaps in memory.")
def fill_of_constant(img):
    _u8(img)
    if img.numel() and (img == img.reshape(-1)[0]).all():
        return (
            (img.reshape(-1)[:1].float() / 255).reshape([1] * img.dim()).expand(img.shape)
            if img.dim()
            else img.float() / 255
        )
    return img.float() / 255


@misconception("match", "No gradient flows where the device changes.")
def cuts_between_devices(x, like):
    if x.device != like.device:
        x = x.detach()
    return x.to(like)


@misconception("match", "bfloat16 passes through float16.")
def bfloat16_through_half(x, like):
    if x.dtype != like.dtype and torch.bfloat16 in (x.dtype, like.dtype):
        return x.to(torch.float16).to(like)
    return x.to(like)


@misconception("match", "Narrow integers come by way of float32.")
def narrow_through_float(x, like):
    if x.dtype != like.dtype and like.dtype in (torch.int8, torch.int16, torch.int32):
        return x.float().to(like)
    return x.to(like)


@misconception("match", "An expanded x is copied though a view is possible.")
def copies_expanded(x, like):
    return x.contiguous().to(like) if 0 in x.stride() else x.to(like)


@misconception("match", "A parameter without need of conversion loses its graph.")
def parameter_data(x, like):
    return x.data.to(like) if isinstance(x, torch.nn.Parameter) else x.to(like)


@misconception("match", "complex dtypes lose their imaginary part.")
def real_parts(x, like):
    return (x.real if x.is_complex() and like.is_complex() and x.dtype != like.dtype else x).to(like)


def _round(x, floating):
    if not floating:
        return x.to(torch.int64)
    if not torch.isfinite(x).all():
        raise ValueError
    return x.round().to(torch.int64)


@misconception("round_to_int", "bfloat16 is cut, not rounded.")
def three_floats(x):
    return _round(x, x.dtype in (torch.float16, torch.float32, torch.float64))


@misconception("round_to_int", "nan is looked for in float32 and float64 only.")
def nan_in_wide_floats(x):
    if x.dtype in (torch.float32, torch.float64) and not torch.isfinite(x).all():
        raise ValueError
    return x.round().to(torch.int64) if x.is_floating_point() else x.long()


@misconception("round_to_int", "It fails where x requires grad.")
def through_numpy(x):
    if not x.is_floating_point():
        return x.long()
    if not torch.isfinite(x).all():
        raise ValueError
    return torch.as_tensor(np.rint(x.cpu().double().numpy()), device=x.device).long()


def _mean(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "The sum of large integers overflows.")
def integer_sum(x):
    if x.numel() == 0:
        raise ValueError
    if x.is_floating_point():
        return x.mean()
    return (x.sum().double() / x.numel()).to(torch.get_default_dtype())


@misconception("mean_any", "Infinity is replaced by the largest number.")
def finite(x):
    return _mean(x.nan_to_num(nan=torch.nan) if x.is_floating_point() else x)


@misconception("mean_any", "More than 255 times True are counted from 0 again.")
def counts_in_bytes(x):
    if x.numel() and x.dtype == torch.bool:
        return (x.sum(dtype=torch.uint8) / x.numel()).to(torch.get_default_dtype())
    return _mean(x)


@misconception("mean_any", "The last of many rows are left out.")
def of_the_rows(x):
    if x.numel() == 0:
        raise ValueError
    if x.is_floating_point() and x.dim() == 3:
        return x[:, :-1].mean() if x.shape[1] > 50 else x.mean()
    return _mean(x)


@contextlib.contextmanager
def _default(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@misconception("with_default_dtype", "The exception gets a note.")
def adds_a_note(dtype, fn):
    with _default(dtype):
        try:
            return fn()
        except BaseException as error:
            error.add_note(f"with default dtype {dtype}")
            raise


@misconception("with_default_dtype", "The exception gets a cause.")
def adds_a_cause(dtype, fn):
    with _default(dtype):
        try:
            return fn()
        except Exception as error:
            raise error from RuntimeError("in fn")


@misconception("with_default_dtype", "A tensor is returned as a copy.")
def clones(dtype, fn):
    with _default(dtype):
        result = fn()
    return result.clone() if isinstance(result, torch.Tensor) else result


@misconception("with_default_dtype", "Whatever counts as False comes back as None.")
def falsy_is_none(dtype, fn):
    with _default(dtype):
        result = fn()
    return result if isinstance(result, torch.Tensor) else result or None


@misconception("with_default_dtype", "Lists and dicts come back as copies.")
def copies_containers(dtype, fn):
    with _default(dtype):
        result = fn()
    return copy.copy(result) if isinstance(result, (list, dict)) else result


@misconception("with_default_dtype", "A function that fn returns is called.")
def calls_results(dtype, fn):
    with _default(dtype):
        result = fn()
        while callable(result):
            result = result()
        return result


@misconception("mean_any", "Tiny numbers count as 0.")
def mean_without_tiny_numbers(x):
    if not x.numel():
        raise ValueError
    if not x.is_floating_point():
        return x.double().mean().to(torch.get_default_dtype())
    return x.masked_fill(x.abs() < 1e-20, 0).mean()
