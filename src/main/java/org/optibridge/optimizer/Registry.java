package org.optibridge.optimizer;

import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Finds what configs name. Ours and what is on the class path come through {@link ServiceLoader} as
 * {@link OptiModuleProvider}; others are registered by a call. Thread-safe.
 */
public final class Registry {
  /** One kind of things with names. */
  private static final class Kind<A, T> {
    final String text;
    final Map<String, Function<A, T>> factories = new ConcurrentHashMap<>();

    Kind(String text) {
      this.text = text;
    }

    void register(String name, Function<A, T> factory) {
      if (factories.putIfAbsent(name, factory) != null) {
        throw new IllegalArgumentException(
            "A " + text + " named '" + name + "' is registered already");
      }
    }

    T make(String name, A argument) {
      Function<A, T> factory = factories.get(name);
      if (factory == null) {
        throw new IllegalArgumentException(
            "No " + text + " is registered as '" + name + "'; known: " + names());
      }
      return factory.apply(argument);
    }

    Set<String> names() {
      return new TreeSet<>(factories.keySet());
    }
  }

  private static final Kind<Map<String, Object>, OptiModule> MODULES = new Kind<>("module");
  private static final Kind<Map<String, Object>, Regularizer> REGULARIZERS =
      new Kind<>("regularizer");
  private static final Kind<Map<String, Object>, Scheduler> SCHEDULERS = new Kind<>("scheduler");
  private static final Kind<State, AuxVar> AUX_VARS = new Kind<>("kind of auxiliary variables");

  static {
    try {
      for (OptiModuleProvider provider : ServiceLoader.load(OptiModuleProvider.class)) {
        provider.modules().forEach(MODULES::register);
        provider.regularizers().forEach(REGULARIZERS::register);
        provider.schedulers().forEach(SCHEDULERS::register);
        provider.auxVars().forEach(AUX_VARS::register);
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
    MODULES.register(name, factory);
  }

  /**
   * @param name the name in configs, not taken yet
   * @param factory makes the regularizer from its config
   * @throws IllegalArgumentException if the name is taken
   */
  public static void registerRegularizer(
      String name, Function<Map<String, Object>, Regularizer> factory) {
    REGULARIZERS.register(name, factory);
  }

  /**
   * @param name the name in configs, not taken yet
   * @param factory makes the scheduler from its config
   * @throws IllegalArgumentException if the name is taken
   */
  public static void registerScheduler(
      String name, Function<Map<String, Object>, Scheduler> factory) {
    SCHEDULERS.register(name, factory);
  }

  /**
   * @param name the name of the kind, not taken yet
   * @param reader makes auxiliary variables from their state, which it does not keep
   * @throws IllegalArgumentException if the name is taken
   */
  public static void registerAuxVar(String name, Function<State, AuxVar> reader) {
    AUX_VARS.register(name, reader);
  }

  /**
   * @param name a registered name
   * @param config the module's hyper-parameters
   * @return a new module
   * @throws IllegalArgumentException if the name is unknown or the config does not fit
   */
  public static OptiModule module(String name, Map<String, Object> config) {
    return MODULES.make(name, config);
  }

  /**
   * @param name a registered name
   * @param config the regularizer's hyper-parameters
   * @return a new regularizer
   * @throws IllegalArgumentException if the name is unknown or the config does not fit
   */
  public static Regularizer regularizer(String name, Map<String, Object> config) {
    return REGULARIZERS.make(name, config);
  }

  /**
   * @param name a registered name
   * @param config the scheduler's hyper-parameters
   * @return a new scheduler
   * @throws IllegalArgumentException if the name is unknown or the config does not fit
   */
  public static Scheduler scheduler(String name, Map<String, Object> config) {
    return SCHEDULERS.make(name, config);
  }

  /**
   * @param name the name of a kind
   * @param state from {@link AuxVar#toState()}, which is not kept
   * @return equal auxiliary variables, to be closed by the caller
   * @throws IllegalArgumentException if the name is unknown or the state does not fit
   */
  public static AuxVar auxVar(String name, State state) {
    return AUX_VARS.make(name, state);
  }

  /** Returns the names of all modules, sorted. */
  public static Set<String> modules() {
    return MODULES.names();
  }

  /** Returns the names of all regularizers, sorted. */
  public static Set<String> regularizers() {
    return REGULARIZERS.names();
  }

  /** Returns the names of all schedulers, sorted. */
  public static Set<String> schedulers() {
    return SCHEDULERS.names();
  }
}
