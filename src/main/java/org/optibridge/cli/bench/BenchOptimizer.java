package org.optibridge.cli.bench;

import java.util.Map;

/**
 * An optimizer of libtorch to be measured.
 *
 * @param label as the user wrote it
 * @param name as {@link org.optibridge.torch.TorchOptimizers#get} takes it
 * @param kwargs its options
 * @param learningRate of every step
 */
public record BenchOptimizer(
    String label, String name, Map<String, Object> kwargs, double learningRate) {
  static final BenchOptimizer ADAM = withDefaults("Adam");
  static final BenchOptimizer ADAMW = withDefaults("AdamW");

  private static BenchOptimizer withDefaults(String name) {
    return new BenchOptimizer(name, name, Map.of(), Contestant.RATE);
  }
}
