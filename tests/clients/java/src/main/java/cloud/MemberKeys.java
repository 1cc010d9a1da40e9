package cloud;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/**
 * Member ids of members whose keys are not positive 64-bit integers.
 *
 * <p>Reads seeds and keys from stdin, by turns, each with a zero byte behind it. Prints the ids as one JSON array of
 * texts.
 */
public final class MemberKeys {
  /** Returns the first 63 bits of the SHA-256 of the seed followed by the key; 1 if they are 0. */
  static long memberIdOf(String seed, String key) throws GeneralSecurityException {
    byte[] bytes = (seed + key).getBytes(StandardCharsets.UTF_8);
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
    return Math.max(1, ByteBuffer.wrap(digest).getLong() >>> 1);
  }

  public static void main(String[] arguments) throws Exception {
    String[] texts = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\0", -1);
    List<String> ids = new ArrayList<>();
    for (int place = 0; place + 1 < texts.length; place += 2) {
      ids.add("\"" + memberIdOf(texts[place], texts[place + 1]) + "\"");
    }
    System.out.println(ids);
  }
}
