package org.optibridge.torch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/** Makes TorchScript archives from text, and opens them. */
final class ScriptArchives {
  static final String LION_METADATA =
      """
      {"format": 1, "name": "Lion", "learning_rate": 1e-4, "element_wise": true,
       "reads_weights": false, "in_place": false, "flat": true, "torch": "2.10.0",
       "options": [{"name": "beta1", "default": 0.9, "minimum": 0, "exclusiveMaximum": 1},
                   {"name": "beta2", "default": 0.99, "minimum": 0, "exclusiveMaximum": 1},
                   {"name": "weight_decay", "default": 0, "minimum": 0}],
       "state": [{"name": "exp_avg", "kind": "like", "initial": 0}]}
      """;
  static final String LION_INPUTS =
      "param: Tensor, grad: Tensor, step: Tensor, lr: Tensor, beta1: Tensor, beta2: Tensor,"
          + " weight_decay: Tensor, exp_avg: Tensor";
  static final String LION =
      forward(
          LION_INPUTS + ") -> Tuple[Tensor, Tensor]",
          "d = torch.sign(torch.add(torch.mul(beta1, exp_avg), torch.mul(torch.rsub(beta1, 1),"
              + " grad)))",
          "p = torch.sub(torch.mul(torch.rsub(torch.mul(lr, weight_decay), 1), param),"
              + " torch.mul(lr, d))",
          "m = torch.add(torch.mul(beta2, exp_avg), torch.mul(torch.rsub(beta2, 1), grad))",
          "return (p, m)");

  // A pickled object of __torch__.Step with the two attributes that every module has.
  private static final String DATA =
      "8002635f5f746f7263685f5f0a537465700a710029817d28580800000074726169"
          + "6e696e6771018858160000005f69735f66756c6c5f6261636b776172645f686f6f6b71024e75627103"
          + "2e";

  private ScriptArchives() {}

  /**
   * The source of a module.
   *
   * @param signature of forward, after {@code self}
   * @param lines of its body
   */
  static String forward(String signature, String... lines) {
    return "class Step(Module):\n"
        + "  __parameters__ = []\n"
        + "  __buffers__ = []\n"
        + "  training : bool\n"
        + "  _is_full_backward_hook : Optional[bool]\n"
        + "  def forward(self: __torch__.Step,\n    "
        + signature
        + ":\n    "
        + String.join("\n    ", lines)
        + "\n";
  }

  static Map<String, byte[]> entries(String metadata, String source) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("step/extra/optibridge.json", metadata.getBytes(StandardCharsets.UTF_8));
    entries.put("step/data.pkl", HexFormat.of().parseHex(DATA));
    entries.put("step/code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
    entries.put("step/constants.pkl", HexFormat.of().parseHex("8002292e"));
    entries.put("step/version", "4\n".getBytes(StandardCharsets.UTF_8));
    entries.put("step/byteorder", "little".getBytes(StandardCharsets.UTF_8));
    return entries;
  }

  static Path write(Path file, String metadata, String source) {
    return write(file, entries(metadata, source));
  }

  static Path write(Path file, Map<String, byte[]> entries) {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.setMethod(ZipOutputStream.STORED);
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry one = new ZipEntry(entry.getKey());
        CRC32 crc = new CRC32();
        crc.update(entry.getValue());
        one.setSize(entry.getValue().length);
        one.setCrc(crc.getValue());
        zip.putNextEntry(one);
        zip.write(entry.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  /** Opens a file that the policy allows. */
  static TorchImport open(Path file) {
    return open(file.toString(), file);
  }

  static TorchImport open(String reference, Path file) {
    TrustedImports imports = new TrustedImports(ImportPolicy.builder().allowPath(file).build());
    return TorchImport.open(reference, imports, Origin.CODE);
  }
}
