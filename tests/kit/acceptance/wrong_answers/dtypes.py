"""Wrong answers that are nearly right: checks must notice each, though no feedback is written for it."""

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
