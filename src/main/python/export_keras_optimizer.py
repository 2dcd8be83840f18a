#!/usr/bin/env python3
"""Exports an optimizer's step, a Python function or a Keras optimizer, as a SavedModel that optibridge runs without Python.

    python export_keras_optimizer.py --to lion my_steps.py:lion
    python export_keras_optimizer.py --to mine --option beta --element-wise my_optimizers.py:MyOptimizer

In my_steps.py the function `lion` is described by `lion.optimizer`, see `Optimizer` below. MyOptimizer is a subclass of
keras.optimizers.Optimizer, which is made without arguments, or an object of one; --option names attributes that can be
chosen later, all others keep the values they have. The folder that is written can also be loaded in Python, with
tf.saved_model.load. Needs TensorFlow 2.18 or older. This file may be copied and imported as well: `export_function`,
`export_keras`.
"""

import argparse
import importlib.util
import inspect
import json
import os
import shutil
import sys
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

FORMAT = 1
FIRST = ["param", "grad", "step", "lr"]
DTYPES = ("float32", "float64")
# What Keras does around a step, for all optimizers alike; optibridge does it too, so no step has to.
SHARED = [
    "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum", "ema_overwrite_frequency",
    "loss_scale_factor", "gradient_accumulation_steps", "learning_rate", "name",
]  # fmt: skip
PARAM = "param"


@dataclass
class Optimizer:
    """What a step function computes.

    The function is `f(param, grad, step, lr, <options>, <state>)`: param, grad and state are tensors of one dtype,
    float32 or float64, and of one dimension; step (from 1), lr and the options are float64 numbers that take the dtype
    of the tensor they meet, see `Number`; a state in `scalars` is a tensor of shape []. It returns (param, *state), new
    values. Variables are not written to. The names of its parameters count.
    """

    name: str
    options: dict = field(default_factory=dict)  # name: default, or dict(default=…, minimum=…, exclusiveMaximum=…, type=…)
    state: dict = field(default_factory=dict)  # name: what its elements start with; "param": as the parameter
    scalars: tuple = ()  # names of states that are one number for each tensor
    learning_rate: float = 1e-3  # the default
    element_wise: bool = False  # no element's step depends on another element
    reads_weights: bool = True  # whether the step depends on param
    flat: bool = True  # False: tensors have the parameter's shape, and the function is traced once for each of `ranks`
    ranks: tuple = (0, 1, 2, 3, 4)
    weight_decay: float = None  # the default of Keras's option

    def inputs(self):
        return FIRST + list(self.options) + list(self.state)

    def metadata(self, functions):
        options = []
        for name, value in self.options.items():
            entry = dict(value) if isinstance(value, dict) else {"default": value}
            kind = {bool: "bool", int: "int"}.get(type(entry["default"]), "float")
            options.append({"name": name, "type": kind, **entry})
        state = []
        for name, initial in self.state.items():
            if initial == PARAM:
                state.append({"name": name, "kind": "param"})
            else:
                kind = "scalar" if name in self.scalars else "like"
                state.append({"name": name, "kind": kind, "initial": float(initial)})
        return {
            "format": FORMAT,
            "name": self.name,
            "learning_rate": self.learning_rate,
            **({} if self.weight_decay is None else {"weight_decay": self.weight_decay}),
            "options": options,
            "state": state,
            "element_wise": self.element_wise,
            "reads_weights": self.reads_weights,
            "flat": self.flat,
            "functions": functions,
        }


class Number:
    """A number of float64 that takes the dtype of the tensor it meets, as Python's own do; not known while tracing."""

    dtype_met = tf.float32  # by operations that only have this number
    cast_by_float32 = False  # as tf.cast does with a number of Python's, in float64 too

    def __init__(self, tensor):
        self.tensor = tensor

    def to(self, dtype):
        return tf.cast(self.tensor, dtype or Number.dtype_met)

    def __getattr__(self, name):
        raise AttributeError(f"an exported number has no '{name}': its value is not known yet")

    def __bool__(self):
        raise TypeError("the value of an exported number is not known yet: use tf.where, or leave it out of the options")

    __float__ = __int__ = __bool__


def _arithmetic(name, operation):
    def forward(self, other, swapped=False):
        if isinstance(other, Number):
            one, two, wrap = self.tensor, other.tensor, Number
        elif isinstance(other, (bool, int, float, np.number)):
            one, two, wrap = self.tensor, tf.constant(float(other), tf.float64), Number
        else:
            two = tf.convert_to_tensor(other)
            one, wrap = self.to(two.dtype if two.dtype.is_floating else None), lambda tensor: tensor
            two = tf.cast(two, one.dtype)
        out = operation(two, one) if swapped else operation(one, two)
        return wrap(out) if out.dtype == tf.float64 else out

    setattr(Number, f"__{name}__", forward)
    setattr(Number, f"__r{name}__", lambda self, other: forward(self, other, True))


for _name, _operation in {
    "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "truediv": tf.divide, "pow": tf.pow,
    "lt": tf.less, "le": tf.less_equal, "gt": tf.greater, "ge": tf.greater_equal, "eq": tf.equal, "ne": tf.not_equal,
}.items():  # fmt: skip
    _arithmetic(_name, _operation)
Number.__neg__ = lambda self: Number(-self.tensor)
Number.__hash__ = object.__hash__
Number.__array_priority__ = 1000


def _converted(number, dtype=None, name=None, as_ref=False):
    # tf.cast names what it converts "x".
    by_float32 = Number.cast_by_float32 and dtype is None and name == "x"
    return number.to(tf.float32 if by_float32 else dtype)


tf.register_tensor_conversion_function(Number, _converted)


def check(function, optimizer):
    names = list(inspect.signature(function).parameters)
    if names != optimizer.inputs():
        raise SystemExit(f"{optimizer.name}: the function takes {names}, its description says {optimizer.inputs()}")
    for name in [*optimizer.options, *optimizer.state]:
        if name in SHARED:
            raise SystemExit(f"{optimizer.name}: '{name}' is an option of every optimizer of Keras's; name yours otherwise")


def trace(function, optimizer, dtype, rank, of_keras=False):
    """The step as a function of tensors alone."""
    dtype = tf.dtypes.as_dtype(dtype)
    numbers = 2 + len(optimizer.options)

    def step(*inputs):
        Number.dtype_met, Number.cast_by_float32 = dtype, of_keras
        tensors = [*inputs[:2], *[Number(one) for one in inputs[2 : 2 + numbers]], *inputs[2 + numbers :]]
        out = function(*tensors)
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        if len(out) != 1 + len(optimizer.state):
            raise SystemExit(f"{optimizer.name}: the function returns {len(out)} values, not {1 + len(optimizer.state)}")
        wanted = [inputs[0], *inputs[2 + numbers :]]
        return tuple(tf.ensure_shape(tf.cast(new, dtype), old.shape) for new, old in zip(out, wanted))

    shape = [None] * rank
    like = lambda name: tf.TensorSpec(shape, dtype, name)
    number = lambda name: tf.TensorSpec([], tf.float64, name)
    state = [tf.TensorSpec([], dtype, name) if name in optimizer.scalars else like(name) for name in optimizer.state]
    specs = [like("param"), like("grad"), *[number(name) for name in [*FIRST[2:], *optimizer.options]], *state]
    traced = tf.function(step)
    concrete = traced.get_concrete_function(*specs)
    if concrete.captured_inputs:
        raise SystemExit(
            f"{optimizer.name}: the step uses variables or constants of its own, {concrete.captured_inputs}; what it keeps must be state"
        )
    return traced


def export_function(function, optimizer, path):
    """Writes a SavedModel."""
    check(function, optimizer)
    ranks = [1] if optimizer.flat else sorted(optimizer.ranks)
    _write(optimizer, path, {(dtype, rank): trace(function, optimizer, dtype, rank) for dtype in DTYPES for rank in ranks})


def _attribute(optimizer, dtype, rank):
    return dtype if optimizer.flat else f"{dtype}_{rank}"


def _write(optimizer, path, traced):
    """`traced` has a function for each dtype and rank."""
    module = tf.Module()
    functions = []
    for (dtype, rank), function in traced.items():
        setattr(module, _attribute(optimizer, dtype, rank), function)
    if os.path.exists(path) and not os.path.exists(os.path.join(path, "saved_model.pb")):
        raise SystemExit(f"{path} is there already and is no SavedModel")
    shutil.rmtree(path, ignore_errors=True)
    tf.saved_model.save(module, path, options=tf.saved_model.SaveOptions(save_debug_info=False))
    file = os.path.join(path, "saved_model.pb")
    model = saved_model_pb2.SavedModel()
    with open(file, "rb") as source:
        model.ParseFromString(source.read())
    graph = model.meta_graphs[0]
    nodes = graph.object_graph_def.nodes
    saved = {child.local_name: nodes[child.node_id].function.concrete_functions for child in nodes[0].children}
    for dtype, rank in traced:
        (name,) = saved[_attribute(optimizer, dtype, rank)]
        functions.append({"dtype": dtype, "rank": rank, "function": name})
    graph.collection_def["optibridge"].bytes_list.value.append(json.dumps(optimizer.metadata(functions)).encode())
    _strip(graph)
    with open(file, "wb") as target:
        target.write(model.SerializeToString(deterministic=True))
    # It is of the file as TensorFlow wrote it.
    os.remove(os.path.join(path, "fingerprint.pb"))


def _strip(graph):
    """Takes out what only debuggers want; it has the paths of this machine."""
    graph.meta_info_def.ClearField("stripped_op_list")
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            node.ClearField("experimental_debug_info")
        for attribute in ("_construction_context",):
            function.attr.pop(attribute, None)


# ---- Keras --------------------------------------------------------------------------------------------------


def _keras():
    if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
        raise SystemExit("KERAS_BACKEND must be tensorflow")
    import keras

    return keras


def _require_plain(optimizer):
    """Refuses classes that do more than `update_step` says."""
    keras = _keras()
    base = keras.optimizers.Optimizer
    own = [
        name
        for name in (
            "apply", "apply_gradients", "stateless_apply", "finalize_variable_values", "_backend_apply_gradients",
            "_backend_update_step", "_apply_weight_decay", "_clip_gradients", "_get_current_learning_rate",
        )  # fmt: skip
        if getattr(type(optimizer), name, None) is not getattr(base, name, None)
    ]
    if own:
        raise SystemExit(f"{type(optimizer).__name__} overrides {own}, which an exported step has no place for")
    kept = [
        name
        for name in SHARED
        if name not in ("weight_decay", "name", "learning_rate", "ema_momentum") and getattr(optimizer, name, None)
    ]
    if kept:
        raise SystemExit(f"{kept} are no part of a step: leave them out here and set them where the module is made")


def _slots(optimizer, shape):
    """Builds the optimizer for one parameter; returns the parameter and the optimizer's own variables."""
    keras = _keras()
    values = np.random.default_rng(5).standard_normal(shape)
    parameter = keras.Variable(values, dtype="float32", name="parameter")
    before = {id(one) for one in optimizer.variables}
    optimizer.build([parameter])
    return parameter, [one for one in optimizer.variables if id(one) not in before]


def _slot_name(variable):
    name = variable.name
    return name.removeprefix("parameter_")


def _describe(make, options, element_wise, reads_weights, flat, ranks):
    optimizer = make()
    _require_plain(optimizer)
    shape = (3, 5) if flat else (3, 5)[: max(ranks)]
    parameter, slots = _slots(optimizer, shape)
    state, scalars = {}, []
    for slot in slots:
        name, value = _slot_name(slot), np.asarray(slot)
        if name in state:
            raise SystemExit(f"{type(optimizer).__name__} has two variables named {name} for one parameter")
        if value.shape == shape and value.size and np.array_equal(value, np.asarray(parameter)):
            state[name] = PARAM
        elif value.shape in (shape, ()) and np.unique(value).size == 1:
            state[name] = float(value.flat[0])
            scalars += [name] if value.shape == () else []
        else:
            raise SystemExit(f"the variable {name} is of shape {value.shape}, neither {shape}, as its parameter, nor []")
    defaults = {}
    for name in options:
        value = getattr(optimizer, name, None)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SystemExit(f"{type(optimizer).__name__}.{name} is {value}: only numbers can be options")
        defaults[name] = value
    return Optimizer(
        type(optimizer).__name__,
        options=defaults,
        state=state,
        scalars=tuple(scalars),
        learning_rate=float(str(np.float32(optimizer.learning_rate))),
        element_wise=element_wise,
        reads_weights=reads_weights,
        flat=flat,
        ranks=ranks,
        weight_decay=optimizer.weight_decay,
    )


def _traced_variable_class():
    keras = _keras()

    class TracedVariable(keras.Variable):
        """A variable of Keras's whose value is a tensor of the graph; what is assigned takes its place."""

        @property
        def value(self):
            # As with a variable of TensorFlow's, what was assigned since is seen by whoever asked before.
            return self

        def __tf_tensor__(self, dtype=None, name=None):
            return tf.convert_to_tensor(self._value, dtype=dtype, name=name)

        def assign(self, value):
            self._value = tf.ensure_shape(tf.cast(value, self._value.dtype), self._shape)
            return self

        def assign_add(self, value):
            return self.assign(self._value + tf.cast(value, self._value.dtype))

        def assign_sub(self, value):
            return self.assign(self._value - tf.cast(value, self._value.dtype))

    def on_tensors(name):
        bare = lambda one: one._value if isinstance(one, TracedVariable) else one
        return lambda self, *others: getattr(self._value, name)(*[bare(one) for one in others])

    for name in "neg abs invert getitem".split():
        setattr(TracedVariable, f"__{name}__", on_tensors(f"__{name}__"))
    for name in "add sub mul truediv floordiv mod pow matmul".split():
        for reflected in ("", "r"):
            setattr(TracedVariable, f"__{reflected}{name}__", on_tensors(f"__{reflected}{name}__"))
    for name in "lt le gt ge".split():
        setattr(TracedVariable, f"__{name}__", on_tensors(f"__{name}__"))
    return TracedVariable


def _step_of(make, description, rank):
    """The optimizer's `update_step` as a function of tensors."""
    traced_class = _traced_variable_class()
    optimizer = make()
    parameter, slots = _slots(optimizer, (1,) * rank)

    def update(param, grad, step, lr, *rest):
        options, state = rest[: len(description.options)], rest[len(description.options) :]

        def bind(variable, tensor):
            variable.__class__ = traced_class
            variable._value = tensor
            variable._shape = tuple(tensor.shape)
            variable._ndim = tensor.shape.rank
            variable._dtype = tensor.dtype.name

        bind(parameter, param)
        for slot, tensor in zip(slots, state):
            bind(slot, tensor)
        bind(optimizer._iterations, tf.cast(step.tensor, optimizer._iterations.dtype) - 1)
        put = lambda name, value: object.__setattr__(optimizer, name, value)
        for name, option in zip(description.options, options):
            put(name, option)
        # Of a variable of TensorFlow's these ask for more than a tensor can tell.
        put("assign", lambda variable, value: variable.assign(value))
        put("assign_add", lambda variable, value: variable.assign_add(value))
        put("assign_sub", lambda variable, value: variable.assign_sub(value))
        put("_get_variable_index", lambda variable: 0)
        # Keras keeps the learning rate in float32.
        optimizer.update_step(grad, parameter, lr.to(tf.float32))
        return [parameter._value, *[slot._value for slot in slots]]

    return tf.autograph.experimental.do_not_convert(update)


def export_keras(optimizer, path, options=(), element_wise=False, reads_weights=True, flat=True, ranks=(0, 1, 2, 3, 4)):
    """Writes a SavedModel of a Keras optimizer: an object, not built yet, or a class that is made without arguments."""
    if isinstance(optimizer, type):
        make = optimizer
    else:
        make = lambda: type(optimizer).from_config(optimizer.get_config())
    description = _describe(make, options, element_wise, reads_weights, flat, ranks)
    ranks = [1] if flat else sorted(ranks)
    for name in [*description.options, *description.state]:
        if name in SHARED or name in FIRST:
            raise SystemExit(f"{description.name}: '{name}' stands for something else in an exported step")
    _write(
        description,
        path,
        {
            (dtype, rank): trace(_step_of(make, description, rank), description, dtype, rank, True)
            for dtype in DTYPES
            for rank in ranks
        },
    )


def load(text):
    """The object `name` of a file: FILE.py:name; or of an installed module: keras.optimizers:Lion."""
    file, _, name = text.rpartition(":")
    if not file:
        raise SystemExit(f"{text}: name a function or a Keras optimizer as FILE.py:NAME")
    if not file.endswith(".py"):
        return getattr(importlib.import_module(file), name)
    spec = importlib.util.spec_from_file_location("optimizer_steps", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", metavar="FILE.py:NAME", help="a step function, or a Keras optimizer")
    parser.add_argument("--to", metavar="FOLDER", required=True)
    keras = parser.add_argument_group("for a Keras optimizer; a function's description says it")
    keras.add_argument("--option", metavar="NAME", action="append", default=[], help="an attribute to choose later; repeatable")
    keras.add_argument("--element-wise", action="store_true", help="no element's step depends on another element")
    keras.add_argument("--ignores-weights", action="store_true", help="the step does not depend on the weights")
    keras.add_argument("--keep-shapes", action="store_true", help="do not flatten the tensors")
    arguments = parser.parse_args()
    step = load(arguments.step)
    if hasattr(step, "optimizer"):
        export_function(step, step.optimizer, arguments.to)
    else:
        export_keras(
            step,
            arguments.to,
            options=tuple(arguments.option),
            element_wise=arguments.element_wise,
            reads_weights=not arguments.ignores_weights,
            flat=not arguments.keep_shapes,
        )
    print(f"{arguments.to}: {os.path.getsize(os.path.join(arguments.to, 'saved_model.pb'))} bytes in saved_model.pb")


if __name__ == "__main__":
    # A file that imports Optimizer from here shall get this very class.
    sys.modules.setdefault("export_keras_optimizer", sys.modules["__main__"])
    main()
