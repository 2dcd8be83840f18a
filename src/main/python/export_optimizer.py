#!/usr/bin/env python3
"""Exports an optimizer's step, a Python function, to files that optibridge runs without Python.

    python export_optimizer.py --to lamb.pt --to lamb.pt2 my_steps.py:lamb

In my_steps.py the function `lamb` is described by `lamb.optimizer`, see `Optimizer` below. A file that ends in .pt is
a TorchScript archive, which runs everywhere; one in .pt2 an AOTInductor package: machine code for this kind of
processor, several times as fast where the step is a chain of operations. Both need torch 2.10 (a package exactly
2.10.0), a package also a C++ compiler. This file may be copied and imported as well: `export_script`, `export_compiled`.
"""

import argparse
import importlib.util
import inspect
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field

import torch

FORMAT = 1
FIRST = ["param", "grad", "step", "lr"]


@dataclass
class Optimizer:
    """What a step function computes.

    The function is `f(param, grad, step, lr, <options>, <state>)`, all of them tensors: param, grad and state of one
    dimension and one dtype, float32 or float64; step (from 1), lr and the options float64 of shape []; a state in
    `scalars` float32 of shape []. It returns (param, *state), new values, and writes to none of its arguments, unless
    `in_place`: then it writes to param and state and returns None. The names of its parameters count.
    """

    name: str
    options: dict = field(default_factory=dict)  # name: default, or dict(default=…, minimum=…, exclusiveMaximum=…, type=…)
    state: dict = field(default_factory=dict)  # name: what its elements start with
    scalars: tuple = ()  # names of states that are one float32 number
    learning_rate: float = 1e-3  # the default
    element_wise: bool = False  # no element's step depends on another element
    reads_weights: bool = True  # whether the step depends on param
    in_place: bool = False
    flat: bool = True  # False: tensors have the parameter's shape (TorchScript only)

    def inputs(self):
        return FIRST + list(self.options) + list(self.state)

    def metadata(self, **more):
        options = []
        for name, value in self.options.items():
            entry = dict(value) if isinstance(value, dict) else {"default": value}
            default = entry["default"]
            kind = {bool: "bool", int: "int"}.get(type(default), "float")
            options.append({"name": name, "type": kind, **entry})
        state = [
            {"name": name, "kind": "scalar" if name in self.scalars else "like", "initial": float(initial)}
            for name, initial in self.state.items()
        ]
        return {
            "format": FORMAT,
            "name": self.name,
            "learning_rate": self.learning_rate,
            "options": options,
            "state": state,
            "element_wise": self.element_wise,
            "reads_weights": self.reads_weights,
            "in_place": self.in_place,
            "flat": self.flat,
            "torch": torch.__version__.split("+")[0],
            **more,
        }


def check(function, optimizer):
    names = list(inspect.signature(function).parameters)
    if names != optimizer.inputs():
        raise SystemExit(f"{optimizer.name}: the function takes {names}, its description says {optimizer.inputs()}")


def arguments(optimizer, n, dtype, seed=0):
    """Arguments for a call with tensors of n elements."""
    generator = torch.Generator().manual_seed(seed)
    random = lambda: torch.randn(n, generator=generator, dtype=torch.float64).to(dtype)
    number = lambda value: torch.tensor(float(value), dtype=torch.float64)
    all = [random(), random(), number(1), number(optimizer.learning_rate)]
    for value in optimizer.options.values():
        all.append(number(value["default"] if isinstance(value, dict) else value))
    for name, initial in optimizer.state.items():
        scalar = name in optimizer.scalars
        all.append(torch.full([] if scalar else [n], float(initial), dtype=torch.float32 if scalar else dtype))
    return tuple(all)


def targets(optimizer, inputs):
    return [inputs[0], *inputs[len(FIRST) + len(optimizer.options) :]]


def results(function, optimizer, inputs):
    """What a step makes of param and state, wherever the function writes it."""
    inputs = tuple(tensor.clone() for tensor in inputs)
    out = function(*inputs)
    if optimizer.in_place:
        return targets(optimizer, inputs)
    return [out] if isinstance(out, torch.Tensor) else list(out)


def script_of(function, optimizer):
    """The function as the method `forward` of a module without attributes."""

    class Step(torch.nn.Module):
        pass

    module = torch.jit.script(Step())
    names = optimizer.inputs()
    if optimizer.in_place:
        returns = "None"
    elif optimizer.state:
        returns = f"Tuple[{', '.join(['Tensor'] * (1 + len(optimizer.state)))}]"
    else:
        returns = "Tensor"
    step_function = torch.jit.script(function)  # found by the text below, in this frame
    assert step_function is not None
    module.define(
        f"def forward(self, {', '.join(name + ': Tensor' for name in names)}) -> {returns}:\n"
        f"    {'' if optimizer.in_place else 'return '}step_function({', '.join(names)})\n"
    )
    return module


def export_script(function, optimizer, path):
    """Writes a TorchScript archive."""
    check(function, optimizer)
    module = script_of(function, optimizer)
    with torch.no_grad():
        for n in (1, 2, 64) if optimizer.flat else ():
            inputs = arguments(optimizer, n, torch.float32)
            for one, other in zip(results(function, optimizer, inputs), results(module, optimizer, inputs)):
                torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = os.path.join(folder, "step.pt")
        torch.jit.save(module, whole, _extra_files={"optibridge.json": json.dumps(optimizer.metadata())})
        # Without what is for debuggers only: it has the paths of this machine.
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
            for entry in source.namelist():
                if not entry.endswith(".debug_pkl"):
                    target.writestr(zipfile.ZipInfo(entry), source.read(entry))
    torch.jit.load(path)


class InPlace(torch.nn.Module):
    """Compiled, this writes its results straight to where they belong."""

    def __init__(self, function, optimizer):
        super().__init__()
        self.function = function
        self.optimizer = optimizer

    def forward(self, *inputs):
        out = self.function(*inputs)
        if not self.optimizer.in_place:
            out = [out] if isinstance(out, torch.Tensor) else out
            for target, value in zip(targets(self.optimizer, inputs), out):
                target.copy_(value)
        return ()


def cpu_flags():
    """The instruction sets of this processor, which the compiled code may use."""
    known = r"(sse|ssse|avx|amx|fma|f16c|bmi|aes|vaes|pclmul|vpclmul|gfni|sha|popcnt|abm|movbe|adx|sve|asimd|bf16|i8mm)"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if re.match("flags|Features", line):
                return sorted(flag for flag in line.split(":")[1].split() if re.match(known, flag))
    raise SystemExit("this system does not tell what its processor can do")


def compile_for(function, optimizer, dtype, folder):
    """AOTInductor's files for one dtype."""
    import torch._inductor
    import torch.fx.experimental._config as symbols

    inputs = arguments(optimizer, 8, dtype)
    length = torch.export.Dim.DYNAMIC
    shapes = tuple({0: length} if tensor.dim() else None for tensor in inputs)
    # Oblivious: no code that holds from two elements on only.
    with torch.no_grad(), symbols.patch(backed_size_oblivious=True):
        program = torch.export.export(InPlace(function, optimizer), inputs, dynamic_shapes=(shapes,))
    options = {"aot_inductor.package": True, "cpp.dynamic_threads": True, "aot_inductor.output_path": folder}
    files = torch._inductor.aot_compile(program.module(check_guards=False), inputs, options=options)
    # torch's own loader wants the wrapper's source; nobody needs the kernels'.
    return [file for file in files if not str(file).endswith("kernel.cpp")]


def export_compiled(function, optimizer, path, dtypes=("float32", "float64")):
    """Writes an AOTInductor package, after comparing what it computes with the function."""
    from torch.export.pt2_archive._package import package_pt2

    check(function, optimizer)
    if not optimizer.flat:
        raise SystemExit(f"{optimizer.name}: 'flat' must be true for a compiled program")
    metadata = optimizer.metadata(in_place=True, cpu_flags=cpu_flags())
    folder = tempfile.mkdtemp()
    try:
        models = {}
        for dtype in dtypes:
            os.mkdir(os.path.join(folder, dtype))
            models[dtype] = compile_for(function, optimizer, getattr(torch, dtype), os.path.join(folder, dtype))
        package_pt2(path, aoti_files=models, extra_files={"optibridge.json": json.dumps(metadata)})
        for dtype in dtypes:
            compare(function, optimizer, path, dtype)
    except BaseException:
        if os.path.exists(path):
            os.remove(path)
        raise
    finally:
        shutil.rmtree(folder)


def compare(function, optimizer, path, dtype):
    """Runs the package at lengths that code often gets wrong."""
    from torch._inductor.package import load_package

    run = load_package(path, dtype)
    for n in (1, 2, 3, 63, 64, 1000, 100_003):
        inputs = arguments(optimizer, n, getattr(torch, dtype), seed=n)
        with torch.no_grad():
            wanted = results(function, optimizer, inputs)
            run(*inputs)
        for one, other in zip(wanted, targets(optimizer, inputs)):
            torch.testing.assert_close(other, one, msg=lambda text: f"{dtype}, {n} elements: {text}", equal_nan=True)


def load(text):
    """The function `name` of a file: FILE.py:name."""
    file, _, name = text.rpartition(":")
    if not file:
        raise SystemExit(f"{text}: name a function as FILE.py:NAME")
    spec = importlib.util.spec_from_file_location("optimizer_steps", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, name)
    return function, function.optimizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function", metavar="FILE.py:NAME", help="the step function")
    parser.add_argument("--to", metavar="FILE", action="append", required=True, help="FILE.pt or FILE.pt2; repeatable")
    parser.add_argument("--dtype", action="append", choices=("float32", "float64"), help="of a package (default: both)")
    arguments = parser.parse_args()
    function, optimizer = load(arguments.function)
    for path in arguments.to:
        if path.endswith(".pt2"):
            export_compiled(function, optimizer, path, tuple(arguments.dtype or ("float32", "float64")))
        elif path.endswith(".pt"):
            export_script(function, optimizer, path)
        else:
            raise SystemExit(f"{path}: a file must end in .pt (TorchScript) or .pt2 (AOTInductor)")
        print(f"{path}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    # A file that imports Optimizer from here shall get this very class.
    sys.modules.setdefault("export_optimizer", sys.modules["__main__"])
    main()
