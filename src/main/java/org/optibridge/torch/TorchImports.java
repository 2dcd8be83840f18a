package org.optibridge.torch;

import java.util.Map;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/** What happens to names that are no optimizer of torch's but could be one of a user's classes. */
final class TorchImports {
  private TorchImports() {}

  /**
   * Makes the module of a {@code torch-optim} config: an optimizer of torch's or, if the import
   * policy allows it, an {@link OptiModule} of a user's.
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  static OptiModule module(Map<String, Object> config) {
    if (config.get("optim_cls") instanceof String name
        && !TorchImport.isFile(name)
        && TrustedImports.isQualified(name)
        && config.getOrDefault("kwargs", Map.of()) instanceof Map<?, ?> kwargs) {
      TorchOptiModule.requireKnownEntries(config);
      return TrustedImports.standard()
          .load(name, OptiModule.class, Origin.CONFIG)
          .create((Map<String, Object>) kwargs);
    }
    return TorchOptiModule.fromConfig(config);
  }

  /** Refuses a class's name where only torch's own optimizers are made. */
  static void requireNoClass(String name) {
    if (TrustedImports.isQualified(name)) {
      throw ImportRefusedException.noOptimizerOf("TorchOptiModule", "torch", name);
    }
  }
}
