package org.optibridge.tensorflow;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a message in protobuf's wire format, as they come. Everything is bounded by the
 * bytes that there are: nothing is allocated by what a message says of itself.
 */
final class ProtoFields {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private ProtoFields() {}

  /**
   * A field.
   *
   * @param number which one
   * @param value of a plain number
   * @param content of a text, bytes or message; null for a number
   * @param raw the field as it stands, with its tag
   */
  record Field(int number, long value, @Nullable ByteBuffer content, ByteBuffer raw) {
    /** The content, of a field that must have some. */
    ByteBuffer bytes() {
      if (content == null) {
        throw fault("field " + number + " is a number");
      }
      return content.duplicate();
    }

    String text() {
      try {
        CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(bytes());
        return text.toString();
      } catch (CharacterCodingException e) {
        throw new IllegalArgumentException("a text is not in UTF-8", e);
      }
    }

    List<Field> fields() {
      return ProtoFields.of(bytes());
    }
  }

  /**
   * Reads a message.
   *
   * @throws IllegalArgumentException if it is none
   */
  static List<Field> of(ByteBuffer message) {
    ByteBuffer in = message.slice();
    List<Field> fields = new ArrayList<>();
    while (in.hasRemaining()) {
      int start = in.position();
      long tag = varint(in);
      long number = tag >>> 3;
      if (number < 1 || number > (1 << 29) - 1) {
        throw fault("there is no field " + number);
      }
      long value = 0;
      ByteBuffer content = null;
      switch ((int) (tag & 7)) {
        case VARINT -> value = varint(in);
        case FIXED64 -> skip(in, 8);
        case FIXED32 -> skip(in, 4);
        case LENGTH -> {
          long length = varint(in);
          int from = in.position();
          skip(in, length);
          content = in.slice(from, (int) length);
        }
        default -> throw fault("field " + number + " has the unknown type " + (tag & 7));
      }
      fields.add(new Field((int) number, value, content, in.slice(start, in.position() - start)));
    }
    return fields;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (!in.hasRemaining()) {
        throw fault("it ends too early");
      }
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw fault("a number has no end");
  }

  private static void skip(ByteBuffer in, long bytes) {
    if (bytes < 0 || bytes > in.remaining()) {
      throw fault("it ends too early");
    }
    in.position(in.position() + (int) bytes);
  }

  private static IllegalArgumentException fault(String what) {
    return new IllegalArgumentException("it is no SavedModel: " + what);
  }

  /** Puts messages together. */
  static final class Writer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    void copy(Field field) {
      write(field.raw());
    }

    void plain(int number, long value) {
      number(((long) number << 3) | VARINT);
      number(value);
    }

    void text(int number, String text) {
      message(number, text.getBytes(StandardCharsets.UTF_8));
    }

    void message(int number, byte[] content) {
      number(((long) number << 3) | LENGTH);
      number(content.length);
      out.writeBytes(content);
    }

    private void number(long value) {
      long rest = value;
      for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
        out.write((int) ((rest & 0x7f) | 0x80));
      }
      out.write((int) rest);
    }

    private void write(ByteBuffer bytes) {
      byte[] copy = new byte[bytes.remaining()];
      bytes.duplicate().get(copy);
      out.writeBytes(copy);
    }

    byte[] bytes() {
      return out.toByteArray();
    }
  }
}
