package org.optibridge.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

class BenchItemsTest {
  @Test
  void namesAreFoundAndAreDistinct() {
    assertThat(BenchItems.all().items()).extracting(BenchItem::name).doesNotHaveDuplicates();
    BenchItems all = BenchItems.all();
    for (BenchItem item : all.items()) {
      assertThat(all.find(item.name())).containsSame(item);
    }
    assertThat(all.find("adam-1e5")).isEmpty();
  }

  @Test
  @RequiresTorch
  void defaultsAreItemsThatFitInLittleMemory() {
    assertThat(BenchItems.all().defaults())
        .extracting(BenchItem::name)
        .containsExactly("adam-1e4", "adam-1e7", "adam-2000x100", "pipeline-1e7");
    assertThat(BenchItems.all().defaults())
        .allSatisfy(item -> assertThat(item.bytesNeeded()).isLessThan(2_000_000_000L));
  }

  @Test
  void gpt2() {
    VectorSpec model = Models.gpt2();
    assertThat(model.size()).isEqualTo(148);
    assertThat(model.numel()).isEqualTo(124_439_808);
    assertThat(model.get("h.11.attn.c_attn.weight").shape()).containsExactly(768, 2304);
  }

  @Test
  void resnet50() {
    VectorSpec model = Models.resnet50();
    assertThat(model.size()).isEqualTo(161);
    assertThat(model.numel()).isEqualTo(25_557_032);
    assertThat(model.get("layer3.0.conv2.weight").shape()).containsExactly(256, 256, 3, 3);
    assertThat(model.get("layer4.0.downsample.0.weight").shape()).containsExactly(2048, 1024, 1, 1);
  }

  @Test
  void manyTensors() {
    VectorSpec model = Models.matrices(2000, 10, 10);
    assertThat(model.size()).isEqualTo(2000);
    assertThat(model.tensors()).extracting(TensorSpec::numel).containsOnly(100L);
  }

  @Test
  @RequiresTorch
  void memoryIsEstimatedBeforeAnythingIsAllocated() {
    // Five contestants with four buffers and three temporaries, as a bound.
    BenchItems all = BenchItems.all();
    assertThat(all.find("adam-1e8").orElseThrow().bytesNeeded()).isEqualTo(9_200_000_000L);
    assertThat(all.find("memory-1e8").orElseThrow().bytesNeeded()).isEqualTo(2_000_000_000L);
  }
}
