package org.optibridge.cli.replay;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A value of a recorded case and the path to it, so that an error can name it. */
final class Field {
  private final String path;
  private final JsonNode node;
  private final Path folder;

  private Field(String path, JsonNode node, Path folder) {
    this.path = path;
    this.node = node;
    this.folder = folder;
  }

  /**
   * The outermost value; paths begin with its fields.
   *
   * @param folder where the case's file is
   */
  static Field root(JsonNode node, Path folder) {
    return new Field("", node, folder);
  }

  BadCaseException wrong(String problem) {
    return new BadCaseException((path.isEmpty() ? "the case" : "'" + path + "'") + " " + problem);
  }

  private Field at(String key, JsonNode child) {
    return new Field(path.isEmpty() ? key : path + "." + key, child, folder);
  }

  /** Returns whether there is a field of that name that is not null. */
  boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** Returns a field that must be there; it may be null. */
  Field get(String key) {
    if (!node.isObject()) {
      throw wrong("must be an object");
    }
    JsonNode child = node.get(key);
    if (child == null) {
      throw wrong("lacks the field '" + key + "'");
    }
    return at(key, child);
  }

  Map<String, Field> entries() {
    if (!node.isObject()) {
      throw wrong("must be an object");
    }
    Map<String, Field> entries = new LinkedHashMap<>();
    node.properties()
        .forEach(entry -> entries.put(entry.getKey(), at(entry.getKey(), entry.getValue())));
    return entries;
  }

  List<Field> list() {
    if (!node.isArray()) {
      throw wrong("must be a list");
    }
    List<Field> list = new ArrayList<>();
    for (JsonNode child : node) {
      list.add(new Field(path + "[" + list.size() + "]", child, folder));
    }
    return list;
  }

  /** The list of that name; empty if there is none. */
  List<Field> optionalList(String key) {
    return has(key) ? get(key).list() : List.of();
  }

  boolean isNull() {
    return node.isNull();
  }

  boolean isObject() {
    return node.isObject();
  }

  boolean isList() {
    return node.isArray();
  }

  boolean isText() {
    return node.isTextual() && nonFinite(node.textValue()) == null;
  }

  boolean isNumber() {
    return node.isNumber() || (node.isTextual() && nonFinite(node.textValue()) != null);
  }

  String text() {
    if (!node.isTextual()) {
      throw wrong("must be a text");
    }
    return node.textValue();
  }

  /**
   * The file that a text names, seen from the folder of the case or from one further out; null if
   * there is none.
   */
  @Nullable Path file() {
    Path name = Path.of(text()).normalize();
    if (name.isAbsolute() || name.startsWith("..")) {
      throw wrong("must be a path below the folder of the case");
    }
    for (Path from = folder; from != null; from = from.getParent()) {
      if (Files.isRegularFile(from.resolve(name))) {
        return from.resolve(name);
      }
    }
    return null;
  }

  boolean isText(String text) {
    return node.isTextual() && node.textValue().equals(text);
  }

  double number() {
    Double special = node.isTextual() ? nonFinite(node.textValue()) : null;
    if (special != null) {
      return special;
    }
    if (!node.isNumber()) {
      throw wrong("must be a number, \"nan\", \"inf\" or \"-inf\", not " + node);
    }
    return node.doubleValue();
  }

  private static @Nullable Double nonFinite(String text) {
    return switch (text) {
      case "nan" -> Double.NaN;
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      default -> null;
    };
  }

  List<String> texts() {
    return list().stream().map(Field::text).toList();
  }

  /**
   * As a config holds it: maps, lists, texts, booleans, numbers, null. A tensor of one element is
   * its number, as for an option that Python was given as a tensor.
   */
  @Nullable Object plain() {
    if (node.isObject()) {
      if (has("shape") && has("data")) {
        Tensor tensor = Tensor.read(this);
        if (tensor.data().length != 1) {
          throw wrong("must have one element to be an option");
        }
        return tensor.data()[0];
      }
      return map();
    }
    if (node.isArray()) {
      List<@Nullable Object> list = new ArrayList<>();
      list().forEach(child -> list.add(child.plain()));
      return list;
    }
    if (isNumber()) {
      return node.isIntegralNumber() && node.canConvertToLong()
          ? (Object) node.longValue()
          : (Object) number();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    return node.isNull() ? null : node.asText();
  }

  /** The entries as a config holds them. Null stays, for stages that tell it from a default. */
  @SuppressWarnings("NullAway") // JSON maps hold null where the file does
  Map<String, Object> map() {
    Map<String, Object> map = new LinkedHashMap<>();
    entries().forEach((key, child) -> map.put(key, child.plain()));
    return map;
  }

  @Override
  public String toString() {
    return path;
  }
}
