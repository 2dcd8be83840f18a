package org.optibridge;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;

@AnalyzeClasses(
    packages = "org.optibridge",
    importOptions = {ImportOption.DoNotIncludeTests.class, ImportOption.DoNotIncludeJars.class})
class ArchitectureTest {
  private static final String BASE = "org.optibridge.";

  private static ArchRule only(String name, String... others) {
    String[] allowed = new String[others.length + 1];
    allowed[0] = BASE + name + "..";
    for (int i = 0; i < others.length; i++) {
      allowed[i + 1] = BASE + others[i] + "..";
    }
    return noClasses()
        .that()
        .resideInAPackage(BASE + name + "..")
        .should()
        .dependOnClassesThat(
            JavaClass.Predicates.resideInAPackage("org.optibridge..")
                .and(
                    com.tngtech.archunit.base.DescribedPredicate.not(
                        JavaClass.Predicates.resideInAnyPackage(allowed))));
  }

  @ArchTest static final ArchRule MEMORY_STANDS_ALONE = only("memory");
  @ArchTest static final ArchRule VECTOR_USES_MEMORY = only("vector", "memory");
  @ArchTest static final ArchRule OPTIMIZER = only("optimizer", "vector", "memory");
  @ArchTest static final ArchRule SCHEDULERS = only("schedulers", "optimizer");
  @ArchTest static final ArchRule MODULES = only("modules", "optimizer", "vector", "memory");
  @ArchTest static final ArchRule STATE = only("state", "optimizer", "vector", "memory");
  @ArchTest static final ArchRule TRUST_STANDS_ALONE = only("trust");
  @ArchTest static final ArchRule TORCH = only("torch", "optimizer", "vector", "memory", "trust");

  @ArchTest
  static final ArchRule TENSORFLOW =
      only("tensorflow", "optimizer", "vector", "memory", "trust", "state");

  @ArchTest
  static final ArchRule TRUST_USES_THE_JDK_ALONE =
      classes()
          .that()
          .resideInAPackage(BASE + "trust..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(BASE + "trust..", "java..", "org.jspecify..");

  @ArchTest
  static final ArchRule NOTHING_BUT_THE_COMMAND_LINE_KNOWS_TORCH =
      noClasses()
          .that()
          .resideOutsideOfPackages(BASE + "torch..", BASE + "cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(BASE + "torch..");

  @ArchTest
  static final ArchRule NOTHING_BUT_THE_COMMAND_LINE_KNOWS_TENSORFLOW =
      noClasses()
          .that()
          .resideOutsideOfPackages(BASE + "tensorflow..", BASE + "cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(BASE + "tensorflow..");

  @ArchTest
  static final ArchRule LIBRARIES_OF_THE_COMMAND_LINE =
      noClasses()
          .that()
          .resideOutsideOfPackage(BASE + "cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "org.knowm..", "me.tongfei..", "org.bytedeco.pytorch..");

  @ArchTest
  static final ArchRule JSON =
      noClasses()
          .that()
          .resideOutsideOfPackages(BASE + "cli..", BASE + "state..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.fasterxml..");

  @ArchTest
  static final ArchRule PACKAGES_ARE_DOCUMENTED =
      classes()
          .that()
          .arePublic()
          .should(
              new ArchCondition<JavaClass>("be in a package with a package-info.java") {
                @Override
                public void check(JavaClass item, ConditionEvents events) {
                  boolean documented = item.getPackage().tryGetPackageInfo().isPresent();
                  events.add(
                      new SimpleConditionEvent(
                          item, documented, item.getPackageName() + " of " + item.getName()));
                }
              });
}
