{{/*
Fills in the values that are not there, section or value: `helm upgrade --reuse-values` brings those of the release,
made with a chart that may not have had them all, and none of this chart's. Every template begins with it.
*/}}
{{- define "ark.defaults" -}}
{{- range $path, $default := .Files.Get "files/defaults.json" | fromJson }}
{{- $within := $.Values }}
{{- $names := splitList "." $path }}
{{- range initial $names }}
{{- if kindIs "invalid" (index $within .) }}{{ $_ := set $within . dict }}{{ end }}
{{- $within = index $within . }}
{{- end }}
{{- if kindIs "invalid" (index $within (last $names)) }}{{ $_ := set $within (last $names) $default }}{{ end }}
{{- end }}
{{- end }}

{{/* The name of the application. */}}
{{- define "ark.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects, short enough for what is added to it. */}}
{{- define "ark.fullname" -}}
{{- $name := include "ark.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What a Deployment and a Service select by: never to be changed. */}}
{{- define "ark.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ark.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "ark.labels" -}}
app.kubernetes.io/name: {{ include "ark.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ark.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "ark.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "ark.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "ark.pullPolicy" -}}
{{- .Values.image.pullPolicy | default (ternary "IfNotPresent" "Always" (ne .Values.image.digest "")) }}
{{- end }}

{{/* How many servers run as long as nobody scales them. */}}
{{- define "ark.replicas" -}}
{{- if not (kindIs "invalid" .Values.replicas) -}}
{{ int .Values.replicas }}
{{- else if eq .Values.storage.driver "sqlite" -}}
1
{{- else -}}
2
{{- end }}
{{- end }}

{{/* "true" where there may be more than one. */}}
{{- define "ark.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int (include "ark.replicas" .)) 1) }}true{{ end }}
{{- end }}

{{- define "ark.shutdownDelay" -}}
{{- if not (kindIs "invalid" .Values.server.shutdownDelaySeconds) -}}
{{ int .Values.server.shutdownDelaySeconds }}
{{- else if include "ark.several" . -}}
10
{{- else -}}
0
{{- end }}
{{- end }}

{{/* "true" where the chart makes APIServices: not while their objects are still in CustomResourceDefinitions. */}}
{{- define "ark.apiServices" -}}
{{- if and .Values.apiService.create (not .Values.import.enabled) }}true{{ end }}
{{- end }}

{{- define "ark.group" -}}
ark.mckinsey.com
{{- end }}

{{- define "ark.versions" -}}
{{ list "v1alpha1" "v1prealpha1" | toJson }}
{{- end }}

{{/* The names that the serving certificate must be for; the first is what kube-apiserver looks for. */}}
{{- define "ark.dnsNames" -}}
{{- $host := printf "%s.%s" (include "ark.fullname" .) .Release.Namespace -}}
{{ list (printf "%s.svc" $host) (printf "%s.svc.cluster.local" $host) | toJson }}
{{- end }}

{{/* The Secret that the certificate comes from, or that the server keeps its authority in. */}}
{{- define "ark.tlsSecret" -}}
{{- if eq .Values.tls.type "existingSecret" -}}
{{ .Values.tls.existingSecret.name }}
{{- else if eq .Values.tls.type "auto" -}}
{{ include "ark.fullname" . }}-ca
{{- else -}}
{{ include "ark.fullname" . }}-tls
{{- end }}
{{- end }}

{{- define "ark.caBundle" -}}
{{- if eq .Values.tls.type "helm" }}
{{- .Values.tls.helm.ca | b64enc }}
{{- else if eq .Values.tls.type "existingSecret" }}
{{- with .Values.tls.existingSecret.caBundle }}{{ b64enc . }}{{ end }}
{{- end }}
{{- end }}

{{/* "true" where kube-apiserver leads to this release already: whatever that hides is hidden. */}}
{{- define "ark.leadsHere" -}}
{{- $name := printf "%s.%s" (include "ark.versions" . | fromJsonArray | first) (include "ark.group" .) }}
{{- $service := dig "spec" "service" dict (lookup "apiregistration.k8s.io/v1" "APIService" "" $name) | default dict }}
{{- if and (eq (get $service "name") (include "ark.fullname" .)) (eq (get $service "namespace") .Release.Namespace) }}true{{ end }}
{{- end }}

{{/* Everything that would only go wrong later goes wrong here, in words. */}}
{{- define "ark.validate" -}}
{{- if and (include "ark.apiServices" .) (not (include "ark.leadsHere" .)) }}
{{- $group := include "ark.group" . }}
{{- $definitions := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "" }}
{{- $names := list }}
{{- range (default (list) $definitions.items) }}
{{- if eq .spec.group $group }}{{ $names = append $names .metadata.name }}{{ end }}
{{- end }}
{{- if $names }}
{{- printf "\n\nThis cluster has CustomResourceDefinitions of %s: %s.\nThe APIServices of this chart would hide their objects. To bring the objects along, install with\n    --set import.enabled=true\nand import them; to do without them, delete the CustomResourceDefinitions, and their objects with them.\n" $group (join ", " (sortAlpha $names)) | fail }}
{{- end }}
{{- end }}
{{- end }}
