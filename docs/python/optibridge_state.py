"""Carries the state of torch.optim's optimizers between Python and optibridge.

Needs torch and safetensors, nothing else. See docs/state.md.
"""

import json
import os
import tempfile

import torch
from safetensors import safe_open
from safetensors.torch import save_file

FORMAT = "optibridge-state/1"


def load_into(optimizer, file, named_parameters=None, module=None):
    """Lets `optimizer` go on where optibridge stopped.

    optimizer: of the class that was saved, over the same parameters in the same groups. It keeps
        its learning rate, which in a pipeline is none of the module's business; all other options
        become those that were saved.
    file: a state that optibridge wrote, of the module alone or of a whole pipeline.
    named_parameters: pairs of name and parameter, as model.named_parameters() gives them. Without
        them, and if the optimizer was not made of such pairs, parameters are matched by order.
    module: the position of the module in the pipeline; needed if several are of torch.
    """
    with safe_open(file, framework="pt") as tensors:
        meta = tensors.metadata() or {}
        if meta.get("format") != FORMAT:
            raise ValueError(f"{file} is no state of optibridge: its format is {meta.get('format')!r}")
        tree, path = _module(json.loads(meta["state"]), module)
        if "params" not in tree:
            raise ValueError(f"{file} was saved before the first step: there is nothing to load")
        groups = _groups(optimizer, tree, _names(optimizer, named_parameters))
        state = {}
        for name in tree.get("state", {"vector": []})["vector"]:
            index, entry = name.split(".", 1)
            state.setdefault(int(index), {})[entry] = tensors.get_tensor(path + "state/" + name)
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def save(optimizer, file, named_parameters):
    """Writes a file from which a TorchOptiModule goes on: StateFormat.read, then setState.

    named_parameters: pairs of name and parameter, as model.named_parameters() gives them, in the
        order of the tensors in Java; each parameter of the optimizer must be among them.
    """
    names = list(named_parameters)
    position = {id(parameter): i for i, (_, parameter) in enumerate(names)}
    groups, tensors = [], {}
    for group in optimizer.param_groups:
        missing = [tuple(p.shape) for p in group["params"] if id(p) not in position]
        if missing:
            raise ValueError(f"the optimizer has parameters without a name, of the shapes {missing}")
        options = {k: _plain(v) for k, v in group.items() if k not in ("params", "param_names")}
        options["params"] = [position[id(p)] for p in group["params"]]
        groups.append(options)
        for parameter in group["params"]:
            for entry, value in optimizer.state.get(parameter, {}).items():
                if value is not None:
                    key = f"{position[id(parameter)]}.{entry}"
                    tensors[key] = _tensor(value)
    if sorted(i for group in groups for i in group["params"]) != list(range(len(names))):
        raise ValueError("named_parameters has others than the optimizer, or one twice")
    tree = {
        "optim_cls": {"text": "torch.optim." + type(optimizer).__name__},
        "param_groups": {"json": groups},
        "params": {"spec": [_spec(name, parameter) for name, parameter in names]},
    }
    if tensors:
        tree["state"] = {"vector": list(tensors)}
    _replace({"state/" + key: value for key, value in tensors.items()}, tree, file)


def _module(tree, position):
    """The module's part of a tree, and the path to its tensors."""
    if "modules" not in tree:
        return tree, ""
    found = [key for key in tree["modules"]["state"] if key.split(":", 1)[1] == "torch-optim"]
    if position is not None:
        found = [key for key in found if key.split(":")[0] == str(position)]
    if len(found) != 1:
        raise ValueError(f"modules of torch in the file: {found}; name one by its position")
    key = found[0]
    return tree["modules"]["state"][key]["state"], f"modules/{key}/"


def _names(optimizer, named_parameters):
    """The names of parameters by their ids, as far as they are known."""
    if named_parameters is not None:
        return {id(parameter): name for name, parameter in named_parameters}
    return {
        id(parameter): name
        for group in optimizer.param_groups
        for name, parameter in zip(group.get("param_names", []), group["params"])
    }


def _groups(optimizer, tree, names):
    """The saved groups, their parameters in this optimizer's order and checked against it."""
    own, saved = "torch.optim." + type(optimizer).__name__, tree["optim_cls"]["text"]
    if own != saved:
        raise ValueError(f"a state of {saved} can't be loaded into {own}")
    specs, groups = tree["params"]["spec"], tree["param_groups"]["json"]
    if len(groups) != len(optimizer.param_groups):
        raise ValueError(
            f"the state has {len(groups)} groups, this optimizer {len(optimizer.param_groups)}"
        )
    matched = []
    for own, saved in zip(optimizer.param_groups, groups):
        order = saved["params"]
        if names:
            positions = {specs[i]["name"]: i for i in order}
            order = [positions.get(names.get(id(parameter))) for parameter in own["params"]]
            if None in order or len(order) != len(positions):
                here = [names.get(id(parameter)) for parameter in own["params"]]
                raise ValueError(f"the state has the parameters {list(positions)}, not {here}")
        theirs = [(specs[i]["shape"], specs[i]["dtype"]) for i in order]
        ours = [(list(p.shape), _dtype(p)) for p in own["params"]]
        if ours != theirs:
            raise ValueError(
                f"the state has {[specs[i]['name'] for i in order]} as {theirs}, not as {ours}"
            )
        matched.append(_like(own, {**own, **saved, "lr": own["lr"], "params": order}))
    return matched


def _like(own, saved):
    """Lists, which JSON has for tuples, as the optimizer itself has them."""
    return {k: tuple(v) if isinstance(own.get(k), tuple) else v for k, v in saved.items()}


def _plain(value):
    if isinstance(value, torch.Tensor):
        return value.item()
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def _tensor(value):
    tensor = torch.as_tensor(value).detach().cpu().contiguous()
    return tensor if tensor.is_floating_point() else tensor.float()


def _spec(name, parameter):
    shape = list(parameter.shape)
    return {"name": name, "dtype": _dtype(parameter), "device": "cpu", "shape": shape}


def _dtype(tensor):
    return str(tensor.dtype)[len("torch.") :]


def _replace(tensors, tree, file):
    """Writes beside the file first, so that an old one is whole until the new one is."""
    folder = os.path.dirname(os.path.abspath(file))
    handle, draft = tempfile.mkstemp(dir=folder, suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, draft, metadata={"format": FORMAT, "state": json.dumps(tree)})
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise
