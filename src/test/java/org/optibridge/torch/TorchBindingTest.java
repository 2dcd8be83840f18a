package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.optibridge.modules.ClipByValue;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchBinding.Extent;
import org.optibridge.torch.TorchBinding.Kind;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** The binding that runs can be asked for, and every change of it is logged with its reason. */
@RequiresTorch
class TorchBindingTest {
  private static final int[] SMALL = {3, 65};
  private static final int[] LARGE = {20_000, 40_000};

  private final List<String> lines = new ArrayList<>();
  private final Logger logger = Logger.getLogger("org.optibridge.torch");
  private final Handler handler =
      new Handler() {
        private final SimpleFormatter formatter = new SimpleFormatter();

        @Override
        public void publish(LogRecord line) {
          lines.add(formatter.formatMessage(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    handler.setLevel(Level.ALL);
    logger.addHandler(handler);
    logger.setLevel(Level.FINE); // DEBUG of System.Logger
    logger.setUseParentHandlers(false);
  }

  @AfterEach
  void stopListening() {
    logger.removeHandler(handler);
    logger.setLevel(null);
    logger.setUseParentHandlers(true);
  }

  /** Steps twice; the second time nothing is new. */
  private void runs(
      TorchOptiModule module, OptimizerBuilder builder, int[] sizes, Kind kind, Extent extent) {
    assertThat(module.binding()).isNull();
    try (Optimizer optimizer = builder.learningRate(0.1).build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, sizes);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, sizes)) {
      optimizer.step(params, gradients);
      assertThat(module.binding()).isEqualTo(new TorchBinding(kind, extent));
      assertThat(lines).hasSize(1);
      optimizer.step(params, gradients);
      assertThat(lines).hasSize(1);
    }
  }

  @Test
  void inPlaceWholeTensors() {
    TorchOptiModule module = TorchOptiModule.of("AdamW");
    runs(module, Optimizer.builder().module(module), LARGE, Kind.IN_PLACE, Extent.WHOLE_TENSORS);
    assertThat(lines.get(0))
        .isEqualTo(
            "torch.optim.AdamW steps in place, whole tensors: it ends the pipeline; the gradients"
                + " are in memory");
  }

  @Test
  void inPlaceInBlocks() {
    TorchOptiModule module = TorchOptiModule.of("AdamW");
    OptimizerBuilder builder = Optimizer.builder().module(new ClipByValue(1)).module(module);
    runs(module, builder, LARGE, Kind.IN_PLACE, Extent.BLOCKS);
    assertThat(lines.get(0))
        .contains("in place, in blocks of the sweep: it ends the pipeline; large tensors");
  }

  @Test
  void directionOfWholeTensors() {
    TorchOptiModule module = TorchOptiModule.of("Adam");
    OptimizerBuilder builder = Optimizer.builder().module(module).module(new ClipByValue(1));
    runs(module, builder, SMALL, Kind.DIRECTION, Extent.WHOLE_TENSORS);
    assertThat(lines.get(0))
        .contains("direction, whole tensors: its output is asked for, and the step does not depend")
        .contains("fewer than 16384 elements on average");
  }

  @Test
  void directionInBlocks() {
    TorchOptiModule module = TorchOptiModule.of("Adam");
    OptimizerBuilder builder = Optimizer.builder().module(module).weightDecay(0.01);
    runs(module, builder, LARGE, Kind.DIRECTION, Extent.BLOCKS);
  }

  @Test
  void parameterAwareWholeTensors() {
    TorchOptiModule module = TorchOptiModule.of("Adafactor");
    OptimizerBuilder builder = Optimizer.builder().module(module).weightDecay(0.01);
    runs(module, builder, LARGE, Kind.PARAMETER_AWARE, Extent.WHOLE_TENSORS);
    assertThat(lines.get(0))
        .contains("parameter-aware direction")
        .contains("the step depends on the weights; the step is one of whole tensors");
  }

  @Test
  void parameterAwareInBlocks() {
    TorchOptiModule module = TorchOptiModule.of("AdamW");
    OptimizerBuilder builder = Optimizer.builder().module(module).module(new ClipByValue(1));
    runs(module, builder, LARGE, Kind.PARAMETER_AWARE, Extent.BLOCKS);
  }

  @Test
  void everyChangeIsLogged() {
    try (TorchOptiModule module = TorchOptiModule.of("AdamW", Map.of("fused", false));
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, SMALL);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, SMALL)) {
      module.run(gradients, null);
      assertThat(module.binding().kind()).isEqualTo(Kind.DIRECTION);
      module.run(gradients, params);
      assertThat(module.binding().kind()).isEqualTo(Kind.PARAMETER_AWARE);
      module.setOptions(Map.of("weight_decay", 0.0));
      module.run(gradients, params);
      assertThat(module.binding().kind()).isEqualTo(Kind.DIRECTION);
      module.stepInPlace(params, gradients, 0.1);
      assertThat(module.binding().kind()).isEqualTo(Kind.IN_PLACE);
      assertThat(lines).hasSize(4);
      assertThat(lines.get(0))
          .contains("no weights are at hand; the tensors have fewer than 16384");
      assertThat(lines.get(2)).contains("the step does not depend on the weights");
    }
  }
}
