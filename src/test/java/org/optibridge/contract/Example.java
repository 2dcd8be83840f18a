package org.optibridge.contract;

import java.util.Map;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Stage;
import org.optibridge.testing.Framework;

/**
 * A registered name with a config that the contract is checked with.
 *
 * @param kind where the name is registered
 * @param name the registered name
 * @param config hyper-parameters that differ from the defaults, where there are any
 * @param random whether two of them put out different noise
 */
record Example(Kind kind, String name, Map<String, Object> config, boolean random) {
  enum Kind {
    MODULE,
    REGULARIZER
  }

  static Example module(String name, Map<String, Object> config) {
    return new Example(Kind.MODULE, name, config, false);
  }

  static Example regularizer(String name, Map<String, Object> config) {
    return new Example(Kind.REGULARIZER, name, config, false);
  }

  Example unseeded() {
    return new Example(kind, name, config, true);
  }

  Stage make() {
    return make(config);
  }

  /** Makes it of another config; skips the test if its framework is not there. */
  Stage make(Map<String, Object> other) {
    Framework.assumeModuleCanRun(name);
    return kind == Kind.MODULE ? Registry.module(name, other) : Registry.regularizer(name, other);
  }

  boolean isModule() {
    return kind == Kind.MODULE;
  }

  /** The module; for examples of modules only. */
  OptiModule module() {
    return (OptiModule) make();
  }

  @Override
  public String toString() {
    return name + config;
  }
}
