"""Wrong solutions that students write, each with the sentence that helps them on."""

import torch

from autograder import misconception


@misconception(
    "predicted_pixel", "That is the sum on paper. How many different numbers fit into the eight bits of one pixel?"
)
def widens():
    return 300


@misconception(
    "predicted_pixel",
    "PyTorch does not stop at the largest number. Think of a mileage counter that has run out of digits.",
)
def saturates():
    return 255


@misconception("predicted_pixel", "You are one step too far past the end: how many numbers are there from 0 to 255?")
def off_by_one():
    return 45


@misconception("predicted_pixel", "Counting starts again at 0, but it does not stop there: how much is left to count?")
def starts_again_and_stops():
    return 0


@misconception("predicted_pixel", "The pixels are added; nothing is divided afterwards.")
def averages():
    return 150


@misconception(
    "predicted_dtypes",
    "`float32` is the usual default. Which default was set here, and which of the two functions looks at the numbers?",
)
def always_float32():
    return torch.float32, torch.float32


@misconception(
    "predicted_dtypes", "One of them is right. For the other, look at the first line of its cell, and at what it changed."
)
def capital_is_always_float32():
    return torch.int64, torch.float32


@misconception("predicted_dtypes", "The numbers have no decimal point, but only one of the two functions cares about that.")
def both_infer():
    return torch.int64, torch.int64


@misconception(
    "predicted_dtypes", "The default floating dtype matters only when a floating tensor is made. Do both lines make one?"
)
def both_default():
    return torch.float64, torch.float64


@misconception("predicted_dtypes", "Look at what section 1 printed for whole numbers: how wide are PyTorch's integers?")
def int32():
    return torch.int32, torch.float64


@misconception("predicted_dtypes", "One of them is right. Do the numbers of the other one have a decimal point?")
def inferred_is_float32():
    return torch.float32, torch.float64


@misconception("predicted_dtypes", "You have them the other way round: which of the two functions looks at the numbers?")
def exchanged():
    return torch.float64, torch.int64


@misconception("scale_pixels", "Look at a medium grey before and after: the result should not be all zeros and ones.")
def floor_div(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return (img // 255).float()


@misconception("scale_pixels", "`view(dtype)` reads the same bytes as another type; it does not convert numbers.")
def view_bits(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.contiguous().view(torch.int8).float() / 255


@misconception(
    "scale_pixels", "What should happen to an image that is already floating? Read the end of the docstring.", minor=True
)
def no_check(img):
    return img.to(torch.float32) / 255


@misconception("scale_pixels", "What does the brightest pixel become? It should be exactly 1.0.")
def divide_by_256(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.to(torch.float32) / 256


@misconception("scale_pixels", "The divisor depends on the dtype, not on the image: try an image without a white pixel.")
def divide_by_maximum(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.to(torch.float32) / (img.max() if img.numel() else 1)


@misconception("scale_pixels", "Set another default dtype, call your function, and look at the dtype it returns.")
def default_dtype(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img / 255


@misconception("scale_pixels", "The values are converted, but not yet scaled to lie between 0 and 1.")
def not_scaled(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.to(torch.float32)


@misconception("scale_pixels", "The docstring asks for one particular floating type; look at the dtype of your result.")
def double(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.double() / 255


@misconception("scale_pixels", "`assert` does not raise the exception that the docstring asks for.", minor=True)
def asserts(img):
    assert img.dtype == torch.uint8
    return img.to(torch.float32) / 255


@misconception("scale_pixels", "You refuse only floating images. Which other dtypes are not uint8?", minor=True)
def refuses_floats_only(img):
    if img.is_floating_point():
        raise TypeError
    return img.to(torch.float32) / 255


@misconception(
    "scale_pixels",
    "An image may have any number of dimensions, and it should keep them.",
    also_true_of=("by_way_of_a_list",),
)
def flattens(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return (img.to(torch.float32) / 255).flatten()


@misconception(
    "scale_pixels", "Which exception does your function raise, and which one does the docstring name?", minor=True
)
def raises_value_error(img):
    if img.dtype != torch.uint8:
        raise ValueError
    return img.to(torch.float32) / 255


@misconception(
    "scale_pixels", "Is the darkest pixel always black, and the brightest always white? Try an image without such pixels."
)
def stretches_the_contrast(img):
    if img.dtype != torch.uint8:
        raise TypeError
    x = img.to(torch.float32)
    return (x - x.min()) / (x.max() - x.min()) if img.numel() > 1 else x / 255


@misconception("scale_pixels", "The docstring asks for one particular floating type; look at the dtype of your result.")
def half(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return img.half() / 255


@misconception(
    "scale_pixels",
    "Compare the shape of your result with that of the image. And if you went through a Python list: which device is it on?",
    also_true_of=("flattens",),
)
def by_way_of_a_list(img):
    if img.dtype != torch.uint8:
        raise TypeError
    return torch.tensor([value / 255 for value in img.flatten().tolist()], dtype=torch.float32)


@misconception(
    "match",
    "The values arrive, but the gradient does not: something in your function builds a new tensor from bare numbers.",
)
def rewrap(x, like):
    return torch.tensor(x.tolist(), dtype=like.dtype, device=like.device)


@misconception(
    "match",
    "You matched only one of two properties of `like`. What else decides whether two tensors can be combined?",
)
def dtype_only(x, like):
    return x.to(like.dtype)


@misconception(
    "match",
    "You matched only one of two properties of `like`. What else decides whether two tensors can be combined?",
)
def device_only(x, like):
    return x.to(like.device)


@misconception(
    "match", "If nothing has to change: do x and your result share their storage?", also_true_of=("wraps_the_tensor",)
)
def clone(x, like):
    return x.clone().to(like)


@misconception("match", "If nothing has to change, nothing should be copied, whatever x's strides are: try a transposed x.")
def contiguous(x, like):
    return x.contiguous().to(like)


@misconception(
    "match", "Follow the graph from your result back to x: somewhere it is cut.", also_true_of=("wraps_the_tensor",)
)
def detached(x, like):
    return x.detach().to(like)


@misconception("match", "Which of the two tensors should change, and which one is the model to follow?")
def other_way_round(x, like):
    return like.to(x)


@misconception("match", "`view(dtype)` reads the same bytes as another type; it does not convert numbers.")
def view_as_type(x, like):
    return x.contiguous().view(like.dtype).to(like.device)


@misconception(
    "match",
    "`like` only says which dtype and device you want. Its values and its shape do not matter.",
    also_true_of=("into_the_shape_of_like",),
)
def arithmetic(x, like):
    return x + torch.zeros_like(like)


@misconception(
    "match", "PyTorch has a rule for the fraction when it converts to an integer type, and the rule is not rounding."
)
def rounds(x, like):
    if x.is_floating_point() and not like.is_floating_point() and like.dtype != torch.bool:
        x = x.round()
    return x.to(like)


@misconception(
    "match",
    "The values arrive, but the gradient does not: something in your function builds a new tensor from bare numbers.",
)
def wraps_the_tensor(x, like):
    return torch.tensor(x, dtype=like.dtype, device=like.device)


@misconception("round_to_int", "Try -1.7 and 1.7: converting to an integer type does not round.")
def truncate(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return x.long()


@misconception("round_to_int", "All your ties go up; the docstring asks for another rule (try 0.5 and 2.5).")
def floor_half(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return torch.floor(x.double() + 0.5).long()


@misconception("round_to_int", "Your ties go away from zero; the docstring asks for another rule (try 0.5 and -2.5).")
def half_away_from_zero(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    numbers = x.double()
    return (numbers.sign() * (numbers.abs() + 0.5).floor()).long()


@misconception("round_to_int", "Adding a half and cutting off the fraction works on only one side of zero: try -1.7.")
def add_half_and_truncate(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return (x.double() + 0.5).long()


@misconception("round_to_int", "`.int()` gives a different integer type from the one that class indices need.")
def as_int32(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return (torch.round(x) if x.is_floating_point() else x).int()


@misconception("round_to_int", "The numbers are rounded; now look at the dtype you return them in.")
def still_floating(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return torch.round(x) if x.is_floating_point() else x


@misconception("round_to_int", "Which integer is nearest to nan? Print what your function turns it into.")
def no_finite_check(x):
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "You refuse nan. Which other floating values have no nearest integer?")
def only_nan(x):
    if x.isnan().any():
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "You refuse infinity, but not nan: nan is not equal to anything, not even to itself.")
def only_infinity(x):
    if x.is_floating_point() and x.isinf().any():
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "A single good value among the bad ones satisfies your test: mix nan with ordinary numbers.")
def any_finite(x):
    if x.numel() and not torch.isfinite(x).any():
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "Not every dtype can be rounded. Try a mask.")
def rounds_everything(x):
    if not torch.isfinite(x).all():
        raise ValueError
    return torch.round(x).long()


@misconception("round_to_int", "Infinity comes with two signs.")
def forgets_minus_infinity(x):
    if x.is_floating_point() and (x.isnan() | (x == float("inf"))).any():
        raise ValueError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("round_to_int", "Large whole numbers lost their last digits: which dtype did they go through?")
def whole_numbers_by_way_of_float32(x):
    x = x.float()
    if not torch.isfinite(x).all():
        raise ValueError
    return x.round().long()


@misconception("round_to_int", "All your ties go down; the docstring asks for another rule (try 1.5 and -0.5).")
def ties_down(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError
    return torch.ceil(x.double() - 0.5).long()


@misconception("round_to_int", "Which exception does your function raise, and which one does the docstring name?")
def raises_type_error(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise TypeError
    return (x.round() if x.is_floating_point() else x).long()


@misconception("mean_any", "Try a bool mask: `mean()` needs a type that can hold a fraction.")
def plain(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean()


@misconception("mean_any", "If half of a mask is True, its mean is 0.5; integer division cannot give you that.")
def int_div(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean() if x.is_floating_point() else x.sum() // x.numel()


@misconception(
    "mean_any", "You named a dtype; the docstring names a setting. Change the setting and run your function again."
)
def hard32(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean() if x.is_floating_point() else x.float().mean()


@misconception("mean_any", "Look at the dtype you get for a float64 tensor, and at the last digits.")
def always_float(x):
    if x.numel() == 0:
        raise ValueError
    return x.float().mean()


@misconception("mean_any", "The dtype is right in the end, but digits lost on the way do not come back.")
def by_way_of_float32(x):
    if x.numel() == 0:
        raise ValueError
    return x.float().mean().to(x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "A floating tensor keeps its own dtype, whatever the default is.")
def always_default(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean(dtype=torch.get_default_dtype())


@misconception("mean_any", "Which dtype does a floating tensor have before your function, and which one after?")
def always_double(x):
    if x.numel() == 0:
        raise ValueError
    return x.double().mean()


@misconception("mean_any", "You return a Python number; what happened to the tensor, its dtype and its graph?")
def item(x):
    if x.numel() == 0:
        raise ValueError
    return x.double().mean().item()


@misconception("mean_any", "The number is right, but your tensor still has a dimension: look at its shape.")
def keeps_a_dimension(x):
    if x.numel() == 0:
        raise ValueError
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    return x.flatten().mean(dim=0, keepdim=True)


@misconception("mean_any", "The mean over all elements runs over all dimensions, not just the first.")
def first_dimension(x):
    if x.numel() == 0:
        raise ValueError
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    return x.mean(dim=0)


@misconception("mean_any", "How many elements does an (8, 5) tensor have, and what does `len` say?")
def divides_by_len(x):
    if x.numel() == 0:
        raise ValueError
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    return x.sum() / (len(x) if x.dim() else 1)


@misconception("mean_any", "Your sum uses the elements' own small dtype: add up some bright pixels by hand.")
def sums_in_own_type(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean() if x.is_floating_point() else x.sum(dtype=x.dtype) / x.numel()


@misconception("mean_any", "What is the mean of nothing? Try torch.tensor([]).", minor=True)
def no_empty_check(x):
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "Does a gradient flow back to x from what you return?", also_true_of=("new_tensor_of_a_number",))
def cuts_the_graph(x):
    if x.numel() == 0:
        raise ValueError
    return x.detach().mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "(0,) is not the only shape without elements.", minor=True)
def checks_the_length_only(x):
    if x.dim() and len(x) == 0:
        raise ValueError
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "Your sum uses the elements' own small dtype: add up some bright pixels by hand.")
def sums_in_a_loop(x):
    if x.numel() == 0:
        raise ValueError
    return sum(x.flatten()) / x.numel()


@misconception("mean_any", "`assert` raises AssertionError; the docstring names another exception.", minor=True)
def asserts_elements(x):
    assert x.numel() > 0
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception("mean_any", "You list two floating types by name. Which others are there?")
def knows_two_floating_types(x):
    if x.numel() == 0:
        raise ValueError
    return x.mean() if x.dtype in (torch.float32, torch.float64) else x.to(torch.get_default_dtype()).mean()


@misconception("mean_any", "You make a new tensor from a number: which device is it on, and what happened to the graph?")
def new_tensor_of_a_number(x):
    if x.numel() == 0:
        raise ValueError
    return torch.tensor(x.double().mean().item(), dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


@misconception(
    "with_default_dtype",
    "Print torch.get_default_dtype() after the call: everybody's new tensors now have another dtype.",
    also_true_of=("restores_only_after_exceptions",),
)
def never_reset(dtype, fn):
    torch.set_default_dtype(dtype)
    return fn()


@misconception("with_default_dtype", "Let fn raise, then look at the default dtype.")
def no_finally(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    result = fn()
    torch.set_default_dtype(old)
    return result


@misconception(
    "with_default_dtype",
    "You restore the usual default. What if it was something else before?",
    also_true_of=("back_to_float32_without_finally",),
)
def back_to_float32(dtype, fn):
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(torch.float32)


@misconception("with_default_dtype", "The caller never learns that fn failed: where did its exception go?")
def swallows(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    except Exception:
        return None
    finally:
        torch.set_default_dtype(old)


@misconception("with_default_dtype", "An exception comes out, but is it the one fn raised?")
def wraps_the_exception(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    except Exception as error:
        raise RuntimeError("fn failed") from error
    finally:
        torch.set_default_dtype(old)


@misconception("with_default_dtype", "You compute fn's result and then drop it: what does your function return?")
def returns_nothing(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        fn()
    finally:
        torch.set_default_dtype(old)


@misconception("with_default_dtype", "Converting the result is not the same: what does fn itself see while it runs?")
def converts_the_result(dtype, fn):
    result = fn()
    return result.to(dtype) if isinstance(result, torch.Tensor) else result


@misconception("with_default_dtype", "Count how often fn runs; it may do things that nobody wants done twice.")
def calls_twice(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        fn()
        return fn()
    finally:
        torch.set_default_dtype(old)


@misconception(
    "with_default_dtype",
    "Which default dtype does fn see while it runs? Print it inside fn.",
    also_true_of=("converts_the_result",),
)
def resets_too_early(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    torch.set_default_dtype(old)
    return fn()


@misconception("with_default_dtype", "What do you return: fn itself, or what fn returns?")
def returns_fn(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn
    finally:
        torch.set_default_dtype(old)


@misconception(
    "with_default_dtype", "If fn returns normally, which default dtype do you leave behind?", also_true_of=("never_reset",)
)
def restores_only_after_exceptions(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    except Exception:
        torch.set_default_dtype(old)
        raise


@misconception("with_default_dtype", "fn may return anything, even None; and which default dtype does it see while it runs?")
def converts_any_result(dtype, fn):
    return fn().to(dtype)


@misconception(
    "with_default_dtype",
    "Start from a default other than float32, and let fn return or raise: what do you leave behind?",
    also_true_of=("back_to_float32",),
)
def back_to_float32_without_finally(dtype, fn):
    torch.set_default_dtype(dtype)
    result = fn()
    torch.set_default_dtype(torch.float32)
    return result


@misconception("scale_pixels", "The numbers are right. Which order are the axes in, and which should they be in?")
def channels_first(img):
    if img.dtype != torch.uint8:
        raise TypeError
    scaled = img.to(torch.float32) / 255
    return scaled.permute(2, 0, 1) if scaled.dim() == 3 else scaled


@misconception(
    "match",
    "Give `like` a different shape from x: which of the two shapes should the result have?",
    also_true_of=("arithmetic",),
)
def into_the_shape_of_like(x, like):
    return torch.empty_like(like).copy_(x)


@misconception("match", "Try an x and a `like` of the same dtype on two devices.")
def moves_only_with_another_dtype(x, like):
    return x if x.dtype == like.dtype else x.to(like)


@misconception("with_default_dtype", "Not everything that can be raised is an Exception: what if Ctrl+C interrupts fn?")
def restores_after_exceptions_only(dtype, fn):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        result = fn()
    except Exception:
        torch.set_default_dtype(before)
        raise
    torch.set_default_dtype(before)
    return result


@misconception("mean_any", "The mean of many float16 numbers fits into float16. Does their sum?")
def divides_a_sum(x):
    if x.numel() == 0:
        raise ValueError
    return x.sum() / x.numel()


@misconception("match", "Only the dtype and the device of `like` should matter: what if `like` holds nan?")
def adds_zero_times_like(x, like):
    return x.to(like) + 0 * like.flatten()[:1].sum() if like.is_floating_point() and like.numel() else x.to(like)
