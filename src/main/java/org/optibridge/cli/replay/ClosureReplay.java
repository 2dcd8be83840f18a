package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.optibridge.torch.TorchLbfgs;
import org.optibridge.vector.Vector;

/** Cases of mode {@code closure}: the optimizer asks for loss and gradients itself. */
final class ClosureReplay {
  private static final String LBFGS = "torch.optim.LBFGS";

  private ClosureReplay() {}

  static void run(Field one, Comparison check) {
    Field optimizer = one.get("optimizer");
    if (!optimizer.get("class").isText(LBFGS)) {
      throw optimizer.get("class").wrong("must be \"" + LBFGS + "\" to be replayed by a closure");
    }
    Map<String, Object> kwargs = optimizer.has("kwargs") ? optimizer.get("kwargs").map() : Map.of();
    Tolerance within =
        one.has("tolerance_samples")
            ? Tolerance.read(one.get("tolerance_samples"))
            : check.tolerance();
    List<Field> samples = new ArrayList<>(one.get("samples").list());
    samples.sort((a, b) -> Double.compare(number(a), number(b)));
    try (Vector params = Tensor.vector(one.get("params0"), Tensor.names(one))) {
      Objective objective = Objective.read(one.get("objective"), params.spec().numel());
      try (TorchLbfgs lbfgs = TorchLbfgs.of(kwargs)) {
        int done = 0;
        double loss = Double.NaN;
        for (Field sample : samples) {
          for (int step = number(sample); done < step; done++) {
            loss = lbfgs.step(params, objective::evaluate);
          }
          String place = "step " + done;
          if (sample.has("loss")) {
            check.number(place + ", loss", loss, sample.get("loss").number(), within);
          }
          check.vector(place + ", params", params, sample.get("params"), within);
        }
      }
    }
  }

  private static int number(Field sample) {
    Field step = sample.get("step");
    double number = step.number();
    if (number != Math.rint(number) || number < 1 || number > 1e6) {
      throw step.wrong("must be the number of a step, from 1");
    }
    return (int) number;
  }
}
