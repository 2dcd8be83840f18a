package org.optibridge.optimizer;

import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Finds modules and regularizers by their registered names. Ours and those on the class path come
 * through {@link ServiceLoader} as {@link OptiModuleProvider}; others are registered by a call.
 * Thread-safe.
 */
public final class Registry {
  private static final Map<String, Function<Map<String, Object>, OptiModule>> MODULES =
      new ConcurrentHashMap<>();
  private static final Map<String, Function<Map<String, Object>, Regularizer>> REGULARIZERS =
      new ConcurrentHashMap<>();

  static {
    try {
      for (OptiModuleProvider provider : ServiceLoader.load(OptiModuleProvider.class)) {
        provider.modules().forEach(Registry::registerModule);
        provider.regularizers().forEach(Registry::registerRegularizer);
      }
    } catch (ServiceConfigurationError e) {
      throw new IllegalStateException("A provider of optimizer modules can't be loaded", e);
    }
  }

  private Registry() {}

  /**
   * @param name the name in configs, not taken yet
   * @param factory makes the module from its config
   * @throws IllegalArgumentException if the name is taken
   */
  public static void registerModule(
      String name, Function<Map<String, Object>, OptiModule> factory) {
    if (MODULES.putIfAbsent(name, factory) != null) {
      throw new IllegalArgumentException("A module named '" + name + "' is registered already");
    }
  }

  /**
   * @param name the name in configs, not taken yet
   * @param factory makes the regularizer from its config
   * @throws IllegalArgumentException if the name is taken
   */
  public static void registerRegularizer(
      String name, Function<Map<String, Object>, Regularizer> factory) {
    if (REGULARIZERS.putIfAbsent(name, factory) != null) {
      throw new IllegalArgumentException(
          "A regularizer named '" + name + "' is registered already");
    }
  }

  /**
   * @param name a registered name
   * @param config the module's hyper-parameters
   * @return a new module
   * @throws IllegalArgumentException if the name is unknown or the config does not fit
   */
  public static OptiModule module(String name, Map<String, Object> config) {
    return find(MODULES, "module", name).apply(config);
  }

  /**
   * @param name a registered name
   * @param config the regularizer's hyper-parameters
   * @return a new regularizer
   * @throws IllegalArgumentException if the name is unknown or the config does not fit
   */
  public static Regularizer regularizer(String name, Map<String, Object> config) {
    return find(REGULARIZERS, "regularizer", name).apply(config);
  }

  private static <T> T find(Map<String, T> registered, String kind, String name) {
    T factory = registered.get(name);
    if (factory == null) {
      throw new IllegalArgumentException(
          "No "
              + kind
              + " is registered as '"
              + name
              + "'; known: "
              + registered.keySet().stream().sorted().toList());
    }
    return factory;
  }
}
