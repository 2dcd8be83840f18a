package org.optibridge.state;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON of a known form from a sender who is not trusted, token by token: nothing is kept that
 * the form does not ask for, and every departure from it is an {@link IllegalArgumentException}.
 */
final class StrictJson {
  private static final int MAX_DEPTH = 256;

  private static final ObjectMapper MAPPER = new ObjectMapper();

  // Names come from the sender: they must not fill a table that outlives the reading.
  private static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNameLength(SafeTensorsHeader.MAX_JSON)
                  .maxStringLength(SafeTensorsHeader.MAX_JSON)
                  .build())
          .build();

  private final JsonParser parser;
  private final String what;
  // The first token that is not consumed yet; null at the end.
  private @Nullable JsonToken token;

  private StrictJson(JsonParser parser, String what) {
    this.parser = parser;
    this.what = what;
  }

  /** Plain data as one line of JSON. */
  static String write(Object data) {
    try {
      return MAPPER.writeValueAsString(data);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("The state can't be written as JSON", e);
    }
  }

  /**
   * Checks that a text has a UTF-8 form.
   *
   * @return the text
   */
  static String requireUnicode(String what, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(what + " has half of a surrogate pair: '" + text + "'");
    }
    return text;
  }

  /**
   * @param json one value, and nothing after it but space
   * @param what the text is, for messages
   * @param form consumes the value
   */
  static <T> T read(String json, String what, Function<StrictJson, T> form) {
    try (JsonParser parser = FACTORY.createParser(json)) {
      StrictJson reader = new StrictJson(parser, what);
      reader.advance();
      T result = form.apply(reader);
      reader.require(reader.token == null, "nothing more");
      return result;
    } catch (JsonProcessingException e) {
      throw invalid(what, e);
    } catch (IOException e) {
      throw new UncheckedIOException("Reading from a string", e);
    }
  }

  private static IllegalArgumentException invalid(String what, JsonProcessingException e) {
    return new IllegalArgumentException(what + " is no valid JSON: " + e.getOriginalMessage(), e);
  }

  private interface Read<T> {
    T get() throws IOException;
  }

  private <T> T parsed(Read<T> read) {
    try {
      return read.get();
    } catch (JsonProcessingException e) {
      throw invalid(what, e);
    } catch (IOException e) {
      throw new UncheckedIOException("Reading from a string", e);
    }
  }

  private void advance() {
    try {
      token = parser.nextToken();
    } catch (JsonProcessingException e) {
      throw invalid(what, e);
    } catch (IOException e) {
      throw new UncheckedIOException("Reading from a string", e);
    }
  }

  private void require(boolean good, String expected) {
    if (!good) {
      throw error("expected " + expected + ", found " + (token == null ? "the end" : token));
    }
  }

  /** An error at the present place of the text. */
  IllegalArgumentException error(String message) {
    return new IllegalArgumentException(
        what + ", character " + parser.currentTokenLocation().getCharOffset() + ": " + message);
  }

  /** Consumes an object; the consumer gets each name and consumes the value. */
  void object(Consumer<String> field) {
    require(token == JsonToken.START_OBJECT, "an object");
    advance();
    Set<String> names = new HashSet<>();
    while (token == JsonToken.FIELD_NAME) {
      String name = requireUnicode(what, parsed(parser::currentName));
      if (!names.add(name)) {
        throw error("'" + name + "' occurs twice");
      }
      advance();
      field.accept(name);
    }
    require(token == JsonToken.END_OBJECT, "the end of the object");
    advance();
  }

  /** Consumes an array; the consumer gets each position and consumes the element. */
  void array(Consumer<Integer> element) {
    require(token == JsonToken.START_ARRAY, "an array");
    advance();
    for (int i = 0; token != JsonToken.END_ARRAY; i++) {
      element.accept(i);
    }
    advance();
  }

  /** Consumes a text. */
  String text() {
    require(token == JsonToken.VALUE_STRING, "a text");
    String text = requireUnicode(what, parsed(parser::getText));
    advance();
    return text;
  }

  /** Returns whether a text comes next. */
  boolean atText() {
    return token == JsonToken.VALUE_STRING;
  }

  /** Returns whether an object comes next. */
  boolean atObject() {
    return token == JsonToken.START_OBJECT;
  }

  /** Returns whether an array comes next. */
  boolean atArray() {
    return token == JsonToken.START_ARRAY;
  }

  /** Consumes null, a boolean, a text or a finite number, which is a Long if it is a whole one. */
  @Nullable Object scalar() {
    if (token == JsonToken.VALUE_STRING) {
      return text();
    }
    if (token == JsonToken.VALUE_NUMBER_FLOAT) {
      return number();
    }
    Object scalar = null;
    if (token == JsonToken.VALUE_NUMBER_INT) {
      scalar = parsed(parser::getLongValue);
    } else if (token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE) {
      scalar = token == JsonToken.VALUE_TRUE;
    } else {
      require(token == JsonToken.VALUE_NULL, "a value");
    }
    advance();
    return scalar;
  }

  /** Consumes a whole number, at least 0. */
  long size() {
    require(token == JsonToken.VALUE_NUMBER_INT, "a whole number");
    long size = parsed(parser::getLongValue);
    if (size < 0) {
      throw error("expected a size, found " + size);
    }
    advance();
    return size;
  }

  /** Consumes a finite number. */
  double number() {
    require(
        token == JsonToken.VALUE_NUMBER_FLOAT || token == JsonToken.VALUE_NUMBER_INT, "a number");
    double number = parsed(parser::getDoubleValue);
    if (!Double.isFinite(number)) {
      throw error("the number is beyond a float64");
    }
    advance();
    return number;
  }
}
