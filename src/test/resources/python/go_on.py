"""The Python half of PythonStateTest: steps torch.optim's optimizers on the gradients it is given.

Usage: go_on.py FOLDER_OF_OPTIBRIDGE_STATE JOBS.json. In each job's folder it reads start, middle,
gradients and java (a state of Java's after `middle` steps) and writes what the names below say.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, sys.argv[1])
import optibridge_state  # noqa: E402


def parameters(job, file):
    tensors = load_file(job / file)
    return {name: torch.nn.Parameter(tensors[name]) for name in sorted(tensors)}


def optimizer_of(spec, named):
    """Half of the jobs have another order than the file and go by names."""
    if spec["reversed"]:
        named = dict(reversed(named.items()))
    kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in spec["kwargs"].items()}
    return getattr(torch.optim, spec["class"])(list(named.values()), lr=spec["lr"], **kwargs)


def load(spec, optimizer, named, file):
    names = named.items() if spec["reversed"] else None
    optibridge_state.load_into(optimizer, Path(spec["folder"]) / file, names)


def run(spec, optimizer, named, gradients, first, last):
    for step in range(first, last):
        for name, parameter in named.items():
            late = name in spec["late"] and step < spec["middle"]
            parameter.grad = None if late else gradients[f"{step}.{name}"]
        optimizer.step()


def write(named, file):
    save_file({name: p.detach().contiguous() for name, p in named.items()}, file)


def both_ways(spec):
    job = Path(spec["folder"])
    gradients = load_file(job / "gradients")
    middle, last = spec["middle"], spec["last"]

    # Java's first steps, Python's last ones.
    if not spec["late"]:
        named = parameters(job, "middle")
        optimizer = optimizer_of(spec, named)
        load(spec, optimizer, named, "java")
        run(spec, optimizer, named, gradients, middle, last)
        write(named, job / "python_end")

    # Python's first steps; the last ones as well, to compare with Java's.
    named = parameters(job, "start")
    optimizer = optimizer_of(spec, named)
    run(spec, optimizer, named, gradients, 0, middle)
    write(named, job / "python_middle")
    optibridge_state.save(optimizer, job / "python", named.items())
    run(spec, optimizer, named, gradients, middle, last)
    write(named, job / "python_all")

    # The state saved once more by an optimizer that loaded it, which may have cast it.
    named = parameters(job, "python_middle")
    optimizer = optimizer_of(spec, named)
    load(spec, optimizer, named, "python")
    optibridge_state.save(optimizer, job / "python_again", named.items())
    run(spec, optimizer, named, gradients, middle, last)
    write(named, job / "python_loaded")


def refused(text, call):
    try:
        call()
    except ValueError as error:
        assert text in str(error), error
    else:
        raise AssertionError(text)


def errors(spec):
    """What the helper refuses, on a state of Adam."""
    job = Path(spec["folder"])
    named = parameters(job, "middle")
    ps = list(named.values())
    load_into, file = optibridge_state.load_into, job / "java"
    refused("no state of optibridge", lambda: load_into(torch.optim.Adam(ps), job / "middle"))
    refused("torch.optim.AdamW", lambda: load_into(torch.optim.AdamW(ps), file))
    refused("'w1'", lambda: load_into(torch.optim.Adam(ps[::-1]), file))
    refused("not", lambda: load_into(torch.optim.Adam(ps[1:]), file))
    others = [("x" + name, p) for name, p in named.items()]
    refused("xw1", lambda: load_into(torch.optim.Adam(ps), file, others))
    two = torch.optim.Adam([{"params": ps[:1]}, {"params": ps[1:]}])
    refused("1 groups", lambda: load_into(two, file))
    refused("position", lambda: load_into(torch.optim.Adam(ps), file, module=5))
    refused("without a name", lambda: optibridge_state.save(two, job / "no", others[:1]))
    extra = others + [("more", torch.nn.Parameter(torch.ones(2)))]
    refused("others", lambda: optibridge_state.save(two, job / "no", extra))
    assert not (job / "no").exists()


jobs = json.loads(Path(sys.argv[2]).read_text())
for each in jobs:
    both_ways(each)
errors(next(each for each in jobs if each["class"] == "Adam" and each["pipeline"]))
print("torch", torch.__version__)
