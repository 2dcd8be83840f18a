package org.optibridge.tensorflow;

import java.util.Map;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/** What happens to names that are no optimizer of Keras's but could be one of a user's classes. */
final class TensorflowImports {
  private TensorflowImports() {}

  /**
   * Makes the module of a {@code tensorflow-optim} config: an optimizer of Keras's or, if the
   * import policy allows it, an {@link OptiModule} of a user's, named with its package, {@code
   * "com.example.Mine"}, or by a Keras config whose {@code module} is that package.
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  static OptiModule module(Map<String, Object> config) {
    Object optim = config.get("optim");
    String name = null;
    Object options = Map.of();
    if (optim instanceof String text && !text.stripLeading().startsWith("{")) {
      name = text;
    } else if (optim instanceof Map<?, ?> map
        && map.get("class_name") instanceof String cls
        && map.get("module") instanceof String module) {
      name = module + "." + cls;
      options = map.containsKey("config") ? map.get("config") : options;
    }
    if (name != null
        && !KerasOptimizers.isKnown(name)
        && !TensorflowImport.isFile(name)
        && TrustedImports.isQualified(name)
        && options instanceof Map<?, ?> given) {
      TensorflowOptiModule.requireKnownEntries(config);
      return TrustedImports.standard()
          .load(name, OptiModule.class, Origin.CONFIG)
          .create((Map<String, Object>) given);
    }
    return TensorflowOptiModule.fromConfig(config);
  }

  /** Refuses a class's name where only Keras's own optimizers are made. */
  static void requireNoClass(String name) {
    if (!KerasOptimizers.isKnown(name)
        && !TensorflowImport.isFile(name)
        && TrustedImports.isQualified(name)) {
      throw ImportRefusedException.noOptimizerOf("TensorflowOptiModule", "Keras", name);
    }
  }
}
