package org.optibridge.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/** Bytes from whoever sent them: refused by name or read, never anything else, and no leak. */
class HostileStateTest {
  private static final String GOOD = "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";
  private static final String TREE = "{'v':{'vector':['a']}}";

  private long before;

  @BeforeEach
  void remember() {
    before = NativeMemory.liveBytes();
    NativeMemory.resetPeak();
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
  }

  /** A file with these tensors, this tree (single quotes for double ones) and 8 bytes for them. */
  private static byte[] file(String tensors, String tree) {
    String text = tree.replace("'", "\\\"");
    String start = "{'__metadata__':{'format':'optibridge-state/1','state':\"" + text + "\"}";
    String rest = tensors.isEmpty() ? "}" : "," + tensors + "}";
    return framed((start + rest).replace('\'', '"'), tensors.isEmpty() ? 0 : 8);
  }

  private static byte[] framed(String json, int data) {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + data);
    return bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header).array();
  }

  private static void refused(byte[] bytes, String named) {
    assertThatThrownBy(() -> StateFormat.read(bytes).close())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(named);
  }

  @Test
  void theGoodOneIsGood() {
    StateFormat.read(file(GOOD, TREE)).close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[0,12]} | not data_offsets",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]} | not data_offsets",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[4,12]} | begins at byte 4",
        "'v/a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]} | 4 bytes, but 8 follow",
        "'v/a':{'dtype':'F32','shape':[3],'data_offsets':[0,12]} | 12 bytes, but 8 follow",
        "'v/a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]} | size",
        "'v/a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]} | whole number",
        "'v/a':{'dtype':'F32','shape':[1e400],'data_offsets':[0,8]} | whole number",
        "'v/a':{'dtype':'F32','shape':2,'data_offsets':[0,8]} | an array",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[0,8,9]} | at most 2",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[8]} | two data_offsets",
        "'v/a':{'dtype':'F32','shape':[2]} | two data_offsets",
        "'v/a':{'dtype':'I16','shape':[4],'data_offsets':[0,8]} | I16",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1} | 'x'",
        "'v/a':{'dtype':'F32','dtype':'F32','shape':[2],'data_offsets':[0,8]} | 'dtype' occurs",
        "'v/a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,8]} | too large",
        "'v/a':{'dtype':'F32','shape':[9223372036854775808],'data_offsets':[0,8]} | range",
        "'v/a':{'dtype':'F32','shape':[2],'data_offsets':[0,9223372036854775807]} | data_offsets",
        "'v/a':{'dtype':'F32','shape':[1000000000000],'data_offsets':[0,4000000000000]} | follow",
        "'v/a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'v/b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]} | overlap",
        "'v/b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]} | no tensor 'v/a'",
        "'v/a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'v/b':{'dtype':'F32','shape':[1],'data_offsets':[4,8]} | mention tensor 'v/b'",
        "'__metadata__':{} | '__metadata__' occurs twice",
        "'v/a':[[[[[[]]]]]] | an object"
      })
  void wrongHeader(String tensors, String named) {
    refused(file(tensors, TREE), named);
    assertThat(NativeMemory.peakBytes() - before).isLessThan(1 << 16);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'v':{'vector':['a','a']}} | occurs twice",
        "{'v':{'vector':['b']}} | no tensor 'v/b'",
        "{'v':{'vector':[]}} | at least one tensor",
        "{'v':{'vector':[1]}} | a text",
        "{'v':{'vector':['a']},'v':{'number':1}} | 'v' occurs twice",
        "{'v':{'vector':['a'],'number':1}} | more than one type",
        "{'v':{}} | no type",
        "{'v':{'matrix':1}} | 'matrix'",
        "{'v':{'vector':['a']},'n':{'number':'1'}} | no number",
        "{'v':{'vector':['a']},'n':{'number':1e999}} | float64",
        "{'v':{'vector':['a']},'n':{'number':NaN}} | valid JSON",
        "{'v':{'vector':['a']},'n':{'text':null}} | a text",
        "{'v':{'vector':['a']},'n':{'spec':[]}} | at least one tensor",
        "{'v':{'vector':['a']},'n':{'spec':[{'name':'w'}]}} | needs name",
        "{'v':{'vector':['a']},'n':{'json':1}} | an object or an array",
        "{'v':{'vector':['a']},'n':{'json':null}} | an object or an array",
        "{'v':{'vector':['a']},'n':{'json':[1e999]}} | float64",
        "{'v':{'vector':['a']},'n':{'json':[9223372036854775808]}} | range",
        "{'v':{'vector':['a']},'n':{'json':{'k':1,'k':2}}} | 'k' occurs twice",
        "{'v':{'vector':['a']},'n':{'json':[NaN]}} | valid JSON",
        "{'v':{'vector':['a']},'n':{'json':[1,]}} | valid JSON",
        "{'v':{'vector':['a']}} {} | nothing more",
        "[] | an object",
        "{'v':{'vector':['a']} | valid JSON"
      })
  void wrongTree(String tree, String named) {
    refused(file(GOOD, tree), named);
  }

  @Test
  void wrongSpecs() {
    for (String wrong :
        new String[] {
          "{'name':'w','dtype':'int8','device':'cpu','shape':[]}",
          "{'name':'w','dtype':'float32','device':'tpu','shape':[]}",
          "{'name':'w','dtype':'float32','device':'cuda:99999','shape':[]}",
          "{'name':'','dtype':'float32','device':'cpu','shape':[]}",
          "{'name':'w','dtype':'float32','device':'cpu','shape':[-1]}",
          "{'name':'w','dtype':'float32','device':'cpu','shape':[9000000000000000000]}",
          "{'name':'w','dtype':'float32','device':'cpu','shape':[],'more':1}"
        }) {
      byte[] bytes = file(GOOD, "{'v':{'vector':['a']},'s':{'spec':[" + wrong + "]}}");
      assertThatThrownBy(() -> StateFormat.read(bytes))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, 64 << 20, (64 << 20) + 1, 1L << 32, Long.MAX_VALUE, 1000})
  void wrongLength(long length) {
    byte[] bytes = file(GOOD, TREE);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    refused(bytes, "header's length");
  }

  @Test
  void notAState() {
    refused(new byte[0], "0 bytes");
    refused(new byte[8], "header's length");
    refused(framed("{}", 0), "no format");
    refused(framed("[]", 0), "'{'");
    refused(framed(" {}", 0), "'{'");
    refused(framed("{\"__metadata__\":{\"format\":\"pt\"}}", 0), "'pt'");
    refused(framed("{\"__metadata__\":{\"format\":1}}", 0), "a text");
    byte[] notUnicode = file(GOOD, TREE);
    notUnicode[20] = (byte) 0xff;
    refused(notUnicode, "UTF-8");
    refused(file(GOOD, "{'\\\\ud800':{'vector':['a']}}"), "surrogate");
  }

  @Test
  void depthAndCountsAreBounded() {
    refused(file("", "{'d':{'state':".repeat(65) + "{}" + "}}".repeat(65)), "64 levels");
    refused(file("", "{'d':{'state':".repeat(60_000)), "");
    refused(framed("{\"a\":" + "[".repeat(1 << 20), 0), "");
    refused(file("", "{'d':{'json':" + "[".repeat(65) + "]".repeat(65) + "}}"), "64 levels");
    StateFormat.read(file("", "{'d':{'json':" + "[".repeat(64) + "]".repeat(64) + "}}")).close();
    String many = "[" + "0,".repeat(1 << 20) + "0]";
    refused(file("", "{'d':{'json':" + many + "}}"), "1048576 values");
    refused(
        file("'v':{'dtype':'F32','shape':[" + "1,".repeat(64) + "1],'data_offsets':[0,4]}", TREE),
        "at most 64");
    String states = repeated("'%d':{'state':{}}", (1 << 18) + 1);
    refused(file("", "{" + states + "}"), "262144 entries");
    String tensors =
        repeated("'%d':{'dtype':'F32','shape':[0],'data_offsets':[0,0]}", 1 + (1 << 18));
    refused(file(tensors, "{}"), "262144 tensors");
    String texts = repeated("'%d':''", 1025);
    refused(framed(("{'__metadata__':{" + texts + "}}").replace('\'', '"'), 0), "1024 texts");
  }

  /** Comma-separated copies, each with its number. */
  private static String repeated(String form, int count) {
    String[] halves = form.split("%d", -1);
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < count; i++) {
      all.append(i == 0 ? "" : ",").append(halves[0]).append(i).append(halves[1]);
    }
    return all.toString();
  }

  @Test
  void messagesStayShort() {
    String tree = "{'v':{'vector':['" + "a".repeat(1 << 20) + "']}}";
    assertThatThrownBy(() -> StateFormat.read(file(GOOD, tree)))
        .satisfies(e -> assertThat(e.getMessage().length()).isBetween(100, 2000))
        .hasNoCause();
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] bytes = file(GOOD, TREE);
    for (int length = 0; length < bytes.length; length++) {
      refused(Arrays.copyOf(bytes, length), "");
    }
    refused(Arrays.copyOf(bytes, bytes.length + 1), "but 9 follow");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void garbledBytesAreRefusedOrRead(long seed) {
    byte[] good;
    try (Vector vector = States.vector(3);
        State inner = new State().put("m", vector).put("t", "x").put("n", 0.5);
        State state = new State().put("a/b", inner).put("s", vector.spec())) {
      good = StateFormat.write(state);
    }
    Random random = new Random(seed);
    int read = 0;
    int trials = 5000;
    for (int trial = 0; trial < trials; trial++) {
      byte[] bytes = good.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        int at = random.nextInt(random.nextBoolean() ? bytes.length : 200);
        bytes[at] =
            random.nextBoolean()
                ? (byte) random.nextInt()
                : (byte) (bytes[at] ^ 1 << random.nextInt(8));
      }
      if (random.nextInt(8) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 100));
      }
      read += readOrRefused(bytes);
    }
    assertThat(read).isBetween(1, trials - 1);
  }

  private static int readOrRefused(byte[] bytes) {
    try (State state = StateFormat.read(bytes)) {
      // A valid state: it can be written again and is the same.
      try (State again = StateFormat.read(StateFormat.write(state))) {
        States.same("", again, state);
      }
      return 1;
    } catch (IllegalArgumentException e) {
      assertThat(e.getMessage()).isNotBlank();
      return 0;
    }
  }
}
