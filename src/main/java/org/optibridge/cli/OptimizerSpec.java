package org.optibridge.cli;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An optimizer as it is written on the command line.
 *
 * @param text as the user wrote it
 * @param name the optimizer's name, such as {@code Adam}
 * @param learningRate the pipeline's rate; null for the optimizer's default
 * @param options its other keyword arguments, in the order given
 */
record OptimizerSpec(
    String text, String name, @Nullable Double learningRate, Map<String, Object> options) {

  /** Reads {@code NAME} or {@code NAME(key=value, ...)}. */
  static OptimizerSpec parse(String text) {
    String trimmed = text.strip();
    LiteralParser.Call call = new LiteralParser(trimmed).call();
    Map<String, Object> options = new LinkedHashMap<>();
    Double learningRate = null;
    for (Map.Entry<String, @Nullable Object> argument : call.arguments().entrySet()) {
      String key = argument.getKey();
      Object value = argument.getValue();
      if (key.equals("lr")) {
        learningRate = rate(trimmed, value);
      } else if (value == null) {
        throw new CliException(
            "bad optimizer \"" + trimmed + "\": '" + key + "' can't be None here; leave it out");
      } else {
        options.put(key, value);
      }
    }
    return new OptimizerSpec(
        trimmed, call.name(), learningRate, Collections.unmodifiableMap(options));
  }

  private static Double rate(String text, @Nullable Object value) {
    if (value instanceof Number number && number.doubleValue() >= 0) {
      return number.doubleValue();
    }
    throw new CliException(
        "bad optimizer \"" + text + "\": 'lr' must be a number >= 0 but is " + value);
  }
}
