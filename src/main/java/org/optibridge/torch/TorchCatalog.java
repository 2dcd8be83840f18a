package org.optibridge.torch;

import static org.optibridge.torch.TorchOption.Range.ANY;
import static org.optibridge.torch.TorchOption.Range.BELOW_HUNDRED;
import static org.optibridge.torch.TorchOption.Range.BELOW_ONE;
import static org.optibridge.torch.TorchOption.Range.BELOW_THEN_ABOVE_ONE;
import static org.optibridge.torch.TorchOption.Range.FROM_ONE;
import static org.optibridge.torch.TorchOption.Range.NONE_OR_NOT_NEGATIVE;
import static org.optibridge.torch.TorchOption.Range.NOT_NEGATIVE;
import static org.optibridge.torch.TorchOption.Range.NOT_POSITIVE;
import static org.optibridge.torch.TorchOption.Range.POSITIVE;
import static org.optibridge.torch.TorchOption.Range.UP_TO_ONE;
import static org.optibridge.torch.TorchOption.choice;
import static org.optibridge.torch.TorchOption.flag;
import static org.optibridge.torch.TorchOption.list;
import static org.optibridge.torch.TorchOption.number;
import static org.optibridge.torch.TorchOption.whole;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/** What each optimizer of PyTorch 2.10 takes, in Python's order, with its defaults. */
final class TorchCatalog {
  private static final List<TorchOptimizerSpec> TORCH =
      List.of(
          fused(
              "SGD",
              1e-3,
              number("momentum", 0, NOT_NEGATIVE),
              number("dampening", 0, ANY),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("nesterov", false),
              flag("maximize", false)),
          fused("Adam", 1e-3, adam(0, flag("amsgrad", false), flag("maximize", false))),
          fused("AdamW", 1e-3, adam(1e-2, flag("amsgrad", false), flag("maximize", false))),
          fused(
              "Adagrad",
              1e-2,
              number("lr_decay", 0, NOT_NEGATIVE),
              number("weight_decay", 0, NOT_NEGATIVE),
              number("initial_accumulator_value", 0, NOT_NEGATIVE),
              number("eps", 1e-10, NOT_NEGATIVE),
              flag("maximize", false)),
          plain(
              "SparseAdam",
              1e-3,
              list("betas", List.of(0.9, 0.999), BELOW_ONE, "beta1", "beta2"),
              number("eps", 1e-8, POSITIVE),
              flag("maximize", false)),
          plain(
              "RMSprop",
              1e-2,
              number("alpha", 0.99, NOT_NEGATIVE),
              number("eps", 1e-8, NOT_NEGATIVE),
              number("weight_decay", 0, NOT_NEGATIVE),
              number("momentum", 0, NOT_NEGATIVE),
              flag("centered", false),
              flag("maximize", false)),
          plain("Adamax", 2e-3, adam(0, flag("maximize", false))),
          plain(
              "NAdam",
              2e-3,
              adam(
                  0,
                  number("momentum_decay", 4e-3, NOT_NEGATIVE),
                  flag("decoupled_weight_decay", false),
                  flag("maximize", false))),
          plain(
              "RAdam",
              1e-3,
              adam(0, flag("decoupled_weight_decay", false), flag("maximize", false))),
          plain(
              "Adadelta",
              1.0,
              number("rho", 0.9, UP_TO_ONE),
              number("eps", 1e-6, NOT_NEGATIVE),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("maximize", false)),
          readingWeights(
              "ASGD",
              1e-2,
              number("lambd", 1e-4, ANY),
              number("alpha", 0.75, ANY),
              number("t0", 1e6, ANY),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("maximize", false)),
          plain(
              "Rprop",
              1e-2,
              list("etas", List.of(0.5, 1.2), BELOW_THEN_ABOVE_ONE, "etaminus", "etaplus"),
              list("step_sizes", List.of(1e-6, 50.0), ANY, "step_size_min", "step_size_max"),
              flag("maximize", false)),
          readingWeights(
              "Adafactor",
              1e-2,
              number("beta2_decay", -0.8, NOT_POSITIVE),
              list(
                  "eps",
                  Collections.unmodifiableList(Arrays.asList(null, 1e-3)),
                  NONE_OR_NOT_NEGATIVE,
                  "eps1",
                  "eps2"),
              number("d", 1, FROM_ONE),
              number("weight_decay", 0, NOT_NEGATIVE),
              flag("maximize", false)),
          plain(
              "Muon",
              1e-3,
              number("weight_decay", 0.1, NOT_NEGATIVE),
              number("momentum", 0.95, NOT_NEGATIVE),
              flag("nesterov", true),
              list("ns_coefficients", List.of(3.4445, -4.775, 2.0315), ANY, "ns_a", "ns_b", "ns_c"),
              number("eps", 1e-7, ANY),
              whole("ns_steps", 5, BELOW_HUNDRED),
              choice("adjust_lr_fn", "original", "match_rms_adamw")));

  static final List<TorchOptimizerSpec> ALL =
      Stream.concat(TORCH.stream(), ThirdPartyCatalog.ALL.stream()).toList();

  private TorchCatalog() {}

  private static TorchOptimizerSpec fused(String name, double rate, TorchOption... options) {
    return new TorchOptimizerSpec(TorchPackage.TORCH, name, rate, List.of(options), true, false);
  }

  private static TorchOptimizerSpec plain(String name, double rate, TorchOption... options) {
    return new TorchOptimizerSpec(TorchPackage.TORCH, name, rate, List.of(options), false, false);
  }

  private static TorchOptimizerSpec readingWeights(
      String name, double rate, TorchOption... options) {
    return new TorchOptimizerSpec(TorchPackage.TORCH, name, rate, List.of(options), false, true);
  }

  private static TorchOption[] adam(double weightDecay, TorchOption... more) {
    TorchOption[] shared = {
      list("betas", List.of(0.9, 0.999), BELOW_ONE, "beta1", "beta2"),
      number("eps", 1e-8, NOT_NEGATIVE),
      number("weight_decay", weightDecay, NOT_NEGATIVE)
    };
    return Stream.of(shared, more).flatMap(Stream::of).toArray(TorchOption[]::new);
  }
}
