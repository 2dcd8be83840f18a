package org.optibridge.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

class BenchItemsTest {
  @Test
  void namesAreFoundAndAreDistinct() {
    assertThat(BenchItems.ALL).extracting(BenchItem::name).doesNotHaveDuplicates();
    for (BenchItem item : BenchItems.ALL) {
      assertThat(BenchItems.find(item.name())).containsSame(item);
    }
    assertThat(BenchItems.find("adam-1e5")).isEmpty();
  }

  @Test
  void defaultsAreItemsThatFitInLittleMemory() {
    assertThat(BenchItems.defaults())
        .extracting(BenchItem::name)
        .containsExactly("adam-1e4", "adam-1e7", "adam-2000x100", "pipeline-1e7");
    assertThat(BenchItems.defaults())
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
    VectorSpec model = Models.many(2000, 100);
    assertThat(model.size()).isEqualTo(2000);
    assertThat(model.tensors()).extracting(TensorSpec::numel).containsOnly(100L);
  }

  @Test
  void memoryIsEstimatedBeforeAnythingIsAllocated() {
    // Four contestants with four buffers and three temporaries, as a bound.
    assertThat(BenchItems.find("adam-1e8").orElseThrow().bytesNeeded()).isEqualTo(7_600_000_000L);
    assertThat(BenchItems.find("memory-1e8").orElseThrow().bytesNeeded()).isEqualTo(2_000_000_000L);
  }
}
