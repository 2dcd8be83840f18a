package org.optibridge.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.modules.Adam;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizerSpec;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.torch.TorchYardstick;
import org.optibridge.vector.Vector;

/** Who does a step of one optimizer. */
final class OptimizerContestants {
  static final String OURS = "optibridge";
  static final String CORE = "optibridge-core";
  static final String PLAIN = "libtorch-plain";
  static final String FUSED = "libtorch-fused";
  static final String FLOOR = "floor";

  private static final int WEIGHTS_AND_GRADIENTS = 2;
  // Of the chain of operators.
  private static final int TEMPORARIES = 3;

  private final TorchOptimizerSpec spec;
  private final Map<String, Object> kwargs;
  private final double rate;
  private final int states;

  private OptimizerContestants(BenchOptimizer optimizer) {
    this.spec = TorchOptimizers.get(optimizer.name());
    this.kwargs = optimizer.kwargs();
    this.rate = optimizer.learningRate();
    this.states = TorchYardstick.stateBuffers(spec, kwargs);
  }

  static List<Recipe> of(BenchOptimizer optimizer) {
    OptimizerContestants contestants = new OptimizerContestants(optimizer);
    List<Recipe> recipes = new ArrayList<>();
    recipes.add(contestants.ours());
    if (optimizer.equals(BenchOptimizer.ADAM)) {
      recipes.add(contestants.core());
    }
    recipes.add(contestants.plain());
    if (contestants.isFused()) {
      recipes.add(contestants.fused());
    }
    recipes.add(floor(contestants.states));
    return recipes;
  }

  /** This library's own module, with PyTorch's defaults. */
  static OptiModule coreAdam() {
    return new Adam(0.9, 0.999, false, 1e-8, false);
  }

  private int buffers() {
    return WEIGHTS_AND_GRADIENTS + states;
  }

  private boolean isFused() {
    return spec.hasFusedKernel() && !Boolean.FALSE.equals(kwargs.get("fused"));
  }

  private Recipe ours() {
    return Recipe.computing(
        OURS,
        buffers(),
        contestant -> inPlace(contestant, TorchOptiModule.of(spec.qualifiedName(), kwargs)));
  }

  private Recipe core() {
    return Recipe.computing(CORE, buffers(), contestant -> inPlace(contestant, coreAdam()));
  }

  private Runnable inPlace(Contestant contestant, OptiModule module) {
    return contestant.stepOf(Optimizer.builder().learningRate(rate).module(module).build());
  }

  private Recipe plain() {
    return Recipe.computing(
        PLAIN, buffers(), TEMPORARIES, contestant -> yardstick(contestant, false));
  }

  private Recipe fused() {
    return Recipe.computing(FUSED, buffers(), contestant -> yardstick(contestant, true));
  }

  private Runnable yardstick(Contestant contestant, boolean fused) {
    TorchYardstick yardstick =
        contestant.own(
            TorchYardstick.create(
                spec, kwargs, fused, contestant.params(), contestant.gradients()));
    return () -> yardstick.step(rate);
  }

  /** The memory traffic of a step with so many buffers of state. */
  static Recipe floor(int states) {
    return Recipe.moving(
        FLOOR, WEIGHTS_AND_GRADIENTS + states, contestant -> floor(contestant, states));
  }

  private static Runnable floor(Contestant contestant, int states) {
    Vector params = contestant.params();
    long n = params.spec().numel();
    long p = Contestant.address(params);
    long g = Contestant.address(contestant.gradients());
    long[] buffers = new long[states];
    for (int i = 0; i < states; i++) {
      buffers[i] = Contestant.address(contestant.allocate());
    }
    return states == 2
        ? () -> CoreLibrary.ob_floor_adam(p, g, buffers[0], buffers[1], n)
        : () -> CoreLibrary.ob_floor_step(p, g, buffers, states, n);
  }
}
