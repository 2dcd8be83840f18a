package org.optibridge.contract;

import static org.optibridge.contract.Example.module;
import static org.optibridge.contract.Example.regularizer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.optibridge.optimizer.FormulaStage;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Stage;

/**
 * The table of examples: one line for each way in which a registered name can be configured that
 * makes it compute or save something else. A new name needs a line here.
 */
final class Examples {
  static final String CALLED_MODULE = "user-registered-module";
  static final String CALLED_REGULARIZER = "user-registered-regularizer";
  static final String CALLED_SCHEDULER = "user-registered-scheduler";

  static {
    Registry.registerModule(CALLED_MODULE, config -> SignMomentum.of(CALLED_MODULE, config));
    Registry.registerRegularizer(
        CALLED_REGULARIZER, config -> PullToMean.of(CALLED_REGULARIZER, config));
    Registry.registerScheduler(
        CALLED_SCHEDULER, config -> new UserProvider.Halving(CALLED_SCHEDULER));
  }

  /** Names that can't be made from an empty config. */
  static final Set<String> WITHOUT_DEFAULT =
      Set.of("clip-by-value", "gradient-accumulation", "torch-optim", "tensorflow-optim");

  private static final Map<String, Object> EVERYTHING_OF_ADAM =
      Map.of("beta_1", 0.8, "beta_2", 0.95, "amsgrad", true, "eps", 1e-6, "round_reset", true);

  private static final List<Example> CORE =
      List.of(
          module("momentum", Map.of("beta", 0.8)),
          module("momentum", Map.of("beta", 0.8, "nesterov", true, "round_reset", true)),
          module("ewma", Map.of("beta", 0.7)),
          module("ewma", Map.of("beta", 0.7, "round_reset", true)),
          module("yogi-momentum", Map.of("beta", 0.7)),
          module("yogi-momentum", Map.of("beta", 0.7, "round_reset", true)),
          module("adagrad", Map.of("eps", 1e-5)),
          module("adagrad", Map.of("eps", 1e-5, "round_reset", true)),
          module("rmsprop", Map.of("beta", 0.8, "eps", 1e-5)),
          module("rmsprop", Map.of("beta", 0.8, "round_reset", true)),
          module("adam", Map.of("beta_1", 0.8, "eps", 1e-6)),
          module("adam", EVERYTHING_OF_ADAM),
          module("yogi", Map.of("beta_2", 0.95)),
          module("yogi", EVERYTHING_OF_ADAM),
          module("l2-clipping", Map.of("max_norm", 0.5)),
          module("l2-global-clipping", Map.of("max_norm", 0.5)),
          module("clip-by-value", Map.of("max_value", 0.25)),
          module("nonfinite-guard", Map.of("action", "skip")),
          module("nonfinite-guard", Map.of("action", "fail")),
          module("gradient-accumulation", Map.of("steps", 1)),
          module("gradient-accumulation", Map.of("steps", 3)),
          module("weights-ema", Map.of("decay", 0.75)),
          module("gaussian-noise", Map.of("std", 0.5)).unseeded(),
          module("gaussian-noise", Map.of("std", 0.5, "safe_mode", false, "seed", 7)),
          module("laplace-noise", Map.of("scale", 0.5)).unseeded(),
          module("laplace-noise", Map.of("scale", 0.5, "safe_mode", false, "seed", 7)),
          module("scaffold-client", Map.of()),
          module("scaffold-server", Map.of()),
          module(CALLED_MODULE, Map.of("beta", 0.5)),
          module(UserProvider.MODULE, Map.of("beta", 0.5)),
          regularizer("fedprox", Map.of("alpha", 0.1)),
          regularizer("fedprox", Map.of("alpha", 0.1, "exclude", List.of("b*"))),
          regularizer("lasso", Map.of("alpha", 0.1)),
          regularizer("lasso", Map.of("alpha", 0.1, "min_dims", 2)),
          regularizer("ridge", Map.of("alpha", 0.1)),
          regularizer("ridge", Map.of("alpha", 0.1, "exclude", List.of("*"))),
          regularizer(CALLED_REGULARIZER, Map.of("alpha", 0.2)),
          regularizer(UserProvider.REGULARIZER, Map.of("alpha", 0.2, "min_dims", 1)));

  private static final List<Example> TORCH =
      List.of(
          torch("SGD", Map.of()),
          torch("SGD", Map.of("momentum", 0.9, "nesterov", true, "fused", false)),
          torch("Adam", Map.of("amsgrad", true)),
          torch("Adam", Map.of("fused", false, "weight_decay", 0.1)),
          torch("AdamW", Map.of("betas", List.of(0.8, 0.9), "weight_decay", 0.1)),
          torch("Adagrad", Map.of("lr_decay", 0.1, "initial_accumulator_value", 0.5)),
          torch("RMSprop", Map.of("centered", true, "momentum", 0.9)),
          torch("NAdam", Map.of("weight_decay", 0.1, "decoupled_weight_decay", true)),
          torch("ASGD", Map.of("t0", 2.0)),
          torch("Adafactor", Map.of("d", 2.0)),
          named("timm.optim.Lamb", Map.of("caution", true)),
          named("timm.optim.Lars", Map.of("momentum", 0.9, "weight_decay", 0.01)),
          named("timm.optim.Lion", Map.of("corrected_weight_decay", true, "weight_decay", 0.1)),
          named("timm.optim.Adan", Map.of("caution", true, "weight_decay", 0.01)),
          named("pytorch_optimizer.Lamb", Map.of("pre_norm", true, "adanorm", true)),
          named("pytorch_optimizer.LARS", Map.of("nesterov", true)),
          named("pytorch_optimizer.Lion", Map.of("use_gc", true)),
          named("pytorch_optimizer.Adan", Map.of("max_grad_norm", 0.5)),
          named("pytorch_optimizer.ScheduleFreeAdamW", Map.of("ams_bound", true)),
          named("schedulefree.AdamWScheduleFree", Map.of("warmup_steps", 3)),
          named("schedulefree.SGDScheduleFree", Map.of("r", 1.0)));

  private static final List<Example> TENSORFLOW =
      List.of(
          keras("SGD", Map.of("momentum", 0.9, "nesterov", true)),
          keras("Adam", Map.of("amsgrad", true, "clipvalue", 2.0)),
          keras("AdamW", Map.of("weight_decay", 0.1, "global_clipnorm", 1.0)),
          keras("Adagrad", Map.of("clipnorm", 0.5, "loss_scale_factor", 2.0)),
          keras("RMSprop", Map.of("centered", true)),
          keras("Nadam", Map.of()),
          keras("Lamb", Map.of()),
          keras("Adafactor", Map.of()),
          keras("ScheduleFreeAdamW", Map.of("warmup_steps", 2.0)));

  /** Configs of schedulers, in any number for a name. */
  static final List<Map.Entry<String, Map<String, Object>>> SCHEDULERS =
      List.of(
          Map.entry("cosine-annealing", Map.of("base", 0.01, "max_lr", 0.1, "duration", 7)),
          Map.entry(
              "cosine-annealing-warm-restarts",
              Map.of("base", 0.01, "max_lr", 0.1, "period", 2, "t_mult", 0.9, "step_level", false)),
          Map.entry(
              "cyclic-triangular",
              Map.of("base", 0.1, "max_lr", 0.5, "stepsize", 2, "decay", true)),
          Map.entry(
              "cyclic-exp-range", Map.of("base", 0.1, "max_lr", 0.5, "stepsize", 3, "decay", 0.9)),
          Map.entry("exponential-decay", Map.of("base", 0.1, "rate", 0.8)),
          Map.entry("exponential-decay", Map.of("base", 0.1, "rate", 0.8, "step_level", false)),
          Map.entry("inverse-scaling", Map.of("base", 0.1, "rate", 0.5)),
          Map.entry("linear-decay", Map.of("base", 0.1, "rate", 0.05, "step_level", false)),
          Map.entry("polynomial-decay", Map.of("base", 0.1, "power", 1.5, "limit", 11)),
          Map.entry("piecewise-decay", Map.of("base", 0.1, "rate", 0.5, "step_size", 3)),
          Map.entry("warmup", Map.of("base", 0.1, "warmup", 4)),
          Map.entry(
              "warmup",
              Map.of(
                  "base",
                  List.of("exponential-decay", Map.of("base", 0.1, "rate", 0.5)),
                  "warmup",
                  4)),
          Map.entry(
              "warmup-rounds",
              Map.of(
                  "base", List.of("linear-decay", Map.of("base", 0.1, "rate", 0.1)), "warmup", 2)),
          Map.entry(CALLED_SCHEDULER, Map.of()),
          Map.entry(UserProvider.SCHEDULER, Map.of()));

  private Examples() {}

  private static Example torch(String cls, Map<String, Object> kwargs) {
    return named("torch.optim." + cls, kwargs);
  }

  private static Example named(String cls, Map<String, Object> kwargs) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("optim_cls", cls);
    config.put("kwargs", kwargs);
    return module("torch-optim", config);
  }

  private static Example keras(String cls, Map<String, Object> options) {
    Map<String, Object> optim = new LinkedHashMap<>();
    optim.put("module", "keras.optimizers");
    optim.put("class_name", cls);
    optim.put("config", options);
    return module("tensorflow-optim", Map.of("optim", optim));
  }

  /** Examples of all modules and regularizers, whether or not they can run here. */
  static List<Example> all() {
    return Stream.of(CORE, TORCH, TENSORFLOW).flatMap(List::stream).toList();
  }

  /** Those of torch's optimizers. */
  static List<Example> torch() {
    return TORCH;
  }

  /** Those that put out the same if they are run again. */
  static List<Example> repeatable() {
    return all().stream().filter(one -> !one.random()).toList();
  }

  /** Those that compute by formulas, hence as a part of the pipeline's sweep, and repeatably. */
  static List<Example> formulas() {
    return CORE.stream()
        .filter(one -> !one.random())
        .filter(
            one -> {
              try (Stage stage = one.make()) {
                return stage instanceof FormulaStage;
              }
            })
        .toList();
  }

  /** The names that have an example, whether or not it can run here. */
  static Set<String> names(Example.Kind kind) {
    return all().stream()
        .filter(one -> one.kind() == kind)
        .map(Example::name)
        .collect(java.util.stream.Collectors.toCollection(java.util.TreeSet::new));
  }
}
