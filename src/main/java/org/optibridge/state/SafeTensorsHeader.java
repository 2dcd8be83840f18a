package org.optibridge.state;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;

/**
 * What precedes the elements in a file of the safetensors format: 8 bytes of length, little-endian,
 * then that many bytes of JSON, which give each tensor's dtype, shape and place, and a map of texts
 * under {@code __metadata__}. The places fill the rest of the file without gap or overlap.
 *
 * @param slots the tensors by key
 * @param metadata texts by key
 */
record SafeTensorsHeader(Map<String, Slot> slots, Map<String, String> metadata) {
  /** The longest JSON that is written or read. */
  static final int MAX_JSON = 64 << 20;

  /** The most extents that a tensor has. */
  static final int MAX_RANK = 64;

  /** The most tensors, and the most entries of a state. */
  static final int MAX_ENTRIES = 1 << 18;

  /** The most texts in the metadata. */
  static final int MAX_METADATA = 1024;

  static final int LENGTH_BYTES = Long.BYTES;
  static final String METADATA = "__metadata__";
  static final String DTYPE = "dtype";
  static final String SHAPE = "shape";
  static final String OFFSETS = "data_offsets";

  private static final Map<DType, String> CODES =
      Map.of(
          DType.FLOAT32, "F32", DType.FLOAT64, "F64", DType.FLOAT16, "F16", DType.BFLOAT16, "BF16");

  /**
   * A tensor's place.
   *
   * @param tensor its key as name, dtype and shape
   * @param begin of its elements, in bytes after the header
   */
  record Slot(TensorSpec tensor, long begin) {
    long end() {
      return begin + tensor.bytes();
    }
  }

  /**
   * Lays out tensors one after the other, those of larger elements first, so all are aligned;
   * listed in the order in which they are given.
   */
  static SafeTensorsHeader layOut(List<TensorSpec> tensors, Map<String, String> metadata) {
    List<TensorSpec> sorted = new ArrayList<>(tensors);
    sorted.sort(Comparator.comparing(tensor -> -tensor.dtype().bytes()));
    Map<String, Slot> slots = new LinkedHashMap<>();
    tensors.forEach(tensor -> slots.put(tensor.name(), new Slot(tensor, 0)));
    long next = 0;
    for (TensorSpec tensor : sorted) {
      slots.put(tensor.name(), new Slot(tensor, next));
      next += tensor.bytes();
    }
    return new SafeTensorsHeader(slots, metadata);
  }

  /** The tensors in the order of their places. */
  List<Slot> placed() {
    return slots.values().stream()
        .sorted(Comparator.comparingLong(Slot::begin).thenComparingLong(Slot::end))
        .toList();
  }

  /** Bytes of all elements. */
  long dataBytes() {
    return slots.values().stream().mapToLong(slot -> slot.tensor().bytes()).sum();
  }

  /** The JSON, padded with spaces so that the elements begin at a multiple of 8. */
  byte[] json() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put(METADATA, metadata);
    slots.forEach((key, slot) -> all.put(key, entry(slot)));
    byte[] text = StrictJson.write(all).getBytes(StandardCharsets.UTF_8);
    int padded = (text.length + 7) / 8 * 8;
    if (padded > MAX_JSON) {
      throw new IllegalArgumentException(
          "The header of the state would have " + padded + " bytes, more than " + MAX_JSON);
    }
    byte[] json = Arrays.copyOf(text, padded);
    Arrays.fill(json, text.length, padded, (byte) ' ');
    return json;
  }

  private static Map<String, Object> entry(Slot slot) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put(DTYPE, CODES.get(slot.tensor().dtype()));
    entry.put(SHAPE, slot.tensor().shape());
    entry.put(OFFSETS, new long[] {slot.begin(), slot.end()});
    return entry;
  }

  /** The type that a code stands for; null if vectors have none such. */
  static @Nullable DType dtype(String code) {
    for (DType dtype : DType.values()) {
      if (code.equals(CODES.get(dtype))) {
        return dtype;
      }
    }
    return null;
  }

  /** The codes that are read, for messages. */
  static List<String> codes() {
    return CODES.values().stream().sorted().toList();
  }
}
