package com.example.ownprogram;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.schedulers.LinearDecay;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Minimizes the distance to a point with an exported optimizer. */
public final class Main {
  private static final int STEPS = 400;

  private Main() {}

  /** Half the squared distance to (0, 1, 2, …); its gradients are written to a buffer. */
  private static double loss(FloatBuffer w, FloatBuffer gradients) {
    double loss = 0;
    for (int i = 0; i < w.capacity(); i++) {
      float error = w.get(i) - i;
      gradients.put(i, error);
      loss += error * error / 2;
    }
    return loss;
  }

  public static void main(String[] args) {
    Path program = Path.of(args[0]).toAbsolutePath();
    // This program decides what may be loaded: this one file, wherever the name came from.
    TrustedImports.setStandard(
        new TrustedImports(ImportPolicy.builder().allowPath(program).build()));
    Map<String, Object> options = Map.of("weight_decay", 0.0, "always_adapt", true);
    try (Vector params = Vector.builder().allocate("w", DType.FLOAT32, 8).build();
        Vector gradients = Vector.builder().allocate("w", DType.FLOAT32, 8).build();
        Optimizer optimizer =
            Optimizer.builder()
                .learningRate(new LinearDecay(0.1, 1.0 / STEPS))
                .module(TorchOptiModule.of(program.toString(), options))
                .build()) {
      FloatBuffer w = params.floatBuffer("w");
      FloatBuffer g = gradients.floatBuffer("w");
      System.out.println("loss before: " + loss(w, g));
      for (int step = 0; step < STEPS; step++) {
        loss(w, g);
        optimizer.step(params, gradients);
      }
      System.out.println("loss after: " + loss(w, g));
    }
    System.out.println("native bytes still held: " + NativeMemory.liveBytes());
  }
}
