package org.optibridge.tensorflow;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/** Makes SavedModels of a few operations, and opens them. */
final class SavedModels {
  static final int FLOAT = 1;
  static final int DOUBLE = 2;
  static final int STRING = 7;

  /** A step without options: param - lr * grad, and a state that becomes the gradient. */
  static final String METADATA =
      """
      {"format": 1, "name": "Plain", "learning_rate": 0.1, "element_wise": true, "flat": true,
       "state": [{"name": "last", "initial": 0}],
       "functions": [{"dtype": "float32", "rank": 1, "function": "plain"}]}
      """;

  private SavedModels() {}

  /** A function of one dtype, put together node by node. */
  static final class Function {
    private String name;
    private final List<byte[]> inputs = new ArrayList<>();
    private final List<byte[]> outputs = new ArrayList<>();
    private final List<byte[]> returns = new ArrayList<>();
    private final List<byte[]> nodes = new ArrayList<>();

    Function(String name) {
      this.name = name;
    }

    Function named(String other) {
      name = other;
      return this;
    }

    private static byte[] argument(String name, int dtype) {
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.text(1, name);
      out.plain(3, dtype);
      return out.bytes();
    }

    Function input(String input, int dtype) {
      inputs.add(argument(input, dtype));
      return this;
    }

    /** The usual ones, with a state {@code last}. */
    Function inputs() {
      return input("param", FLOAT)
          .input("grad", FLOAT)
          .input("step", DOUBLE)
          .input("lr", DOUBLE)
          .input("last", FLOAT);
    }

    /**
     * @param from an argument, or a node's output such as {@code "node:z:0"}
     */
    Function output(String output, int dtype, String from) {
      outputs.add(argument(output, dtype));
      ProtoFields.Writer entry = new ProtoFields.Writer();
      entry.text(1, output);
      entry.text(2, from);
      returns.add(entry.bytes());
      return this;
    }

    Function node(String node, String operation, List<String> from, Attribute... attributes) {
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.text(1, node);
      out.text(2, operation);
      from.forEach(one -> out.text(3, one));
      for (Attribute attribute : attributes) {
        ProtoFields.Writer entry = new ProtoFields.Writer();
        entry.text(1, attribute.key);
        entry.message(2, attribute.value);
        out.message(5, entry.bytes());
      }
      nodes.add(out.bytes());
      return this;
    }

    byte[] bytes() {
      ProtoFields.Writer signature = new ProtoFields.Writer();
      signature.text(1, name);
      inputs.forEach(one -> signature.message(2, one));
      outputs.forEach(one -> signature.message(3, one));
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.message(1, signature.bytes());
      nodes.forEach(one -> out.message(3, one));
      returns.forEach(one -> out.message(4, one));
      return out.bytes();
    }
  }

  /** An attribute of a node. */
  static final class Attribute {
    private final String key;
    private final byte[] value;

    private Attribute(String key, byte[] value) {
      this.key = key;
      this.value = value;
    }

    static Attribute type(String key, int dtype) {
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.plain(6, dtype);
      return new Attribute(key, out.bytes());
    }

    static Attribute types(String key, int... dtypes) {
      ProtoFields.Writer list = new ProtoFields.Writer();
      for (int dtype : dtypes) {
        list.plain(6, dtype);
      }
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.message(1, list.bytes());
      return new Attribute(key, out.bytes());
    }

    static Attribute function(String key, String name) {
      ProtoFields.Writer reference = new ProtoFields.Writer();
      reference.text(1, name);
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.message(10, reference.bytes());
      return new Attribute(key, out.bytes());
    }

    /** A tensor of zeros that says it has this extent. */
    static Attribute zeros(String key, int dtype, long extent) {
      ProtoFields.Writer dim = new ProtoFields.Writer();
      dim.plain(1, extent);
      ProtoFields.Writer shape = new ProtoFields.Writer();
      shape.message(2, dim.bytes());
      ProtoFields.Writer tensor = new ProtoFields.Writer();
      tensor.plain(1, dtype);
      tensor.message(2, shape.bytes());
      ProtoFields.Writer out = new ProtoFields.Writer();
      out.message(8, tensor.bytes());
      return new Attribute(key, out.bytes());
    }
  }

  /** What {@link #METADATA} describes. */
  static Function plain() {
    return new Function("plain")
        .inputs()
        .node(
            "rate",
            "Cast",
            List.of("lr"),
            Attribute.type("SrcT", DOUBLE),
            Attribute.type("DstT", FLOAT))
        .node("change", "Mul", List.of("rate:y:0", "grad"), Attribute.type("T", FLOAT))
        .node("next", "Sub", List.of("param", "change:z:0"), Attribute.type("T", FLOAT))
        .output("param_next", FLOAT, "next:z:0")
        .output("last_next", FLOAT, "grad");
  }

  static byte[] model(String metadata, Function... functions) {
    ProtoFields.Writer library = new ProtoFields.Writer();
    for (Function function : functions) {
      library.message(1, function.bytes());
    }
    ProtoFields.Writer graph = new ProtoFields.Writer();
    graph.message(2, library.bytes());
    ProtoFields.Writer list = new ProtoFields.Writer();
    list.message(1, metadata.getBytes(StandardCharsets.UTF_8));
    ProtoFields.Writer value = new ProtoFields.Writer();
    value.message(2, list.bytes());
    ProtoFields.Writer collection = new ProtoFields.Writer();
    collection.text(1, SavedModel.METADATA);
    collection.message(2, value.bytes());
    ProtoFields.Writer meta = new ProtoFields.Writer();
    meta.message(2, graph.bytes());
    meta.message(4, collection.bytes());
    ProtoFields.Writer model = new ProtoFields.Writer();
    model.plain(1, 1);
    model.message(2, meta.bytes());
    return model.bytes();
  }

  static Path write(Path folder, byte[] content) {
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve(SavedModel.FILE), content);
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Opens a SavedModel that the policy allows. */
  static TensorflowImport open(Path folder) {
    TrustedImports imports = new TrustedImports(ImportPolicy.builder().allowPath(folder).build());
    return TensorflowImport.open(folder.toString(), imports, Origin.CODE);
  }
}
