package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.optibridge.memory.NativeMemory;

/** Native bytes and handles are after each test what they were before it. */
public final class NoLeaks implements BeforeTestExecutionCallback, AfterTestExecutionCallback {
  private long bytes;
  private long handles;

  @Override
  public void beforeTestExecution(ExtensionContext context) {
    bytes = NativeMemory.liveBytes();
    handles = NativeMemory.liveHandles();
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    if (context.getExecutionException().isEmpty()) {
      assertThat(NativeMemory.liveBytes()).as("native bytes").isEqualTo(bytes);
      assertThat(NativeMemory.liveHandles()).as("native handles").isEqualTo(handles);
    }
  }
}
