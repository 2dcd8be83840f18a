package org.optibridge.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.FrameworkNotFoundException;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.state.ConfigJson;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.tensorflow.TensorflowRuntime;
import org.optibridge.testing.Vectors;
import org.optibridge.torch.TorchLbfgs;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchRuntime;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.Vector;

/**
 * What {@link AbsentFrameworkTest} runs on a class path without a framework. Prints one line for
 * each try, {@code key: ok} or the exception; and what commands print, each line after its number.
 */
public final class AbsentFrameworkJob {
  private static final Map<String, Object> TORCH =
      Map.of("modules", List.of(List.of("torch-optim", Map.of("optim_cls", "Adam"))));
  private static final Map<String, Object> KERAS =
      Map.of("modules", List.of(List.of("tensorflow-optim", Map.of("optim", "adam"))));

  private AbsentFrameworkJob() {}

  private interface Attempt {
    AutoCloseable make();
  }

  private static void attempt(String key, Attempt attempt) throws Exception {
    try {
      attempt.make().close();
      System.out.println(key + ": ok");
    } catch (FrameworkNotFoundException e) {
      System.out.println(key + ": " + e.getMessage());
    }
  }

  private static Optimizer fromConfig(Map<String, Object> modules) {
    return Optimizer.fromConfig(
        Map.of("lrate", 0.1, "w_decay", 0.0, "modules", modules.get("modules")));
  }

  private static Optimizer fromJson(Map<String, Object> modules) {
    return fromConfig(ConfigJson.read(ConfigJson.write(modules)));
  }

  /** The core is not touched by what is missing. */
  private static void coreSteps() {
    try (Optimizer optimizer =
            Optimizer.fromConfig(Map.of("lrate", 0.5, "modules", List.of("momentum")));
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(2, 2)) {
      optimizer.step(params, gradients);
      System.out.println("core: " + List.of(params.toFloats("w")[0], params.toFloats("w")[1]));
    }
  }

  /**
   * @param args command lines
   */
  public static void main(String[] args) throws Exception {
    // Twice: the second time the JVM knows that a class could not be initialized.
    for (int i = 0; i < 2; i++) {
      attempt("torch of", () -> TorchOptiModule.of("Adam"));
      attempt("keras of", () -> TensorflowOptiModule.of("adam"));
    }
    attempt("torch lbfgs", () -> TorchLbfgs.of(Map.of()));
    attempt("torch registry", () -> Registry.module("torch-optim", Map.of("optim_cls", "SGD")));
    Path archive = Path.of("src/test/resources/own/lamb.pt");
    TrustedImports.setStandard(
        new TrustedImports(ImportPolicy.builder().allowPath(archive).build()));
    attempt("torch file", () -> TorchOptiModule.of(archive.toString()));
    attempt("keras registry", () -> Registry.module("tensorflow-optim", Map.of("optim", "sgd")));
    attempt("torch config", () -> fromConfig(TORCH));
    attempt("keras config", () -> fromConfig(KERAS));
    attempt("torch json", () -> fromJson(TORCH));
    attempt("keras json", () -> fromJson(KERAS));
    attempt("torch version", () -> closed(TorchRuntime.version()));
    attempt("keras version", () -> closed(TensorflowRuntime.version()));
    coreSteps();
    System.out.println("live: " + NativeMemory.liveBytes() + " " + NativeMemory.liveHandles());
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    for (int i = 0; i < args.length; i++) {
      System.out.println("command " + i);
      int status =
          Main.commandLine().setOut(out).setErr(out).execute(args[i].strip().split("\\s+"));
      System.out.println("status " + status);
    }
  }

  private static AutoCloseable closed(Object value) {
    return () -> java.util.Objects.requireNonNull(value);
  }
}
