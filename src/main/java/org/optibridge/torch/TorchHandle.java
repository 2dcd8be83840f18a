package org.optibridge.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;

/** Owns one {@code ob_torch_optimizer}. */
final class TorchHandle extends NativeHandle {
  final long address;
  final List<String> slots;

  private TorchHandle(String description, long address) {
    super(description, 0, () -> TorchLibrary.ob_torch_destroy(address));
    this.address = address;
    this.slots = List.of(TorchLibrary.ob_torch_slots(address).split("\n"));
  }

  /** Every option is sent, given or not: libtorch's defaults never apply. */
  static TorchHandle create(TorchOptimizerSpec spec, Map<String, Object> options, boolean fused) {
    List<String> names = new ArrayList<>();
    List<Double> values = new ArrayList<>();
    options.forEach(
        (name, value) -> {
          if (value instanceof List<?> pair) {
            names.add("beta1");
            names.add("beta2");
            pair.forEach(part -> values.add(((Number) part).doubleValue()));
          } else {
            names.add(name);
            values.add(
                value instanceof Boolean flag
                    ? (flag ? 1.0 : 0.0)
                    : ((Number) value).doubleValue());
          }
        });
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

  double initial(int slot) {
    return TorchLibrary.ob_torch_slot_initial(address, slot);
  }
}
