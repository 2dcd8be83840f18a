package org.optibridge.tensorflow;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.tensorflow.TensorflowVariables.Layout;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/** Owns one {@code ob_tf_optimizer}. */
final class TensorflowHandle extends NativeHandle {
  /** What {@code ob_tf_slot_kind} tells. */
  enum SlotKind {
    LIKE_PARAMETER(0),
    WITHOUT_LAST(1),
    WITHOUT_OTHER(2),
    WORKSPACE(3),
    FROM_PARAMETER(4),
    UNFACTORED(5),
    OF_ADAM(6),
    SCALAR(7);

    /** What the native side calls it. */
    final int code;

    SlotKind(int code) {
      this.code = code;
    }
  }

  final long address;
  final List<String> slots;
  final boolean elementwise;
  // A step of the rows that have a gradient is a whole step.
  final boolean rowsAreEnough;
  private final @Nullable MuonTensors muon;

  private TensorflowHandle(String description, long address, @Nullable MuonTensors muon) {
    super(description, 0, () -> TensorflowLibrary.ob_tf_destroy(address));
    this.address = address;
    this.muon = muon;
    String names = TensorflowLibrary.ob_tf_slots(address);
    this.slots = names.isEmpty() ? List.of() : List.of(names.split("\n"));
    this.elementwise = TensorflowLibrary.ob_tf_elementwise(address) == 1;
    this.rowsAreEnough = TensorflowLibrary.ob_tf_rows_are_enough(address) == 1;
  }

  /** Every option is sent, given or not. */
  static TensorflowHandle create(KerasOptimizer optimizer) {
    TensorflowRuntime.require();
    List<String> names = new ArrayList<>();
    List<Double> values = new ArrayList<>();
    for (KerasOption option : optimizer.spec().options()) {
      Map<String, @Nullable Object> options = optimizer.options();
      names.add(option.name());
      values.add(KerasOption.encoded(options.get(option.name())));
    }
    long[] out = new long[1];
    NativeStatus.check(
        TensorflowLibrary.ob_tf_create(
            optimizer.nativeName(),
            String.join("\n", names),
            values.stream().mapToDouble(Double::doubleValue).toArray(),
            values.size(),
            out));
    return new TensorflowHandle(
        "TensorflowOptiModule " + optimizer.spec().qualifiedName(),
        out[0],
        MuonTensors.of(optimizer));
  }

  /** How variables are laid out unless gradients lie otherwise. */
  Layout layout() {
    return elementwise ? Layout.MERGED : Layout.SHAPED;
  }

  SlotKind kind(int slot) {
    return SlotKind.values()[TensorflowLibrary.ob_tf_slot_kind(address, slot)];
  }

  double initial(int slot) {
    return TensorflowLibrary.ob_tf_slot_initial(address, slot);
  }

  /** What a slot looks like for given parameters. */
  VectorSpec slotSpec(int slot, VectorSpec params) {
    SlotKind kind = kind(slot);
    return switch (kind) {
      case LIKE_PARAMETER, WORKSPACE, FROM_PARAMETER -> params;
      case WITHOUT_LAST, WITHOUT_OTHER, UNFACTORED, OF_ADAM, SCALAR ->
          new VectorSpec(
              params.tensors().stream()
                  .map(
                      tensor ->
                          new TensorSpec(
                              tensor.name(),
                              tensor.dtype(),
                              tensor.device(),
                              kind == SlotKind.OF_ADAM
                                  ? adamShape(tensor)
                                  : shape(kind, tensor.shape())))
                  .toList());
    };
  }

  private long[] adamShape(TensorSpec tensor) {
    return muon != null && muon.accepts(tensor) ? new long[] {0} : tensor.shape();
  }

  private static long[] shape(SlotKind kind, long[] param) {
    if (kind == SlotKind.SCALAR) {
      return new long[0];
    }
    int dims = param.length;
    boolean factored = dims >= 2;
    if (factored == (kind == SlotKind.UNFACTORED)) {
      return new long[] {0};
    }
    if (!factored) {
      return param;
    }
    long[] shape = new long[dims - 1];
    System.arraycopy(param, 0, shape, 0, dims - 2);
    shape[dims - 2] = param[kind == SlotKind.WITHOUT_LAST ? dims - 2 : dims - 1];
    return shape;
  }
}
