{{- /* Names, labels and images. */}}
{{- define "pyairtable.fullname" -}}
{{ default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "pyairtable.operator" -}}
{{ include "pyairtable.fullname" . }}-operator
{{- end }}

{{- define "pyairtable.simulator" -}}
{{ include "pyairtable.fullname" . }}-simulator
{{- end }}

{{- /* Cluster-scoped names carry the namespace, so that two releases do not meet. Takes a list: context, name. */}}
{{- define "pyairtable.clusterName" -}}
{{- $ctx := index . 0 -}}
{{ include "pyairtable.fullname" $ctx }}-{{ index . 1 }}.{{ $ctx.Release.Namespace }}
{{- end }}

{{- define "pyairtable.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "pyairtable.operator" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name: name the ServiceAccount to use, or set serviceAccount.create to true" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Labels that never change. Takes a list: context, component. */}}
{{- define "pyairtable.selector" -}}
app.kubernetes.io/name: pyairtable
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "pyairtable.labels" -}}
{{- $ctx := index . 0 -}}
{{ include "pyairtable.selector" . }}
app.kubernetes.io/version: {{ $ctx.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: pyairtable-compose
app.kubernetes.io/managed-by: {{ $ctx.Release.Service }}
helm.sh/chart: {{ $ctx.Chart.Name }}-{{ $ctx.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Takes a list: context, the values of an image. */}}
{{- define "pyairtable.image" -}}
{{- $ctx := index . 0 -}}
{{- $image := index . 1 -}}
{{- with $ctx.Values.global.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $ctx.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "pyairtable.samplesNamespace" -}}
{{ .Values.samples.namespace | default .Values.watch.namespace | default .Release.Namespace }}
{{- end }}
