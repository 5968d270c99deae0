"""Code as students write it, and what a GPU makes of it. test_real_gpu.py runs it on a real one.

`python benchmarks/devices.py` writes the table of docs/devices.md from these.
"""

# ruff: noqa: E501  (a snippet is read as a whole, next to its outcome)

from __future__ import annotations

import torch
from gpu_snippet import Snippet, fails, on_cuda, works, wrong
from gpu_snippets_sources import SOURCES
from gpu_snippets_training import TRAINING

__all__ = ["SNIPPETS", "Snippet"]

SNIPPETS = [
    works("a tensor moved", "result = torch.ones(3).to(device)"),
    wrong("`.to` without using its result", "result = torch.ones(3)\nresult.to(device)"),
    fails(
        "labels not moved, cross_entropy",
        "m = Net().to(device)\nresult = loop(m, X.to(device), Y, torch.optim.SGD(m.parameters(), 0.1))",
    ),
    fails("labels not moved, mse_loss", "result = F.mse_loss(Net().to(device)(X.to(device)), torch.zeros(32, 3))"),
    fails("the model not moved", "result = Net()(X.to(device))"),
    fails("the input not moved", "result = Net().to(device)(X)"),
    fails(
        "the input of a convolution not moved",
        "result = nn.Conv2d(3, 2, 3).to(device)(torch.randn(4, 3, 8, 8))",
        text=r"Input type \(torch\.FloatTensor\) and weight type \(torch\.cuda\.FloatTensor\) should be the same",
    ),
    fails(
        "the weight of a convolution not moved",
        "result = nn.Conv2d(1, 2, 3)(torch.randn(1, 1, 5, 5, device=device))",
        text=r"Input type \(torch\.cuda\.FloatTensor\) and weight type \(torch\.FloatTensor\) should be the same",
    ),
    fails(
        "`.numpy()` of a GPU tensor",
        "result = torch.ones(3).to(device).numpy()",
        TypeError,
        "can't convert cuda:0 device type tensor",
    ),
    fails(
        "`np.asarray` of a GPU tensor", "result = np.asarray(torch.ones(3).to(device))", TypeError, "can't convert cuda:0"
    ),
    fails(
        "`np.mean` of a list of losses",
        "result = np.mean([torch.ones(()).to(device)] * 3)",
        TypeError,
        "can't convert cuda:0",
    ),
    fails(
        "`np.from_dlpack` of a GPU tensor",
        "result = np.from_dlpack(torch.ones(3).to(device))",
        BufferError,
        "Unsupported device",
    ),
    works("`.cpu().numpy()`", "result = torch.ones(3).to(device).cpu().numpy()", lambda r: r.tolist() == [1, 1, 1]),
    fails(
        "`.cpu().numpy()` with gradients",
        "w = torch.ones(3, requires_grad=True)\nresult = (w.to(device) * 2).cpu().numpy()",
        text="requires grad",
    ),
    works(
        "`.numpy(force=True)`",
        "w = torch.ones(3, requires_grad=True)\nresult = w.to(device).numpy(force=True)",
        lambda r: r.tolist() == [1, 1, 1],
    ),
    fails("a tensor made in forward", "result = WithPart(lambda s, x: s.fc(x + torch.ones(4))).to(device)(X.to(device))"),
    fails("a plain attribute for a buffer", "result = WithPart(lambda s, x: s.fc(x) * s.mask).to(device)(X.to(device))"),
    works("a buffer", "result = WithPart(lambda s, x: s.fc(x) * s.mask, buffer=True).to(device)(X.to(device))"),
    works(
        "`device=x.device`, `zeros_like`, `new_ones`",
        "x = X.to(device)\nresult = x + torch.zeros(4, device=x.device) + torch.zeros_like(x) + x.new_ones(4)",
    ),
    fails(
        "a leaf moved, then given to an optimizer",
        "result = torch.optim.SGD([torch.randn(3, requires_grad=True).to(device)], lr=0.1)",
        ValueError,
        "non-leaf",
    ),
    wrong(
        "`.grad` of a leaf that was moved",
        "w = torch.ones(3, requires_grad=True).to(device)\n(w * 2).sum().backward()\nresult = w.grad",
        lambda r: r is not None,
    ),
    works(
        "an optimizer made before `model.to`",
        "m = Net()\no = torch.optim.SGD(m.parameters(), 0.5)\nm.to(device)\nh = loop(m, X.to(device), Y.to(device), o)\nresult = h[-1] < h[0]",
        bool,
    ),
    fails(
        "Adagrad made before `model.to`",
        "m = Net()\no = torch.optim.Adagrad(m.parameters())\nm.to(device)\nresult = loop(m, X.to(device), Y.to(device), o)",
        text="same device",
    ),
    fails(
        "Adam's state left behind by `model.to`",
        "m = Net()\no = torch.optim.Adam(m.parameters())\nloop(m, X, Y, o, 1)\nm.to(device)\nresult = loop(m, X.to(device), Y.to(device), o)",
        text="same device",
    ),
    works(
        "one optimizer for parameters on two devices",
        "a, b = nn.Linear(4, 4).to(device), nn.Linear(4, 3)\no = torch.optim.Adam([*a.parameters(), *b.parameters()])\n"
        "F.cross_entropy(b(a(X.to(device)).cpu()), Y).backward()\no.step()\nresult = a.weight",
    ),
    works(
        "`load_state_dict` moves an optimizer's state",
        "m, n = Net(), Net().to(device)\no, p = torch.optim.Adam(m.parameters()), torch.optim.Adam(n.parameters())\nloop(m, X, Y, o, 1)\np.load_state_dict(o.state_dict())\nloop(n, X.to(device), Y.to(device), p)\nresult = p.state[n.fc1.weight]['exp_avg']",
    ),
    fails(
        "`total = torch.tensor(0.)`, `total += loss`",
        "total = torch.tensor(0.)\ntotal += torch.randn(3).to(device).sum()\nresult = total",
    ),
    works(
        "a CPU scalar times a GPU tensor",
        "result = torch.ones(3).to(device) * torch.tensor(2.0)",
        lambda r: on_cuda(r) and r.tolist() == [2, 2, 2],
    ),
    fails("a CPU tensor of one element times a GPU tensor", "result = torch.ones(3).to(device) * torch.tensor([2.0])"),
    works(
        "GPU tensor, CPU index",
        "result = torch.arange(4.0).to(device)[torch.tensor([3, 1])]",
        lambda r: on_cuda(r) and r.tolist() == [3, 1],
    ),
    fails(
        "CPU tensor, GPU index",
        "result = torch.arange(4.0)[torch.tensor([3, 1]).to(device)]",
        text="indices should be either on cpu or",
    ),
    works(
        "an assignment across devices",
        "result = torch.zeros(3, device=device)\nresult[:2] = torch.ones(2)",
        lambda r: on_cuda(r) and r.tolist() == [1, 1, 0],
    ),
    fails("a masked assignment across devices", "x = torch.zeros(3, device=device)\nx[x == 0] = torch.ones(3)\nresult = x"),
    fails("accuracy with CPU labels", "result = (Net().to(device)(X.to(device)).argmax(1) == Y).float().mean().item()"),
    fails("`torch.cat` of both", "result = torch.cat([torch.ones(2), torch.ones(2, device=device)])"),
    fails("`torch.equal` of both", "result = torch.equal(torch.ones(2), torch.ones(2, device=device))"),
    works(
        "a generator of the GPU", "result = torch.randn(3, device=device, generator=torch.Generator(device).manual_seed(0))"
    ),
    fails(
        "a CPU generator for a GPU tensor",
        "result = torch.randn(3, device=device, generator=torch.Generator().manual_seed(0))",
        text="Expected a 'cuda' device type for generator",
    ),
    fails(
        "a CPU generator for `normal_` on the GPU",
        "result = torch.empty(3, device=device).normal_(generator=torch.Generator())",
        text="Expected a 'cuda' device type for generator",
    ),
    fails(
        "the second of one GPUs",
        "result = torch.ones(3).to('cuda:1' if device.type == 'cuda' else 'cpu')",
        text="invalid device ordinal",
    ),
    works(
        "gradients flow back through `.to`",
        "w = torch.ones(3, requires_grad=True)\n(w.to(device) * 3).sum().backward()\nresult = w.grad",
        lambda r: not on_cuda(r) and r.tolist() == [3, 3, 3],
    ),
    fails(
        "a CPU gradient for a GPU parameter",
        "p = nn.Parameter(torch.ones(3, device=device))\np.grad = torch.ones(3)\nresult = p",
        text="attempting to assign a gradient",
    ),
    works("`copy.deepcopy` of a model", "result = copy.deepcopy(Net().to(device)).fc1.weight"),
    works(
        "autocast and GradScaler",
        "m = nn.Linear(3, 2).to(device)\no = torch.optim.SGD(m.parameters(), 0.1)\ns = torch.amp.GradScaler(device.type)\nwith torch.autocast(device.type, dtype=torch.float16):\n    out = m(torch.randn(4, 3, device=device))\n    l = F.mse_loss(out, torch.zeros(4, 2, device=device))\ns.scale(l).backward()\ns.step(o)\ns.update()\nresult = (out.dtype, l.dtype, l.device.type)",
        lambda r: r == (torch.float16, torch.float32, "cuda"),
    ),
    works(
        "softmax is float32 under autocast",
        "with torch.autocast(device.type, dtype=torch.float16):\n    result = (X.to(device) @ X.to(device).T).softmax(-1)",
        lambda r: r.dtype == torch.float32,
    ),
    works(
        "autocast leaves CPU tensors alone",
        "with torch.autocast(device.type):\n    result = (X @ X.T).dtype, (X.to(device) @ X.to(device).T).dtype",
        lambda r: r == (torch.float32, torch.float16),
    ),
    fails(
        "binary_cross_entropy under autocast",
        "with torch.autocast(device.type, dtype=torch.float16 if device.type == 'cuda' else torch.bfloat16):\n    result = F.binary_cross_entropy(torch.full((3,), 0.5, device=device), torch.ones(3, device=device))",
        text="unsafe to autocast",
    ),
    works(
        "`with torch.device`",
        "with torch.device(device):\n    m, z = nn.Linear(2, 2), torch.zeros(2)\nresult = m.weight, z, torch.zeros(2)",
        lambda r: [t.device.type for t in r] == ["cuda", "cuda", "cpu"],
    ),
    works(
        "DataLoader with `pin_memory`, `non_blocking`",
        "batches = DataLoader(TensorDataset(X, Y), 8, pin_memory=device.type == 'cuda')\nresult = [(x.to(device, non_blocking=True), y.is_pinned()) for x, y in batches]",
        lambda r: on_cuda(r[0][0]) and r[0][1],
    ),
    fails(
        "`pin_memory` of a GPU tensor",
        "x = torch.ones(3, device=device)\nresult = x.pin_memory() if device.type == 'cuda' else x",
        text="only dense CPU tensors can be pinned",
    ),
    wrong(
        "`.to('cpu', non_blocking=True)` read at once",
        "x = torch.arange(1.0, 4, device=device).to('cpu', non_blocking=True)\nresult = x.tolist()",
        lambda r: r == [1, 2, 3],
        luck=True,
    ),
    works(
        "`.to('cpu', non_blocking=True)`, then synchronize",
        "x = torch.arange(1.0, 4, device=device).to('cpu', non_blocking=True)\nif device.type == 'cuda':\n    torch.cuda.synchronize()\nresult = x.tolist()",
        lambda r: r == [1, 2, 3],
    ),
    fails(
        "an index out of range",
        "result = F.embedding(torch.tensor([5], device=device), torch.ones(3, 2, device=device))",
        text="device-side assert triggered",
    ),
    fails(
        "a label out of range",
        "result = F.cross_entropy(torch.ones(2, 3, device=device), torch.tensor([0, 3], device=device))",
        text="device-side assert triggered",
    ),
    fails(
        "a product of integers",
        "x = torch.ones(2, 2, dtype=torch.int64, device=device)\nresult = x @ x",
        text="\"addmm_cuda\" not implemented for 'Long'",
    ),
    fails(
        "`tensor_split` with a GPU tensor",
        "result = torch.arange(4.0).to(device).tensor_split(torch.tensor([1, 2]).to(device))",
        text="expected tensor_indices_or_sections to be on cpu",
    ),
    works(
        "`ctc_loss` with lengths on the CPU",
        "p = torch.randn(6, 2, 4, device=device).log_softmax(-1)\nt, n, k = torch.tensor([[1, 2], [3, 1]], device=device), torch.tensor([6, 5]), torch.tensor([2, 1])\nresult = F.ctc_loss(p, t, n, k)",
    ),
    works(
        "`pack_padded_sequence` with lengths on the CPU",
        "result = nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1, device=device), torch.tensor([3, 2])).data",
    ),
    fails(
        "`pack_padded_sequence` with lengths on the GPU",
        "result = nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1, device=device), torch.tensor([3, 2], device=device)).data",
        text="'lengths' argument should be a 1D CPU int64 tensor",
    ),
    fails(
        "a mistake in another thread",
        "raised = []\ndef work():\n    try:\n        raised.append(torch.ones(2, device=device) + torch.ones(2))\n    except RuntimeError as error:\n        raised.append(error)\nt = threading.Thread(target=work)\nt.start()\nt.join()\nif isinstance(raised[0], Exception):\n    raise raised[0]\nresult = raised[0]",
    ),
    works(
        "a checkpoint remembers its device",
        "f = io.BytesIO()\ntorch.save(Net().to(device).state_dict(), f)\nf.seek(0)\nresult = torch.load(f)['fc1.weight']",
    ),
    works(
        "`map_location='cpu'`",
        "f = io.BytesIO()\ntorch.save(Net().to(device).state_dict(), f)\nf.seek(0)\nresult = torch.load(f, map_location='cpu')['fc1.weight'].device.type",
        lambda r: r == "cpu",
    ),
    works("an LSTM", "result = nn.LSTM(4, 3).to(device)(X.to(device))[0]"),
    fails(
        "the first state of an LSTM on the CPU",
        "result = nn.LSTM(4, 3).to(device)(X.to(device), (torch.zeros(1, 3), torch.zeros(1, 3)))[0]",
        text="(?i)same device",
    ),
    works(
        "attention",
        "m = nn.MultiheadAttention(4, 2, batch_first=True).to(device)\nx = X.to(device).view(4, 8, 4)\nresult = m(x, x, x, attn_mask=nn.Transformer.generate_square_subsequent_mask(8, device=device))[0]",
    ),
    fails(
        "attention with a mask on the CPU",
        "m = nn.MultiheadAttention(4, 2, batch_first=True).to(device)\nx = X.to(device).view(4, 8, 4)\nresult = m(x, x, x, attn_mask=nn.Transformer.generate_square_subsequent_mask(8))[0]",
    ),
    works(
        "gradients clipped",
        "m = Net().to(device)\nm(X.to(device)).sum().backward()\nresult = nn.utils.clip_grad_norm_(m.parameters(), 1.0)",
    ),
    works("an old tensor type", "result = torch.cuda.FloatTensor([1, 2]) if device.type == 'cuda' else torch.ones(2)"),
    *TRAINING,
    *SOURCES,
]
