package org.optibridge.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * The native libraries of a framework, which are there only if the user wants them. They are loaded
 * at the first question, once: a second try after a failure would tell less. Thread-safe.
 *
 * <p>For the packages of the bridges; users ask {@code TorchRuntime} and {@code TensorflowRuntime}.
 */
public final class FrameworkLibraries {
  private final String name;
  private final Class<?> bridge;
  private final String witness;
  private final String remedy;
  private final Supplier<@Nullable String> version;

  private boolean probed;
  private @Nullable String problem;

  /**
   * @param name of the framework, for messages
   * @param bridge whose class loader is asked; not initialized
   * @param witness the resource that is there if the framework is; {@code %s} stands for the
   *     platform
   * @param remedy what to add, for messages; {@code %s} stands for the platform
   * @param version loads the bridge and returns the framework's version
   */
  public FrameworkLibraries(
      String name,
      Class<?> bridge,
      String witness,
      String remedy,
      Supplier<@Nullable String> version) {
    this.name = name;
    this.bridge = bridge;
    this.witness = witness;
    this.remedy = remedy.replace("%s", Loader.getPlatform());
    this.version = version;
  }

  /** Returns whether the framework's libraries are on the class path; loads nothing. */
  public boolean isOnClassPath() {
    String platform = Loader.getPlatform();
    return bridge.getResource(witness.replace("%s", platform)) != null
        || bridge.getResource(witness.replace("%s", platform + "-gpu")) != null;
  }

  /** Returns why the framework can't be used, or null if it can; loads it. */
  public synchronized @Nullable String problem() {
    if (!probed) {
      problem = probe();
      probed = true;
    }
    return problem;
  }

  /**
   * Loads the framework.
   *
   * @throws FrameworkNotFoundException if it is not there; says what to add
   */
  public void require() {
    String reason = problem();
    if (reason != null) {
      throw new FrameworkNotFoundException(reason);
    }
  }

  private @Nullable String probe() {
    try {
      return version.get() == null ? name + " does not tell its version" : null;
    } catch (LinkageError e) {
      // It might have been found elsewhere, so the class path is asked only now.
      return isOnClassPath()
          ? name + " can't be loaded: " + reasons(e)
          : name + " is not on the class path: " + remedy;
    }
  }

  /**
   * @param error that something did not load with
   * @return its messages and those of its causes, each once, on one line
   */
  public static String reasons(Throwable error) {
    List<String> reasons = new ArrayList<>();
    for (Throwable cause = error; cause != null && reasons.size() < 5; cause = cause.getCause()) {
      String message = cause.getMessage();
      String reason = message == null ? cause.getClass().getSimpleName() : message.strip();
      if (!reasons.contains(reason)) {
        reasons.add(reason);
      }
    }
    return String.join("; because: ", reasons).replaceAll("\\s*\\R\\s*", " ");
  }
}
