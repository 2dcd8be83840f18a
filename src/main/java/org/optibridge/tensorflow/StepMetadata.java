package org.optibridge.tensorflow;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.JsonEntries;
import org.optibridge.trust.ProgramDescription;

/** What a SavedModel's {@code optibridge.json} says; everything in it is checked. */
final class StepMetadata {
  static final String SCALAR = "scalar";
  static final String PARAM = "param";

  private static final Set<String> FIRST = Set.of("param", "grad", "step", "lr");
  private static final int MAX_RANK = 8;

  /**
   * The function for tensors of one dtype and rank.
   *
   * @param dtype as TensorFlow numbers it
   */
  record Function(int dtype, int rank, String name) {}

  final ProgramDescription common;
  final List<Function> functions = new ArrayList<>();
  final @Nullable Double weightDecay;

  private StepMetadata(JsonEntries entries) {
    List<String> reserved =
        Stream.concat(
                Stream.of("weight_decay", "learning_rate", "name"),
                KerasCatalog.SHARED.stream().map(KerasOption::name))
            .toList();
    Set<String> taken = new HashSet<>(reserved);
    taken.addAll(FIRST);
    common = ProgramDescription.take(entries, taken, List.of("like", SCALAR, PARAM));
    if (common.elementWise()
        && common.states().stream().anyMatch(state -> state.kind().equals(SCALAR))) {
      throw new IllegalArgumentException(
          "'element_wise' and a state of the kind scalar don't go together: tensors are stepped as"
              + " one");
    }
    weightDecay = entries.has("weight_decay") ? (Double) entries.number("weight_decay", 0.0) : null;
    Set<List<Object>> seen = new HashSet<>();
    for (Object one : entries.list("functions")) {
      Function function = function(JsonEntries.of(one, "a function"));
      functions.add(function);
      if (!seen.add(List.of(function.dtype(), function.rank()))) {
        throw new IllegalArgumentException("two functions are for the same dtype and rank");
      }
    }
    if (functions.isEmpty()) {
      throw new IllegalArgumentException("'functions' is empty");
    }
    entries.requireNoMore();
  }

  private Function function(JsonEntries entries) {
    String dtype = String.valueOf(entries.text("dtype"));
    double rank = entries.number("rank", null);
    String name = entries.text("function");
    entries.requireNoMore();
    if (rank != Math.rint(rank) || rank < 0 || rank > MAX_RANK || (common.flat() && rank != 1)) {
      throw new IllegalArgumentException(
          "the rank of a function is "
              + rank
              + ", not "
              + (common.flat() ? "1, as 'flat' says" : "one from 0 to " + MAX_RANK));
    }
    if (name == null) {
      throw new IllegalArgumentException("a function has no 'function', which is its name");
    }
    return switch (dtype) {
      case "float32" -> new Function(SavedModelLoader.FLOAT, (int) rank, name);
      case "float64" -> new Function(SavedModelLoader.DOUBLE, (int) rank, name);
      default ->
          throw new IllegalArgumentException(
              "the dtype of a function is " + dtype + ", not float32 or float64");
    };
  }

  /**
   * Reads the text of {@code optibridge.json}.
   *
   * @throws IllegalArgumentException that says what is wrong with it
   */
  static StepMetadata parse(String text) {
    try {
      return new StepMetadata(JsonEntries.parse(text, "optibridge.json"));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("its optibridge.json is wrong: " + e.getMessage(), e);
    }
  }

  KerasOptimizerSpec spec() {
    List<KerasOption> options = new ArrayList<>();
    for (ProgramDescription.Option option : common.options()) {
      options.add(
          switch (option.type()) {
            case FLOAT -> KerasOption.number(option.name(), option.byDefault());
            case INT ->
                new KerasOption(
                    option.name(),
                    KerasOption.Type.INT,
                    (long) option.byDefault(),
                    KerasOption.Range.ANY);
            case BOOL -> KerasOption.flag(option.name(), option.byDefault() != 0);
          });
    }
    return new KerasOptimizerSpec(
        KerasOptimizerSpec.PROGRAM + common.name(),
        common.learningRate(),
        options,
        weightDecay,
        null,
        common.readsWeights());
  }
}
