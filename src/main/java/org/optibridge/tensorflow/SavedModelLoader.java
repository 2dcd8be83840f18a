package org.optibridge.tensorflow;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.optibridge.memory.NativeStatus;
import org.optibridge.tensorflow.StepFunction.Argument;
import org.optibridge.tensorflow.TensorflowHandle.SlotKind;
import org.optibridge.trust.ProgramDescription;

/**
 * Hands the step of a SavedModel to TensorFlow: those functions that it consists of, looked through
 * and renamed, and nothing else of the file.
 */
final class SavedModelLoader {
  // As TensorFlow numbers them.
  static final int FLOAT = 1;
  static final int DOUBLE = 2;

  // As ob_tensorflow.h numbers them.
  private static final int ELEMENT_WISE = 1;
  private static final int FLAT = 2;

  // With every call replaced by what it calls, as TensorFlow does.
  private static final int MAX_OPERATIONS = 1 << 16;
  private static final int MAX_DEPTH = 16;

  /** How large a function is with those that it calls. */
  private record Extent(long operations, int depth) {}

  private final SavedModel model;
  private final String prefix;
  private final Map<String, StepFunction> needed = new LinkedHashMap<>();
  private final Map<String, Extent> extents = new HashMap<>();
  private final Set<String> open = new HashSet<>();

  private SavedModelLoader(SavedModel model, String prefix) {
    this.model = model;
    this.prefix = prefix;
  }

  /**
   * Loads a step, for good.
   *
   * @param content of {@code saved_model.pb}
   * @param digest the content's
   * @throws IllegalArgumentException if it does not keep the contract
   */
  static TensorflowImport.Step load(byte[] content, String digest) {
    SavedModel model = SavedModel.read(content);
    StepMetadata metadata = StepMetadata.parse(model.metadata());
    // No two files share a name, and none has that of an operation.
    String prefix = "optibridge_" + digest + "_";
    SavedModelLoader loader = new SavedModelLoader(model, prefix);
    List<String> steps = new ArrayList<>();
    for (StepMetadata.Function function : metadata.functions) {
      loader.add(function.name());
      loader.requireSignature(metadata.common, function);
      steps.add(function.dtype() + "\t" + function.rank() + "\t" + prefix + function.name());
    }
    String className = "program:" + digest;
    loader.load(className, metadata.common, steps);
    return new TensorflowImport.Step(
        className,
        metadata.spec(),
        metadata.common.options().stream().map(ProgramDescription.Option::bounds).toList());
  }

  /** Looks through a function and those that it calls; returns how large it is with them. */
  private Extent add(String name) {
    Extent known = extents.get(name);
    if (known != null) {
      return known;
    }
    if (!open.add(name)) {
      throw new IllegalArgumentException("its function " + name + " calls itself");
    }
    ByteBuffer message = model.functions().get(name);
    if (message == null) {
      throw new IllegalArgumentException(
          "it has no function " + name + "; it has " + model.functions().keySet());
    }
    StepFunction function = StepFunction.of(message);
    long operations = function.operations();
    int depth = 1;
    for (String called : function.called()) {
      Extent inner = add(called);
      operations += inner.operations();
      depth = Math.max(depth, 1 + inner.depth());
    }
    if (operations > MAX_OPERATIONS || depth > MAX_DEPTH) {
      throw new IllegalArgumentException(
          "its function "
              + name
              + " has, with those that it calls, more than "
              + MAX_OPERATIONS
              + " operations or more than "
              + MAX_DEPTH
              + " levels");
    }
    Extent extent = new Extent(operations, depth);
    extents.put(name, extent);
    needed.put(name, function);
    return extent;
  }

  private void requireSignature(ProgramDescription step, StepMetadata.Function of) {
    long dtype = of.dtype();
    List<Argument> inputs = new ArrayList<>();
    inputs.add(new Argument("param", dtype));
    inputs.add(new Argument("grad", dtype));
    inputs.add(new Argument("step", DOUBLE));
    inputs.add(new Argument("lr", DOUBLE));
    step.options().forEach(option -> inputs.add(argument(option.name(), DOUBLE)));
    step.states().forEach(state -> inputs.add(argument(state.name(), dtype)));
    StepFunction function = needed.get(of.name());
    if (function == null
        || !function.inputs().equals(inputs)
        || function.outputs().size() != 1 + step.states().size()
        || function.outputs().stream().anyMatch(output -> output.dtype() != dtype)) {
      throw new IllegalArgumentException(
          "its function "
              + of.name()
              + " must be "
              + text(inputs)
              + " -> "
              + (1 + step.states().size())
              + " tensors of "
              + text(dtype)
              + ", by what its optibridge.json says, but is "
              + (function == null
                  ? "missing"
                  : text(function.inputs())
                      + " -> "
                      + function.outputs().stream().map(output -> text(output.dtype())).toList()));
    }
  }

  private static Argument argument(String name, long dtype) {
    return new Argument(name.toLowerCase(Locale.ROOT), dtype);
  }

  private static String text(List<Argument> arguments) {
    return "("
        + String.join(
            ", ", arguments.stream().map(one -> one.name() + ": " + text(one.dtype())).toList())
        + ")";
  }

  private static String text(long dtype) {
    return dtype == FLOAT ? "float32" : dtype == DOUBLE ? "float64" : "dtype " + dtype;
  }

  private String renamed(String name) {
    return prefix + name;
  }

  private void load(String className, ProgramDescription step, List<String> steps) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    long[] sizes = new long[needed.size()];
    int next = 0;
    for (StepFunction function : needed.values()) {
      byte[] bytes = function.renamed(this::renamed);
      sizes[next++] = bytes.length;
      all.writeBytes(bytes);
    }
    List<ProgramDescription.StateTensor> states = step.states();
    TensorflowRuntime.require();
    NativeStatus.check(
        TensorflowLibrary.ob_tf_import(
            className,
            step.name(),
            all.toByteArray(),
            sizes,
            sizes.length,
            String.join("\n", steps),
            String.join(
                "\n", step.options().stream().map(ProgramDescription.Option::name).toList()),
            String.join("\n", states.stream().map(ProgramDescription.StateTensor::name).toList()),
            states.stream().mapToInt(state -> kind(state.kind())).toArray(),
            states.stream().mapToDouble(ProgramDescription.StateTensor::initial).toArray(),
            states.size(),
            (step.elementWise() ? ELEMENT_WISE : 0) | (step.flat() ? FLAT : 0)));
  }

  private static int kind(String kind) {
    SlotKind slot =
        switch (kind) {
          case StepMetadata.SCALAR -> SlotKind.SCALAR;
          case StepMetadata.PARAM -> SlotKind.FROM_PARAMETER;
          default -> SlotKind.LIKE_PARAMETER;
        };
    return slot.code;
  }
}
