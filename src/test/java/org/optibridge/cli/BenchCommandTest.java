package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.optibridge.cli.bench.BenchItem;
import org.optibridge.cli.bench.BenchItems;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.RequiresTorch;
import picocli.CommandLine;

class BenchCommandTest extends CommandRuns {
  private void refuses(String message, String... args) {
    assertThat(execute(args)).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString()).contains(message);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void helpNamesAllItems() {
    assertThat(execute("bench", "--help")).isZero();
    assertThat(out.toString())
        .contains(BenchItems.all().items().stream().map(BenchItem::name).toArray(String[]::new))
        .contains(
            "optibridge-torch",
            "torch-as-written",
            "torch-tuned",
            "torch-blocked",
            "libtorch-fused",
            "floor");
  }

  @Test
  void unknownItem() {
    refuses("unknown item 'adam-1e5'; known: adam-1e4, adam-1e6", "bench", "adam-1e4", "adam-1e5");
  }

  @Test
  void badCounts() {
    refuses("--rounds must be at least 1 but is 0", "bench", "--rounds", "0");
  }

  @Test
  @RequiresTorch
  void badOptimizers() {
    refuses("did you mean 'Adamax'", "bench", "--optimizer", "Adamaxx");
    refuses("'eps' must be", "bench", "--optimizer", "Adam(eps=-1)");
    refuses("only optimizers of libtorch", "bench", "--optimizer", "l2-clipping(max_norm=1)");
    refuses("unknown item 'pipeline-1e7'", "bench", "pipeline-1e7", "--optimizer", "Adamax");
    refuses("Muon steps matrices only", "bench", "adamw-resnet50", "--optimizer", "Muon");
  }

  @Test
  @RequiresTorch
  void otherOptimizers() {
    assertThat(
            execute(
                "bench", "adam-1e4", "--rounds", "1", "--optimizer", "SGD(momentum=0.9, lr=0.1)"))
        .isZero();
    assertThat(out.toString())
        .contains("SGD(momentum=0.9, lr=0.1)", "libtorch-plain", "libtorch-fused", "floor")
        .doesNotContain("optibridge-core");
    assertThat(execute("bench", "adam-1e4", "--rounds", "1", "--optimizer", "Adafactor")).isZero();
  }

  @Test
  @RequiresTensorflow
  void tensorflowItem() {
    assertThat(execute("bench", "tf-adam-1e6", "--rounds", "1")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("optibridge-tensorflow ", "tensorflow-c ", "floor ");
  }

  @Test
  void badThreads() {
    refuses("--threads must be at least 1 but is 0", "bench", "--threads", "0");
  }

  @Test
  @RequiresTorch
  void table() {
    assertThat(
            execute("bench", "adam-2000x100", "adam-2000x100", "--rounds", "1", "--threads", "1"))
        .isZero();
    List<String> lines = out.toString().lines().toList();
    assertThat(lines.get(0))
        .isEqualTo("adam-2000x100: 200,000 float32 elements in 2,000 tensors, 1 thread");
    assertThat(lines.get(1)).contains("median (ms)", "us/tensor", "x floor");
    assertThat(lines.get(3)).startsWith("optibridge ");
    assertThat(lines.get(8))
        .contains("Bytes copied in a step: 0", "growth of native memory in 5 steps: 0");
    assertThat(lines).hasSize(10); // title, header, rule, five contestants, copies, an empty line
  }

  @Test
  @RequiresTorch
  void json() throws IOException {
    assertThat(execute("bench", "adam-1e4", "--json", "--rounds", "2", "--threads", "2")).isZero();
    List<String> lines = out.toString().lines().toList();
    assertThat(lines).hasSize(5);
    for (String line : lines) {
      JsonNode node = new ObjectMapper().readTree(line);
      assertThat(node.get("item").asText()).isEqualTo("adam-1e4");
      assertThat(node.get("n").asLong()).isEqualTo(10_000);
      assertThat(node.get("threads").asInt()).isEqualTo(2);
      assertThat(node.get("median_ms").asDouble()).isPositive();
      assertThat(node.get("min_ms").asDouble()).isPositive();
      assertThat(node.get("copied_bytes_per_step").asLong()).isZero();
      assertThat(node.get("native_growth_bytes").asLong()).isZero();
      assertThat(node.get("ratios").size()).isEqualTo(4);
      assertThat(node.get("ratios").has("floor"))
          .isNotEqualTo(line.contains("\"contestant\":\"floor\""));
    }
  }
}
