package org.optibridge.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URL;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;

/**
 * A framework whose libraries are on the tests' class path or not. Only that is asked: libraries
 * that are there but do not load make tests fail.
 */
public enum Framework {
  TORCH(
      "torch",
      "torch-optim",
      "(pytorch|openblas)-.*",
      "/org/bytedeco/pytorch/%s/libtorch_cpu.so",
      "org.bytedeco:pytorch and org.bytedeco:openblas"),
  TENSORFLOW(
      "tensorflow",
      "tensorflow-optim",
      "tensorflow-core-native-.*",
      "/org/tensorflow/internal/c_api/%s/libtensorflow_cc.so.2",
      "org.tensorflow:tensorflow-core-native");

  private static final Pattern JAR = Pattern.compile("([^/]+)\\.jar!");

  private final String title;
  private final String module;
  private final String jars;
  private final String library;
  private final String coordinates;

  Framework(String title, String module, String jars, String library, String coordinates) {
    this.title = title;
    this.module = module;
    this.jars = jars;
    this.library = library;
    this.coordinates = coordinates;
  }

  private URL resource() {
    return Framework.class.getResource(library.replace("%s", Loader.getPlatform()));
  }

  /** Whether its libraries are on the class path. */
  public boolean isPresent() {
    return resource() != null;
  }

  /** The jar its libraries come from; for what is present. */
  public String jar() {
    Matcher matcher = JAR.matcher(resource().toString());
    return matcher.find() ? matcher.group(1) : resource().toString();
  }

  /** Whether an entry of a class path is one of its jars. */
  boolean brings(Path entry) {
    return entry.getFileName().toString().matches(jars);
  }

  /** Why tests that need it are skipped. */
  public String reason() {
    return "needs "
        + title
        + ": "
        + coordinates
        + " not on the class path (-Dframeworks="
        + title
        + " or both)";
  }

  /** Skips the running test if it is absent. */
  public void assumePresent() {
    assumeTrue(isPresent(), this::reason);
  }

  /** Skips the running test if a registered module is one of a framework that is absent. */
  public static void assumeModuleCanRun(String name) {
    for (Framework framework : values()) {
      if (framework.module.equals(name)) {
        framework.assumePresent();
      }
    }
  }

  /** Its name as {@code -Dframeworks} has it. */
  @Override
  public String toString() {
    return title;
  }
}
