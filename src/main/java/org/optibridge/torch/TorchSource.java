package org.optibridge.torch;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/**
 * Where an optimizer comes from.
 *
 * @param spec its options
 * @param imported the file it is from; null for one of this library's
 */
record TorchSource(TorchOptimizerSpec spec, @Nullable TorchImport imported) {
  /** One of this library's. */
  static TorchSource of(TorchOptimizerSpec spec) {
    return new TorchSource(spec, null);
  }

  static TorchSource of(TorchImport imported) {
    return new TorchSource(imported.spec(), imported);
  }

  /**
   * Finds what a text names: one of this library's, or a file, which is opened under the policy of
   * the process.
   *
   * @throws IllegalArgumentException if there is none, or the policy refuses the file
   */
  static TorchSource named(String optimizer, Origin origin) {
    if (TorchImport.isFile(optimizer)) {
      return of(TorchImport.open(optimizer, TrustedImports.standard(), origin));
    }
    TorchImports.requireNoClass(optimizer);
    return of(TorchOptimizers.get(optimizer));
  }

  /** What names it in configs. */
  String reference() {
    return imported == null ? spec.qualifiedName() : imported.reference();
  }

  /** What the native side calls it. */
  String className() {
    return imported == null ? spec.nativeName() : imported.optimizer().className();
  }

  /** As {@link TorchOptimizerSpec#complete}, with a file's own bounds. */
  Map<String, @Nullable Object> complete(Map<String, Object> kwargs) {
    return imported == null ? spec.complete(kwargs) : imported.optimizer().complete(kwargs);
  }
}
