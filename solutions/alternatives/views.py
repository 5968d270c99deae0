"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

from autograder import alternative


@alternative("predicted_entries")
def entries_in_a_list():
    return [torch.tensor(5), 9.0]


@alternative("predicted_views")
def ones_and_zeros():
    return [1, 0, 1]


@alternative("predicted_views")
def names_of_truth_values():
    return "True", "False", "True"


@alternative("nhwc_to_nchw")
def by_movedim(x):
    if x.ndim != 4:
        raise ValueError("no images")
    return x.movedim(-1, 1)


@alternative("nhwc_to_nchw")
def by_two_transposes(x):
    if len(x.shape) != 4:
        raise ValueError(x.shape)
    return torch.transpose(x, 1, 3).transpose(2, 3)


@alternative("nhwc_to_nchw")
def by_einsum(x):
    try:
        _, _, _, _ = x.shape
    except ValueError:
        raise ValueError("no images") from None
    return torch.einsum("nhwc->nchw", x)


@alternative("nhwc_to_nchw")
def by_strides(x):
    if x.dim() != 4:
        raise ValueError(x.dim())
    n, h, w, c = x.size()
    s = x.stride()
    return x.as_strided((n, c, h, w), (s[0], s[3], s[1], s[2]), x.storage_offset())


@alternative("nhwc_to_nchw")
def by_a_new_axis(x):
    if len(x.size()) != 4:
        raise ValueError("no images")
    return x[:, None].transpose(1, -1).squeeze(-1)


@alternative("flatten_batch")
def by_flatten(x):
    if x.dim() == 0:
        raise ValueError
    return x.unsqueeze(-1).flatten(start_dim=1)


@alternative("flatten_batch")
def by_case(x):
    if not x.shape:
        raise ValueError("no batch dimension")
    return x[:, None] if x.dim() == 1 else torch.flatten(x, 1)


@alternative("flatten_batch")
def view_or_copy(x):
    if x.ndim < 1:
        raise ValueError(x)
    columns = 1
    for size in x.shape[1:]:
        columns *= size
    try:
        return x.view(len(x), columns)
    except RuntimeError:
        return x.contiguous().view(len(x), columns)


@alternative("flatten_batch")
def by_module(x):
    try:
        x.size(0)
    except IndexError as error:
        raise ValueError from error
    return nn.Flatten()(x if x.dim() > 1 else x.view(-1, 1) if len(x) else x.view(0, 1))


@alternative("flatten_batch")
def axis_by_axis(x):
    if x.dim() < 1:
        raise ValueError("no batch dimension")
    while x.dim() > 2:
        x = x.flatten(-2)
    return x if x.dim() == 2 else x[:, None]


@alternative("flatten_batch")
def empty_ones_apart(x):
    if x.dim() == 0:
        raise ValueError("no batch dimension")
    if x.numel() == 0:
        return x.new_empty(x.shape[0], x.shape[1:].numel())
    return x.reshape(x.shape[0], -1)


@alternative("split_heads")
def by_unflatten(x, num_heads):
    if x.shape[-1] % num_heads != 0:
        raise ValueError
    return x.unflatten(-1, (num_heads, x.shape[-1] // num_heads)).permute(0, 2, 1, 3)


@alternative("split_heads")
def by_chunks(x, num_heads):
    features, rest = divmod(x.size(2), num_heads)
    if rest:
        raise ValueError(rest)
    return torch.stack(x.split(features, dim=2), dim=1)


@alternative("split_heads")
def by_loop(x, num_heads):
    batch, time, width = x.shape
    if width % num_heads:
        raise ValueError
    step = width // num_heads
    out = x.new_empty(batch, num_heads, time, step)
    for head in range(num_heads):
        out[:, head] = x[:, :, head * step : (head + 1) * step]
    return out


@alternative("split_heads")
def by_view_of_any_strides(x, num_heads):
    if x.shape[2] // num_heads * num_heads != x.shape[2]:
        raise ValueError
    return x.view(*x.shape[:2], num_heads, -1).swapaxes(1, 2).contiguous()


@alternative("split_heads")
def by_unfold(x, num_heads):
    if x.size(-1) % num_heads:
        raise ValueError("indivisible")
    features = x.size(-1) // num_heads
    return x.unfold(2, features, features).transpose(1, 2)


@alternative("split_heads")
def by_a_table_of_indices(x, num_heads):
    if x.size(-1) % num_heads:
        raise ValueError("indivisible")
    table = torch.arange(x.size(-1), device=x.device).view(num_heads, -1)
    return x[:, :, table].permute(0, 2, 1, 3)


@alternative("merge_heads")
def by_flattening(x):
    return x.permute(0, 2, 1, 3).flatten(2)


@alternative("merge_heads")
def by_cat(x):
    return torch.cat(x.unbind(dim=1), dim=-1)


@alternative("merge_heads")
def by_contiguous(x):
    batch, _, time, _ = x.shape
    return x.swapdims(1, 2).contiguous().view(batch, time, -1)


@alternative("merge_heads")
def by_swapaxes(x):
    return torch.swapaxes(x, -3, -2).flatten(start_dim=-2)


@alternative("merge_heads")
def entry_by_entry(x):
    batch, heads, time, width = x.shape
    rows = [
        torch.stack([x[b, h, t, j] for h in range(heads) for j in range(width)]) for b in range(batch) for t in range(time)
    ]
    return torch.stack(rows).view(batch, time, heads * width)


@alternative("merge_heads")
def merged_by_einsum(x):
    return torch.einsum("bhtj->bthj", x).reshape(x.size(0), x.size(2), x.size(1) * x.size(3))


@alternative("merge_heads")
def by_matrix_product(x):
    _, heads, _, features = x.shape
    width = heads * features
    places = torch.eye(width, dtype=x.dtype, device=x.device).reshape(heads, features, width)
    return torch.einsum("bhtd,hde->bte", x, places)


def _refuse(img, p):
    if img.shape[-1] % p != 0 or img.shape[-2] % p != 0:
        raise ValueError("p has to divide both sizes")


@alternative("patchify")
def by_tensor_unfold(img, p):
    _refuse(img, p)
    windows = img.unfold(2, p, p).unfold(3, p, p)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@alternative("patchify")
def by_functional_unfold(img, p):
    _refuse(img, p)
    return F.unfold(img, kernel_size=p, stride=p).mT


@alternative("patchify")
def by_pixel_unshuffle(img, p):
    _refuse(img, p)
    return F.pixel_unshuffle(img, p).flatten(2).transpose(1, 2)


@alternative("patchify")
def by_slices(img, p):
    _refuse(img, p)
    batch, _, height, width = img.shape
    corners = [(top, left) for top in range(0, height, p) for left in range(0, width, p)]
    return torch.stack([img[:, :, top : top + p, left : left + p].reshape(batch, -1) for top, left in corners], dim=1)


@alternative("patchify")
def by_convolution(img, p):
    _refuse(img, p)
    size = img.shape[1] * p * p
    pickers = torch.eye(size, dtype=img.dtype, device=img.device).view(size, img.shape[1], p, p)
    return F.conv2d(img, pickers, stride=p).flatten(2).mT


@alternative("patchify")
def by_two_splits(img, p):
    _refuse(img, p)
    rows = torch.stack(img.split(p, dim=2), dim=1)
    return torch.stack(rows.split(p, dim=4), dim=2).flatten(3).flatten(1, 2)


@alternative("patchify")
def by_indices(img, p):
    _refuse(img, p)
    batch, channels, height, width = img.shape
    i = torch.arange(height, device=img.device).view(-1, 1, p, 1)
    j = torch.arange(width, device=img.device).view(1, -1, 1, p)
    return img[:, :, i, j].permute(0, 2, 3, 1, 4, 5).reshape(batch, -1, channels * p * p)


@alternative("same_storage")
def first_byte_of_the_storage(a, b):
    def start(tensor):
        return tensor.device, tensor.data_ptr() - tensor.storage_offset() * tensor.element_size()

    return bool(a.numel() and b.numel() and start(a) == start(b))


@alternative("same_storage")
def warning_kept_back(a, b):
    if 0 in a.shape or 0 in b.shape:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return a.storage().data_ptr() == b.storage().data_ptr()


@alternative("same_storage")
@torch.no_grad()
def of_detached_tensors(a, b):
    addresses = {tensor.detach().untyped_storage().data_ptr() for tensor in (a, b)}
    return all(tensor.nelement() for tensor in (a, b)) and len(addresses) == 1


@alternative("same_storage")
def same_device_and_address(a, b):
    if 0 in (a.nelement(), b.nelement()):
        return False
    one, other = a.untyped_storage(), b.untyped_storage()
    return one.device == other.device and one.data_ptr() == other.data_ptr() and one.nbytes() == other.nbytes()
