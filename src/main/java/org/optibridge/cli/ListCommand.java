package org.optibridge.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Registry;
import org.optibridge.tensorflow.KerasOptimizerSpec;
import org.optibridge.tensorflow.KerasOptimizers;
import org.optibridge.tensorflow.KerasOption;
import org.optibridge.torch.TorchOptimizerSpec;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.torch.TorchOption;
import org.optibridge.torch.TorchPackage;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows the optimizers and their keyword arguments. */
@Command(
    name = "list",
    description = "List optimizers with their options and defaults, and the names of modules.")
final class ListCommand implements Runnable {
  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(names = "--json", description = "As one JSON document.")
  private boolean json;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("optimizers", TorchOptimizers.all().stream().map(ListCommand::map).toList());
      document.put(
          "kerasOptimizers", KerasOptimizers.all().stream().map(ListCommand::map).toList());
      document.put("modules", Registry.modules());
      document.put("regularizers", Registry.regularizers());
      document.put("schedulers", Registry.schedulers());
      out.println(Json.write(document));
    } else {
      out.print(table());
      out.println();
      out.println("Where there is a fused kernel it is used; fused=False selects the plain step.");
      out.println("LBFGS evaluates a closure and is no module: org.optibridge.torch.TorchLbfgs.");
      out.println();
      out.print(kerasTable());
      out.println();
      out.println("Keras's optimizers are named with their package: keras.optimizers.Adam.");
      out.println();
      names(out, "Modules", Registry.modules());
      names(out, "Regularizers", Registry.regularizers());
      names(out, "Schedulers", Registry.schedulers());
    }
    out.flush();
  }

  private static void names(PrintWriter out, String kind, Set<String> names) {
    out.println(kind + ": " + String.join(", ", names));
  }

  private static TextTable table() {
    TextTable table = new TextTable(6, "optimizer", "kernel", "option", "type", "default", "range");
    for (TorchOptimizerSpec optimizer : TorchOptimizers.all()) {
      String kernel = optimizer.hasFusedKernel() ? "fused" : "plain";
      String rate = String.valueOf(optimizer.defaultLearningRate());
      table.row(name(optimizer), kernel, "lr", "float", rate, optimizer.rateRange());
      for (TorchOption option : optimizer.options()) {
        table.row("", "", option.name(), type(option), literal(option), option.range());
      }
    }
    return table;
  }

  private static String name(TorchOptimizerSpec optimizer) {
    boolean ofTorch = optimizer.home() == TorchPackage.TORCH;
    return ofTorch ? optimizer.name() : optimizer.qualifiedName();
  }

  private static Map<String, Object> map(TorchOptimizerSpec optimizer) {
    List<Map<String, Object>> options = new ArrayList<>();
    for (TorchOption option : optimizer.options()) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("name", option.name());
      map.put("type", type(option));
      map.put("default", option.defaultValue());
      map.put("range", option.range());
      options.add(map);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", name(optimizer));
    map.put("fused", optimizer.hasFusedKernel());
    map.put("defaultLearningRate", optimizer.defaultLearningRate());
    map.put("options", options);
    return map;
  }

  private static TextTable kerasTable() {
    TextTable table = new TextTable(6, "optimizer", "kernel", "option", "type", "default", "range");
    for (KerasOptimizerSpec optimizer : KerasOptimizers.all()) {
      String rate = String.valueOf(optimizer.defaultLearningRate());
      String kernel = optimizer.kernel() == null ? "several" : "one";
      table.row(optimizer.qualifiedName(), kernel, "learning_rate", "float", rate, "any");
      for (KerasOption option : optimizer.allOptions()) {
        table.row("", "", option.name(), type(option), literal(option), option.range());
      }
    }
    return table;
  }

  private static Map<String, Object> map(KerasOptimizerSpec optimizer) {
    List<Map<String, @Nullable Object>> options = new ArrayList<>();
    for (KerasOption option : optimizer.allOptions()) {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      map.put("name", option.name());
      map.put("type", type(option));
      map.put("default", option.defaultValue());
      map.put("range", option.range());
      options.add(map);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", optimizer.qualifiedName());
    map.put("oneKernel", optimizer.kernel() != null);
    map.put("defaultLearningRate", optimizer.defaultLearningRate());
    map.put("options", options);
    return map;
  }

  private static String type(KerasOption option) {
    return switch (option.type()) {
      case FLOAT, STRICT_FLOAT -> "float";
      case BOOL -> "bool";
      case INT, STRICT_INT -> "int";
      case PATTERNS -> "list of str";
    };
  }

  private static String type(TorchOption option) {
    return switch (option.type()) {
      case FLOAT -> "float";
      case BOOL -> "bool";
      case INT -> "int";
      case FLOATS ->
          "(" + String.join(", ", Collections.nCopies(option.parts().size(), "float")) + ")";
      case CHOICE -> "str";
    };
  }

  /** As Python writes it. */
  private static String literal(KerasOption option) {
    return literal(option.defaultValue());
  }

  private static String literal(TorchOption option) {
    return literal(option.defaultValue());
  }

  private static String literal(@Nullable Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof Boolean flag) {
      return flag ? "True" : "False";
    }
    String text = Json.write(value).replaceAll("(\\.0)?E", "e").replace("null", "None");
    return text.startsWith("[")
        ? "(" + text.substring(1, text.length() - 1).replace(",", ", ") + ")"
        : text;
  }
}
