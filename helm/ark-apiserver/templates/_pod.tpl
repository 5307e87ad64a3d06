{{/* The arguments of the server, a list. */}}
{{- define "ark.args" -}}
- --in-cluster=true
- {{ printf "--bind-address=%s" .Values.server.bindAddress | quote }}
- --secure-port={{ int .Values.server.port }}
- --db-path=/data/ark.db
{{ include (printf "ark.args.%s" .Values.storage.driver) . }}
{{- if eq .Values.tls.type "auto" }}
- {{ printf "--service=%s/%s" .Release.Namespace (include "ark.fullname" .) | quote }}
- {{ printf "--tls-secret=%s/%s" .Release.Namespace (include "ark.tlsSecret" .) | quote }}
{{- else }}
- --tls-cert-file=/var/run/ark/tls/tls.crt
- --tls-private-key-file=/var/run/ark/tls/tls.key
{{- end }}
- {{ printf "--log-format=%s" .Values.server.logFormat | quote }}
- --v={{ int .Values.server.verbosity }}
- --workers={{ int .Values.server.workers }}
- --request-timeout={{ int .Values.server.requestTimeoutSeconds }}s
- --max-requests-inflight={{ int .Values.server.maxRequestsInflight }}
- --max-mutating-requests-inflight={{ int .Values.server.maxMutatingRequestsInflight }}
- --enable-priority-and-fairness={{ .Values.server.priorityAndFairness }}
- --shutdown-delay-duration={{ include "ark.shutdownDelay" . }}s
- {{ printf "--history-retention=%s" .Values.storage.history.retention | quote }}
- --history-events={{ int .Values.storage.history.events }}
{{- if .Values.audit.enabled }}
{{ include "ark.args.audit" .Values.audit }}
{{- end }}
{{- if .Values.tracing.endpoint }}
- --tracing-config-file=/etc/ark/config/tracing.yaml
{{- end }}
{{- range $name, $value := .Values.options }}
{{- if kindIs "slice" $value }}
{{- range $value }}
- {{ printf "--%s=%v" $name . | quote }}
{{- end }}
{{- else if and (kindIs "float64" $value) (eq $value (floor $value)) }}
- {{ printf "--%s=%d" $name (int64 $value) | quote }}
{{- else }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "ark.args.audit" -}}
- --audit-policy-file=/etc/ark/config/audit-policy.yaml
{{- if .log.path }}
- {{ printf "--audit-log-path=%s" .log.path | quote }}
{{- if ne .log.path "-" }}
- --audit-log-maxsize={{ int .log.maxSize }}
- --audit-log-maxbackup={{ int .log.maxBackup }}
- --audit-log-maxage={{ int .log.maxAge }}
- --audit-log-compress={{ .log.compress }}
{{- end }}
{{- end }}
{{- if .webhook.existingSecret }}
- --audit-webhook-config-file=/var/run/ark/audit-webhook/{{ .webhook.key }}
{{- end }}
{{- end }}

{{/* What the server reads from a ConfigMap, a mapping from the names of files; empty where that is nothing. */}}
{{- define "ark.config" -}}
{{- if .Values.audit.enabled }}
audit-policy.yaml: |
  {{- merge (dict "apiVersion" "audit.k8s.io/v1" "kind" "Policy") .Values.audit.policy | toYaml | nindent 2 }}
{{- end }}
{{- if .Values.tracing.endpoint }}
tracing.yaml: |
  apiVersion: apiserver.config.k8s.io/v1
  kind: TracingConfiguration
  endpoint: {{ .Values.tracing.endpoint | quote }}
  samplingRatePerMillion: {{ int .Values.tracing.samplingRatePerMillion }}
{{- end }}
{{- end }}

{{/* "true" where events are written to a file. */}}
{{- define "ark.auditFile" -}}
{{- if and .Values.audit.enabled (hasPrefix "/" .Values.audit.log.path) }}true{{ end }}
{{- end }}

{{/* "true" where events are sent to a webhook. */}}
{{- define "ark.auditWebhook" -}}
{{- if and .Values.audit.enabled .Values.audit.webhook.existingSecret }}true{{ end }}
{{- end }}

{{- define "ark.args.sqlite" -}}
- --storage=sqlite
{{- end }}

{{- define "ark.args.postgresql" -}}
{{- $database := .Values.storage.postgresql -}}
- --storage=postgresql
{{- if not $database.existingSecretKeys.uri }}
- {{ printf "--postgres-host=%s" $database.host | quote }}
- --postgres-port={{ int $database.port }}
- {{ printf "--postgres-database=%s" $database.database | quote }}
{{- if not $database.existingSecretKeys.username }}
- {{ printf "--postgres-user=%s" $database.username | quote }}
{{- end }}
{{- end }}
- {{ printf "--postgres-sslmode=%s" $database.sslMode | quote }}
{{- if $database.tls.secretName }}
- --postgres-sslrootcert=/var/run/ark/database-tls/ca.crt
{{- if $database.tls.certKey }}
- --postgres-sslcert=/var/run/ark/database-tls/tls.crt
- --postgres-sslkey=/var/run/ark/database-tls/tls.key
{{- end }}
{{- else if hasPrefix "verify-" $database.sslMode }}
- --postgres-sslrootcert=/etc/ssl/certs/ca-certificates.crt
{{- end }}
- --postgres-pool-size={{ int $database.poolSize }}
{{- end }}

{{- define "ark.args.mysql" -}}
{{- $database := .Values.storage.mysql -}}
- --storage=mysql
{{- if not $database.existingSecretKeys.uri }}
- {{ printf "--mysql-host=%s" $database.host | quote }}
- --mysql-port={{ int $database.port }}
- {{ printf "--mysql-database=%s" $database.database | quote }}
{{- if not $database.existingSecretKeys.username }}
- {{ printf "--mysql-user=%s" $database.username | quote }}
{{- end }}
{{- end }}
- {{ printf "--mysql-ssl-mode=%s" $database.sslMode | quote }}
{{- if $database.tls.secretName }}
- --mysql-ssl-ca=/var/run/ark/database-tls/ca.crt
{{- if $database.tls.certKey }}
- --mysql-ssl-cert=/var/run/ark/database-tls/tls.crt
- --mysql-ssl-key=/var/run/ark/database-tls/tls.key
{{- end }}
{{- else if hasPrefix "verify-" $database.sslMode }}
- --mysql-ssl-ca=/etc/ssl/certs/ca-certificates.crt
{{- end }}
- --mysql-pool-size={{ int $database.poolSize }}
{{- end }}

{{/* The values of the database server in use, as JSON; an empty object with sqlite. */}}
{{- define "ark.database" -}}
{{- if eq .Values.storage.driver "sqlite" -}}
{}
{{- else -}}
{{ index .Values.storage .Values.storage.driver | toJson }}
{{- end }}
{{- end }}

{{/* Passwords are files: neither the list of processes nor their environments show them. */}}
{{- define "ark.env" -}}
{{- $variable := ternary "ARK_POSTGRES" "ARK_MYSQL" (eq .Values.storage.driver "postgresql") }}
{{- with include "ark.database" . | fromJson }}
{{- if .existingSecret }}
{{- if .existingSecretKeys.uri }}
- name: ARK_DB_URL_FILE
  value: /var/run/ark/database/uri
{{- else }}
- name: {{ $variable }}_PASSWORD_FILE
  value: /var/run/ark/database/password
{{- if .existingSecretKeys.username }}
- name: {{ $variable }}_USER
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .existingSecretKeys.username }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ark.volumeMounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- if ne .Values.tls.type "auto" }}
- name: tls
  mountPath: /var/run/ark/tls
  readOnly: true
{{- end }}
{{- with include "ark.database" . | fromJson }}
{{- if .existingSecret }}
- name: database
  mountPath: /var/run/ark/database
  readOnly: true
{{- end }}
{{- if .tls.secretName }}
- name: database-tls
  mountPath: /var/run/ark/database-tls
  readOnly: true
{{- end }}
{{- end }}
{{- if include "ark.config" . }}
- name: config
  mountPath: /etc/ark/config
  readOnly: true
{{- end }}
{{- if include "ark.auditFile" . }}
- name: audit
  mountPath: /var/log/ark
{{- end }}
{{- if include "ark.auditWebhook" . }}
- name: audit-webhook
  mountPath: /var/run/ark/audit-webhook
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ark.volumes" -}}
{{- $persistence := .Values.storage.sqlite.persistence -}}
- name: data
{{- if and (eq .Values.storage.driver "sqlite") $persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ $persistence.existingClaim | default (include "ark.fullname" .) }}
{{- else if eq .Values.storage.driver "sqlite" }}
  emptyDir:
    sizeLimit: {{ $persistence.size }}
{{- else }}
  # Certificates and keys only, which are never on a disk of a node.
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpVolume.sizeLimit }}
{{- if ne .Values.tls.type "auto" }}
- name: tls
  secret:
    secretName: {{ include "ark.tlsSecret" . }}
    defaultMode: 0440
{{- end }}
{{- with include "ark.database" . | fromJson }}
{{- if .existingSecret }}
- name: database
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items:
    {{- if .existingSecretKeys.uri }}
    - key: {{ .existingSecretKeys.uri }}
      path: uri
    {{- else }}
    - key: {{ .existingSecretKeys.password }}
      path: password
    {{- end }}
{{- end }}
{{- if .tls.secretName }}
- name: database-tls
  secret:
    secretName: {{ .tls.secretName }}
    defaultMode: 0440
    items:
    - key: {{ .tls.caKey }}
      path: ca.crt
    {{- if .tls.certKey }}
    - key: {{ .tls.certKey }}
      path: tls.crt
    - key: {{ .tls.keyKey }}
      path: tls.key
    {{- end }}
{{- end }}
{{- end }}
{{- if include "ark.config" . }}
- name: config
  configMap:
    name: {{ include "ark.fullname" . }}
{{- end }}
{{- if include "ark.auditFile" . }}
- name: audit
  {{- .Values.audit.log.volume | default (dict "emptyDir" (dict "sizeLimit" "1Gi")) | toYaml | nindent 2 }}
{{- end }}
{{- if include "ark.auditWebhook" . }}
- name: audit-webhook
  secret:
    secretName: {{ .Values.audit.webhook.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ark.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ark.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}
