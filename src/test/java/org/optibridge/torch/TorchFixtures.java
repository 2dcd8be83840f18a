package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.Assertions;
import org.assertj.core.data.Offset;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Optimizers and gradients for the tests of this package. */
final class TorchFixtures {
  record Config(String cls, Map<String, Object> kwargs) {
    TorchOptiModule make() {
      return TorchOptiModule.of(cls, kwargs);
    }

    Config with(String key, Object value) {
      Map<String, Object> more = new LinkedHashMap<>(kwargs);
      more.put(key, value);
      return new Config(cls, more);
    }

    @Override
    public String toString() {
      return cls + kwargs;
    }
  }

  private TorchFixtures() {}

  /** Each optimizer with options that use all of its state. */
  static List<Config> base() {
    return List.of(
        new Config("SGD", Map.of()),
        new Config("SGD", Map.of("momentum", 0.9, "dampening", 0.1, "weight_decay", 0.01)),
        new Config("SGD", Map.of("momentum", 0.9, "nesterov", true)),
        new Config("Adam", Map.of()),
        new Config("Adam", Map.of("amsgrad", true, "weight_decay", 0.01)),
        new Config("AdamW", Map.of("amsgrad", true, "betas", List.of(0.8, 0.9))),
        new Config("Adagrad", Map.of("lr_decay", 0.1, "initial_accumulator_value", 0.5)),
        new Config("RMSprop", Map.of("centered", true, "momentum", 0.9, "weight_decay", 0.01)),
        new Config("Adamax", Map.of("weight_decay", 0.01)),
        new Config("NAdam", Map.of("momentum_decay", 0.01)),
        new Config("NAdam", Map.of("weight_decay", 0.1, "decoupled_weight_decay", true)),
        new Config("RAdam", Map.of("betas", List.of(0.8, 0.9), "weight_decay", 0.01)),
        new Config("Adadelta", Map.of("eps", 1e-3)),
        new Config("ASGD", Map.of("t0", 2.0, "lambd", 0.1)),
        new Config("Rprop", Map.of()),
        new Config("Adafactor", Map.of("d", 2.0, "weight_decay", 0.01)));
  }

  /** Those of packages beside torch. */
  static List<Config> ofPackages() {
    return List.of(
        new Config("timm.optim.Lamb", Map.of("caution", true, "decoupled_decay", true)),
        new Config("timm.optim.Lars", Map.of("momentum", 0.9, "weight_decay", 0.01)),
        new Config("timm.optim.Lion", Map.of("weight_decay", 0.1, "corrected_weight_decay", true)),
        new Config("timm.optim.Adan", Map.of("caution", true, "weight_decay", 0.1)),
        new Config("pytorch_optimizer.Lamb", Map.of("pre_norm", true, "weight_decay", 0.1)),
        new Config("pytorch_optimizer.Lamb", Map.of("rectify", true, "adanorm", true)),
        new Config("pytorch_optimizer.LARS", Map.of("dampening", 0.3, "weight_decay", 0.1)),
        new Config("pytorch_optimizer.Lion", Map.of("weight_decouple", false, "use_gc", true)),
        new Config("pytorch_optimizer.Adan", Map.of("max_grad_norm", 0.5, "weight_decay", 0.1)),
        new Config("pytorch_optimizer.ScheduleFreeAdamW", Map.of("ams_bound", true)),
        new Config("schedulefree.AdamWScheduleFree", Map.of("warmup_steps", 3)),
        new Config("schedulefree.SGDScheduleFree", Map.of("weight_decay", 0.1, "r", 1.0)));
  }

  /** Optimizers of matrices only. */
  static List<Config> ofMatrices() {
    return List.of(
        new Config("Muon", Map.of()),
        new Config("Muon", Map.of("adjust_lr_fn", "match_rms_adamw", "nesterov", false)));
  }

  static List<Config> fusable() {
    return base().stream().filter(one -> TorchOptimizers.get(one.cls()).hasFusedKernel()).toList();
  }

  /** Those whose learning rate is nothing but a factor of the step. */
  static List<Config> linear() {
    Set<String> others = Set.of("ASGD", "Rprop", "Adafactor");
    return all().stream().filter(one -> !others.contains(one.cls())).toList();
  }

  /** Those that go element by element. */
  static List<Config> elementwise() {
    return all().stream().filter(one -> !one.cls().equals("Adafactor")).toList();
  }

  /** All of them, fused and plain. */
  static List<Config> all() {
    List<Config> all = new ArrayList<>(base());
    fusable().forEach(one -> all.add(one.with("fused", false)));
    return all;
  }

  /** A few roundings of a number of that size. */
  static Offset<Double> near(DType dtype, double size) {
    return Assertions.within((dtype == DType.FLOAT32 ? 1e-6 : 1e-13) * size);
  }

  static void assertNear(String what, Vector actual, Vector expected, double tolerance) {
    double[] values = actual.flatten();
    double[] wanted = expected.flatten();
    Assertions.assertThat(values).as(what).hasSameSizeAs(wanted);
    for (int i = 0; i < values.length; i++) {
      // Not by AssertJ, which takes long for this many.
      if (!(Math.abs(values[i] - wanted[i]) <= tolerance * (1 + Math.abs(wanted[i])))) {
        throw new AssertionError(
            what + ": element " + i + " is " + values[i] + ", expected " + wanted[i]);
      }
    }
  }

  static Vector random(DType dtype, long seed, int... sizes) {
    return random(dtype, seed, Arrays.stream(sizes).mapToObj(n -> new long[] {n}).toList());
  }

  static Vector random(DType dtype, long seed, List<long[]> shapes) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < shapes.size(); i++) {
      long[] shape = shapes.get(i);
      long numel = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      double[] values = random.doubles(numel, -1, 1).toArray();
      if (dtype == DType.FLOAT64) {
        builder.copy("w" + i, values, shape);
      } else {
        float[] narrow = new float[values.length];
        for (int j = 0; j < narrow.length; j++) {
          narrow[j] = (float) values[j];
        }
        builder.copy("w" + i, narrow, shape);
      }
    }
    return builder.build();
  }

  /** Adds a copy of a tensor under another name. */
  static void add(VectorBuilder builder, String name, Vector from, TensorSpec tensor) {
    if (tensor.dtype() == DType.FLOAT64) {
      builder.copy(name, from.toDoubles(tensor.name()), tensor.shape());
    } else {
      builder.copy(name, from.toFloats(tensor.name()), tensor.shape());
    }
  }
}
