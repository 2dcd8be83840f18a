package org.optibridge.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchLibrary;

/** A C++ exception never crosses into Java as a crash: each kind becomes its Java exception. */
class NativeErrorTest {
  private static Class<? extends RuntimeException> expected(int kind) {
    return switch (kind) {
      case 1, 6 -> NativeOutOfMemoryException.class;
      case 2 -> IllegalArgumentException.class;
      default -> OptiBridgeException.class;
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void coreExceptions(int kind) {
    assertThatThrownBy(() -> NativeStatus.check(CoreLibrary.ob_raise_for_test(kind)))
        .isExactlyInstanceOf(expected(kind))
        .message()
        .startsWith("raise_for_test: ")
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  @RequiresTorch
  void torchExceptions(int kind) {
    assertThatThrownBy(() -> NativeStatus.check(TorchLibrary.ob_torch_raise_for_test(kind)))
        .isExactlyInstanceOf(expected(kind))
        .message()
        .startsWith("torch_raise_for_test: ")
        .doesNotContain("\n");
  }

  @Test
  void successIsSilent() {
    assertThatCode(() -> NativeStatus.check(CoreLibrary.ob_raise_for_test(0)))
        .doesNotThrowAnyException();
  }

  @Test
  void messagesKeepTheirText() {
    assertThatThrownBy(() -> NativeStatus.check(CoreLibrary.ob_raise_for_test(3)))
        .hasMessageContaining("raised for a test");
  }

  @Test
  void tooLargeAnAllocationIsAnException() {
    long before = NativeMemory.liveBytes();
    assertThatThrownBy(() -> NativeBlock.allocate(Long.MAX_VALUE / 4))
        .isInstanceOf(NativeOutOfMemoryException.class);
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
  }

  @Test
  void viewsLongerThanABufferAreRefused() {
    assertThatThrownBy(() -> NativeBlock.view(64, 1L << 31))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 GiB");
  }
}
