package org.optibridge.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.vector.Vector;

/** The server: global weights and the optimizer that the clients' average is a gradient to. */
final class FederatedServer implements AutoCloseable {
  private final Vector weights;
  private final Optimizer optimizer;

  /**
   * @param initial weights, copied
   * @param optimizer owned from now on
   */
  FederatedServer(Vector initial, Optimizer optimizer) {
    this.weights = initial.materialize();
    this.optimizer = optimizer;
  }

  /** The global weights. */
  Vector weights() {
    return weights;
  }

  /** Begins a round: the message to its participants. */
  byte[] broadcast() {
    optimizer.startRound();
    Map<String, AuxVar> aux = optimizer.collectAuxVar();
    try {
      return Message.write(weights, 0, aux);
    } finally {
      aux.values().forEach(AuxVar::close);
    }
  }

  /**
   * Ends a round: steps the weights by the mean of the updates, weighted by the numbers of images.
   *
   * @param replies from {@link FederatedClient#round}, one or more
   */
  void aggregate(List<byte[]> replies) {
    Map<String, AuxVar> sums = new LinkedHashMap<>();
    try (Vector mean = Vector.allocate(weights.spec())) {
      double total = 0;
      for (byte[] bytes : replies) {
        try (Message reply = Message.read(bytes)) {
          total += reply.samples();
          // A running mean needs no memory for the single updates, and equal ones have no rounding.
          Vector difference = reply.tensors().minus(mean);
          mean.assign(mean.plus(difference.times(reply.samples() / total)));
          reply.aux().forEach((name, aux) -> add(sums, name, aux));
        }
      }
      optimizer.processAuxVar(sums);
      optimizer.step(weights, mean);
    } finally {
      sums.values().forEach(AuxVar::close);
    }
  }

  private static void add(Map<String, AuxVar> sums, String name, AuxVar aux) {
    AuxVar former = sums.get(name);
    if (former == null) {
      sums.put(name, Message.copy(name, aux));
    } else {
      sums.put(name, former.aggregate(aux));
      former.close();
    }
  }

  @Override
  public void close() {
    optimizer.close();
    weights.close();
  }
}
