package org.optibridge.tensorflow;

import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/**
 * Tensors in variables of TensorFlow's, used as a {@link Vector} by address. A kernel of
 * TensorFlow's writes nothing but its own variables; weights that are made here ({@link
 * TensorflowOptiModule#allocateWeights}) are stepped where they are, others are copied there and
 * back.
 *
 * <p><b>Ownership.</b> {@link #close()} ends the vector and frees the variables; whoever else knows
 * the addresses must be done before.
 *
 * <p><b>Thread-safety.</b> That of the vector.
 */
public final class TensorflowVariables implements AutoCloseable {
  /** How tensors become variables: {@code ob_tf_variables_create} says more. */
  enum Layout {
    SHAPED(0),
    FLAT(1),
    MERGED(2);

    private final int code;

    Layout(int code) {
      this.code = code;
    }
  }

  private static final long ALIGNMENT = 64;

  // Vectors compare by identity.
  private static final Map<Vector, WeakReference<TensorflowVariables>> KNOWN =
      Collections.synchronizedMap(new WeakHashMap<>());

  private final Owner owner;
  private final Layout layout;
  private final boolean onHost;
  private final Vector vector;

  /** Frees the variables. */
  private static final class Owner extends NativeHandle {
    final long address;

    Owner(VectorSpec spec, long address) {
      super(
          "TensorflowVariables of " + spec.size() + " tensors",
          spec.bytes(),
          () -> TensorflowLibrary.ob_tf_variables_destroy(address));
      this.address = address;
    }
  }

  private TensorflowVariables(Owner owner, Layout layout, boolean onHost, Vector vector) {
    this.owner = owner;
    this.layout = layout;
    this.onHost = onHost;
    this.vector = vector;
  }

  /**
   * Variables of zeros.
   *
   * @param device as {@code "CPU:0"}
   * @throws UnsupportedOperationException naming a tensor that is not on the host or not float32 or
   *     float64
   */
  static TensorflowVariables allocate(VectorSpec spec, Layout layout, String device) {
    TensorflowRuntime.require();
    int[] dtypes = new int[spec.size()];
    int[] dims = new int[spec.size()];
    long[] shapes = new long[spec.tensors().stream().mapToInt(t -> t.shape().length).sum()];
    int at = 0;
    for (int i = 0; i < dtypes.length; i++) {
      TensorSpec tensor = spec.tensors().get(i);
      long[] shape = tensor.shape();
      dtypes[i] = code(tensor);
      dims[i] = shape.length;
      System.arraycopy(shape, 0, shapes, at, shape.length);
      at += shape.length;
    }
    long[] addresses = new long[spec.size()];
    long[] out = new long[1];
    NativeStatus.check(
        TensorflowLibrary.ob_tf_variables_create(
            dtypes.length, dtypes, dims, shapes, layout.code, device, addresses, out));
    Owner owner = new Owner(spec, out[0]);
    try {
      VectorBuilder builder = Vector.builder();
      for (int i = 0; i < addresses.length; i++) {
        TensorSpec tensor = spec.tensors().get(i);
        builder.wrapAddress(
            tensor.name(), tensor.dtype(), Device.CPU, addresses[i], owner, tensor.shape());
      }
      TensorflowVariables made =
          new TensorflowVariables(
              owner, layout, device.equals(TensorflowRuntime.HOST), builder.build());
      KNOWN.put(made.vector, new WeakReference<>(made));
      return made;
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
  }

  private static int code(TensorSpec tensor) {
    if (tensor.device().kind() != Device.Kind.CPU) {
      throw new UnsupportedOperationException(
          "TensorFlow steps host memory here; tensor " + tensor + " is not there");
    }
    if (tensor.dtype() == DType.FLOAT32) {
      return 0;
    }
    if (tensor.dtype() == DType.FLOAT64) {
      return 1;
    }
    throw new UnsupportedOperationException(
        "TensorFlow steps float32 and float64 tensors here; tensor " + tensor + " is neither");
  }

  /** The variables behind a vector; null if it is none of TensorFlow's memory. */
  static @Nullable TensorflowVariables of(Vector vector) {
    WeakReference<TensorflowVariables> known = KNOWN.get(vector);
    return known == null ? null : known.get();
  }

  long address() {
    return owner.address;
  }

  /** Copies the vector to the device, unless it is there. */
  void push() {
    if (!onHost) {
      NativeStatus.check(TensorflowLibrary.ob_tf_variables_push(owner.address));
    }
  }

  /** Copies the vector from the device, unless it is there. */
  void pull() {
    if (!onHost) {
      NativeStatus.check(TensorflowLibrary.ob_tf_variables_pull(owner.address));
    }
  }

  Layout layout() {
    return layout;
  }

  /** Whether a stored vector's tensors lie as merged variables do: as in one allocation. */
  static boolean liesMerged(Vector stored) {
    long next = 0;
    DType dtype = null;
    for (TensorSpec tensor : stored.spec().tensors()) {
      long address = stored.address(tensor.name());
      if (tensor.dtype() != dtype ? address % ALIGNMENT != 0 : address != next) {
        return false;
      }
      dtype = tensor.dtype();
      next = address + Math.max(1, (tensor.bytes() + ALIGNMENT - 1) / ALIGNMENT) * ALIGNMENT;
    }
    return true;
  }

  /** Returns the tensors, in TensorFlow's memory. */
  public Vector vector() {
    return vector;
  }

  /** Closes the vector and frees the variables. Calling it again is fine. */
  @Override
  public void close() {
    vector.close();
    owner.close();
  }
}
