package org.optibridge.cli.replay;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A file of recorded cases. */
public final class CaseFile {
  private static final String SCHEMA = "optim-golden/1";
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .build();

  private CaseFile() {}

  /**
   * Reads a file.
   *
   * @param file JSON of the schema {@code optim-golden/1}
   * @return its cases, in order
   * @throws BadCaseException if it can't be read, is no JSON or of another schema
   */
  public static List<RecordedCase> read(Path file) {
    JsonNode document;
    try {
      document = MAPPER.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      String place =
          e.getLocation() == null
              ? ""
              : " at line "
                  + e.getLocation().getLineNr()
                  + ", column "
                  + e.getLocation().getColumnNr();
      throw new BadCaseException("no valid JSON" + place + ": " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new BadCaseException("can't be read: " + e, e);
    }
    if (!document.isObject() || !document.has("schema")) {
      throw new BadCaseException("lacks the field 'schema'; it must be \"" + SCHEMA + "\"");
    }
    if (!document.get("schema").asText().equals(SCHEMA)) {
      throw new BadCaseException(
          "has the schema " + document.get("schema") + "; this version reads \"" + SCHEMA + "\"");
    }
    if (!document.path("cases").isArray()) {
      throw new BadCaseException("lacks a list 'cases'");
    }
    Path folder = file.toAbsolutePath().normalize().getParent();
    if (folder == null) {
      throw new BadCaseException("is no file");
    }
    List<RecordedCase> cases = new ArrayList<>();
    for (JsonNode one : document.get("cases")) {
      JsonNode name = one.path("name");
      String known = name.isTextual() ? name.asText() : file.getFileName() + "#" + cases.size();
      cases.add(new RecordedCase(known, Field.root(one, folder)));
    }
    return cases;
  }
}
