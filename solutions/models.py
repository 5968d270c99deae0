"""Reference solutions: models."""

import torch
from torch import Tensor, nn

predicted_tensors = 2
predicted_count = 5560


class TwoLayerNet(nn.Module):
    def __init__(self, d_in: int, h: int, d_out: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(torch.relu(self.linear1(x)))


def count_parameters(model: nn.Module) -> dict[str, int]:
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    buffers = sum(b.numel() for b in model.buffers())
    return {"total": trainable + frozen, "trainable": trainable, "frozen": frozen, "buffers": buffers}


def summarize(model: nn.Module, x: Tensor) -> list[tuple[str, str, tuple[int, ...], int]]:
    names = {module: name for name, module in model.named_modules()}
    modes = {module: module.training for module in names}
    rows = []

    def note(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        entries = sum(p.numel() for p in module.parameters())
        rows.append((names[module], type(module).__name__, tuple(output.shape), entries))

    handles = [module.register_forward_hook(note) for module in names if not list(module.children())]
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    return rows
