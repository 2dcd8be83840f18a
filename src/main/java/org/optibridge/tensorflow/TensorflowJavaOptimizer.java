package org.optibridge.tensorflow;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Field;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the settings of an optimizer of tensorflow-java's framework. Its classes keep them in
 * private fields, of which some have no text either, so the fields are read. Nothing here refers to
 * that library, which need not be there.
 */
final class TensorflowJavaOptimizer {
  private static final String PACKAGE = "org.tensorflow.framework.optimizers.";

  /**
   * A class of Keras's with the same step.
   *
   * @param keras its name
   * @param fields the option that each field is
   * @param fixed options that the class has no field for
   */
  private record Counterpart(String keras, Map<String, String> fields, Map<String, Object> fixed) {}

  private static final Map<String, String> MOMENTS =
      Map.of(
          "learningRate", "learning_rate",
          "betaOne", "beta_1",
          "betaTwo", "beta_2",
          "epsilon", "epsilon");

  private static final Map<String, Counterpart> SAME =
      Map.of(
          "GradientDescent",
          new Counterpart("SGD", Map.of("learningRate", "learning_rate"), Map.of()),
          "Momentum",
          new Counterpart(
              "SGD",
              Map.of(
                  "learningRate",
                  "learning_rate",
                  "momentum",
                  "momentum",
                  "useNesterov",
                  "nesterov"),
              Map.of()),
          "Adam",
          new Counterpart("Adam", MOMENTS, Map.of()),
          "Adamax",
          new Counterpart("Adamax", MOMENTS, Map.of()),
          "AdaDelta",
          new Counterpart(
              "Adadelta",
              Map.of("learningRate", "learning_rate", "rho", "rho", "epsilon", "epsilon"),
              Map.of()),
          "AdaGrad",
          new Counterpart(
              "Adagrad",
              Map.of(
                  "learningRate", "learning_rate",
                  "initialAccumulatorValue", "initial_accumulator_value"),
              Map.of("epsilon", 0.0)),
          "Ftrl",
          new Counterpart(
              "Ftrl",
              Map.of(
                  "learningRate", "learning_rate",
                  "learningRatePower", "learning_rate_power",
                  "initialAccumulatorValue", "initial_accumulator_value",
                  "l1RegularizationStrength", "l1_regularization_strength",
                  "l2RegularizationStrength", "l2_regularization_strength",
                  "l2ShrinkageRegularizationStrength", "l2_shrinkage_regularization_strength"),
              Map.of("beta", 0.0)));

  private static final Map<String, String> DIFFERENT =
      Map.of(
          "AdaGradDA", "Keras has no optimizer of this kind",
          "Nadam",
              "its momentum decays by 0.96 to the power of 0.004 t, Keras's by 0.96 to the power of"
                  + " t; torch.optim.NAdam with its default momentum_decay is the same",
          "RMSProp", "its mean of squares starts at 1, Keras's at 0");

  private TensorflowJavaOptimizer() {}

  static KerasOptimizer read(Object optimizer) {
    Class<?> type = optimizer.getClass();
    String name = type.getName();
    String simple = name.startsWith(PACKAGE) ? name.substring(PACKAGE.length()) : "";
    if (DIFFERENT.containsKey(simple)) {
      throw new IllegalArgumentException(name + " can't be a module: " + DIFFERENT.get(simple));
    }
    Counterpart counterpart = SAME.get(simple);
    if (counterpart == null) {
      throw new IllegalArgumentException(
          name
              + " is no optimizer of tensorflow-java's framework that is known here; known: "
              + SAME.keySet().stream().sorted().toList());
    }
    Map<String, Object> options = new LinkedHashMap<>(counterpart.fixed());
    counterpart
        .fields()
        .forEach((field, option) -> options.put(option, value(optimizer, type, field)));
    return KerasOptimizer.of(counterpart.keras(), options);
  }

  private static Object value(Object optimizer, Class<?> type, String name) {
    try {
      Field field = field(type, name);
      Object value =
          MethodHandles.privateLookupIn(field.getDeclaringClass(), MethodHandles.lookup())
              .unreflectGetter(field)
              .invoke(optimizer);
      if (value instanceof Boolean) {
        return value;
      }
      if (value instanceof Number number) {
        return number.doubleValue(); // of a float: what the framework computes with, digit by digit
      }
      throw new IllegalArgumentException(
          type.getName() + ": the field '" + name + "' is " + value + ", not a setting");
    } catch (NoSuchFieldException e) {
      throw new IllegalArgumentException(
          type.getName()
              + " has no field '"
              + name
              + "' in this version of tensorflow-java; give the settings by Keras's names instead",
          e);
    } catch (IllegalAccessException e) {
      throw new IllegalArgumentException(
          type.getName()
              + ": the field '"
              + name
              + "' can't be read; open the package "
              + PACKAGE.substring(0, PACKAGE.length() - 1)
              + " with --add-opens, or give the settings by Keras's names instead",
          e);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** A field of the class or of one that it extends. */
  private static Field field(Class<?> type, String name) throws NoSuchFieldException {
    for (@Nullable Class<?> at = type; at != null; at = at.getSuperclass()) {
      for (Field field : at.getDeclaredFields()) {
        if (field.getName().equals(name)) {
          return field;
        }
      }
    }
    throw new NoSuchFieldException(name);
  }
}
