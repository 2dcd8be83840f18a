package org.optibridge.torch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.optibridge.vector.DType;
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
        new Config("RMSprop", Map.of("centered", true, "momentum", 0.9, "weight_decay", 0.01)));
  }

  static List<Config> fusable() {
    return base().stream().filter(one -> !one.cls().equals("RMSprop")).toList();
  }

  /** All of them, fused and plain. */
  static List<Config> all() {
    List<Config> all = new ArrayList<>(base());
    fusable().forEach(one -> all.add(one.with("fused", false)));
    return all;
  }

  static Vector random(DType dtype, long seed, int... sizes) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < sizes.length; i++) {
      double[] values = random.doubles(sizes[i], -1, 1).toArray();
      if (dtype == DType.FLOAT64) {
        builder.copy("w" + i, values, sizes[i]);
      } else {
        float[] narrow = new float[values.length];
        for (int j = 0; j < narrow.length; j++) {
          narrow[j] = (float) values[j];
        }
        builder.copy("w" + i, narrow, sizes[i]);
      }
    }
    return builder.build();
  }
}
