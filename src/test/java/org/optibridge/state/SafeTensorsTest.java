package org.optibridge.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.State;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Files of weights, from Python and back, and files that are none. */
@ExtendWith(NoLeaks.class)
class SafeTensorsTest {
  private static final Path RECORDED =
      Path.of("src/test/resources/golden/native/state/files/nadam-float32.safetensors");

  /** Bits, names and order come back, however odd. */
  @Test
  void everyBitComesBack(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("weights.safetensors");
    Map<String, String> metadata = Map.of("format", "pt", "é/~", "\u0000\"名", "", "");
    try (Vector vector = States.vector(7)) {
      SafeTensors.write(vector, metadata, file);
      assertThat(Files.readAllBytes(file)).isEqualTo(SafeTensors.write(vector, metadata));
      try (SafeTensors read = SafeTensors.read(file);
          SafeTensors again = SafeTensors.read(Files.readAllBytes(file));
          State one = new State().put("v", read.vector().materialize());
          State same = new State().put("v", again.vector().materialize());
          State expected = new State().put("v", vector.materialize())) {
        assertThat(read.metadata()).isEqualTo(metadata);
        States.same("", one, expected);
        States.same("", same, expected);
      }
    }
  }

  @Test
  void aFileOfPythonsIsRead() throws IOException {
    try (SafeTensors file = SafeTensors.read(RECORDED)) {
      assertThat(file.metadata().get("info")).contains("\"torch.optim.NAdam\"");
      assertThat(file.vector().spec().get("param.k").shape()).containsExactly(2, 1, 3);
      assertThat(file.vector().spec().get("state.3.mu_product").shape()).isEmpty();
      assertThat(file.vector().toFloats("state.2.step")).containsExactly(6);
      assertThat(file.vector().spec().size()).isEqualTo(20);
    }
    try (SafeTensors weights = SafeTensors.read(RECORDED, name -> name.startsWith("param."))) {
      assertThat(weights.vector().spec().names())
          .containsExactly("param.b", "param.k", "param.s", "param.w");
    }
    assertThatThrownBy(() -> SafeTensors.read(RECORDED, name -> false))
        .hasMessageContaining("nadam-float32.safetensors: The file has no tensor that is wanted");
  }

  private static byte[] file(String json, int data) {
    byte[] header = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    ByteBuffer all = ByteBuffer.allocate(8 + header.length + data).order(ByteOrder.LITTLE_ENDIAN);
    return all.putLong(header.length).put(header).array();
  }

  private static final String COUNTED =
      "{'n':{'dtype':'I64','shape':[1],'data_offsets':[0,8]},"
          + "'w':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}";

  @Test
  void otherDtypesAreLeftOutOrRefused(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("counted"), file(COUNTED, 16));
    assertThatThrownBy(() -> SafeTensors.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'n'")
        .hasMessageContaining("'I64'")
        .hasMessageContaining("F32");
    try (SafeTensors read = SafeTensors.read(file, name -> !name.equals("n"))) {
      assertThat(read.vector().spec().names()).containsExactly("w");
      assertThat(read.vector().spec().get("w").dtype()).isEqualTo(DType.FLOAT32);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | 0 | no tensor",
        "{'__metadata__':{'a':'b'}} | 0 | no tensor",
        "{'__metadata__':{'a':1}} | 0 | a text",
        "{'':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 4 | a name",
        "{'w':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 8 | but 8 follow",
        "{'w':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 3 | but 3 follow",
        "{'x':{'dtype':'I8','shape':[4],'data_offsets':[4,0]},"
            + "'w':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 4 | data_offsets",
        "{'x':{'dtype':'I8','shape':[2],'data_offsets':[0,2]},"
            + "'w':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 4 | overlap",
        "{'x':{'dtype':'I8'},'w':{'dtype':'F32','shape':[],'data_offsets':[0,4]}} | 4 | needs",
        "{'w':{'dtype':'F32','shape':[1000000,1000000],'data_offsets':[0,4]}} | 4 | data_offsets",
        "[] | 0 | '{'"
      })
  void badFilesAreRefusedBeforeMemoryIsTaken(
      String json, int data, String text, @TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("bad"), file(json, data));
    long bytes = NativeMemory.liveBytes();
    NativeMemory.resetPeak();
    assertThatThrownBy(() -> SafeTensors.read(file, name -> !name.equals("x")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("bad")
        .hasMessageContaining(text);
    assertThat(NativeMemory.peakBytes() - bytes).isLessThan(1 << 16);
    byte[] good = file(COUNTED, 16);
    for (int length = 0; length < good.length; length += 7) {
      byte[] cut = Arrays.copyOf(good, length);
      assertThatThrownBy(() -> SafeTensors.read(cut)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void whatCantBeWrittenLeavesTheOldFile(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("weights"), "old");
    try (Vector odd = Vector.builder().allocate("__metadata__", DType.FLOAT32, 1).build();
        Vector half = Vector.builder().allocate("\ud800", DType.FLOAT32, 1).build();
        Vector fine = Vector.builder().allocate("w", DType.FLOAT32, 1).build()) {
      assertThatThrownBy(() -> SafeTensors.write(odd, Map.of(), file))
          .hasMessageContaining("'__metadata__'");
      assertThatThrownBy(() -> SafeTensors.write(half, Map.of(), file))
          .hasMessageContaining("surrogate");
      assertThatThrownBy(() -> SafeTensors.write(fine.times(2), Map.of(), file))
          .hasMessageContaining("materialize()");
      assertThatThrownBy(() -> SafeTensors.write(fine, Map.of("k", "\udc00"), file))
          .hasMessageContaining("surrogate");
      assertThatThrownBy(() -> SafeTensors.write(fine, Map.of(), folder.resolve("no/such")))
          .isInstanceOf(NoSuchFileException.class);
    }
    assertThat(Files.readString(file)).isEqualTo("old");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
    assertThatThrownBy(() -> SafeTensors.read(folder.resolve("none")))
        .isInstanceOf(NoSuchFileException.class);
  }
}
