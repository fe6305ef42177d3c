#!/usr/bin/env python3
"""conventions.py: computes again what tests/test_conventions.c says of PyTorch: every row that begins with an expression in Python.
Needs python3-torch. Prints the rows that differ and a count; exits 1 if one does or if there are none."""
import math
import pathlib
import re
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
source = (pathlib.Path(__file__).parent.parent / "test_conventions.c").read_text()
rows = re.findall(r'^    \{"([^"]*[xab]\W[^"]*)", (\w+|"\w+"), ([^}]*)\},$', source, re.M)


def number(text):
    return float(text.replace("INFINITY", "inf").replace("NAN", "nan"))


def differs(found, stated):
    return not (math.isnan(found) and math.isnan(stated) or found == stated or abs(found - stated) <= 1e-15 * abs(stated))


wrong = 0
for expression, builder, numbers in rows:
    numbers = [number(text) for text in numbers.split(", ")]
    names = ["a", "b", "c"] if builder.startswith('"') else ["x"]
    x = {name: torch.tensor(value, requires_grad=True) for name, value in zip(names, numbers)}
    y = eval(expression, {"torch": torch, "F": F}, x).sum()
    gradients = torch.autograd.grad(y, list(x.values()), allow_unused=True)
    found = [y.item()] + [0.0 if g is None else g.item() for g in gradients]
    stated = numbers[len(names) : len(names) + len(found)]
    if any(map(differs, found, stated)):
        wrong += 1
        print(f"{expression} at {numbers[: len(names)]}: PyTorch {torch.__version__} has {found}, the table {stated}")
print(f"{len(rows) - wrong} of {len(rows)} rows agree")
sys.exit(wrong > 0 or not rows)
