package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.testing.RequiresTorch;
import picocli.CommandLine;

class FederateCommandTest extends CommandRuns {
  @TempDir Path folder;

  private JsonNode json(String flags) throws Exception {
    Path file = folder.resolve("runs.json");
    String all = "federate --no-progress --rounds 2 --local-steps 2 --clients 3 " + flags;
    assertThat(execute((all + " --json " + file).split(" "))).as(err.toString()).isZero();
    return new ObjectMapper().readTree(Files.readString(file));
  }

  @Test
  @RequiresTorch
  void comparesThreeMethods() throws Exception {
    JsonNode document = json("--seeds 2 --seed 7");
    assertThat(document.at("/settings/clients").asInt()).isEqualTo(3);
    assertThat(document.at("/labelSkew").asDouble()).isBetween(0.3, 0.9);
    assertThat(document.get("measuredOn").asText()).isEqualTo("test");
    JsonNode runs = document.get("runs");
    assertThat(runs.findValuesAsText("method"))
        .containsExactly(
            "FedAvg", "FedProx(0.01)", "Scaffold", "FedAvg", "FedProx(0.01)", "Scaffold");
    assertThat(runs.findValuesAsText("seed")).containsExactly("7", "7", "7", "8", "8", "8");
    for (JsonNode one : runs) {
      assertThat(one.get("accuracy")).hasSize(3);
      assertThat(one.get("accuracy").get(2).asDouble())
          .isEqualTo(one.get("finalAccuracy").asDouble());
      assertThat(one.get("trainLoss").asDouble()).isBetween(0.0, 10.0);
    }
    assertThat(out.toString()).contains("3 clients", "Scaffold", " ± ", "kB per round");
  }

  @Test
  @RequiresTorch
  void oneMethodWithEverything() throws Exception {
    JsonNode document =
        json(
            "--model convnet --seeds 1 --fedprox 0.5 --scaffold --alpha 0.3 --participants 2 --validation"
                + " -o Adam(lr=0.001) --server-optimizer momentum(beta=0.5) --clip 1");
    assertThat(document.get("measuredOn").asText()).isEqualTo("validation");
    assertThat(document.get("runs").findValuesAsText("method"))
        .containsExactly("FedProx(0.5) + Scaffold");
    assertThat(document.at("/settings/sharding").asText()).isEqualTo("DIRICHLET");
    assertThat(document.at("/settings/clip").asDouble()).isEqualTo(1);
    assertThat(out.toString()).doesNotContain(" ± ");
  }

  @Test
  @RequiresTorch
  void noiseDrownsTheUpdates() throws Exception {
    String flags = "--model linear --seeds 1 --fedavg --iid --clip 1 --noise ";
    double quiet = json(flags + "1e-6").at("/runs/0/trainLoss").asDouble();
    double noisy = json(flags + "10").at("/runs/0/trainLoss").asDouble();
    assertThat(json(flags + "10").at("/runs/0/trainLoss").asDouble()).isEqualTo(noisy);
    assertThat(quiet).isLessThan(2.5);
    assertThat(noisy).isGreaterThan(2 * quiet);
  }

  @Test
  @RequiresTorch
  void saysWhatGoesUnprotected() {
    String flags =
        "federate --no-progress --model linear --rounds 1 --clients 2 --seeds 1 --clip 1";
    assertThat(execute(flags.split(" "))).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains("auxiliary variables were sent without clipping or noise", "linear model");
  }

  /** What is checked with the default pipelines, which are libtorch's. */
  @ParameterizedTest
  @RequiresTorch
  @CsvSource(
      delimiter = '|',
      value = {
        "--clients 2000|1437 images can't be cut into 4000 parts",
        "--server-optimizer scaffold-server|it needs a counterpart; use --scaffold"
      })
  void refusesWithTorch(String flags, String message) {
    refuses(flags, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--clients 0|--clients must be at least 1 but is 0",
        "--rounds 0|--rounds must be at least 1 but is 0",
        "--seeds 0|--seeds must be at least 1 but is 0",
        "--participants 11|--participants must be at most the number of --clients, 10, but is 11",
        "--local-steps 0|--local-steps must be at least 1 but is 0",
        "--local-epochs 0|--local-epochs must be at least 1 but is 0",
        "--local-steps 1 --local-epochs 1|are mutually exclusive",
        "--iid --alpha 0.1|are mutually exclusive",
        "--shards-per-client 0|--shards-per-client must be at least 1 but is 0",
        "--alpha 0|--alpha must be a positive number but is 0.0",
        "--clip -1|--clip must be a positive number but is -1.0",
        "--noise NaN|--noise must be a positive number but is NaN",
        "--fedprox -1|--fedprox must be a number >= 0 but is -1.0",
        "--model cnn|--model must be convnet or linear but is 'cnn'",
        "--fedavg --scaffold|--fedavg excludes --fedprox and --scaffold",
        "-o Adm|bad optimizer \"Adm\": Unknown torch optimizer 'Adm'; did you mean 'Adam'?",
        "-o momentum(beta=2)|'beta' must be at least 0 and below 1, not 2.0",
        "-o momentum(gamma=2)|momentum: unknown entry 'gamma'",
        "--plot /nowhere/x.png|no such folder"
      })
  void refuses(String flags, String message) {
    assertThat(execute(("federate " + flags).split(" "))).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString().strip())
        .contains(message)
        .startsWith("optibridge federate")
        .hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }
}
