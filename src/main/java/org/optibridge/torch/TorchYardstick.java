package org.optibridge.torch;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.torch.TorchOptimizerSpec.Encoded;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * An optimizer of libtorch as a C++ program would run it, with state of its own: what benchmarks
 * compare with. Not an API for users.
 */
public final class TorchYardstick extends NativeHandle {
  private final long address;
  private final Vector params;
  private final Vector gradients;

  private TorchYardstick(String description, long address, Vector params, Vector gradients) {
    super(description, 0, () -> TorchLibrary.ob_torch_bench_destroy(address));
    this.address = address;
    this.params = params;
    this.gradients = gradients;
  }

  /**
   * @param spec the optimizer
   * @param kwargs its options
   * @param fused whether its fused operator is called, or the chain of operators on whole tensors
   * @param params stepped in place; float32, on the host
   * @param gradients of an equal spec
   * @return an optimizer without steps
   */
  public static TorchYardstick create(
      TorchOptimizerSpec spec,
      Map<String, Object> kwargs,
      boolean fused,
      Vector params,
      Vector gradients) {
    params.spec().requireSame(gradients.spec(), "the parameters", "the gradients");
    Map<String, @Nullable Object> options = spec.complete(kwargs);
    Encoded encoded = spec.encode(options);
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_bench_create(
            spec.nativeName(),
            fused ? 1 : 0,
            encoded.joinedNames(),
            encoded.array(),
            encoded.values().size(),
            params.nativeTable(),
            gradients.nativeTable(),
            params.spec().size(),
            out));
    return new TorchYardstick("TorchYardstick " + spec.qualifiedName(), out[0], params, gradients);
  }

  /**
   * @param spec an optimizer
   * @param kwargs its options
   * @return how many buffers of a parameter's size its state takes for a large matrix
   */
  public static int stateBuffers(TorchOptimizerSpec spec, Map<String, Object> kwargs) {
    TensorSpec matrix = new TensorSpec("w", DType.FLOAT32, Device.CPU, 1000, 1000);
    VectorSpec params = new VectorSpec(List.of(matrix));
    try (TorchHandle handle =
        TorchHandle.create(TorchOptions.of(TorchSource.of(spec), kwargs, List.of()))) {
      long elements = 0;
      for (int i = 0; i < handle.slots.size(); i++) {
        elements += handle.slotSpec(i, params).numel();
      }
      return (int) (elements / matrix.numel());
    }
  }

  /**
   * @param learningRate of this step
   */
  public void step(double learningRate) {
    acquireExclusive();
    params.beginWrite();
    gradients.beginRead();
    try {
      NativeStatus.check(TorchLibrary.ob_torch_bench_step(address, learningRate));
    } finally {
      gradients.endUse();
      params.endUse();
      release();
    }
  }
}
