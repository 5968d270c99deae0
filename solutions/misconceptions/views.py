"""Wrong solutions that students write, each with the sentence that helps."""

import math

import numpy as np
import torch

from autograder import misconception


@misconception("predicted_entries", "The numbers are right; which of the two tensors has its axes swapped?")
def entries_exchanged():
    return 9, 5


@misconception("predicted_entries", "That is a[1, 2]. Do the new tensors still have four columns?")
def entries_as_before():
    return 6, 6


@misconception("predicted_entries", "Both tensors have the same shape. Do they have the same entries?")
def both_regrouped():
    return 5, 5


@misconception(
    "predicted_entries", "One of the two only splits the row of numbers elsewhere; its axes do not change places."
)
def both_reordered():
    return 9, 9


@misconception("predicted_entries", "Indices count from 0: entry [1, 2] is in the second row and the third column.")
def entries_counted_from_one():
    return 1, 4


@misconception("predicted_entries", "One of them is right. In the other one, row and column are swapped.")
def turned_keeps_its_entries():
    return 5, 6


@misconception("predicted_views", "Contiguous or not is only half of the question. Do all of the calls merge axes?")
def never_without_contiguity():
    return False, False, False


@misconception(
    "predicted_views", "In which order would the second call have to go through memory, and with which step width?"
)
def always():
    return True, True, True


@misconception("predicted_views", "One call merges two axes that follow each other in memory. Look at the strides.")
def merging_never():
    return True, False, False


@misconception("predicted_views", "One of the calls only splits an axis. What could prevent that?")
def cutting_never():
    return False, False, True


@misconception(
    "predicted_views", "Two of the calls merge axes, and one of them works: compare the strides of the merged axes."
)
def merging_exchanged():
    return True, True, False


def _images(x):
    if x.dim() != 4:
        raise ValueError
    return x.shape


@misconception("nhwc_to_nchw", "The shape is right, but the picture is scrambled: reshaping does not move axes.")
def images_by_reshape(x):
    n, h, w, c = _images(x)
    return x.reshape(n, c, h, w)


@misconception("nhwc_to_nchw", "permute's arguments say where each OUTPUT axis comes from, not where each input axis goes.")
def inverse_order(x):
    _images(x)
    return x.permute(0, 2, 3, 1)


@misconception("nhwc_to_nchw", "The channels are in the right place; are the images still upright?")
def height_and_width_exchanged(x):
    _images(x)
    return x.transpose(1, 3)


@misconception("nhwc_to_nchw", "You swapped the channels with the wrong axis: compare the shapes axis by axis.")
def channels_and_width_exchanged(x):
    _images(x)
    return x.transpose(2, 3)


@misconception("nhwc_to_nchw", "Which axis should come before the channels?")
def channels_in_front_of_the_batch(x):
    _images(x)
    return x.movedim(-1, 0)


@misconception(
    "nhwc_to_nchw", "A single image without a batch dimension should raise the error that the docstring names.", minor=True
)
def any_number_of_dimensions(x):
    return x.permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "You add a batch dimension to a single image; the docstring asks for an error.", minor=True)
def single_images_welcome(x):
    if x.dim() == 3:
        x = x[None]
    _images(x)
    return x.permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "You refuse too few dimensions. What about too many?", minor=True)
def too_few_dimensions_only(x):
    if x.dim() < 4:
        raise ValueError
    return x.movedim(-1, 1)


@misconception("nhwc_to_nchw", "`assert` raises AssertionError; the docstring names another exception.", minor=True)
def asserts_four_dimensions(x):
    assert x.dim() == 4
    return x.permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "The entries are right. If you write to the result, does x change?")
def contiguous_images(x):
    _images(x)
    return x.permute(0, 3, 1, 2).contiguous()


@misconception("nhwc_to_nchw", "Give your function an x that requires grad: does a gradient flow back to it?")
def images_without_graph(x):
    _images(x)
    return x.detach().permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "Images of whole numbers are images, too: which dtype does your result have?")
def floating_images(x):
    _images(x)
    return x.float().permute(0, 3, 1, 2)


@misconception("nhwc_to_nchw", "A batch of one image is still a batch: what happened to its axis?")
def loses_the_batch_of_one(x):
    _images(x)
    images = x.permute(0, 3, 1, 2)
    return images.squeeze(0) if len(x) == 1 else images


@misconception("nhwc_to_nchw", "In an empty batch, a loop over the images finds nothing to stack; and stacking copies.")
def image_by_image(x):
    _images(x)
    return torch.stack([image.permute(2, 0, 1) for image in x])


@misconception(
    "nhwc_to_nchw", "Which exception does your function raise, and which one does the docstring name?", minor=True
)
def raises_type_error(x):
    if x.dim() != 4:
        raise TypeError
    return x.permute(0, 3, 1, 2)


def _batch(x):
    if x.dim() == 0:
        raise ValueError
    return x.shape[0], math.prod(x.shape[1:])


@misconception("flatten_batch", "Try a permuted tensor: view() cannot regroup it.")
def by_view(x):
    return x.view(_batch(x))


@misconception("flatten_batch", "The batch dimension is gone, too.")
def flattens_everything(x):
    _batch(x)
    return x.flatten()


@misconception("flatten_batch", "A contiguous input needs no copy at all.", also_true_of=("item_by_item",))
def clones(x):
    return x.clone().reshape(_batch(x))


@misconception("flatten_batch", "Not every non-contiguous tensor has to be copied: try every other item of a batch.")
def contiguous_first(x):
    return x.contiguous().view(_batch(x))


@misconception(
    "flatten_batch",
    "What does -1 stand for if the tensor is empty? reshape cannot always work that out.",
    also_true_of=("first_size_by_minus_one",),
)
def second_size_by_minus_one(x):
    n, _ = _batch(x)
    return x.reshape(n, -1)


@misconception(
    "flatten_batch",
    "-1 is computed by dividing. By what, if the batch or its items are empty?",
    also_true_of=("second_size_by_minus_one",),
)
def first_size_by_minus_one(x):
    _, columns = _batch(x)
    return x.reshape(-1, columns)


@misconception("flatten_batch", "What is there to flatten in a tensor of shape (N,)? Try one.")
def flatten_from_one(x):
    _batch(x)
    return x.flatten(1)


@misconception("flatten_batch", "Which shape should the result have for a batch of single numbers?")
def leaves_vectors_alone(x):
    _batch(x)
    return x if x.dim() == 1 else x.flatten(1)


@misconception("flatten_batch", "A batch of single numbers becomes many rows of one number, not one row of many.")
def vector_as_one_row(x):
    _batch(x)
    return x[None] if x.dim() == 1 else x.flatten(1)


@misconception("flatten_batch", "The last dimension survives: what should happen to all dimensions but the first?")
def keeps_the_last_dimension(x):
    _batch(x)
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@misconception("flatten_batch", "All elements of x[i] are in row i. Which order should they be in?")
def column_major(x):
    n, columns = _batch(x)
    return x.permute(0, *range(x.dim() - 1, 0, -1)).reshape(n, columns)


@misconception(
    "flatten_batch", "A tensor without dimensions has no batch dimension; what does the docstring say about it?", minor=True
)
def a_number_becomes_a_matrix(x):
    return x.reshape(1, 1) if x.dim() == 0 else x.reshape(_batch(x))


@misconception(
    "flatten_batch",
    "Which exception does your function raise for a 0-dim tensor, and which one does the docstring name?",
    minor=True,
)
def leaves_the_error_to_pytorch(x):
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@misconception("flatten_batch", "Which shape does a batch of one have after your function?")
def squeezes_the_batch(x):
    return x.reshape(_batch(x)).squeeze(0)


@misconception("flatten_batch", "How many elements does each item of an empty batch have? A division cannot tell.")
def divides_by_the_batch(x):
    n, _ = _batch(x)
    return x.reshape(n, x.numel() // n)


@misconception("flatten_batch", "Stacking copies, and in an empty batch there is nothing to stack.")
def item_by_item(x):
    _batch(x)
    return torch.stack([item.flatten() for item in x])


@misconception("flatten_batch", "Which shape does the caller's x have after your call?")
def resizes_the_input(x):
    n, columns = _batch(x)
    return x.resize_(n, columns) if not x.requires_grad else x.reshape(n, columns)


def _heads(x, num_heads):
    batch, time, width = x.shape
    if width % num_heads:
        raise ValueError
    return batch, time, width // num_heads


@misconception(
    "split_heads", "Right shape, wrong entries: you split the row of memory before naming the axes. Compare one entry."
)
def direct_view(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, num_heads, time, features)


@misconception("split_heads", "Heads and time are still in the old order.")
def no_transpose(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, time, num_heads, features)


@misconception("split_heads", "Which features belong to head 0: the first of them, or every H-th?")
def interleaved(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, time, features, num_heads).permute(0, 3, 1, 2)


@misconception("split_heads", "You swapped time with the features of a head. Which two axes should you swap?")
def time_and_features_exchanged(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, time, num_heads, features).permute(0, 2, 3, 1)


@misconception("split_heads", "The heads come before the batch. Where does the docstring put them?")
def heads_first(x, num_heads):
    return torch.stack(x.reshape(*x.shape[:2], num_heads, _heads(x, num_heads)[2]).unbind(2))


@misconception("split_heads", "num_heads is the number of heads. Is it also the number of features in each of them?")
def heads_as_features(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, time, features, num_heads).transpose(1, 2)


@misconception(
    "split_heads", "A width that num_heads does not divide should raise the error that the docstring names.", minor=True
)
def drops_the_rest(x, num_heads):
    features = x.shape[2] // num_heads
    return x[..., : features * num_heads].reshape(*x.shape[:2], num_heads, features).transpose(1, 2)


@misconception(
    "split_heads",
    "Which exception is raised if the width does not divide evenly, and which one does the docstring name?",
    minor=True,
)
def leaves_indivisible_to_pytorch(x, num_heads):
    batch, time, width = x.shape
    return x.reshape(batch, time, num_heads, width // num_heads).transpose(1, 2)


@misconception("split_heads", "`assert` raises AssertionError; the docstring names another exception.", minor=True)
def asserts_divisibility(x, num_heads):
    assert x.shape[2] % num_heads == 0
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(1, 2)


@misconception("split_heads", "The width alone has to be divisible, not the number of all elements.", minor=True)
def looks_at_all_elements(x, num_heads):
    if x.numel() % num_heads:
        raise ValueError
    features = x.shape[2] // num_heads
    return x[..., : features * num_heads].reshape(*x.shape[:2], num_heads, features).transpose(1, 2)


@misconception("split_heads", "Does a gradient flow back to x from your result?")
def heads_without_graph(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.detach().reshape(batch, time, num_heads, features).transpose(1, 2)


@misconception("split_heads", "You write the heads one by one to a new tensor. Which dtype and device does it have?")
def heads_into_default_zeros(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    out = torch.zeros(batch, num_heads, time, features)
    for head in range(num_heads):
        out[:, head] = x[:, :, head * features : (head + 1) * features]
    return out


@misconception("split_heads", "Your new tensor has x's dtype. Is it also on x's device?")
def heads_on_the_default_device(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    out = torch.zeros(batch, num_heads, time, features, dtype=x.dtype)
    for head in range(num_heads):
        out[:, head] = x[:, :, head * features : (head + 1) * features]
    return out


@misconception("split_heads", "What happens to the axes if there is only one head, or only one sequence?")
def squeezes_heads(x, num_heads):
    batch, time, features = _heads(x, num_heads)
    return x.reshape(batch, time, num_heads, features).transpose(1, 2).squeeze()


@misconception("split_heads", "Which exception does your function raise, and which one does the docstring name?", minor=True)
def raises_type_error_for_heads(x, num_heads):
    if x.shape[2] % num_heads:
        raise TypeError
    return x.unflatten(2, (num_heads, -1)).transpose(1, 2)


@misconception(
    "split_heads", "Having at least as many features as heads is not enough: try 7 features and 2 heads.", minor=True
)
def refuses_too_many_heads_only(x, num_heads):
    if x.shape[2] < num_heads:
        raise ValueError
    features = x.shape[2] // num_heads
    return x[..., : features * num_heads].reshape(*x.shape[:2], num_heads, features).transpose(1, 2)


@misconception("merge_heads", "The entries are scrambled: each time step's heads have to be side by side before you merge.")
def merged_directly(x):
    batch, heads, time, features = x.shape
    return x.reshape(batch, time, heads * features)


@misconception("merge_heads", "Heads and features are merged in the wrong order.")
def features_before_heads(x):
    batch, heads, time, features = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, time, heads * features)


@misconception("merge_heads", "It works on the result of split_heads; now try a contiguous tensor.")
def merged_by_view(x):
    batch, heads, time, features = x.shape
    return x.transpose(1, 2).view(batch, time, heads * features)


@misconception(
    "merge_heads",
    "view() cannot read every tensor: try a contiguous one, and the result of split_heads.",
    also_true_of=("merged_by_view",),
)
def view_before_transpose(x):
    batch, heads, time, features = x.shape
    return x.view(batch, heads * time, features).unflatten(1, (heads, time)).transpose(1, 2).flatten(2)


@misconception("merge_heads", "You put the heads one after the other in time. Which axis should grow?")
def heads_along_time(x):
    return torch.cat(x.unbind(dim=1), dim=1)


@misconception("merge_heads", "You add up the heads; each of them should keep its own place among the features.")
def heads_added(x):
    return x.sum(dim=1)


@misconception("merge_heads", "The heads are in the right place, but still an axis of their own.")
def heads_not_merged(x):
    return x.transpose(1, 2)


@misconception("merge_heads", "You merged time and heads. Which two axes should you merge?")
def time_and_heads_merged(x):
    batch, heads, time, features = x.shape
    return x.transpose(1, 2).reshape(batch, time * heads, features)


@misconception("merge_heads", "Does a gradient flow back to x from your result?")
def merged_without_graph(x):
    with torch.no_grad():
        return x.transpose(1, 2).flatten(2)


@misconception("merge_heads", "You write the heads one by one to a new tensor. Which dtype and device does it have?")
def merged_into_default_zeros(x):
    batch, heads, time, features = x.shape
    out = torch.zeros(batch, time, heads * features)
    for head in range(heads):
        out[:, :, head * features : (head + 1) * features] = x[:, head]
    return out


@misconception("merge_heads", "Your new tensor has x's dtype. Is it also on x's device?")
def merged_on_the_default_device(x):
    batch, heads, time, features = x.shape
    out = torch.zeros(batch, time, heads * features, dtype=x.dtype)
    for head in range(heads):
        out[:, :, head * features : (head + 1) * features] = x[:, head]
    return out


@misconception("merge_heads", "A batch of one sequence, or a single time step, loses an axis.")
def squeezes_merged(x):
    return x.transpose(1, 2).flatten(2).squeeze()


@misconception("merge_heads", "What happens to the batch axis if there is only one sequence?")
def squeezes_the_batch_of_merged(x):
    return x.transpose(1, 2).flatten(2).squeeze(0)


@misconception("merge_heads", "You put the sequences of the batch side by side. Which axis holds the heads?")
def sequences_side_by_side(x):
    return torch.cat(list(x), dim=-1)


def _grid(img, p):
    batch, channels, height, width = img.shape
    if height % p or width % p:
        raise ValueError
    return batch, channels, height // p, width // p


@misconception("patchify", "One reshape cannot do it: the pixels of one patch are not neighbours in memory.")
def patches_by_reshape(img, p):
    batch, channels, rows, columns = _grid(img, p)
    return img.reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "Your patches run down the columns first.")
def patches_down_the_columns(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 4, 2, 1, 3, 5).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "The patches are in the right places. In which order do channel, row and column run within one?")
def channels_last_inside(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, channels * p * p)


@misconception(
    "patchify", "Each patch is mirrored along its diagonal: which runs faster within a patch, the row or the column?"
)
def transposed_inside(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 1, 5, 3).reshape(batch, rows * columns, channels * p * p)


@misconception(
    "patchify", "Splitting an axis into (p, H/p) groups pixels that are H/p apart. Which factor should come first?"
)
def factors_exchanged(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, p, rows, p, columns)
    return named.permute(0, 3, 5, 1, 2, 4).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "The six axes are right, but one of them is in the way when you merge the others: the channel.")
def channels_before_patches(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 1, 2, 4, 3, 5).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "Patches and pixels are swapped: which of the two axes should be the long vector?")
def pixels_before_patches(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 1, 3, 5, 2, 4).reshape(batch, channels * p * p, rows * columns)


@misconception("patchify", "Your last step needs the pixels in a new order in memory: can view() do that?")
def patches_by_view(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.view(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 1, 3, 5).view(batch, rows * columns, channels * p * p)


@misconception("patchify", "In your result, the rows of patches are still an axis of their own.")
def keeps_the_grid(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows, columns, channels * p * p)


@misconception("patchify", "Memory order need not be reading order: try images stored with their channels last.")
def assumes_contiguous_memory(img, p):
    batch, channels, rows, columns = _grid(img, p)
    s = torch.empty(img.shape, device="meta").stride()
    sizes = (batch, rows, columns, channels, p, p)
    steps = (s[0], p * s[2], p * s[3], s[1], s[2], s[3])
    return img.as_strided(sizes, steps).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "If p does not divide the picture, you silently throw the rest away.", minor=True)
def crops(img, p):
    batch, channels, height, width = img.shape
    rows, columns = height // p, width // p
    named = img[:, :, : rows * p, : columns * p].reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "You check the height. What if p does not divide the width?", minor=True)
def looks_at_the_height_only(img, p):
    if img.shape[2] % p:
        raise ValueError
    return crops(img, p)


@misconception("patchify", "You check the width. What if p does not divide the height?", minor=True)
def looks_at_the_width_only(img, p):
    if img.shape[3] % p:
        raise ValueError
    return crops(img, p)


@misconception("patchify", "The number of pixels can be divisible even if a side is not.", minor=True)
def looks_at_the_area(img, p):
    if img.shape[2] * img.shape[3] % (p * p):
        raise ValueError
    return crops(img, p)


@misconception("patchify", "Which exception is raised if p does not fit, and which one does the docstring name?", minor=True)
def leaves_misfits_to_pytorch(img, p):
    batch, channels, height, width = img.shape
    named = img.reshape(batch, channels, height // p, p, width // p, p)
    return named.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


@misconception("patchify", "Does a gradient flow back to the images?")
def patches_without_graph(img, p):
    batch, channels, rows, columns = _grid(img, p)
    named = img.data.reshape(batch, channels, rows, p, columns, p)
    return named.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * p * p)


@misconception("patchify", "You write the patches to a new tensor. Which dtype and device does it have?")
def patches_into_default_zeros(img, p):
    batch, channels, rows, columns = _grid(img, p)
    out = torch.zeros(batch, rows * columns, channels * p * p)
    for i in range(rows):
        for j in range(columns):
            out[:, i * columns + j] = img[:, :, i * p : (i + 1) * p, j * p : (j + 1) * p].reshape(batch, -1)
    return out


@misconception("patchify", "Number the patches of a picture that is wider than it is high: what do you multiply the row by?")
def numbered_by_rows(img, p):
    batch, channels, rows, columns = _grid(img, p)
    out = img.new_zeros(batch, rows * columns, channels * p * p)
    for i in range(rows):
        for j in range(columns):
            patch = img[:, :, i * p : (i + 1) * p, j * p : (j + 1) * p]
            out[:, (i * rows + j) % (rows * columns)] = patch.reshape(batch, -1)
    return out


@misconception("patchify", "You refuse an image if neither side fits. What happens to 4 x 9 pixels with p = 2?", minor=True)
def refuses_if_neither_fits(img, p):
    if img.shape[2] % p and img.shape[3] % p:
        raise ValueError
    return crops(img, p)


@misconception("patchify", "`assert` raises AssertionError; the docstring names another exception.", minor=True)
def asserts_divisible_sides(img, p):
    assert img.shape[2] % p == 0
    assert img.shape[3] % p == 0
    return crops(img, p)


@misconception("patchify", "Your patches overlap: how far apart should two neighbours start?")
def overlapping_patches(img, p):
    _grid(img, p)
    return img.unfold(2, p, 1).unfold(3, p, 1).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@misconception("patchify", "The patches of all images are in one long list. What should the first axis be?")
def merges_the_batch(img, p):
    return crops(img, p).flatten(0, 1) if all(_grid(img, p)) else img


@misconception("patchify", "Pictures need not be square.")
def square_pictures_only(img, p):
    if img.shape[2] != img.shape[3] or img.shape[2] % p:
        raise ValueError
    return crops(img, p)


@misconception(
    "same_storage",
    "Two views of one storage may start at different places: what exactly does a tensor's data_ptr() point to?",
)
def addresses_of_first_elements(a, b):
    return a.numel() > 0 and b.numel() > 0 and a.data_ptr() == b.data_ptr()


@misconception("same_storage", "Equal numbers can live in different places.")
def equal_numbers(a, b):
    return a.numel() > 0 and a.shape == b.shape and torch.equal(a, b)


@misconception("same_storage", "All empty tensors have the same (null) address. Do they share anything?")
def forgets_empty_tensors(a, b):
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "Only one of the two arguments may be empty: check both.")
def looks_at_the_first_for_elements(a, b):
    return a.numel() > 0 and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception(
    "same_storage",
    "Two different Python objects, say x and x[1:], can use the same memory.",
    also_true_of=("set_to_the_same",),
)
def same_python_object(a, b):
    return a.numel() > 0 and a is b


@misconception("same_storage", "The answer is right, but there is a warning: read what it recommends.")
def deprecated_storage(a, b):
    return a.numel() > 0 and b.numel() > 0 and a.storage().data_ptr() == b.storage().data_ptr()


@misconception("same_storage", "`_base` only knows views that autograd tracks. What about detached tensors, or parameters?")
def same_base(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False
    return (a if a._base is None else a._base) is (b if b._base is None else b._base)


@misconception(
    "same_storage",
    "The same memory, the same start, the same shape: which of these does the docstring ask for?",
    also_true_of=("same_python_object",),
)
def set_to_the_same(a, b):
    return a.numel() > 0 and b.numel() > 0 and a.dtype == b.dtype and a.is_set_to(b)


@misconception("same_storage", "The two need not have an element in common; it is enough that one storage holds them both.")
def overlapping_addresses(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False

    def ends(x):
        last = sum((size - 1) * step for size, step in zip(x.shape, x.stride(), strict=True))
        return x.data_ptr(), x.data_ptr() + (last + 1) * x.element_size()

    (start, end), (other_start, other_end) = ends(a), ends(b)
    return start < other_end and other_start < end


@misconception("same_storage", "A view may read the same memory with another dtype.")
def same_dtype_only(a, b):
    if a.dtype != b.dtype or a.numel() == 0 or b.numel() == 0:
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "A part of a tensor has fewer elements than the whole, but still shares its memory.")
def same_number_of_elements_only(a, b):
    if a.numel() != b.numel() or a.numel() == 0:
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "Which type is your answer? The docstring asks for a Python bool.")
def answers_with_a_tensor(a, b):
    same = a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    return torch.tensor(same and a.numel() > 0 and b.numel() > 0)


@misconception("same_storage", "Which type is your answer if it is not True?")
def answers_with_a_number(a, b):
    return a.numel() and b.numel() and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "You write to one tensor to see what happens to the other. What do you leave behind?")
def writes_and_looks(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False
    with torch.no_grad():
        before = b.detach().cpu().clone()
        bytes_of_a = a.detach().cpu() if a.device.type != "cpu" else a.data
        bytes_of_a.new_empty(0).set_(bytes_of_a.untyped_storage()).add_(1)
        return not torch.equal(before, b.detach().cpu())


@misconception("same_storage", "NumPy refuses tensors that require grad; can you answer without it?")
def asks_numpy(a, b):
    if a.numel() == 0 or b.numel() == 0 or a.device != b.device:
        return False
    return a.numpy().__array_interface__["data"][0] - a.storage_offset() * a.element_size() == (
        b.numpy().__array_interface__["data"][0] - b.storage_offset() * b.element_size()
    )


@misconception("same_storage", "Different offsets do not mean a common storage: try slices of two tensors.")
def different_offsets_are_enough(a, b):
    if a.numel() == 0 or b.numel() == 0:
        return False
    return a.data_ptr() == b.data_ptr() or a.storage_offset() != b.storage_offset()


@misconception("same_storage", "The two need not have an element in common; it is enough that one storage holds them both.")
def shares_elements(a, b):
    if a.numel() == 0 or b.numel() == 0 or a.device != b.device:
        return False
    return bool(np.shares_memory(a.detach().cpu().numpy(), b.detach().cpu().numpy()))


@misconception("same_storage", "The shape says how memory is read, not which memory it is.")
def same_shape_only(a, b):
    return a.numel() > 0 and a.shape == b.shape and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("nhwc_to_nchw", "A memory format says how the numbers are stored. Which axis of your result is which?")
def channels_last_memory_format(x):
    if x.dim() != 4:
        raise ValueError
    return x.to(memory_format=torch.channels_last)


@misconception("nhwc_to_nchw", "Your result is a view, but of which tensor? Try an x that is not contiguous.")
def view_of_a_contiguous_copy(x):
    if x.dim() != 4:
        raise ValueError
    return x.contiguous().permute(0, 3, 1, 2)


@misconception("flatten_batch", "How many columns does your division give an empty batch of 3 x 4 items?")
def divides_by_at_least_one(x):
    if x.dim() == 0:
        raise ValueError
    return x.reshape(x.shape[0], x.numel() // max(x.shape[0], 1))


@misconception("same_storage", "What if only one of the two is empty? Try a[:0] and a.")
def refuses_two_empty_tensors_only(a, b):
    if a.numel() == 0 and b.numel() == 0:
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


@misconception("same_storage", "Two objects can stand for one memory: try two tensors from the same NumPy array.")
def same_storage_object(a, b):
    return min(a.numel(), b.numel()) > 0 and a.untyped_storage() is b.untyped_storage()
