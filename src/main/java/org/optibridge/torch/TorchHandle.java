package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/** Owns one {@code ob_torch_optimizer}. */
final class TorchHandle extends NativeHandle {
  // Kinds of slot that ob_torch_slot_kind tells.
  private static final int LIKE_PARAMETER = 0;
  private static final int SCALAR = 1;

  final long address;
  final List<String> slots;

  private TorchHandle(String description, long address) {
    super(description, 0, () -> TorchLibrary.ob_torch_destroy(address));
    this.address = address;
    this.slots = List.of(TorchLibrary.ob_torch_slots(address).split("\n"));
  }

  /** Every option is sent, given or not: libtorch's defaults never apply. */
  static TorchHandle create(
      TorchOptimizerSpec spec, Map<String, @Nullable Object> options, boolean fused) {
    List<String> names = new ArrayList<>();
    List<Double> values = new ArrayList<>();
    for (TorchOption option : spec.options()) {
      option.encode(
          options.get(option.name()),
          (name, value) -> {
            names.add(name);
            values.add(value);
          });
    }
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_create(
            spec.name(),
            fused ? 1 : 0,
            String.join("\n", names),
            values.stream().mapToDouble(Double::doubleValue).toArray(),
            values.size(),
            out));
    return new TorchHandle("TorchOptiModule " + spec.qualifiedName(), out[0]);
  }

  /** What every element of a slot starts with. */
  double initial(int slot) {
    return TorchLibrary.ob_torch_slot_initial(address, slot);
  }

  /**
   * What a slot looks like for given parameters.
   *
   * @throws IllegalArgumentException naming a parameter that this optimizer can't step
   */
  VectorSpec slotSpec(int slot, VectorSpec params) {
    int kind = TorchLibrary.ob_torch_slot_kind(address, slot);
    if (kind == LIKE_PARAMETER) {
      return params;
    }
    return new VectorSpec(
        params.tensors().stream()
            .map(
                param ->
                    kind == SCALAR
                        ? new TensorSpec(param.name(), DType.FLOAT32, param.device())
                        : new TensorSpec(
                            param.name(), param.dtype(), param.device(), slotShape(slot, param)))
            .toList());
  }

  private long[] slotShape(int slot, TensorSpec param) {
    long[] shape = param.shape();
    long[] out = new long[shape.length + 2];
    NativeStatus.check(
        TorchLibrary.ob_torch_slot_shape(address, slot, param.name(), shape, shape.length, out));
    return Arrays.copyOfRange(out, 1, 1 + (int) out[0]);
  }
}
