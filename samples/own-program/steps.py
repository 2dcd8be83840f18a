"""Two optimizers' steps, to be exported by export_optimizer.py."""

import torch
from export_optimizer import Optimizer
from torch import Tensor

BETA = {"minimum": 0, "exclusiveMaximum": 1}


def lamb(
    param: Tensor, grad: Tensor, step: Tensor, lr: Tensor,
    beta1: Tensor, beta2: Tensor, eps: Tensor, weight_decay: Tensor, always_adapt: Tensor,
    exp_avg: Tensor, exp_avg_sq: Tensor,
):  # fmt: skip
    """LAMB (You et al., 2020), both moments corrected, the trust ratio left out without a decay: as timm has it."""
    m = beta1 * exp_avg + (1 - beta1) * grad
    v = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
    denominator = v.sqrt() / (1 - beta2**step).sqrt() + eps
    update = m / (1 - beta1**step) / denominator + weight_decay * param
    of_weights = param.norm()
    of_update = update.norm()
    one = torch.ones_like(of_weights)
    trust = torch.where(of_weights > 0, torch.where(of_update > 0, of_weights / of_update, one), one)
    adapts = (weight_decay != 0) | (always_adapt != 0)
    return param - lr * torch.where(adapts, trust, one) * update, m, v


lamb.optimizer = Optimizer(
    "Lamb",
    options={
        "beta1": {"default": 0.9, **BETA},
        "beta2": {"default": 0.999, **BETA},
        "eps": {"default": 1e-6, "minimum": 0},
        "weight_decay": {"default": 0.01, "minimum": 0},
        "always_adapt": False,
    },
    state={"exp_avg": 0, "exp_avg_sq": 0},
)


def lion(
    param: Tensor, grad: Tensor, step: Tensor, lr: Tensor,
    beta1: Tensor, beta2: Tensor, weight_decay: Tensor,
    exp_avg: Tensor,
):  # fmt: skip
    """Lion (Chen et al., 2023)."""
    direction = torch.sign(beta1 * exp_avg + (1 - beta1) * grad)
    return (1 - lr * weight_decay) * param - lr * direction, beta2 * exp_avg + (1 - beta2) * grad


lion.optimizer = Optimizer(
    "Lion",
    options={"beta1": {"default": 0.9, **BETA}, "beta2": {"default": 0.99, **BETA}, "weight_decay": {"default": 0.0, "minimum": 0}},
    state={"exp_avg": 0},
    learning_rate=1e-4,
    element_wise=True,
    reads_weights=False,
)
