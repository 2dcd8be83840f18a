package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.trust.ImportValidator.Answer;

/** Rules, answers and what is remembered of them. */
class ImportPolicyTest {
  private static final String A = "a".repeat(64);
  private static final String B = "b".repeat(64);

  private final List<String> questions = new ArrayList<>();

  private TrustedImports answering(Answer... answers) {
    Deque<Answer> next = new ArrayDeque<>(List.of(answers));
    return new TrustedImports(
        ImportPolicy.builder()
            .validator(
                (request, question) -> {
                  questions.add(question);
                  return next.removeFirst();
                })
            .build());
  }

  private static ImportRequest cls(String name) {
    return ImportRequest.ofClass(name, Origin.CONFIG);
  }

  private static ImportRequest file(String sha256) {
    CheckedBytes bytes = new CheckedBytes(Path.of("/opt/x.so"), sha256, 3);
    return new ImportRequest(ImportKind.LIBRARY, "x.so", bytes, null, Origin.CONFIG);
  }

  @Test
  void yesAndNoHoldOnce() {
    TrustedImports imports = answering(Answer.YES, Answer.NO, Answer.YES);
    assertThat(imports.decide(cls("a.B")).allowed()).isTrue();
    assertThat(imports.decide(cls("a.B")).allowed()).isFalse();
    assertThat(imports.decide(cls("a.B")).allowed()).isTrue();
    assertThat(questions).hasSize(3);
  }

  @Test
  void alwaysIsRememberedForThatClassAlone() {
    TrustedImports imports = answering(Answer.ALWAYS, Answer.NO, Answer.NO);
    assertThat(imports.decide(cls("a.B")).allowed()).isTrue();
    assertThat(imports.decide(cls("a.B")).allowed()).isTrue();
    assertThat(questions).hasSize(1);
    assertThat(imports.decide(cls("a.B$C")).allowed()).isFalse();
    assertThat(imports.decide(cls("a.C")).allowed()).isFalse();
    assertThat(questions).hasSize(3);
  }

  @Test
  void alwaysIsRememberedForThatDigestAlone() {
    TrustedImports imports = answering(Answer.ALWAYS, Answer.NO);
    assertThat(imports.decide(file(A)).allowed()).isTrue();
    assertThat(imports.decide(file(A)).allowed()).isTrue();
    assertThat(imports.decide(file(B)).allowed()).isFalse();
    assertThat(questions).hasSize(2);
  }

  @Test
  void anAnswerIsNotSharedWithOtherPolicies() {
    assertThat(answering(Answer.ALWAYS).decide(cls("a.B")).allowed()).isTrue();
    assertThat(answering(Answer.NO).decide(cls("a.B")).allowed()).isFalse();
  }

  @Test
  void aValidatorThatFailsEndsTheImport() {
    TrustedImports imports =
        new TrustedImports(
            ImportPolicy.builder()
                .validator(
                    (request, question) -> {
                      throw new IllegalStateException("no display");
                    })
                .build());
    assertThatThrownBy(() -> imports.decide(cls("a.B"))).hasMessage("no display");
  }

  @Test
  void byDefaultNothingIsAllowed() {
    ImportPolicy policy = ImportPolicy.standard();
    assertThat(policy.rules()).isEmpty();
    assertThat(policy.validates()).isTrue();
    assertThat(policy.decide(cls("a.B"))).isNull();
    assertThat(policy.decide(file(A))).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "class:com.example.A, com.example.A, true",
    "com.example.A, com.example.A, true",
    "class:com.example.A, com.example.A$B, false",
    "class:com.example.A, com.example.AB, false",
    "class:com.example.A, com.example.a, false",
    "package:com.example, com.example.A, true",
    "package:com.example, com.example.A$B, true",
    "package:com.example, com.example.sub.A, false",
    "package:com.example, com.examplevil.A, false",
    "package:com.example, com.Example.A, false",
    "package:com.example, org.com.example.A, false",
    "package-tree:com.example, com.example.A, true",
    "package-tree:com.example, com.example.sub.A, true",
    "package-tree:com.example, com.examplevil.A, false",
    "package-tree:com.example, com.example, false"
  })
  void rulesOfNames(String rule, String name, boolean allowed) {
    ImportPolicy policy = ImportPolicy.builder().allow(AllowRule.parse(rule)).build();
    Decision decision = policy.decide(cls(name));
    assertThat(decision != null && decision.allowed()).isEqualTo(allowed);
    // A rule of names says nothing about files.
    assertThat(policy.decide(file(A))).isNull();
  }

  @Test
  void digestsAreComparedInOneForm() {
    ImportPolicy policy = ImportPolicy.builder().allowSha256(A.toUpperCase(Locale.ROOT)).build();
    assertThat(policy.decide(file(A))).extracting(Decision::allowed).isEqualTo(true);
    assertThat(policy.decide(file(B))).isNull();
    assertThat(policy.decide(file(A.substring(1) + "b"))).isNull();
    // A digest says nothing about classes.
    assertThat(policy.decide(cls("a.B"))).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "com.example.",
        "com.example.*",
        "Foo",
        "class:",
        "class:a..B",
        "package:",
        "package:a.",
        "package:.a",
        "package:a.*",
        "package:a b",
        "package-tree:torch",
        "package:torch.optim",
        "class:torch.optim.Adam",
        "sha256:abc",
        "sha256:",
        "jar:com.example",
        "validate:false",
        "CLASS:com.example.A",
        "path:/does/not/exist",
        "path:\u0000",
        "path:/dev/null",
        "sha256:zaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      })
  void rulesThatMeanNothing(String text) {
    assertThatThrownBy(() -> AllowRule.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whatOthersWriteIsShownEscaped() {
    String evil = "x.so\n  from: /usr/lib/good.so\u001b[1A\u202e";
    CheckedBytes bytes = new CheckedBytes(Path.of("/tmp/" + evil), A, 3);
    ImportRequest request = new ImportRequest(ImportKind.LIBRARY, evil, bytes, null, Origin.CONFIG);
    answering(Answer.NO).decide(request);
    assertThat(questions.get(0))
        .contains("x.so\\u{a}  from", "\\u{1b}[1A\\u{202e}", A, "3 bytes", "a config")
        .doesNotContain("\u001b", "\u202e")
        .hasLineCount(6);
    assertThat(request.describe()).hasLineCount(1).doesNotContain("\u001b");
    assertThat(Printable.of("a".repeat(5000))).hasSizeLessThan(500);
  }

  @Test
  void decisionsAreLogged() {
    List<LogRecord> records = new ArrayList<>();
    Logger logger = Logger.getLogger("org.optibridge.trust");
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord record) {
            records.add(record);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      TrustedImports imports = answering(Answer.NO, Answer.YES);
      imports.decide(cls("a.B"));
      imports.decide(cls("a.B"));
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
    assertThat(records)
        .extracting(record -> record.getLevel().getName(), ImportPolicyTest::text)
        .containsExactly(
            tuple(
                "WARNING",
                "Refused class 'a.B', asked for by a config: it is not on the allow-list and was"
                    + " answered by \"no\""),
            tuple(
                "INFO", "Allowed class 'a.B', asked for by a config: it was answered by \"yes\""));
  }

  private static String text(LogRecord record) {
    return new MessageFormat(record.getMessage(), Locale.ROOT).format(record.getParameters());
  }

  @Test
  void aRequestIsForAClassOrForBytes() {
    assertThatThrownBy(() -> new ImportRequest(ImportKind.PROGRAM, "x", null, null, Origin.CODE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("needs its bytes");
    assertThatThrownBy(() -> ImportPolicy.builder().maxBytes(0)).hasMessageContaining("not 0");
  }
}
