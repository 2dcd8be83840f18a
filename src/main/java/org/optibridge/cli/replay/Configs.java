package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.trust.TrustedImports;

/**
 * What to build objects from: {@code config}, to which {@code init} adds what the origin's {@code
 * get_config} leaves out, such as {@code round_reset}.
 */
final class Configs {
  private static final String DECAY = "weight_decay";
  private static final String KWARGS = "kwargs";

  private Configs() {}

  /** The config of a module, regularizer or scheduler of that name. */
  static Map<String, Object> stage(Field one, String name) {
    return Frameworks.isModule(name) && one.has("config") ? one.get("config").map() : merged(one);
  }

  /** The config of a pipeline, as the origin runs it. */
  static Map<String, Object> pipeline(Field one) {
    return withoutHiddenDecay(merged(one));
  }

  private static Map<String, Object> merged(Field one) {
    if (!one.has("init")) {
      return one.get("config").map();
    }
    Map<String, Object> init = one.get("init").map();
    return one.has("config") ? fill(one.get("config").map(), init) : init;
  }

  private static Map<String, Object> fill(Map<String, Object> config, Map<?, ?> init) {
    Map<String, Object> filled = new LinkedHashMap<>(config);
    init.forEach(
        (key, value) -> {
          String name = String.valueOf(key);
          Object known = config.get(name);
          Object result = config.containsKey(name) ? fill(known, value) : value;
          put(filled, name, result);
        });
    return filled;
  }

  @SuppressWarnings("NullAway") // configs hold null where the file does
  private static void put(Map<String, Object> map, String key, @Nullable Object value) {
    map.put(key, value);
  }

  @SuppressWarnings("unchecked") // JSON objects have text keys
  private static @Nullable Object fill(@Nullable Object config, @Nullable Object init) {
    if (config instanceof Map<?, ?> known && init instanceof Map<?, ?> more) {
      return fill((Map<String, Object>) known, more);
    }
    if (config instanceof List<?> known
        && init instanceof List<?> more
        && known.size() == more.size()
        && !known.isEmpty()
        && Objects.equals(nameOf(known.get(0)), nameOf(more.get(0)))
        && !(known.get(0) instanceof String name && Frameworks.isModule(name))) {
      List<@Nullable Object> filled = new ArrayList<>();
      for (int i = 0; i < known.size(); i++) {
        filled.add(fill(known.get(i), more.get(i)));
      }
      return filled;
    }
    return config;
  }

  /** The name in "name" and in [name, config]; otherwise nothing. */
  private static @Nullable Object nameOf(@Nullable Object entry) {
    Object name = entry instanceof List<?> pair && !pair.isEmpty() ? pair.get(0) : entry;
    return name instanceof String ? name : null;
  }

  /**
   * In the origin's pipelines a framework's optimizer never sees the weights, so that its own
   * weight decay does nothing; here it would act.
   */
  static Map<String, Object> withoutHiddenDecay(Map<String, Object> config) {
    if (!(config.get("modules") instanceof List<?> modules)) {
      return config;
    }
    List<Object> changed = new ArrayList<>();
    for (Object entry : modules) {
      changed.add(
          entry instanceof List<?> pair
                  && pair.size() == 2
                  && TorchOptiModule.NAME.equals(pair.get(0))
                  && pair.get(1) instanceof Map<?, ?> inner
                  && inner.get("optim_cls") instanceof String cls
              ? List.of(TorchOptiModule.NAME, withoutDecay(inner, cls))
              : entry);
    }
    Map<String, Object> result = new LinkedHashMap<>(config);
    result.put("modules", changed);
    return result;
  }

  private static Map<Object, Object> withoutDecay(Map<?, ?> config, String cls) {
    Map<Object, Object> result = new LinkedHashMap<>(config);
    // Whether a user's class may be loaded is decided when the module is made.
    if (!TrustedImports.isQualified(cls)
        && TorchOptimizers.get(cls).options().stream().anyMatch(o -> o.name().equals(DECAY))) {
      Map<Object, Object> kwargs = new LinkedHashMap<>();
      if (config.get(KWARGS) instanceof Map<?, ?> given) {
        kwargs.putAll(given);
      }
      kwargs.put(DECAY, 0.0);
      result.put(KWARGS, kwargs);
    }
    return result;
  }
}
