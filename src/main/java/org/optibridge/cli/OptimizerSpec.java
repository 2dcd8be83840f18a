package org.optibridge.cli;

import java.io.File;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.optibridge.cli.bench.BenchOptimizer;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Registry;
import org.optibridge.tensorflow.KerasOptimizers;
import org.optibridge.tensorflow.TensorflowImport;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.torch.TorchImport;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.trust.ImportedClass;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/**
 * An optimizer as it is written on the command line.
 *
 * @param text as the user wrote it
 * @param name the optimizer's name, such as {@code Adam}
 * @param learningRate the pipeline's rate; null for the optimizer's default
 * @param options its other keyword arguments, in the order given
 * @param imported the class that the name means, if it is none of this library's
 * @param file the file with an optimizer that the name means, if it is one's
 * @param model the SavedModel with an optimizer that the name means, if it is one's
 */
record OptimizerSpec(
    String text,
    String name,
    @Nullable Double learningRate,
    Map<String, Object> options,
    @Nullable ImportedClass<OptiModule> imported,
    @Nullable TorchImport file,
    @Nullable TensorflowImport model) {

  /** Reads {@code NAME} or {@code NAME(key=value, ...)}, under the policy of the process. */
  static OptimizerSpec parse(String text) {
    return parse(text, TrustedImports.standard());
  }

  /**
   * Reads {@code NAME} or {@code NAME(key=value, ...)}. A class or file that the name means is
   * loaded once, here, so that nobody is asked twice about it.
   */
  static OptimizerSpec parse(String text, TrustedImports imports) {
    String trimmed = text.strip();
    LiteralParser.Call call = new LiteralParser(trimmed).call();
    Map<String, Object> options = new LinkedHashMap<>();
    Double learningRate = null;
    for (Map.Entry<String, @Nullable Object> argument : call.arguments().entrySet()) {
      String key = argument.getKey();
      Object value = argument.getValue();
      if (key.equals("lr")
          || (key.equals("learning_rate") && (isOfKeras(call.name()) || isModel(call.name())))) {
        learningRate = rate(trimmed, value);
      } else if (value == null && !takesNone(call.name(), key)) {
        throw new CliException(
            "bad optimizer \"" + trimmed + "\": '" + key + "' can't be None here; leave it out");
      } else {
        put(options, key, value);
      }
    }
    return new OptimizerSpec(
        trimmed,
        call.name(),
        learningRate,
        Collections.unmodifiableMap(options),
        imported(trimmed, call.name(), imports),
        file(trimmed, call.name(), imports),
        model(trimmed, call.name(), imports));
  }

  /** Whether a name means a SavedModel: its file, or a folder, which nothing of libtorch's is. */
  private static boolean isModel(String name) {
    return TensorflowImport.isFile(name) && (name.endsWith(".pb") || new File(name).isDirectory());
  }

  private static @Nullable TensorflowImport model(
      String text, String name, TrustedImports imports) {
    if (!isModel(name)) {
      return null;
    }
    try {
      return TensorflowImport.open(name, imports, Origin.COMMAND_LINE);
    } catch (IllegalArgumentException e) {
      throw new CliException("bad optimizer \"" + text + "\": " + e.getMessage(), e);
    }
  }

  private static @Nullable TorchImport file(String text, String name, TrustedImports imports) {
    if (!TorchImport.isFile(name) || isModel(name)) {
      return null;
    }
    try {
      return TorchImport.open(name, imports, Origin.COMMAND_LINE);
    } catch (IllegalArgumentException e) {
      throw new CliException("bad optimizer \"" + text + "\": " + e.getMessage(), e);
    }
  }

  @SuppressWarnings("NullAway") // options have null where Python has None
  private static void put(Map<String, Object> options, String key, @Nullable Object value) {
    options.put(key, value);
  }

  private static boolean takesNone(String name, String option) {
    try {
      return !Registry.modules().contains(name)
          && TorchOptimizers.get(name).options().stream()
              .anyMatch(one -> one.name().equals(option) && one.takesNone());
    } catch (IllegalArgumentException notOfTorch) {
      return false;
    }
  }

  private static @Nullable ImportedClass<OptiModule> imported(
      String text, String name, TrustedImports imports) {
    if (Registry.modules().contains(name)
        || TorchImport.isFile(name)
        || isModel(name)
        || !TrustedImports.isQualified(name)) {
      return null;
    }
    try {
      return imports.load(name, OptiModule.class, Origin.COMMAND_LINE);
    } catch (IllegalArgumentException e) {
      throw new CliException("bad optimizer \"" + text + "\": " + e.getMessage(), e);
    }
  }

  private static Double rate(String text, @Nullable Object value) {
    if (value instanceof Number number && number.doubleValue() >= 0) {
      return number.doubleValue();
    }
    throw new CliException(
        "bad optimizer \"" + text + "\": 'lr' must be a number >= 0 but is " + value);
  }

  /**
   * Makes it: a module of the pipeline if a registered one has this name, else one of an imported
   * class or an optimizer of libtorch or Keras.
   */
  OptiModule module() {
    return checked(
        () -> {
          if (imported != null) {
            return imported.create(options);
          }
          if (file != null) {
            return file.module(options);
          }
          if (model != null) {
            return model.module(options);
          }
          if (isRegistered()) {
            return Registry.module(name, options);
          }
          return isOfKeras(name)
              ? TensorflowOptiModule.of(name, options)
              : TorchOptiModule.of(name, options);
        });
  }

  private <T> T checked(Supplier<T> made) {
    try {
      return made.get();
    } catch (IllegalArgumentException | UnsupportedOperationException e) {
      String known =
          isModule() || file != null || model != null ? "" : "; or a module: " + Registry.modules();
      throw new CliException("bad optimizer \"" + text + "\": " + e.getMessage() + known, e);
    }
  }

  /** Keras's optimizers are named with their package: plain names are libtorch's. */
  private static boolean isOfKeras(String name) {
    return name.startsWith("keras.") || name.startsWith("tf.") || name.startsWith("tensorflow.");
  }

  /**
   * The learning rate: as given, or the default of the framework's optimizer.
   *
   * @param otherwise for modules, which have no default
   */
  double rate(double otherwise) {
    if (learningRate != null) {
      return learningRate;
    }
    if (file != null) {
      return file.spec().defaultLearningRate();
    }
    if (model != null) {
      return model.spec().defaultLearningRate();
    }
    if (isModule()) {
      return otherwise;
    }
    return checked(
        () ->
            isOfKeras(name)
                ? KerasOptimizers.get(name).defaultLearningRate()
                : TorchOptimizers.get(name).defaultLearningRate());
  }

  /** What a benchmark needs of it, checked. */
  BenchOptimizer forBench() {
    if (isModule() || model != null) {
      throw new CliException(
          "bad optimizer \"" + text + "\": only optimizers of libtorch can be measured alone");
    }
    module().close();
    return new BenchOptimizer(text, name, options, rate(0));
  }

  private boolean isModule() {
    return imported != null || isRegistered();
  }

  private boolean isRegistered() {
    return Registry.modules().contains(name);
  }
}
