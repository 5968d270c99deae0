"""Wrong answers that are nearly right: checks must notice each, though no feedback is written for it."""

import math

import torch

from autograder import misconception


@misconception("nhwc_to_nchw", "An image of one channel is copied, because a reshape is thought to be enough there.")
def copies_single_channels(x):
    if x.dim() != 4:
        raise ValueError
    return x.clone().movedim(-1, 1) if x.shape[-1] == 1 else x.movedim(-1, 1)


@misconception("nhwc_to_nchw", "Any number of dimensions from 4 up is accepted.", minor=True)
def moves_the_last_of_many_axes(x):
    if x.dim() < 4:
        raise ValueError
    return x.movedim(-1, -3)


@misconception("nhwc_to_nchw", "The strides are those of a contiguous tensor.")
def strides_of_a_contiguous_tensor(x):
    if x.dim() != 4:
        raise ValueError
    n, h, w, c = x.shape
    return x.as_strided((n, c, h, w), (h * w * c, 1, w * c, c))


@misconception("nhwc_to_nchw", "A view made without a record: no gradient flows.")
def moves_without_recording(x):
    if x.dim() != 4:
        raise ValueError
    with torch.no_grad():
        return x.permute(0, 3, 1, 2)


@misconception("flatten_batch", "A vector is copied on its way to a column.")
def copies_vectors(x):
    if x.dim() == 0:
        raise ValueError
    if x.dim() == 1:
        return torch.stack([x], dim=1)
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("flatten_batch", "An empty batch is returned as it is.")
def empty_batches_as_they_are(x):
    if x.dim() == 0:
        raise ValueError
    return x if x.numel() == 0 else x.reshape(x.shape[0], -1)


@misconception("flatten_batch", "Every tensor with a single element is refused.")
def refuses_single_elements(x):
    if x.numel() == 1:
        raise ValueError
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("split_heads", "The order of time steps and heads is wrong if there are as many of one as of the other.")
def transposes_only_if_it_shows(x, num_heads):
    batch, time, width = x.shape
    if width % num_heads:
        raise ValueError
    cut = x.reshape(batch, time, num_heads, width // num_heads)
    return cut if time == num_heads else cut.transpose(1, 2)


@misconception("split_heads", "It refuses too few features only if the remainder is 1.", minor=True)
def refuses_a_remainder_of_one(x, num_heads):
    batch, time, width = x.shape
    if width % num_heads == 1:
        raise ValueError
    features = width // num_heads
    return x[..., : features * num_heads].reshape(batch, time, num_heads, features).transpose(1, 2)


@misconception("split_heads", "The heads are written to an empty float32 tensor on x's device.")
def heads_into_float32(x, num_heads):
    batch, time, width = x.shape
    if width % num_heads:
        raise ValueError
    out = torch.empty(batch, num_heads, time, width // num_heads, device=x.device)
    out.copy_(x.reshape(batch, time, num_heads, -1).transpose(1, 2))
    return out


@misconception("merge_heads", "Heads and time are not exchanged if there are as many of one as of the other.")
def exchanges_only_if_it_shows(x):
    batch, heads, time, features = x.shape
    return (x if heads == time else x.transpose(1, 2)).reshape(batch, time, heads * features)


@misconception("merge_heads", "A contiguous input is merged by a view, in the wrong order.")
def views_what_is_contiguous(x):
    batch, heads, time, features = x.shape
    if x.is_contiguous():
        return x.view(batch, time, heads * features)
    return x.transpose(1, 2).reshape(batch, time, heads * features)


@misconception("patchify", "Height and width of the grid are mixed up unless the image is square.")
def grid_of_a_square(img, p):
    batch, channels, height, width = img.shape
    if height % p or width % p:
        raise ValueError
    rows, columns = (height // p, width // p) if height == width else (width // p, height // p)
    patches = img.unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 1, 4, 5)
    if height == width:
        return patches.reshape(batch, rows * columns, channels * p * p)
    return patches.reshape(batch, columns, rows, -1).transpose(1, 2).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "A p larger than the image gives one patch, filled with zeros.", minor=True)
def pads_small_images(img, p):
    height, width = img.shape[2:]
    if any(size > p and size % p for size in (height, width)):
        raise ValueError
    img = torch.nn.functional.pad(img, (0, max(p - width, 0), 0, max(p - height, 0)))
    return torch.nn.functional.unfold(img, p, stride=p).mT


@misconception("patchify", "The values pass through float16.")
def patches_in_half_precision(img, p):
    batch, channels, height, width = img.shape
    if height % p or width % p:
        raise ValueError
    patches = img.half().unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 1, 4, 5)
    return patches.reshape(batch, -1, channels * p * p).to(img.dtype)


@misconception("same_storage", "The address of the storage object, not that of its memory, is compared.")
def same_cdata(a, b):
    return a.numel() > 0 and b.numel() > 0 and a.untyped_storage()._cdata == b.untyped_storage()._cdata


@misconception("same_storage", "A parameter is taken for a tensor with memory of its own.")
def parameters_stand_alone(a, b):
    if a.numel() == 0 or b.numel() == 0 or isinstance(a, torch.nn.Parameter) != isinstance(b, torch.nn.Parameter):
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "The start of the storage is computed without the size of the elements.")
def offsets_in_elements(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False
    return a.data_ptr() - 4 * a.storage_offset() == b.data_ptr() - 4 * b.storage_offset()


@misconception("same_storage", "The storages are compared by their contents.")
def equal_bytes(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False
    return bytes(a.untyped_storage().cpu()) == bytes(b.untyped_storage().cpu())


@misconception("nhwc_to_nchw", "The view starts at the beginning of the storage, wherever x does.")
def as_strided_no_offset(x):
    if x.dim() != 4:
        raise ValueError
    n, h, w, c = x.shape
    a, b, d, e = x.stride()
    return torch.as_strided(x, (n, c, h, w), (a, e, b, d), 0)


@misconception("nhwc_to_nchw", "A parameter loses its gradient.")
def detach_leaf(x):
    if x.dim() != 4:
        raise ValueError
    return (x.data if isinstance(x, torch.nn.Parameter) else x).permute(0, 3, 1, 2)


@misconception("flatten_batch", "A bool tensor is copied.")
def copies_bool(x):
    if x.dim() == 0:
        raise ValueError
    if x.dtype == torch.bool:
        return x.byte().reshape(x.shape[0], math.prod(x.shape[1:])).bool()
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("split_heads", "What is not contiguous is copied without a record.")
def grad_only_contig(x, num_heads):
    b, t, d = x.shape
    if d % num_heads:
        raise ValueError
    y = x if x.is_contiguous() else x.detach().contiguous()
    return y.view(b, t, num_heads, d // num_heads).transpose(1, 2)


@misconception("merge_heads", "A single head is merged without a record.")
def merge_einsum(x):
    return torch.cat(list(x.unbind(1)), -1) if x.shape[1] > 1 else x[:, 0].detach()


@misconception("patchify", "An image that is one patch loses its gradient.")
def p_zero(img, p):
    b, c, h, w = img.shape
    if h % p or w % p:
        raise ValueError
    if p == h == w:
        return img.reshape(b, 1, c * p * p).detach()
    return img.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, (h // p) * (w // p), c * p * p)


@misconception("same_storage", "It silences warnings for good.")
def filters(a, b):
    import warnings

    warnings.simplefilter("ignore")
    if a.numel() == 0 or b.numel() == 0:
        return False
    return a.storage().data_ptr() == b.storage().data_ptr()


def _four(x):
    if x.dim() != 4:
        raise ValueError


@misconception("nhwc_to_nchw", "complex numbers lose their imaginary part.")
def real_only(x):
    _four(x)
    return (x.real if x.is_complex() else x).permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "bfloat16 becomes float32.")
def bfloat(x):
    _four(x)
    return (x.float() if x.dtype == torch.bfloat16 else x).permute(0, 3, 1, 2)


@misconception("flatten_batch", "An expanded x is copied though a view is possible.")
def copies_expanded(x):
    if x.dim() == 0:
        raise ValueError
    x = x.contiguous() if 0 in x.stride() else x
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("flatten_batch", "An x that requires grad is copied.")
def copies_grad(x):
    if x.dim() == 0:
        raise ValueError
    return (x.clone() if x.requires_grad else x).reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("flatten_batch", "Complex numbers lose their imaginary part.")
def no_complex(x):
    if x.dim() == 0:
        raise ValueError
    x = x.real if x.is_complex() else x
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("flatten_batch", "A 0-dim tensor raises an IndexError.", minor=True)
def index_error(x):
    return x.reshape(x.size(0), math.prod(x.shape[1:]))


@misconception("split_heads", "Integers pass through float64.")
def via_float(x, num_heads):
    b, t, d = x.shape
    if d % num_heads:
        raise ValueError
    y = x.double().reshape(b, t, num_heads, d // num_heads).transpose(1, 2)
    return y.to(x.dtype)


@misconception("merge_heads", "Integers go through float32.")
def merge_float(x):
    b, h, t, d = x.shape
    y = x if x.is_floating_point() else x.float()
    return y.transpose(1, 2).reshape(b, t, h * d).to(x.dtype)


@misconception("split_heads", "nan becomes 0.")
def heads_without_nan(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError
    x = x.nan_to_num() if x.is_floating_point() else x
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


@misconception("merge_heads", "Tiny numbers become 0.")
def merged_without_tiny_numbers(x):
    x = x.masked_fill(x.abs() < 1e-20, 0) if x.is_floating_point() else x
    return x.transpose(1, 2).flatten(2)


@misconception("patchify", "Tiny numbers become 0.")
def patches_without_tiny_numbers(img, p):
    if img.shape[-2] % p or img.shape[-1] % p:
        raise ValueError
    tiles = img.masked_fill(img.abs() < 1e-20, 0).unfold(2, p, p).unfold(3, p, p)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
