package org.optibridge.state;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;

/** Reads and checks a header, so that memory is only asked for when the bytes to fill it exist. */
final class SafeTensorsParser {
  private static final String WHAT = "The header";

  /** Where the elements of a tensor lie, wanted or not. */
  private record Place(String tensor, long begin, long end) {}

  private final Predicate<String> wanted;
  private final List<Place> places = new ArrayList<>();
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private SafeTensorsParser(Predicate<String> wanted) {
    this.wanted = wanted;
  }

  /**
   * @param length what the first 8 bytes say
   * @param total bytes of the whole file
   * @return the length, checked
   */
  static int requireLength(long length, long total) {
    // Read as signed, a length beyond 2^63 is negative.
    if (length < 2 || length > SafeTensorsHeader.MAX_JSON) {
      throw new IllegalArgumentException(
          "The header's length is "
              + Long.toUnsignedString(length)
              + " bytes; it must be between 2 and "
              + SafeTensorsHeader.MAX_JSON);
    }
    if (length > total - SafeTensorsHeader.LENGTH_BYTES) {
      throw new IllegalArgumentException(
          "The header's length is " + length + " bytes, but there are " + total + " in all");
    }
    return (int) length;
  }

  /**
   * @param json the header without its length
   * @param dataBytes that follow it
   * @param wanted whether to keep the tensor of a key; others may have any dtype
   */
  static SafeTensorsHeader parse(ByteBuffer json, long dataBytes, Predicate<String> wanted) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(json).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(WHAT + " is no valid UTF-8", e);
    }
    if (!text.startsWith("{")) {
      throw new IllegalArgumentException(WHAT + " does not begin with '{'");
    }
    SafeTensorsParser parser = new SafeTensorsParser(wanted);
    StrictJson.read(
        text,
        WHAT,
        reader -> {
          reader.object(key -> parser.entry(reader, key));
          return parser;
        });
    parser.requireContiguous(dataBytes);
    return new SafeTensorsHeader(parser.slots, parser.metadata);
  }

  private void entry(StrictJson reader, String key) {
    if (key.equals(SafeTensorsHeader.METADATA)) {
      reader.object(name -> text(reader, name));
      return;
    }
    if (places.size() == SafeTensorsHeader.MAX_ENTRIES) {
      throw reader.error("more than " + SafeTensorsHeader.MAX_ENTRIES + " tensors");
    }
    Entry entry = new Entry();
    reader.object(name -> entry.field(reader, key, name));
    if (wanted.test(key)) {
      Slot slot = entry.slot(reader, key);
      places.add(new Place(slot.tensor().toString(), slot.begin(), slot.end()));
      slots.put(key, slot);
    } else {
      places.add(entry.place(reader, key));
    }
  }

  private void text(StrictJson reader, String name) {
    if (metadata.size() == SafeTensorsHeader.MAX_METADATA) {
      throw reader.error("more than " + SafeTensorsHeader.MAX_METADATA + " texts in the metadata");
    }
    metadata.put(name, reader.text());
  }

  /** Consumes an array of sizes. */
  static List<Long> sizes(StrictJson reader, int most) {
    List<Long> sizes = new ArrayList<>();
    reader.array(
        position -> {
          if (position == most) {
            throw reader.error("expected at most " + most + " numbers");
          }
          sizes.add(reader.size());
        });
    return sizes;
  }

  /** A tensor's entry as far as it is read. */
  private static final class Entry {
    private @Nullable String code;
    private @Nullable List<Long> shape;
    private @Nullable List<Long> offsets;

    void field(StrictJson reader, String key, String name) {
      switch (name) {
        case SafeTensorsHeader.DTYPE -> code = reader.text();
        case SafeTensorsHeader.SHAPE -> shape = sizes(reader, SafeTensorsHeader.MAX_RANK);
        case SafeTensorsHeader.OFFSETS -> offsets = sizes(reader, 2);
        default -> throw reader.error("tensor '" + key + "' has the unknown entry '" + name + "'");
      }
    }

    private IllegalArgumentException incomplete(StrictJson reader, String key) {
      return reader.error("tensor '" + key + "' needs dtype, shape and two data_offsets");
    }

    /** Of a tensor that is left out: its dtype need not be known. */
    Place place(StrictJson reader, String key) {
      if (code == null || shape == null || offsets == null || offsets.size() != 2) {
        throw incomplete(reader, key);
      }
      Place place = new Place("'" + key + "'", offsets.get(0), offsets.get(1));
      if (place.end() < place.begin()) {
        throw reader.error("tensor '" + key + "' has the data_offsets " + offsets);
      }
      return place;
    }

    Slot slot(StrictJson reader, String key) {
      if (code == null || shape == null || offsets == null || offsets.size() != 2) {
        throw incomplete(reader, key);
      }
      DType dtype = SafeTensorsHeader.dtype(code);
      if (dtype == null) {
        throw new IllegalArgumentException(
            "Tensor '"
                + key
                + "' has the dtype '"
                + code
                + "'; read are "
                + SafeTensorsHeader.codes());
      }
      TensorSpec tensor =
          new TensorSpec(
              key, dtype, Device.CPU, shape.stream().mapToLong(Long::longValue).toArray());
      long begin = offsets.get(0);
      // A difference of two sizes does not overflow.
      if (offsets.get(1) - begin != tensor.bytes()) {
        throw reader.error(
            "tensor " + tensor + " has " + tensor.bytes() + " bytes, not data_offsets " + offsets);
      }
      return new Slot(tensor, begin);
    }
  }

  private void requireContiguous(long dataBytes) {
    places.sort(Comparator.comparingLong(Place::begin).thenComparingLong(Place::end));
    long next = 0;
    for (Place place : places) {
      if (place.begin() != next) {
        throw new IllegalArgumentException(
            "Tensor "
                + place.tensor()
                + " begins at byte "
                + place.begin()
                + ", where "
                + next
                + " is next: data_offsets must neither overlap nor leave gaps");
      }
      next = place.end();
    }
    if (next != dataBytes) {
      throw new IllegalArgumentException(
          "The tensors have " + next + " bytes, but " + dataBytes + " follow the header");
    }
  }
}
