package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Registry;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.tensorflow.TensorflowRuntime;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchRuntime;

/** Tells which frameworks are there. A framework has one module that stands for all it has. */
final class Frameworks {
  private static final Map<String, String> MODULES =
      Map.of("torch", TorchOptiModule.NAME, "tensorflow", TensorflowOptiModule.NAME);

  private Frameworks() {}

  /** Returns whether a module is one that runs a framework's optimizers. */
  static boolean isModule(String name) {
    return MODULES.containsValue(name);
  }

  /** The module that runs a framework's optimizers, if the framework is there. */
  static String module(Field framework) {
    String module = MODULES.get(framework.text());
    if (module == null) {
      throw framework.wrong("must be one of " + MODULES.keySet().stream().sorted().toList());
    }
    require(module);
    return module;
  }

  /** Refuses modules of a framework that is not there. Unknown names are left to the registry. */
  static void require(String module) {
    if (!isModule(module)) {
      return;
    }
    if (!Registry.modules().contains(module)) {
      throw new MissingFrameworkException("this build has no module '" + module + "'");
    }
    boolean torch = module.equals(TorchOptiModule.NAME);
    String problem = torch ? TorchRuntime.problem() : TensorflowRuntime.problem();
    if (problem != null) {
      throw new MissingFrameworkException(problem);
    }
  }

  /** Requires all modules of a pipeline's config, which are names or [name, config]. */
  static void requireAll(@Nullable Object modules) {
    if (modules instanceof List<?> list) {
      for (Object entry : list) {
        Object name = entry instanceof List<?> pair && !pair.isEmpty() ? pair.get(0) : entry;
        if (name instanceof String text) {
          require(text);
        }
      }
    }
  }
}
