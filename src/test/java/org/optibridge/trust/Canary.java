package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;

/**
 * Classes compiled at test time, each of whose initialization would leave a trace, and a class
 * loader that notes which of them it was asked to load.
 */
final class Canary extends URLClassLoader {
  private static final String TRACE = "optibridge.test.canary.";

  final List<String> asked = new ArrayList<>();

  private Canary(Path classes) throws MalformedURLException {
    super(new URL[] {classes.toUri().toURL()}, Canary.class.getClassLoader());
  }

  static Canary in(Path classes) throws MalformedURLException {
    return new Canary(classes);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith("java.")) {
      asked.add(name);
    }
    return super.loadClass(name, resolve);
  }

  /** Statements of a static initializer that leaves a trace of that name. */
  static String trap(String name) {
    return "static { System.setProperty(\"" + TRACE + name + "\", \"sprung\"); }";
  }

  static boolean sprung(String name) {
    return System.getProperty(TRACE + name) != null;
  }

  static void reset() {
    System.getProperties().keySet().removeIf(key -> String.valueOf(key).startsWith(TRACE));
  }

  /** Compiles one source file of package {@code pkg}. */
  static void compile(Path classes, String pkg, String name, String body) throws IOException {
    Path source = Files.createDirectories(classes.resolve("src-" + pkg)).resolve(name + ".java");
    Files.writeString(source, "package " + pkg + "; " + body, StandardCharsets.UTF_8);
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-proc:none", "-d", classes.toString(), source.toString());
    assertThat(status).isZero();
  }
}
