package com.example.ownmodule;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Finds the weights of a linear model by least squares, with the module of this jar. */
public final class Main {
  private static final int EXAMPLES = 64;
  private static final int WEIGHTS = 8;
  private static final int STEPS = 500;

  private final float[][] inputs = new float[EXAMPLES][WEIGHTS];
  private final float[] targets = new float[EXAMPLES];

  private Main() {
    Random random = new Random(1);
    for (int i = 0; i < EXAMPLES; i++) {
      for (int j = 0; j < WEIGHTS; j++) {
        inputs[i][j] = (float) random.nextGaussian();
        targets[i] += (j - 3) * inputs[i][j]; // the weights to be found: -3, -2, …, 4
      }
    }
  }

  /** The mean of squared errors; its gradients are written to a buffer. */
  private double loss(FloatBuffer w, FloatBuffer gradients) {
    float[] sums = new float[WEIGHTS];
    double loss = 0;
    for (int i = 0; i < EXAMPLES; i++) {
      float error = -targets[i];
      for (int j = 0; j < WEIGHTS; j++) {
        error += inputs[i][j] * w.get(j);
      }
      loss += error * error / EXAMPLES;
      for (int j = 0; j < WEIGHTS; j++) {
        sums[j] += 2 * error * inputs[i][j] / EXAMPLES;
      }
    }
    gradients.put(0, sums);
    return loss;
  }

  private void train() {
    // The name is found through META-INF/services; rates fall to 0 over the steps.
    Map<String, Object> config =
        Map.of(
            "lrate", List.of("linear-decay", Map.of("base", 0.05, "rate", 1.0 / STEPS)),
            "modules", List.of("l2-global-clipping", List.of("sign-momentum", Map.of("beta", 0.8))));
    try (Vector params = Vector.builder().allocate("w", DType.FLOAT32, WEIGHTS).build();
        Vector gradients = Vector.builder().allocate("w", DType.FLOAT32, WEIGHTS).build();
        Optimizer optimizer = Optimizer.fromConfig(config)) {
      FloatBuffer w = params.floatBuffer("w");
      FloatBuffer g = gradients.floatBuffer("w");
      System.out.println("loss before: " + loss(w, g));
      for (int step = 0; step < STEPS; step++) {
        loss(w, g);
        optimizer.step(params, gradients);
      }
      System.out.println("loss after: " + loss(w, g));
    }
  }

  public static void main(String[] args) {
    new Main().train();
    System.out.println("native bytes still held: " + NativeMemory.liveBytes());
  }
}
