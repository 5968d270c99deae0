"""Wrong solutions that students write, each with the sentence that helps."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception

NAN = float("nan")


@misconception("predicted_gradient", "The forward pass chose the zeros. What is a zero multiplied by on the way back?")
def zeros_where_not_chosen():
    return 0.0, 0.0, 0.25


@misconception(
    "predicted_gradient", "The infinite derivative does not reach x unchanged: which gradient is it multiplied by?"
)
def infinity_at_zero():
    return 0.0, float("inf"), 0.25


@misconception("predicted_gradient", "At 0 the derivative is infinite. What is 0 times infinity?")
def nan_at_minus_one_only():
    return NAN, 0.0, 0.25


@misconception("predicted_gradient", "You know what happens at 0. Does -1 have a square root, and a derivative there?")
def nan_at_zero_only():
    return 0.0, NAN, 0.25


@misconception(
    "predicted_gradient", "These are the values. For the gradient of the last entry, use the formula in the text."
)
def values_instead_of_gradients():
    return 0.0, 0.0, 2.0


@misconception("predicted_gradient", "Two entries are right. Put 4 into the formula for the derivative once more.")
def wrong_derivative():
    return NAN, NAN, 0.5


@misconception("predicted_gradient", "Two of them are right. What is the infinite derivative multiplied by on the way back?")
def infinity_as_it_is():
    return NAN, float("inf"), 0.25


@misconception("predicted_shapes", "Without an index, squeeze removes every axis of size 1, at both ends.")
def batch_survives():
    return (1, 3), (3, 1), (1, 3, 1)


@misconception("predicted_shapes", "The axis with index 1 has size 3. Can it be squeezed away?")
def squeezes_any_size():
    return (3,), (3, 1), (1, 1)


@misconception("predicted_shapes", "Indices count from 0: which axis does `squeeze(1)` look at, and what size does it have?")
def counts_from_one():
    return (3,), (3, 1), (1, 3)


@misconception(
    "predicted_shapes",
    "Which axes does squeeze remove when you give it an index: all of size 1, or only the one with that index?",
)
def index_makes_no_difference():
    return (3,), (3,), (3,)


@misconception("predicted_shapes", "Axes are counted from the front. Which one has index 0?")
def other_end():
    return (3,), (1, 3), (1, 3, 1)


@misconception("predicted_shapes", "squeeze() does something without an index, too. What does it look for then?")
def nothing_without_an_index():
    return (1, 3, 1), (3, 1), (1, 3, 1)


@misconception("predicted_shapes", "Without an index, squeeze does not stop at the first axis of size 1.")
def first_axis_only():
    return (3, 1), (3, 1), (1, 3, 1)


def _count(n):
    if n < 0:
        raise ValueError
    return n


@misconception("sample_times", "Count the elements for step 0.1 and n = 3, 6, 12: floating-point ends are not reliable.")
def float_arange(start, step, n):
    if not _count(n):
        return torch.zeros(0)
    return torch.arange(start, start + n * step, step, dtype=torch.float32)


@misconception("sample_times", "If start and step are whole numbers, your result is an integer tensor.")
def whole_numbers(start, step, n):
    return start + step * torch.arange(_count(n))


@misconception("sample_times", "Your numbers go up to start + n*step. Which number should be the last?")
def one_too_many(start, step, n):
    return torch.linspace(start, start + _count(n) * step, n + 1)


@misconception("sample_times", "Print the distance between two neighbours: linspace includes its end.")
def stretched(start, step, n):
    return torch.linspace(start, start + _count(n) * step, n)


@misconception("sample_times", "Look at your first number: it is one full step too far.")
def first_step_too_early(start, step, n):
    return torch.linspace(start + step, start + _count(n) * step, n)


@misconception("sample_times", "The second argument of linspace is where it ends. Is that the step?")
def step_as_end(start, step, n):
    return torch.linspace(start, step, _count(n))


@misconception("sample_times", "The values are right, but more precise than asked for: look at the dtype.")
def double_precision(start, step, n):
    return start + step * torch.arange(_count(n), dtype=torch.float64)


@misconception(
    "sample_times", "Which exception does your function raise for n = -1, and which one does the docstring name?", minor=True
)
def leaves_negative_counts_to_pytorch(start, step, n):
    return (start + step * torch.arange(n, dtype=torch.float64)).float()


@misconception("sample_times", "A negative n should not give an empty tensor; what does the docstring say?", minor=True)
def negative_counts_are_empty(start, step, n):
    return torch.tensor([start + i * step for i in range(n)], dtype=torch.float32)


@misconception("sample_times", "Is it a mistake to ask for no numbers at all? See what the docstring says about n = 0.")
def refuses_zero(start, step, n):
    if n <= 0:
        raise ValueError
    return (start + step * torch.arange(n, dtype=torch.float64)).float()


@misconception("sample_times", "What should happen for n = 0? Then there is nothing to stack.")
def stacks_single_numbers(start, step, n):
    return torch.stack([torch.tensor(float(start + i * step), dtype=torch.float32) for i in range(_count(n))])


@misconception("sample_times", "Steps may go down: try a negative one.")
def refuses_negative_steps(start, step, n):
    if step <= 0:
        raise ValueError
    return (start + step * torch.arange(_count(n), dtype=torch.float64)).float()


@misconception("sample_times", "Print your first number: what should it be?")
def forgets_the_start(start, step, n):
    return (step * torch.arange(_count(n), dtype=torch.float64)).float()


@misconception("sample_times", "Your end ignores the start: try a start that is not 0.")
def end_without_start(start, step, n):
    return torch.linspace(start, (_count(n) - 1) * step, n)


@misconception(
    "sample_times",
    "For n = 0 your end lies before the start. What does arange do then?",
)
def range_that_includes_its_end(start, step, n):
    return torch.arange(start, start + (_count(n) - 0.5) * step, step).float()


@misconception(
    "safe_log",
    "The gradient is nan at 0: log was differentiated there, although its value should not count.",
    also_true_of=("repairs_with_nan_to_num", "multiplies_with_the_mask"),
)
def single_where(x):
    return torch.where(x > 0, torch.log(x), torch.zeros_like(x))


@misconception("safe_log", "Selecting with a mask drops the other entries: what happened to the shape?")
def selects(x):
    return torch.log(x[x > 0])


@misconception("safe_log", "nan_to_num repairs the value; look at the gradient (and at log(0)).")
def repairs_with_nan_to_num(x):
    return torch.nan_to_num(torch.log(x), nan=0.0, posinf=0.0, neginf=0.0)


@misconception("safe_log", "Multiplying nan by a mask does not remove it.")
def multiplies_with_the_mask(x):
    return torch.log(x) * (x > 0)


@misconception("safe_log", "There are positive numbers below your lower bound, too: what is their logarithm?")
def clamps_at_a_small_number(x):
    return torch.where(x > 0, x.clamp(min=1e-8).log(), 0.0)


@misconception("safe_log", "Where x is not positive, the result should be 0. What is the logarithm of your small number?")
def logarithm_of_the_clamped(x):
    return x.clamp(min=1e-8).log()


@misconception("safe_log", "Adding a small number avoids 0, but not negative numbers, and for tiny x it shows.")
def adds_a_small_number(x):
    return torch.where(x > 0, torch.log(x + 1e-8), 0.0)


@misconception("safe_log", "The gradient is nan at 0: log was differentiated there, although its value should not count.")
def of_the_absolute_value(x):
    return torch.where(x > 0, x.abs().log(), 0.0)


@misconception("safe_log", "Negative numbers have no logarithm; their absolute value is another number.")
def log_of_absolute_values(x):
    return torch.where(x == 0, 1.0, x.abs()).log()


@misconception("safe_log", "The specification says x > 0. What does your function do at 0 itself?")
def zero_counts_as_positive(x):
    return torch.where(x >= 0, x, 1.0).log()


@misconception("safe_log", "Look at the entries that are not positive: your result there should be 0.")
def leaves_minus_infinity(x):
    return x.clamp(min=0).log()


@misconception("safe_log", "You write to a tensor that belongs to the caller.")
def writes_into_x(x):
    with torch.no_grad():
        x[x <= 0] = 1
    return x.log()


@misconception("safe_log", "The values are right. Does a gradient flow back to x?")
def log_without_graph(x):
    return torch.log(x.detach()).masked_fill(x <= 0, 0)


@misconception("safe_log", "log1p(x) is the logarithm of 1 + x: how far is that from log(x) for small x?")
def by_log1p(x):
    return torch.log1p(torch.relu(x))


@misconception("safe_log", "Which dtype does your result have for a float64 or float16 tensor?")
def into_single_precision(x):
    return torch.where(x > 0, x, 1.0).float().log()


@misconception("safe_log", "You go through x row by row. What about a tensor without axes?")
def needs_an_axis(x):
    return torch.stack([torch.where(row > 0, row, 1.0).log() for row in x]) if len(x) else x.clone()


@misconception("safe_log", "nan is not positive either. What does your comparison say about it?")
def nan_counts_as_positive(x):
    return x.masked_fill(x <= 0, 1).log()


@misconception("sample_times", "Start far below 0 and take many steps: how many right digits has the number next to 0?")
def in_single_precision(start, step, n):
    return start + step * torch.arange(_count(n), dtype=torch.float32)


@misconception("safe_log", "The logarithm of a positive number may be negative.")
def negative_logarithms_become_zero(x):
    return torch.where(x > 0, x, 1.0).log().relu()


def _some(seqs):
    if not len(seqs):
        raise ValueError
    return max(len(s) for s in seqs)


def _padded(seqs, pad_value):
    longest = _some(seqs)
    return torch.stack([torch.cat([s, s.new_full((longest - len(s),), pad_value)]) for s in seqs])


def _mask(seqs):
    lengths = torch.tensor([len(s) for s in seqs], device=seqs[0].device)
    return torch.arange(max(len(s) for s in seqs), device=seqs[0].device) < lengths[:, None]


@misconception("pad_sequences", "A real entry can equal the pad value; your mask calls it padding.")
def mask_by_value(seqs, pad_value=0):
    batch = _padded(seqs, pad_value)
    return batch, batch != pad_value


@misconception("pad_sequences", "Your padding comes before the sequence.")
def padding_in_front(seqs, pad_value=0):
    longest = _some(seqs)
    batch = torch.stack([torch.cat([s.new_full((longest - len(s),), pad_value), s]) for s in seqs])
    return batch, _mask(seqs).flip(1)


@misconception("pad_sequences", "The caller may ask for a pad value other than 0.")
def pads_with_zeros(seqs, pad_value=0):
    return _padded(seqs, 0), _mask(seqs)


@misconception("pad_sequences", "The mask should be True at the real entries; where is yours True?")
def mask_of_the_padding(seqs, pad_value=0):
    return _padded(seqs, pad_value), ~_mask(seqs)


@misconception("pad_sequences", "Your mask has ones and zeros in the right places. Which dtype should it have?")
def mask_of_numbers(seqs, pad_value=0):
    return _padded(seqs, pad_value), _mask(seqs).float()


@misconception("pad_sequences", "Your mask is one entry too long, or starts counting at 1.")
def mask_one_too_long(seqs, pad_value=0):
    batch = _padded(seqs, pad_value)
    lengths = torch.tensor([len(s) for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) <= lengths[:, None]


@misconception("pad_sequences", "Each sequence has become a column: is the batch the first axis of your result?")
def sequences_as_columns(seqs, pad_value=0):
    _some(seqs)
    return nn.utils.rnn.pad_sequence(list(seqs), padding_value=pad_value), _mask(seqs)


@misconception("pad_sequences", "Which dtype does your batch have if the sequences hold whole numbers?")
def floating_batch(seqs, pad_value=0):
    batch = torch.full((len(seqs), _some(seqs)), float(pad_value), device=seqs[0].device)
    for row, s in zip(batch, seqs, strict=True):
        row[: len(s)] = s
    return batch, _mask(seqs)


@misconception("pad_sequences", "The sequences differ in length. Which of the lengths is T?")
def first_length_for_all(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    longest = len(seqs[0])
    batch = torch.stack([F.pad(s, (0, longest - len(s)), value=pad_value) for s in seqs])
    return batch, torch.stack([torch.arange(longest, device=s.device) < len(s) for s in seqs])


@misconception("pad_sequences", "Your batch is wider than the longest sequence.")
def one_column_too_many(seqs, pad_value=0):
    longest = _some(seqs) + 1
    batch = torch.stack([F.pad(s, (0, longest - len(s)), value=pad_value) for s in seqs])
    return batch, torch.stack([torch.arange(longest, device=s.device) < len(s) for s in seqs])


@misconception("pad_sequences", "An empty sequence needs a row, too: one that is all padding.")
def drops_empty_sequences(seqs, pad_value=0):
    _some(seqs)
    seqs = [s for s in seqs if len(s)] or seqs
    return _padded(seqs, pad_value), _mask(seqs)


@misconception("pad_sequences", "Does a gradient flow back to the sequences from your batch?")
def batch_from_lists(seqs, pad_value=0):
    longest = _some(seqs)
    rows = [s.tolist() + [pad_value] * (longest - len(s)) for s in seqs]
    return torch.tensor(rows, dtype=seqs[0].dtype, device="cpu").to(seqs[0].device), _mask(seqs)


@misconception("pad_sequences", "Does a gradient flow back to the sequences from your batch?")
def batch_without_graph(seqs, pad_value=0):
    return _padded([s.detach() for s in seqs], pad_value), _mask(seqs)


@misconception("pad_sequences", "Your batch is on the device of the sequences. Where is your mask?")
def mask_on_the_default_device(seqs, pad_value=0):
    return _padded(seqs, pad_value), torch.arange(_some(seqs)) < torch.tensor([[len(s)] for s in seqs])


@misconception(
    "pad_sequences", "A batch of no sequences has neither dtype nor device: what does the docstring say?", minor=True
)
def empty_list_makes_empty_batch(seqs, pad_value=0):
    if not len(seqs):
        return torch.zeros(0, 0), torch.zeros(0, 0, dtype=torch.bool)
    return _padded(seqs, pad_value), _mask(seqs)


@misconception(
    "pad_sequences", "Which exception does an empty list raise, and which one does the docstring name?", minor=True
)
def empty_list_left_to_pytorch(seqs, pad_value=0):
    longest = max((len(s) for s in seqs), default=0)
    return torch.stack([F.pad(s, (0, longest - len(s)), value=pad_value) for s in seqs]), _mask(seqs)


@misconception("pad_sequences", "What happens if all sequences are empty? A list of empty sequences is not an empty list.")
def refuses_empty_sequences(seqs, pad_value=0):
    if not sum(len(s) for s in seqs):
        raise ValueError
    return _padded(seqs, pad_value), _mask(seqs)


@misconception("pad_sequences", "After your call, the caller's sequences are longer than before.")
def resizes_the_sequences(seqs, pad_value=0):
    longest, mask = _some(seqs), _mask(seqs)
    for s in seqs:
        s.data = F.pad(s.data, (0, longest - len(s)), value=pad_value)
    return torch.stack(list(seqs)), mask


@misconception("pad_sequences", "These are the lengths. Which entries of the batch are real, one by one?")
def lengths_as_mask(seqs, pad_value=0):
    return _padded(seqs, pad_value), torch.tensor([len(s) for s in seqs], device=seqs[0].device)


@misconception("pad_sequences", "Compare the first row with the first sequence: did you change the order?")
def sorts_by_length(seqs, pad_value=0):
    _some(seqs)
    seqs = sorted(seqs, key=len, reverse=True)
    return _padded(seqs, pad_value), _mask(seqs)


@misconception(
    "pad_sequences", "You make batch and mask without looking at the sequences: which dtype and device do they get?"
)
def default_zeros(seqs, pad_value=0):
    batch = torch.full((len(seqs), _some(seqs)), float(pad_value))
    mask = torch.zeros(batch.shape, dtype=torch.bool)
    for i, s in enumerate(seqs):
        batch[i, : len(s)] = s
        mask[i, : len(s)] = True
    return batch, mask


@misconception("pad_sequences", "A real entry can be 0, and padding need not be 0: can the values tell them apart?")
def mask_of_what_is_not_zero(seqs, pad_value=0):
    batch = _padded(seqs, pad_value)
    return batch, batch != 0


@misconception("predict_one", "With a single output, your result loses one axis too many.")
def squeezes_all(model, x):
    return model(x.unsqueeze(0)).squeeze()


@misconception("predict_one", "The new axis is at the wrong end.")
def last_axis(model, x):
    return model(x.unsqueeze(-1)).squeeze(-1)


@misconception("predict_one", "The batch axis you added is still there.", also_true_of=("squeezes_the_last_axis",))
def keeps_the_batch(model, x):
    return model(x.unsqueeze(0))


@misconception(
    "predict_one", "Some models accept a single sample, others do not: which shape should the model be called with?"
)
def no_batch_at_all(model, x):
    return model(x)


@misconception(
    "predict_one", "Which axis did you add? Make sure that it is the one you remove.", also_true_of=("keeps_the_batch",)
)
def squeezes_the_last_axis(model, x):
    return model(x.unsqueeze(0)).squeeze(-1)


@misconception("predict_one", "An image is not a vector: you flatten the sample on its way to the model.")
def flattens_the_sample(model, x):
    return model(x.reshape(1, -1)).squeeze(0)


@misconception("predict_one", "How many samples does the model see, and how many are there?")
def batch_of_two(model, x):
    return model(torch.stack([x, x]))[0]


@misconception("predict_one", "If x requires no grad, do gradients still reach the model's parameters?")
def records_only_for_x(model, x):
    with torch.set_grad_enabled(x.requires_grad):
        return model(x.unsqueeze(0)).squeeze(0)


@misconception("predict_one", "A model is more than its forward: what about hooks that somebody registered?")
def calls_forward(model, x):
    return model.forward(x.unsqueeze(0)).squeeze(0)


@misconception("predict_one", "How often do you call the model?")
def calls_twice(model, x):
    model(x[None])
    return model(x[None])[0]


@misconception("predict_one", "Does a gradient flow back through the model?")
def without_recording(model, x):
    with torch.no_grad():
        return model(x.unsqueeze(0)).squeeze(0)


@misconception("predict_one", "Gradients reach the weights. Do they reach x?")
def sample_without_graph(model, x):
    return model(torch.tensor(x.tolist(), dtype=x.dtype, device=x.device).unsqueeze(0)).squeeze(0)


@misconception(
    "predict_one",
    "Which mode is each part of the model in after your call, and which mode was it in before?",
    also_true_of=("switches_forth_and_back",),
)
def switches_to_eval(model, x):
    model.eval()
    return model(x.unsqueeze(0)).squeeze(0)


@misconception(
    "predict_one",
    "Compare the mode of each part of the model before and after your call: parts can be in different modes.",
    also_true_of=("switches_to_eval",),
)
def switches_forth_and_back(model, x):
    training = model.training
    model.eval()
    result = model(x.unsqueeze(0)).squeeze(0)
    model.train(training)
    return result


@misconception(
    "predict_one", "A trailing underscore means that the tensor itself changes: which shape does the caller's x have now?"
)
def adds_the_axis_in_place(model, x):
    return model(x.unsqueeze_(0)).squeeze(0)


@misconception("predict_one", "You return one entry of the output, not all of it: what if the output has more axes?")
def first_number_only(model, x):
    return model(x.unsqueeze(0)).flatten()[0]


@misconception("predict_one", "The output has lost its shape. Which axis should disappear?")
def flattens_the_output(model, x):
    return model(x.unsqueeze(0)).flatten()


@misconception("predict_one", "Which dtype does the tensor have that you call the model with?")
def converts_to_float(model, x):
    return model(x.float().unsqueeze(0)).squeeze(0)


@misconception("predict_one", "An output may have only a batch axis. What is there to merge then?")
def merges_the_first_two_axes(model, x):
    return model(x.unsqueeze(0)).flatten(0, 1)


@misconception("predict_one", "You take the first entry along one of the axes: is it the axis you added?")
def first_entry_of_the_next_axis(model, x):
    return model(x.unsqueeze(0))[:, 0]


@misconception("apply_along", "The axis is still at the end: bring it back.")
def not_back(fn, x, dim):
    return fn(x.movedim(dim, -1))


@misconception("apply_along", "reshape does not move an axis; fn now mixes entries of different positions.")
def moved_by_reshape(fn, x, dim):
    shape = list(x.shape)
    length = shape.pop(dim)
    y = fn(x.reshape(*shape, length))
    shape.insert(dim % x.dim(), y.shape[-1])
    return y.reshape(shape)


@misconception("apply_along", "Counting from the end fails: -1 is the last axis.")
def no_negative(fn, x, dim):
    order = [axis for axis in range(x.dim()) if axis != dim] + [dim]
    return fn(x.permute(order)).permute([order.index(axis) for axis in range(x.dim())])


@misconception("apply_along", "You swap the axis to the end and then move it back; the others lose their order.")
def exchanged_and_moved(fn, x, dim):
    return fn(x.transpose(dim, -1)).movedim(-1, dim)


@misconception("apply_along", "You apply fn along the last axis, whichever axis was asked for.")
def ignores_dim(fn, x, dim):
    return fn(x)


@misconception(
    "apply_along",
    "fn works on the last axis of what you give it. Is that the axis dim of x?",
    also_true_of=("slices_across",),
)
def moved_to_the_front(fn, x, dim):
    return fn(x.movedim(dim, 0)).movedim(0, dim)


@misconception("apply_along", "It works if fn returns as many numbers as it gets. And if it does not?")
def same_size_expected(fn, x, dim):
    result = torch.empty_like(x)
    result.movedim(dim, -1).copy_(fn(x.movedim(dim, -1)))
    return result


@misconception("apply_along", "You write the results to x itself.")
def results_into_x(fn, x, dim):
    moved = x.movedim(dim, -1)
    y = fn(moved)
    if y.shape == moved.shape:
        moved.copy_(y)
        return x
    return y.movedim(-1, dim)


@misconception("apply_along", "How often do you call fn? It can handle all positions of the other axes at once.")
def slice_by_slice(fn, x, dim):
    moved = x.movedim(dim, -1)
    rows = [fn(row) for row in moved.reshape(-1, moved.shape[-1])]
    return torch.stack(rows).reshape(*moved.shape[:-1], -1).movedim(-1, dim)


@misconception("apply_along", "You always swap an axis with its neighbour. Is that neighbour always the last axis?")
def exchange_of_neighbours(fn, x, dim):
    if dim in (-1, x.dim() - 1):
        return fn(x)
    return fn(x.transpose(dim, dim + 1)).transpose(dim, dim + 1)


@misconception("apply_along", "Axes of size 1 have disappeared.")
def squeezes_results(fn, x, dim):
    return fn(x.movedim(dim, -1)).movedim(-1, dim).squeeze()


@misconception("apply_along", "The order that moves the axes there is not always the order that brings them back.")
def same_order_back(fn, x, dim):
    order = [axis for axis in range(x.dim()) if axis != dim % x.dim()] + [dim % x.dim()]
    return fn(x.permute(order)).permute(order)


@misconception(
    "apply_along",
    "Is dim the last axis of what fn gets from you? A slice across dim, for example, has lost that axis.",
    also_true_of=("moved_to_the_front",),
)
def slices_across(fn, x, dim):
    return torch.stack([fn(part) for part in x.unbind(dim)], dim)


@misconception("apply_along", "You swap the axis with the first one. Which axis does fn work on?")
def exchanged_with_the_front(fn, x, dim):
    return fn(x.swapaxes(dim, 0)).swapaxes(dim, 0)


@misconception("apply_along", "The two axes have changed places: swap them back.")
def exchanged_for_good(fn, x, dim):
    return fn(x.transpose(dim, -1))


@misconception("apply_along", "You loop over the first axis. What if dim is that axis, or counts from the end?")
def loops_over_the_first_axis(fn, x, dim):
    return torch.stack([fn(part.transpose(dim - 1, -1)).transpose(dim - 1, -1) for part in x])
