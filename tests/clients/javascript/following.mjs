// What goes on: watches and informers.

import assert from 'node:assert/strict';

import * as k8s from '@kubernetes/client-node';

import { NAMESPACE, relay, rule, sleep, until } from './rules.mjs';
import { MergePatch, QUERIES, QUERIES_PATH, as, core, create, custom, kubeconfig } from './support.mjs';

rule(async function a_watch_follows_from_a_resource_version() {
    const made = await create('watched');
    const seen = [];
    const ended = new Promise((resolve) => {
        new k8s.Watch(kubeconfig)
            .watch(
                QUERIES_PATH,
                { resourceVersion: made.metadata.resourceVersion, fieldSelector: 'metadata.name=watched' },
                (change, object) => seen.push([change, object.spec.ttl]),
                resolve,
            )
            .then(async (controller) => {
                await custom.patchNamespacedCustomObject(
                    { ...QUERIES, name: 'watched', body: { spec: { ttl: '1h' } } },
                    as(MergePatch),
                );
                await custom.deleteNamespacedCustomObject({ ...QUERIES, name: 'watched' });
                await until(() => seen.length === 2);
                controller.abort();
            });
    });
    const error = await ended;
    assert.deepEqual(seen, [['MODIFIED', '1h'], ['DELETED', '1h']]);
    assert.ok(error === null || error.name === 'AbortError', String(error));
});

rule(async function a_watch_ends_after_its_timeout() {
    const parameters = { timeoutSeconds: 1, labelSelector: 'nothing=here' };
    const error = await new Promise((resolve) => {
        new k8s.Watch(kubeconfig).watch(QUERIES_PATH, parameters, () => {}, resolve);
    });
    assert.equal(error, null);
});

rule(async function a_refused_watch_says_so() {
    const error = await new Promise((resolve) => {
        new k8s.Watch(kubeconfig).watch(QUERIES_PATH, { fieldSelector: 'spec.input=x' }, () => {}, resolve);
    });
    assert.equal(error.statusCode, 400);
});

/** An informer of config maps of one label, and what it told. */
async function follow(label, config = kubeconfig, restart = false) {
    const api = config.makeApiClient(k8s.CoreV1Api);
    const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
    const labelSelector = `set=${label}`;
    const told = { add: 0, update: 0, delete: 0, error: 0, list: 0, connect: 0 };
    const list = () => {
        told.list++;
        return api.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector });
    };
    const informer = k8s.makeInformer(config, path, list, labelSelector);
    for (const change of ['add', 'update', 'delete', 'error', 'connect']) {
        informer.on(change, () => told[change]++);
    }
    if (restart) {
        informer.on('error', () => setTimeout(() => informer.start(), 20));
    }
    await informer.start();
    const values = () => Object.fromEntries(informer.list().map((one) => [one.metadata.name, one.data]));
    return { informer, told, values };
}

async function put(name, label, data) {
    const body = { metadata: { name, labels: { set: label } }, data };
    await core.createNamespacedConfigMap({ namespace: NAMESPACE, body });
}

async function change(name, data) {
    await core.patchNamespacedConfigMap({ namespace: NAMESPACE, name, body: { data } }, as(MergePatch));
}

function equal(left, right) {
    try {
        assert.deepEqual(left, right);
    } catch {
        return false;
    }
    return true;
}

rule(async function an_informer_keeps_a_cache() {
    await put('early', 'cache', { a: '1' });
    const { informer, told, values } = await follow('cache');
    assert.deepEqual(values(), { early: { a: '1' } });
    await put('late', 'cache', { b: '1' });
    await change('early', { a: '2' });
    await until(() => equal(values(), { early: { a: '2' }, late: { b: '1' } }));
    await core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name: 'early' });
    await until(() => equal(values(), { late: { b: '1' } }));
    assert.deepEqual([told.add, told.update, told.delete, told.error, told.list], [2, 1, 1, 0, 1]);
    assert.deepEqual(informer.get('late', NAMESPACE).data, { b: '1' });
    await informer.stop();
});

rule(async function an_informer_goes_on_when_the_server_ends_its_watch() {
    await put('short', 'short', { n: '0' });
    const { informer, told, values } = await follow('short');
    const watch = informer.watch.watch.bind(informer.watch);
    informer.watch.watch = (path, parameters, ...rest) => watch(path, { ...parameters, timeoutSeconds: 1 }, ...rest);
    informer.request.abort(); // the next watch has a deadline
    await until(() => told.error === 1);
    await informer.start();
    const before = told.connect;
    await until(() => told.connect >= before + 2);
    await change('short', { n: '1' });
    await until(() => equal(values(), { short: { n: '1' } }));
    assert.deepEqual([told.list, told.add, told.update], [1, 1, 1]);
    await informer.stop();
});

rule(async function an_informer_goes_on_after_cuts() {
    const { url, cut } = await relay(kubeconfig.getCurrentCluster().server);
    const relayed = new k8s.KubeConfig();
    relayed.loadFromString(kubeconfig.exportConfig());
    relayed.clusters = relayed.clusters.map((one) => ({ ...one, server: url }));
    const { informer, told, values } = await follow('cut', relayed, true);
    const expected = {};
    for (let number = 0; number < 10; number++) {
        await put(`cut-${number}`, 'cut', { n: '0' });
        cut();
        await change(`cut-${number}`, { n: '1' });
        expected[`cut-${number}`] = { n: '1' };
        await sleep(30);
    }
    await until(() => equal(values(), expected));
    assert.ok(told.error > 0 && told.list === 1 && told.add === 10, JSON.stringify(told));
    await informer.stop();
});
