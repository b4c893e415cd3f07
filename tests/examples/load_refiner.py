# SPDX-License-Identifier: MIT
"""Loads a refiner from a safetensors file into PyTorch and runs it.

    v2s-infer export seed-omni -o seed-omni.safetensors --weights-only
    python load_refiner.py seed-omni.safetensors in.npy out.npy [saved.safetensors]

in.npy: seed [batch, 4, time] of first-order sound at the rate in the metadata; v2s [batch, time,
features]. out.npy: the refined sound; the gains. saved.safetensors: the module as PyTorch saves it,
which v2s-infer reads as it is (export adds the metadata again).
"""
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file


class Refiner(torch.nn.Module):
    def __init__(self, inputs, kernel, channels, hidden, outputs):
        super().__init__()
        self.conv1d = torch.nn.Conv1d(inputs, channels, kernel, padding="same")
        self.gru = torch.nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.output = torch.nn.Linear(2 * hidden, outputs)

    def forward(self, x):
        """The residual [batch, time, outputs] of x [batch, inputs, time]."""
        h = self.conv1d(x).transpose(1, 2)
        return 0.1 * self.output(self.gru(h)[0])


def load(path):
    """The module, and the file's metadata."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata() or {}
    # floor.* are constants for v2s-infer compare; export --weights-only leaves them out.
    weights = {k: v.float() for k, v in tensors.items() if not k.startswith("floor.")}
    channels, inputs, kernel = weights["conv1d.weight"].shape
    outputs, directions = weights["output.weight"].shape
    module = Refiner(inputs, kernel, channels, directions // 2, outputs)
    module.load_state_dict(weights)  # strict: every name and shape has to fit
    return module.eval(), metadata


def main(path, into, out, saved=None):
    module, metadata = load(path)
    for key in ("preset", "pairing", "rate_hz", "hop", "conventions"):
        print(f"{key}: {metadata.get(key, 'not in the file')}")
    print(f"parameters: {sum(p.numel() for p in module.parameters())}")
    x = torch.from_numpy(np.load(into))
    with torch.no_grad():
        if module.conv1d.in_channels == 4:
            y = x + module(x).transpose(1, 2)
        else:
            y = module(x.transpose(1, 2))
    np.save(out, y.numpy())
    if saved:
        save_file(module.state_dict(), saved)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
