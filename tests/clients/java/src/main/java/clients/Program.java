package clients;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;

/** Rules, as the frame wants them: listed without arguments, checked when they are named. */
public final class Program {
    static final String GROUP = "ark.mckinsey.com";
    static final String PROBE = "probe.example.com";
    static String namespace = "default";

    private static final Map<String, Check> RULES = new LinkedHashMap<>();
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What tries a rule. */
    interface Check {
        void run() throws Exception;
    }

    private Program() {}

    static void rule(String name, Check check) {
        RULES.put(name, check);
    }

    public static void main(String[] arguments) throws Exception {
        Set<String> asked = new LinkedHashSet<>();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            if (asked.isEmpty()) {
                namespace = parts[1];
            }
            asked.add(parts[0]);
        }
        Requests.define();
        Writing.define();
        Following.define();
        for (Map.Entry<String, Check> one : RULES.entrySet()) {
            if (asked.isEmpty()) {
                System.out.println(JSON.writeValueAsString(Map.of("rule", one.getKey())));
            } else if (asked.contains(one.getKey())) {
                Map<String, String> found = new LinkedHashMap<>();
                found.put("rule", one.getKey());
                found.put("error", error(one.getValue()));
                System.out.println(JSON.writeValueAsString(found));
                System.out.flush();
            }
        }
        // Threads of the client's own would keep the program from ending.
        Runtime.getRuntime().halt(0);
    }

    private static String error(Check check) {
        try {
            check.run();
            return null;
        } catch (Throwable error) {
            StringBuilder told = new StringBuilder(error.toString());
            for (StackTraceElement frame : error.getStackTrace()) {
                if (frame.getClassName().startsWith("clients.")) {
                    told.append(" at ").append(frame.getFileName()).append(':').append(frame.getLineNumber());
                }
            }
            for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
                told.append("; because ").append(cause);
            }
            return told.toString();
        }
    }

    static void same(Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static void holds(boolean condition, Object found) {
        if (!condition) {
            throw new AssertionError("does not hold; found " + found);
        }
    }

    static void until(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within 30 s");
            }
            Thread.sleep(50);
        }
    }
}
