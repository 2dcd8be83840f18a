package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.testing.SignDescent;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.TrustedImports;
import picocli.CommandLine;

class ImportOptionsTest extends CommandRuns {
  private static final String NAME = SignDescent.class.getName();

  @TempDir Path folder;

  @BeforeEach
  void reset() {
    SignDescent.made = 0;
  }

  private int run(List<String> args) {
    return execute(args.toArray(new String[0]));
  }

  private static List<String> compare(String... more) {
    List<String> args = new ArrayList<>(List.of("compare", "-e", "1", "--no-progress"));
    args.addAll(List.of(more));
    return args;
  }

  private void refuses(String message, List<String> args) {
    assertThat(run(args)).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString().strip()).contains(message).hasLineCount(1);
    assertThat(out.toString()).isEmpty();
    assertThat(SignDescent.made).isZero();
    err.getBuffer().setLength(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"com.example.Unknown", "org.optibridge.testing.SignDescent"})
  void compareRefusesClasses(String name) {
    refuses(
        "The import policy refused class '"
            + name
            + "', asked for by the command line: it is not on the allow-list and there is no"
            + " terminal to ask at; nothing was loaded. To allow it: --allow-import class:"
            + name
            + ", or the line \"class = "
            + name
            + "\" in the file of --import-policy",
        compare("--optimizer", name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mine.pt2", "mine.pt", "libmine.so", "libmine.so:Lion"})
  void compareRefusesFiles(String name) throws IOException {
    Path file = folder.resolve(name.replace(":Lion", ""));
    refuses(
        (name.contains(".so") ? "The native library '" : "The exported program '")
            + file
            + "' does not exist",
        compare("--optimizer", folder + "/" + name));
    Files.writeString(file, "code");
    String digest = "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b";
    refuses(
        ", asked for by the command line: it is not on the allow-list and there is no terminal to"
            + " ask at; nothing was loaded. To allow it: --allow-import sha256:"
            + digest
            + ", or the line \"sha256 = "
            + digest
            + "\" in the file of --import-policy",
        compare("--optimizer", folder + "/" + name + "(beta1=0.5)"));
    refuses(
        "The import policy refused", compare("--optimizer", "'" + folder + "/" + name + "'(lr=1)"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--client-optimizer", "--server-optimizer"})
  void federateRefusesClasses(String option) {
    refuses(
        "The import policy refused class 'com.example.Unknown'",
        List.of("federate", option, "com.example.Unknown(lr=1)"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "package:org.optibridge",
        "package:org.optibridge.testin",
        "class:org.optibridge.testing.Sign",
        "class:org.optibridge.testing.SignDescent$X",
        "package-tree:com.example"
      })
  void rulesThatJustMiss(String rule) {
    refuses("The import policy refused", compare("-o", NAME, "--allow-import", rule));
  }

  @RequiresTorch
  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.optibridge.testing.SignDescent", "class:org.optibridge.testing.SignDescent",
        "package:org.optibridge.testing", "package-tree:org.optibridge"
      })
  void compareRunsAnAllowedClass(String rule) {
    assertThat(run(compare("-o", NAME + "(lr=0.001, scale=1.5)", "--allow-import", rule)))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).contains(NAME + "(lr=0.001, scale=1.5)");
    assertThat(SignDescent.made).isPositive();
  }

  @RequiresTorch
  @Test
  void federateRunsAnAllowedClass() {
    List<String> args = new ArrayList<>(List.of("federate", "--rounds", "1", "--seeds", "1"));
    args.addAll(List.of("--no-progress", "--fedavg", "-o", NAME + "(lr=0.01)"));
    args.addAll(List.of("--allow-import", NAME));
    assertThat(run(args)).as(err.toString()).isZero();
    assertThat(SignDescent.made).isPositive();
  }

  @RequiresTorch
  @Test
  void aPolicyFile() throws IOException {
    Path file = Files.writeString(folder.resolve("policy"), "class = " + NAME + "\n");
    assertThat(run(compare("-o", NAME, "--import-policy", file.toString())))
        .as(err.toString())
        .isZero();
    SignDescent.made = 0;
    err.getBuffer().setLength(0);
    out.getBuffer().setLength(0);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
    refuses(
        "can be written to by everyone", compare("-o", NAME, "--import-policy", file.toString()));
  }

  @Test
  void badRulesAndFiles() {
    refuses("Unknown key 'jar'", compare("--allow-import", "jar:x"));
    err.getBuffer().setLength(0);
    refuses("does not exist", compare("--import-policy", folder.resolve("none").toString()));
    err.getBuffer().setLength(0);
    refuses(
        "does not implement " + OptiModule.class.getName(),
        compare("-o", "java.lang.Thread", "--allow-import", "java.lang.Thread"));
    err.getBuffer().setLength(0);
    refuses("is not on the class path", compare("-o", "a.b.C", "--allow-import", "package:a.b"));
  }

  @RequiresTorch
  @Test
  void badOptionsOfAnAllowedClass() {
    refuses("unknown entry 'scael'", compare("-o", NAME + "(scael=1)", "--allow-import", NAME));
  }

  @RequiresTorch
  @ParameterizedTest
  @ValueSource(strings = {"torch.evil.Foo", "Adamm", "keras.optimizers.Evil"})
  void otherNamesAreUnknownOptimizers(String name) {
    String framework = name.startsWith("keras") ? "Keras" : "torch";
    refuses("Unknown " + framework + " optimizer '" + name + "'", compare("-o", name));
  }

  @Test
  void nestedClassesAreNamedAsJavaDoes() {
    refuses(
        "refused class 'com.example.Outer$Inner'", compare("-o", "com.example.Outer$Inner(lr=1)"));
  }

  @Test
  void onlyOneQuestionForEachSpec() {
    List<String> questions = new ArrayList<>();
    TrustedImports imports =
        new TrustedImports(
            ImportPolicy.builder()
                .validator(
                    (request, question) -> {
                      questions.add(question);
                      return ImportValidator.Answer.YES;
                    })
                .build());
    OptimizerSpec spec = OptimizerSpec.parse(NAME + "(scale=2)", imports);
    spec.module().close();
    spec.module().close();
    assertThat(questions).hasSize(1);
    assertThat(SignDescent.made).isEqualTo(2);
    assertThat(spec.rate(0.25)).isEqualTo(0.25);
    assertThatThrownBy(() -> OptimizerSpec.parse("com.example.Unknown"))
        .isInstanceOf(CliException.class);
  }
}
