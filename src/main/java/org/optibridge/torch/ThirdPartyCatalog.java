package org.optibridge.torch;

import static org.optibridge.torch.TorchOption.Range.ANY;
import static org.optibridge.torch.TorchOption.Range.BELOW_ONE;
import static org.optibridge.torch.TorchOption.Range.BELOW_ONE_LAST_UP_TO_ONE;
import static org.optibridge.torch.TorchOption.Range.INSIDE_ONE;
import static org.optibridge.torch.TorchOption.Range.INSIDE_THEN_BELOW_ONE;
import static org.optibridge.torch.TorchOption.Range.NOT_NEGATIVE;
import static org.optibridge.torch.TorchOption.flag;
import static org.optibridge.torch.TorchOption.list;
import static org.optibridge.torch.TorchOption.number;
import static org.optibridge.torch.TorchOption.numberOrNone;
import static org.optibridge.torch.TorchOption.whole;
import static org.optibridge.torch.TorchPackage.PYTORCH_OPTIMIZER;
import static org.optibridge.torch.TorchPackage.SCHEDULEFREE;
import static org.optibridge.torch.TorchPackage.TIMM;

import java.util.List;

/**
 * What some optimizers of packages beside torch take, in Python's order, with their defaults and
 * ranges. {@code max_lr_snapshot} is no argument in Python but an entry of the parameter groups:
 * the rate that the optimizer was made with, here that of the first step unless it is given.
 */
final class ThirdPartyCatalog {
  static final List<TorchOptimizerSpec> ALL =
      List.of(
          of(
              TIMM,
              "Lamb",
              1e-3,
              true,
              flag("bias_correction", true),
              betas(0.9, 0.999, ANY),
              number("eps", 1e-6, NOT_NEGATIVE),
              number("weight_decay", 0.01, NOT_NEGATIVE),
              flag("grad_averaging", true),
              numberOrNone("max_grad_norm", 1.0),
              flag("trust_clip", false),
              flag("always_adapt", false),
              flag("caution", false),
              flag("decoupled_decay", false),
              flag("corrected_weight_decay", false),
              numberOrNone("max_lr_snapshot", null)),
          of(
              TIMM,
              "Lars",
              1.0,
              true,
              number("momentum", 0, NOT_NEGATIVE),
              number("dampening", 0, ANY),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("nesterov", false),
              number("trust_coeff", 0.001, ANY),
              number("eps", 1e-8, ANY),
              flag("trust_clip", false),
              flag("always_adapt", false)),
          of(
              TIMM,
              "Lion",
              1e-4,
              false,
              betas(0.9, 0.99, BELOW_ONE),
              number("weight_decay", 0, ANY),
              flag("caution", false),
              flag("corrected_weight_decay", false),
              numberOrNone("max_lr_snapshot", null),
              flag("maximize", false)),
          of(
              TIMM,
              "Adan",
              1e-3,
              false,
              list("betas", List.of(0.98, 0.92, 0.99), BELOW_ONE, "beta1", "beta2", "beta3"),
              number("eps", 1e-8, NOT_NEGATIVE),
              number("weight_decay", 0, ANY),
              flag("no_prox", false),
              flag("caution", false)),
          of(
              PYTORCH_OPTIMIZER,
              "Lamb",
              1e-3,
              true,
              betas(0.9, 0.999, BELOW_ONE),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("weight_decouple", true),
              flag("fixed_decay", false),
              flag("rectify", false),
              flag("degenerated_to_sgd", false),
              whole("n_sma_threshold", 5, ANY),
              flag("grad_averaging", true),
              number("max_grad_norm", 1, NOT_NEGATIVE),
              flag("adam", false),
              flag("pre_norm", false),
              number("eps", 1e-6, NOT_NEGATIVE),
              flag("maximize", false),
              flag("adanorm", false),
              number("adanorm_r", 0.95, ANY),
              flag("adam_debias", false)),
          of(
              PYTORCH_OPTIMIZER,
              "LARS",
              1e-3,
              true,
              number("weight_decay", 0, NOT_NEGATIVE),
              number("momentum", 0.9, BELOW_ONE),
              number("dampening", 0, BELOW_ONE),
              number("trust_coefficient", 1e-3, NOT_NEGATIVE),
              flag("nesterov", false),
              flag("maximize", false)),
          of(
              PYTORCH_OPTIMIZER,
              "Lion",
              1e-4,
              false,
              betas(0.9, 0.99, BELOW_ONE),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("weight_decouple", true),
              flag("fixed_decay", false),
              flag("maximize", false),
              flag("use_gc", false),
              flag("adanorm", false),
              number("adanorm_r", 0.95, ANY),
              flag("cautious", false)),
          of(
              PYTORCH_OPTIMIZER,
              "Adan",
              1e-3,
              false,
              list(
                  "betas",
                  List.of(0.98, 0.92, 0.99),
                  BELOW_ONE_LAST_UP_TO_ONE,
                  "beta1",
                  "beta2",
                  "beta3"),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("weight_decouple", false),
              number("max_grad_norm", 0, NOT_NEGATIVE),
              number("eps", 1e-8, NOT_NEGATIVE),
              flag("maximize", false),
              flag("use_gc", false),
              flag("adanorm", false),
              number("adanorm_r", 0.95, ANY)),
          of(
              PYTORCH_OPTIMIZER,
              "ScheduleFreeAdamW",
              2.5e-3,
              true,
              betas(0.9, 0.999, INSIDE_THEN_BELOW_ONE),
              number("weight_decay", 0, NOT_NEGATIVE),
              number("r", 0, ANY),
              number("weight_lr_power", 2, ANY),
              whole("warmup_steps", 0, ANY),
              number("decoupling_c", 0, NOT_NEGATIVE),
              flag("ams_bound", false),
              number("eps", 1e-8, NOT_NEGATIVE),
              flag("maximize", false)),
          of(
              SCHEDULEFREE,
              "AdamWScheduleFree",
              2.5e-3,
              true,
              betas(0.9, 0.999, ANY),
              number("eps", 1e-8, ANY),
              number("weight_decay", 0, ANY),
              whole("warmup_steps", 0, ANY),
              number("r", 0, ANY),
              number("weight_lr_power", 2, ANY)),
          of(
              SCHEDULEFREE,
              "SGDScheduleFree",
              1.0,
              true,
              number("momentum", 0.9, INSIDE_ONE),
              number("weight_decay", 0, NOT_NEGATIVE),
              whole("warmup_steps", 0, ANY),
              number("r", 0, ANY),
              number("weight_lr_power", 2, ANY)));

  private ThirdPartyCatalog() {}

  private static TorchOptimizerSpec of(
      TorchPackage home, String name, double rate, boolean readsWeights, TorchOption... options) {
    return new TorchOptimizerSpec(home, name, rate, List.of(options), false, readsWeights);
  }

  private static TorchOption betas(double first, double second, TorchOption.Range allowed) {
    return list("betas", List.of(first, second), allowed, "beta1", "beta2");
  }
}
