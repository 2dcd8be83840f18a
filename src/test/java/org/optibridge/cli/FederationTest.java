package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.Vector;

@RequiresTorch
class FederationTest {
  private static final FederatedMethod FEDPROX = new FederatedMethod(0.1, false);
  private static final FederatedMethod SCAFFOLD = new FederatedMethod(null, true);
  private static final Dataset DATA = Digits.load();

  @BeforeAll
  static void oneThread() {
    Trainer.useThreads(1);
  }

  private static FederateSettings settings(
      int clients, int participants, @Nullable Double clip, @Nullable String server) {
    return new FederateSettings(
        Network.Model.CONVNET,
        clients,
        participants,
        2,
        3,
        null,
        16,
        new Sharding(Sharding.Kind.LABEL_SHARDS, 2),
        clip,
        null,
        OptimizerSpec.parse("SGD(lr=0.05)"),
        server == null ? null : OptimizerSpec.parse(server));
  }

  private static FederatedRun run(FederateSettings settings, FederatedMethod method, long seed) {
    try (Federation federation = new Federation(DATA, settings, method, seed)) {
      return federation.run((steps, loss) -> {});
    }
  }

  @Test
  void theSameSeedGivesTheSameFigures() {
    for (FederatedMethod method : List.of(FederatedMethod.FEDAVG, FEDPROX, SCAFFOLD)) {
      FederatedRun once = run(settings(4, 2, null, null), method, 11);
      FederatedRun again = run(settings(4, 2, null, null), method, 11);
      assertThat(again.accuracy()).isEqualTo(once.accuracy());
      assertThat(again.trainLoss()).isEqualTo(once.trainLoss());
      assertThat(again.bytesUp()).isEqualTo(once.bytesUp()).isPositive();
      assertThat(run(settings(4, 2, null, null), method, 12).trainLoss())
          .isNotEqualTo(once.trainLoss());
    }
  }

  @Test
  void methodsStartAlikeAndPartLater() {
    FederatedRun plain = run(settings(3, 3, null, null), FederatedMethod.FEDAVG, 1);
    FederatedRun prox = run(settings(3, 3, null, null), new FederatedMethod(5.0, false), 1);
    FederatedRun scaffold = run(settings(3, 3, null, null), SCAFFOLD, 1);
    assertThat(prox.accuracy()[0]).isEqualTo(plain.accuracy()[0]).isEqualTo(scaffold.accuracy()[0]);
    // Scaffold's control variates are zero until the first round is over.
    assertThat(scaffold.accuracy()[1]).isEqualTo(plain.accuracy()[1]);
    assertThat(scaffold.trainLoss()).isNotEqualTo(plain.trainLoss());
    assertThat(prox.trainLoss()).isNotEqualTo(plain.trainLoss());
    // Control variates are as large as the weights.
    assertThat((double) scaffold.bytesUp() / plain.bytesUp()).isBetween(1.9, 2.1);
  }

  @Test
  void theServerStepsToTheWeightedMean() {
    try (Vector global = vector(1, 2);
        FederatedServer server = new FederatedServer(global, FederatedMethod.FEDAVG.server(null))) {
      // Local weights (3, 0), (0, 8), (1, 1) of 1, 2 and 5 images.
      server.aggregate(List.of(update(1, -2, 2), update(2, 1, -6), update(5, 0, 1)));
      double[] weights = server.weights().toDoubles("w");
      assertThat(weights[0]).isCloseTo((1 * 3 + 2 * 0 + 5 * 1) / 8.0, within(1e-6));
      assertThat(weights[1]).isCloseTo((1 * 0 + 2 * 8 + 5 * 1) / 8.0, within(1e-6));
    }
  }

  @Test
  void aServersOptimizerTakesTheMeanForAGradient() {
    try (Vector global = vector(1, 2);
        FederatedServer server =
            new FederatedServer(
                global, FederatedMethod.FEDAVG.server(OptimizerSpec.parse("momentum(lr=0.5)")))) {
      server.aggregate(List.of(update(1, 2, 4), update(1, 4, 0)));
      assertThat(server.weights().toDoubles("w")).containsExactly(1 - 0.5 * 3, 2 - 0.5 * 2);
      server.aggregate(List.of(update(3, 1, 1)));
      assertThat(server.weights().toDoubles("w"))
          .usingComparatorWithPrecision(1e-6)
          .containsExactly(-0.5 - 0.5 * (0.9 * 3 + 1), 1 - 0.5 * (0.9 * 2 + 1));
    }
  }

  private static Vector vector(float... values) {
    return Vector.builder().copy("w", values, values.length).build();
  }

  private static byte[] update(int images, float... values) {
    try (Vector vector = vector(values)) {
      return Message.write(vector, images, Map.of());
    }
  }

  /** One client's round from fresh weights, repeated; the server's weights after it. */
  private static double[] afterOneRound(int clients, FederateSettings settings) {
    try (LocalModel model = new LocalModel(DATA, Network.Model.CONVNET, 3);
        FederatedServer server =
            new FederatedServer(model.parameters(), FederatedMethod.FEDAVG.server(null))) {
      byte[] broadcast = server.broadcast();
      List<byte[]> replies = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        try (FederatedClient client = client(settings)) {
          replies.add(client.round(broadcast, model, 4, loss -> {}));
        }
      }
      server.aggregate(replies);
      return server.weights().flatten();
    }
  }

  private static FederatedClient client(FederateSettings settings) {
    return new FederatedClient(
        new long[] {0, 1, 2, 3, 4, 5, 6},
        3,
        FederatedMethod.FEDAVG.client(settings.client()),
        FederatedMethod.release(settings, 0),
        new Random(9));
  }

  @Test
  void equalClientsAverageToOne() {
    FederateSettings settings = settings(1, 1, null, null);
    assertThat(afterOneRound(3, settings)).isEqualTo(afterOneRound(1, settings));
  }

  @Test
  void theAverageOfOneClientIsItself() {
    try (LocalModel model = new LocalModel(DATA, Network.Model.CONVNET, 3);
        FederatedServer server =
            new FederatedServer(model.parameters(), FederatedMethod.FEDAVG.server(null));
        FederatedClient client = client(settings(1, 1, null, null))) {
      server.aggregate(List.of(client.round(server.broadcast(), model, 4, loss -> {})));
      double[] local = model.parameters().flatten();
      double[] global = server.weights().flatten();
      for (int i = 0; i < local.length; i++) {
        assertThat(global[i]).isCloseTo(local[i], within(1e-7));
      }
    }
  }

  @Test
  void clippingBoundsTheRoundsUpdate() {
    double[] free = moved(settings(1, 1, null, null));
    double[] clipped = moved(settings(1, 1, 0.01, null));
    assertThat(norm(free)).isGreaterThan(0.02);
    assertThat(norm(clipped)).isCloseTo(0.01, within(1e-5));
    double factor = 0.01 / norm(free);
    for (int i = 0; i < free.length; i++) {
      assertThat(clipped[i]).isCloseTo(free[i] * factor, within(1e-6));
    }
  }

  private static double[] moved(FederateSettings settings) {
    try (LocalModel model = new LocalModel(DATA, Network.Model.CONVNET, 3);
        Vector initial = model.parameters().materialize();
        FederatedServer server = new FederatedServer(initial, FederatedMethod.FEDAVG.server(null));
        FederatedClient client = client(settings);
        Message reply = Message.read(client.round(server.broadcast(), model, 4, loss -> {}))) {
      return reply.tensors().flatten();
    }
  }

  private static double norm(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  @Test
  void batchesPassOverAllImages() {
    try (FederatedClient client = client(settings(1, 1, null, null))) {
      for (int pass = 0; pass < 3; pass++) {
        List<Long> seen = new ArrayList<>();
        for (int expected : new int[] {3, 3, 1}) {
          long[] batch = client.nextBatch();
          assertThat(batch).hasSize(expected);
          for (long image : batch) {
            seen.add(image);
          }
        }
        assertThat(seen).containsExactlyInAnyOrder(0L, 1L, 2L, 3L, 4L, 5L, 6L);
      }
    }
  }

  @Test
  void epochsCountEveryBatch() {
    FederateSettings steps = settings(3, 3, null, null);
    assertThat(steps.stepsPerRound(100)).isEqualTo(3);
    FederateSettings epochs =
        new FederateSettings(
            Network.Model.CONVNET,
            3,
            3,
            1,
            null,
            2,
            16,
            steps.sharding(),
            null,
            null,
            steps.client(),
            null);
    assertThat(epochs.stepsPerRound(100)).isEqualTo(14);
  }
}
