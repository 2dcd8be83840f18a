package org.optibridge.cli.bench;

import java.util.ArrayDeque;
import java.util.Deque;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** One way to do an item's step, on memory of its own that is allocated alike for all. */
final class Contestant implements AutoCloseable {
  /** The learning rate of every contestant. */
  static final double RATE = 1e-3;

  private final Recipe recipe;
  private final VectorSpec spec;
  // What was made last is closed first: native code never knows memory that is gone.
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();
  private Vector params;
  private final Vector gradients;
  private final Runnable step;

  Contestant(Recipe recipe, VectorSpec model) {
    this.recipe = recipe;
    this.spec = recipe.computes() ? model : Models.single(model.numel());
    try {
      this.params = allocate();
      this.gradients = allocate();
      TestData.weights().fill(params);
      TestData.gradients().fill(gradients);
      this.step = recipe.setUp().stepOf(this);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  String name() {
    return recipe.name();
  }

  boolean computes() {
    return recipe.computes();
  }

  Vector params() {
    return params;
  }

  /** Moves the weights to memory that the contestant wants them in. */
  void moveWeights(Vector home) {
    home.assign(params);
    params = home;
  }

  Vector gradients() {
    return gradients;
  }

  /** Zeros of the model's size, closed with the contestant. */
  Vector allocate() {
    return own(Vector.allocate(spec));
  }

  <T extends AutoCloseable> T own(T closeable) {
    owned.push(closeable);
    return closeable;
  }

  /** The step of an optimizer, closed with the contestant. */
  Runnable stepOf(Optimizer optimizer) {
    own(optimizer);
    Vector weights = params;
    Vector slopes = gradients;
    return () -> optimizer.step(weights, slopes);
  }

  /** The address of a contestant's only tensor. */
  static long address(Vector vector) {
    return vector.address(vector.spec().tensors().get(0).name());
  }

  /** That many steps, one after another. */
  void steps(long count) {
    for (long i = 0; i < count; i++) {
      step.run();
    }
  }

  @Override
  public void close() {
    while (!owned.isEmpty()) {
      try {
        owned.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("closing failed", e);
      }
    }
  }
}
