package org.optibridge.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * How the training images are dealt to clients: each to exactly one.
 *
 * @param kind the way
 * @param value shards per client, or the concentration of the Dirichlet distribution
 */
record Sharding(Kind kind, double value) {
  private static final int TRIES = 1000;

  /** The ways. */
  enum Kind {
    /** Even parts of the shuffled images. */
    IID,
    /**
     * The images are sorted by label and cut into clients × value pieces; each client gets value of
     * them at random. Source: McMahan et al., <i>Communication-Efficient Learning of Deep Networks
     * from Decentralized Data</i>, 2017.
     */
    LABEL_SHARDS,
    /**
     * For each label, the clients' shares are drawn from a symmetric Dirichlet distribution; drawn
     * again until every client has an image. Source: Hsu et al., <i>Measuring the Effects of
     * Non-Identical Data Distribution for Federated Visual Classification</i>, 2019.
     */
    DIRICHLET
  }

  /**
   * Deals the images.
   *
   * @param labels of all images, from 0 to classes - 1
   * @return for each client the positions of its images
   */
  List<long[]> split(long[] labels, int classes, int clients, Random random) {
    return switch (kind) {
      case IID -> cut(Dataset.shuffled(labels.length, random), clients);
      case LABEL_SHARDS -> labelShards(labels, clients, random);
      case DIRICHLET -> dirichlet(labels, classes, clients, random);
    };
  }

  /** Refuses what would leave a client without an image. */
  void check(int images, int clients) {
    double needed = kind == Kind.LABEL_SHARDS ? clients * value : clients;
    if (needed > images) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%d images can't be cut into %.0f parts: ask for fewer --clients%s",
              images,
              needed,
              kind == Kind.LABEL_SHARDS ? " or --shards-per-client" : ""));
    }
  }

  /** Contiguous parts whose sizes differ by one at most. */
  private static List<long[]> cut(long[] order, int parts) {
    List<long[]> pieces = new ArrayList<>();
    for (int i = 0; i < parts; i++) {
      int from = (int) ((long) i * order.length / parts);
      int to = (int) ((long) (i + 1) * order.length / parts);
      pieces.add(Arrays.copyOfRange(order, from, to));
    }
    return pieces;
  }

  private List<long[]> labelShards(long[] labels, int clients, Random random) {
    int each = (int) value;
    long[] sorted =
        Arrays.stream(Dataset.shuffled(labels.length, random))
            .boxed()
            .sorted(Comparator.comparingLong(i -> labels[i.intValue()]))
            .mapToLong(Long::longValue)
            .toArray();
    List<long[]> pieces = cut(sorted, clients * each);
    long[] deal = Dataset.shuffled(pieces.size(), random);
    List<long[]> parts = new ArrayList<>();
    for (int client = 0; client < clients; client++) {
      parts.add(
          Arrays.stream(deal, client * each, (client + 1) * each)
              .mapToObj(piece -> pieces.get((int) piece))
              .flatMapToLong(Arrays::stream)
              .toArray());
    }
    return parts;
  }

  private List<long[]> dirichlet(long[] labels, int classes, int clients, Random random) {
    for (int attempt = 0; attempt < TRIES; attempt++) {
      List<List<Long>> parts =
          IntStream.range(0, clients).<List<Long>>mapToObj(i -> new ArrayList<>()).toList();
      for (int label = 0; label < classes; label++) {
        deal(labels, label, parts, random);
      }
      if (parts.stream().noneMatch(List::isEmpty)) {
        return parts.stream()
            .map(part -> part.stream().mapToLong(Long::longValue).toArray())
            .toList();
      }
    }
    throw new CliException(
        "with --alpha "
            + value
            + " some of "
            + clients
            + " clients always come out empty: ask for a larger --alpha or fewer --clients");
  }

  private void deal(long[] labels, int label, List<List<Long>> parts, Random random) {
    long[] images =
        Arrays.stream(Dataset.shuffled(labels.length, random))
            .filter(i -> labels[(int) i] == label)
            .toArray();
    double[] shares = new double[parts.size()];
    for (int i = 0; i < shares.length; i++) {
      shares[i] = logGamma(value, random);
    }
    // Normalized in logarithms: with a small concentration, all of the draws may underflow.
    double largest = Arrays.stream(shares).max().orElseThrow();
    double total = Arrays.stream(shares).map(share -> Math.exp(share - largest)).sum();
    double passed = 0;
    int from = 0;
    for (int i = 0; i < shares.length; i++) {
      passed += Math.exp(shares[i] - largest) / total;
      int to = i + 1 == shares.length ? images.length : (int) Math.round(passed * images.length);
      for (int k = from; k < to; k++) {
        parts.get(i).add(images[k]);
      }
      from = Math.max(from, to);
    }
  }

  /**
   * The logarithm of a draw from the gamma distribution of scale 1. Source: Marsaglia and Tsang,
   * <i>A Simple Method for Generating Gamma Variables</i>, 2000; below a shape of 1, a draw of
   * shape + 1 times u^(1/shape).
   */
  private static double logGamma(double shape, Random random) {
    if (shape < 1) {
      return logGamma(shape + 1, random) + Math.log1p(-random.nextDouble()) / shape;
    }
    double d = shape - 1.0 / 3;
    double c = 1 / Math.sqrt(9 * d);
    while (true) {
      double x = random.nextGaussian();
      double v = Math.pow(1 + c * x, 3);
      if (v > 0 && Math.log1p(-random.nextDouble()) < x * x / 2 + d - d * v + d * Math.log(v)) {
        return Math.log(d * v);
      }
    }
  }

  /**
   * How far the parts are from alike: the mean over clients, weighted by their images, of the total
   * variation distance between the client's labels and all labels.
   *
   * @return from 0 (all alike) to 1 - 1/classes (one label each, of equally frequent ones)
   */
  static double skew(long[] labels, int classes, List<long[]> parts) {
    double[] all = frequencies(labels, classes, IntStream.range(0, labels.length).asLongStream());
    double sum = 0;
    for (long[] part : parts) {
      double[] own = frequencies(labels, classes, Arrays.stream(part));
      double distance = 0;
      for (int label = 0; label < classes; label++) {
        distance += Math.abs(own[label] - all[label]) / 2;
      }
      sum += distance * part.length;
    }
    return sum / labels.length;
  }

  private static double[] frequencies(long[] labels, int classes, LongStream images) {
    double[] counts = new double[classes];
    images.forEach(image -> counts[(int) labels[(int) image]]++);
    double total = Arrays.stream(counts).sum();
    return Arrays.stream(counts).map(count -> count / total).toArray();
  }

  @Override
  public String toString() {
    return switch (kind) {
      case IID -> "even shares of shuffled images";
      case LABEL_SHARDS -> String.format(Locale.ROOT, "%.0f label-sorted shards each", value);
      case DIRICHLET -> "Dirichlet(" + value + ") shares of each label";
    };
  }
}
