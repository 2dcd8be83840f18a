package org.optibridge.torch;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/** The options of {@link TorchLbfgs}, with Python's names and defaults. */
record LbfgsOptions(
    double lr,
    long maxIter,
    @Nullable Long maxEval,
    double toleranceGrad,
    double toleranceChange,
    long historySize,
    boolean strongWolfe) {
  static final String OWNER = "torch.optim.LBFGS";
  private static final String STRONG_WOLFE = "strong_wolfe";

  static LbfgsOptions read(Map<String, Object> kwargs) {
    return ConfigReader.read(OWNER, kwargs, LbfgsOptions::from);
  }

  private static LbfgsOptions from(ConfigReader reader) {
    return new LbfgsOptions(
        requireRate(reader.number("lr", 1)),
        reader.integer("max_iter", 20),
        reader.optionalInteger("max_eval"),
        Require.finite(OWNER, "tolerance_grad", reader.number("tolerance_grad", 1e-7)),
        Require.finite(OWNER, "tolerance_change", reader.number("tolerance_change", 1e-9)),
        Require.count(OWNER, "history_size", reader.integer("history_size", 100), 1),
        searches(reader.value("line_search_fn", null)));
  }

  static double requireRate(double rate) {
    return Require.notNegative(OWNER, "lr", rate);
  }

  private static boolean searches(@Nullable Object lineSearch) {
    if (lineSearch == null || lineSearch.equals(STRONG_WOLFE)) {
      return lineSearch != null;
    }
    throw new IllegalArgumentException(
        OWNER + ": 'line_search_fn' must be None or \"strong_wolfe\", not " + lineSearch);
  }

  /** Evaluations of the loss in one step, from which on it ends. */
  long evaluations() {
    return maxEval == null ? Math.floorDiv(maxIter * 5, 4L) : maxEval;
  }

  @SuppressWarnings("NullAway") // None is null in a config
  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("lr", lr);
    map.put("max_iter", maxIter);
    map.put("max_eval", evaluations());
    map.put("tolerance_grad", toleranceGrad);
    map.put("tolerance_change", toleranceChange);
    map.put("history_size", historySize);
    map.put("line_search_fn", strongWolfe ? STRONG_WOLFE : null);
    return map;
  }
}
