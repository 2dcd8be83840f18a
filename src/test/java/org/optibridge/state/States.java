package org.optibridge.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.NativeBlock;
import org.optibridge.optimizer.State;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** States to write, and what it means that two are the same. */
final class States {
  static final List<String> ODD_NAMES =
      List.of(
          "",
          " ",
          "a.b",
          "a/b",
          "~",
          "~1",
          "~0",
          "/",
          "//",
          "\u0000\n\t\"\\",
          "é",
          "名",
          "😀",
          "__metadata__",
          "state",
          "number",
          "0:adam",
          "x".repeat(60_000));

  private States() {}

  /** Every type of entry, odd names at every level, both dtypes, scalars and empty tensors. */
  static State rich() {
    State state = new State().put("steps", 12).put("first", -0.0).put("empty", new State());
    for (double number :
        new double[] {
          Double.NaN,
          Double.POSITIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.MIN_VALUE,
          Double.MAX_VALUE,
          0.1,
          1e22,
          Math.PI
        }) {
      state.put("number " + number, number);
    }
    State odd = new State();
    for (String name : ODD_NAMES) {
      State inner = new State().put("text", name).put(name, vector(name.length()));
      odd.put(name, inner);
    }
    Map<String, Object> plain = new LinkedHashMap<>();
    plain.put("none", null);
    plain.put("whole", List.of(Long.MAX_VALUE, Long.MIN_VALUE, 0L));
    plain.put("numbers", List.of(-0.0, 1e-8, 1.0, Double.MIN_VALUE, Double.MAX_VALUE));
    ODD_NAMES.forEach(name -> plain.put("odd " + name, Map.of(name, List.of(true, name))));
    return state
        .put("plain", plain)
        .put("list", List.of(List.of(), Map.of(), "x"))
        .put("odd", odd)
        .put("spec", odd.state("é").vector("é").spec())
        .put(
            "on gpu",
            new VectorSpec(
                List.of(new TensorSpec("w", DType.FLOAT32, new Device(Device.Kind.CUDA, 1), 2))))
        .put("last", "fin");
  }

  /** Tensors whose bits a careless copy would change. */
  static Vector vector(int seed) {
    return Vector.builder()
        .copy(
            "f32",
            new float[] {
              Float.intBitsToFloat(0x7fa00001 + seed),
              Float.intBitsToFloat(0xffc12345),
              Float.NEGATIVE_INFINITY,
              -0.0f,
              Float.MIN_VALUE,
              seed
            },
            2,
            1,
            3)
        .copy("a/b~", new float[] {seed}, 1)
        .copy(
            "f64",
            new double[] {
              Double.longBitsToDouble(0x7ff4000000000001L + seed), -0.0, Double.MAX_VALUE
            },
            3)
        .allocate("none", DType.FLOAT64, 3, 0, 2)
        .allocate("none32", DType.FLOAT32, 0)
        .copy("scalar", new double[] {1.0 / 3})
        .build();
  }

  /** Checks that names, order, types, numbers and the bits of all elements are the same. */
  static void same(String path, State actual, State expected) {
    assertThat(List.copyOf(actual.keys())).as(path).isEqualTo(List.copyOf(expected.keys()));
    for (String key : expected.keys()) {
      String where = path + "/" + key;
      Object wanted = expected.value(key);
      if (wanted instanceof State state) {
        same(where, actual.state(key), state);
      } else if (wanted instanceof Vector vector) {
        assertThat(actual.vector(key).spec()).as(where).isEqualTo(vector.spec());
        for (TensorSpec tensor : vector.spec().tensors()) {
          assertThat(bits(actual.vector(key), tensor)).as(where).isEqualTo(bits(vector, tensor));
        }
      } else {
        assertThat(actual.value(key)).as(where).isEqualTo(wanted);
      }
    }
  }

  private static byte[] bits(Vector vector, TensorSpec tensor) {
    byte[] bits = new byte[(int) tensor.bytes()];
    if (bits.length > 0) {
      ByteBuffer view = NativeBlock.view(vector.address(tensor.name()), bits.length);
      view.get(bits);
    }
    return bits;
  }
}
