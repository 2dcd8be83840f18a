package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** Builds plug-in libraries as a user would; tests are skipped where the tools are missing. */
public final class PluginBuild {
  private static final Path SAMPLE = Path.of("samples/own-native");
  // What was built in this process, by the source; one attempt each.
  private static final Map<String, Path> BUILT = new HashMap<>();

  private PluginBuild() {}

  /** The library of the sample, built by its CMake file. */
  public static synchronized Path sample() throws Exception {
    return once("sample", PluginBuild::buildSample);
  }

  private static Path once(String key, Callable<Path> build) throws Exception {
    if (!BUILT.containsKey(key)) {
      BUILT.put(key, null);
      BUILT.put(key, build.call());
    }
    Path built = BUILT.get(key);
    assumeTrue(built != null, key + " could not be built before");
    return built;
  }

  private static Path buildSample() throws Exception {
    Path build = Path.of("target/test-plugins/own-native");
    List<String> configure = new ArrayList<>(List.of("cmake", "-S", SAMPLE.toString(), "-B"));
    configure.add(build.toString());
    configure.addAll(flags());
    run(configure);
    run(List.of("cmake", "--build", build.toString()));
    return build.resolve("libown_native.so").toAbsolutePath();
  }

  /** The library of one source that uses libtorch; built again only if it is older. */
  static synchronized Path withTorch(Path source) throws Exception {
    return once(source.toString(), () -> build(source));
  }

  private static Path build(Path source) throws Exception {
    String name = source.getFileName().toString().replace(".cpp", "");
    Path library = Path.of("target/test-plugins/lib" + name + ".so").toAbsolutePath();
    List<String> command = new ArrayList<>(List.of("g++", "-std=c++17", "-shared", "-fPIC"));
    for (String flag : flags()) {
      String value = flag.substring(flag.indexOf('=') + 1);
      if (flag.startsWith("-DOPTIBRIDGE_INCLUDE=")) {
        command.add("-I" + value);
        Path header = Path.of(value, "optibridge_plugin.h");
        if (isNewer(library, source) && isNewer(library, header)) {
          return library;
        }
      } else if (flag.startsWith("-DTORCH_INCLUDE=")) {
        command.addAll(List.of("-isystem", value));
        command.addAll(List.of("-isystem", value + "/torch/csrc/api/include"));
      } else {
        command.addAll(List.of("-L" + value, "-Wl,--allow-shlib-undefined"));
      }
    }
    Files.createDirectories(library.getParent());
    command.addAll(
        List.of(source.toString(), "-o", library.toString(), "-l:libtorch_cpu.so", "-l:libc10.so"));
    run(command);
    return library;
  }

  private static boolean isNewer(Path file, Path than) throws IOException {
    return Files.exists(file)
        && Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(than)) > 0;
  }

  /** A library of a source that needs no headers of libtorch's. */
  static Path plain(Path folder, String name, String text) throws Exception {
    Path source = folder.resolve(name + ".cpp");
    Files.writeString(source, text, StandardCharsets.UTF_8);
    Path library = folder.resolve("lib" + name + ".so");
    run(List.of("g++", "-shared", "-fPIC", "-o", library.toString(), source.toString()));
    return library;
  }

  /** Where the headers and libraries of this build are. */
  private static List<String> flags() throws Exception {
    return run(List.of("bash", "cppbuild.sh", "plugin-flags")).lines().toList();
  }

  private static String run(List<String> command) throws Exception {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      assumeTrue(false, "can't run " + command.get(0) + ": " + e.getMessage());
      throw e;
    }
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(command + "\n" + out).isZero();
    return out;
  }
}
