"""Wrong solutions that students write, each with the sentence that helps."""

import contextlib
import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder import misconception


@misconception("predicted_largest", "Does no_grad() know anything about dropout? Which switch does the layer look at?")
def largest_as_if_asleep():
    return 1.0


@misconception(
    "predicted_largest", "The numbers that are not dropped are rescaled so that the mean stays the same. Up or down?"
)
def largest_scaled_down():
    return 0.25


@misconception(
    "predicted_largest",
    "p is the share that is dropped. What share is left, and by how much must it be scaled to make up for that?",
)
def largest_by_p():
    return 4 / 3


@misconception("predicted_largest", "This would be right for another p.")
def largest_for_one_half():
    return 2.0


@misconception("predicted_gradients", "eval() sets a flag that some layers look at. Does autograd?")
def eval_stops_recording():
    return False, False, False


@misconception("predicted_gradients", "That is what no_grad() around the second layer would do. Is there one?")
def as_with_no_grad():
    return False, False, True


@misconception("predicted_gradients", "A gradient that reaches the first layer has passed through the second one.")
def second_layer_is_skipped():
    return True, False, True


@misconception("predicted_gradients", "What could stop a gradient on its way from the second layer to the first?")
def first_layer_is_too_far():
    return False, True, True


@misconception("predicted_batches", "Which of the three passes run in train mode? no_grad() does not change that.")
def only_where_gradients_are_recorded():
    return 1


@misconception(
    "predicted_batches", "What does a BatchNorm layer do in eval mode: learn about the data, or use what it has learned?"
)
def every_pass():
    return 3


@misconception("predicted_batches", "Which mode is a new module in?")
def asleep_from_the_beginning():
    return 0


@misconception("predicted_batches", "The layer counts batches, not samples.")
def counts_samples():
    return 20


# evaluate


def _evaluate(
    model,
    X,
    y,
    batch_size,
    *,
    sleep=lambda model: model.eval(),
    no_grad=True,
    weigh=len,
    restore="flags",
    drop=False,
    loss_of=F.cross_entropy,
    dim=1,
):
    flags = [(module, module.training) for module in model.modules()]
    top = model.training
    sleep(model)
    loss = accuracy = total = 0.0
    with torch.no_grad() if no_grad else contextlib.nullcontext():
        try:
            for xb, yb in zip(X.split(batch_size), y.split(batch_size), strict=True):
                if drop and total and len(xb) < batch_size:
                    continue
                output = model(xb)
                weight = weigh(xb)
                loss += weight * loss_of(output, yb).item()
                accuracy += weight * (output.argmax(dim) == yb).double().mean().item()
                total += weight
        finally:
            if restore == "flags":
                for module, flag in flags:
                    module.training = flag
            elif restore == "top":
                model.train(top)
            elif restore == "train":
                model.train()
            elif restore == "eval":
                model.eval()
    return loss / total, accuracy / total


@misconception("evaluate", "no_grad does not switch dropout off.", also_true_of=("flag_of_the_model_only", "in_train_mode"))
def no_eval(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=lambda model: None)


def _flag_of_the_model(model):
    model.training = False


@misconception(
    "evaluate", "Dropout inside the model is still active: which flag does such a layer look at?", also_true_of=("no_eval",)
)
def flag_of_the_model_only(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=_flag_of_the_model)


@misconception("evaluate", "You flipped the switch the wrong way. What does the model do in this mode?")
def in_train_mode(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=lambda model: model.train())


@misconception("evaluate", "eval() does not stop the recording: print torch.is_grad_enabled() inside forward.")
def records(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, no_grad=False)


@misconception("evaluate", "The small last batch weighs as much as the others.")
def unweighted(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, weigh=lambda xb: 1)


@misconception("evaluate", "Your accuracy counts every sample equally. Does your loss, too?")
def unweighted_loss(model, X, y, batch_size):
    batches = -(-len(X) // batch_size)
    shares = [min(batch_size, len(X) - batch_size * k) / len(X) * batches for k in range(batches)]

    def loss_of(output, target):
        return F.cross_entropy(output, target) / shares.pop(0)

    return _evaluate(model, X, y, batch_size, loss_of=loss_of)


@misconception("evaluate", "Your loss counts every sample equally. Does your accuracy, too?")
def unweighted_accuracy(model, X, y, batch_size):
    loss, _ = _evaluate(model, X, y, batch_size)
    return loss, _evaluate(model, X, y, batch_size, weigh=lambda xb: 1)[1]


@misconception("evaluate", "Compare torch.get_rng_state() before and after: what in your function draws random numbers?")
def through_a_data_loader(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    loss = right = 0.0
    try:
        with torch.no_grad():
            for xb, yb in DataLoader(TensorDataset(X, y), batch_size=batch_size):
                output = model(xb)
                loss += F.cross_entropy(output, yb, reduction="sum").item()
                right += (output.argmax(1) == yb).sum().item()
    finally:
        for module, flag in flags:
            module.training = flag
    return loss / len(X), right / len(X)


@misconception(
    "evaluate",
    "Is a part that was in eval mode on purpose still in eval mode afterwards?",
    also_true_of=("remembers_one_flag",),
)
def train_back(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="train")


@misconception(
    "evaluate",
    "How many training flags does the model have, and how many of them do you put back?",
    also_true_of=("train_back",),
)
def remembers_one_flag(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="top")


@misconception("evaluate", "Training continues after an evaluation. In which mode do you leave the model?")
def stays_in_eval_mode(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="eval")


@misconception("evaluate", "If the model raises, who puts its modes back?")
def forgets_the_exception(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(xb) for xb in X.split(batch_size)])
    for module, flag in flags:
        module.training = flag
    return F.cross_entropy(outputs, y).item(), (outputs.argmax(1) == y).double().mean().item()


@misconception("evaluate", "If the model fails, the caller needs to know. What happens to the exception in your function?")
def swallows_the_exception(model, X, y, batch_size):
    try:
        return _evaluate(model, X, y, batch_size)
    except Exception:
        return float("nan"), float("nan")


@misconception("evaluate", "Some samples are never looked at: try 10 samples in batches of 4.")
def drops_the_rest(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, drop=True)


@misconception("evaluate", "You never use batch_size. What if the data do not fit into memory all at once?")
def everything_at_once(model, X, y, batch_size):
    return _evaluate(model, X, y, len(X))


@misconception("evaluate", "What does cross_entropy already do with the model's outputs? Do not do it twice.")
def softmax_first(model, X, y, batch_size):
    def loss_of(output, target):
        return F.cross_entropy(output.softmax(dim=1), target)

    return _evaluate(model, X, y, batch_size, loss_of=loss_of)


@misconception("evaluate", "A sum grows with the number of samples; the task asks for the mean.")
def sums(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return loss * len(X), accuracy * len(X)


@misconception("evaluate", "Between which two numbers does an accuracy lie?")
def in_percent(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return loss, 100 * accuracy


@misconception("evaluate", "Which of the two numbers comes first?")
def other_way_round(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return accuracy, loss


@misconception(
    "evaluate", "Look at the types of the two things you return: they print like numbers, but are they Python floats?"
)
def returns_tensors(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return torch.tensor(loss, dtype=torch.float64), torch.tensor(accuracy, dtype=torch.float64)


@misconception("evaluate", "You return the numbers of one batch only. Which one?")
def last_batch_only(model, X, y, batch_size):
    start = (len(X) - 1) // batch_size * batch_size
    _evaluate(model, X, y, batch_size)
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        output = model(X[start:])
    for module, flag in flags:
        module.training = flag
    return F.cross_entropy(output, y[start:]).item(), (output.argmax(1) == y[start:]).double().mean().item()


@misconception("evaluate", "After your evaluation nobody can train any more: print torch.is_grad_enabled().")
def switches_gradients_off_for_all(model, X, y, batch_size):
    torch.set_grad_enabled(False)
    return _evaluate(model, X, y, batch_size, no_grad=False)


@misconception(
    "evaluate", "After your evaluation the model cannot be trained any more: look at requires_grad of its parameters."
)
def freezes_the_model(model, X, y, batch_size):
    model.requires_grad_(False)
    return _evaluate(model, X, y, batch_size)


@misconception("evaluate", "The parameters had gradients before the evaluation. Where did they go?")
def clears_gradients(model, X, y, batch_size):
    model.zero_grad()
    return _evaluate(model, X, y, batch_size)


@misconception("evaluate", "Gradient recording is on when your function returns. Was it on when it was called?")
def switches_recording_on(model, X, y, batch_size):
    torch.set_grad_enabled(False)
    try:
        return _evaluate(model, X, y, batch_size, no_grad=False)
    finally:
        torch.set_grad_enabled(True)


@misconception("evaluate", "You remember the modes of some parts. Are there parts inside those parts?")
def remembers_the_children(model, X, y, batch_size):
    flags = [(module, module.training) for module in (model, *model.children())]
    try:
        return _evaluate(model, X, y, batch_size, restore="eval")
    finally:
        for module, flag in flags:
            module.training = flag


# mc_dropout

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def _wake(model):
    model.eval()
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.train()


def _passes(model, x, n, *, wake=_wake, restore="flags", no_grad=True):
    flags = [(module, module.training) for module in model.modules()]
    top = model.training
    wake(model)
    with torch.no_grad() if no_grad else contextlib.nullcontext():
        outputs = torch.stack([model(x) for _ in range(n)])
    if restore == "flags":
        for module, flag in flags:
            module.training = flag
    elif restore == "top":
        model.train(top)
    elif restore == "train":
        model.train()
    elif restore == "eval":
        model.eval()
    return outputs


def _summary(outputs):
    return outputs.mean(0), outputs.std(0, correction=0)


@misconception("mc_dropout", "train() wakes BatchNorm as well: its statistics move with every pass.")
def train_all(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: model.train()))


@misconception("mc_dropout", "In eval mode all passes give the same output. Which layers should be in train mode?")
def all_asleep(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: model.eval()))


@misconception("mc_dropout", "Your result depends on the mode the model happened to be in.")
def as_it_comes(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: None))


@misconception("mc_dropout", "The dropout layers are in train mode. Has anything put the others into eval mode?")
def others_stay_awake(model, x, n):
    def wake(model):
        for module in model.modules():
            if isinstance(module, DROPOUTS):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "Dropout layers deeper inside the model are still in eval mode.", also_true_of=("all_asleep",))
def top_level(model, x, n):
    def wake(model):
        model.eval()
        for child in model.children():
            if isinstance(child, DROPOUTS):
                child.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "There are several kinds of dropout layer; some of them are still in eval mode.")
def one_kind_only(model, x, n):
    def wake(model):
        model.eval()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception(
    "mc_dropout",
    "The default standard deviation divides by n - 1, so it is nan for a single pass. Which one does the docstring ask for?",
    also_true_of=("unbiased_but_for_one",),
)
def unbiased(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(0)


@misconception(
    "mc_dropout",
    "What does your standard deviation divide by when there are two passes or more?",
    also_true_of=("unbiased",),
)
def unbiased_but_for_one(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(0) if n > 1 else torch.zeros_like(outputs[0])


@misconception("mc_dropout", "How often do you call the model, and with what?")
def one_large_batch(model, x, n):
    outputs = _passes(model, x.repeat(n, *[1] * (x.dim() - 1)), 1)[0]
    return _summary(outputs.unflatten(0, (n, len(x))))


@misconception("mc_dropout", "All your outputs are copies of the same one. How often do you call the model?")
def repeats_one_output(model, x, n):
    return _summary(_passes(model, x, 1).repeat(n, *[1] * x.dim()))


@misconception("mc_dropout", "You concatenated the outputs. Which dimension counts the passes now?")
def concatenated(model, x, n):
    return _summary(torch.cat(list(_passes(model, x, n))))


@misconception("mc_dropout", "BatchNorm is in eval mode. Is it the only layer that should be?")
def only_batch_norm_asleep(model, x, n):
    def wake(model):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "There are several kinds of dropout layer; some of them are still in eval mode.")
def without_the_last_kind(model, x, n):
    def wake(model):
        model.eval()
        for module in model.modules():
            if isinstance(module, DROPOUTS[:3]):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "Print the types of the modules you switch on: does the docstring name all of them?")
def with_alpha_dropout(model, x, n):
    def wake(model):
        model.eval()
        for module in model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception(
    "mc_dropout", 'A class can have "Dropout" in its name without being one of the four that the docstring names.'
)
def by_name_of_the_class(model, x, n):
    def wake(model):
        for module in model.modules():
            module.training = type(module).__name__.startswith("Dropout")

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "The global random generator is not yours: what will everyone else draw after your call?")
def seeds_once(model, x, n):
    torch.manual_seed(0)
    return _summary(_passes(model, x, n))


@misconception("mc_dropout", "A variance is the square of a standard deviation. Which of the two do you return?")
def variance(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.var(0, correction=0)


@misconception("mc_dropout", "Which dimension of the stacked outputs counts the passes?")
def over_the_samples(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(1), outputs.std(1, correction=0)


@misconception("mc_dropout", "Each entry of the output has its own spread, just as it has its own mean.")
def spread_of_everything(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(correction=0)


@misconception("mc_dropout", "Each entry of the output has its own mean and its own spread.")
def over_everything(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(), outputs.std(correction=0)


@misconception("mc_dropout", "The mean, too, should come from the passes with dropout. Count how often you call the model.")
def mean_from_eval_mode(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        mean = model(x)
    for module, flag in flags:
        module.training = flag
    return mean, _passes(model, x, n).std(0, correction=0)


@misconception("mc_dropout", "All your passes draw the same random numbers, and so does everyone else after your call.")
def seeds_each_pass(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    _wake(model)
    outputs = []
    with torch.no_grad():
        for _ in range(n):
            torch.manual_seed(0)
            outputs.append(model(x))
    for module, flag in flags:
        module.training = flag
    return _summary(torch.stack(outputs))


@misconception("mc_dropout", "Print the training flag of every part after your call. Are they what they were before?")
def leaves_the_modes(model, x, n):
    return _summary(_passes(model, x, n, restore="nothing"))


@misconception(
    "mc_dropout",
    "Is a part that was in eval mode before still in eval mode afterwards?",
    also_true_of=("mc_remembers_one_flag",),
)
def mc_train_back(model, x, n):
    return _summary(_passes(model, x, n, restore="train"))


@misconception("mc_dropout", "The model may have been in train mode before. In which mode do you leave it?")
def mc_eval_back(model, x, n):
    return _summary(_passes(model, x, n, restore="eval"))


@misconception(
    "mc_dropout",
    "How many training flags does the model have, and how many of them are afterwards as they were?",
    also_true_of=("mc_train_back",),
)
def mc_remembers_one_flag(model, x, n):
    return _summary(_passes(model, x, n, restore="top"))


@misconception("mc_dropout", "Your results keep the graphs of all passes alive.")
def keeps_the_graph(model, x, n):
    return _summary(_passes(model, x, n, no_grad=False))


@misconception("mc_dropout", "You drop parts of the input. Where does the model itself apply dropout?")
def drops_the_input(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        outputs = torch.stack([model(F.dropout(x, 0.5)) for _ in range(n)])
    for module, flag in flags:
        module.training = flag
    return _summary(outputs)


@misconception("mc_dropout", "Count how often the model is called.")
def one_pass_too_few(model, x, n):
    return _summary(_passes(model, x, max(n - 1, 1)))


# ema_update_


def _refuse(decay):
    if not 0 <= decay <= 1:
        raise ValueError


def _pairs(ema, model):
    return zip(ema.parameters(), model.parameters(), strict=True)


def _copy_buffers(ema, model):
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


def _average(ema, model, decay):
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs, alpha=1 - decay)


@misconception("ema_update_", "A parameter shared by two layers has two names. How often do you average it?")
def tied_twice(ema, model, decay):
    _refuse(decay)
    theirs = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, mine in ema.named_parameters(remove_duplicate=False):
            mine.mul_(decay).add_(theirs[name], alpha=1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Some parameters of ema were frozen. Are they still?")
def thaws(ema, model, decay):
    _refuse(decay)
    for mine, theirs in _pairs(ema, model):
        mine.requires_grad_(False)
        mine.mul_(decay).add_(theirs.detach(), alpha=1 - decay)
        mine.requires_grad_(True)
    _copy_buffers(ema, model)


@misconception("ema_update_", "You have swapped decay and 1 - decay.")
def swapped(ema, model, decay):
    _refuse(decay)
    _average(ema, model, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "num_batches_tracked is an integer: averaging it like a weight raises an error or rounds.")
def state_dict(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in zip(ema.state_dict().values(), model.state_dict().values(), strict=True):
            mine.mul_(decay).add_(theirs, alpha=1 - decay)


@misconception("ema_update_", "Running statistics already are averages. What does the docstring say about buffers?")
def averages_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(decay * mine + (1 - decay) * theirs if mine.is_floating_point() else theirs)


@misconception(
    "ema_update_", "You skip some buffers. Look at num_batches_tracked: it cannot be averaged, but it can be copied."
)
def floating_buffers_only(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        if mine.is_floating_point():
            mine.copy_(theirs)


@misconception(
    "ema_update_",
    "Compare the names in state_dict() with named_parameters() and named_buffers(): is each there, and only once?",
    also_true_of=("saved_buffers_only",),
)
def through_the_state_dict(ema, model, decay):
    _refuse(decay)
    parameters, theirs = dict(ema.named_parameters(remove_duplicate=False)), model.state_dict()
    for name, mine in ema.state_dict().items():
        mine.copy_(decay * mine + (1 - decay) * theirs[name] if name in parameters else theirs[name])


@misconception("ema_update_", "What does a BatchNorm layer hold besides its parameters?")
def forgets_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)


@misconception(
    "ema_update_",
    "Some buffers are not in the state_dict: which ones does model.buffers() list?",
    also_true_of=("through_the_state_dict",),
)
def saved_buffers_only(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    names = {name for name, _ in ema.named_buffers()}
    theirs = model.state_dict()
    for name, mine in ema.state_dict().items():
        if name in names:
            mine.copy_(theirs[name])


@misconception("ema_update_", "Both models now share the same buffer. What happens to ema when the model trains on?")
def shares_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for name, buffer in model.named_buffers():
        owner, _, key = name.rpartition(".")
        setattr(ema.get_submodule(owner), key, buffer)


@misconception("ema_update_", "Outside no_grad, you cannot change a leaf that requires grad in place.")
def recorded(ema, model, decay):
    _refuse(decay)
    for mine, theirs in _pairs(ema, model):
        mine.mul_(decay).add_(theirs, alpha=1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Assigning to the loop variable only names a new tensor. Does anything in ema change?")
def changes_a_name(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine = decay * mine + (1 - decay) * theirs  # the mistake
    _copy_buffers(ema, model)


@misconception("ema_update_", "ema now has new parameter objects, but others may still hold the old ones.")
def makes_new_parameters(ema, model, decay):
    _refuse(decay)
    theirs = dict(model.named_parameters())
    for name, mine in list(ema.named_parameters()):
        owner, _, key = name.rpartition(".")
        average = decay * mine.detach() + (1 - decay) * theirs[name].detach()
        setattr(ema.get_submodule(owner), key, nn.Parameter(average, requires_grad=mine.requires_grad))
    _copy_buffers(ema, model)


@misconception("ema_update_", "Which of the two models should change, and does it?", also_true_of=("averages_a_copy",))
def changes_the_model(ema, model, decay):
    _refuse(decay)
    _average(model, ema, 1 - decay)
    _copy_buffers(model, ema)


@misconception(
    "ema_update_", "The average is right, but you used the model's own numbers as scratch paper: look at the model."
)
def scales_the_model(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs.mul_(1 - decay))
    _copy_buffers(ema, model)


@misconception("ema_update_", "The two shares should add up to 1. Try decay 0.9 with two identical models.")
def adds_everything(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs)
    _copy_buffers(ema, model)


@misconception("ema_update_", "That is a copy of the model, not an average.")
def copies_the_model(ema, model, decay):
    _refuse(decay)
    ema.load_state_dict(model.state_dict())


@misconception("ema_update_", "What does your function do with a decay below 0 or above 1?")
def takes_any_decay(ema, model, decay):
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Are 0 and 1 themselves allowed?")
def refuses_the_ends(ema, model, decay):
    if not 0 < decay < 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Are 0 and 1 themselves allowed?")
def refuses_one(ema, model, decay):
    if not 0 <= decay < 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "You check one end of the interval. What about the other?")
def checks_the_upper_end_only(ema, model, decay):
    if decay > 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "You raise an exception, but not the one the task asks for.", minor=True)
def asserts(ema, model, decay):
    assert 0 <= decay <= 1
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "By the time you raise ValueError, ema has already changed.")
def refuses_too_late(ema, model, decay):
    _average(ema, model, decay)
    _copy_buffers(ema, model)
    _refuse(decay)


@misconception(
    "ema_update_", "Frozen or not, the parameters of ema keep their flags: compare requires_grad before and after."
)
def freezes_ema(ema, model, decay):
    _refuse(decay)
    ema.requires_grad_(False)
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Which parameters of ema does your loop average? Some may be frozen.")
def trainable_parameters_only(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            if mine.requires_grad:
                mine.lerp_(theirs, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "You skip the model's frozen parameters. Do they not have values to average?")
def trainable_parameters_of_the_model(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            if theirs.requires_grad:
                mine.lerp_(theirs, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Which mode was ema in before your call, and which is it in now?")
def puts_ema_to_sleep(ema, model, decay):
    _refuse(decay)
    ema.eval()
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Someone may still need the gradients that you have thrown away.")
def throws_gradients_away(ema, model, decay):
    _refuse(decay)
    ema.zero_grad()
    model.zero_grad()
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Look at ema after the call: has it changed?", also_true_of=("changes_the_model",))
def averages_a_copy(ema, model, decay):
    _refuse(decay)
    twin = copy.deepcopy(ema)
    _average(twin, model, decay)
    _copy_buffers(twin, model)
