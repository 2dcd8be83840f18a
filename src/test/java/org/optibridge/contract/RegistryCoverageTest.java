package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Example.Kind;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.Stage;
import org.optibridge.state.ConfigJson;
import org.optibridge.testing.Framework;
import org.optibridge.testing.NoLeaks;

/** Every registered name has an example, and every example's config comes back as it was. */
@ExtendWith(NoLeaks.class)
class RegistryCoverageTest {
  private static void covered(String what, Set<String> registered, Set<String> examples) {
    Set<String> missing = new TreeSet<>(registered);
    missing.removeAll(examples);
    assertThat(missing)
        .as("%s without an example: add a line with a config to Examples.java", what)
        .isEmpty();
    Set<String> gone = new TreeSet<>(examples);
    gone.removeAll(registered);
    assertThat(gone).as("%s in Examples.java that nobody registers", what).isEmpty();
  }

  @Test
  void everyRegisteredNameHasAnExample() {
    Set<String> schedulers =
        Examples.SCHEDULERS.stream().map(Map.Entry::getKey).collect(Collectors.toSet());
    covered("modules", Registry.modules(), Examples.names(Kind.MODULE));
    covered("regularizers", Registry.regularizers(), Examples.names(Kind.REGULARIZER));
    covered("schedulers", Registry.schedulers(), schedulers);
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void configComesBackAlsoThroughText(Example example) {
    try (Stage stage = example.make()) {
      assertThat(stage.name()).isEqualTo(example.name());
      Map<String, Object> config = stage.getConfig();
      try (Stage again = example.make(config)) {
        assertThat(again.name()).isEqualTo(example.name());
        assertThat(again.getConfig()).isEqualTo(config);
      }
      String text = ConfigJson.write(config);
      try (Stage read = example.make(ConfigJson.read(text))) {
        assertThat(read.getConfig()).isEqualTo(config);
        assertThat(ConfigJson.write(read.getConfig())).isEqualTo(text);
      }
      // What the example asks for is in the config; numbers compare as numbers.
      assertThat(ConfigJson.read(text))
          .containsKeys(example.config().keySet().toArray(String[]::new));
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void emptyConfigGivesTheDefaults(Example example) {
    Framework.assumeModuleCanRun(example.name());
    if (Examples.WITHOUT_DEFAULT.contains(example.name())) {
      assertThat(catchThrowable(() -> example.make(Map.of())))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(example.name());
      return;
    }
    try (Stage stage = example.make(Map.of());
        Stage again = example.make(stage.getConfig())) {
      assertThat(again.getConfig()).isEqualTo(stage.getConfig());
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void unknownEntryIsRefusedByName(Example example) {
    Framework.assumeModuleCanRun(example.name());
    Map<String, Object> config = new LinkedHashMap<>(example.config());
    config.put("bogus", 1);
    assertThat(catchThrowable(() -> example.make(config)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(example.name())
        .hasMessageContaining("'bogus'");
  }

  static List<Map.Entry<String, Map<String, Object>>> schedulers() {
    return Examples.SCHEDULERS;
  }

  @ParameterizedTest
  @MethodSource("schedulers")
  void schedulersConfigComesBackAlsoThroughText(Map.Entry<String, Map<String, Object>> example) {
    Scheduler scheduler = Registry.scheduler(example.getKey(), example.getValue());
    assertThat(scheduler.name()).isEqualTo(example.getKey());
    Map<String, Object> config = scheduler.getConfig();
    assertThat(Registry.scheduler(example.getKey(), config).getConfig()).isEqualTo(config);
    String text = ConfigJson.write(config);
    Scheduler read = Registry.scheduler(example.getKey(), ConfigJson.read(text));
    assertThat(ConfigJson.write(read.getConfig())).isEqualTo(text);
    for (int step = 0; step < 20; step++) {
      assertThat(read.nextRate()).isEqualTo(scheduler.nextRate());
    }
  }
}
