package org.optibridge.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * A federated training simulated in one process: server and clients share nothing but messages in
 * bytes. One seed gives the initial weights, the shards, each round's participants and each
 * client's batches, the same for every method.
 */
final class Federation implements AutoCloseable {
  private static final int SHARDS = 0;
  private static final int PARTICIPANTS = 1;
  private static final int CLIENTS = 2;

  private final FederateSettings settings;
  private final FederatedMethod method;
  private final long seed;
  private final LocalModel model;
  private final List<FederatedClient> clients = new ArrayList<>();
  private final FederatedServer server;

  Federation(Dataset data, FederateSettings settings, FederatedMethod method, long seed) {
    this.settings = settings;
    this.method = method;
    this.seed = seed;
    List<long[]> shards = shards(data, settings, seed);
    model = new LocalModel(data, settings.model(), seed);
    server = new FederatedServer(model.parameters(), method.server(settings.server()));
    for (int i = 0; i < shards.size(); i++) {
      long own = derive(seed, CLIENTS + i);
      clients.add(
          new FederatedClient(
              shards.get(i),
              settings.batchSize(),
              method.client(settings.client()),
              FederatedMethod.release(settings, own),
              new Random(own)));
    }
  }

  /** Told of progress. */
  interface Listener {
    void step(int steps, double loss);
  }

  /** The images of each client. */
  static List<long[]> shards(Dataset data, FederateSettings settings, long seed) {
    return settings
        .sharding()
        .split(
            data.train().labels(),
            data.classes(),
            settings.clients(),
            new Random(derive(seed, SHARDS)));
  }

  /** A seed for one of the things that are random, unrelated to those of the others. */
  private static long derive(long seed, int what) {
    return new SplittableRandom(new SplittableRandom(seed).nextLong() + what).nextLong();
  }

  /** Who takes part in each round, in the order of their numbers. */
  private int[][] participants() {
    Random random = new Random(derive(seed, PARTICIPANTS));
    int[][] all = new int[settings.rounds()][];
    for (int round = 0; round < all.length; round++) {
      all[round] =
          Arrays.stream(Dataset.shuffled(clients.size(), random))
              .limit(settings.participants())
              .mapToInt(Math::toIntExact)
              .sorted()
              .toArray();
    }
    return all;
  }

  private int localSteps(int client) {
    return settings.stepsPerRound(clients.get(client).size());
  }

  /** Local steps of the whole run. */
  int steps() {
    return Arrays.stream(participants()).flatMapToInt(Arrays::stream).map(this::localSteps).sum();
  }

  /** Runs all rounds; may be called once. */
  FederatedRun run(Listener listener) {
    double[] accuracy = new double[settings.rounds() + 1];
    accuracy[0] = model.test().accuracy();
    int[][] participants = participants();
    Traffic traffic = new Traffic();
    for (int round = 0; round < settings.rounds(); round++) {
      long begin = System.nanoTime();
      round(participants[round], traffic, listener);
      traffic.nanos += System.nanoTime() - begin;
      model.parameters().assign(server.weights());
      accuracy[round + 1] = model.test().accuracy();
    }
    model.check();
    return new FederatedRun(
        method,
        seed,
        accuracy,
        model.train().loss(),
        traffic.down,
        traffic.up,
        traffic.nanos / 1e9);
  }

  private void round(int[] participants, Traffic traffic, Listener listener) {
    byte[] broadcast = server.broadcast();
    List<byte[]> replies = new ArrayList<>();
    for (int client : participants) {
      FederatedClient.Listener counting = loss -> listener.step(++traffic.steps, loss);
      byte[] reply = clients.get(client).round(broadcast, model, localSteps(client), counting);
      traffic.down += broadcast.length;
      traffic.up += reply.length;
      replies.add(reply);
    }
    server.aggregate(replies);
  }

  /** What went on so far. */
  private static final class Traffic {
    private int steps;
    private long down;
    private long up;
    private long nanos;
  }

  @Override
  public void close() {
    clients.forEach(FederatedClient::close);
    server.close();
    model.close();
  }
}
