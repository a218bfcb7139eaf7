import java.io.FileReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.eclipse.dataspacetck.core.system.ConsoleMonitor;
import org.eclipse.dataspacetck.runtime.TckRuntime;

/**
 * Runs the kit's cases and says in lines that a program reads what became of them: the kit itself has no exit code.
 * Arguments: a properties file; optionally a text that the name of a case has to contain.
 */
public class RunKit {
    public static void main(String[] given) throws Exception {
        var settings = new Properties();
        try (var file = new FileReader(given[0])) {
            settings.load(file);
        }
        Map<String, String> properties = new HashMap<>();
        for (var name : settings.stringPropertyNames()) {
            properties.put(name, settings.getProperty(name));
        }
        var kit = TckRuntime.Builder.newInstance().properties(properties).monitor(new ConsoleMonitor(false, false))
            .addPackage("org.eclipse.dataspacetck.dsp.verification");
        if (given.length > 1) { // the engine and the classes stay in, or their cases go with them
            kit.displayNameMatching(name -> name.equals("JUnit Jupiter") || name.endsWith("Test") || name.contains(given[1]));
        }
        var summary = kit.build().execute();
        for (var failure : summary.getFailures()) {
            var cause = String.valueOf(failure.getException()).replaceAll("\\s+", " ");
            System.out.println("FAILURE\t" + failure.getTestIdentifier().getDisplayName() + "\t" + cause);
        }
        System.out.println("TOTAL\t" + summary.getTestsSucceededCount() + "\t" + summary.getTestsFailedCount()
            + "\t" + summary.getTestsSkippedCount());
        System.exit(0);
    }
}
