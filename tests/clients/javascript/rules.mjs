// Rules, as the frame wants them: listed without arguments, checked when they are named.

import assert from 'node:assert/strict';
import net from 'node:net';

const rules = new Map();
const asked = process.argv.slice(2).map((argument) => argument.split('='));

export const NAMESPACE = asked.length ? asked[0][1] : 'default';
export const GROUP = 'ark.mckinsey.com';
export const PROBE = 'probe.example.com';

/** Make a function the check of the rule that has its name. */
export function rule(check) {
    rules.set(check.name, check);
}

/** Check the rules that the command line names, in the order in which they stand, or list all. */
export async function main() {
    if (!asked.length) {
        for (const name of rules.keys()) {
            console.log(JSON.stringify({ rule: name }));
        }
        return;
    }
    const names = new Set(asked.map(([name]) => name));
    for (const [name, check] of rules) {
        if (!names.has(name)) {
            continue;
        }
        let error = null;
        try {
            await check();
        } catch (reason) {
            const place = (reason.stack || '').split('\n').filter((line) => line.includes('program.mjs'));
            error = `${reason.message || reason} ${place.join(' ')}`.slice(0, 2000);
        }
        console.log(JSON.stringify({ rule: name, error }));
    }
    process.exit(0);
}

/** Wait until something holds, and hand back what it gives. */
export async function until(condition, seconds = 30) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        assert.ok(Date.now() < deadline, `still ${JSON.stringify(value)} after ${seconds} s`);
        await sleep(50);
    }
}

export function sleep(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** An Ark Query. */
export function query(name, metadata = {}, spec = {}) {
    return {
        apiVersion: `${GROUP}/v1alpha1`,
        kind: 'Query',
        metadata: { name, ...metadata },
        spec: { input: 'Why is the sky blue?', ...spec },
    };
}

/** A Widget of the probe kinds. */
export function widget(name, spec = {}, metadata = {}) {
    return {
        apiVersion: `${PROBE}/v1`,
        kind: 'Widget',
        metadata: { name, ...metadata },
        spec: { color: 'red', ...spec },
    };
}

/** A relay of TCP to a server, whose connections can be cut. */
export async function relay(url) {
    const target = new URL(url);
    const open = new Set();
    const server = net.createServer((client) => {
        const upstream = net.connect(Number(target.port), target.hostname);
        for (const [source, sink] of [[client, upstream], [upstream, client]]) {
            open.add(source);
            source.on('error', () => sink.destroy());
            source.on('close', () => {
                open.delete(source);
                sink.destroy();
            });
            source.pipe(sink);
        }
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    return {
        url: `https://127.0.0.1:${server.address().port}`,
        cut: () => open.forEach((socket) => socket.destroy()),
    };
}
