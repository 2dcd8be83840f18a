package org.optibridge.tensorflow;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.optibridge.tensorflow.ProtoFields.Field;

/**
 * A function of a SavedModel's, a message {@code FunctionDef}: looked through, and written again
 * with nothing in it but what it computes, under names that no other file's functions have.
 */
final class StepFunction {
  // Numbers of fields, as TensorFlow's .proto files have them.
  private static final int SIGNATURE = 1;
  private static final int NODE = 3;
  private static final int RET = 4;
  private static final int CONTROL_RET = 6;
  private static final int OP_NAME = 1;
  private static final int OP_INPUT = 2;
  private static final int OP_OUTPUT = 3;
  private static final int OP_CONTROL_OUTPUT = 20;
  private static final int ARG_NAME = 1;
  private static final int ARG_TYPE = 3;
  private static final int NODE_NAME = 1;
  private static final int NODE_OP = 2;
  private static final int NODE_INPUT = 3;
  private static final int NODE_ATTR = 5;
  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int ATTR_LIST = 1;
  private static final int ATTR_TENSOR = 8;
  private static final int ATTR_FUNC = 10;
  private static final int LIST_TENSOR = 8;
  private static final int LIST_FUNC = 9;
  private static final int TENSOR_DTYPE = 1;
  private static final int TENSOR_SHAPE = 2;
  private static final int SHAPE_DIM = 2;
  private static final int DIM_SIZE = 1;

  private static final long MAX_CONSTANT = 1 << 16;
  // DT_FLOAT, DT_DOUBLE, DT_INT32, DT_INT64, DT_BOOL.
  private static final Set<Long> NUMBERS = Set.of(1L, 2L, 3L, 9L, 10L);
  // Settings of a call that say how to run it, not what it computes.
  private static final Set<String> SETTINGS = Set.of("config", "config_proto", "executor_type");

  /**
   * An input or output.
   *
   * @param name in lower case
   * @param dtype as TensorFlow numbers it; 0 if it is not fixed
   */
  record Argument(String name, long dtype) {}

  private final String name;
  private final List<Field> fields;
  private final List<Argument> inputs = new ArrayList<>();
  private final List<Argument> outputs = new ArrayList<>();
  private final List<String> called = new ArrayList<>();
  private int operations;

  private StepFunction(ByteBuffer message) {
    this.name = name(message);
    this.fields = ProtoFields.of(message);
    Set<String> refused = new TreeSet<>();
    for (Field field : fields) {
      if (field.number() == SIGNATURE) {
        field.fields().forEach(this::argument);
      } else if (field.number() == NODE) {
        node(field, refused);
      } else if (field.number() == RET || field.number() == CONTROL_RET) {
        field.fields().forEach(Field::text);
      }
    }
    if (!refused.isEmpty()) {
      throw new IllegalArgumentException(
          "its function "
              + name
              + " uses "
              + refused
              + ", which no imported step may: they do more than compute with their arguments");
    }
  }

  /**
   * Looks through a function.
   *
   * @throws IllegalArgumentException naming operations that are not allowed
   */
  static StepFunction of(ByteBuffer message) {
    return new StepFunction(message);
  }

  static String name(ByteBuffer message) {
    for (Field field : ProtoFields.of(message)) {
      if (field.number() == SIGNATURE) {
        for (Field part : field.fields()) {
          if (part.number() == OP_NAME) {
            return part.text();
          }
        }
      }
    }
    throw new IllegalArgumentException("it has a function without a name");
  }

  List<Argument> inputs() {
    return inputs;
  }

  List<Argument> outputs() {
    return outputs;
  }

  /** How many operations it has. */
  int operations() {
    return operations;
  }

  /** The functions that it calls, as often as it does. */
  List<String> called() {
    return called;
  }

  private void argument(Field field) {
    if (field.number() != OP_INPUT && field.number() != OP_OUTPUT) {
      return;
    }
    String of = "";
    long dtype = 0;
    for (Field part : field.fields()) {
      if (part.number() == ARG_NAME) {
        of = part.text().toLowerCase(Locale.ROOT);
      } else if (part.number() == ARG_TYPE) {
        dtype = part.value();
      }
    }
    (field.number() == OP_INPUT ? inputs : outputs).add(new Argument(of, dtype));
  }

  private void node(Field node, Set<String> refused) {
    operations++;
    String operation = "";
    for (Field part : node.fields()) {
      if (part.number() == NODE_OP) {
        operation = part.text();
      } else if (part.number() == NODE_NAME || part.number() == NODE_INPUT) {
        part.text(); // must be one
      } else if (part.number() == NODE_ATTR) {
        for (Field entry : part.fields()) {
          if (entry.number() == VALUE) {
            entry.fields().forEach(this::attribute);
          }
        }
      }
    }
    if (!AllowedOperations.allows(operation)) {
      refused.add(operation);
    }
  }

  private void attribute(Field value) {
    switch (value.number()) {
      case ATTR_FUNC -> called.add(functionOf(value));
      case ATTR_TENSOR -> constant(value);
      case ATTR_LIST -> {
        for (Field element : value.fields()) {
          if (element.number() == LIST_FUNC) {
            called.add(functionOf(element));
          } else if (element.number() == LIST_TENSOR) {
            constant(element);
          }
        }
      }
      default -> {
        // A number, a type or a shape.
      }
    }
  }

  private static String functionOf(Field reference) {
    for (Field part : reference.fields()) {
      if (part.number() == OP_NAME) {
        return part.text();
      }
    }
    throw new IllegalArgumentException("it calls a function without a name");
  }

  /** A constant may say that it is larger than what is there of it. */
  private void constant(Field tensor) {
    long elements = 1;
    long dtype = 0;
    for (Field part : tensor.fields()) {
      if (part.number() == TENSOR_DTYPE) {
        dtype = part.value();
      } else if (part.number() == TENSOR_SHAPE) {
        for (Field dim : part.fields()) {
          elements = dim.number() == SHAPE_DIM ? elements * extent(dim) : elements;
          requireConstant(elements >= 0 && elements <= MAX_CONSTANT);
        }
      }
    }
    requireConstant(NUMBERS.contains(dtype));
  }

  private static long extent(Field dim) {
    for (Field part : dim.fields()) {
      if (part.number() == DIM_SIZE) {
        return Math.max(-1, Math.min(part.value(), MAX_CONSTANT + 1));
      }
    }
    return 0;
  }

  private void requireConstant(boolean good) {
    if (!good) {
      throw new IllegalArgumentException(
          "its function "
              + name
              + " has a constant that is not of numbers or has more than "
              + MAX_CONSTANT
              + " elements");
    }
  }

  /** The function under other names, without attributes, devices and what is for debuggers. */
  byte[] renamed(UnaryOperator<String> names) {
    ProtoFields.Writer out = new ProtoFields.Writer();
    for (Field field : fields) {
      switch (field.number()) {
        case SIGNATURE -> out.message(SIGNATURE, signature(field, names));
        case NODE -> out.message(NODE, node(field, names));
        case RET, CONTROL_RET -> out.copy(field);
        default -> {
          // Attributes of the function, which say how to compile it.
        }
      }
    }
    return out.bytes();
  }

  private static byte[] signature(Field signature, UnaryOperator<String> names) {
    ProtoFields.Writer out = new ProtoFields.Writer();
    for (Field part : signature.fields()) {
      switch (part.number()) {
        case OP_NAME -> out.text(OP_NAME, names.apply(part.text()));
        case OP_INPUT, OP_OUTPUT, OP_CONTROL_OUTPUT -> out.copy(part);
        default -> {
          // Descriptions.
        }
      }
    }
    return out.bytes();
  }

  private static byte[] node(Field node, UnaryOperator<String> names) {
    ProtoFields.Writer out = new ProtoFields.Writer();
    for (Field part : node.fields()) {
      switch (part.number()) {
        case NODE_NAME, NODE_OP, NODE_INPUT -> out.copy(part);
        case NODE_ATTR -> nodeAttribute(part, names, out);
        default -> {
          // The device, and what is for debuggers.
        }
      }
    }
    return out.bytes();
  }

  private static void nodeAttribute(
      Field entry, UnaryOperator<String> names, ProtoFields.Writer out) {
    ProtoFields.Writer copy = new ProtoFields.Writer();
    for (Field part : entry.fields()) {
      if (part.number() == KEY) {
        String key = part.text();
        if (key.startsWith("_") || SETTINGS.contains(key)) {
          return;
        }
        copy.copy(part);
      } else if (part.number() == VALUE) {
        copy.message(VALUE, value(part, names));
      }
    }
    out.message(NODE_ATTR, copy.bytes());
  }

  private static byte[] value(Field value, UnaryOperator<String> names) {
    ProtoFields.Writer out = new ProtoFields.Writer();
    for (Field part : value.fields()) {
      if (part.number() == ATTR_FUNC) {
        out.message(ATTR_FUNC, reference(part, names));
      } else if (part.number() == ATTR_LIST) {
        ProtoFields.Writer list = new ProtoFields.Writer();
        for (Field element : part.fields()) {
          if (element.number() == LIST_FUNC) {
            list.message(LIST_FUNC, reference(element, names));
          } else {
            list.copy(element);
          }
        }
        out.message(ATTR_LIST, list.bytes());
      } else {
        out.copy(part);
      }
    }
    return out.bytes();
  }

  private static byte[] reference(Field reference, UnaryOperator<String> names) {
    ProtoFields.Writer out = new ProtoFields.Writer();
    out.text(OP_NAME, names.apply(functionOf(reference)));
    return out.bytes();
  }
}
