"""More code as students write it: losses, data loaders, own gradients, mixed precision, files, and what lies around them."""

# ruff: noqa: E501  (a snippet is read as a whole, next to its outcome)

from __future__ import annotations

import torch
from gpu_snippet import SAME_DEVICE, fails, on_cuda, works, wrong

__all__ = ["TRAINING"]

_INDEX_ON_CPU = f"{SAME_DEVICE}, but got index is on cpu"
_FORKED = "re-initialize CUDA in forked subprocess|initialization error"

TRAINING = [
    # Modules and losses
    fails(
        "the class weights of a loss not moved",
        "result = nn.CrossEntropyLoss(weight=torch.ones(3))(Net().to(device)(X.to(device)), Y.to(device))",
        text=f"{SAME_DEVICE}, but got weight is on cpu",
    ),
    works(
        "a loss moved with its class weights",
        "result = nn.CrossEntropyLoss(weight=torch.ones(3)).to(device)(Net().to(device)(X.to(device)), Y.to(device))",
    ),
    fails(
        "the `pos_weight` of a loss not moved",
        "result = nn.BCEWithLogitsLoss(pos_weight=torch.ones(4))(X.to(device), torch.ones(32, 4, device=device))",
    ),
    fails(
        "layers in a Python list",
        "class M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.layers = [nn.Linear(4, 4)]\n    def forward(self, x):\n        return self.layers[0](x)\nresult = M().to(device)(X.to(device))",
    ),
    fails(
        "a parameter moved while it is made",
        "class M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.w = nn.Parameter(torch.ones(4)).to(device)\nresult = torch.optim.SGD(M().parameters(), 0.1)",
        ValueError,
        "empty parameter list",
    ),
    fails("one part of a model moved", "m = Net()\nm.fc1.to(device)\nresult = m(X.to(device))"),
    fails(
        "the indices of an embedding not moved",
        "result = nn.Embedding(3, 2).to(device)(torch.tensor([1]))",
        text=_INDEX_ON_CPU,
    ),
    fails(
        "`gather` with labels on the CPU",
        "result = torch.ones(32, 3, device=device).gather(1, Y[:, None])",
        text=_INDEX_ON_CPU,
    ),
    fails("`torch.stack` of a GPU loss and a CPU zero", "result = torch.stack([X.to(device).sum(), torch.zeros(())])"),
    fails(
        "`torch.where` with a condition on the CPU",
        "result = torch.where(X > 0, X.to(device), 0.0)",
        text="(?i)same device",
    ),
    fails(
        "`bucketize` with boundaries on the CPU",
        "result = torch.bucketize(X.to(device), torch.tensor([0.0, 1.0]))",
        text="(?i)same device",
    ),
    works(
        "a CPU tensor assigned to under a GPU mask",
        "marks = torch.zeros(32, 4)\nmarks[X.to(device) > 0] = 1.0\nresult = torch.equal(marks, (X > 0).float())",
        bool,
    ),
    fails(
        "a CPU tensor assigned to under a GPU mask, values of the GPU",
        "mask = X.to(device) > 0\nresult = torch.zeros(32, 4)\nresult[mask] = X.to(device)[mask]",
        text="(?i)same device",
    ),
    works(
        "a CPU tensor assigned to at GPU indices",
        "marks = torch.zeros(3)\nmarks[Y.to(device)] = 1.0\nresult = marks.tolist() == [1.0, 1.0, 1.0]",
        bool,
    ),
    fails(
        "`masked_fill` with a mask on the CPU",
        "result = X.to(device).masked_fill(X > 0, 0.0)",
        text="expected self and mask to be on the same device, but got mask on cpu",
    ),
    wrong(
        "a device compared with one that has no number",
        "result = X.to(device).device == torch.device(device.type)",
        bool,
    ),
    works("`model.to(0)`", "result = Net().to(0 if device.type == 'cuda' else 'cpu').fc1.weight"),
    works(
        "a model made on `meta`, then `to_empty`",
        "with torch.device('meta'):\n    m = Net()\nresult = m.to_empty(device=device).fc1.weight",
    ),
    works(
        "`load_state_dict(assign=True)` brings the device along",
        "m = Net()\nm.load_state_dict(Net().to(device).state_dict(), assign=True)\nresult = m.fc1.weight",
    ),
    works(
        "nn.DataParallel fetches its input",
        "m = nn.DataParallel(Net()).to(device)\nm(X).sum().backward()\nresult = m.module.fc1.weight.grad",
    ),
    works(
        "a moving average of a model",
        "m = Net().to(device)\na = torch.optim.swa_utils.AveragedModel(m)\na.update_parameters(m)\nresult = a.module.fc1.weight",
    ),
    works(
        "a Transformer with a padding mask",
        "m = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1).to(device).eval()\nmask = torch.zeros(4, 8, dtype=torch.bool, device=device)\nmask[:, 6:] = True\nwith torch.no_grad():\n    result = m(X.to(device).view(4, 8, 4), src_key_padding_mask=mask)",
    ),
    fails(
        "the input of an LSTM not moved",
        "result = nn.LSTM(4, 3).to(device)(X)[0]",
        text="Input and parameter tensors are not at the same device, found input tensor at cpu",
    ),
    works(
        "`pad_packed_sequence` has its lengths on the CPU",
        "p = nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 4, device=device), torch.tensor([3, 2]))\nresult = nn.utils.rnn.pad_packed_sequence(nn.GRU(4, 3).to(device)(p)[0])",
        lambda r: on_cuda(r[0]) and not on_cuda(r[1]),
    ),
    works(
        "a sparse matrix times a dense one",
        "s = torch.sparse_coo_tensor(torch.tensor([[0, 1], [1, 0]]), torch.ones(2), (2, 2), device=device)\nresult = s @ torch.ones(2, 2, device=device)",
    ),
    works(
        "derivatives by `torch.func`",
        "x = torch.ones(3, device=device)\nf = lambda t: (t**2).sum()\nresult = torch.func.jvp(f, (x,), (x,))[1] + torch.func.hessian(f)(x).sum()",
    ),
    # Data loaders
    fails(
        "shuffling with a generator of the GPU",
        "result = next(iter(DataLoader(TensorDataset(X), 8, shuffle=True, generator=torch.Generator(device))))",
        text="Expected a 'cpu' device type for generator but found 'cuda'",
    ),
    fails(
        "shuffling while the GPU is the default device",
        "torch.set_default_device(device)\ntry:\n    result = next(iter(DataLoader(TensorDataset(X), 8, shuffle=True)))\nfinally:\n    torch.set_default_device(None)",
        text="Expected a 'cuda' device type for generator but found 'cpu'",
    ),
    fails(
        "a dataset on the GPU, and `pin_memory`",
        "result = next(iter(DataLoader(TensorDataset(X.to(device)), 8, pin_memory=device.type == 'cuda')))",
        text="only dense CPU tensors can be pinned",
    ),
    fails(
        "a DataLoader's worker that uses the GPU",
        "class D(torch.utils.data.Dataset):\n    def __len__(self):\n        return 8\n    def __getitem__(self, i):\n        return X[i].to(device)\ntorch.ones(1, device=device)\nresult = next(iter(DataLoader(D(), 4, num_workers=1, multiprocessing_context='fork')))",
        text=_FORKED,
    ),
    works(
        "a DataLoader's workers that stay on the CPU",
        "batches = DataLoader(TensorDataset(X), 8, num_workers=1, multiprocessing_context='fork')\nresult = next(iter(batches))[0].to(device)",
    ),
    # Gradients
    fails(
        "`backward` with a gradient on the CPU",
        "w = torch.ones(3, device=device, requires_grad=True)\n(w * 2).backward(torch.ones(3))\nresult = w.grad",
        text="invalid gradient at index 0 - expected device cuda:0 but got cpu",
    ),
    works(
        "`backward` with a number on the CPU",
        "w = torch.ones(3, device=device, requires_grad=True)\n(w * 2).sum().backward(torch.tensor(1.0))\nresult = w.grad",
    ),
    fails(
        "a function of one's own whose gradient is on the CPU",
        "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * 2\n    @staticmethod\n    def backward(ctx, g):\n        return torch.full((3,), 2.0)\nw = torch.ones(3, device=device, requires_grad=True)\nDouble.apply(w).sum().backward()\nresult = w.grad",
        text="Function DoubleBackward returned an invalid gradient at index 0 - expected device cuda:0 but got cpu",
    ),
    # Dtypes and mixed precision
    fails(
        "float32 input for a float16 model",
        "result = Net().to(device).half()(X.to(device))",
        text="must have the same dtype, but got Float and Half",
    ),
    fails(
        "an image of bytes for a convolution",
        "result = nn.Conv2d(1, 2, 3).to(device)(torch.ones(1, 1, 5, 5, dtype=torch.uint8, device=device))",
        text=r"Input type \(unsigned char\) and bias type \(float\) should be the same",
    ),
    fails(
        "a convolution of integers",
        "x = torch.ones(1, 1, 4, dtype=torch.int64, device=device)\nresult = F.conv1d(x, x[..., :2])",
        text="not supported for Long|not implemented for 'Long'",
    ),
    fails(
        "`max_pool2d` of integers",
        "result = F.max_pool2d(torch.ones(1, 1, 4, 4, dtype=torch.int64, device=device), 2)",
        text="not implemented for 'Long'",
    ),
    fails(
        "`F.one_hot` with a label out of range",
        "result = F.one_hot(torch.tensor([0, 5], device=device), 3)",
        text="device-side assert triggered",
    ),
    works(
        "an LSTM under autocast",
        "with torch.autocast(device.type, dtype=torch.float16):\n    result = nn.LSTM(4, 3).to(device)(X.to(device))[0]",
        lambda r: r.dtype == torch.float16,
    ),
    works(
        "norms are float32 under autocast",
        "h = X.to(device).half()\nwith torch.autocast(device.type, dtype=torch.float16):\n    result = [torch.linalg.vector_norm(h), h.logsumexp(0), h.norm()]",
        lambda r: {t.dtype for t in r} == {torch.float32},
    ),
    fails(
        "gradients unscaled twice",
        "m = Net().to(device)\no, s = torch.optim.SGD(m.parameters(), 0.1), torch.amp.GradScaler(device.type)\ns.scale(m(X.to(device)).sum()).backward()\ns.unscale_(o)\ns.unscale_(o)\nresult = m.fc1.weight",
        text=r"unscale_\(\) has already been called",
    ),
    fails(
        "a scaler and float16 parameters",
        "m = Net().to(device).half()\no, s = torch.optim.SGD(m.parameters(), 0.1), torch.amp.GradScaler(device.type)\ns.scale(m(X.to(device).half()).sum()).backward()\ns.step(o)\nresult = m.fc1.weight",
        ValueError,
        "Attempting to unscale FP16 gradients",
    ),
    # Files and copies
    works(
        "`map_location` as a function",
        "f = io.BytesIO()\ntorch.save(Net().state_dict(), f)\nf.seek(0)\nresult = torch.load(f, map_location=lambda s, _: s.cuda() if device.type == 'cuda' else s)['fc1.weight']",
    ),
    fails(
        "the random state in a checkpoint that was loaded onto the GPU",
        "f = io.BytesIO()\ntorch.save(torch.get_rng_state(), f)\nf.seek(0)\nresult = torch.load(f, map_location=device)\ntorch.set_rng_state(result)",
        TypeError,
        "RNG state must be a torch.ByteTensor",
    ),
    wrong(
        "`copy_` into pinned memory, read at once",
        "x = torch.empty(3, pin_memory=device.type == 'cuda')\nx.copy_(torch.arange(3.0, device=device), non_blocking=True)\nresult = x.tolist()",
        lambda r: r == [0, 1, 2],
        luck=True,
    ),
    works(
        "`copy_` into pinned memory, then an event",
        "x = torch.empty(3, pin_memory=device.type == 'cuda')\nx.copy_(torch.arange(3.0, device=device), non_blocking=True)\nif device.type == 'cuda':\n    done = torch.cuda.Event()\n    done.record()\n    done.synchronize()\nresult = x.tolist()",
        lambda r: r == [0, 1, 2],
    ),
    works(
        "losses of the GPU in a tensor on the CPU",
        "result = torch.tensor([X.to(device).sum(), Y.to(device).sum()])",
        lambda r: not on_cuda(r),
    ),
]
