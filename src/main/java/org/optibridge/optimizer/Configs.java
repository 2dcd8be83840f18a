package org.optibridge.optimizer;

import java.util.Map;
import java.util.Set;

/** Reads hyper-parameters from configs, with errors that name the module and the entry. */
public final class Configs {
  private Configs() {}

  /**
   * @param owner the module's registered name, for messages
   * @param config the module's config
   * @param key the one entry that it must have
   * @return its value
   * @throws IllegalArgumentException if it is missing or no number, or another entry is there
   */
  public static double onlyNumber(String owner, Map<String, Object> config, String key) {
    if (!config.keySet().equals(Set.of(key))) {
      throw new IllegalArgumentException(
          owner
              + ": the config has the entries "
              + config.keySet()
              + ", it needs just '"
              + key
              + "'");
    }
    if (!(config.get(key) instanceof Number number)) {
      throw new IllegalArgumentException(
          owner + ": '" + key + "' must be a number, not " + config.get(key));
    }
    return number.doubleValue();
  }
}
