package org.optibridge.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.memory.ClosedException;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Momentum;
import org.optibridge.modules.ScaffoldAuxVar;
import org.optibridge.modules.ScaffoldClient;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** States as bytes and files: what comes back, and what the bytes look like to others. */
class StateFormatTest {
  @TempDir private Path folder;

  @Test
  void everythingComesBackBitByBit() throws IOException {
    long before = NativeMemory.liveBytes();
    Path file = folder.resolve("état.safetensors");
    try (State state = States.rich();
        State fromBytes = StateFormat.read(StateFormat.write(state))) {
      States.same("", fromBytes, state);
      StateFormat.write(state, file);
      try (State fromFile = StateFormat.read(file)) {
        States.same("", fromFile, state);
      }
      assertThat(Files.readAllBytes(file)).isEqualTo(StateFormat.write(fromBytes));
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
  }

  /** Every pattern of 16 bits, NaN too. */
  @Test
  void tensorsOfSixteenBitsComeBackBitByBit() {
    for (DType dtype : List.of(DType.FLOAT16, DType.BFLOAT16)) {
      ByteBuffer patterns = ByteBuffer.allocateDirect(2 << 16).order(ByteOrder.nativeOrder());
      for (int i = 0; i < 1 << 16; i++) {
        patterns.putShort((short) i);
      }
      patterns.flip();
      Vector vector = Vector.builder().wrap("h", patterns, dtype, 1 << 16).build();
      try (State state = new State().put("v", vector)) {
        byte[] bytes = StateFormat.write(state);
        assertThat(new String(bytes, StandardCharsets.ISO_8859_1))
            .contains(dtype == DType.FLOAT16 ? "\"F16\"" : "\"BF16\"");
        try (State read = StateFormat.read(bytes)) {
          Vector back = read.vector("v");
          assertThat(back.spec()).isEqualTo(vector.spec());
          assertThat(NativeBlock.view(back.address("h"), 2 << 16)).isEqualTo(patterns);
        }
      }
    }
  }

  @Test
  void emptyStateComesBack() {
    try (State state = new State();
        State read = StateFormat.read(StateFormat.write(state))) {
      assertThat(read.keys()).isEmpty();
    }
  }

  @Test
  void anOptimizerGoesOnFromAFile() throws IOException {
    Path file = folder.resolve("optimizer.safetensors");
    try (Vector weights = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
        Vector gradients = Vector.builder().copy("w", new float[] {.5f, -1, 2}, 3).build();
        Optimizer first = optimizer();
        Optimizer second = optimizer()) {
      first.step(weights, gradients);
      try (State state = first.getState()) {
        StateFormat.write(state, file);
      }
      try (State state = StateFormat.read(file)) {
        second.setState(state);
      }
      try (Vector one = first.computeUpdates(weights, gradients);
          Vector other = second.computeUpdates(weights, gradients)) {
        assertThat(other.toFloats("w")).isEqualTo(one.toFloats("w"));
      }
    }
  }

  private static Optimizer optimizer() {
    return Optimizer.builder()
        .learningRate(0.1)
        .module(new ScaffoldClient("a"))
        .module(new Momentum(0.9, true, false))
        .build();
  }

  @Test
  void layoutIsThatOfSafetensors() throws IOException {
    byte[] bytes;
    try (State state =
        new State()
            .put("n", 2.5)
            .put(
                "m/x",
                new State()
                    .put(
                        "v~",
                        Vector.builder()
                            .copy("a", new float[] {1, 2, 3}, 3)
                            .copy("b", new double[] {7}, 1, 1)
                            .build()))) {
      bytes = StateFormat.write(state);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) buffer.getLong();
    assertThat(length % 8).isZero();
    JsonNode header =
        new ObjectMapper().readTree(new String(bytes, 8, length, StandardCharsets.UTF_8));
    JsonNode a = header.get("m~1x/v~0/a");
    JsonNode b = header.get("m~1x/v~0/b");
    assertThat(a.toString()).isEqualTo("{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]}");
    assertThat(b.toString())
        .isEqualTo("{\"dtype\":\"F64\",\"shape\":[1,1],\"data_offsets\":[0,8]}");
    assertThat(header.get("__metadata__").get("format").asText()).isEqualTo("optibridge-state/1");
    JsonNode tree = new ObjectMapper().readTree(header.get("__metadata__").get("state").asText());
    assertThat(tree.get("n").get("number").asDouble()).isEqualTo(2.5);
    assertThat(buffer.getDouble(8 + length)).isEqualTo(7);
    assertThat(buffer.getFloat(8 + length + 16)).isEqualTo(3);
    assertThat(bytes).hasSize(8 + length + 20);
  }

  /** As another writer would: other order of keys, of fields and of elements, no padding. */
  @Test
  void readsWhatOtherToolsWrite() {
    String json =
        """
        {"v/b":{"data_offsets":[8,16],"shape":[],"dtype":"F64"}, "__metadata__": {"state":
        "{\\"v\\":{\\"vector\\":[\\"b\\",\\"a\\"]},\\"i\\":{\\"number\\":3}}",
        "format":"optibridge-state/1","by":"hand"},
        "v/a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(header.length).put(header).putFloat(1.5f).putFloat(-2).putDouble(Math.E);
    try (State state = StateFormat.read(bytes.array())) {
      assertThat(List.copyOf(state.keys())).containsExactly("v", "i");
      assertThat(state.number("i")).isEqualTo(3);
      assertThat(state.vector("v").spec().names()).containsExactly("b", "a");
      assertThat(state.vector("v").toFloats("a")).containsExactly(1.5f, -2);
      assertThat(state.vector("v").toDoubles("b")).containsExactly(Math.E);
    }
  }

  @Test
  void failedWriteLeavesTheOldFile() throws IOException {
    Path file = folder.resolve("s");
    try (State old = new State().put("n", 1)) {
      StateFormat.write(old, file);
    }
    byte[] before = Files.readAllBytes(file);
    Vector gone = Vector.builder().copy("w", new float[1000], 1000).build();
    try (State state = new State().put("first", States.vector(1)).put("gone", gone)) {
      gone.close();
      assertThatThrownBy(() -> StateFormat.write(state, file)).isInstanceOf(ClosedException.class);
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    try (State next = new State().put("n", 2)) {
      StateFormat.write(next, file);
      Path noFolder = folder.resolve("missing/s");
      assertThatThrownBy(() -> StateFormat.write(next, noFolder))
          .isInstanceOf(NoSuchFileException.class);
      Path taken = Files.createDirectory(folder.resolve("taken"));
      assertThatThrownBy(() -> StateFormat.write(next, taken)).isInstanceOf(IOException.class);
    }
    try (State read = StateFormat.read(file);
        Stream<Path> files = Files.list(folder)) {
      assertThat(read.number("n")).isEqualTo(2);
      assertThat(files.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("s", "taken");
    }
  }

  @Test
  void nameAsLongAsTheFileSystemAllows() throws IOException {
    Path file = folder.resolve("n".repeat(255));
    try (State state = new State().put("n", 1)) {
      StateFormat.write(state, file);
    }
    StateFormat.read(file).close();
  }

  @Test
  void errorsOfFilesNameTheFile() throws IOException {
    Path file = Files.write(folder.resolve("short"), new byte[3]);
    assertThatThrownBy(() -> StateFormat.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("3 bytes");
    assertThatThrownBy(() -> StateFormat.read(folder.resolve("none")))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void whatCouldNotBeReadBackIsNotWritten() {
    try (Vector stored = States.vector(1);
        State expression = new State().put("v", stored.plus(1));
        State surrogate = new State().put("half \ud83d", 1);
        State text = new State().put("t", "\udc00")) {
      for (State wrong : List.of(expression, surrogate, text)) {
        assertThatThrownBy(() -> StateFormat.write(wrong))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
    State deep = new State();
    for (int i = 0; i < 64; i++) {
      deep = new State().put("down", deep);
    }
    State tooDeep = deep;
    assertThatThrownBy(() -> StateFormat.write(tooDeep))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("64 levels");
    State allowed = deep.state("down");
    try (State read = StateFormat.read(StateFormat.write(allowed))) {
      States.same("", read, allowed);
    }
    try (State ranks =
        new State().put("v", Vector.builder().copy("w", new float[1], ones(65)).build())) {
      assertThatThrownBy(() -> StateFormat.write(ranks)).hasMessageContaining("64 extents");
    }
    try (State ranks =
            new State().put("v", Vector.builder().copy("w", new float[1], ones(64)).build());
        State read = StateFormat.read(StateFormat.write(ranks))) {
      States.same("", read, ranks);
    }
  }

  private static long[] ones(int count) {
    long[] ones = new long[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  @Test
  void auxiliaryVariablesNeedARegisteredKind() {
    try (ScaffoldAuxVar aux = ScaffoldAuxVar.ofState(null);
        State unknown = new State().put("scaffold", scaffold()).put("telepathy", new State());
        State number = new State().put("scaffold", 1)) {
      assertThatThrownBy(() -> StateFormat.writeAux(Map.of("x", aux)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'x'");
      long before = NativeMemory.liveBytes();
      assertThatThrownBy(() -> StateFormat.readAux(StateFormat.write(unknown)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'telepathy'")
          .hasMessageContaining("scaffold");
      assertThatThrownBy(() -> StateFormat.readAux(StateFormat.write(number)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(NativeMemory.liveBytes()).isEqualTo(before);
    }
    assertThat(StateFormat.readAux(StateFormat.writeAux(Map.of()))).isEmpty();
  }

  private static State scaffold() {
    return new State().put("state", Vector.builder().copy("w", new float[2], 2).build());
  }
}
