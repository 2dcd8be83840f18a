package org.optibridge.optimizer;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * Trains weights of 16 bits with an {@link Optimizer} that steps float32 ones: the <i>master
 * weights</i>, which keep what a step adds when it is less than the last bit of a float16 or
 * bfloat16. Each step moves the master weights and writes them, rounded to nearest, to the weights.
 *
 * <p><b>One sweep.</b> Gradients are converted as they are loaded, the weights as they are stored,
 * both in the sweep that steps the master weights. Gradients of 16 bits so cost two bytes an
 * element of memory traffic, and the weights two more.
 *
 * <p><b>What is kept.</b> Master weights and the optimizer's state are float32 (float64 for tensors
 * of that type). The master weights are made from the weights at the first step. Tensors of the
 * model that are not of 16 bits have master weights too, equal to them.
 *
 * <p><b>Writes to the weights.</b> If the weights were assigned to between steps, or others are
 * stepped, and they are not the master weights rounded, the master weights are made from them anew.
 * This is seen where weights are written through {@link Vector}; after a write through a wrapped
 * buffer or an address call {@link #reload}.
 *
 * <p><b>State.</b> The optimizer's and the master weights, bit by bit. Training goes on just as
 * before with the state and the weights, restored in any order.
 *
 * <p><b>Ownership.</b> Owns the optimizer and closes it with itself.
 *
 * <p><b>Thread-safety.</b> One call at a time; a second one at once gets a {@link
 * org.optibridge.memory.ConcurrentUseException}.
 *
 * <p>Source: Micikevicius et al., <i>Mixed Precision Training</i>, 2018.
 */
public final class MixedPrecision implements AutoCloseable {
  private static final String OPTIMIZER = "optimizer";
  private static final String MASTER = "master";

  private final Optimizer optimizer;
  private final Guard guard = new Guard();
  private @Nullable Vector master;
  // The weights that the master weights belong to, and how often they had been written to then.
  private @Nullable Vector known;
  private long version;

  /**
   * @param optimizer steps the master weights; owned by this from now on
   */
  public MixedPrecision(Optimizer optimizer) {
    this.optimizer = optimizer;
  }

  /** Serializes calls. */
  private static final class Guard extends NativeHandle {
    Guard() {
      super("MixedPrecision", 0, () -> {});
    }
  }

  private interface Step {
    boolean run(Vector master);
  }

  /**
   * One optimization step, in place.
   *
   * @param weights stored; at least one tensor of a 16-bit type
   * @param gradients of the loss by the weights, with names and shapes of the weights, of any
   *     types; read only; may be an expression
   * @return whether the weights were stepped, see {@link Optimizer#step}
   * @throws IllegalArgumentException if names or shapes differ, from one another or from those of
   *     the steps before, or no tensor has 16 bits; nothing is changed then
   */
  public boolean step(Vector weights, Vector gradients) {
    if (weights == gradients) {
      throw new IllegalArgumentException("The weights and the gradients are the same vector");
    }
    requireWeights(weights);
    Vector converted = gradients.to(masterSpec(weights, gradients));
    return stepped(weights, memory -> optimizer.step(memory, converted));
  }

  /**
   * Adds updates to the master weights and writes the weights; see {@link Optimizer#applyUpdates}.
   *
   * @param weights stored; at least one tensor of a 16-bit type
   * @param updates with names and shapes of the weights, of any types
   */
  public void applyUpdates(Vector weights, Vector updates) {
    requireWeights(weights);
    Vector converted = updates.to(masterSpec(weights, updates));
    stepped(
        weights,
        memory -> {
          optimizer.applyUpdates(memory, converted);
          return true;
        });
  }

  /**
   * Sets the master weights and, rounded, the weights: to start from float32 ones without losing
   * their bits.
   *
   * @param weights stored; at least one tensor of a 16-bit type; written
   * @param values with names and shapes of the weights, of any types
   */
  public void assign(Vector weights, Vector values) {
    requireWeights(weights);
    Vector converted = values.to(masterSpec(weights, values));
    stepped(
        weights,
        memory -> {
          memory.assign(converted);
          return true;
        });
  }

  private boolean stepped(Vector weights, Step step) {
    guard.acquireExclusive();
    try (Recording recording = Recording.begin()) {
      Vector memory = masterOf(weights);
      boolean stepped = step.run(memory);
      if (stepped) {
        weights.assign(memory.to(weights.spec()));
      }
      recording.commit();
      if (stepped) {
        known = weights;
        version = weights.version();
      }
      return stepped;
    } finally {
      guard.release();
    }
  }

  /** The master weights as they are to be stepped, made or brought up to date if need be. */
  private Vector masterOf(Vector weights) {
    VectorSpec spec = weights.spec().computed();
    Vector memory = master;
    if (memory == null) {
      Vector made = Vector.allocate(spec);
      memory = made;
      master = made;
      // A first step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (master == made) {
              forget();
            }
          });
      memory.assign(weights.to(spec));
    } else if ((known != weights || version != weights.version()) && !roundsTo(memory, weights)) {
      memory.assign(weights.to(spec));
    }
    return memory;
  }

  private static boolean roundsTo(Vector master, Vector weights) {
    Vector rounded = master.to(weights.spec()).to(master.spec());
    return rounded.minus(weights.to(master.spec())).norm().value() == 0;
  }

  private void requireWeights(Vector weights) {
    VectorSpec spec = weights.spec();
    if (!weights.isStored()) {
      throw new IllegalArgumentException("The weights are an expression; only memory can step");
    }
    if (spec.computed().equals(spec)) {
      throw new IllegalArgumentException(
          "No tensor of the weights has 16 bits: "
              + spec.tensors().get(0)
              + ", …; step them with the Optimizer, with gradients.to(DType.FLOAT32) if those have");
    }
    Vector memory = master;
    if (memory != null) {
      memory.spec().requireSame(spec.computed(), "the master weights", "the weights in float32");
    }
  }

  private static VectorSpec masterSpec(Vector weights, Vector operand) {
    VectorSpec spec = weights.spec().computed();
    if (operand == weights) {
      throw new IllegalArgumentException("The weights are given as their own updates or values");
    }
    return spec;
  }

  /**
   * Makes the master weights anew from the weights at the next step, whatever they are: after a
   * write to the weights that went past {@link Vector}.
   */
  public void reload() {
    guard.acquireExclusive();
    try {
      forget();
    } finally {
      guard.release();
    }
  }

  private void forget() {
    known = null;
    if (master != null) {
      master.close();
      master = null;
    }
  }

  /** Returns the optimizer, for its rates, rounds and auxiliary variables. */
  public Optimizer optimizer() {
    return optimizer;
  }

  /**
   * The master weights, to be evaluated or saved; not to be written to or closed.
   *
   * @return a stored vector, owned by this
   * @throws IllegalStateException if there was no step yet
   */
  public Vector masterWeights() {
    Vector memory = master;
    if (memory == null) {
      throw new IllegalStateException(
          "There are no master weights before the first step; the weights themselves are all");
    }
    return memory;
  }

  /**
   * Returns a copy of the optimizer's state and of the master weights, to be closed by the caller.
   */
  public State getState() {
    guard.acquireExclusive();
    try {
      State state = new State().put(OPTIMIZER, optimizer.getState());
      try {
        return master == null ? state : state.put(MASTER, master.materialize());
      } catch (RuntimeException | Error e) {
        state.close();
        throw e;
      }
    } finally {
      guard.release();
    }
  }

  /**
   * Replaces the optimizer's state and the master weights by copies. The weights are not written
   * to: restore them too, before or after.
   *
   * @param state from {@link #getState()}
   * @throws IllegalArgumentException if it does not fit; everything keeps its former state
   */
  public void setState(State state) {
    guard.acquireExclusive();
    try {
      Set<String> needed = state.has(MASTER) ? Set.of(OPTIMIZER, MASTER) : Set.of(OPTIMIZER);
      if (!needed.equals(state.keys())) {
        throw new IllegalArgumentException(
            "The state of mixed precision has " + state.keys() + ", it needs just " + needed);
      }
      Vector copy = state.has(MASTER) ? copyOf(state.vector(MASTER)) : null;
      try {
        optimizer.setState(state.state(OPTIMIZER));
      } catch (RuntimeException | Error e) {
        if (copy != null) {
          copy.close();
        }
        throw e;
      }
      forget();
      master = copy;
    } finally {
      guard.release();
    }
  }

  private static Vector copyOf(Vector saved) {
    saved.spec().requireArithmetic("master weights are float32 or float64");
    return saved.materialize();
  }

  /** Makes the optimizer forget its state, and this the master weights. */
  public void reset() {
    optimizer.reset();
    reload();
  }

  /** Closes the optimizer and the master weights, after waiting for a call in flight. */
  @Override
  public void close() {
    guard.close();
    optimizer.close();
    forget();
  }

  @Override
  public String toString() {
    return "MixedPrecision of " + optimizer;
  }
}
