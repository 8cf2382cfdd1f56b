{{/*
The objects that every service has. Of their argument: `root`, `component` (the name after the release's), `kind`
(gateway, router, budget or adapter), `settings` (its values), and of an adapter `upstream`.
*/}}
{{- define "tollgate.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
data:
  tollgate.json: |
    {{- include (printf "tollgate.config.%s" .kind) . | nindent 4 }}
{{- end -}}

{{- define "tollgate.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
    {{- with .settings.serviceAccount.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .settings.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "tollgate.headlessService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
spec:
  # Its name has the addresses of all pods: callers take each in turn.
  clusterIP: None
  selector:
    {{- include "tollgate.selector" . | nindent 4 }}
  ports:
    - {name: grpc, port: 8788, targetPort: grpc, appProtocol: kubernetes.io/h2c}
    - {name: metrics, port: 9090, targetPort: metrics}
{{- end -}}

{{- define "tollgate.autoscaler" -}}
{{- with .settings.autoscaling -}}
{{- if .enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "tollgate.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "tollgate.fullname" $.root }}-{{ $.component }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .cpu }}
    {{- if .inFlight }}
    - type: Pods
      pods:
        metric:
          name: {{ ternary "tollgate_http_streams" "tollgate_rpc_calls_in_flight" (eq $.kind "gateway") }}
        target:
          type: AverageValue
          averageValue: {{ .inFlight | quote }}
    {{- end }}
  behavior:
    scaleDown:
      # A pod that goes drains for as long as its streams last: one at a time, and not for a short lull.
      stabilizationWindowSeconds: 600
      policies:
        - {type: Pods, value: 1, periodSeconds: 120}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tollgate.disruptionBudget" -}}
{{- $pods := ternary .settings.autoscaling.minReplicas .settings.replicas .settings.autoscaling.enabled -}}
{{- if and .root.Values.podDisruptionBudget.enabled (gt (int $pods) 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "tollgate.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{- define "tollgate.certificate" -}}
{{- $mtls := .root.Values.mtls -}}
{{- if and $mtls.enabled $mtls.certManager.enabled -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
spec:
  secretName: {{ include "tollgate.tlsSecret" . }}
  duration: {{ $mtls.certManager.duration }}
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  usages: [digital signature, server auth, client auth]
  dnsNames:
    - {{ include "tollgate.host" . }}
  issuerRef:
    {{- with $mtls.certManager.issuerRef }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    name: {{ include "tollgate.fullname" .root }}-authority
    kind: Issuer
    {{- end }}
{{- end -}}
{{- end -}}

{{- define "tollgate.tlsSecret" -}}
{{- if .root.Values.mtls.certManager.enabled -}}
{{ include "tollgate.fullname" .root }}-{{ .component }}-tls
{{- else -}}
{{ required (printf "mtls.existingSecrets.%s: mtls without cert-manager needs the name of its Secret" .component) (get .root.Values.mtls.existingSecrets .component) }}
{{- end -}}
{{- end -}}

{{/* The argument of an adapter, without `root`, as JSON: its settings are those of `adapter` and its own. */}}
{{- define "tollgate.adapter" -}}
{{- $own := get .root.Values.upstreams .upstream | default dict -}}
{{- toJson (dict "component" (printf "adapter-%s" .upstream) "kind" "adapter" "upstream" .upstream "settings" (mergeOverwrite (deepCopy .root.Values.adapter) $own)) -}}
{{- end -}}
