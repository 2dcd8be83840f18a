package org.optibridge.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is common to all methods of a federated comparison.
 *
 * @param model what is trained
 * @param clients number of clients
 * @param participants how many of them take part in a round
 * @param rounds number of rounds
 * @param localSteps steps of a client per round; null to count epochs
 * @param localEpochs passes of a client over its images per round; null to count steps
 * @param batchSize images per step
 * @param sharding how images are dealt to clients
 * @param clip bound of the Euclidean norm of a client's update; null for none
 * @param noise standard deviation of the noise on each element of a client's update; null for none
 * @param client the clients' optimizer
 * @param server the server's optimizer; null for plain averaging
 */
record FederateSettings(
    Network.Model model,
    int clients,
    int participants,
    int rounds,
    @Nullable Integer localSteps,
    @Nullable Integer localEpochs,
    int batchSize,
    Sharding sharding,
    @Nullable Double clip,
    @Nullable Double noise,
    OptimizerSpec client,
    @Nullable OptimizerSpec server) {

  private String modelName() {
    return model.name().toLowerCase(Locale.ROOT);
  }

  /** Steps per round of a client with that many images. */
  int stepsPerRound(int images) {
    if (localSteps != null) {
      return localSteps;
    }
    int epochs = localEpochs == null ? 1 : localEpochs;
    return epochs * ((images + batchSize - 1) / batchSize);
  }

  /** Returns one line about rounds, local work and optimizers. */
  String describe() {
    String who = participants == clients ? "all" : String.valueOf(participants);
    String work = localSteps != null ? localSteps + " steps" : localEpochs + " epochs";
    String text =
        rounds
            + " rounds of "
            + who
            + " clients, each "
            + work
            + " of "
            + batchSize
            + " images of the "
            + modelName()
            + " model with "
            + client.text();
    text += server == null ? "" : "; server: " + server.text();
    text += clip == null ? "" : "; updates clipped to " + clip;
    return noise == null ? text : text + "; noise of " + noise;
  }

  /** For JSON. */
  Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("model", modelName());
    map.put("clients", clients);
    map.put("participants", participants);
    map.put("rounds", rounds);
    map.put("localSteps", localSteps);
    map.put("localEpochs", localEpochs);
    map.put("batchSize", batchSize);
    map.put("sharding", sharding.kind().name());
    map.put("shardingValue", sharding.value());
    map.put("clip", clip);
    map.put("noise", noise);
    map.put("clientOptimizer", client.text());
    map.put("serverOptimizer", server == null ? null : server.text());
    return map;
  }
}
