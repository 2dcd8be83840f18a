package org.optibridge.modules;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;

/** A module that can forget its state whenever a round of federated training begins. */
abstract class RoundResetModule extends FormulaModule {
  private static final String ROUND_RESET = "round_reset";

  private final boolean roundReset;

  RoundResetModule(String name, boolean roundReset) {
    super(name);
    this.roundReset = roundReset;
  }

  static boolean roundReset(ConfigReader config) {
    return config.flag(ROUND_RESET, false);
  }

  /** Adds the entry where it is not the default, so that declearn reads the config too. */
  final Map<String, Object> withRoundReset(Map<String, Object> config) {
    if (roundReset) {
      config.put(ROUND_RESET, true);
    }
    return config;
  }

  @Override
  public final void startRound() {
    if (roundReset) {
      reset();
    }
  }
}
