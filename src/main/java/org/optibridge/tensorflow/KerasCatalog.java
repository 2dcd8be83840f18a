package org.optibridge.tensorflow;

import static org.optibridge.tensorflow.KerasOption.Range.ABOVE_ZERO_UP_TO_ONE;
import static org.optibridge.tensorflow.KerasOption.Range.FROM_ONE;
import static org.optibridge.tensorflow.KerasOption.Range.FROM_TWO;
import static org.optibridge.tensorflow.KerasOption.Range.NOT_NEGATIVE;
import static org.optibridge.tensorflow.KerasOption.Range.NOT_POSITIVE;
import static org.optibridge.tensorflow.KerasOption.Range.UP_TO_ONE;
import static org.optibridge.tensorflow.KerasOption.count;
import static org.optibridge.tensorflow.KerasOption.factor;
import static org.optibridge.tensorflow.KerasOption.flag;
import static org.optibridge.tensorflow.KerasOption.number;
import static org.optibridge.tensorflow.KerasOption.optional;
import static org.optibridge.tensorflow.KerasOption.patterns;

import java.util.List;
import java.util.stream.Stream;

/** What each optimizer of Keras 3.15 takes, in the order of its configs, with its defaults. */
final class KerasCatalog {
  static final String EMA_OVERWRITE = "ema_overwrite_frequency";
  static final String ADAM_DECAY = "adam_weight_decay";
  static final String EXCLUDE_LAYERS = "exclude_layers";
  static final String EXCLUDE_EMBEDDINGS = "exclude_embeddings";

  /** What all classes take, but for {@code weight_decay}, whose default differs. */
  static final List<KerasOption> SHARED =
      List.of(
          optional("clipnorm"),
          optional("global_clipnorm"),
          optional("clipvalue"),
          flag("use_ema", false),
          number("ema_momentum", 0.99),
          new KerasOption(EMA_OVERWRITE, KerasOption.Type.STRICT_INT, null, FROM_ONE),
          factor("loss_scale_factor"),
          count("gradient_accumulation_steps", FROM_TWO));

  static final List<KerasOptimizerSpec> ALL =
      List.of(
          new KerasOptimizerSpec(
              "SGD",
              0.01,
              List.of(
                  new KerasOption("momentum", KerasOption.Type.STRICT_FLOAT, 0.0, UP_TO_ONE),
                  flag("nesterov", false)),
              null,
              "ResourceApplyGradientDescent",
              false),
          kernel("Adam", "ResourceApplyAdam", moments(flag("amsgrad", false))),
          new KerasOptimizerSpec(
              "AdamW", 0.001, moments(flag("amsgrad", false)), 0.004, "ResourceApplyAdam", false),
          kernel("Adamax", "ResourceApplyAdaMax", moments()),
          composed(
              "Adagrad",
              false,
              List.of(number("initial_accumulator_value", 0.1), number("epsilon", 1e-7))),
          kernel(
              "Adadelta",
              "ResourceApplyAdadelta",
              List.of(number("rho", 0.95), number("epsilon", 1e-7))),
          composed("Nadam", false, moments()),
          kernel(
              "RMSprop",
              "ResourceApplyRMSProp",
              List.of(
                  number("rho", 0.9),
                  number("momentum", 0),
                  number("epsilon", 1e-7),
                  flag("centered", false))),
          new KerasOptimizerSpec(
              "Ftrl",
              0.001,
              List.of(
                  number("learning_rate_power", -0.5, NOT_POSITIVE),
                  number("initial_accumulator_value", 0.1, NOT_NEGATIVE),
                  number("l1_regularization_strength", 0, NOT_NEGATIVE),
                  number("l2_regularization_strength", 0, NOT_NEGATIVE),
                  number("l2_shrinkage_regularization_strength", 0, NOT_NEGATIVE),
                  number("beta", 0)),
              null,
              "ResourceApplyFtrlV2",
              true),
          composed(
              "Lion",
              false,
              List.of(number("beta_1", 0.9, ABOVE_ZERO_UP_TO_ONE), number("beta_2", 0.99))),
          composed("Lamb", true, moments()),
          composed(
              "Adafactor",
              true,
              List.of(
                  number("beta_2_decay", -0.8),
                  number("epsilon_1", 1e-30),
                  number("epsilon_2", 1e-3),
                  number("clip_threshold", 1),
                  flag("relative_step", true))),
          composed(
              "Muon",
              false,
              List.of(
                  new KerasOption(
                      "weight_decay", KerasOption.Type.FLOAT, 0.004, KerasOption.Range.OPTIONAL),
                  new KerasOption(
                      ADAM_DECAY, KerasOption.Type.FLOAT, 0.004, KerasOption.Range.OPTIONAL),
                  number("adam_beta_1", 0.9),
                  number("adam_beta_2", 0.999),
                  number("epsilon", 1e-7),
                  patterns(EXCLUDE_LAYERS),
                  flag(EXCLUDE_EMBEDDINGS, true),
                  number("muon_a", 3.4445),
                  number("muon_b", -4.7750),
                  number("muon_c", 2.0315),
                  number("adam_lr_ratio", 1),
                  number("momentum", 0.95),
                  new KerasOption(
                      "ns_steps", KerasOption.Type.STRICT_INT, 5L, KerasOption.Range.BELOW_HUNDRED),
                  flag("nesterov", true),
                  new KerasOption(
                      "rms_rate", KerasOption.Type.FLOAT, 0.2, KerasOption.Range.NOT_ZERO))),
          new KerasOptimizerSpec(
              "ScheduleFreeAdamW",
              0.0025,
              List.of(
                  number("beta_1", 0.9),
                  number("beta_2", 0.999),
                  number("epsilon", 1e-8),
                  number("warmup_steps", 0)),
              null,
              null,
              true));

  private KerasCatalog() {}

  private static List<KerasOption> moments(KerasOption... more) {
    return Stream.concat(
            Stream.of(number("beta_1", 0.9), number("beta_2", 0.999), number("epsilon", 1e-7)),
            Stream.of(more))
        .toList();
  }

  private static KerasOptimizerSpec kernel(String name, String op, List<KerasOption> options) {
    return new KerasOptimizerSpec(name, 0.001, options, null, op, false);
  }

  private static KerasOptimizerSpec composed(
      String name, boolean readsWeights, List<KerasOption> options) {
    return new KerasOptimizerSpec(name, 0.001, options, null, null, readsWeights);
  }
}
