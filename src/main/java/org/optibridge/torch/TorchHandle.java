package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.torch.TorchOptimizerSpec.Encoded;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Owns one {@code ob_torch_optimizer}. */
final class TorchHandle extends NativeHandle {
  // Kinds of slot that ob_torch_slot_kind tells.
  private static final int LIKE_PARAMETER = 0;
  private static final int SCALAR = 1;
  private static final int SCALAR_64 = 3;

  /** The optimizer of one group, which answers for its slots. */
  private record Part(long address, List<String> slots) {
    static Part of(long address) {
      return new Part(address, List.of(TorchLibrary.ob_torch_slots(address).split("\n")));
    }

    double initial(int slot) {
      return TorchLibrary.ob_torch_slot_initial(address, slot);
    }

    /** What a slot looks like for a parameter; without elements if the group has no such slot. */
    TensorSpec slotSpec(String slot, TensorSpec param) {
      int position = slots.indexOf(slot);
      if (position < 0) {
        return new TensorSpec(param.name(), param.dtype(), param.device(), 0);
      }
      int kind = TorchLibrary.ob_torch_slot_kind(address, position);
      if (kind == LIKE_PARAMETER) {
        return param;
      }
      if (kind == SCALAR || kind == SCALAR_64) {
        DType dtype = kind == SCALAR ? DType.FLOAT32 : DType.FLOAT64;
        return new TensorSpec(param.name(), dtype, param.device());
      }
      return new TensorSpec(param.name(), param.dtype(), param.device(), shape(position, param));
    }

    private long[] shape(int slot, TensorSpec param) {
      long[] shape = param.shape();
      long[] out = new long[shape.length + 2];
      NativeStatus.check(
          TorchLibrary.ob_torch_slot_shape(address, slot, param.name(), shape, shape.length, out));
      return Arrays.copyOfRange(out, 1, 1 + (int) out[0]);
    }
  }

  final long address;
  // These four change with the options.
  List<String> slots;
  private String rowsRefusal;
  private TorchOptions options;
  private List<Part> parts;
  // The tensors whose groups the native side knows.
  private @Nullable VectorSpec assigned;

  private TorchHandle(TorchOptions options, long address, List<Part> parts) {
    super(
        "TorchOptiModule " + options.spec().qualifiedName(),
        0,
        () -> TorchLibrary.ob_torch_destroy(address));
    this.address = address;
    this.options = options;
    this.parts = parts;
    this.slots = Part.of(address).slots();
    this.rowsRefusal = TorchLibrary.ob_torch_rows_refusal(address);
  }

  /** Every option is sent, given or not: libtorch's defaults never apply. */
  static TorchHandle create(TorchOptions options) {
    TorchRuntime.require();
    List<Part> parts = new ArrayList<>();
    try {
      for (TorchOptions.Resolved one : options.resolved()) {
        parts.add(Part.of(create(options, one.options())));
      }
      long address = parts.get(0).address();
      if (parts.size() > 1) {
        long[] out = new long[1];
        NativeStatus.check(
            TorchLibrary.ob_torch_join(
                parts.stream().mapToLong(Part::address).toArray(),
                options.resolved().stream().mapToDouble(TorchOptions.Resolved::rate).toArray(),
                parts.size(),
                out));
        address = out[0];
      }
      return new TorchHandle(options, address, parts);
    } catch (RuntimeException | Error e) {
      parts.forEach(part -> TorchLibrary.ob_torch_destroy(part.address()));
      throw e;
    }
  }

  private static long create(TorchOptions options, Map<String, @Nullable Object> values) {
    Encoded encoded = options.spec().encode(values);
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_create(
            options.source().className(),
            options.isFused() ? 1 : 0,
            encoded.joinedNames(),
            encoded.array(),
            encoded.values().size(),
            out));
    return out[0];
  }

  TorchOptions options() {
    return options;
  }

  /** Why there is no step by rows; empty if there is. */
  String rowsRefusal() {
    return rowsRefusal;
  }

  /** Whether the weights that are stepped are other ones than those to evaluate. */
  boolean hasEvalWeights() {
    return TorchLibrary.ob_torch_has_eval_weights(address) != 0;
  }

  /** Whether the step can be an instruction of a sweep over host memory. */
  boolean hasBlocks() {
    return TorchLibrary.ob_torch_has_blocks(address) != 0;
  }

  /** Whether every group has the slots that it has in another handle. */
  boolean hasSlotsOf(TorchHandle other) {
    for (int g = 0; g < parts.size(); g++) {
      if (!parts.get(g).slots().equals(other.parts.get(g).slots())) {
        return false;
      }
    }
    return true;
  }

  /**
   * Goes on with the options of another handle, which gets what this one had. What is bound stays
   * so if this {@link #hasSlotsOf} the other.
   */
  void take(TorchHandle other) {
    NativeStatus.check(TorchLibrary.ob_torch_take(address, other.address));
    List<Part> formerParts = parts;
    List<String> formerSlots = slots;
    String formerRefusal = rowsRefusal;
    TorchOptions formerOptions = options;
    parts = other.partsAt(address);
    slots = other.slots;
    rowsRefusal = other.rowsRefusal;
    options = other.options;
    other.parts = formerParts;
    other.slots = formerSlots;
    other.rowsRefusal = formerRefusal;
    other.options = formerOptions;
  }

  /** The parts as they are after a move to an address, where a lone one is the whole. */
  private List<Part> partsAt(long place) {
    return parts.size() > 1 ? parts : List.of(new Part(place, parts.get(0).slots()));
  }

  /** The optimizer that steps a tensor. */
  private Part part(VectorSpec params, int tensor) {
    return parts.size() == 1 ? parts.get(0) : parts.get(options.members(params)[tensor]);
  }

  /** Whether a tensor has a slot. */
  boolean has(int slot, VectorSpec params, int tensor) {
    return part(params, tensor).slots().contains(slots.get(slot));
  }

  /** A slot as it is before the first step; to be closed by the caller. */
  Vector initial(int slot, VectorSpec params) {
    return initial(slot, params, slotSpec(slot, params));
  }

  /** The same of a given spec, where some tensors have a slot that their group does not need. */
  Vector initial(int slot, VectorSpec params, VectorSpec spec) {
    double[] values = new double[spec.size()];
    boolean same = true;
    for (int i = 0; i < values.length; i++) {
      Part part = part(params, i);
      int position = part.slots().indexOf(slots.get(slot));
      values[i] = position < 0 ? 0 : part.initial(position);
      same &= values[i] == values[0];
      if (parts.size() == 1) {
        break;
      }
    }
    return same ? Vector.filled(spec, values[0]) : Vector.filledEach(spec, values);
  }

  /** Whether a slot is one number for each parameter, whatever its dtype. */
  boolean isScalar(int slot) {
    String name = slots.get(slot);
    for (Part part : parts) {
      int position = part.slots().indexOf(name);
      if (position >= 0) {
        int kind = TorchLibrary.ob_torch_slot_kind(part.address(), position);
        return kind == SCALAR || kind == SCALAR_64;
      }
    }
    return false;
  }

  /**
   * What a slot looks like for given parameters.
   *
   * @throws IllegalArgumentException naming a parameter that this optimizer can't step, or a group
   *     without parameters
   */
  VectorSpec slotSpec(int slot, VectorSpec params) {
    String name = slots.get(slot);
    if (parts.size() == 1
        && TorchLibrary.ob_torch_slot_kind(parts.get(0).address(), slot) == LIKE_PARAMETER) {
      return params;
    }
    List<TensorSpec> tensors = new ArrayList<>();
    for (int i = 0; i < params.size(); i++) {
      tensors.add(part(params, i).slotSpec(name, params.tensors().get(i)));
    }
    return new VectorSpec(tensors);
  }

  /**
   * Binds memory.
   *
   * @param which positions of the parameters among all that have state; null for all
   */
  void bind(Vector params, Vector gradients, long @Nullable [] which, TorchSlots state) {
    VectorSpec all = state.spec();
    if (parts.size() > 1 && (assigned == null || !assigned.equals(all))) {
      NativeStatus.check(
          TorchLibrary.ob_torch_assign_groups(address, options.members(all), all.size()));
      assigned = all;
    }
    NativeStatus.check(
        TorchLibrary.ob_torch_bind_some(
            address,
            params.nativeTable(),
            gradients.nativeTable(),
            params.spec().size(),
            which,
            state.tables(),
            slots.size(),
            all.size()));
  }
}
