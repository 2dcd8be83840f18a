package org.optibridge.contract;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.optibridge.modules.AdaGrad;
import org.optibridge.modules.Adam;
import org.optibridge.modules.Momentum;
import org.optibridge.modules.RmsProp;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.torch.TorchOptiModule;

/**
 * One algorithm as torch, Keras and the core have it, with the conventions aligned: epsilon is 0
 * where they place it differently, accumulators start alike, and all hyper-parameters are given,
 * since defaults differ. They are sums of few powers of two, so that rounding them to float32, as
 * Keras does, changes nothing.
 *
 * @param name for reports
 * @param torch makes torch's
 * @param keras makes Keras's
 * @param core makes the core's; null if it has none
 * @param readsWeights whether its step depends on the weights
 * @param singleInside whether a framework keeps scalars in float32 even for float64 weights, so
 *     that these agree to float32's precision only
 */
record Counterpart(
    String name,
    Supplier<OptiModule> torch,
    Supplier<OptiModule> keras,
    @Nullable Supplier<OptiModule> core,
    boolean readsWeights,
    boolean singleInside) {
  static final double BETA_1 = 0.875;
  static final double BETA_2 = 0.96875;
  static final double DECAY = 0.0625;

  private static final List<Double> BETAS = List.of(BETA_1, BETA_2);

  @Override
  public String toString() {
    return name;
  }

  /** A module on its own, as a pipeline stage, in the order torch, Keras, core. */
  List<Supplier<OptiModule>> makers() {
    return core == null ? List.of(torch, keras) : List.of(torch, keras, core);
  }

  private static Counterpart of(
      String name,
      String torch,
      Map<String, Object> kwargs,
      String keras,
      Map<String, Object> options) {
    return new Counterpart(
        name,
        () -> TorchOptiModule.of(torch, kwargs),
        () -> TensorflowOptiModule.of(keras, options),
        null,
        false,
        false);
  }

  private Counterpart core(Supplier<OptiModule> made) {
    return new Counterpart(name, torch, keras, made, readsWeights, singleInside);
  }

  private Counterpart readingWeights() {
    return new Counterpart(name, torch, keras, core, true, singleInside);
  }

  private Counterpart singleInFrameworks() {
    return new Counterpart(name, torch, keras, core, readsWeights, true);
  }

  private static Map<String, Object> moments(Object... more) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("beta_1", BETA_1);
    all.put("beta_2", BETA_2);
    all.put("epsilon", 0.0);
    for (int i = 0; i < more.length; i += 2) {
      all.put((String) more[i], more[i + 1]);
    }
    return all;
  }

  private static Map<String, Object> betas(Object... more) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("betas", BETAS);
    all.put("eps", 0.0);
    for (int i = 0; i < more.length; i += 2) {
      all.put((String) more[i], more[i + 1]);
    }
    return all;
  }

  /** Every algorithm that two of the three have with the same meaning. */
  static List<Counterpart> all() {
    return List.of(
        of("gradient descent", "SGD", Map.of(), "SGD", Map.of()),
        of("momentum", "SGD", Map.of("momentum", BETA_1), "SGD", Map.of("momentum", BETA_1))
            .core(() -> new Momentum(BETA_1, false, false)),
        of(
                "Nesterov's momentum",
                "SGD",
                Map.of("momentum", BETA_1, "nesterov", true),
                "SGD",
                Map.of("momentum", BETA_1, "nesterov", true))
            .core(() -> new Momentum(BETA_1, true, false)),
        of("Adam", "Adam", betas(), "Adam", moments())
            .core(() -> new Adam(BETA_1, BETA_2, false, 0, false)),
        of("Adam, plain", "Adam", betas("fused", false), "Adam", moments())
            .core(() -> new Adam(BETA_1, BETA_2, false, 0, false)),
        // The core takes the maximum after the correction, both frameworks before it.
        of("AMSGrad", "Adam", betas("amsgrad", true), "Adam", moments("amsgrad", true)),
        of("AdamW", "AdamW", betas("weight_decay", DECAY), "AdamW", moments("weight_decay", DECAY))
            .readingWeights(),
        of("Adamax", "Adamax", betas(), "Adamax", moments()),
        // torch keeps the running product in float32, Keras takes 0.96 from float32.
        of(
                "Nadam",
                "NAdam",
                betas("eps", 0.0625, "momentum_decay", 1.0),
                "Nadam",
                moments("epsilon", 0.0625))
            .singleInFrameworks(),
        of(
                "RMSprop",
                "RMSprop",
                Map.of("alpha", BETA_1, "eps", 0.0),
                "RMSprop",
                Map.of("rho", BETA_1, "epsilon", 0.0))
            .core(() -> new RmsProp(BETA_1, 0, false)),
        of(
            "RMSprop, centered with momentum",
            "RMSprop",
            Map.of("alpha", BETA_1, "eps", 0.0, "momentum", 0.5, "centered", true),
            "RMSprop",
            Map.of("rho", BETA_1, "epsilon", 0.0, "momentum", 0.5, "centered", true)),
        of(
                "Adagrad",
                "Adagrad",
                Map.of("eps", 0.0),
                "Adagrad",
                Map.of("epsilon", 0.0, "initial_accumulator_value", 0.0))
            .core(() -> new AdaGrad(0, false)),
        of(
            "Adagrad from 0.25",
            "Adagrad",
            Map.of("eps", 0.0, "initial_accumulator_value", 0.25),
            "Adagrad",
            Map.of("epsilon", 0.0, "initial_accumulator_value", 0.25)),
        of(
            "Adadelta",
            "Adadelta",
            Map.of("rho", BETA_1, "eps", 0.0078125),
            "Adadelta",
            Map.of("rho", BETA_1, "epsilon", 0.0078125)),
        of(
                "Adafactor",
                "Adafactor",
                Map.of("eps", Arrays.asList(1e-30, 0.0078125), "beta2_decay", -0.75),
                "Adafactor",
                Map.of("epsilon_1", 1e-30, "epsilon_2", 0.0078125, "beta_2_decay", -0.75))
            .readingWeights(),
        of(
            "Lion",
            "timm.optim.Lion",
            Map.of("betas", BETAS),
            "Lion",
            Map.of("beta_1", BETA_1, "beta_2", BETA_2)),
        of("LAMB", "timm.optim.Lamb", lamb(), "Lamb", moments("epsilon", 0.0078125))
            .readingWeights());
  }

  /** Keras's optimizers that have no counterpart, and why. */
  static final Map<String, String> ALONE =
      Map.of(
          "Ftrl", "torch and the core have none",
          "ScheduleFreeAdamW",
              "takes x from the weights and the new z, where the schedulefree package has the old z",
          "Muon", "torch's iterates in bfloat16");

  /** timm's LAMB clips the global norm and adapts decayed tensors only unless told otherwise. */
  private static Map<String, Object> lamb() {
    Map<String, Object> kwargs = betas("eps", 0.0078125, "weight_decay", 0.0, "always_adapt", true);
    kwargs.put("max_grad_norm", null);
    return kwargs;
  }
}
