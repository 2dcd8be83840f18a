package org.optibridge.cli;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.vector.Vector;

/** One client: its images and its optimizer, whose state it keeps over the rounds. */
final class FederatedClient implements AutoCloseable {
  private final long[] images;
  private final int batchSize;
  private final Optimizer optimizer;
  private final @Nullable Optimizer release;
  private final Random random;
  private long[] order = {};
  private int next;

  /** Told of the loss of each local step. */
  interface Listener {
    void step(float loss);
  }

  /**
   * @param images positions of its training images
   * @param optimizer owned from now on
   * @param release what is done to a round's update before it is sent; owned from now on
   * @param random gives the batches' order
   */
  FederatedClient(
      long[] images,
      int batchSize,
      Optimizer optimizer,
      @Nullable Optimizer release,
      Random random) {
    this.images = images;
    this.batchSize = batchSize;
    this.optimizer = optimizer;
    this.release = release;
    this.random = random;
  }

  int size() {
    return images.length;
  }

  /**
   * One round: trains from the server's weights.
   *
   * @param broadcast from {@link FederatedServer#broadcast}
   * @param model trained in place
   * @return the message for {@link FederatedServer#aggregate}: the update, global minus local
   *     weights, with the number of images and auxiliary variables
   */
  byte[] round(byte[] broadcast, LocalModel model, int steps, Listener listener) {
    try (Message global = Message.read(broadcast)) {
      optimizer.startRound();
      optimizer.processAuxVar(global.aux());
      Vector weights = model.parameters();
      weights.assign(global.tensors());
      for (int step = 0; step < steps; step++) {
        float loss = model.backward(nextBatch());
        optimizer.step(weights, model.gradients());
        listener.step(loss);
      }
      Map<String, AuxVar> aux = optimizer.collectAuxVar();
      try (Vector update = global.tensors().minus(weights).materialize();
          Vector released = released(weights, update)) {
        return Message.write(released, images.length, aux);
      } finally {
        aux.values().forEach(AuxVar::close);
      }
    }
  }

  private Vector released(Vector weights, Vector update) {
    if (release == null) {
      return update.materialize();
    }
    release.startRound();
    // A pipeline's updates carry a minus sign; a message's do not.
    try (Vector negative = release.computeUpdates(weights, update)) {
      return negative.negate().materialize();
    }
  }

  /** The next images of a shuffled pass over all of them; a pass ends with a smaller batch. */
  long[] nextBatch() {
    if (next == order.length) {
      order =
          Arrays.stream(Dataset.shuffled(images.length, random))
              .map(i -> images[(int) i])
              .toArray();
      next = 0;
    }
    int from = next;
    next = Math.min(order.length, from + batchSize);
    return Arrays.copyOfRange(order, from, next);
  }

  @Override
  public void close() {
    optimizer.close();
    if (release != null) {
      release.close();
    }
  }
}
