package org.optibridge.torch;

import java.lang.ref.Reference;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * {@code torch.optim.LBFGS} of PyTorch 2.10: limited-memory BFGS (Nocedal and Wright, "Numerical
 * Optimization", 2nd ed., algorithm 7.4), with or without a line search for the strong Wolfe
 * conditions. It evaluates loss and gradients several times within a step, through a {@link
 * Closure}, so it stands for itself and is no module of a pipeline.
 *
 * <pre>{@code
 * try (TorchLbfgs optimizer = TorchLbfgs.of(Map.of("line_search_fn", "strong_wolfe"))) {
 *   double loss = optimizer.step(params, (weights, gradients) -> model.backward(weights, gradients));
 * }
 * }</pre>
 *
 * <p><b>Options</b> have Python's names and defaults: {@code lr} 1, {@code max_iter} 20, {@code
 * max_eval} null (1.25 {@code max_iter}), {@code tolerance_grad} 1e-7, {@code tolerance_change}
 * 1e-9, {@code history_size} 100 (at least 1), {@code line_search_fn} null or {@code
 * "strong_wolfe"}.
 *
 * <p><b>Numbers.</b> The same operations in the same order and precision as Python's class; results
 * differ as far as two builds of libtorch add up a dot product in another order, which a badly
 * conditioned loss amplifies. It is a class of this library made of libtorch's operations, since
 * {@code torch::optim::LBFGS} of C++ ignores {@code max_eval} in its line search and rounds step
 * sizes otherwise.
 *
 * <p><b>All or nothing.</b> If the closure throws, weights and state are as before the step, and
 * the exception reaches the caller as it is. The price is a copy of the weights within a step, and
 * that entries of the history live until its end.
 *
 * <p><b>Memory.</b> Up to {@code 2 × history_size} times the weights, taken as the history grows,
 * as in Python. Weights and gradients are bound by address; the algorithm works on a flat copy of
 * the gradients, as Python's does.
 *
 * <p><b>Thread-safety.</b> One call at a time; a second one gets a {@link
 * org.optibridge.memory.ConcurrentUseException} before anything is changed.
 */
public final class TorchLbfgs implements AutoCloseable {
  /**
   * The loss to be minimized.
   *
   * @param <E> what it may throw beyond unchecked exceptions
   */
  @FunctionalInterface
  public interface Closure<E extends Exception> {
    /**
     * Computes the loss and its gradients at the weights as they are now. It may use both vectors
     * in any way but close them or write the weights, and must fill all gradients: what they held
     * before is arbitrary.
     *
     * @param params the weights, as given to {@code step}
     * @param gradients to be written
     * @return the loss
     * @throws E whatever it likes; the step is undone then
     */
    double evaluate(Vector params, Vector gradients) throws E;
  }

  private static final class Handle extends NativeHandle {
    final long address;

    Handle(long address) {
      super("TorchLbfgs", 0, () -> TorchLibrary.ob_torch_lbfgs_destroy(address));
      this.address = address;
    }

    static Handle create(LbfgsOptions options) {
      TorchRuntime.require();
      long[] out = new long[1];
      NativeStatus.check(
          TorchLibrary.ob_torch_lbfgs_create(
              options.maxIter(),
              options.evaluations(),
              options.toleranceGrad(),
              options.toleranceChange(),
              options.historySize(),
              options.strongWolfe() ? 1 : 0,
              out));
      return new Handle(out[0]);
    }
  }

  private final LbfgsOptions options;
  private final Handle handle;
  private final int[] again = new int[1];
  private double learningRate;

  // What the state is for; null before the first step.
  private @Nullable VectorSpec spec;
  private @Nullable Vector ownGradients;
  private @Nullable Vector boundParams;
  private @Nullable Vector boundGradients;
  private volatile @Nullable Thread stepper;

  private TorchLbfgs(LbfgsOptions options) {
    this.options = options;
    this.learningRate = options.lr();
    this.handle = Handle.create(options);
  }

  /** Returns an optimizer with PyTorch's default options. */
  public static TorchLbfgs of() {
    return of(Map.of());
  }

  /**
   * @param kwargs options as Python names them
   * @return an optimizer without state
   * @throws IllegalArgumentException if an option is unknown, ill-typed or out of range
   */
  public static TorchLbfgs of(Map<String, Object> kwargs) {
    return new TorchLbfgs(LbfgsOptions.read(kwargs));
  }

  /** Returns all options, as Python names them; {@code of} makes an equal optimizer from them. */
  public Map<String, Object> getConfig() {
    Map<String, Object> config = options.toMap();
    config.put("lr", learningRate);
    return config;
  }

  /**
   * @param rate the step size from the next step on: not negative
   */
  public void setLearningRate(double rate) {
    acquire();
    try {
      learningRate = LbfgsOptions.requireRate(rate);
    } finally {
      handle.release();
    }
  }

  /**
   * One step, with gradients in memory of this optimizer, which is as large as the weights.
   *
   * @param params the weights, on the host; written in place
   * @param closure the loss
   * @param <E> what the closure may throw beyond unchecked exceptions
   * @return the loss before the step, as Python returns it
   * @throws E what the closure threw; the step is undone then
   * @throws IllegalStateException from inside the closure
   */
  public <E extends Exception> double step(Vector params, Closure<E> closure) throws E {
    acquire();
    try {
      requireStored(params, "parameters");
      Vector gradients = ownGradients;
      if (gradients == null || !gradients.spec().equals(params.spec())) {
        Vector fresh = Vector.allocate(params.spec());
        if (gradients != null) {
          gradients.close();
        }
        ownGradients = fresh;
        gradients = fresh;
      }
      return stepped(params, gradients, closure);
    } finally {
      handle.release();
    }
  }

  /**
   * One step, with gradients in the caller's memory, such as where a framework leaves them.
   *
   * @param params the weights, written in place
   * @param gradients a stored vector of an equal spec, which the closure fills
   * @param closure the loss
   * @param <E> what the closure may throw beyond unchecked exceptions
   * @return the loss before the step, as Python returns it
   * @throws E what the closure threw; the step is undone then
   * @throws IllegalArgumentException if the specs differ from one another, from those of the steps
   *     before, or mix dtypes; nothing is changed then
   * @throws IllegalStateException from inside the closure
   */
  public <E extends Exception> double step(Vector params, Vector gradients, Closure<E> closure)
      throws E {
    acquire();
    try {
      requireStored(params, "parameters");
      requireStored(gradients, "gradients");
      if (params == gradients) {
        throw new IllegalArgumentException("The parameters and the gradients are the same vector");
      }
      params.spec().requireSame(gradients.spec(), "the parameters", "the gradients");
      return stepped(params, gradients, closure);
    } finally {
      handle.release();
    }
  }

  private static void requireStored(Vector vector, String what) {
    if (!vector.isStored()) {
      throw new IllegalArgumentException("The " + what + " are an expression; LBFGS needs memory");
    }
  }

  private void acquire() {
    refuseWithin("used");
    handle.acquireExclusive();
  }

  private void refuseWithin(String what) {
    if (stepper == Thread.currentThread()) {
      throw new IllegalStateException("TorchLbfgs can't be " + what + " from inside its closure");
    }
  }

  private <E extends Exception> double stepped(Vector params, Vector gradients, Closure<E> closure)
      throws E {
    if (spec != null) {
      spec.requireSame(params.spec(), "the stored state", "the parameters");
    }
    bind(params, gradients);
    NativeStatus.check(TorchLibrary.ob_torch_lbfgs_begin(handle.address, learningRate));
    stepper = Thread.currentThread();
    try {
      double first = closure.evaluate(params, gradients);
      double loss = first;
      while (tell(params, gradients, loss)) {
        loss = closure.evaluate(params, gradients);
      }
      spec = params.spec();
      return first;
    } catch (Throwable e) {
      undo(params, e);
      throw e;
    } finally {
      stepper = null;
      Reference.reachabilityFence(params);
      Reference.reachabilityFence(gradients);
    }
  }

  /** The memory of both vectors is locked here only, so that the closure can use them. */
  private boolean tell(Vector params, Vector gradients, double loss) {
    params.beginWrite();
    try {
      gradients.beginRead();
      try {
        NativeStatus.check(TorchLibrary.ob_torch_lbfgs_tell(handle.address, loss, again));
        return again[0] != 0;
      } finally {
        gradients.endUse();
      }
    } finally {
      params.endUse();
    }
  }

  private void undo(Vector params, Throwable cause) {
    boolean locked = false;
    try {
      params.beginWrite();
      locked = true;
    } catch (RuntimeException e) {
      // Closed or in use elsewhere: their memory must not be touched.
      cause.addSuppressed(new IllegalStateException("The weights could not be put back", e));
    }
    try {
      NativeStatus.check(TorchLibrary.ob_torch_lbfgs_abort(handle.address, locked ? 1 : 0));
    } finally {
      if (locked) {
        params.endUse();
      } else {
        boundParams = null;
      }
    }
  }

  private void bind(Vector params, Vector gradients) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    boundParams = null;
    boundGradients = null;
    NativeStatus.check(
        TorchLibrary.ob_torch_lbfgs_bind(
            handle.address, params.nativeTable(), gradients.nativeTable(), params.spec().size()));
    boundParams = params;
    boundGradients = gradients;
  }

  /**
   * A copy of the state under Python's names: {@code func_evals}, {@code n_iter}, {@code t}, {@code
   * H_diag} and {@code prev_loss} are numbers; {@code d} and {@code prev_flat_grad} are vectors of
   * one tensor with the elements of all weights in order; {@code old_dirs}, {@code old_stps} and
   * {@code ro} are vectors of tensors {@code "0"}, {@code "1"}, …, oldest first. There is no vector
   * before the first direction, and no history before a second one. {@code specs} tells the
   * weights.
   *
   * @return the state, to be closed by the caller
   */
  public State getState() {
    acquire();
    try {
      return LbfgsState.save(handle.address, spec);
    } finally {
      handle.release();
    }
  }

  /**
   * Replaces the state by a copy of another; the steps that follow are, bit for bit, those of the
   * optimizer that it comes from.
   *
   * @param state from {@link #getState()}
   * @throws IllegalArgumentException if it does not fit; the former state stays
   */
  public void setState(State state) {
    acquire();
    try {
      VectorSpec loaded = LbfgsState.load(handle.address, state, options.historySize());
      forgetBound();
      spec = loaded;
    } finally {
      handle.release();
    }
  }

  /** Forgets all state, so that the next step is a first one. */
  public void reset() {
    acquire();
    try {
      LbfgsState.clear(handle.address);
      forgetBound();
      spec = null;
    } finally {
      handle.release();
    }
  }

  private void forgetBound() {
    boundParams = null;
    boundGradients = null;
  }

  /**
   * Releases native memory, after waiting for a step in flight on another thread.
   *
   * @throws IllegalStateException from inside the closure, where waiting would never end
   */
  @Override
  public void close() {
    refuseWithin("closed");
    handle.close();
    forgetBound();
    if (ownGradients != null) {
      ownGradients.close();
      ownGradients = null;
    }
  }

  @Override
  public String toString() {
    return LbfgsOptions.OWNER + getConfig();
  }
}
