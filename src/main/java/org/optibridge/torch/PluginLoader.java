package org.optibridge.torch;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;
import org.optibridge.trust.OptionBounds;

/** Opens plug-in libraries. */
final class PluginLoader {
  private PluginLoader() {}

  /**
   * Opens a library, for good.
   *
   * @return its optimizers by name
   * @throws IllegalArgumentException if it is none, or not made for this version
   */
  static Map<String, ImportedOptimizer> open(Path file) {
    TorchRuntime.require();
    long[] out = new long[1];
    NativeStatus.check(TorchLibrary.ob_torch_open_plugin(file.toString(), out));
    Map<String, ImportedOptimizer> all = new LinkedHashMap<>();
    String className = "";
    String name = "";
    ImportedOptimizer.@Nullable Builder builder = null;
    for (String line : TorchLibrary.ob_torch_import_text(out[0]).lines().toList()) {
      String[] fields = line.split("\t", -1);
      if (fields[0].equals("optimizer")) {
        add(all, name, className, builder);
        className = fields[1];
        name = fields[2];
        builder =
            new ImportedOptimizer.Builder(
                "plugin:" + name, Double.parseDouble(fields[3]), fields[4].equals("1"));
      } else if (builder != null) {
        int excluded = Integer.parseInt(fields[6]);
        builder.option(
            Integer.parseInt(fields[2]),
            Double.parseDouble(fields[3]),
            new OptionBounds(
                fields[1],
                number(fields[4]),
                number(fields[5]),
                (excluded & 1) != 0,
                (excluded & 2) != 0));
      }
    }
    add(all, name, className, builder);
    return all;
  }

  private static void add(
      Map<String, ImportedOptimizer> all,
      String name,
      String className,
      ImportedOptimizer.@Nullable Builder builder) {
    if (builder != null && all.put(name, builder.build(className)) != null) {
      throw new IllegalArgumentException("the plug-in has two optimizers named " + name);
    }
  }

  private static double number(String text) {
    return switch (text) {
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      default -> Double.parseDouble(text);
    };
  }
}
