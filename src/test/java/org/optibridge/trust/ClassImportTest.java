package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Classes whose initialization would leave a trace. */
@SuppressWarnings("rawtypes") // a class literal has no type arguments
class ClassImportTest {
  private static final ImportValidator NO = (request, question) -> ImportValidator.Answer.NO;

  @TempDir static Path classes;

  private Canary loader;

  @BeforeAll
  static void compile() throws IOException {
    String get = "public Object get() { return config; } ";
    Canary.compile(
        classes,
        "canary",
        "Good",
        "public class Good implements java.util.function.Supplier<Object> { "
            + Canary.trap("Good")
            + " private final Object config; "
            + "public Good(java.util.Map<String, Object> config) { this.config = config;"
            + " if (config.containsKey(\"bad\")) throw new IllegalArgumentException(\"bad\");"
            + " if (config.containsKey(\"worse\")) throw new IllegalStateException(\"worse\"); } "
            + get
            + "public static class Inner extends Good { "
            + Canary.trap("Inner")
            + " public Inner() { super(java.util.Map.of()); } } "
            + "static class Hidden extends Inner { public Hidden() {} } "
            + "public abstract static class Half extends Inner { public Half() {} } "
            + "public static class Closed extends Inner { Closed() {} } "
            + "public static class Broken extends Inner {"
            + " static final int X = Integer.parseInt(\"x\"); public Broken() {} } }");
    Canary.compile(
        classes, "canary", "Other", "public class Other { " + Canary.trap("Other") + " }");
    Canary.compile(
        classes, "canaryevil", "Good", "public class Good { " + Canary.trap("Evil") + " }");
  }

  @BeforeEach
  void open() throws IOException {
    Canary.reset();
    loader = Canary.in(classes);
  }

  @AfterEach
  void close() throws IOException {
    loader.close();
    Canary.reset();
  }

  private ImportedClass<Supplier> load(ImportPolicy.Builder policy, String name) {
    return new TrustedImports(policy.build()).load(name, Supplier.class, loader, Origin.CODE);
  }

  private static ImportPolicy.Builder policy() {
    return ImportPolicy.builder().validator(NO);
  }

  private void refuses(ImportPolicy.Builder policy, String name, String message) {
    assertThatThrownBy(() -> load(policy, name))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageStartingWith("The import policy refused class '")
        .hasMessageContaining(message)
        .hasMessageContaining("nothing was loaded");
    assertThat(loader.asked).isEmpty();
    for (String trace : new String[] {"Good", "Inner", "Other", "Evil"}) {
      assertThat(Canary.sprung(trace)).as(trace).isFalse();
    }
  }

  @Test
  void refusedMeansNotEvenLoaded() {
    refuses(policy(), "canary.Good", "answered by \"no\"");
  }

  @Test
  void allowedIsInitializedWhenItIsMade() {
    ImportedClass<Supplier> good = load(policy().allowClass("canary.Good"), "canary.Good");
    assertThat(loader.asked).contains("canary.Good");
    assertThat(Canary.sprung("Good")).isFalse();
    assertThat(good.create(Map.of("a", 1)).get()).isEqualTo(Map.of("a", 1));
    assertThat(Canary.sprung("Good")).isTrue();
  }

  @Test
  void theWrongInterfaceIsFoundBeforeInitialization() {
    assertThatThrownBy(() -> load(policy().allowPackage("canary"), "canary.Other"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'canary.Other' does not implement java.util.function.Supplier");
    assertThat(Canary.sprung("Other")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Good$Hidden", "Good$Half", "Good$Closed"})
  void whatCantBeMadeIsFoundBeforeInitialization(String name) {
    assertThatThrownBy(() -> load(policy().allowPackage("canary"), "canary." + name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("canary." + name)
        .hasMessageContaining("public");
    assertThat(Canary.sprung("Good")).isFalse();
    assertThat(Canary.sprung("Inner")).isFalse();
  }

  @Test
  void nestedClassesHaveNamesOfTheirOwn() {
    refuses(policy().allowClass("canary.Good"), "canary.Good$Inner", "not on the allow-list");
    refuses(policy().allowPackage("canary"), "canary.Good.Inner", "not on the allow-list");
    // Read as class Inner of a package canary.Good, which is not there; never as a nested class.
    assertThatThrownBy(() -> load(policy().allowPackageTree("canary"), "canary.Good.Inner"))
        .hasMessageContaining("is not on the class path");
    assertThat(load(policy().allowClass("canary.Good$Inner"), "canary.Good$Inner").type())
        .hasToString("class canary.Good$Inner");
    assertThat(Canary.sprung("Inner")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[Lcanary.Good;",
        "[[I",
        "int",
        "Good",
        "",
        ".",
        "canary.",
        ".canary.Good",
        "canary..Good",
        "canary.Good.",
        "canary.Good ",
        " canary.Good",
        "canary/Good",
        "canary.Good;",
        "canary.G\u043e\u043ed",
        "canary.Good\u0000",
        "canary.Good\n",
        "canary.Good\u200b",
        "../canary/Good",
        "canary.Good$",
        "$.Good",
        "file:///canary.Good",
        "canary.Good\u001b[2K"
      })
  void oddNamesAreRefusedWhateverThePolicySays(String name) {
    ImportPolicy.Builder all =
        ImportPolicy.builder()
            .allowPackageTree("canary")
            .validate(false)
            .validator((request, question) -> ImportValidator.Answer.ALWAYS);
    refuses(all, name, "it is not the binary name of a class in a package");
  }

  @Test
  void overlongNamesAreRefused() {
    refuses(policy().validate(false), "a." + "b".repeat(10_000), "not the binary name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"torch.evil.Foo", "keras.optimizers.Evil", "tensorflow.X", "tf.a.B"})
  void frameworksNamesAreNoClasses(String name) throws IOException {
    String pkg = ClassNames.packageOf(name);
    String simple = name.substring(pkg.length() + 1);
    Canary.compile(
        classes, pkg, simple, "public class " + simple + " { " + Canary.trap("Evil") + " }");
    assertThat(TrustedImports.isQualified(name)).isFalse();
    refuses(policy().validate(false), name, "optimizers built into optibridge");
    assertThatThrownBy(() -> ImportPolicy.builder().allowClass(name))
        .hasMessageContaining("can't be allowed");
    assertThatThrownBy(() -> ImportPolicy.builder().allowPackageTree(pkg))
        .hasMessageContaining("can't be allowed");
  }

  @Test
  void prefixesAreNoPackages() {
    refuses(policy().allowPackageTree("canary"), "canaryevil.Good", "not on the allow-list");
    refuses(policy().allowPackage("canary"), "canaryevil.Good", "not on the allow-list");
    refuses(policy().allowPackage("canary"), "Canary.Good", "not on the allow-list");
    refuses(policy().allowClass("canary.Good"), "canary.good", "not on the allow-list");
    refuses(policy().allowClass("canary.Goo"), "canary.Good", "not on the allow-list");
    refuses(policy().allowPackage("canary"), "canary.deep.Good", "not on the allow-list");
  }

  @Test
  void validationOffIsForCodeAlone() {
    ImportPolicy off = policy().validate(false).build();
    TrustedImports imports = new TrustedImports(off);
    for (Origin origin : new Origin[] {Origin.CONFIG, Origin.COMMAND_LINE}) {
      assertThatThrownBy(() -> imports.load("canary.Good", Supplier.class, loader, origin))
          .isInstanceOf(ImportRefusedException.class);
    }
    assertThat(loader.asked).isEmpty();
    assertThat(imports.load("canary.Good", Supplier.class, loader, Origin.CODE)).isNotNull();
  }

  @ParameterizedTest
  @EnumSource(Origin.class)
  void withoutATerminalTheAnswerIsNo(Origin origin) {
    // Tests run with their input redirected; this is the standard policy, whatever it asks at.
    TrustedImports imports =
        new TrustedImports(ImportPolicy.builder().validator(new TerminalValidator(null)).build());
    assertThatThrownBy(() -> imports.load("canary.Good", Supplier.class, loader, origin))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("there is no terminal to ask at")
        .hasMessageContaining("To allow it: ")
        .hasMessageContaining(
            origin == Origin.COMMAND_LINE
                ? "--allow-import class:canary.Good"
                : "allowClass(\"canary.Good\")");
    assertThat(loader.asked).isEmpty();
  }

  @Test
  void whoeverIsAskedSeesWhereTheClassLiesAndItsDigest() throws IOException {
    StringBuilder seen = new StringBuilder();
    ImportPolicy.Builder policy =
        ImportPolicy.builder()
            .validator(
                (request, question) -> {
                  seen.append(question);
                  return ImportValidator.Answer.NO;
                });
    refuses(policy, "canary.Good", "answered by \"no\"");
    Path file = classes.resolve("canary/Good.class");
    assertThat(seen)
        .contains("class: canary.Good", "from: " + file.toUri().toURL(), "asked for by: code")
        .contains("sha256 " + Bytes.sha256(Files.readAllBytes(file)));
  }

  @Test
  void constructorsThatFail() {
    ImportedClass<Supplier> good = load(policy().allowPackage("canary"), "canary.Good");
    assertThatThrownBy(() -> good.create(Map.of("bad", 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad");
    assertThatThrownBy(() -> good.create(Map.of("worse", 1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("canary.Good")
        .hasMessageContaining("worse");
    ImportedClass<Supplier> inner = load(policy().allowPackage("canary"), "canary.Good$Inner");
    assertThatThrownBy(() -> inner.create(Map.of("x", 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes no options");
    ImportedClass<Supplier> broken = load(policy().allowPackage("canary"), "canary.Good$Broken");
    assertThatThrownBy(() -> broken.create(Map.of()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("ExceptionInInitializerError");
  }

  @Test
  void anAllowedClassThatIsNotThere() {
    assertThatThrownBy(() -> load(policy().allowPackage("canary"), "canary.Missing"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'canary.Missing' is allowed by the import policy, but is not on");
  }
}
