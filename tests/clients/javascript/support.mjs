// What the rules have in common.

import assert from 'node:assert/strict';

import * as k8s from '@kubernetes/client-node';

import { GROUP, NAMESPACE, PROBE, query } from './rules.mjs';

export const QUERIES = { group: GROUP, version: 'v1alpha1', namespace: NAMESPACE, plural: 'queries' };
export const WIDGETS = { group: PROBE, version: 'v1', namespace: NAMESPACE, plural: 'widgets' };
export const QUERIES_PATH = `/apis/${GROUP}/v1alpha1/namespaces/${NAMESPACE}/queries`;
export const { JsonPatch, MergePatch, StrategicMergePatch, ServerSideApply } = k8s.PatchStrategy;

export const kubeconfig = new k8s.KubeConfig();
kubeconfig.loadFromDefault();
export const custom = kubeconfig.makeApiClient(k8s.CustomObjectsApi);
export const core = kubeconfig.makeApiClient(k8s.CoreV1Api);
export const objects = k8s.KubernetesObjectApi.makeApiClient(kubeconfig);

export function as(contentType) {
    return k8s.setHeaderOptions('Content-Type', contentType);
}

export async function create(name, metadata = {}) {
    return custom.createNamespacedCustomObject({ ...QUERIES, body: query(name, metadata) });
}

/** The code and Status of a refusal. */
export async function refused(promise) {
    try {
        await promise;
    } catch (error) {
        assert.ok(error instanceof k8s.ApiException, String(error));
        const status = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
        assert.equal(status.code, error.code);
        return status;
    }
    throw new Error('was not refused');
}
