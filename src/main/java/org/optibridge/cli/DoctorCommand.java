package org.optibridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.FrameworkLibraries;
import org.optibridge.tensorflow.TensorflowLibrary;
import org.optibridge.tensorflow.TensorflowRuntime;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchRuntime;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says what optibridge finds on this machine. */
@Command(
    name = "doctor",
    description = {
      "Show the JDK, the processor and which native libraries load, from where and why not.",
      "A framework that is not on the class path is absent, which is no fault.",
      "Ends with status 1 if something else does not load."
    })
final class DoctorCommand implements Callable<Integer> {
  private static final List<String> CPU_FLAGS =
      List.of("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "asimd");

  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(names = "--json", description = "As one JSON document.")
  private boolean json;

  /** One native library: where it was loaded from, or why it was not. */
  private record Library(
      String name,
      @Nullable String path,
      @Nullable String version,
      @Nullable String error,
      boolean absent) {
    String mark() {
      return error == null ? "[ok]     " : absent ? "[absent] " : "[failed] ";
    }
  }

  @Override
  public Integer call() {
    Library core = probe("core", () -> CoreLibrary.class, () -> "instructions " + instructions());
    Library bridge =
        probe(
            "torch",
            TorchRuntime.isOnClassPath(),
            TorchRuntime.problem(),
            () -> TorchLibrary.class,
            () ->
                "libtorch "
                    + TorchLibrary.ob_torch_version()
                    + ", "
                    + TorchLibrary.ob_torch_threads()
                    + " threads");
    Library model =
        probe(
            "bytedeco torch",
            TorchRuntime.isOnClassPath(),
            TorchRuntime.problem(),
            () -> torch.class,
            () -> torch.get_num_threads() + " threads");
    Library tensorflow =
        probe(
            "tensorflow",
            TensorflowRuntime.isOnClassPath(),
            TensorflowRuntime.problem(),
            () -> TensorflowLibrary.class,
            () -> "TensorFlow " + TensorflowLibrary.ob_tf_version());
    List<Library> libraries = List.of(core, bridge, model, tensorflow);

    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("optibridge", Version.text());
    facts.put("java", System.getProperty("java.runtime.version", "?") + " " + vendor());
    facts.put("javaHome", System.getProperty("java.home", "?"));
    facts.put("os", property("os.name") + " " + property("os.version") + " " + property("os.arch"));
    facts.put("platform", Loader.getPlatform());
    facts.put("cpu", cpuInfo("model name"));
    facts.put("cpuFlags", cpuFlags());
    facts.put("processors", Runtime.getRuntime().availableProcessors());
    if (core.error == null) {
      facts.put("coreThreads", CoreLibrary.ob_threads());
    }
    facts.put(
        "cudaDevices",
        bridge.error == null ? (Object) TorchLibrary.ob_torch_cuda_devices() : "unknown");
    boolean healthy =
        libraries.stream().allMatch(library -> library.error == null || library.absent);
    print(facts, libraries, healthy);
    return healthy ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  private void print(Map<String, Object> facts, List<Library> libraries, boolean healthy) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> document = new LinkedHashMap<>(facts);
      document.put("natives", libraries.stream().map(DoctorCommand::map).toList());
      document.put("healthy", healthy);
      out.println(Json.write(document));
    } else {
      facts.forEach((name, value) -> out.printf(Locale.ROOT, "%-12s %s%n", name, value));
      out.println();
      for (Library library : libraries) {
        if (library.error == null) {
          out.printf(
              Locale.ROOT,
              "%s%s: %s%n         %s%n",
              library.mark(),
              library.name,
              library.version,
              library.path);
        } else {
          out.printf(Locale.ROOT, "%s%s: %s%n", library.mark(), library.name, library.error);
        }
      }
    }
    out.flush();
  }

  private static Map<String, @Nullable Object> map(Library library) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("name", library.name);
    map.put("loaded", library.error == null);
    map.put("absent", library.absent);
    map.put("path", library.path);
    map.put("version", library.version);
    map.put("error", library.error);
    return map;
  }

  private static String instructions() {
    return CoreLibrary.ob_instruction_set();
  }

  /** Loads a library as its first user would, and asks it something. */
  private static Library probe(String name, Supplier<Class<?>> type, Supplier<String> version) {
    try {
      String path = Loader.load(type.get());
      return new Library(name, path == null ? "(linked in)" : path, version.get(), null, false);
    } catch (LinkageError | RuntimeException e) {
      return new Library(name, null, null, FrameworkLibraries.reasons(e), false);
    }
  }

  /** The same of a framework, which need not be there. */
  private static Library probe(
      String name,
      boolean onClassPath,
      @Nullable String problem,
      Supplier<Class<?>> type,
      Supplier<String> version) {
    if (problem != null) {
      return new Library(name, null, null, problem, !onClassPath);
    }
    return probe(name, type, version);
  }

  private static String vendor() {
    return "(" + property("java.vm.name") + ", " + property("java.vendor") + ")";
  }

  private static String property(String name) {
    return System.getProperty(name, "?");
  }

  private static List<String> cpuFlags() {
    String flags = cpuInfo("flags");
    List<String> all = List.of((flags.equals("?") ? cpuInfo("Features") : flags).split(" ", -1));
    return CPU_FLAGS.stream().filter(all::contains).toList();
  }

  /** The first such line of Linux's list of processors. */
  private static String cpuInfo(String key) {
    try {
      for (String line :
          Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.ISO_8859_1)) {
        int colon = line.indexOf(':');
        if (colon > 0 && line.substring(0, colon).strip().equals(key)) {
          return line.substring(colon + 1).strip();
        }
      }
    } catch (IOException e) {
      return "?";
    }
    return "?";
  }
}
