"""Wrong solutions that students write, each with the sentence that helps."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception

NAN = float("nan")


@misconception(
    "predicted_gradient", "The zeros were chosen in the forward direction. What is a zero multiplied by on the way back?"
)
def zeros_where_not_chosen():
    return 0.0, 0.0, 0.25


@misconception("predicted_gradient", "The infinite derivative does not reach x as it is: which gradient comes from behind?")
def infinity_at_zero():
    return 0.0, float("inf"), 0.25


@misconception("predicted_gradient", "At 0 the derivative is not undefined but infinite. What is 0 times infinity?")
def nan_at_minus_one_only():
    return NAN, 0.0, 0.25


@misconception("predicted_gradient", "You know what happens at 0. Is there a square root of -1, and has it a derivative?")
def nan_at_zero_only():
    return 0.0, NAN, 0.25


@misconception("predicted_gradient", "These are the values. The gradient of the last entry follows the formula in the text.")
def values_instead_of_gradients():
    return 0.0, 0.0, 2.0


@misconception("predicted_gradient", "Two entries are right. Put 4 into the formula of the derivative once more.")
def wrong_derivative():
    return NAN, NAN, 0.5


@misconception(
    "predicted_gradient", "Two of them are right. Which gradient comes from behind, and what does it make of infinity?"
)
def infinity_as_it_is():
    return NAN, float("inf"), 0.25


@misconception("predicted_shapes", "Without an index squeeze takes away whatever has the size 1, at both ends.")
def batch_survives():
    return (1, 3), (3, 1), (1, 3, 1)


@misconception("predicted_shapes", "The axis with index 1 has the size 3. Can it be squeezed away?")
def squeezes_any_size():
    return (3,), (3, 1), (1, 1)


@misconception("predicted_shapes", "The axis with index 1 has not the size 1; the one with index 2 was not named.")
def counts_from_one():
    return (3,), (3, 1), (1, 3)


@misconception(
    "predicted_shapes",
    "Which axes does squeeze take away if it is given an index: all of size 1, or the one with that index?",
)
def index_makes_no_difference():
    return (3,), (3,), (3,)


@misconception("predicted_shapes", "Axes are counted from the front. Which one has the index 0?")
def other_end():
    return (3,), (1, 3), (1, 3, 1)


@misconception("predicted_shapes", "squeeze() needs no index to do something. What does it look for, if it is given none?")
def nothing_without_an_index():
    return (1, 3, 1), (3, 1), (1, 3, 1)


@misconception("predicted_shapes", "Without an index squeeze does not stop at the first axis of size 1.")
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


@misconception("sample_times", "With whole numbers for start and step the result is an integer tensor.")
def whole_numbers(start, step, n):
    return start + step * torch.arange(_count(n))


@misconception("sample_times", "The numbers reach up to start + n*step. Which one is the last that is asked for?")
def one_too_many(start, step, n):
    return torch.linspace(start, start + _count(n) * step, n + 1)


@misconception("sample_times", "Print the distance of two neighbours: linspace includes its end.")
def stretched(start, step, n):
    return torch.linspace(start, start + _count(n) * step, n)


@misconception("sample_times", "Look at the first of your numbers: a full step was made before it.")
def first_step_too_early(start, step, n):
    return torch.linspace(start + step, start + _count(n) * step, n)


@misconception("sample_times", "The second argument of your linspace is where it ends. Is that the step?")
def step_as_end(start, step, n):
    return torch.linspace(start, step, _count(n))


@misconception("sample_times", "The digits are right, and there are too many of them: look at the dtype.")
def double_precision(start, step, n):
    return start + step * torch.arange(_count(n), dtype=torch.float64)


@misconception("sample_times", "Which exception does your function raise for n = -1, and which one is asked for?")
def leaves_negative_counts_to_pytorch(start, step, n):
    return (start + step * torch.arange(n, dtype=torch.float64)).float()


@misconception("sample_times", "A negative number of numbers is not an empty tensor; what does the specification say?")
def negative_counts_are_empty(start, step, n):
    return torch.tensor([start + i * step for i in range(n)], dtype=torch.float32)


@misconception("sample_times", "Is it a mistake of the caller to ask for no number at all?")
def refuses_zero(start, step, n):
    if n <= 0:
        raise ValueError
    return (start + step * torch.arange(n, dtype=torch.float64)).float()


@misconception("sample_times", "What should happen for n = 0? There is nothing to be stacked then.")
def stacks_single_numbers(start, step, n):
    return torch.stack([torch.tensor(float(start + i * step), dtype=torch.float32) for i in range(_count(n))])


@misconception("sample_times", "A step may lead downwards: try a negative one.")
def refuses_negative_steps(start, step, n):
    if step <= 0:
        raise ValueError
    return (start + step * torch.arange(_count(n), dtype=torch.float64)).float()


@misconception("sample_times", "Print the first of your numbers: where should it stand?")
def forgets_the_start(start, step, n):
    return (step * torch.arange(_count(n), dtype=torch.float64)).float()


@misconception("sample_times", "Your end does not know where you started: try a start that is not 0.")
def end_without_start(start, step, n):
    return torch.linspace(start, (_count(n) - 1) * step, n)


@misconception(
    "sample_times",
    "For n = 0 the end lies before the start. What does your call make of that?",
)
def range_that_includes_its_end(start, step, n):
    return torch.arange(start, start + (_count(n) - 0.5) * step, step).float()


@misconception("safe_log", "Values fine, gradient nan: the branch you did not choose was differentiated all the same.")
def single_where(x):
    return torch.where(x > 0, torch.log(x), torch.zeros_like(x))


@misconception("safe_log", "The shape is gone: selecting with a mask drops the other entries.")
def selects(x):
    return torch.log(x[x > 0])


@misconception("safe_log", "nan_to_num repairs the value; look at the gradient (and at log(0)).")
def repairs_with_nan_to_num(x):
    return torch.nan_to_num(torch.log(x), nan=0.0, posinf=0.0, neginf=0.0)


@misconception("safe_log", "A mask that is multiplied with nan does not take it away.")
def multiplies_with_the_mask(x):
    return torch.log(x) * (x > 0)


@misconception("safe_log", "Your lower bound is a positive number, too: what is the logarithm of a number below it?")
def clamps_at_a_small_number(x):
    return torch.where(x > 0, x.clamp(min=1e-8).log(), 0.0)


@misconception("safe_log", "Where x is not positive the result should be 0. What is the logarithm of your small number?")
def logarithm_of_the_clamped(x):
    return x.clamp(min=1e-8).log()


@misconception("safe_log", "A small number added to x keeps 0 away, but not the negative numbers, and it shows for tiny x.")
def adds_a_small_number(x):
    return torch.where(x > 0, torch.log(x + 1e-8), 0.0)


@misconception("safe_log", "Values fine, gradient nan: the branch you did not choose was differentiated all the same.")
def of_the_absolute_value(x):
    return torch.where(x > 0, x.abs().log(), 0.0)


@misconception("safe_log", "Negative numbers have no logarithm; their absolute value is another number.")
def log_of_absolute_values(x):
    return torch.where(x == 0, 1.0, x.abs()).log()


@misconception("safe_log", "The specification says x > 0. What does your function do at 0 itself?")
def zero_counts_as_positive(x):
    return torch.where(x >= 0, x, 1.0).log()


@misconception("safe_log", "Look at the entries that are not positive: the result there should be 0.")
def leaves_minus_infinity(x):
    return x.clamp(min=0).log()


@misconception("safe_log", "You write into a tensor that belongs to the caller.")
def writes_into_x(x):
    with torch.no_grad():
        x[x <= 0] = 1
    return x.log()


@misconception("safe_log", "The values are right. Does a gradient flow back?")
def log_without_graph(x):
    return torch.log(x.detach()).masked_fill(x <= 0, 0)


@misconception("safe_log", "The value of log1p is near that of log only for large numbers.")
def by_log1p(x):
    return torch.log1p(torch.relu(x))


@misconception("safe_log", "Which dtype has the result for a tensor in float64, or in float16?")
def into_single_precision(x):
    return torch.where(x > 0, x, 1.0).float().log()


@misconception("safe_log", "Your result is filled by rows or entries. What about a tensor without axes?")
def needs_an_axis(x):
    return torch.stack([torch.where(row > 0, row, 1.0).log() for row in x]) if len(x) else x.clone()


@misconception("safe_log", "A logarithm may be negative, also of a positive number.")
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


@misconception("pad_sequences", "A real entry can be equal to the pad value; your mask calls it padding.")
def mask_by_value(seqs, pad_value=0):
    batch = _padded(seqs, pad_value)
    return batch, batch != pad_value


@misconception("pad_sequences", "Your padding stands in front of the sequence.")
def padding_in_front(seqs, pad_value=0):
    longest = _some(seqs)
    batch = torch.stack([torch.cat([s.new_full((longest - len(s),), pad_value), s]) for s in seqs])
    return batch, _mask(seqs).flip(1)


@misconception("pad_sequences", "The caller may ask for another pad value than 0.")
def pads_with_zeros(seqs, pad_value=0):
    return _padded(seqs, 0), _mask(seqs)


@misconception("pad_sequences", "True is to stand at the real entries; where does it stand in your mask?")
def mask_of_the_padding(seqs, pad_value=0):
    return _padded(seqs, pad_value), ~_mask(seqs)


@misconception("pad_sequences", "The mask has ones and zeros in the right places. Which dtype should it have?")
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


@misconception("pad_sequences", "Which dtype has your batch if the sequences are made of whole numbers?")
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


@misconception("pad_sequences", "A sequence without entries is a row, too: one that is padding from end to end.")
def drops_empty_sequences(seqs, pad_value=0):
    _some(seqs)
    seqs = [s for s in seqs if len(s)] or seqs
    return _padded(seqs, pad_value), _mask(seqs)


@misconception("pad_sequences", "Does a gradient flow back to the sequences?")
def batch_from_lists(seqs, pad_value=0):
    longest = _some(seqs)
    rows = [s.tolist() + [pad_value] * (longest - len(s)) for s in seqs]
    return torch.tensor(rows, dtype=seqs[0].dtype, device="cpu").to(seqs[0].device), _mask(seqs)


@misconception("pad_sequences", "Does a gradient flow back to the sequences?")
def batch_without_graph(seqs, pad_value=0):
    return _padded([s.detach() for s in seqs], pad_value), _mask(seqs)


@misconception("pad_sequences", "The batch lives where the sequences live. And the mask?")
def mask_on_the_default_device(seqs, pad_value=0):
    return _padded(seqs, pad_value), torch.arange(_some(seqs)) < torch.tensor([[len(s)] for s in seqs])


@misconception(
    "pad_sequences", "A batch without a single sequence has no dtype and no device: what does the specification say?"
)
def empty_list_makes_empty_batch(seqs, pad_value=0):
    if not len(seqs):
        return torch.zeros(0, 0), torch.zeros(0, 0, dtype=torch.bool)
    return _padded(seqs, pad_value), _mask(seqs)


@misconception("pad_sequences", "Which exception does an empty list lead to, and which one is asked for?")
def empty_list_left_to_pytorch(seqs, pad_value=0):
    longest = max((len(s) for s in seqs), default=0)
    return torch.stack([F.pad(s, (0, longest - len(s)), value=pad_value) for s in seqs]), _mask(seqs)


@misconception("pad_sequences", "What happens if all sequences are empty? Not every list that has nothing in it is empty.")
def refuses_empty_sequences(seqs, pad_value=0):
    if not sum(len(s) for s in seqs):
        raise ValueError
    return _padded(seqs, pad_value), _mask(seqs)


@misconception("pad_sequences", "The caller's sequences are longer after your call.")
def resizes_the_sequences(seqs, pad_value=0):
    longest, mask = _some(seqs), _mask(seqs)
    for s in seqs:
        s.data = F.pad(s.data, (0, longest - len(s)), value=pad_value)
    return torch.stack(list(seqs)), mask


@misconception("pad_sequences", "These are the lengths. Which entries of the batch are real, one by one?")
def lengths_as_mask(seqs, pad_value=0):
    return _padded(seqs, pad_value), torch.tensor([len(s) for s in seqs], device=seqs[0].device)


@misconception("pad_sequences", "Compare the first row with the first sequence: has the order been changed?")
def sorts_by_length(seqs, pad_value=0):
    _some(seqs)
    seqs = sorted(seqs, key=len, reverse=True)
    return _padded(seqs, pad_value), _mask(seqs)


@misconception(
    "pad_sequences", "Batch and mask were made without looking at the sequences: which dtype and which device do they have?"
)
def default_zeros(seqs, pad_value=0):
    batch = torch.full((len(seqs), _some(seqs)), float(pad_value))
    mask = torch.zeros(batch.shape, dtype=torch.bool)
    for i, s in enumerate(seqs):
        batch[i, : len(s)] = s
        mask[i, : len(s)] = True
    return batch, mask


@misconception("pad_sequences", "A real entry can be 0, and padding need not be: can the values tell one from the other?")
def mask_of_what_is_not_zero(seqs, pad_value=0):
    batch = _padded(seqs, pad_value)
    return batch, batch != 0


@misconception("predict_one", "With a single output unit the result lost an axis too many.")
def squeezes_all(model, x):
    return model(x.unsqueeze(0)).squeeze()


@misconception("predict_one", "The new axis stands at the wrong end.")
def last_axis(model, x):
    return model(x.unsqueeze(-1)).squeeze(-1)


@misconception("predict_one", "The batch axis you added is still there.")
def keeps_the_batch(model, x):
    return model(x.unsqueeze(0))


@misconception(
    "predict_one", "Some models accept a single sample, others do not: with which shape is the model to be called?"
)
def no_batch_at_all(model, x):
    return model(x)


@misconception("predict_one", "The axis that you take away is the last one. Which one had you added?")
def squeezes_the_last_axis(model, x):
    return model(x.unsqueeze(0)).squeeze(-1)


@misconception("predict_one", "An image is not a vector: the sample has been flattened on its way to the model.")
def flattens_the_sample(model, x):
    return model(x.reshape(1, -1)).squeeze(0)


@misconception("predict_one", "How many samples does the model see, and how many are there?")
def batch_of_two(model, x):
    return model(torch.stack([x, x]))[0]


@misconception("predict_one", "How often is the model called?")
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


@misconception("predict_one", "In which mode is the model after your call, and in which was it before?")
def switches_to_eval(model, x):
    model.eval()
    return model(x.unsqueeze(0)).squeeze(0)


@misconception(
    "predict_one", "Not every part of a model is in the same mode: what does train() do to a part that was not training?"
)
def switches_forth_and_back(model, x):
    training = model.training
    model.eval()
    result = model(x.unsqueeze(0)).squeeze(0)
    model.train(training)
    return result


@misconception(
    "predict_one", "A name with an underscore at its end changes the tensor itself: which shape has the caller's x now?"
)
def adds_the_axis_in_place(model, x):
    return model(x.unsqueeze_(0)).squeeze(0)


@misconception("predict_one", "The result is an entry of the output, not all of it: what if it has further axes?")
def first_number_only(model, x):
    return model(x.unsqueeze(0)).flatten()[0]


@misconception("predict_one", "The output has lost its shape. Which axis was to disappear?")
def flattens_the_output(model, x):
    return model(x.unsqueeze(0)).flatten()


@misconception("predict_one", "Which dtype has the tensor that the model is called with?")
def converts_to_float(model, x):
    return model(x.float().unsqueeze(0)).squeeze(0)


@misconception("predict_one", "An output may have no other axis than the batch axis. What is there to be merged then?")
def merges_the_first_two_axes(model, x):
    return model(x.unsqueeze(0)).flatten(0, 1)


@misconception("predict_one", "You take the first entry along one of the axes: is it the axis that you added?")
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


@misconception("apply_along", "Counting from the end fails: -1 is the last axis, not 'one less than nothing'.")
def no_negative(fn, x, dim):
    order = [axis for axis in range(x.dim()) if axis != dim] + [dim]
    return fn(x.permute(order)).permute([order.index(axis) for axis in range(x.dim())])


@misconception("apply_along", "The axis goes to the end by an exchange and returns by a move; the others lose their order.")
def exchanged_and_moved(fn, x, dim):
    return fn(x.transpose(dim, -1)).movedim(-1, dim)


@misconception("apply_along", "fn is applied along the last axis, whichever axis is asked for.")
def ignores_dim(fn, x, dim):
    return fn(x)


@misconception("apply_along", "The wanted axis is moved to the front. Which axis does fn work on?")
def moved_to_the_front(fn, x, dim):
    return fn(x.movedim(dim, 0)).movedim(0, dim)


@misconception("apply_along", "It works if fn gives as many numbers as it gets. And if it does not?")
def same_size_expected(fn, x, dim):
    result = torch.empty_like(x)
    result.movedim(dim, -1).copy_(fn(x.movedim(dim, -1)))
    return result


@misconception("apply_along", "You write the results into x itself.")
def results_into_x(fn, x, dim):
    moved = x.movedim(dim, -1)
    y = fn(moved)
    if y.shape == moved.shape:
        moved.copy_(y)
        return x
    return y.movedim(-1, dim)


@misconception("apply_along", "How often is fn called? It can handle all positions of the other axes at once.")
def slice_by_slice(fn, x, dim):
    moved = x.movedim(dim, -1)
    rows = [fn(row) for row in moved.reshape(-1, moved.shape[-1])]
    return torch.stack(rows).reshape(*moved.shape[:-1], -1).movedim(-1, dim)


@misconception("apply_along", "The exchange back names another pair of axes if dim is negative or the last one.")
def exchange_of_neighbours(fn, x, dim):
    if dim in (-1, x.dim() - 1):
        return fn(x)
    return fn(x.transpose(dim, dim + 1)).transpose(dim, dim + 1)


@misconception("apply_along", "Axes of size 1 have disappeared.")
def squeezes_results(fn, x, dim):
    return fn(x.movedim(dim, -1)).movedim(-1, dim).squeeze()


@misconception("apply_along", "The order that brings the axes there is not always the order that brings them back.")
def same_order_back(fn, x, dim):
    order = [axis for axis in range(x.dim()) if axis != dim % x.dim()] + [dim % x.dim()]
    return fn(x.permute(order)).permute(order)


@misconception(
    "apply_along", "You cut x along the very axis that fn should run along: what is left of that axis in a slice?"
)
def slices_across(fn, x, dim):
    return torch.stack([fn(part) for part in x.unbind(dim)], dim)


@misconception("apply_along", "The wanted axis is exchanged with the first one. Which axis does fn work on?")
def exchanged_with_the_front(fn, x, dim):
    return fn(x.swapaxes(dim, 0)).swapaxes(dim, 0)


@misconception("apply_along", "The two axes have changed places and stay there: bring them back.")
def exchanged_for_good(fn, x, dim):
    return fn(x.transpose(dim, -1))


@misconception("apply_along", "You loop over the first axis. What if dim is that axis, or counts from the end?")
def loops_over_the_first_axis(fn, x, dim):
    return torch.stack([fn(part.transpose(dim - 1, -1)).transpose(dim - 1, -1) for part in x])
