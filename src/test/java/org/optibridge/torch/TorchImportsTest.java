package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.testing.SignDescent;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.Vector;

/** Configs that name a class. */
class TorchImportsTest {
  private static final String NAME = SignDescent.class.getName();
  private static final ImportValidator NOBODY =
      (request, question) -> ImportValidator.Answer.NOBODY_THERE;

  private final TrustedImports former = TrustedImports.standard();

  @BeforeEach
  void nobodyToAsk() {
    use(ImportPolicy.builder());
  }

  @AfterEach
  void restore() {
    TrustedImports.setStandard(former);
  }

  private static void use(ImportPolicy.Builder policy) {
    TrustedImports.setStandard(new TrustedImports(policy.validator(NOBODY).build()));
  }

  private static Map<String, Object> pipeline(String name, Map<String, Object> kwargs) {
    return Map.of(
        "lrate",
        0.5,
        "modules",
        List.of(List.of("torch-optim", Map.of("optim_cls", name, "kwargs", kwargs))));
  }

  @Test
  void aConfigThatNamesAClassIsRefused() {
    SignDescent.made = 0;
    for (String name : new String[] {"com.example.Unknown", NAME}) {
      assertThatThrownBy(() -> Optimizer.fromConfig(pipeline(name, Map.of())))
          .isInstanceOf(ImportRefusedException.class)
          .hasMessageContaining("The import policy refused class '" + name + "'")
          .hasMessageContaining("asked for by a config")
          .hasMessageContaining("allowClass(\"" + name + "\")")
          .hasMessageContaining("\"class = " + name + "\"");
    }
    assertThat(SignDescent.made).isZero();
  }

  @Test
  void validationCantBeTurnedOffForConfigs() {
    use(ImportPolicy.builder().validate(false));
    assertThatThrownBy(() -> Optimizer.fromConfig(pipeline(NAME, Map.of())))
        .isInstanceOf(ImportRefusedException.class);
  }

  @Test
  void anAllowedClassIsTheModule() {
    use(ImportPolicy.builder().allowClass(NAME));
    try (Optimizer optimizer = Optimizer.fromConfig(pipeline(NAME, Map.of("scale", 2.0)));
        Vector params = Vector.builder().copy("w", new float[] {1, 1, 1}, 3).build();
        Vector gradients = Vector.builder().copy("w", new float[] {3, -4, 0}, 3).build()) {
      optimizer.step(params, gradients);
      assertThat(params.toFloats("w")).containsExactly(0, 2, 1);
    }
  }

  @Test
  void badConfigsOfClasses() {
    use(ImportPolicy.builder().allowClass(NAME).allowPackage("java.lang"));
    assertThatThrownBy(() -> Optimizer.fromConfig(pipeline(NAME, Map.of("scael", 2.0))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("unknown entry 'scael'");
    assertThatThrownBy(() -> Optimizer.fromConfig(pipeline("java.lang.Thread", Map.of())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("does not implement " + OptiModule.class.getName());
    Map<String, Object> odd = Map.of("optim_cls", NAME, "validate", false);
    assertThatThrownBy(() -> Registry.module("torch-optim", odd))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Unknown entry 'validate' of a torch-optim config");
  }

  @ParameterizedTest
  @ValueSource(strings = {"com.example.Unknown", "[Lcom.example.Unknown;", "com.example."})
  void theFactoryOfTorchMakesNoClasses(String name) {
    assertThatThrownBy(() -> TorchOptiModule.of(name))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("'" + name + "' is none of them; nothing was loaded")
        .hasMessageContaining("ImportPolicy.builder().allowClass");
    assertThatThrownBy(() -> TorchOptiModule.fromConfig(Map.of("optim_cls", name)))
        .isInstanceOf(ImportRefusedException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"torch.evil.Foo", "torch.optim.Evil", "keras.Evil", "Evil", "int"})
  void otherNamesAreUnknownOptimizers(String name) {
    use(ImportPolicy.builder().validate(false));
    assertThatThrownBy(() -> Registry.module("torch-optim", Map.of("optim_cls", name)))
        .isInstanceOf(IllegalArgumentException.class)
        .isNotInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("Unknown torch optimizer '" + name + "'");
  }

  @RequiresTorch
  @ParameterizedTest
  @ValueSource(strings = {"Adam", "torch.optim.Adam", "torch.optim.adam.Adam"})
  void builtInsPassWithoutAsking(String name) {
    TrustedImports.setStandard(
        new TrustedImports(
            ImportPolicy.builder()
                .validator(
                    (request, question) -> {
                      throw new AssertionError("asked about " + request);
                    })
                .build()));
    Registry.module("torch-optim", Map.of("optim_cls", name)).close();
  }
}
