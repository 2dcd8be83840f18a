package org.optibridge.tensorflow;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.tensorflow.ProtoFields.Field;

/**
 * What is needed of a {@code saved_model.pb}: the functions of its graph and the metadata that the
 * exporter put beside them. The graph itself, which TensorFlow would run to restore variables, is
 * left alone.
 *
 * @param metadata a JSON text
 * @param functions the messages {@code FunctionDef}, by name
 */
record SavedModel(String metadata, Map<String, ByteBuffer> functions) {
  static final String FILE = "saved_model.pb";
  static final String METADATA = "optibridge";

  private static final int MAX_BYTES = 1 << 24;
  private static final int MAX_METADATA = 1 << 16;
  private static final int MAX_FUNCTIONS = 4096;

  // Numbers of fields, as TensorFlow's .proto files have them.
  private static final int SCHEMA_VERSION = 1;
  private static final int META_GRAPHS = 2;
  private static final int GRAPH_DEF = 2;
  private static final int COLLECTION_DEF = 4;
  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int BYTES_LIST = 2;
  private static final int LIST_VALUE = 1;
  private static final int LIBRARY = 2;
  private static final int FUNCTION = 1;

  /**
   * Reads a file's content.
   *
   * @throws IllegalArgumentException if it is none, has several graphs, or was not exported for
   *     optibridge
   */
  static SavedModel read(byte[] content) {
    if (content.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "it has " + content.length + " bytes; a step has at most " + MAX_BYTES);
    }
    long schema = 0;
    Field graph = null;
    for (Field field : ProtoFields.of(ByteBuffer.wrap(content))) {
      if (field.number() == SCHEMA_VERSION) {
        schema = field.value();
      } else if (field.number() == META_GRAPHS) {
        if (graph != null) {
          throw new IllegalArgumentException("it has several graphs; a step has one");
        }
        graph = field;
      }
    }
    if (schema != 1 || graph == null) {
      throw new IllegalArgumentException(
          "it is no SavedModel: its version is "
              + schema
              + (graph == null ? " without" : " with")
              + " a graph");
    }
    String metadata = null;
    Map<String, ByteBuffer> functions = new LinkedHashMap<>();
    for (Field field : graph.fields()) {
      if (field.number() == GRAPH_DEF) {
        addFunctions(field, functions);
      } else if (field.number() == COLLECTION_DEF) {
        String found = metadata(field);
        metadata = found == null ? metadata : found;
      }
    }
    if (metadata == null) {
      throw new IllegalArgumentException(
          "it has no collection '" + METADATA + "': make it with export_keras_optimizer.py");
    }
    return new SavedModel(metadata, functions);
  }

  private static void addFunctions(Field graph, Map<String, ByteBuffer> functions) {
    for (Field library : graph.fields()) {
      if (library.number() != LIBRARY) {
        continue;
      }
      for (Field function : library.fields()) {
        if (function.number() != FUNCTION) {
          continue;
        }
        String name = StepFunction.name(function.bytes());
        if (functions.put(name, function.bytes()) != null) {
          throw new IllegalArgumentException("it has two functions named " + name);
        }
        if (functions.size() > MAX_FUNCTIONS) {
          throw new IllegalArgumentException("it has more than " + MAX_FUNCTIONS + " functions");
        }
      }
    }
  }

  /** The text of a collection; null if it is another one. */
  private static @Nullable String metadata(Field collection) {
    boolean ours = false;
    List<Field> content = List.of();
    for (Field field : collection.fields()) {
      if (field.number() == KEY) {
        ours = field.text().equals(METADATA);
      } else if (field.number() == VALUE) {
        content = field.fields();
      }
    }
    if (!ours) {
      return null;
    }
    for (Field list : content) {
      if (list.number() == BYTES_LIST) {
        for (Field value : list.fields()) {
          if (value.number() == LIST_VALUE) {
            return text(value.bytes());
          }
        }
      }
    }
    throw new IllegalArgumentException("its collection '" + METADATA + "' has no text");
  }

  private static String text(ByteBuffer bytes) {
    if (bytes.remaining() > MAX_METADATA) {
      throw new IllegalArgumentException(
          "its optibridge.json has more than " + MAX_METADATA + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("its optibridge.json is not in UTF-8", e);
    }
  }
}
