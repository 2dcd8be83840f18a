package org.optibridge.tensorflow;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.TensorSpec;

/**
 * Which tensors Keras's Muon orthogonalizes; it leaves the others to Adam. These are the matrices,
 * but for embeddings and layers that its options exclude by name.
 */
final class MuonTensors {
  private final boolean withoutEmbeddings;
  private final List<Pattern> excluded;

  private MuonTensors(boolean withoutEmbeddings, List<Pattern> excluded) {
    this.withoutEmbeddings = withoutEmbeddings;
    this.excluded = excluded;
  }

  /** The choice of an optimizer's options; null if it is not Muon. */
  static @Nullable MuonTensors of(KerasOptimizer optimizer) {
    if (!(optimizer.options().get(KerasCatalog.EXCLUDE_LAYERS) instanceof List<?> texts)) {
      return null;
    }
    return new MuonTensors(
        optimizer.flag(KerasCatalog.EXCLUDE_EMBEDDINGS),
        texts.stream().map(text -> Pattern.compile(String.valueOf(text))).toList());
  }

  boolean accepts(TensorSpec tensor) {
    String name = tensor.name();
    return tensor.shape().length == 2
        && !(withoutEmbeddings && name.toLowerCase(Locale.ROOT).contains("embedding"))
        && excluded.stream().noneMatch(pattern -> pattern.matcher(name).find());
  }
}
