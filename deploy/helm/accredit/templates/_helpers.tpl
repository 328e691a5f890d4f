{{/* The name of every resource: that of the release, if it contains the name of the chart. */}}
{{- define "accredit.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels that select the pods. They never change: the selector of a Deployment is immutable. */}}
{{- define "accredit.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "accredit.labels" -}}
{{ include "accredit.selector" . }}
app.kubernetes.io/part-of: accredit
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "accredit.serviceAccount" -}}
{{- default (ternary (include "accredit.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "accredit.configMap" -}}
{{- default (include "accredit.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{- define "accredit.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The port of an address such as 0.0.0.0:9191 or [::]:9191. */}}
{{- define "accredit.port" -}}
{{- splitList ":" . | last -}}
{{- end -}}

{{/* The configuration file. */}}
{{- define "accredit.config" -}}
{{- if not .Values.existingConfigMap -}}
{{- $_ := required "config.issuers is required: name at least one issuer, as values.yaml shows" .Values.config.issuers -}}
{{- end -}}
{{- if and .Values.config.tls (not .Values.tls.secretName) (not .Values.extraVolumes) -}}
{{- fail "config.tls names files, and no volume has them: set tls.secretName to the Secret with the certificate" -}}
{{- end -}}
{{- if and .Values.tls.secretName (not .Values.config.tls) -}}
{{- fail "tls.secretName is set, and config.tls is not, so accredit would not use TLS: set config.tls" -}}
{{- end -}}
{{- toYaml .Values.config -}}
{{- end -}}
