package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.trust.ImportValidator.Answer;

class TerminalValidatorTest {
  private static final ImportRequest REQUEST = ImportRequest.ofClass("a.B", Origin.CONFIG);

  private static Answer ask(StringBuilder shown, String... lines) {
    Deque<String> typed = new ArrayDeque<>(List.of(lines));
    return new TerminalValidator(
            text -> {
              shown.append(text);
              return typed.pollFirst();
            })
        .ask(REQUEST, "QUESTION");
  }

  @ParameterizedTest
  @CsvSource({"yes, YES", "YES, YES", "' Yes ', YES", "always, ALWAYS", "no, NO", "No, NO"})
  void answers(String line, Answer answer) {
    StringBuilder shown = new StringBuilder();
    assertThat(ask(shown, line)).isEqualTo(answer);
    assertThat(shown).startsWith("QUESTION").contains("yes, no or always?");
  }

  @Test
  void onlyWholeWordsCount() {
    StringBuilder shown = new StringBuilder();
    assertThat(ask(shown, "y", "", "yes please", "yes")).isEqualTo(Answer.NO);
    assertThat(ask(shown, "y", "a", "yes")).isEqualTo(Answer.YES);
    assertThat(shown).contains("type yes, no or always in full");
  }

  @Test
  void theEndOfTheInputIsNo() {
    assertThat(ask(new StringBuilder())).isEqualTo(Answer.NO);
    assertThat(ask(new StringBuilder(), "what")).isEqualTo(Answer.NO);
  }

  @Test
  void withoutATerminalThereIsNobodyToAsk() {
    assertThat(new TerminalValidator(null).ask(REQUEST, "")).isEqualTo(Answer.NOBODY_THERE);
  }
}
