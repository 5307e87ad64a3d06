// Single objects and lists.

import assert from 'node:assert/strict';

import * as k8s from '@kubernetes/client-node';

import { GROUP, NAMESPACE, PROBE, query, rule, widget } from './rules.mjs';
import { JsonPatch, MergePatch, QUERIES, ServerSideApply, StrategicMergePatch, WIDGETS, as, core, create, custom, kubeconfig, objects, refused } from './support.mjs';

rule(async function the_version_is_read() {
    const version = await kubeconfig.makeApiClient(k8s.VersionApi).getCode();
    assert.match(version.gitVersion, /^v1\./);
});

rule(async function custom_objects_are_written_and_read() {
    const made = await create('first', { labels: { a: 'b' } });
    assert.equal(made.spec.timeout, '5m');
    assert.deepEqual(await custom.getNamespacedCustomObject({ ...QUERIES, name: 'first' }), made);
    made.spec.input = 'Replaced?';
    const replaced = await custom.replaceNamespacedCustomObject({ ...QUERIES, name: 'first', body: made });
    assert.equal(replaced.metadata.generation, 2);
    const listed = await custom.listNamespacedCustomObject({ ...QUERIES, labelSelector: 'a=b' });
    assert.deepEqual(listed.items, [replaced]);
    const gone = await custom.deleteNamespacedCustomObject({ ...QUERIES, name: 'first' });
    assert.equal(gone.details.uid, made.metadata.uid);
});

rule(async function errors_are_api_exceptions_with_code_and_status() {
    const missing = await refused(custom.getNamespacedCustomObject({ ...QUERIES, name: 'missing' }));
    assert.deepEqual([missing.code, missing.reason], [404, 'NotFound']);
    const old = await create('twice');
    assert.equal((await refused(create('twice'))).reason, 'AlreadyExists');
    await custom.patchNamespacedCustomObject(
        { ...QUERIES, name: 'twice', body: { spec: { ttl: '1h' } } },
        as(MergePatch),
    );
    const stale = await refused(custom.replaceNamespacedCustomObject({ ...QUERIES, name: 'twice', body: old }));
    assert.deepEqual([stale.code, stale.reason], [409, 'Conflict']);
    const invalid = await refused(
        custom.createNamespacedCustomObject({ ...WIDGETS, body: widget('bad', { color: 'purple' }) }),
    );
    assert.deepEqual([invalid.code, invalid.details.causes[0].field], [422, 'spec.color']);
    const typed = await refused(core.readNamespacedSecret({ name: 'missing', namespace: NAMESPACE }));
    assert.equal(typed.message, 'secrets "missing" not found');
});

rule(async function patches_are_of_the_type_that_the_header_says() {
    const patch = (body, type) =>
        custom.patchNamespacedCustomObject({ ...QUERIES, name: 'twice', body }, type && as(type));
    // What it sends without being told is a JSON patch.
    assert.equal((await patch([{ op: 'replace', path: '/spec/ttl', value: '2h' }])).spec.ttl, '2h');
    assert.equal((await patch([{ op: 'replace', path: '/spec/ttl', value: '3h' }], JsonPatch)).spec.ttl, '3h');
    assert.equal((await patch({ spec: { ttl: null } }, MergePatch)).spec.ttl, undefined);
    assert.equal((await refused(patch({ spec: {} }, StrategicMergePatch))).code, 415);
    assert.equal((await refused(patch([{ op: 'test', path: '/spec/ttl', value: 'x' }]))).code, 422);
});

rule(async function status_and_scale_are_subresources() {
    await custom.createNamespacedCustomObject({ ...WIDGETS, body: widget('sub', { replicas: 1 }) });
    const named = { ...WIDGETS, name: 'sub' };
    const body = { status: { phase: 'Ready' }, spec: { color: 'blue' } };
    const patched = await custom.patchNamespacedCustomObjectStatus({ ...named, body }, as(MergePatch));
    assert.deepEqual([patched.status.phase, patched.spec.color], ['Ready', 'red']);
    patched.status.phase = 'Done';
    const replaced = await custom.replaceNamespacedCustomObjectStatus({ ...named, body: patched });
    assert.equal(replaced.status.phase, 'Done');
    const scale = await custom.getNamespacedCustomObjectScale(named);
    scale.spec.replicas = 2;
    assert.equal((await custom.replaceNamespacedCustomObjectScale({ ...named, body: scale })).spec.replicas, 2);
    assert.equal((await custom.getNamespacedCustomObject(named)).spec.replicas, 2);
});

rule(async function lists_are_paged_and_selected() {
    for (let number = 0; number < 7; number++) {
        await create(`page-${number}`, { labels: { set: 'pages' } });
    }
    const names = [];
    let token;
    do {
        const page = await custom.listNamespacedCustomObject({
            ...QUERIES,
            labelSelector: 'set in (pages)',
            limit: 3,
            _continue: token,
        });
        names.push(...page.items.map((one) => one.metadata.name));
        token = page.metadata.continue;
    } while (token);
    assert.deepEqual(names, [0, 1, 2, 3, 4, 5, 6].map((number) => `page-${number}`));
    const one = await custom.listNamespacedCustomObject({ ...QUERIES, fieldSelector: 'metadata.name=page-3' });
    assert.equal(one.items.length, 1);
    const wrong = custom.listNamespacedCustomObject({ ...QUERIES, fieldSelector: 'spec.input=x' });
    assert.equal((await refused(wrong)).message, 'field label not supported: spec.input');
});

rule(async function generic_objects_find_their_paths() {
    const name = `node-${NAMESPACE}`;
    const made = await objects.create(widget('generic', {}, { namespace: NAMESPACE, labels: { set: 'generic' } }));
    assert.equal((await objects.read(made)).metadata.uid, made.metadata.uid);
    made.spec.size = 4;
    assert.equal((await objects.replace(made)).spec.size, 4);
    const patch = { apiVersion: made.apiVersion, kind: made.kind, metadata: { name: 'generic', namespace: NAMESPACE } };
    const patched = await objects.patch({ ...patch, spec: { size: 5 } }, undefined, undefined, undefined, undefined, MergePatch);
    assert.equal(patched.spec.size, 5);
    const found = await objects.list(made.apiVersion, made.kind, NAMESPACE, undefined, undefined, undefined, undefined, 'set=generic');
    assert.deepEqual(found.items.map((one) => one.metadata.name), ['generic']);
    await objects.delete(made);
    assert.equal((await refused(objects.read(made))).code, 404);
    const plate = { apiVersion: `${PROBE}/v1`, kind: 'Plate', metadata: { name }, spec: { text: 'x' } };
    assert.equal((await objects.create(plate)).spec.text, 'x');
    await objects.delete(plate);
});

rule(async function generic_objects_are_applied() {
    const apply = (manager, spec, force) =>
        objects.patch(
            widget('applied', spec, { namespace: NAMESPACE }),
            undefined,
            undefined,
            manager,
            force,
            ServerSideApply,
        );
    const made = await apply('one', { size: 2, ports: [{ name: 'web', port: 80 }] });
    assert.deepEqual(made.metadata.managedFields.map((one) => [one.manager, one.operation]), [['one', 'Apply']]);
    const merged = await apply('two', { ports: [{ name: 'ssh', port: 22 }] });
    assert.deepEqual(merged.spec.ports.map((one) => one.name), ['web', 'ssh']);
    const conflict = await refused(apply('two', { size: 3 }));
    assert.deepEqual([conflict.code, conflict.details.causes[0].field], [409, '.spec.size']);
    assert.equal((await apply('two', { size: 3 }, true)).spec.size, 3);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied', namespace: NAMESPACE }, data: { a: '1' } };
    const applied = await core.patchNamespacedConfigMap(
        { name: 'applied', namespace: NAMESPACE, body: map, fieldManager: 'one' },
        as(ServerSideApply),
    );
    assert.deepEqual(applied.data, { a: '1' });
});

rule(async function typed_objects_are_written_and_read() {
    const metadata = { name: 'typed' };
    const namespace = NAMESPACE;
    const map = await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { a: 'b' } } });
    assert.ok(map.metadata.creationTimestamp instanceof Date);
    map.data.c = 'd';
    assert.deepEqual((await core.replaceNamespacedConfigMap({ namespace, name: 'typed', body: map })).data, { a: 'b', c: 'd' });
    const merged = await core.patchNamespacedConfigMap(
        { namespace, name: 'typed', body: { data: { c: null } } },
        as(StrategicMergePatch),
    );
    assert.deepEqual(merged.data, { a: 'b' });
    const secret = await core.createNamespacedSecret({ namespace, body: { metadata, stringData: { token: 'hunter2' } } });
    assert.equal(Buffer.from(secret.data.token, 'base64').toString(), 'hunter2');
    const spec = { type: 'ExternalName', externalName: 'a.example.com', ports: [{ port: 80, targetPort: 'web' }] };
    const service = await core.createNamespacedService({ namespace, body: { metadata, spec } });
    assert.equal(service.spec.ports[0].targetPort, 'web');
    await core.createNamespacedServiceAccount({ namespace, body: { metadata } });
    const involvedObject = { kind: 'Query', name: 'twice', namespace };
    const lastTimestamp = new Date();
    await core.createNamespacedEvent({ namespace, body: { metadata, involvedObject, reason: 'R', message: 'm', type: 'Normal', lastTimestamp } });
    const events = await core.listNamespacedEvent({ namespace, fieldSelector: 'involvedObject.name=twice' });
    assert.equal(events.items[0].lastTimestamp.getTime(), Math.floor(lastTimestamp.getTime() / 1000) * 1000);
    const leases = kubeconfig.makeApiClient(k8s.CoordinationV1Api);
    const renewTime = new k8s.V1MicroTime('2026-01-02T03:04:05.678Z');
    const lease = await leases.createNamespacedLease({ namespace, body: { metadata, spec: { holderIdentity: 'me', renewTime } } });
    assert.equal(new Date(lease.spec.renewTime).getTime(), renewTime.getTime());
    assert.equal((await core.readNamespace({ name: namespace })).status.phase, 'Active');
});

rule(async function yaml_documents_are_created() {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y1}\ndata: {a: b}\n---\n' +
        `apiVersion: ${GROUP}/v1alpha1\nkind: Query\nmetadata: {name: y2}\nspec: {input: "Hello?"}\n`;
    for (const one of k8s.loadAllYaml(text)) {
        one.metadata.namespace = NAMESPACE;
        await objects.create(one);
    }
    const made = await custom.getNamespacedCustomObject({ ...QUERIES, name: 'y2' });
    assert.equal(made.spec.input, 'Hello?');
});

rule(async function a_dry_run_stores_nothing() {
    const answer = await custom.createNamespacedCustomObject({ ...QUERIES, body: query('dry'), dryRun: 'All' });
    assert.equal(answer.metadata.name, 'dry');
    assert.equal((await refused(custom.getNamespacedCustomObject({ ...QUERIES, name: 'dry' }))).code, 404);
});

rule(async function deletes_take_options() {
    const remove = (name, more) => custom.deleteNamespacedCustomObject({ ...QUERIES, name, ...more });
    const conflict = await refused(remove('page-0', { body: { preconditions: { uid: 'another' } } }));
    assert.equal(conflict.code, 409);
    assert.equal((await remove('page-0', { propagationPolicy: 'Background' })).status, 'Success');
    await custom.deleteCollectionNamespacedCustomObject({ ...QUERIES, labelSelector: 'set=pages' });
    const left = await custom.listNamespacedCustomObject({ ...QUERIES, labelSelector: 'set=pages' });
    assert.equal(left.items.length, 0);
});

rule(async function many_requests_at_once_succeed() {
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    const made = await Promise.all(numbers.map((number) => create(`many-${number}`)));
    const read = await Promise.all(
        numbers.map((number) => custom.getNamespacedCustomObject({ ...QUERIES, name: `many-${number}` })),
    );
    assert.deepEqual(read, made);
});
