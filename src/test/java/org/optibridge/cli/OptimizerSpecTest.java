package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptimizerSpecTest {
  @Test
  void readsPythonAndJsonLiterals() {
    OptimizerSpec spec =
        OptimizerSpec.parse(
            " torch.optim.Adam ( lr = 1e-3, betas=(0.9, .999), amsgrad = True, fused=false,"
                + " eps=1E-8, weight_decay=-2, x=[1, 2.5,], s='it\\'s', t=\"a\", n=1_000, ) ");
    assertThat(spec.name()).isEqualTo("torch.optim.Adam");
    assertThat(spec.learningRate()).isEqualTo(1e-3);
    assertThat(spec.options())
        .containsExactly(
            Map.entry("betas", List.of(0.9, 0.999)),
            Map.entry("amsgrad", true),
            Map.entry("fused", false),
            Map.entry("eps", 1e-8),
            Map.entry("weight_decay", -2L),
            Map.entry("x", List.of(1L, 2.5)),
            Map.entry("s", "it's"),
            Map.entry("t", "a"),
            Map.entry("n", 1000L));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Adam", "Adam()", " Adam ( ) "})
  void nameAlone(String text) {
    OptimizerSpec spec = OptimizerSpec.parse(text);
    assertThat(spec.name()).isEqualTo("Adam");
    assertThat(spec.learningRate()).isNull();
    assertThat(spec.options()).isEmpty();
  }

  @Test
  void parenthesesAloneMakeNoTuple() {
    assertThat(OptimizerSpec.parse("A(x=(1), y=(1,), z=())").options())
        .containsEntry("x", 1L)
        .containsEntry("y", List.of(1L))
        .containsEntry("z", List.of());
  }

  @Test
  void noneIsAValueWhereTheOptimizerTakesIt() {
    OptimizerSpec spec = OptimizerSpec.parse("timm.optim.Lamb(max_grad_norm=None)");
    assertThat(spec.options()).containsEntry("max_grad_norm", null);
    assertThatThrownBy(() -> OptimizerSpec.parse("timm.Lamb(eps=None)"))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("'eps' can't be None");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|name at the end",
        "3Adam|name at character 1",
        "Adam(|expected key=value or ')' at the end",
        "Adam(lr=)|expected a value: a number, True, False, None, a string, (a, b) or [a, b] at character 9",
        "Adam(lr 1)|expected '=' after 'lr' at character 9",
        "Adam(lr=1 eps=2)|expected ',' or ')' after the value of 'lr' at character 11",
        "Adam(lr=1))|nothing more but found ')' at character 11",
        "Adam(lr=1, lr=2)|'lr' is given twice at character 12",
        "Adam(lr=1.2.3)|malformed number at character 9",
        "Adam(lr=1e999)|number out of range at character 9",
        "Adam(amsgrad=yes)|'yes' is no literal (a string needs quotes) at character 14",
        "Adam(betas=(0.9)|expected ',' or ')' after the value of 'betas' at the end",
        "Adam(betas=(0.9, 0.99]|expected ',' or ')' at character 22",
        "Adam(eps='x)|no end at character 10",
        "Adam(lr=True)|'lr' must be a number >= 0 but is true",
        "Adam(lr=-1)|'lr' must be a number >= 0 but is -1",
        "Adam(eps=None)|'eps' can't be None"
      })
  void saysWhereItIsWrong(String text, String message) {
    assertThatThrownBy(() -> OptimizerSpec.parse(text))
        .isInstanceOf(CliException.class)
        .hasMessageContaining(message)
        .hasMessageStartingWith("bad optimizer \"" + text + "\": ");
  }

  @Test
  void endlessNestingIsRefused() {
    String text = "A(x=" + "[".repeat(100_000);
    assertThatThrownBy(() -> OptimizerSpec.parse(text)).hasMessageContaining("too deeply");
  }
}
