"""Wrong solutions that students write, each with the sentence that helps."""

import copy
import os
import pickle

import torch
from torch import nn

from autograder import misconception


def _content(model, optimizer, epoch, metrics):
    return {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "metrics": metrics}


def _read(path):
    return torch.load(path, map_location="cpu", weights_only=True)


@misconception("predicted_entries", "That counts the parameters. Which tensors belong to a model without being trained?")
def parameters_only():
    return 6


@misconception("predicted_entries", "Batch normalisation also counts something: which buffers does the text list?")
def without_the_counter():
    return 8


@misconception("predicted_entries", "You counted modules. What is in a state_dict: modules or tensors?")
def modules():
    return 5


@misconception("predicted_entries", "How many tensors does one nn.Linear have? Print its state_dict.")
def linear_layers_without_biases():
    return 7


@misconception("predicted_before", "You expect a snapshot. Did anything copy the numbers when `before` was made?")
def as_it_was():
    return 2.0


@misconception("predicted_before", "Which way does an optimizer step: along the gradient or against it?")
def uphill():
    return 2.5


@misconception("predicted_before", "The gradient is 5. What is it multiplied by in the step?")
def without_the_learning_rate():
    return -3.0


@misconception("predicted_before", "That is the gradient. What does the step do to the weight, which is 2?")
def the_gradient():
    return 5.0


@misconception(
    "save_checkpoint", "You pickled the whole model: nobody should have to run someone else's code to read weights."
)
def the_module(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "model": model}, path)


@misconception("save_checkpoint", "Your file contains only the model. What else does training need to continue?")
def weights_alone(path, model, optimizer, epoch, metrics):
    torch.save(model.state_dict(), path)


@misconception("save_checkpoint", "Does a list of tensors say which is which? Look at what load_state_dict expects.")
def list_of_parameters(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "model": list(model.parameters())}, path)


@misconception("save_checkpoint", "Could an optimizer load what is under 'optimizer' in your file?")
def groups_alone(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "optimizer": optimizer.param_groups}, path)


@misconception("save_checkpoint", "What type does the epoch have when you read it back?")
def epoch_as_a_tensor(path, model, optimizer, epoch, metrics):
    torch.save(_content(model, optimizer, torch.tensor(epoch), metrics), path)


@misconception("save_checkpoint", "Count the keys of your dict. Which of them does the task ask for?")
def one_key_more(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "version": 1}, path)


@misconception("save_checkpoint", "You pickled the optimizer itself. Doesn't it have a state_dict, too?")
def the_optimizer_object(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "optimizer": optimizer}, path)


@misconception("save_checkpoint", "parameters() leaves out the buffers: BatchNorm's statistics are not in the file.")
def parameters_without_buffers(path, model, optimizer, epoch, metrics):
    weights = {name: parameter.data for name, parameter in model.named_parameters()}
    torch.save({**_content(model, optimizer, epoch, metrics), "model": weights}, path)


@misconception("save_checkpoint", "Frozen layers no longer change, but is a model complete without them?")
def trainable_only(path, model, optimizer, epoch, metrics):
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    weights = {name: value for name, value in model.state_dict().items() if name not in frozen}
    torch.save({**_content(model, optimizer, epoch, metrics), "model": weights}, path)


@misconception(
    "save_checkpoint", "Your file has a buffer that state_dict() leaves out: it was registered with persistent=False."
)
def every_buffer(path, model, optimizer, epoch, metrics):
    weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    weights = {name: value.detach() for name, value in weights.items()}
    torch.save({**_content(model, optimizer, epoch, metrics), "model": weights}, path)


@misconception(
    "save_checkpoint", "Which keys does your dict have, and which does the task ask for? Compare them letter by letter."
)
def names_of_another_course(path, model, optimizer, epoch, metrics):
    content = {"epoch": epoch, "state_dict": model.state_dict(), "optim_dict": optimizer.state_dict()}
    torch.save({**content, "metrics": metrics}, path)


@misconception("save_checkpoint", "Which epoch were you given, and which one is in your file?")
def the_next_epoch(path, model, optimizer, epoch, metrics):
    torch.save(_content(model, optimizer, epoch + 1, metrics), path)


@misconception("save_checkpoint", "Load your file and take three more steps with momentum: where do you end up?")
def options_without_memory(path, model, optimizer, epoch, metrics):
    content = _content(model, optimizer, epoch, metrics)
    content["optimizer"] = {"state": {}, "param_groups": content["optimizer"]["param_groups"]}
    torch.save(content, path)


@misconception("save_checkpoint", "Your file has what the optimizer remembers, but not its learning rates.")
def memory_without_options(path, model, optimizer, epoch, metrics):
    fresh = type(optimizer)([{"params": group["params"]} for group in optimizer.param_groups])
    content = _content(model, optimizer, epoch, metrics)
    content["optimizer"] = {**fresh.state_dict(), "state": content["optimizer"]["state"]}
    torch.save(content, path)


@misconception("save_checkpoint", "Where in your dict are the metrics? Try a metric called 'epoch'.")
def metrics_among_the_rest(path, model, optimizer, epoch, metrics):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, **metrics}, path)


@misconception("save_checkpoint", "Your file does not contain the metrics.")
def without_metrics(path, model, optimizer, epoch, metrics):
    torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)


@misconception("save_checkpoint", "How many keys does your dict have, and how many should it have?")
def more_than_asked(path, model, optimizer, epoch, metrics):
    torch.save({**_content(model, optimizer, epoch, metrics), "rng": torch.get_rng_state()}, path)


@misconception("save_checkpoint", "What type do the metrics have when you read them back?")
def metrics_as_tensors(path, model, optimizer, epoch, metrics):
    tensors = {name: torch.tensor(value) for name, value in metrics.items()}
    torch.save(_content(model, optimizer, epoch, tensors), path)


@misconception("save_checkpoint", "Compare the numbers in your file with the model's, digit by digit.")
def in_half_the_space(path, model, optimizer, epoch, metrics):
    content = _content(model, optimizer, epoch, metrics)
    content["model"] = {
        name: value.half() if value.is_floating_point() else value for name, value in content["model"].items()
    }
    torch.save(content, path)


@misconception("save_checkpoint", "Which mode is the model in after your call, and which was it in before?")
def switches_to_eval(path, model, optimizer, epoch, metrics):
    model.eval()
    torch.save(_content(model, optimizer, epoch, metrics), path)


@misconception("save_checkpoint", "Suppose the model is on a GPU. Where is it after your call?")
def from_the_cpu(path, model, optimizer, epoch, metrics):
    torch.save(_content(model.cpu(), optimizer, epoch, metrics), path)


@misconception("save_checkpoint", "Saving should leave no trace. What happened to the gradients?")
def clears_the_gradients(path, model, optimizer, epoch, metrics):
    optimizer.zero_grad()
    torch.save(_content(model, optimizer, epoch, metrics), path)


@misconception("save_checkpoint", "What is your file called? The caller has chosen a name.")
def adds_an_ending(path, model, optimizer, epoch, metrics):
    name = path if path.endswith(".pt") else f"{path}.pt"
    torch.save(_content(model, optimizer, epoch, metrics), name)


@misconception("save_checkpoint", "Save twice to the same path. Which of the two states is in the file?")
def keeps_the_first(path, model, optimizer, epoch, metrics):
    if not os.path.exists(path):  # noqa: PTH110
        torch.save(_content(model, optimizer, epoch, metrics), path)


@misconception("save_checkpoint", "torch.load cannot read this. Which function writes files that it can read?")
def by_pickle(path, model, optimizer, epoch, metrics):
    with open(path, "wb") as file:  # noqa: PTH123
        pickle.dump(_content(model, optimizer, epoch, metrics), file)


@misconception("load_checkpoint", "The weights are back; the optimizer's memory is not.")
def no_optimizer(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    return content["epoch"]


@misconception(
    "load_checkpoint", "You only gave the names inside your function new values. What has changed in the caller's model?"
)
def rebinds_names(path, model, optimizer=None):
    content = _read(path)
    model, optimizer = content["model"], content["optimizer"]  # noqa: F841
    return content["epoch"]


@misconception("load_checkpoint", "The caller wants to know where to continue. What does your function return?")
def returns_nothing(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])


@misconception(
    "load_checkpoint", "You fill in from the model whatever is missing in the file. How would the caller find out?"
)
def fills_up_what_is_missing(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict({**model.state_dict(), **content["model"]})
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception(
    "load_checkpoint",
    "Look at the model's running statistics: are parameters all that is in the file?",
    also_true_of=("by_data",),
)
def parameters_alone_are_loaded(path, model, optimizer=None):
    content = _read(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(content["model"][name])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception(
    "load_checkpoint", "An optimizer keys its state by parameter, the file by number. What translates between them?"
)
def assigns_the_state(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.state = content["optimizer"]["state"]
    return content["epoch"]


@misconception("load_checkpoint", "strict=False loads half a model without telling anyone.")
def not_strict(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"], strict=False)
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception(
    "load_checkpoint",
    "You load only what fits and say nothing about the rest. What should happen with a checkpoint that does not fit?",
)
def what_fits(path, model, optimizer=None):
    content = _read(path)
    own = model.state_dict()
    fitting = {name: value for name, value in content["model"].items() if name in own and own[name].shape == value.shape}
    model.load_state_dict({**own, **fitting})
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "assign=True replaces the parameters, but the optimizer still holds the old ones.")
def assigns(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"], assign=True)
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception(
    "load_checkpoint",
    "Load into a model that lacks this bias, or has another shape: does anything raise an error?",
    also_true_of=("parameters_alone_are_loaded",),
)
def by_data(path, model, optimizer=None):
    content = _read(path)
    for name, parameter in model.named_parameters():
        parameter.data = content["model"][name].clone()
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "A smaller tensor is broadcast to the model's shape instead of being refused.")
def stretched(path, model, optimizer=None):
    content = _read(path)
    own = model.state_dict()
    if own.keys() != content["model"].keys():
        raise RuntimeError("other names")
    for name, tensor in own.items():
        tensor.copy_(content["model"][name])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "A checkpoint that does not fit raises an error, but not a RuntimeError.")
def raises_key_error(path, model, optimizer=None):
    content = _read(path)
    own = model.state_dict()
    for name in {**own, **content["model"]}:
        if own[name].shape != content["model"][name].shape:
            raise ValueError(name)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "A checkpoint that does not fit is an error, but your function swallows it.")
def swallows_errors(path, model, optimizer=None):
    try:
        content = _read(path)
        model.load_state_dict(content["model"])
        if optimizer is not None:
            optimizer.load_state_dict(content["optimizer"])
    except Exception as error:
        print("not loaded:", error)
        return 0
    return content["epoch"]


@misconception("load_checkpoint", "The optimizer is optional. What does your function do without one?")
def needs_an_optimizer(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Which number is in the file, and which one do you return?")
def the_epoch_after(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"] + 1


@misconception("load_checkpoint", "The task asks you to return only one thing from the file.")
def returns_the_checkpoint(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content


@misconception("load_checkpoint", "You read the file without restricting what may be in it: whose code may have run by now?")
def trusts_the_file(path, model, optimizer=None):
    content = torch.load(path, map_location="cpu", weights_only=False)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "You lock the door but open it as soon as someone knocks: why was the file refused?")
def tries_again_without_care(path, model, optimizer=None):
    try:
        content = _read(path)
    except pickle.UnpicklingError:
        content = torch.load(path, map_location="cpu", weights_only=False)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return int(content["epoch"])


@misconception("load_checkpoint", "You look at the contents after reading the file. When does pickled code run?")
def looks_afterwards(path, model, optimizer=None):
    content = torch.load(path, map_location="cpu", weights_only=False)
    floats = all(type(value) is float for value in content["metrics"].values()) if content["metrics"] else False
    if set(content) != {"epoch", "model", "optimizer", "metrics"} or type(content["epoch"]) is not int or not floats:
        raise TypeError("something else than data")
    if isinstance(content["model"], nn.Module):
        raise TypeError("something else than data")
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "If this computer has no GPU, where do tensors that were saved on one go?")
def where_it_was(path, model, optimizer=None):
    content = torch.load(path, weights_only=True)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Which mode is each module in after your call, and which was it in before?")
def ready_for_training(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    model.train()
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Which mode is the model in afterwards? That is the caller's choice.")
def ready_for_use(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    model.eval()
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Suppose a layer is frozen. Is it still frozen after loading?")
def trainable_again(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    model.requires_grad_()
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "The optimizer remembers its gradients again, but which learning rate does it use?")
def memory_only(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict({**optimizer.state_dict(), "state": content["optimizer"]["state"]})
    return content["epoch"]


@misconception("load_checkpoint", "The learning rate is back; what else does the optimizer's state_dict hold?")
def options_only(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        for group, saved in zip(optimizer.param_groups, content["optimizer"]["param_groups"], strict=True):
            group.update({name: value for name, value in saved.items() if name != "params"})
    return content["epoch"]


def _fits(model, state, name):
    own = model.state_dict()
    return name in own and own[name].shape == state[name].shape


def _lists(model, state):
    return [name for name in state if _fits(model, state, name)], [name for name in state if not _fits(model, state, name)]


def _copy(model, state, names):
    own = model.state_dict()
    for name in names:
        own[name].copy_(state[name])


@misconception("load_matching_", "strict=False forgives names, not shapes.")
def strict_false_only(model, state):
    report = model.load_state_dict(state, strict=False)
    return [name for name in state if name not in report.unexpected_keys], list(report.unexpected_keys)


@misconception("load_matching_", "load_state_dict accepts a tensor of shape (1,) for a 0-d entry. Is that the same shape?")
def tries_each(model, state):
    loaded, skipped = [], []
    for name, value in state.items():
        try:
            report = model.load_state_dict({name: value}, strict=False)
            (skipped if report.unexpected_keys else loaded).append(name)
        except RuntimeError:
            skipped.append(name)
    return loaded, skipped


@misconception("load_matching_", "You return how many names there were. Which ones were they?")
def numbers_of_names(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return len(loaded), len(skipped)


@misconception("load_matching_", "The names went through a set on the way. Does a set keep an order?")
def lists_of_sets(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return list(set(loaded)), list(set(skipped))


@misconception("load_matching_", "If you have to change a name first, is it a name in model.state_dict()?")
def strips_a_prefix(model, state):
    own = model.state_dict()
    loaded, skipped = [], []
    for name, value in state.items():
        known = own.get(name.removeprefix("module."))
        if known is not None and known.shape == value.shape:
            known.copy_(value)
            loaded.append(name)
        else:
            skipped.append(name)
    return loaded, skipped


@misconception("load_matching_", "The model now shares memory with the dictionary you were given.")
def alias(model, state):
    loaded, skipped = _lists(model, state)
    model.load_state_dict({name: state[name] for name in loaded}, strict=False, assign=True)
    return loaded, skipped


@misconception("load_matching_", "Change a tensor in `state` after your call, then look at the model again.")
def shares_data(model, state):
    loaded, skipped = _lists(model, state)
    tensors = model.state_dict(keep_vars=True)
    for name in loaded:
        tensors[name].data = state[name].detach().to(tensors[name].dtype)
    return loaded, skipped


@misconception("load_matching_", "The model has new parameter objects now. What still holds the old ones?")
def new_parameters(model, state):
    loaded, skipped = _lists(model, state)
    for name in loaded:
        path, _, last = name.rpartition(".")
        module = model.get_submodule(path)
        value = state[name].detach().clone()
        if last in dict(module.named_parameters(recurse=False)):
            setattr(module, last, nn.Parameter(value.to(getattr(module, last).dtype)))
        else:
            getattr(module, last).copy_(value)
    return loaded, skipped


@misconception("load_matching_", "Which order are the names in `state` in, and which order are your lists in?")
def order_of_the_model(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return [name for name in model.state_dict() if name in loaded], skipped


@misconception("load_matching_", "Your lists hold the right names, but sorted. Which order does the docstring ask for?")
def sorted_names(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return sorted(loaded), sorted(skipped)


@misconception("load_matching_", "Does a set keep an order?")
def sets(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return set(loaded), set(skipped)


@misconception(
    "load_matching_", "You return the names that are missing from `state`. Which names IN `state` were not copied?"
)
def what_is_missing(model, state):
    loaded, _ = _lists(model, state)
    _copy(model, state, loaded)
    return loaded, [name for name in model.state_dict() if name not in loaded]


@misconception("load_matching_", "Count them: each name in `state` belongs in one of your two lists.")
def forgets_other_shapes(model, state):
    loaded, _ = _lists(model, state)
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in model.state_dict()]


@misconception("load_matching_", "The first name that does not fit ends your loop. What about the names after it?")
def stops_at_a_misfit(model, state):
    fitting, _ = _lists(model, state)
    loaded = []
    for name in state:
        if name not in fitting:
            break
        loaded.append(name)
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Is everything in a state_dict floating point? Look at num_batches_tracked.")
def floating_entries_only(model, state):
    loaded = [name for name in _lists(model, state)[0] if state[name].is_floating_point()]
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "The two lists are the wrong way round.")
def skipped_first(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    return skipped, loaded


@misconception("load_matching_", "What happened to BatchNorm's running mean? A model loads more than parameters.")
def parameters_alone(model, state):
    parameters = dict(model.named_parameters())
    loaded = [name for name in state if name in parameters and _fits(model, state, name)]
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Is every buffer's name in model.state_dict()?")
def buffers_of_every_kind(model, state):
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    loaded = [name for name in state if name in own and own[name].shape == state[name].shape]
    for name in loaded:
        own[name].data.copy_(state[name])
    return loaded, [name for name in state if name not in loaded]


@misconception(
    "load_matching_", "A copy that raises no error does not prove a fit: what does copy_ do with a smaller source?"
)
def whatever_can_be_stretched(model, state):
    own = model.state_dict()
    loaded, skipped = [], []
    for name, value in state.items():
        try:
            own[name].copy_(value)
            loaded.append(name)
        except (KeyError, RuntimeError):
            skipped.append(name)
    return loaded, skipped


@misconception("load_matching_", "Two tensors can have the same number of elements but different shapes.")
def as_many_elements(model, state):
    own = model.state_dict()
    loaded = [name for name in state if name in own and own[name].numel() == state[name].numel()]
    for name in loaded:
        own[name].copy_(state[name].reshape(own[name].shape))
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "You compare only the first size. Would a head for a different number of inputs fit, too?")
def first_size_only(model, state):
    own = model.state_dict()
    loaded, skipped = [], []
    for name, value in state.items():
        if name in own and own[name].shape[:1] == value.shape[:1]:
            own[name].copy_(value)
            loaded.append(name)
        else:
            skipped.append(name)
    return loaded, skipped


@misconception("load_matching_", "A frozen layer is not trained, but can it not be loaded?")
def trainable_parameters(model, state):
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    loaded = [name for name in state if _fits(model, state, name) and name not in frozen]
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Nobody asked you to freeze what you load: look at requires_grad.")
def freezes_what_it_loads(model, state):
    loaded, skipped = _lists(model, state)
    _copy(model, state, loaded)
    for name, parameter in model.named_parameters():
        if name in loaded:
            parameter.requires_grad_(False)
    return loaded, skipped


@misconception("load_matching_", "The caller's dictionary has lost some entries.")
def pops(model, state):
    loaded, skipped = _lists(model, state)
    for name in skipped:
        state.pop(name)
    _copy(model, state, loaded)
    return loaded, skipped


@misconception("load_matching_", "Does the docstring ask for the same dtype?")
def same_dtype_only(model, state):
    own = model.state_dict()
    loaded = [name for name in state if _fits(model, state, name) and own[name].dtype == state[name].dtype]
    _copy(model, state, loaded)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Did you copy anything into the model you were given?")
def into_a_copy(model, state):
    loaded, skipped = _lists(model, state)
    _copy(copy.deepcopy(model), state, loaded)
    return loaded, skipped


@misconception("load_matching_", "As soon as one name does not fit, you load nothing at all.")
def all_or_nothing(model, state):
    loaded, skipped = _lists(model, state)
    if skipped:
        return [], list(state)
    _copy(model, state, loaded)
    return loaded, skipped
