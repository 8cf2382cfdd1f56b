{{/* A peer of a NetworkPolicy: the pods of a component. */}}
{{- define "tollgate.peer" -}}
- podSelector:
    matchLabels:
      {{- include "tollgate.selector" . | nindent 6 }}
{{- end -}}

{{/* The beginning of a component's NetworkPolicy. */}}
{{- define "tollgate.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "tollgate.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}

{{- define "tollgate.metricsRule" -}}
{{- with .Values.networkPolicy.metricsFrom -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    - {port: 9090, protocol: TCP}
{{- end -}}
{{- end -}}
