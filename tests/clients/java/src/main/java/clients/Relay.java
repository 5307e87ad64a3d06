package clients;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Passes TCP on to a server; its connections can be cut. */
final class Relay {
    final AtomicInteger connections = new AtomicInteger();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ServerSocket listener;
    private final String host;
    private final int target;

    Relay(String host, int target) throws IOException {
        this.host = host;
        this.target = target;
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    int port() {
        return listener.getLocalPort();
    }

    void cut() throws IOException {
        for (Socket one : open) {
            open.remove(one);
            one.close();
        }
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listener.accept();
            Socket server = new Socket(host, target);
            connections.incrementAndGet();
            open.add(client);
            open.add(server);
            start(() -> pump(client, server));
            start(() -> pump(server, client));
        }
    }

    private void pump(Socket source, Socket sink) throws IOException {
        try {
            source.getInputStream().transferTo(sink.getOutputStream());
        } finally {
            source.close();
            sink.close();
            open.remove(source);
            open.remove(sink);
        }
    }

    private interface Task {
        void run() throws IOException;
    }

    private static void start(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (IOException error) {
                // A connection that ended.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
